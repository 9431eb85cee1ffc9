/* Turnover, lockdown, incidents and erasures in bulk, as callers see them. */
#include "tests/testlib/staff_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define YEAR (365LL * 86400000)
#define CLONES 60

static const char *const as_ada[] = {"Aparte-Admin", "ada", "Aparte-Reason", "test", NULL};

static unsigned at_socket(struct site *s, const char *method, const char *path, const char *json)
{
	return site_call(s, s->local, method, path, json, as_ada);
}

static bool body_says(struct site *s, const char *part)
{
	g_autofree char *text = site_text(s);
	return strstr(text, part) != NULL;
}

/* Asks until the answer says so. */
static void until(struct site *s, const char *path, const char *part)
{
	for (int i = 0; i < 500; i++) {
		assert_int_equal(at_socket(s, "GET", path, NULL), 200);
		if (body_says(s, part))
			return;
		g_usleep(2000);
	}
	g_autofree char *last = site_text(s);
	fail_msg("%s never said %s: %s", path, part, last);
}

/* One more recording like the first living one, of that session (SQL). Literals, for statements are kept by their text. */
#define CLONE_INTO(session) \
	"INSERT INTO recording (id, session, state, created_ms, sealed_ms, expires_ms, erased_ms, coach_consent, coachee_consent," \
	" coach_record, coachee_record, coach_recipient, coachee_recipient, duration_ms, manifest, manifest_signature, sealed_leaf)" \
	" SELECT randomblob(16), " session ", state, created_ms, sealed_ms, expires_ms, erased_ms, coach_consent, coachee_consent," \
	" coach_record, coachee_record, coach_recipient, coachee_recipient, duration_ms, manifest, manifest_signature, sealed_leaf" \
	" FROM (SELECT * FROM recording WHERE state = 'sealed' LIMIT 1)"

static void add_clones(struct site *s, int count, const char *sql)
{
	for (int i = 0; i < count; i++)
		fixture_run(s->f, sql);
}

/* R18 R19: more than fifty are erased after the answer, which says how to ask how far they are. */
static void many_are_ordered_and_counted(void **state)
{
	(void)state;
	struct site s = site_new();
	struct ap_uuid grant;
	site_granted(&s, &grant);
	site_user(&s, "bob", "admin", NULL);
	add_clones(&s, CLONES, CLONE_INTO("session"));
	assert_int_equal(site_as(&s, "ada", "POST", "/v1/erasures", "{\"subject\":\"coachee-1\"}"), 202);
	g_autofree char *proposal = site_member(&s, "proposal"), *json = g_strdup_printf("{\"proposal\":\"%s\"}", proposal);
	assert_int_equal(site_as(&s, "bob", "POST", "/v1/erasures", json), 202);
	assert_true(body_says(&s, "\"recordings\":61"));
	g_autofree char *path = g_strconcat("/v1/erasures?batch=", proposal, NULL);
	until(&s, path, "\"state\":\"erased\"");
	assert_true(body_says(&s, "\"done\":61"));
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM erasure WHERE certificate IS NOT NULL"), CLONES + 1);
	assert_int_equal(site_as(&s, "bob", "GET", "/v1/erasures?batch=x", NULL), 400);
	site_free(&s);
}

/* R19: at the socket alone, with a reason; worked off between other calls. */
static void a_turnover_is_asked_for(void **state)
{
	(void)state;
	struct site s = site_new();
	struct ap_uuid grant;
	site_granted(&s, &grant);
	assert_int_equal(site_as(&s, "ada", "POST", "/v1/turnovers", "{\"reason\":\"r\"}"), 403);
	assert_int_equal(at_socket(&s, "POST", "/v1/turnovers", "{\"reason\":\" \"}"), 422);
	assert_int_equal(at_socket(&s, "POST", "/v1/turnovers", "{\"reason\":\"r\"}"), 202);
	g_autofree char *id = site_member(&s, "id"), *path = g_strconcat("/v1/turnovers/", id, NULL);
	until(&s, path, "\"state\":\"done\"");
	assert_true(body_says(&s, "\"unrecoverable_at\""));
	assert_int_equal(site_as(&s, "ada", "GET", "/v1/turnovers", NULL), 200);
	assert_true(body_says(&s, "\"by\":\"user:ada\""));
	site_free(&s);
}

