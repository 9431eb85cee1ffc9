#include "tests/testlib/staff_fixture.h"

#include "recorder/db/db_ledger.h"
#include "recorder/erasure/erasure.h"
#include "recorder/access/grant.h"
#include "recorder/access/user.h"
#include "recorder/policy/terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define YEAR (365LL * 86400000)

static const struct ap_library_wish all_of_it = {.to_ms = INT64_MAX, .limit = 1000};

static struct ap_uuid grant(struct fixture *f, const struct ap_actor *by, const struct ap_uuid *recording,
			    const char *purpose, int64_t ms)
{
	JsonNode *answer;
	struct ap_uuid id;
	struct ap_grant_wish wish = {*recording, "sam", purpose, f->wall_ms + ms};
	assert_ok(ap_grant_add(f->v, by, &wish, &answer));
	assert_true(ap_uuid_parse(json_object_get_string_member(json_node_get_object(answer), "id"), &id));
	json_node_unref(answer);
	return id;
}

/* R12: who, when, what, why, durable before the first byte; the recorded persons see it. */
static void an_access_is_a_leaf_before_and_after(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\",\"supervision\"]");
	struct ap_uuid recording = fixture_recording(f, &session, YEAR);
	struct ap_actor admin = fixture_user(f, "ada", "admin", NULL), sam = fixture_user(f, "sam", "supervisor", NULL);
	struct ap_access access;
	g_autofree char *seen = NULL;
	grant(f, &admin, &recording, "supervision", 3600000);
	assert_refused(ap_access_begin(f->v, &sam, &recording, "supervision", "  ", &access), "access-reason-required");
	assert_refused(ap_access_begin(f->v, &sam, &recording, "", "why", &access), "access-reason-required");
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM access"), 0);
	assert_ok(ap_access_begin(f->v, &sam, &recording, "supervision", "monthly review", &access));
	assert_int_equal(fixture_last_leaf(f), AP_LEAF_ACCESS_BEGUN);
	assert_ok(ap_access_check(f->v, &sam, &access.id, &recording));
	assert_ok(ap_access_count(f->v, &access.id, 1234));
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE);
	assert_ok(ap_access_party_accesses(f->v, &coachee, &seen));
	assert_non_null(strstr(seen, "\"who\":\"sam\""));
	assert_non_null(strstr(seen, "monthly review"));
	assert_non_null(strstr(seen, "\"role\":\"supervisor\""));
	assert_ok(ap_access_end(f->v, &access.id));
	assert_int_equal(fixture_last_leaf(f), AP_LEAF_ACCESS_ENDED);
	int64_t leaves = fixture_count(f, "SELECT count(*) FROM leaf");
	assert_ok(ap_access_end(f->v, &access.id));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM leaf"), leaves);
	assert_refused(ap_access_check(f->v, &sam, &access.id, &recording), "access-reason-required");
	fixture_free(f);
}

/* R12: the persons see who; by role alone where the operator says so. */
static void names_of_staff_are_shown_unless_the_operator_hides_them(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\",\"supervision\"]");
	struct ap_uuid recording = fixture_recording(f, &session, YEAR);
	struct ap_actor admin = fixture_user(f, "ada", "admin", NULL), sam = fixture_user(f, "sam", "supervisor", NULL);
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE);
	struct ap_access access;
	g_autofree char *shown = NULL, *hidden = NULL;
	grant(f, &admin, &recording, "supervision", 3600000);
	assert_ok(ap_access_begin(f->v, &sam, &recording, "supervision", "monthly review", &access));
	assert_ok(ap_access_party_accesses(f->v, &coachee, &shown));
	assert_non_null(strstr(shown, "\"who\":\"sam\""));
	assert_ok(ap_config_set(f->config, "access.names_to_persons", "false"));
	assert_ok(ap_access_party_accesses(f->v, &coachee, &hidden));
	assert_null(strstr(hidden, "sam"));
	assert_non_null(strstr(hidden, "\"who\":\"supervisor\""));
	assert_non_null(strstr(hidden, "monthly review"));
	fixture_free(f);
}

