/* R40: proof of consent outlives the recording in a restricted archive, then its opening is destroyed too. */
#include "tests/testlib/staff_fixture.h"

#include "recorder/api/answer.h"
#include "recorder/db/db_consent.h"
#include "recorder/db/db_ledger.h"
#include "recorder/erasure/erasure.h"
#include "recorder/keys/turnover.h"
#include "recorder/ledger/checkpoint.h"
#include "recorder/ledger/receipt.h"
#include "recorder/portability/copy.h"
#include "recorder/proof/db_proof.h"
#include "recorder/proof/proof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY 86400000LL
#define YEARS_5 (1826 * DAY)
#define COACH "coach-whom-nobody-shall-find"
#define COACHEE "coachee-whom-nobody-shall-find"

struct desk {
	struct fixture *f;
	struct ap_proofs p;
	struct ap_uuid session, recording;
	struct ap_actor ada, bob;
};

static struct ap_uuid consented(struct fixture *f, const char *coach, const char *coachee)
{
	struct ap_uuid session = fixture_session(f, coach, coachee);
	fixture_give(f, &session, AP_COACH, "[\"recording\"]");
	fixture_give(f, &session, AP_COACHEE, "[\"recording\"]");
	return session;
}

static struct desk desk_new(void)
{
	struct desk d = {.f = fixture_new()};
	d.session = consented(d.f, COACH, COACHEE);
	d.recording = fixture_recording(d.f, &d.session, 10 * DAY);
	fixture_run(d.f, "UPDATE party SET name = 'A Name Not To Stay'");
	d.ada = fixture_user(d.f, "ada", "admin", NULL);
	d.bob = fixture_user(d.f, "bob", "admin", NULL);
	return d;
}

static void scan(struct desk *d)
{
	assert_ok(ap_proof_scan(d->f->v, &d->p));
}

static void erase(struct desk *d)
{
	g_autofree char *certificate = NULL;
	assert_ok(ap_erasure_now(d->f->v, &d->recording, AP_ERASE_REQUEST, &certificate));
}

/* Moved to the archive, its certificates settled by a turnover. */
static struct desk desk_archived(void)
{
	struct desk d = desk_new();
	erase(&d);
	scan(&d);
	assert_ok(ap_turnover_run(d.f->v, AP_TURN_SCHEDULE));
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM proof"), 1);
	return d;
}

/* Leaves of its statements, and the statement of the first. */
static uint64_t first_leaf(struct desk *d)
{
	g_autoptr(GArray) leaves = NULL;
	assert_ok(ap_db_consent_leaves(ap_vault_db(d->f->v), &d->session, AP_COACH, &leaves));
	assert_true(leaves->len > 0);
	return g_array_index(leaves, uint64_t, 0);
}

static char *statement_of(struct desk *d)
{
	struct ap_rows *rows = ap_db_query(ap_vault_db(d->f->v), "SELECT text FROM consent WHERE session = ?1 AND role = 1 ORDER BY seq",
					   AP_VALUES(AP_V_UUID(&d->session)));
	assert_true(ap_rows_next(rows));
	char *text = ap_row_text_dup(rows, 0);
	assert_ok(ap_rows_end(rows));
	return text;
}

static JsonObject *wish(const struct ap_uuid *session, const char *reason)
{
	JsonObject *o = json_object_new();
	ap_answer_id(o, "session", session);
	json_object_set_string_member(o, "reason", reason);
	return o;
}

static char *propose(struct desk *d)
{
	unsigned status = 0;
	g_autoptr(JsonNode) answer = NULL;
	g_autoptr(JsonObject) body = wish(&d->session, "a dispute");
	assert_ok(ap_proof_post(d->f->v, &d->ada, body, &status, &answer));
	assert_int_equal(status, 202);
	return g_strdup(json_object_get_string_member(json_node_get_object(answer), "proposal"));
}

static struct ap_result confirm(struct desk *d, const struct ap_actor *by, const char *proposal, JsonNode **ret_answer)
{
	unsigned status = 0;
	g_autoptr(JsonObject) body = json_object_new();
	json_object_set_string_member(body, "proposal", proposal);
	return ap_proof_post(d->f->v, by, body, &status, ret_answer);
}