/* R28: over the network nothing answers any more, not even a login; the machine's own command line does. */
static void a_lockdown_shuts_the_network_side(void **state)
{
	(void)state;
	struct site s = site_new();
	struct ap_uuid grant, recording = site_granted(&s, &grant);
	g_autofree char *track = site_begin(&s, &recording);
	fixture_run(s.f, "UPDATE user_ SET tenant = NULL WHERE name = 'ada'");
	assert_int_equal(site_as(&s, "sam", "POST", "/v1/lockdown", "{}"), 403);
	assert_int_equal(site_as(&s, "ada", "POST", "/v1/lockdown", "{\"reason\":\"stolen\"}"), 200);
	assert_true(body_says(&s, "\"locked\":true") && body_says(&s, "\"sealed\":false"));
	assert_int_equal(site_as(&s, "sam", "GET", track, NULL), 423);
	site_expect_problem(&s, 423, "lockdown");
	assert_int_equal(site_as(&s, "ada", "GET", "/v1/lockdown", NULL), 423);
	assert_int_equal(site_call(&s, s.net, "POST", "/v1/login", "{\"user\":\"ada\",\"password\":\"x\",\"totp\":\"000000\"}", NULL), 423);
	assert_int_equal(site_call(&s, s.net, "GET", "/v1/ledger/checkpoint", NULL, NULL), 200); /* anyone may check */
	assert_int_equal(at_socket(&s, "GET", "/v1/lockdown", NULL), 200);
	assert_int_equal(at_socket(&s, "POST", "/v1/turnovers", "{\"reason\":\"r\"}"), 423);
	char id[AP_UUID_TEXT];
	ap_uuid_text(&recording, id);
	g_autofree char *erase = g_strdup_printf("{\"recording\":\"%s\"}", id);
	assert_int_equal(at_socket(&s, "POST", "/v1/erasures", erase), 201);
	site_free(&s);
}

/* R18: who confirms says yes to what was proposed: another tenant's person of the same id keeps theirs. */
static void a_confirmed_erasure_stays_in_the_proposers_tenant(void **state)
{
	(void)state;
	struct site s = site_new();
	struct ap_uuid grant;
	site_granted(&s, &grant);
	site_user(&s, "bob", "admin", NULL);
	site_user(&s, "eve", "admin", NULL);
	add_clones(&s, 2, CLONE_INTO("session"));
	fixture_run(s.f, "INSERT INTO tenant (id, name, created_ms) VALUES (77, 'other', 1)");
	fixture_run(s.f, "UPDATE user_ SET tenant = NULL WHERE name = 'bob'");
	fixture_run(s.f, "UPDATE user_ SET tenant = 77 WHERE name = 'eve'");
	fixture_run(s.f, "INSERT INTO session (id, tenant, reference, policy, policy_version, sensitivity, video_codec, state, created_ms)"
			 " SELECT zeroblob(16), 77, reference, policy, policy_version, sensitivity, video_codec, state, created_ms FROM session LIMIT 1");
	fixture_run(s.f, "INSERT INTO party (session, role, pii_principal, locale, token_hash)"
			 " SELECT zeroblob(16), role, pii_principal, locale, randomblob(32) FROM party");
	add_clones(&s, 2, CLONE_INTO("zeroblob(16)"));
	const char *both = "{\"subject\":\"coachee-1\"}";
	assert_int_equal(site_as(&s, "ada", "POST", "/v1/erasures", both), 202);
	assert_true(body_says(&s, "\"recordings\":3"));
	g_autofree char *first = site_member(&s, "proposal"), *json = g_strdup_printf("{\"proposal\":\"%s\"}", first);
	assert_int_equal(site_as(&s, "bob", "POST", "/v1/erasures", json), 201);
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM erasure"), 3);
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM recording WHERE session = zeroblob(16) AND state <> 'erased'"), 2);
	/* What is every tenant's is not one tenant's to confirm, nor what has changed since. */
	assert_int_equal(site_as(&s, "bob", "POST", "/v1/erasures", both), 202);
	g_autofree char *second = site_member(&s, "proposal"), *again = g_strdup_printf("{\"proposal\":\"%s\"}", second);
	assert_int_equal(site_as(&s, "eve", "POST", "/v1/erasures", again), 403);
	assert_int_equal(site_as(&s, "eve", "POST", "/v1/erasures", both), 202);
	g_autofree char *third = site_member(&s, "proposal"), *late = g_strdup_printf("{\"proposal\":\"%s\"}", third);
	add_clones(&s, 1, CLONE_INTO("zeroblob(16)"));
	assert_int_equal(site_as(&s, "bob", "POST", "/v1/erasures", late), 409);
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM erasure"), 3);
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM proposal WHERE confirmed_by NOT NULL"), 1); /* none is used up in vain */
	site_free(&s);
}