/* R10: only what was granted, for a consented purpose, until the grant ends. */
static void a_revoked_or_ended_grant_stops_a_viewing(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\",\"supervision\"]");
	struct ap_uuid recording = fixture_recording(f, &session, YEAR), other = fixture_recording(f, &session, YEAR);
	struct ap_actor admin = fixture_user(f, "ada", "admin", NULL), sam = fixture_user(f, "sam", "supervisor", NULL);
	struct ap_access access;
	struct ap_uuid id = grant(f, &admin, &recording, "supervision", 3600000);
	assert_refused(ap_access_begin(f->v, &sam, &other, "supervision", "why", &access), "not-found");
	assert_refused(ap_access_begin(f->v, &sam, &recording, "quality", "why", &access), "role");
	assert_ok(ap_access_begin(f->v, &sam, &recording, "supervision", "why", &access));
	assert_ok(ap_grant_revoke(f->v, &admin, &id));
	assert_refused(ap_access_check(f->v, &sam, &access.id, &recording), "role");
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM access WHERE ended_ms IS NULL"), 0);
	grant(f, &admin, &recording, "supervision", 1000);
	assert_ok(ap_access_begin(f->v, &sam, &recording, "supervision", "why", &access));
	fixture_advance(f, 1000);
	assert_refused(ap_access_check(f->v, &sam, &access.id, &recording), "role");
	fixture_free(f);
}

/* R10, R16: a grant ends with its purpose, whatever was asked; supervision is over while the recording still lives. */
static void a_grant_ends_with_its_purpose(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\",\"supervision\"]");
	struct ap_uuid recording = fixture_recording(f, &session, YEAR);
	struct ap_actor admin = fixture_user(f, "ada", "admin", NULL), sam = fixture_user(f, "sam", "supervisor", NULL);
	struct ap_access access;
	struct ap_term_access terms;
	assert_ok(ap_terms_access(f->v, &recording, AP_PURPOSE_SUPERVISION, &terms));
	const int64_t term = terms.ends_ms - f->wall_ms;
	assert_true(term > 0 && term < YEAR);
	grant(f, &admin, &recording, "supervision", YEAR);
	assert_int_equal(fixture_count(f, "SELECT expires_ms FROM grant_"), f->wall_ms + term);
	fixture_run(f, "UPDATE grant_ SET expires_ms = expires_ms * 2"); /* as if given under a longer term */
	fixture_advance(f, term - 1000);
	assert_ok(ap_access_begin(f->v, &sam, &recording, "supervision", "why", &access));
	assert_true(access.expires_ms <= f->wall_ms + 1000);
	fixture_advance(f, 1000);
	assert_refused(ap_access_check(f->v, &sam, &access.id, &recording), "role");
	struct ap_grant_wish late = {recording, "sam", "supervision", f->wall_ms + 1000};
	JsonNode *answer;
	assert_refused(ap_grant_add(f->v, &admin, &late, &answer), "role");
	fixture_free(f);
}

/* R7: withdrawing a purpose ends its grants and playbacks at once. */
static void a_withdrawn_purpose_ends_grant_and_viewing(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\",\"supervision\"]");
	struct ap_uuid recording = fixture_recording(f, &session, YEAR);
	struct ap_actor admin = fixture_user(f, "ada", "admin", NULL), sam = fixture_user(f, "sam", "supervisor", NULL);
	struct ap_access access;
	grant(f, &admin, &recording, "supervision", YEAR);
	assert_ok(ap_access_begin(f->v, &sam, &recording, "supervision", "why", &access));
	fixture_withdraw(f, &session, AP_COACHEE, "[\"supervision\"]");
	assert_refused(ap_access_check(f->v, &sam, &access.id, &recording), "role");
	assert_ok(ap_grant_sweep(f->v, &session));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM grant_ WHERE revoked_ms IS NULL"), 0);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM access WHERE ended_ms IS NULL"), 0);
	struct ap_grant_wish wish = {recording, "sam", "supervision", f->wall_ms + YEAR};
	JsonNode *answer;
	assert_refused(ap_grant_add(f->v, &admin, &wish, &answer), "role");
	fixture_free(f);
}

static void one_persons_access_serves_nobody_else(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\",\"supervision\"]");
	struct ap_uuid other = fixture_consented(f, "[\"recording\"]");
	struct ap_uuid recording = fixture_recording(f, &session, YEAR), second = fixture_recording(f, &session, YEAR);
	struct ap_actor coach = fixture_party(&session, AP_COACH), coachee = fixture_party(&session, AP_COACHEE);
	struct ap_actor stranger = fixture_party(&other, AP_COACH);
	struct ap_access access;
	assert_ok(ap_access_begin(f->v, &coach, &recording, "recording", "own viewing", &access));
	assert_ok(ap_access_check(f->v, &coach, &access.id, &recording));
	assert_refused(ap_access_check(f->v, &coachee, &access.id, &recording), "access-reason-required");
	assert_refused(ap_access_check(f->v, &coach, &access.id, &second), "access-reason-required");
	assert_refused(ap_access_check(f->v, &stranger, &access.id, &recording), "not-found");
	assert_refused(ap_access_begin(f->v, &stranger, &recording, "recording", "own viewing", &access), "not-found");
	fixture_free(f);
}

