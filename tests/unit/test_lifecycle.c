/* A recording's years in milliseconds: current use, archive, the end of each purpose, erasure, the end of the list of
 * accesses (R16, R17). */
#include "tests/testlib/staff_fixture.h"

#include "recorder/access/grant.h"
#include "recorder/erasure/lifecycle.h"
#include "recorder/erasure/proposal.h"
#include "recorder/erasure/retention.h"
#include "recorder/policy/term.h"
#include "recorder/policy/terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY 86400000LL

struct life {
	struct fixture *f;
	struct ap_retention *r;
	struct ap_actor ada, sue;
	struct ap_uuid session, recording;
};

/* The default policy as its second version has it: supervision six months, the last three of them archive. */
static const char document[] =
	"{\"name\":\"default\",\"reason\":\"r\",\"purposes\":{\"recording\":{\"days\":30,\"reason\":\"r\"},"
	"\"supervision\":{\"days\":180,\"archive_after\":{\"days\":90},\"reason\":\"r\"}},"
	"\"access_log\":{\"months\":12,\"reason\":\"r\"}}";

/* And the third, which leaves supervision less than recording. */
static const char shorter[] =
	"{\"name\":\"default\",\"reason\":\"r\",\"purposes\":{\"recording\":{\"days\":60,\"reason\":\"r\"},"
	"\"quality\":{\"days\":60,\"reason\":\"r\"},\"supervision\":{\"days\":20,\"reason\":\"r\"}}}";

static void put(struct life *l, const char *text)
{
	JsonNode *answer, *seen;
	assert_ok(ap_terms_preview(l->f->v, &l->ada, "default", text, &seen));
	assert_ok(ap_terms_put(l->f->v, &l->ada, "default", text,
			       json_object_get_string_member(json_node_get_object(seen), "token"), &answer));
	json_node_unref(seen);
	json_node_unref(answer);
}

static int64_t revoked(struct life *l)
{
	return fixture_count(l->f, "SELECT count(*) FROM grant_ WHERE revoked_ms IS NOT NULL");
}

static struct life life_new(void)
{
	struct life l = {.f = fixture_new()};
	l.ada = fixture_user(l.f, "ada", "admin", NULL);
	l.sue = fixture_user(l.f, "sue", "supervisor", NULL);
	l.ada.tenant = 0;
	put(&l, document);
	l.session = fixture_consented(l.f, "[\"recording\",\"supervision\"]");
	l.recording = fixture_recording(l.f, &l.session, 4000 * DAY);
	struct ap_db *db = ap_vault_db(l.f->v);
	assert_ok(ap_db_begin(db));
	assert_ok(ap_db_finish(db, ap_term_seal(db, &l.recording)));
	l.r = ap_retention_new(l.f->v, "boot");
	assert_ok(ap_retention_scan(l.r));
	return l;
}

static void life_free(struct life *l)
{
	ap_retention_free(l->r);
	fixture_free(l->f);
}

static void pass(struct life *l, int64_t days)
{
	fixture_advance(l->f, days * DAY);
	assert_ok(ap_retention_scan(l->r));
}

static bool is(struct life *l, const char *state)
{
	int64_t n;
	assert_ok(ap_db_count(ap_vault_db(l->f->v), "SELECT count(*) FROM recording WHERE state = ?1",
			      AP_VALUES(AP_V_TEXT(state)), &n));
	return n == 1;
}

static struct ap_term_access terms(struct life *l, enum ap_purpose purpose)
{
	struct ap_term_access access;
	assert_ok(ap_terms_access(l->f->v, &l->recording, purpose, &access));
	return access;
}

static void grant(struct life *l, int64_t days)
{
	JsonNode *answer;
	const struct ap_grant_wish wish = {l->recording, "sue", "supervision", l->f->wall_ms + days * DAY};
	assert_ok(ap_grant_add(l->f->v, &l->ada, &wish, &answer));
	json_node_unref(answer);
}