static JsonArray *opened(struct desk *d, JsonNode **ret_answer)
{
	g_autofree char *proposal = propose(d);
	assert_ok(confirm(d, &d->bob, proposal, ret_answer));
	return json_object_get_array_member(json_node_get_object(*ret_answer), "consents");
}

static void verify(struct desk *d, const char *receipt)
{
	struct ap_log_key key;
	struct ap_receipt_facts facts;
	assert_ok(ap_log_key_parse(ap_ledger_vkey(ap_vault_ledger(d->f->v)), &key));
	assert_ok(ap_receipt_verify(receipt, strlen(receipt), &key, NULL, 0, &facts));
	assert_int_equal(facts.type, AP_LEAF_CONSENT);
	ap_receipt_facts_clear(&facts);
}

static void R40_proof_moves_to_the_archive_with_the_last_erasure(void **state)
{
	(void)state;
	struct desk d = desk_new();
	g_autofree char *statement = statement_of(&d), *receipt = NULL;
	uint64_t leaf = first_leaf(&d);
	scan(&d);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM proof"), 0); /* it lives */
	assert_refused(ap_proof_receipt(d.f->v, &d.session, leaf, &receipt), "not-found");
	erase(&d);
	scan(&d);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM proof"), 1);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM consent WHERE text IS NOT NULL OR key IS NOT NULL"), 0);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM leaf WHERE body IS NOT NULL AND idx IN (SELECT leaf FROM consent)"), 0);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM party WHERE name IS NOT NULL"), 0);
	assert_false(fixture_on_disk(d.f, statement, strlen(statement)));
	assert_false(fixture_on_disk(d.f, "A Name Not To Stay", 18));
	/* The person's receipt is as good as ever. */
	assert_refused(ap_ledger_receipt(ap_vault_ledger(d.f->v), ap_vault_db(d.f->v), leaf, &receipt), "erased");
	assert_ok(ap_proof_receipt(d.f->v, &d.session, leaf, &receipt));
	verify(&d, receipt);
	/* And so is their copy. */
	const struct ap_copy_wish wanted = {.session = d.session, .role = AP_COACH};
	g_autoptr(JsonObject) copy = NULL;
	assert_ok(ap_copy_build(d.f->v, &wanted, &copy));
	JsonArray *statements = json_object_get_array_member(copy, "statements");
	assert_int_equal(json_array_get_length(statements), 1);
	assert_string_equal(json_object_get_string_member(json_array_get_object_element(statements, 0), "statement"), statement);
	scan(&d); /* once is enough */
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM proof"), 1);
	fixture_free(d.f);
}

static void R40_a_session_that_was_never_recorded_is_kept_from_its_end(void **state)
{
	(void)state;
	struct desk d = desk_new();
	struct ap_uuid other = fixture_session(d.f, "c", "d"), running = fixture_session(d.f, "e", "f");
	fixture_give(d.f, &other, AP_COACH, "[\"recording\"]");
	assert_ok(ap_db_run(ap_vault_db(d.f->v), "UPDATE session SET state = 'active' WHERE id = ?1", AP_VALUES(AP_V_UUID(&running))));
	assert_ok(ap_db_run(ap_vault_db(d.f->v), "UPDATE session SET ended_ms = created_ms + 5000 WHERE id = ?1",
			    AP_VALUES(AP_V_UUID(&other))));
	scan(&d);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM proof"), 1);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM proof p JOIN session s ON s.id = p.session"
					    " WHERE p.base_ms = s.ended_ms AND p.until_ms = p.base_ms + 1826 * 86400000"), 1);
	fixture_free(d.f);
}