static void an_access_ends_by_itself(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]"),
		       recording = fixture_recording(f, &session, YEAR);
	struct ap_actor coach = fixture_party(&session, AP_COACH);
	struct ap_access access;
	assert_ok(ap_access_begin(f->v, &coach, &recording, "recording", "own viewing", &access));
	fixture_advance(f, AP_ACCESS_MS - 1);
	assert_ok(ap_access_sweep(f->v, NULL));
	assert_ok(ap_access_check(f->v, &coach, &access.id, &recording));
	fixture_advance(f, 1);
	assert_refused(ap_access_check(f->v, &coach, &access.id, &recording), "access-reason-required");
	assert_ok(ap_access_sweep(f->v, NULL));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM access WHERE ended_ms IS NULL"), 0);
	assert_int_equal(fixture_last_leaf(f), AP_LEAF_ACCESS_ENDED);
	fixture_free(f);
}

static void lists_show_what_each_role_may_know(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\",\"supervision\"]");
	struct ap_uuid recording = fixture_recording(f, &session, YEAR);
	struct ap_actor admin = fixture_user(f, "ada", "admin", NULL), sam = fixture_user(f, "sam", "supervisor", NULL);
	struct ap_actor mine = fixture_user(f, "carla", "coach", "coach-1"),
			not_mine = fixture_user(f, "cleo", "coach", "coach-2");
	struct ap_actor auditor = fixture_user(f, "otto", "auditor", NULL);
	const struct {
		const struct ap_actor *actor;
		unsigned count;
	} rows[] = {{&admin, 1}, {&sam, 0}, {&mine, 1}, {&not_mine, 0}};
	JsonNode *answer;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		assert_ok(ap_access_list(f->v, rows[i].actor, &all_of_it, &answer));
		JsonArray *list = json_object_get_array_member(json_node_get_object(answer), "recordings");
		assert_int_equal(json_array_get_length(list), rows[i].count);
		json_node_unref(answer);
	}
	assert_refused(ap_access_list(f->v, &auditor, &all_of_it, &answer), "role");
	assert_refused(ap_access_show(f->v, &sam, &recording, &answer), "not-found");
	assert_ok(ap_access_show(f->v, &mine, &recording, &answer));
	JsonObject *tracks = json_object_get_object_member(json_node_get_object(answer), "tracks");
	assert_int_equal(json_object_get_int_member(json_object_get_object_member(tracks, "coachee"), "size"),
			 FIXTURE_TRACK);
	json_node_unref(answer);
	/* R41: an admin gets no names and no way to the content. */
	assert_ok(ap_access_show(f->v, &admin, &recording, &answer));
	assert_false(json_object_has_member(json_node_get_object(answer), "tracks"));
	assert_false(json_object_has_member(json_node_get_object(answer), "coachee"));
	json_node_unref(answer);
	fixture_free(f);
}

static guint list_after(struct fixture *f, const struct ap_actor *who, const struct ap_uuid *after, char **ret_next)
{
	g_autoptr(JsonNode) answer = NULL;
	struct ap_library_wish wish = {.to_ms = INT64_MAX, .after = after, .limit = 1000};
	assert_ok(ap_access_list(f->v, who, &wish, &answer));
	JsonObject *o = json_node_get_object(answer);
	*ret_next = g_strdup(json_object_get_string_member_with_default(o, "next", ""));
	return json_array_get_length(json_object_get_array_member(o, "recordings"));
}

