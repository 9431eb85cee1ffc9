/* Gives are refused each with its own error; withdrawals are taken whatever is wrong with them (R1, R5, R6, R7, R34). */
#include "recorder/db/db_consent.h"
#include "recorder/db/db_session.h"
#include "tests/testlib/fake_capture.h"
#include "recorder/ledger/receipt.h"
#include "tests/testlib/vault_world.h"

#include <aparte/buf.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static int set_up(void **state)
{
	struct world *w = world_new(NULL);
	ap_gatekeepers_link(w->keepers, true);
	world_enrol(w, &w->coach);
	world_enrol(w, &w->coachee);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	world_free(*state);
	return 0;
}

static bool gives(struct world *w, enum ap_role role, enum ap_purpose purpose)
{
	bool given = false;
	assert_true(ap_ok(ap_consent_gives(ap_vault_db(w->v), &w->session, role, purpose, &given)));
	return given;
}

/* A give with one thing changed is refused with that error, and nothing was kept. */
static void refused(struct world *w, struct person *p, world_twist twist, void *data, const char *error)
{
	int64_t consents = -1;
	g_autofree char *body = world_statement(w, p, "ConsentGiven", "recording", twist, data);
	assert_string_equal(world_put(w, p, body, NULL), error);
	assert_false(gives(w, p->role, AP_PURPOSE_RECORDING));
	assert_true(ap_ok(ap_db_count(ap_vault_db(w->v), "SELECT count(*) FROM consent", AP_NO_VALUES, &consents)));
	assert_int_equal(consents, 0);
	struct ap_pending_share pending[4];
	size_t n = 9;
	assert_true(ap_ok(ap_db_keys_pending(ap_vault_keys(w->v), pending, 4, &n)));
	assert_int_equal(n, 0);
}

static void set_text(JsonObject *o, const char *name, const char *value)
{
	json_object_set_string_member(o, name, value);
}

static void other_session(JsonObject *o, void *data)
{
	(void)data;
	set_text(o, "session", "00112233-4455-4677-8899-aabbccddeeff");
}

static void other_role(JsonObject *o, void *data)
{
	(void)data;
	set_text(o, "role", "coachee");
}

static void other_person(JsonObject *o, void *data)
{
	(void)data;
	set_text(o, "pii_principal", "somebody");
}

static void at_time(JsonObject *o, void *data)
{
	char time[AP_TIME_TEXT];
	ap_time_text(*(int64_t *)data, time);
	set_text(o, "event_time", time);
}