static void R40_two_admins_open_a_proof_and_the_log_tells(void **state)
{
	(void)state;
	struct desk d = desk_archived();
	struct ap_actor foreign = fixture_user(d.f, "eve", "admin", NULL);
	g_autoptr(JsonNode) answer = NULL, list = NULL;
	unsigned status;
	g_autofree char *proposal = propose(&d);
	foreign.tenant = d.f->tenant + 1;
	assert_refused(confirm(&d, &d.ada, proposal, &answer), "role");
	assert_refused(confirm(&d, &foreign, proposal, &answer), "not-found");
	g_autoptr(JsonObject) body = wish(&d.session, "curious"), mute = wish(&d.session, "");
	assert_refused(ap_proof_post(d.f->v, &foreign, body, &status, &answer), "not-found");
	assert_refused(ap_proof_post(d.f->v, &d.ada, mute, &status, &answer), "invalid");
	assert_ok(ap_proof_list(d.f->v, &d.bob, NULL, &list));
	JsonObject *listed = json_node_get_object(list);
	assert_int_equal(json_object_get_int_member(listed, "total"), 1);
	assert_int_equal(json_array_get_length(json_object_get_array_member(listed, "proposals")), 1);
	assert_ok(confirm(&d, &d.bob, proposal, &answer));
	assert_int_equal(fixture_last_leaf(d.f), AP_LEAF_ACCESS_BEGUN);
	JsonArray *consents = json_object_get_array_member(json_node_get_object(answer), "consents");
	assert_int_equal(json_array_get_length(consents), 2);
	JsonObject *first = json_array_get_object_element(consents, 0);
	assert_non_null(strstr(json_object_get_string_member(first, "statement"), "ConsentGiven"));
	g_autofree char *receipt = json_to_string(json_object_get_member(first, "receipt"), FALSE);
	verify(&d, receipt);
	JsonObject *coach = json_array_get_object_element(json_object_get_array_member(json_node_get_object(answer), "parties"), 0);
	assert_string_equal(json_object_get_string_member(coach, "principal"), COACH);
	assert_string_equal(json_object_get_string_member(coach, "name"), "A Name Not To Stay");
	g_autoptr(JsonNode) again = NULL;
	assert_refused(confirm(&d, &d.bob, proposal, &again), "not-found"); /* a word is good for once */
	fixture_free(d.f);
}

static void R40_what_is_said_later_joins_the_proof(void **state)
{
	(void)state;
	struct desk d = desk_archived();
	g_autoptr(JsonNode) answer = NULL;
	int64_t until = fixture_count(d.f, "SELECT until_ms FROM proof");
	fixture_advance(d.f, 30 * DAY);
	fixture_withdraw(d.f, &d.session, AP_COACHEE, "[\"recording\"]");
	scan(&d);
	JsonArray *consents = opened(&d, &answer);
	assert_int_equal(json_array_get_length(consents), 3);
	assert_string_equal(json_object_get_string_member(json_array_get_object_element(consents, 2), "event"), "ConsentWithdrawn");
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM consent WHERE archived = 0"), 0);
	assert_true(fixture_count(d.f, "SELECT until_ms FROM proof") == until);
	fixture_free(d.f);
}

static void R40_a_turnover_wraps_the_keys_of_proofs_anew(void **state)
{
	(void)state;
	struct desk d = desk_archived();
	struct ap_kek_id before, after;
	g_autoptr(JsonNode) answer = NULL;
	int64_t n = 0;
	assert_ok(ap_db_keys_kek_id(ap_vault_keys(d.f->v), &before));
	assert_ok(ap_db_keys_count(ap_vault_keys(d.f->v), &n));
	assert_int_equal(n, 1); /* the proof's alone */
	assert_ok(ap_turnover_run(d.f->v, AP_TURN_SCHEDULE));
	assert_ok(ap_db_keys_kek_id(ap_vault_keys(d.f->v), &after));
	assert_false(ap_kek_id_equal(&before, &after));
	assert_int_equal(json_array_get_length(opened(&d, &answer)), 2);
	fixture_free(d.f);
}

/* Are these bytes in a database, its log and all? The journal, which knows ids of sessions alone, is not one. */
static bool in_databases(struct desk *d, const void *bytes, size_t len)
{
	static const char *const names[] = {"vault.db", "vault.db-wal", "keys.db", "keys.db-wal"};
	bool found = false;
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(d->f->home, "vault", names[i], NULL), *content = NULL;
		gsize size = 0;
		if (g_file_get_contents(path, &content, &size, NULL))
			found = found || memmem(content, size, bytes, len);
	}
	return found;
}

static bool names(struct desk *d, const struct ap_uuid *id)
{
	char text[AP_UUID_TEXT];
	ap_uuid_text(id, text);
	return in_databases(d, id->b, sizeof id->b) || in_databases(d, text, strlen(text));
}