/* However many there are: a thousand at a time, each once, and each can be looked at. */
static void long_lists_come_in_pages(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]"), oldest = fixture_recording(f, &session, YEAR), after;
	struct ap_actor ada = fixture_user(f, "ada", "admin", NULL), carla = fixture_user(f, "carla", "coach", "coach-1");
	const struct ap_actor *both[] = {&ada, &carla};
	fixture_run(f, "INSERT INTO recording (id, session, state, created_ms, coach_consent, coachee_consent, coach_record,"
		       " coachee_record, coach_recipient, coachee_recipient) WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL"
		       " SELECT i + 1 FROM n WHERE i < 1002) SELECT randomblob(16), session, 'sealed', created_ms + i / 3, coach_consent,"
		       " coachee_consent, coach_record, coachee_record, coach_recipient, coachee_recipient FROM recording, n");
	for (int i = 0; i < 2; i++) {
		g_autofree char *next = NULL, *end = NULL;
		JsonNode *answer;
		assert_int_equal(list_after(f, both[i], NULL, &next), 1000);
		assert_true(ap_uuid_parse(next, &after));
		assert_int_equal(list_after(f, both[i], &after, &end), 3);
		assert_string_equal(end, "");
		assert_ok(ap_access_show(f->v, both[i], &oldest, &answer));
		json_node_unref(answer);
	}
	fixture_free(f);
}

/* An auditor can read all of them, however many. */
static void the_log_of_accesses_comes_in_pages(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]"), recording = fixture_recording(f, &session, YEAR), after;
	(void)recording;
	fixture_run(f, "INSERT INTO access (id, recording, actor, purpose, reason, begun_ms, expires_ms, begun_leaf)"
		       " WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 1005)"
		       " SELECT randomblob(16), id, 'user:x', 'recording', 'r', i, i, i FROM recording, n");
	for (int i = 0; i < 2; i++) {
		g_autoptr(JsonArray) list = NULL;
		assert_ok(ap_access_log(f->v, 0, i ? &after : NULL, 1000, &list));
		assert_int_equal(json_array_get_length(list), i ? 5 : 1000);
		JsonObject *last = json_array_get_object_element(list, json_array_get_length(list) - 1);
		assert_true(ap_uuid_parse(json_object_get_string_member(last, "id"), &after));
		assert_int_equal(json_object_get_int_member(last, "leaf"), i ? 1 : 6);
	}
	fixture_free(f);
}

/* Another tenant's admin and coach know nothing of it. */
static void tenants_are_apart(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\",\"supervision\"]");
	struct ap_uuid recording = fixture_recording(f, &session, YEAR);
	fixture_user(f, "sam", "supervisor", NULL);
	struct ap_actor admin = fixture_user(f, "ada", "admin", NULL),
			coach = fixture_user(f, "carla", "coach", "coach-1");
	admin.tenant = coach.tenant = f->tenant + 1;
	struct ap_grant_wish wish = {recording, "sam", "supervision", f->wall_ms + YEAR};
	struct ap_access access;
	JsonNode *answer;
	assert_false(ap_ok(ap_grant_add(f->v, &admin, &wish, &answer)));
	assert_refused(ap_grant_add(f->v, &coach, &wish, &answer), "not-found");
	assert_refused(ap_access_begin(f->v, &coach, &recording, "recording", "why", &access), "not-found");
	assert_refused(ap_access_begin_export(f->v, &admin, &recording, "why", &access), "not-found");
	/* Nor does its supervisor by this tenant's doing; one of all tenants may be named. */
	admin.tenant = f->tenant;
	fixture_run(f, "INSERT INTO tenant (id, name, created_ms) VALUES (77, 'other', 1)");
	fixture_run(f, "UPDATE user_ SET tenant = 77 WHERE name = 'sam'");
	assert_refused(ap_grant_add(f->v, &admin, &wish, &answer), "not-found");
	fixture_run(f, "UPDATE user_ SET tenant = NULL WHERE name = 'sam'");
	assert_ok(ap_grant_add(f->v, &admin, &wish, &answer));
	json_node_unref(answer);
	fixture_free(f);
}

/* R7: at once, also while vault.db cannot be written. */
static void an_owed_withdrawal_ends_a_viewing(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\",\"supervision\"]");
	struct ap_uuid recording = fixture_recording(f, &session, YEAR);
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE);
	struct ap_access access;
	struct ap_owed_entry owed = {.session = session, .role = AP_COACH, .event = AP_WITHDRAWN};
	assert_ok(ap_access_begin(f->v, &coachee, &recording, "recording", "own", &access));
	owed.purposes = AP_PURPOSE_BIT(AP_PURPOSE_SUPERVISION);
	assert_ok(ap_owed_put(ap_vault_owed(f->v), &owed));
	assert_ok(ap_access_check(f->v, &coachee, &access.id, &recording));
	owed.purposes = AP_PURPOSE_BIT(AP_PURPOSE_RECORDING);
	assert_ok(ap_owed_put(ap_vault_owed(f->v), &owed));
	assert_refused(ap_access_check(f->v, &coachee, &access.id, &recording), "role");
	fixture_free(f);
}

