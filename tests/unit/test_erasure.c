#include "tests/testlib/staff_fixture.h"

#include "recorder/db/db_staff_erasure.h"
#include "recorder/erasure/erasure.h"
#include "recorder/recording/playback.h"
#include "recorder/ledger/receipt.h"

#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define YEAR (365LL * 86400000)

static struct ap_uuid record_of(struct fixture *f, const struct ap_uuid *recording, const char *column)
{
	struct ap_rows *rows =
		ap_db_query(ap_vault_db(f->v),
			    strcmp(column, "coach") == 0 ? "SELECT coach_record FROM recording WHERE id = ?1"
							 : "SELECT coachee_record FROM recording WHERE id = ?1",
			    AP_VALUES(AP_V_UUID(recording)));
	assert_true(ap_rows_next(rows));
	struct ap_uuid id = ap_row_uuid(rows, 0);
	assert_ok(ap_rows_end(rows));
	return id;
}

static struct ap_wrapped peek(struct fixture *f, const struct ap_uuid *owner, enum ap_slot slot)
{
	struct ap_wrapped wrapped;
	assert_ok(ap_db_keys_peek(ap_vault_keys(f->v), owner, slot, &wrapped));
	return wrapped;
}

static bool there(struct fixture *f, const struct ap_uuid *owner, enum ap_slot slot)
{
	struct ap_wrapped wrapped;
	return ap_ok(ap_db_keys_peek(ap_vault_keys(f->v), owner, slot, &wrapped));
}

static struct ap_result order(struct fixture *f, const struct ap_uuid *recording, const char *cause)
{
	struct ap_db *db = ap_vault_db(f->v);
	AP_TRY(ap_db_begin(db));
	return ap_db_finish(db, ap_erasure_order(f->v, db, recording, cause));
}

static void check_certificate(struct fixture *f, const char *certificate, const char *cause)
{
	struct ap_log_key key;
	struct ap_receipt_facts facts;
	assert_ok(ap_log_key_parse(ap_ledger_vkey(ap_vault_ledger(f->v)), &key));
	assert_ok(ap_receipt_verify(certificate, strlen(certificate), &key, NULL, 0, &facts));
	assert_int_equal(facts.type, AP_LEAF_ERASED);
	assert_non_null(strstr(facts.body, "\"erased_at\":\""));
	g_autofree char *told = g_strdup_printf("\"cause\":\"%s\"", cause);
	assert_non_null(strstr(facts.body, told));
	ap_receipt_facts_clear(&facts);
}

/* R19 and the fourth promise: found in the raw files before, in none after, WAL included. */
static void shares_bytes_and_rows_are_gone_and_certified(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]"),
		       recording = fixture_recording(f, &session, YEAR);
	struct ap_uuid coach = record_of(f, &recording, "coach"), coachee = record_of(f, &recording, "coachee");
	struct ap_wrapped wrapped[3] = {peek(f, &coach, AP_SLOT_COACH), peek(f, &coachee, AP_SLOT_COACHEE),
					peek(f, &recording, AP_SLOT_VAULT)};
	g_autofree char *certificate = NULL;
	for (int i = 0; i < 3; i++)
		assert_true(fixture_on_disk(f, wrapped[i].bytes, AP_WRAPPED));
	assert_int_equal(fixture_files(f, &recording), 2 * FIXTURE_SEGMENTS);
	assert_ok(ap_erasure_now(f->v, &recording, AP_ERASE_ADMIN, &certificate));
	for (int i = 0; i < 3; i++) {
		assert_false(fixture_on_disk(f, wrapped[i].bytes, AP_WRAPPED));
		assert_false(fixture_on_disk(f, wrapped[i].nonce, AP_WRAP_NONCE));
	}
	assert_int_equal(fixture_files(f, &recording), 0);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM segment"), 0);
	check_certificate(f, certificate, "admin");
	struct ap_playback_reader *reader;
	assert_refused(ap_playback_open(f->v, &recording, AP_COACH, &reader), "erased");
	struct ap_actor party = fixture_party(&session, AP_COACH), admin = fixture_user(f, "ada", "admin", NULL);
	struct ap_access access;
	assert_refused(ap_access_begin(f->v, &party, &recording, "recording", "own viewing", &access), "erased");
	assert_refused(ap_access_begin_export(f->v, &admin, &recording, "why", &access), "erased");
	fixture_free(f);
}