static void R40_at_the_end_nothing_links_a_person_to_the_log(void **state)
{
	(void)state;
	struct desk d = desk_new();
	bool whole = false;
	uint64_t leaf = first_leaf(&d);
	g_autofree char *statement = statement_of(&d), *kept = NULL, *receipt = NULL, *gone = NULL;
	assert_ok(ap_ledger_receipt(ap_vault_ledger(d.f->v), ap_vault_db(d.f->v), leaf, &kept));
	assert_true(in_databases(&d, statement, strlen(statement)) && names(&d, &d.session) && names(&d, &d.recording));
	erase(&d);
	scan(&d);
	assert_ok(ap_turnover_run(d.f->v, AP_TURN_SCHEDULE));
	fixture_advance(d.f, DAY);
	struct ap_uuid later = consented(d.f, "other-coach", "other-coachee");
	fixture_advance(d.f, fixture_count(d.f, "SELECT until_ms FROM proof") - d.f->wall_ms - 1);
	scan(&d);
	assert_ok(ap_proof_receipt(d.f->v, &d.session, leaf, &receipt));
	int64_t leaves = fixture_count(d.f, "SELECT count(*) FROM leaf");
	fixture_advance(d.f, 1);
	scan(&d);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM proof"), 1);
	assert_refused(ap_proof_receipt(d.f->v, &d.session, leaf, &gone), "not-found");
	assert_false(fixture_on_disk(d.f, statement, strlen(statement)));
	assert_false(fixture_on_disk(d.f, COACH, strlen(COACH)));
	assert_false(fixture_on_disk(d.f, COACHEE, strlen(COACHEE)));
	assert_false(names(&d, &d.session));
	assert_false(names(&d, &d.recording));
	assert_true(names(&d, &later)); /* whom it is not about */
	/* The log is as long as it was and one more, whole, and the same that was signed; what the person saved verifies. */
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM leaf"), leaves + 1);
	assert_int_equal(fixture_count(d.f, "SELECT json_extract(body, '$.count') FROM leaf ORDER BY idx DESC LIMIT 1"), 1);
	assert_ok(ap_db_ledger_whole(ap_vault_db(d.f->v), 0, &whole));
	assert_true(whole);
	fixture_restart(d.f);
	assert_false(ap_ledger_stopped(ap_vault_ledger(d.f->v)));
	verify(&d, kept);
	fixture_free(d.f);
}

/* R40: a witness that doubts the log keeps nothing beyond its end. */
static void R40_the_end_comes_while_a_witness_doubts(void **state)
{
	(void)state;
	struct desk d = desk_archived();
	ap_ledger_doubt(ap_vault_ledger(d.f->v), true);
	fixture_advance(d.f, YEARS_5 + DAY);
	scan(&d);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM proof"), 0);
	assert_int_equal(fixture_count(d.f, "SELECT json_extract(body, '$.event') = 'proofs_destroyed' FROM leaf ORDER BY idx DESC LIMIT 1"), 1);
	fixture_free(d.f);
}

static void R40_the_end_waits_for_an_open_request(void **state)
{
	(void)state;
	struct desk d = desk_archived();
	assert_ok(ap_db_run(ap_vault_db(d.f->v),
			    "INSERT INTO request (id, session, role, type, detail, state, created_ms, due_ms, leaf)"
			    " VALUES (randomblob(16), ?1, 1, 'access', '', 'open', 1, 2, 0)",
			    AP_VALUES(AP_V_UUID(&d.session))));
	fixture_advance(d.f, YEARS_5 + DAY);
	scan(&d);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM proof"), 1);
	fixture_run(d.f, "UPDATE request SET state = 'done'");
	scan(&d);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM proof"), 0);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM request"), 0);
	fixture_free(d.f);
}