static void other_notice(JsonObject *o, void *data)
{
	(void)data;
	set_text(json_object_get_object_member(o, "privacy_notice"), "sha256",
		 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
}

static void other_purpose(JsonObject *o, void *data)
{
	(void)data;
	json_array_add_string_element(json_object_get_array_member(o, "purposes"), "marketing");
}

static void other_commitment(JsonObject *o, void *data)
{
	(void)data;
	set_text(o, "share_commitment", "V4R-2M7Nx4gnPCCjFFWT-my6sybgpBJw5pce-vKKdXw");
}

static void other_seal(JsonObject *o, void *data)
{
	(void)data;
	set_text(o, "seal", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
}

static void no_commitment(JsonObject *o, void *data)
{
	(void)data;
	json_object_remove_member(o, "share_commitment");
}

static void the_wrong_party_is_refused(void **state)
{
	struct world *w = *state;
	refused(w, &w->coach, other_session, NULL, "statement-party");
	refused(w, &w->coach, other_role, NULL, "statement-party");
	refused(w, &w->coach, other_person, NULL, "statement-party");
}

static void a_wrong_form_is_refused(void **state)
{
	struct world *w = *state;
	refused(w, &w->coach, no_commitment, NULL, "statement-malformed");
	assert_string_equal(world_put(w, &w->coach, "{\"statement\":\"{}\"}", NULL), "statement-malformed");
	assert_string_equal(world_put(w, &w->coach, "{\"statement\":5}", NULL), "statement-malformed");
	assert_string_equal(world_put(w, &w->coach, "not json", NULL), "malformed");
	g_autofree char *good = world_statement(w, &w->coach, "ConsentGiven", "recording", NULL, NULL);
	g_auto(GStrv) parts = g_strsplit(good, "{\\\"event", 2);
	g_autofree char *spaced = g_strjoinv("{ \\\"event", parts); /* not canonical any more */
	assert_string_equal(world_put(w, &w->coach, spaced, NULL), "statement-malformed");
	g_autofree char *much = g_strnfill(9000, 'x');
	g_autofree char *large = g_strdup_printf("{\"statement\":\"%s\"}", much);
	assert_string_equal(world_put(w, &w->coach, large, NULL), "too-large");
}

static void the_wrong_key_is_refused(void **state)
{
	struct world *w = *state;
	struct person mallory = w->coach;
	crypto_sign_keypair(mallory.public, mallory.secret);
	refused(w, &mallory, NULL, NULL, "statement-key");
	struct person thief = w->coach; /* the right key's name, another's signature */
	ap_copy(thief.secret, 64, mallory.secret, 64);
	refused(w, &thief, NULL, NULL, "statement-signature");
}

static void a_forged_statement_is_refused(void **state)
{
	struct world *w = *state;
	g_autofree char *body = world_statement(w, &w->coach, "ConsentGiven", "supervision", NULL, NULL);
	g_auto(GStrv) parts = g_strsplit(body, "supervision", 2);
	g_autofree char *forged = g_strjoinv("ai_training", parts);
	assert_string_equal(world_put(w, &w->coach, forged, NULL), "statement-signature");
}

static void stale_and_reordered_gives_are_refused(void **state)
{
	struct world *w = *state;
	int64_t late = w->wall_ms + 301000, early = w->wall_ms - 301000;
	refused(w, &w->coach, at_time, &late, "statement-stale");
	refused(w, &w->coach, at_time, &early, "statement-stale");
	g_autofree char *older = world_statement(w, &w->coach, "ConsentGiven", "supervision", NULL, NULL);
	world_give(w, &w->coach);
	assert_string_equal(world_put(w, &w->coach, older, NULL), "statement-stale");
}

static void a_replay_is_refused(void **state)
{
	struct world *w = *state;
	g_autofree char *body = world_statement(w, &w->coach, "ConsentGiven", "recording", NULL, NULL);
	assert_string_equal(world_put(w, &w->coach, body, NULL), "ok");
	assert_string_equal(world_put(w, &w->coach, body, NULL), "statement-replayed");
	g_autofree char *withdrawal = world_statement(w, &w->coach, "ConsentWithdrawn", "recording", NULL, NULL);
	assert_string_equal(world_put(w, &w->coach, withdrawal, NULL), "ok");
	assert_string_equal(world_put(w, &w->coach, body, NULL), "statement-replayed");
	assert_false(gives(w, AP_COACH, AP_PURPOSE_RECORDING));
}

static void notice_purpose_and_share_are_checked(void **state)
{
	struct world *w = *state;
	refused(w, &w->coach, other_notice, NULL, "statement-notice");
	refused(w, &w->coach, other_purpose, NULL, "statement-purpose");
	refused(w, &w->coach, other_commitment, NULL, "statement-share");
	refused(w, &w->coach, other_seal, NULL, "statement-share");
	g_autofree char *body = world_statement(w, &w->coach, "ConsentGiven", "recording", NULL, NULL);
	g_auto(GStrv) parts = g_strsplit(body, "\"share\"", 2);
	g_autofree char *without = g_strjoinv("\"nothing\"", parts);
	assert_string_equal(world_put(w, &w->coach, without, NULL), "statement-share");
}

static void a_seal_key_serves_once(void **state)
{
	struct world *w = *state;
	g_autofree char *first = world_statement(w, &w->coach, "ConsentGiven", "recording", NULL, NULL);
	g_autofree char *second = world_statement(w, &w->coach, "ConsentGiven", "recording", NULL, NULL);
	assert_string_equal(world_put(w, &w->coach, first, NULL), "ok");
	assert_string_equal(world_put(w, &w->coach, second, NULL), "statement-share");
}

static void the_receipt_verifies(void **state)
{
	struct world *w = *state;
	char *receipt = NULL;
	g_autofree char *body = world_statement(w, &w->coach, "ConsentGiven", "recording,supervision", NULL, NULL);
	assert_string_equal(world_put(w, &w->coach, body, &receipt), "ok");
	g_autoptr(JsonNode) node = json_from_string(body, NULL);
	const char *statement = json_object_get_string_member(json_node_get_object(node), "statement");
	struct ap_log_key pinned;
	struct ap_receipt_facts facts;
	assert_true(ap_ok(ap_log_key_parse(ap_ledger_vkey(ap_vault_ledger(w->v)), &pinned)));
	assert_true(ap_ok(ap_receipt_verify(receipt, strlen(receipt), &pinned, statement, strlen(statement), &facts)));
	assert_int_equal(facts.type, AP_LEAF_CONSENT);
	assert_non_null(strstr(facts.body, "\"purposes\":[\"recording\",\"supervision\"]"));
	ap_receipt_facts_clear(&facts);
	g_free(receipt);
}

/* A withdrawal broken in some way closes the open gate and is answered. */
static void broken_withdrawal(struct world *w, const char *body)
{
	char *receipt = NULL;
	assert_int_equal(ap_gatekeeper_phase(world_keeper(w)), AP_PHASE_OPEN);
	assert_string_equal(world_put(w, &w->coach, body, &receipt), "ok");
	assert_non_null(strstr(receipt, "\"evidence\":\"unsigned\""));
	assert_int_equal(ap_gatekeeper_phase(world_keeper(w)), AP_PHASE_CLOSED);
	assert_false(gives(w, AP_COACH, AP_PURPOSE_RECORDING));
	assert_true(gives(w, AP_COACHEE, AP_PURPOSE_RECORDING));
	g_free(receipt);
}

static void reopen(struct world *w)
{
	world_give(w, &w->coach);
	ap_gatekeepers_tap_opened(w->keepers, &w->session, w->told.generation, true);
}

static void no_broken_withdrawal_fails(void **state)
{
	struct world *w = *state;
	static const char *const broken[] = {
		"ConsentWithdrawn",
		"{\"statement\":\"{\\\"event\\\":\\\"ConsentWithdrawn\\\"",
		"{\"statement\":\"{\\\"event\\\":\\\"ConsentRefused\\\",\\\"purposes\\\":7}\"}",
		"{\"event\":\"ConsentWithdrawn\",\"purposes\":[]}",
		"{\"statement\":\"{}\",\"note\":\"ConsentWithdrawn\"}",
	};
	world_open(w);
	for (size_t i = 0; i < G_N_ELEMENTS(broken); i++) {
		broken_withdrawal(w, broken[i]);
		reopen(w);
	}
	int64_t wild = w->wall_ms + INT64_C(100000000000);
	const struct {
		world_twist twist;
		void *data;
	} twists[] = { { other_session, NULL }, { other_role, NULL }, { other_notice, NULL }, { at_time, &wild }, { other_purpose, NULL } };
	for (size_t i = 0; i < G_N_ELEMENTS(twists); i++) {
		if (twists[i].twist == other_notice)
			continue; /* an old notice does not spoil a withdrawal's evidence */
		g_autofree char *body = world_statement(w, &w->coach, "ConsentWithdrawn", "recording", twists[i].twist, twists[i].data);
		broken_withdrawal(w, body);
		reopen(w);
	}
	struct person stranger = w->coach;
	crypto_sign_keypair(stranger.public, stranger.secret);
	g_autofree char *body = world_statement(w, &stranger, "ConsentRefused", "recording", NULL, NULL);
	broken_withdrawal(w, body);
}

static void a_failing_log_does_not_stop_a_withdrawal(void **state)
{
	struct world *w = *state;
	char *receipt = NULL;
	struct ap_db *blocker = NULL;
	g_autofree char *path = g_build_filename(w->home, "vault", "vault.db", NULL);
	world_open(w);
	g_autofree char *body = world_statement(w, &w->coach, "ConsentWithdrawn", "recording", NULL, NULL);
	assert_true(ap_ok(ap_db_open(path, ap_schema_vault, &blocker)));
	ap_db_set_patience(ap_vault_db(w->v), 1);
	assert_true(ap_ok(ap_db_begin(blocker))); /* nobody else can write now */
	assert_string_equal(world_put(w, &w->coach, body, &receipt), "ok");
	assert_string_equal(receipt, "{\"evidence\":\"unsigned\"}");
	assert_int_equal(ap_gatekeeper_phase(world_keeper(w)), AP_PHASE_CLOSED);
	assert_true(gives(w, AP_COACH, AP_PURPOSE_RECORDING)); /* vault.db does not know yet … */
	world_pass(w, 3000);
	assert_int_equal(ap_gatekeeper_phase(world_keeper(w)), AP_PHASE_CLOSED); /* … and the gate stays closed */
	ap_db_rollback(blocker);
	ap_db_close(blocker);
	ap_consents_tick(w->consents);
	assert_false(gives(w, AP_COACH, AP_PURPOSE_RECORDING));
	world_pass(w, 1000);
	assert_int_equal(ap_gatekeeper_reasons(world_keeper(w)), AP_GATE_REASON(CONSENT_MISSING));
	g_free(receipt);
}

static void withdrawing_another_purpose_keeps_recording(void **state)
{
	struct world *w = *state;
	world_open(w);
	g_autofree char *more = world_statement(w, &w->coach, "ConsentGiven", "supervision", NULL, NULL);
	assert_string_equal(world_put(w, &w->coach, more, NULL), "ok");
	assert_true(gives(w, AP_COACH, AP_PURPOSE_SUPERVISION));
	g_autofree char *less = world_statement(w, &w->coach, "ConsentWithdrawn", "supervision", NULL, NULL);
	assert_string_equal(world_put(w, &w->coach, less, NULL), "ok");
	assert_false(gives(w, AP_COACH, AP_PURPOSE_SUPERVISION));
	assert_true(gives(w, AP_COACH, AP_PURPOSE_RECORDING));
	assert_int_equal(w->erasures_ordered, 0);
	assert_int_equal(ap_gatekeeper_phase(world_keeper(w)), AP_PHASE_OPENING); /* it closed, and opens anew */
}

static void a_refusal_is_told_to_nobody_else(void **state)
{
	struct world *w = *state;
	g_string_truncate(w->told.events, 0);
	g_autofree char *body = world_statement(w, &w->coachee, "ConsentRefused", "recording,supervision", NULL, NULL);
	assert_string_equal(world_put(w, &w->coachee, body, NULL), "ok");
	assert_non_null(strstr(w->told.events->str, "coachee consent"));
	assert_non_null(strstr(w->told.events->str, "ConsentRefused"));
	assert_null(strstr(w->told.events->str, "coach consent"));
	assert_null(strstr(w->told.events->str, "both consent"));
	g_autoptr(JsonObject) others = ap_consent_states(w->consents, &w->session, AP_COACHEE, false);
	assert_string_equal(json_object_get_string_member(others, "recording"), "ConsentUnknown");
	g_autoptr(JsonObject) own = ap_consent_states(w->consents, &w->session, AP_COACHEE, true);
	assert_string_equal(json_object_get_string_member(own, "recording"), "ConsentRefused");
}

static void unused_shares_are_destroyed(void **state)
{
	struct world *w = *state;
	struct ap_give give;
	bool found = false;
	struct ap_wrapped wrapped;
	world_give(w, &w->coach);
	assert_true(ap_ok(ap_db_consent_give(ap_vault_db(w->v), &w->session, AP_COACH, &found, &give)));
	assert_true(found);
	assert_true(ap_ok(ap_db_keys_peek(ap_vault_keys(w->v), &give.record_id, AP_SLOT_COACH, &wrapped)));
	g_autofree char *body = world_statement(w, &w->coach, "ConsentWithdrawn", "recording", NULL, NULL);
	assert_string_equal(world_put(w, &w->coach, body, NULL), "ok");
	assert_false(ap_ok(ap_db_keys_peek(ap_vault_keys(w->v), &give.record_id, AP_SLOT_COACH, &wrapped)));
	ap_give_clear(&give);
}

static void a_refusal_leaves_the_others_share(void **state)
{
	struct world *w = *state;
	world_give(w, &w->coach);
	g_autofree char *no = world_statement(w, &w->coachee, "ConsentRefused", "recording", NULL, NULL);
	assert_string_equal(world_put(w, &w->coachee, no, NULL), "ok");
	world_open(w); /* both give, once more and after all */
}

static void a_person_who_changes_their_mind_opens_it(void **state)
{
	struct world *w = *state;
	world_give(w, &w->coach);
	g_autofree char *no = world_statement(w, &w->coachee, "ConsentRefused", "recording", NULL, NULL);
	assert_string_equal(world_put(w, &w->coachee, no, NULL), "ok");
	world_give(w, &w->coachee);
	ap_gatekeeper_leg(world_keeper(w), AP_COACH, true);
	ap_gatekeeper_leg(world_keeper(w), AP_COACHEE, true);
	assert_int_equal(ap_gatekeeper_phase(world_keeper(w)), AP_PHASE_OPENING);
}

static void an_unrecorded_session_offers_nothing(void **state)
{
	(void)state;
	struct world *w = world_new("\"sensitivity\":\"unrecorded\"");
	world_enrol(w, &w->coach);
	refused(w, &w->coach, NULL, NULL, "statement-purpose");
	assert_true(ap_gatekeeper_reasons(world_keeper(w)) & AP_GATE_REASON(POLICY));
	world_free(w);
}

/* keys.db cannot be rewritten while somebody reads it; the give was kept all the same, and is answered so. */
static void a_give_that_is_kept_is_answered(void **state)
{
	struct world *w = *state;
	struct ap_db *reader = NULL;
	g_autofree char *path = g_build_filename(w->home, "vault", "keys.db", NULL);
	g_autofree char *body = world_statement(w, &w->coach, "ConsentGiven", "recording", NULL, NULL);
	assert_true(ap_ok(ap_db_open(path, ap_schema_keys, &reader)));
	struct ap_rows *rows = ap_db_query(reader, "SELECT name FROM server_key", AP_NO_VALUES);
	assert_true(ap_rows_next(rows));
	const char *outcome = world_put(w, &w->coach, body, NULL);
	assert_true(ap_ok(ap_rows_end(rows)));
	ap_db_close(reader);
	assert_true(gives(w, AP_COACH, AP_PURPOSE_RECORDING));
	assert_string_equal(outcome, "ok");
}

/* Other purposes replace no give of `recording`: the share that the gate will open with stays. */
static void giving_another_purpose_keeps_the_share(void **state)
{
	struct world *w = *state;
	world_give(w, &w->coach);
	world_give(w, &w->coachee);
	g_autofree char *other = world_statement(w, &w->coach, "ConsentGiven", "supervision", NULL, NULL);
	assert_string_equal(world_put(w, &w->coach, other, NULL), "ok");
	ap_gatekeeper_leg(world_keeper(w), AP_COACH, true);
	ap_gatekeeper_leg(world_keeper(w), AP_COACHEE, true);
	assert_int_equal(ap_gatekeeper_phase(world_keeper(w)), AP_PHASE_OPENING);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* ---- gives that come together ---- */

struct waiter {
	bool came;
	char name[40];
};

static void on_answer(void *data, struct ap_result r, char *receipt)
{
	struct waiter *a = data;
	a->came = true;
	g_strlcpy(a->name, r.name, sizeof a->name);
	assert_int_equal(receipt != NULL, ap_ok(r));
	g_free(receipt);
}

/* A give of `recording` by the coach of a session of its own, on its way. */
static struct ap_party put_other(struct world *w, struct waiter *a)
{
	world_session(w, NULL);
	world_enrol(w, &w->coach);
	g_autofree char *body = world_statement(w, &w->coach, "ConsentGiven", "recording", NULL, NULL);
	struct ap_party party = world_party(w, &w->coach);
	*a = (struct waiter){ 0 };
	ap_consents_put(w->consents, &party, body, on_answer, a);
	return party;
}

static int64_t shares(struct world *w)
{
	int64_t n;
	assert_true(ap_ok(ap_db_keys_count(ap_vault_keys(w->v), &n)));
	return n;
}

static size_t pending(struct world *w)
{
	struct ap_pending_share rows[8];
	size_t n;
	assert_true(ap_ok(ap_db_keys_pending(ap_vault_keys(w->v), rows, 8, &n)));
	return n;
}

static void gives_that_come_together_are_answered_after_one_commit(void **state)
{
	struct world *w = *state;
	struct waiter a[3];
	ap_consents_use_group(w->consents);
	for (int i = 0; i < 3; i++) {
		struct ap_party party = put_other(w, &a[i]);
		ap_party_clear(&party);
	}
	assert_int_equal(world_count(w, "SELECT count(*) FROM consent"), 0);
	assert_false(a[0].came || a[1].came || a[2].came);
	world_settle(w);
	for (int i = 0; i < 3; i++)
		assert_string_equal(a[i].name, "ok");
	assert_int_equal(world_count(w, "SELECT count(DISTINCT leaf) FROM consent"), 3);
	assert_int_equal(pending(w), 0);
	assert_int_equal(shares(w), 3); /* their seal keys are gone */
	assert_int_equal(world_count(w, "SELECT count(*) FROM checkpoint"), 1); /* one signature for all receipts */
}

/* What is asked of a session finds what was given before. */
static void a_give_does_not_wait_where_the_next_decision_is_there(void **state)
{
	struct world *w = *state;
	struct waiter first, other;
	ap_consents_use_group(w->consents);
	struct ap_party party = put_other(w, &other);
	ap_party_clear(&party);
	party = put_other(w, &first);
	g_autofree char *withdrawal = world_statement(w, &w->coach, "ConsentWithdrawn", "recording", NULL, NULL);
	assert_false(first.came);
	assert_string_equal(world_put(w, &w->coach, withdrawal, NULL), "ok");
	assert_string_equal(first.name, "ok");
	assert_string_equal(other.name, "ok");
	assert_int_equal(world_count(w, "SELECT count(*) FROM consent c JOIN consent d ON d.session = c.session AND d.leaf > c.leaf"
					" WHERE c.event = 'ConsentGiven' AND d.event = 'ConsentWithdrawn'"), 1);
	ap_party_clear(&party);
}

static void one_give_that_fails_takes_no_other_with_it(void **state)
{
	struct world *w = *state;
	struct waiter a[3];
	ap_consents_use_group(w->consents);
	assert_true(ap_ok(ap_db_run(ap_vault_db(w->v),
				    "CREATE TRIGGER no BEFORE INSERT ON consent WHEN (SELECT count(*) FROM consent) = 1"
				    " BEGIN SELECT RAISE(ABORT, 'no'); END",
				    AP_NO_VALUES)));
	for (int i = 0; i < 2; i++) {
		struct ap_party party = put_other(w, &a[i]);
		ap_party_clear(&party);
	}
	world_settle(w);
	assert_string_equal(a[0].name, "ok");
	assert_string_equal(a[1].name, "database");
	assert_int_equal(world_count(w, "SELECT count(*) FROM leaf"), 1);
	assert_int_equal(world_count(w, "SELECT count(*) FROM consent"), 1);
	assert_int_equal(pending(w), 0);
	assert_int_equal(shares(w), 1 + 1); /* the other's seal key, for another try */
}

static void a_commit_that_fails_gives_nothing_to_anybody(void **state)
{
	struct world *w = *state;
	struct waiter a[2];
	static const char *const dud[] = {
		"CREATE TABLE dud (s BLOB REFERENCES session(id) DEFERRABLE INITIALLY DEFERRED) STRICT",
		"CREATE TRIGGER dud_put AFTER INSERT ON consent BEGIN INSERT INTO dud VALUES (x'00'); END", /* refused at the commit */
	};
	for (size_t i = 0; i < G_N_ELEMENTS(dud); i++)
		assert_true(ap_ok(ap_db_run(ap_vault_db(w->v), dud[i], AP_NO_VALUES)));
	ap_consents_use_group(w->consents);
	for (int i = 0; i < 2; i++) {
		struct ap_party party = put_other(w, &a[i]);
		ap_party_clear(&party);
	}
	world_settle(w);
	assert_string_equal(a[0].name, "database");
	assert_string_equal(a[1].name, "database");
	assert_int_equal(world_count(w, "SELECT count(*) FROM leaf"), 0);
	assert_int_equal(pending(w), 0);
	assert_int_equal(shares(w), 2); /* their seal keys, for another try; no share */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_wrong_party_is_refused),
		TEST(a_wrong_form_is_refused),
		TEST(the_wrong_key_is_refused),
		TEST(a_forged_statement_is_refused),
		TEST(stale_and_reordered_gives_are_refused),
		TEST(a_replay_is_refused),
		TEST(notice_purpose_and_share_are_checked),
		TEST(a_seal_key_serves_once),
		TEST(a_give_that_is_kept_is_answered),
		TEST(giving_another_purpose_keeps_the_share),
		TEST(the_receipt_verifies),
		TEST(no_broken_withdrawal_fails),
		TEST(a_failing_log_does_not_stop_a_withdrawal),
		TEST(withdrawing_another_purpose_keeps_recording),
		TEST(a_refusal_is_told_to_nobody_else),
		TEST(unused_shares_are_destroyed),
		TEST(a_refusal_leaves_the_others_share),
		TEST(a_person_who_changes_their_mind_opens_it),
		cmocka_unit_test(an_unrecorded_session_offers_nothing),
		TEST(gives_that_come_together_are_answered_after_one_commit),
		TEST(a_give_does_not_wait_where_the_next_decision_is_there),
		TEST(one_give_that_fails_takes_no_other_with_it),
		TEST(a_commit_that_fails_gives_nothing_to_anybody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