/* R16, R17: each purpose to its own end; archived after current use; erased at the latest end of those both give. */
static void r16_r17_a_recordings_life(void **state)
{
	(void)state;
	struct life l = life_new();
	pass(&l, 29);
	assert_true(is(&l, "sealed"));
	assert_false(terms(&l, AP_PURPOSE_RECORDING).ended);
	pass(&l, 1);
	assert_true(terms(&l, AP_PURPOSE_RECORDING).ended);
	assert_false(terms(&l, AP_PURPOSE_SUPERVISION).ended);
	assert_false(terms(&l, AP_PURPOSE_SUPERVISION).needs.admin_approval);
	assert_true(is(&l, "sealed"));
	pass(&l, 60);
	assert_true(is(&l, "archived"));
	assert_true(terms(&l, AP_PURPOSE_SUPERVISION).needs.admin_approval);
	assert_int_equal(fixture_last_leaf(l.f), AP_LEAF_OTHER);
	int64_t leaves = fixture_count(l.f, "SELECT count(*) FROM leaf");
	pass(&l, 1);
	assert_int_equal(fixture_count(l.f, "SELECT count(*) FROM leaf"), leaves); /* archived once */
	pass(&l, 88);
	assert_true(is(&l, "archived"));
	pass(&l, 1);
	assert_true(is(&l, "erased"));
	assert_int_equal(fixture_count(l.f, "SELECT count(*) FROM erasure WHERE cause = 'expiry'"), 1);
	life_free(&l);
}

static int64_t viewings(struct life *l)
{
	return fixture_count(l->f, "SELECT count(*) FROM access WHERE ended_ms IS NULL");
}

/* R16: what staff view ends with its purpose; the two speakers may watch while it is kept and both consent (R38). */
static void r16_viewings_end_with_their_purpose(void **state)
{
	(void)state;
	struct life l = life_new();
	struct ap_actor coach = fixture_user(l.f, "cleo", "coach", "coach-1"), coachee = fixture_party(&l.session, AP_COACHEE);
	struct ap_access one;
	fixture_advance(l.f, 30 * DAY - 1000);
	assert_ok(ap_access_begin(l.f->v, &coach, &l.recording, "recording", "own", &one));
	assert_ok(ap_access_begin(l.f->v, &coachee, &l.recording, "recording", "own", &one));
	assert_ok(ap_retention_scan(l.r));
	assert_int_equal(viewings(&l), 2);
	fixture_advance(l.f, 1000);
	assert_ok(ap_retention_scan(l.r));
	assert_int_equal(viewings(&l), 1);
	assert_ok(ap_access_check(l.f->v, &coachee, &one.id, &l.recording));
	assert_refused(ap_access_begin(l.f->v, &coach, &l.recording, "recording", "own", &one), "role");
	assert_true(is(&l, "sealed"));
	life_free(&l);
}

/* R16: a grant ends with its purpose, also when a policy brings that forward. */
static void r16_grants_end_with_their_purpose(void **state)
{
	(void)state;
	struct life l = life_new();
	grant(&l, 1000);
	pass(&l, 25);
	assert_int_equal(revoked(&l), 0);
	put(&l, shorter); /* supervision has 20 days now */
	assert_ok(ap_retention_scan(l.r));
	assert_true(is(&l, "sealed"));
	assert_int_equal(revoked(&l), 1);
	assert_int_equal(fixture_last_leaf(l.f), AP_LEAF_GRANT);
	life_free(&l);
}

/* R17: what is frozen when its time comes is archived once it thaws, and a clock that is not believed archives nothing. */
static void r17_archiving_waits_for_a_believed_clock(void **state)
{
	(void)state;
	struct life l = life_new();
	l.f->wall_ms += 100 * DAY; /* the monotonic clock does not agree */
	assert_ok(ap_retention_scan(l.r));
	assert_true(is(&l, "sealed"));
	assert_ok(ap_retention_confirm(l.r, "user:ada"));
	fixture_run(l.f, "UPDATE recording SET state = 'restricted'");
	assert_ok(ap_retention_scan(l.r));
	assert_true(is(&l, "restricted"));
	fixture_run(l.f, "UPDATE recording SET state = 'sealed'");
	assert_ok(ap_retention_scan(l.r));
	assert_true(is(&l, "archived"));
	life_free(&l);
}