static void from_the_order_on_nobody_reads(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]"),
		       recording = fixture_recording(f, &session, YEAR);
	struct ap_actor party = fixture_party(&session, AP_COACH);
	struct ap_access access;
	assert_ok(ap_access_begin(f->v, &party, &recording, "recording", "own viewing", &access));
	assert_ok(order(f, &recording, AP_ERASE_WITHDRAWAL));
	assert_int_equal(fixture_last_leaf(f), AP_LEAF_ERASURE_ORDERED);
	assert_refused(ap_access_check(f->v, &party, &access.id, &recording), "erased");
	assert_ok(order(f, &recording, AP_ERASE_ADMIN)); /* ordered before: nothing new */
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM erasure"), 1);
	assert_ok(ap_erasure_run(f->v));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM access WHERE ended_ms IS NULL"), 0);
	assert_int_equal(
		fixture_count(f, "SELECT count(*) FROM erasure WHERE step = 'erased' AND certificate IS NOT NULL"), 1);
	fixture_free(f);
}

/* A crash after any step: the next start goes on from there, and what was done may be done again. */
static void every_step_resumes(void **state)
{
	(void)state;
	static const char *const steps[] = {"UPDATE erasure SET step = 'ordered' WHERE certificate IS NULL",
					    "UPDATE erasure SET step = 'shares' WHERE certificate IS NULL",
					    "UPDATE erasure SET step = 'bytes' WHERE certificate IS NULL"};
	struct fixture *f = fixture_new();
	for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
		struct ap_uuid session = fixture_consented(f, "[\"recording\"]"),
			       recording = fixture_recording(f, &session, YEAR);
		g_autofree char *certificate = NULL;
		assert_ok(order(f, &recording, AP_ERASE_EXPIRY));
		if (i >= 1)
			assert_ok(ap_db_keys_destroy(ap_vault_keys(f->v), &recording, AP_SLOT_VAULT));
		if (i >= 2)
			assert_ok(ap_blob_erase(ap_vault_blob(f->v), &recording));
		fixture_run(f, steps[i]);
		fixture_restart(f);
		assert_ok(ap_erasure_run(f->v));
		assert_false(there(f, &recording, AP_SLOT_VAULT));
		assert_int_equal(fixture_files(f, &recording), 0);
		assert_ok(ap_erasure_certificate(f->v, &recording, &certificate));
		check_certificate(f, certificate, "expiry");
	}
	fixture_free(f);
}

/* The last commit was made, the certificate was not written. */
static void a_missing_certificate_is_written_at_the_next_start(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]"),
		       recording = fixture_recording(f, &session, YEAR);
	g_autofree char *first = NULL, *second = NULL;
	assert_ok(ap_erasure_now(f->v, &recording, AP_ERASE_ADMIN, &first));
	int64_t leaves = fixture_count(f, "SELECT count(*) FROM leaf");
	fixture_run(f, "UPDATE erasure SET certificate = NULL");
	fixture_restart(f);
	assert_ok(ap_erasure_run(f->v));
	assert_ok(ap_erasure_certificate(f->v, &recording, &second));
	check_certificate(f, second, "admin");
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM leaf"), leaves);
	fixture_free(f);
}

static void holds_restrictions_and_running_captures_refuse(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]"),
		       recording = fixture_recording(f, &session, YEAR);
	struct ap_uuid nothing = ap_uuid_random();
	assert_refused(order(f, &nothing, AP_ERASE_ADMIN), "not-found");
	fixture_run(f, "UPDATE recording SET state = 'recording'");
	assert_refused(order(f, &recording, AP_ERASE_ADMIN), "conflict");
	fixture_run(f, "UPDATE recording SET state = 'restricted'");
	assert_refused(order(f, &recording, AP_ERASE_ADMIN), "restricted");
	fixture_run(
		f,
		"INSERT INTO hold (id, recording, ground, reason, proposed_by, confirmed_by, created_ms, ends_ms)"
		" SELECT x'00112233445566778899aabbccddeeff', id, 'g', 'r', 'a', 'b', 0, 9000000000000 FROM recording");
	assert_refused(order(f, &recording, AP_ERASE_WITHDRAWAL), "held");
	assert_int_equal(fixture_files(f, &recording), 2 * FIXTURE_SEGMENTS);
	fixture_run(f, "UPDATE hold SET lifted_ms = 1");
	assert_ok(order(f, &recording, AP_ERASE_WITHDRAWAL)); /* a withdrawal is stronger than a restriction */
	fixture_free(f);
}