static void R40_a_stricter_policy_shortens_the_years(void **state)
{
	(void)state;
	struct desk d = desk_archived();
	fixture_run(d.f, "INSERT INTO policy (name, version, document, created_ms) SELECT name, version + 1,"
			 " replace(document, '1826', '10'), 1 FROM policy WHERE name = 'default' ORDER BY version DESC LIMIT 1");
	fixture_advance(d.f, 60000);
	scan(&d);
	assert_int_equal(fixture_count(d.f, "SELECT (until_ms - base_ms) / 86400000 FROM proof"), 10);
	fixture_run(d.f, "INSERT INTO policy (name, version, document, created_ms) SELECT name, version + 1,"
			 " replace(document, '10', '3000'), 1 FROM policy WHERE name = 'default' ORDER BY version DESC LIMIT 1");
	fixture_advance(d.f, 60000);
	scan(&d);
	assert_int_equal(fixture_count(d.f, "SELECT (until_ms - base_ms) / 86400000 FROM proof"), 10);
	fixture_free(d.f);
}

/* Nothing can be sealed or read then; what is due goes all the same. */
static void R40_a_lockdown_reads_nothing_and_destroys_what_is_due(void **state)
{
	(void)state;
	struct desk d = desk_archived();
	struct ap_uuid other = consented(d.f, "c", "d");
	g_autofree char *receipt = NULL;
	uint64_t leaf = first_leaf(&d);
	ap_db_keys_lock(ap_vault_keys(d.f->v));
	assert_ok(ap_vault_set_lockdown(d.f->v, true));
	(void)other;
	scan(&d);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM proof"), 1);
	assert_refused(ap_proof_receipt(d.f->v, &d.session, leaf, &receipt), "lockdown");
	fixture_advance(d.f, YEARS_5);
	scan(&d);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM proof"), 0);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM session"), 1);
	fixture_free(d.f);
}

/* What lies in the archive opens as that session's alone, and not when it was touched. */
static void a_proof_that_was_altered_or_moved_does_not_open(void **state)
{
	(void)state;
	struct desk d = desk_archived();
	g_autofree char *receipt = NULL;
	uint64_t leaf = first_leaf(&d);
	fixture_run(d.f, "UPDATE proof SET sealed = CAST(substr(sealed, 1, 30) || x'00' || substr(sealed, 32) AS BLOB)");
	assert_refused(ap_proof_receipt(d.f->v, &d.session, leaf, &receipt), "proof-sealed");
	fixture_free(d.f);
}

/* docs/THREATS.md, what does not hold: the archive hides what was said and signed, not that it was. */
static void R40_events_purposes_and_times_stay_in_clear_until_the_end(void **state)
{
	(void)state;
	struct desk d = desk_new();
	fixture_withdraw(d.f, &d.session, AP_COACHEE, "[\"recording\"]");
	erase(&d);
	scan(&d);
	assert_ok(ap_turnover_run(d.f->v, AP_TURN_SCHEDULE));
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM consent WHERE archived = 1"), 3);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM consent WHERE text IS NOT NULL OR key IS NOT NULL OR signature IS NOT NULL"), 0);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM consent c JOIN party p USING (session, role)"
					    " WHERE p.pii_principal = '" COACHEE "' AND c.event = 'ConsentWithdrawn'"
					    " AND c.purposes = '[\"recording\"]' AND c.event_ms > 0"), 1);
	static const char row[] = "ConsentWithdrawn[\"recording\"]"; /* as its columns lie in the file */
	assert_true(fixture_on_disk(d.f, row, strlen(row)));
	fixture_advance(d.f, YEARS_5 + DAY);
	scan(&d);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM consent"), 0);
	assert_false(fixture_on_disk(d.f, row, strlen(row)));
	fixture_free(d.f);
}

static bool owed(struct desk *d)
{
	return fixture_count(d->f, "SELECT count(*) FROM setting WHERE name = 'proof_purge'") > 0;
}

/* A reader keeps the log from being emptied. It stays owed, and is tried again when the hour is over, not every second. */
static void R40_a_rewriting_that_failed_is_owed_and_tried_again_later(void **state)
{
	(void)state;
	struct desk d = desk_new();
	struct ap_db *reader = NULL;
	g_autofree char *path = g_build_filename(d.f->home, "vault", "vault.db", NULL);
	erase(&d);
	ap_db_set_patience(ap_vault_db(d.f->v), 0);
	assert_ok(ap_db_open(path, ap_schema_vault, &reader));
	struct ap_rows *rows = ap_db_query(reader, "SELECT id FROM session", AP_NO_VALUES);
	assert_true(ap_rows_next(rows));
	assert_refused(ap_proof_scan(d.f->v, &d.p), "database-busy");
	assert_true(owed(&d));
	assert_ok(ap_rows_end(rows));
	ap_db_close(reader);
	fixture_advance(d.f, 1000);
	scan(&d);
	assert_true(owed(&d));
	fixture_advance(d.f, 3600 * 1000);
	scan(&d);
	assert_false(owed(&d));
	fixture_free(d.f);
}