static int64_t opened(struct life *l, int64_t leaf)
{
	int64_t n;
	assert_ok(ap_db_count(ap_vault_db(l->f->v), "SELECT count(*) FROM leaf WHERE idx = ?1 AND (body IS NOT NULL OR salt IS NOT NULL)",
			      AP_VALUES(AP_V_INT(leaf)), &n));
	return n;
}

/* R16: the list of accesses keeps twelve months, or as long as the recording lives; then the rows go, and the openings of
 * their leaves: the log stays whole and says nothing of them. */
static void r16_the_access_log_forgets(void **state)
{
	(void)state;
	struct life l = life_new();
	struct ap_actor coach = fixture_party(&l.session, AP_COACH);
	struct ap_access own;
	assert_ok(ap_access_begin(l.f->v, &coach, &l.recording, "recording", "own", &own));
	assert_ok(ap_access_end(l.f->v, &own.id));
	int64_t begun = fixture_count(l.f, "SELECT begun_leaf FROM access"), ended = fixture_count(l.f, "SELECT ended_leaf FROM access");
	int64_t size = fixture_count(l.f, "SELECT count(*) FROM leaf");
	pass(&l, 179);
	assert_int_equal(fixture_count(l.f, "SELECT count(*) FROM access"), 1);
	pass(&l, 1);
	assert_true(is(&l, "erased"));
	pass(&l, 184);
	assert_int_equal(fixture_count(l.f, "SELECT count(*) FROM access"), 1);
	assert_int_equal(opened(&l, begun) + opened(&l, ended), 2);
	pass(&l, 2);
	assert_int_equal(fixture_count(l.f, "SELECT count(*) FROM access"), 0);
	assert_int_equal(opened(&l, begun) + opened(&l, ended), 0);
	assert_true(fixture_count(l.f, "SELECT count(*) FROM leaf") > size);
	assert_true(opened(&l, 0));
	ap_retention_free(l.r); /* the log is read and proven anew at the start */
	fixture_restart(l.f);
	assert_true(ap_ledger_healthy(ap_vault_ledger(l.f->v)));
	l.r = ap_retention_new(l.f->v, "boot");
	life_free(&l);
}

/* Of another tenant, which keeps its list for years: as many as one scan looks at, all of them older. */
static void add_old_accesses(struct life *l)
{
	fixture_run(l->f, "INSERT INTO policy (name, version, document, created_ms) VALUES ('long', 1, '{\"name\":\"long\",\"reason\":\"r\","
			  "\"purposes\":{\"recording\":{\"days\":30,\"reason\":\"r\"}},\"access_log\":{\"months\":60,\"reason\":\"r\"}}', 1)");
	fixture_run(l->f, "INSERT INTO tenant (id, name, policy, created_ms) VALUES (77, 'other', 'long', 1)");
	fixture_run(l->f, "INSERT INTO session (id, tenant, reference, policy, policy_version, sensitivity, video_codec, state, created_ms)"
			  " SELECT zeroblob(16), 77, reference, 'long', 1, sensitivity, video_codec, state, created_ms FROM session LIMIT 1");
	fixture_run(l->f, "INSERT INTO recording (id, session, state, created_ms, coach_consent, coachee_consent, coach_record,"
			  " coachee_record, coach_recipient, coachee_recipient) SELECT zeroblob(16), zeroblob(16), 'erased', created_ms,"
			  " coach_consent, coachee_consent, coach_record, coachee_record, coach_recipient, coachee_recipient FROM recording");
	fixture_run(l->f, "INSERT INTO access (id, recording, actor, purpose, reason, begun_ms, expires_ms, ended_ms, begun_leaf, ended_leaf)"
			  " WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
			  " SELECT randomblob(16), zeroblob(16), 'user:x', 'recording', 'r', (SELECT min(begun_ms) FROM access) - 5000 + i, 1, 1, 0, 0"
			  " FROM n");
}