/* A person's share serves every recording made under one give: it goes with the last of them. */
static void a_share_lives_while_another_recording_needs_it(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	struct ap_uuid first = fixture_recording(f, &session, YEAR), second = fixture_recording(f, &session, YEAR);
	struct ap_uuid coach = record_of(f, &first, "coach");
	g_autofree char *one = NULL, *two = NULL;
	assert_ok(ap_erasure_now(f->v, &first, AP_ERASE_ADMIN, &one));
	assert_true(there(f, &coach, AP_SLOT_COACH));
	assert_false(there(f, &first, AP_SLOT_VAULT));
	struct ap_playback_reader *reader;
	assert_ok(ap_playback_open(f->v, &second, AP_COACH, &reader));
	ap_playback_close(reader);
	assert_ok(ap_erasure_now(f->v, &second, AP_ERASE_ADMIN, &two));
	assert_false(there(f, &coach, AP_SLOT_COACH));
	fixture_free(f);
}

/* In a session that goes on, the share of the person who still consents stays; the other's goes. */
static void a_standing_consent_keeps_its_share(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]"),
		       recording = fixture_recording(f, &session, YEAR);
	struct ap_uuid coach = record_of(f, &recording, "coach"), coachee = record_of(f, &recording, "coachee");
	fixture_run(f, "UPDATE session SET state = 'active'");
	fixture_withdraw(f, &session, AP_COACH, "[\"recording\"]");
	assert_ok(order(f, &recording, AP_ERASE_WITHDRAWAL));
	assert_ok(ap_erasure_run(f->v));
	assert_false(there(f, &coach, AP_SLOT_COACH));
	assert_true(there(f, &coachee, AP_SLOT_COACHEE));
	assert_false(there(f, &recording, AP_SLOT_VAULT));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM party WHERE token_expires_ms IS NOT NULL"), 0);
	fixture_free(f);
}

static void rights_last_a_year_after_the_last_recording(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	struct ap_uuid first = fixture_recording(f, &session, YEAR), second = fixture_recording(f, &session, YEAR);
	g_autofree char *one = NULL, *two = NULL;
	assert_ok(ap_erasure_now(f->v, &first, AP_ERASE_ADMIN, &one));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM party WHERE token_expires_ms IS NOT NULL"), 0);
	assert_ok(ap_erasure_now(f->v, &second, AP_ERASE_ADMIN, &two));
	assert_int_equal(fixture_count(f, "SELECT min(token_expires_ms) FROM party"), f->wall_ms + YEAR);
	fixture_free(f);
}

static GArray *many(struct fixture *f, guint count)
{
	GArray *ids = g_array_new(FALSE, FALSE, sizeof(struct ap_uuid));
	for (guint i = 0; i < count; i++) {
		struct ap_uuid session = fixture_consented(f, "[\"recording\"]"), id = fixture_recording(f, &session, YEAR);
		g_array_append_val(ids, id);
	}
	return ids;
}

static void run_all(struct fixture *f)
{
	for (int i = 0; i < 20 && fixture_count(f, "SELECT count(*) FROM erasure WHERE certificate IS NULL") > 0; i++)
		assert_ok(ap_erasure_run(f->v));
}

/* Nothing of them is left, each has one leaf of its own and a certificate that verifies. */
static void check_all_gone(struct fixture *f, const GArray *ids)
{
	int64_t shares;
	for (guint i = 0; i < ids->len; i++) {
		g_autofree char *certificate = NULL;
		const struct ap_uuid *id = &g_array_index(ids, struct ap_uuid, i);
		assert_ok(ap_erasure_certificate(f->v, id, &certificate));
		check_certificate(f, certificate, "admin");
		assert_int_equal(fixture_files(f, id), 0);
	}
	assert_ok(ap_db_keys_count(ap_vault_keys(f->v), &shares));
	assert_int_equal(shares, 0);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM leaf WHERE hex(substr(leaf, 2, 1)) = '0B'"), ids->len);
}

/* R19: many in one go; what is held or frozen is left out, and not counted. */
static void many_go_together(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	g_autoptr(GArray) ids = many(f, 6);
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]"), frozen = fixture_recording(f, &session, YEAR);
	struct ap_uuid batch = ap_uuid_random();
	int64_t total, done;
	assert_ok(ap_db_run(ap_vault_db(f->v), "UPDATE recording SET state = 'restricted' WHERE id = ?1",
			    AP_VALUES(AP_V_UUID(&frozen))));
	g_array_append_val(ids, frozen);
	assert_refused(ap_db_erasure_batch(ap_vault_db(f->v), &batch, &total, &done), "not-found");
	assert_ok(ap_erasure_order_many(f->v, ids, AP_ERASE_ADMIN, &batch));
	assert_ok(ap_db_erasure_batch(ap_vault_db(f->v), &batch, &total, &done));
	assert_true(total == 6 && done == 0);
	int64_t checkpoints = fixture_count(f, "SELECT count(*) FROM checkpoint");
	assert_ok(ap_erasure_run(f->v));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM checkpoint"), checkpoints + 1); /* one serves all */
	assert_ok(ap_db_erasure_batch(ap_vault_db(f->v), &batch, &total, &done));
	assert_true(total == 6 && done == 6);
	assert_int_equal(fixture_files(f, &frozen), 2 * FIXTURE_SEGMENTS);
	assert_true(there(f, &frozen, AP_SLOT_VAULT));
	fixture_free(f);
}