/* R28: an admin of one tenant does not shut the others, nor decide what is everybody's. */
static void a_tenants_admin_locks_nobody_out(void **state)
{
	(void)state;
	struct site s = site_new();
	struct ap_uuid grant;
	site_granted(&s, &grant);
	assert_int_equal(site_as(&s, "ada", "POST", "/v1/lockdown", "{}"), 403);
	assert_int_equal(site_as(&s, "ada", "POST", "/v1/restore/release", "{\"reason\":\"r\"}"), 403);
	assert_int_equal(site_as(&s, "ada", "POST", "/v1/clock/confirm", "{}"), 403);
	assert_int_equal(site_as(&s, "ada", "GET", "/v1/backups", NULL), 403);
	assert_int_equal(site_as(&s, "ada", "POST", "/v1/backups", "{}"), 403);
	assert_int_equal(site_as(&s, "ada", "POST", "/v1/backups/proof", "{}"), 403);
	assert_int_equal(site_as(&s, "ada", "GET", "/v1/doctor", NULL), 403);
	assert_false(ap_vault_locked_down(s.f->v));
	site_free(&s);
}

/* R28: as JSON and as Markdown. */
static void an_incident_is_reported(void **state)
{
	(void)state;
	struct site s = site_new();
	struct ap_uuid grant, recording = site_granted(&s, &grant);
	g_autofree char *track = site_begin(&s, &recording);
	assert_int_equal(site_as(&s, "sam", "POST", "/v1/incidents", "{\"summary\":\"s\"}"), 403);
	assert_int_equal(site_as(&s, "ada", "POST", "/v1/incidents", "{\"summary\":\"an account was stolen\"}"), 201);
	g_autofree char *id = site_member(&s, "id");
	g_autofree char *report = g_strdup_printf("/v1/incidents/%s/report", id), *md = g_strconcat(report, "?format=md&lang=fr&user=sam", NULL);
	g_autofree char *wrong = g_strconcat(report, "?from=yesterday", NULL);
	assert_int_equal(site_as(&s, "ada", "GET", report, NULL), 200);
	assert_true(body_says(&s, "\"person\":\"coachee-1\""));
	assert_int_equal(site_as(&s, "ada", "GET", md, NULL), 200);
	assert_string_equal(site_header(&s, "Content-Type"), "text/markdown; charset=utf-8");
	assert_true(body_says(&s, "## Personnes concernées"));
	assert_int_equal(site_as(&s, "ada", "GET", wrong, NULL), 400);
	site_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_are_ordered_and_counted),
		cmocka_unit_test(a_confirmed_erasure_stays_in_the_proposers_tenant),
		cmocka_unit_test(a_turnover_is_asked_for),
		cmocka_unit_test(a_lockdown_shuts_the_network_side), cmocka_unit_test(a_tenants_admin_locks_nobody_out),
		cmocka_unit_test(an_incident_is_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