/* A vault.db that is older than its log once was may hold consents that were withdrawn since. */
static void nothing_is_viewed_while_the_log_is_stopped(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	struct ap_uuid recording = fixture_recording(f, &session, YEAR);
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE);
	struct ap_access access;
	struct ap_hash root = ap_sha256("another log", 11);
	assert_ok(ap_access_begin(f->v, &coachee, &recording, "recording", "own", &access));
	assert_ok(ap_db_keys_known_set(ap_vault_keys(f->v), 1000, &root));
	fixture_restart(f);
	assert_refused(ap_access_check(f->v, &coachee, &access.id, &recording), "vault-unavailable");
	fixture_free(f);
}

/* R11: whoever is no longer to see anything is shut out at once, whatever becomes of the log: it tells later, and says since
 * when. To let somebody in again waits for it. */
static void access_is_taken_away_while_the_log_is_stopped(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\",\"supervision\"]");
	struct ap_uuid recording = fixture_recording(f, &session, YEAR);
	struct ap_actor ada = fixture_user(f, "ada", "admin", NULL), sam = fixture_user(f, "sam", "supervisor", NULL);
	struct ap_access access;
	char since[AP_TIME_TEXT];
	bool whole = false;
	struct ap_uuid id = grant(f, &ada, &recording, "supervision", 3600000);
	assert_ok(ap_access_begin(f->v, &sam, &recording, "supervision", "monthly review", &access));
	int64_t leaves = fixture_count(f, "SELECT count(*) FROM leaf");
	ap_time_text(f->wall_ms, since);
	ap_ledger_stop(ap_vault_ledger(f->v));
	assert_ok(ap_grant_revoke(f->v, &ada, &id));
	assert_ok(ap_user_logout(f->v, &ada, "sam"));
	assert_ok(ap_user_disable(f->v, &ada, "sam", true));
	assert_refused(ap_user_disable(f->v, &ada, "sam", false), "ledger");
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM grant_ WHERE revoked_ms IS NOT NULL"), 1);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM user_ WHERE name = 'sam' AND disabled_ms IS NOT NULL"), 1);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM access WHERE ended_ms IS NULL"), 0);
	assert_ok(ap_ledger_settle(ap_vault_ledger(f->v), ap_vault_db(f->v)));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM leaf"), leaves);
	fixture_advance(f, 3600000);
	fixture_restart(f);
	assert_ok(ap_ledger_settle(ap_vault_ledger(f->v), ap_vault_db(f->v)));
	assert_ok(ap_ledger_settle(ap_vault_ledger(f->v), ap_vault_db(f->v)));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM leaf"), leaves + 4);
	g_autofree char *told = g_strdup_printf("SELECT count(*) FROM leaf WHERE body LIKE '%%\"happened\":\"%s\"%%'", since);
	assert_int_equal(fixture_count(f, told), 4);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM leaf WHERE body LIKE '%\"event\":\"user_disabled\"%'"), 1);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM access a JOIN leaf l ON l.idx = a.ended_leaf"
					  " WHERE l.body LIKE '%\"event\":\"access_ended\"%'"), 1);
	assert_ok(ap_db_ledger_whole(ap_vault_db(f->v), 0, &whole));
	assert_true(whole);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_access_is_a_leaf_before_and_after),
		cmocka_unit_test(names_of_staff_are_shown_unless_the_operator_hides_them),
		cmocka_unit_test(a_revoked_or_ended_grant_stops_a_viewing),
		cmocka_unit_test(a_grant_ends_with_its_purpose),
		cmocka_unit_test(a_withdrawn_purpose_ends_grant_and_viewing),
		cmocka_unit_test(one_persons_access_serves_nobody_else),
		cmocka_unit_test(an_access_ends_by_itself),
		cmocka_unit_test(lists_show_what_each_role_may_know),
		cmocka_unit_test(the_log_of_accesses_comes_in_pages),
		cmocka_unit_test(long_lists_come_in_pages),
		cmocka_unit_test(tenants_are_apart),
		cmocka_unit_test(an_owed_withdrawal_ends_a_viewing),
		cmocka_unit_test(nothing_is_viewed_while_the_log_is_stopped),
		cmocka_unit_test(access_is_taken_away_while_the_log_is_stopped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