/* One that cannot be removed waits, and holds up nobody. */
static void one_that_fails_does_not_stop_the_others(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	g_autoptr(GArray) ids = many(f, 4);
	struct ap_uuid batch = ap_uuid_random();
	char id[AP_UUID_TEXT];
	ap_uuid_text(&g_array_index(ids, struct ap_uuid, 1), id);
	g_autofree char *odd = g_build_filename(f->home, "recordings", id, "coach", "odd", NULL);
	assert_int_equal(g_mkdir(odd, 0700), 0);
	assert_ok(ap_erasure_order_many(f->v, ids, AP_ERASE_ADMIN, &batch));
	assert_false(ap_ok(ap_erasure_run(f->v)));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM erasure WHERE certificate IS NOT NULL"), 3);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM erasure WHERE step = 'shares'"), 1);
	assert_false(ap_ok(ap_erasure_run(f->v)));
	assert_int_equal(g_rmdir(odd), 0);
	run_all(f);
	check_all_gone(f, ids);
	fixture_free(f);
}

/* Rows at every step in the same batch. */
static void a_batch_takes_each_from_where_it_stands(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	g_autoptr(GArray) ids = many(f, 4);
	struct ap_uuid batch = ap_uuid_random();
	assert_ok(ap_erasure_order_many(f->v, ids, AP_ERASE_ADMIN, &batch));
	run_all(f);
	fixture_run(f, "UPDATE erasure SET certificate = NULL");
	static const char *const back[] = {"ordered", "shares", "bytes"};
	for (guint i = 0; i < G_N_ELEMENTS(back); i++) {
		assert_ok(ap_db_run(ap_vault_db(f->v), "UPDATE erasure SET step = ?2, erased_leaf = NULL WHERE recording = ?1",
				    AP_VALUES(AP_V_UUID(&g_array_index(ids, struct ap_uuid, i)), AP_V_TEXT(back[i]))));
	}
	fixture_restart(f);
	run_all(f);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM erasure WHERE step = 'erased' AND certificate IS NOT NULL"), 4);
	assert_int_equal(fixture_count(f, "SELECT count(DISTINCT erased_leaf) FROM erasure"), 4);
	fixture_free(f);
}

#define KILLS 6
#define VICTIMS 24

static void erase_in_child(struct fixture *f, int told)
{
	fixture_restart(f);
	if (write(told, "", 1) != 1)
		_exit(1);
	for (;;)
		AP_IGNORE(ap_erasure_run(f->v)); /* until it is killed */
}

/* R19: SIGKILL at any instruction of a batch. */
static void killed_at_any_moment_it_is_done_in_the_end(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	g_autoptr(GArray) ids = many(f, VICTIMS);
	struct ap_uuid batch = ap_uuid_random();
	assert_ok(ap_erasure_order_many(f->v, ids, AP_ERASE_ADMIN, &batch));
	for (int i = 0; i < KILLS; i++) {
		int told[2], status;
		char byte;
		assert_int_equal(pipe(told), 0);
		ap_vault_free(g_steal_pointer(&f->v)); /* the child has the files */
		pid_t child = fork();
		if (child == 0)
			erase_in_child(f, told[1]);
		assert_int_equal(read(told[0], &byte, 1), 1);
		g_usleep((gulong)g_random_int_range(0, 12000));
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		close(told[0]);
		close(told[1]);
		fixture_restart(f);
	}
	run_all(f);
	check_all_gone(f, ids);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_bytes_and_rows_are_gone_and_certified),
		cmocka_unit_test(from_the_order_on_nobody_reads),
		cmocka_unit_test(every_step_resumes),
		cmocka_unit_test(a_missing_certificate_is_written_at_the_next_start),
		cmocka_unit_test(holds_restrictions_and_running_captures_refuse),
		cmocka_unit_test(a_share_lives_while_another_recording_needs_it),
		cmocka_unit_test(a_standing_consent_keeps_its_share),
		cmocka_unit_test(rights_last_a_year_after_the_last_recording),
		cmocka_unit_test(many_go_together),
		cmocka_unit_test(one_that_fails_does_not_stop_the_others),
		cmocka_unit_test(a_batch_takes_each_from_where_it_stands),
		cmocka_unit_test(killed_at_any_moment_it_is_done_in_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