/* R16: what one tenant keeps for long does not stand before what another's policy forgets. */
static void r16_a_long_list_keeps_no_other(void **state)
{
	(void)state;
	struct life l = life_new();
	struct ap_actor coach = fixture_party(&l.session, AP_COACH);
	struct ap_access own;
	assert_ok(ap_access_begin(l.f->v, &coach, &l.recording, "recording", "own", &own));
	assert_ok(ap_access_end(l.f->v, &own.id));
	add_old_accesses(&l);
	pass(&l, 180);
	pass(&l, 190);
	for (int scan = 0; scan < 4; scan++) /* the whole list takes three, wherever the last one stood; then it rests */
		pass(&l, 1);
	assert_int_equal(fixture_count(l.f, "SELECT count(*) FROM access"), 5000);
	assert_int_equal(fixture_count(l.f, "SELECT count(*) FROM access WHERE recording <> zeroblob(16)"), 0);
	life_free(&l);
}

/* R16: a living recording's accesses stay, however old. */
static void r16_a_living_recordings_accesses_stay(void **state)
{
	(void)state;
	struct life l = life_new();
	struct ap_actor coach = fixture_party(&l.session, AP_COACH);
	struct ap_access own;
	assert_ok(ap_access_begin(l.f->v, &coach, &l.recording, "recording", "own", &own));
	assert_ok(ap_access_end(l.f->v, &own.id));
	fixture_run(l.f, "UPDATE recording SET state = 'restricted'");
	pass(&l, 3 * 365);
	assert_int_equal(fixture_count(l.f, "SELECT count(*) FROM access"), 1);
	life_free(&l);
}

/* A session is not made twice within a week; after that neither its key nor the hash of its request (of names, too) is there. */
static void r16_what_nobody_needs_goes(void **state)
{
	(void)state;
	struct life l = life_new();
	static const char body[] = "{\"reference\":\"x\",\"coach\":{\"id\":\"c\",\"locale\":\"fr\",\"name\":\"Ana\"},"
				   "\"coachee\":{\"id\":\"e\",\"locale\":\"en\"}}";
	JsonNode *proposed;
	g_autofree char *first = NULL, *again = NULL, *late = NULL;
	assert_ok(ap_vault_session_create(l.f->v, l.f->tenant, "key-1", body, &first));
	assert_ok(ap_proposal_make(l.f->v, &l.ada, "erasure", "{\"subject\":\"e\"}", &proposed));
	json_node_unref(proposed);
	pass(&l, 6);
	assert_ok(ap_vault_session_create(l.f->v, l.f->tenant, "key-1", body, &again));
	assert_string_equal(first, again);
	pass(&l, 2);
	assert_int_equal(fixture_count(l.f, "SELECT count(*) FROM session WHERE idempotency_key IS NOT NULL OR request_sha256 IS NOT NULL"), 0);
	assert_int_equal(fixture_count(l.f, "SELECT count(*) FROM proposal"), 1);
	assert_ok(ap_vault_session_create(l.f->v, l.f->tenant, "key-1", body, &late));
	assert_string_not_equal(first, late);
	pass(&l, 32);
	assert_int_equal(fixture_count(l.f, "SELECT count(*) FROM proposal"), 0);
	life_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(r16_r17_a_recordings_life),
		cmocka_unit_test(r16_viewings_end_with_their_purpose),
		cmocka_unit_test(r16_grants_end_with_their_purpose),
		cmocka_unit_test(r17_archiving_waits_for_a_believed_clock),
		cmocka_unit_test(r16_the_access_log_forgets),
		cmocka_unit_test(r16_a_long_list_keeps_no_other),
		cmocka_unit_test(r16_a_living_recordings_accesses_stay),
		cmocka_unit_test(r16_what_nobody_needs_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