static void fill(struct desk *d, int mib)
{
	assert_ok(ap_config_set(d->f->config, "storage.floor_mib", "0"));
	assert_ok(ap_db_run(ap_vault_db(d->f->v), "INSERT INTO setting (name, value) VALUES ('filler', hex(zeroblob(?1)))",
			    AP_VALUES(AP_V_INT((int64_t)mib << 19))));
}

/* Whoever writes waits meanwhile, and a gate waits half a second at most. */
static void R40_a_rewriting_that_takes_time_waits_until_no_session_is_on(void **state)
{
	(void)state;
	struct desk d = desk_new();
	struct ap_uuid running = fixture_session(d.f, "e", "f");
	assert_ok(ap_db_run(ap_vault_db(d.f->v), "UPDATE session SET state = 'active' WHERE id = ?1", AP_VALUES(AP_V_UUID(&running))));
	fill(&d, 6);
	erase(&d);
	scan(&d);
	assert_true(owed(&d));
	assert_ok(ap_db_run(ap_vault_db(d.f->v), "UPDATE session SET state = 'created' WHERE id = ?1", AP_VALUES(AP_V_UUID(&running))));
	scan(&d);
	assert_false(owed(&d));
	fixture_free(d.f);
}

/* Before threads and listeners; one that was cut off there is not tried at the very next start, which it would cut off too. */
static void R40_a_large_vault_db_is_rewritten_at_the_start(void **state)
{
	(void)state;
	struct desk d = desk_new();
	fill(&d, 18);
	erase(&d);
	scan(&d);
	assert_true(owed(&d));
	fixture_run(d.f, "UPDATE setting SET value = 'begun' WHERE name = 'proof_purge'");
	ap_proof_start(d.f->v);
	assert_true(owed(&d));
	assert_ok(ap_config_set(d.f->config, "storage.floor_mib", "10000000"));
	ap_proof_start(d.f->v); /* no room */
	assert_true(owed(&d));
	assert_ok(ap_config_set(d.f->config, "storage.floor_mib", "0"));
	fixture_run(d.f, "DELETE FROM setting WHERE name = 'filler'");
	ap_proof_start(d.f->v);
	assert_false(owed(&d));
	assert_true(fixture_count(d.f, "PRAGMA page_count") * fixture_count(d.f, "PRAGMA page_size") < (4 << 20));
	assert_int_equal(fixture_count(d.f, "PRAGMA temp_store"), 2);
	fixture_free(d.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(R40_proof_moves_to_the_archive_with_the_last_erasure),
		cmocka_unit_test(R40_a_session_that_was_never_recorded_is_kept_from_its_end),
		cmocka_unit_test(R40_two_admins_open_a_proof_and_the_log_tells),
		cmocka_unit_test(R40_what_is_said_later_joins_the_proof),
		cmocka_unit_test(R40_a_turnover_wraps_the_keys_of_proofs_anew),
		cmocka_unit_test(R40_at_the_end_nothing_links_a_person_to_the_log),
		cmocka_unit_test(R40_the_end_comes_while_a_witness_doubts),
		cmocka_unit_test(R40_the_end_waits_for_an_open_request),
		cmocka_unit_test(R40_a_stricter_policy_shortens_the_years),
		cmocka_unit_test(R40_a_lockdown_reads_nothing_and_destroys_what_is_due),
		cmocka_unit_test(a_proof_that_was_altered_or_moved_does_not_open),
		cmocka_unit_test(R40_events_purposes_and_times_stay_in_clear_until_the_end),
		cmocka_unit_test(R40_a_rewriting_that_failed_is_owed_and_tried_again_later),
		cmocka_unit_test(R40_a_rewriting_that_takes_time_waits_until_no_session_is_on),
		cmocka_unit_test(R40_a_large_vault_db_is_rewritten_at_the_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
