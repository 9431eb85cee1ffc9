#include "tests/testlib/staff_fixture.h"

#include "recorder/api/doctor.h"
#include "recorder/backup/backup.h"
#include "recorder/db/db_turnover.h"
#include "recorder/erasure/erasure.h"
#include "recorder/recording/playback.h"
#include "recorder/ledger/receipt.h"
#include "recorder/keys/turnover.h"

#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define YEAR (365LL * 86400000)
#define HOUR 3600000LL
#define LEAVES "SELECT count(*) FROM leaf WHERE hex(substr(leaf, 2, 1)) = '0D'"

static struct ap_uuid new_recording(struct fixture *f)
{
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	return fixture_recording(f, &session, YEAR);
}

static bool plays(struct fixture *f, const struct ap_uuid *recording)
{
	struct ap_playback_reader *reader = NULL;
	uint8_t byte = 0;
	size_t n = 0;
	bool good = ap_ok(ap_playback_open(f->v, recording, AP_COACHEE, &reader)) &&
		    ap_ok(ap_playback_read(reader, 100, &byte, 1, &n)) && n == 1 && byte == fixture_byte(AP_COACHEE, 100);
	ap_playback_close(reader);
	return good;
}

static char *file_in(struct fixture *f, const char *name)
{
	return g_build_filename(f->home, "vault", name, NULL);
}

static struct ap_secret *read_kek(struct fixture *f)
{
	struct ap_secret *kek = NULL;
	g_autofree char *path = file_in(f, "kek");
	assert_ok(ap_kek_load(AP_KEK_FILE, path, false, &kek));
	return kek;
}

static void erase(struct fixture *f, const struct ap_uuid *recording)
{
	g_autofree char *certificate = NULL;
	assert_ok(ap_erasure_now(f->v, recording, AP_ERASE_ADMIN, &certificate));
	g_autoptr(JsonNode) node = json_from_string(certificate, NULL);
	assert_false(json_object_has_member(json_node_get_object(node), "unrecoverable_at")); /* not yet */
}

static JsonObject *certificate_of(struct fixture *f, const struct ap_uuid *recording)
{
	g_autofree char *text = NULL;
	assert_ok(ap_erasure_certificate(f->v, recording, &text));
	g_autoptr(JsonNode) node = json_from_string(text, NULL);
	return json_object_ref(json_node_get_object(node));
}

/* A receipt that verifies under our key, of that type; its body. */
static JsonNode *verified_body(struct fixture *f, JsonObject *receipt, enum ap_leaf_type type)
{
	struct ap_log_key key;
	struct ap_receipt_facts facts;
	g_autofree char *text = NULL;
	JsonNode *node = json_node_new(JSON_NODE_OBJECT);
	json_node_set_object(node, receipt);
	text = json_to_string(node, FALSE);
	json_node_unref(node);
	assert_ok(ap_log_key_parse(ap_ledger_vkey(ap_vault_ledger(f->v)), &key));
	assert_ok(ap_receipt_verify(text, strlen(text), &key, NULL, 0, &facts));
	assert_int_equal(facts.type, type);
	JsonNode *body = json_from_string(facts.body, NULL);
	ap_receipt_facts_clear(&facts);
	return body;
}

static const char *word(JsonNode *node, const char *name)
{
	return json_object_get_string_member(json_node_get_object(node), name);
}

/* What doctor says of turnovers; g_free. */
static char *told_by_doctor(struct fixture *f)
{
	g_autoptr(JsonNode) answer = NULL;
	struct ap_backups *backups = ap_backups_new(f->v);
	assert_ok(ap_doctor_examine(f->v, backups, false, &answer));
	ap_backups_free(backups);
	JsonArray *checks = json_object_get_array_member(json_node_get_object(answer), "checks");
	for (guint i = 0; i < json_array_get_length(checks); i++) {
		JsonObject *check = json_array_get_object_element(checks, i);
		if (strcmp(json_object_get_string_member(check, "check"), "turnover") == 0)
			return g_strdup(json_object_get_string_member(check, "detail"));
	}
	return g_strdup("");
}

/* R19 R22: keys.db and vault.db as they were before, and everything that is left after: the erased one stays shut. */
static void copies_made_before_do_not_open_what_was_erased(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid gone = new_recording(f), living = new_recording(f);
	g_autofree char *keys = file_in(f, "keys.db"), *copy = file_in(f, "keys.copy");
	struct ap_secret *old = read_kek(f), *share = NULL;
	struct ap_wrap_place place;
	g_autofree char *data = NULL;
	gsize len;
	assert_ok(ap_db_turnover_place(ap_vault_db(f->v), &gone, AP_SLOT_VAULT, &place));
	assert_ok(ap_db_keys_purge(ap_vault_keys(f->v))); /* so that the file has it all */
	assert_true(g_file_get_contents(keys, &data, &len, NULL) && g_file_set_contents(copy, data, (gssize)len, NULL));
	erase(f, &gone);
	assert_true(fixture_on_disk(f, ap_secret_bytes(old), AP_KEK)); /* with it, the copy would open */
	assert_ok(ap_turnover_run(f->v, AP_TURN_ADMIN));
	assert_false(fixture_on_disk(f, ap_secret_bytes(old), AP_KEK));
	struct ap_secret *now = read_kek(f);
	struct ap_db_keys *stolen = NULL;
	assert_ok(ap_db_keys_open(copy, now, &f->clock, &stolen));
	assert_refused(ap_db_keys_get(stolen, &place, &share), "kek");
	ap_db_keys_free(stolen);
	assert_ok(ap_db_keys_open(copy, old, &f->clock, &stolen)); /* the copy was a good one */
	assert_ok(ap_db_keys_get(stolen, &place, &share));
	ap_db_keys_free(stolen);
	assert_true(plays(f, &living));
	fixture_restart(f);
	assert_true(plays(f, &living));
	ap_secret_free(share);
	ap_secret_free(old);
	ap_secret_free(now);
	fixture_free(f);
}

/* R19: the certificate's second part names the same key and dates it. */
static void the_certificate_is_dated_by_the_turnover(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid gone = new_recording(f);
	erase(f, &gone);
	fixture_advance(f, HOUR);
	assert_ok(ap_turnover_run(f->v, AP_TURN_ADMIN));
	JsonObject *certificate = certificate_of(f, &gone);
	JsonNode *erased = verified_body(f, certificate, AP_LEAF_ERASED);
	JsonNode *turned = verified_body(f, json_object_get_object_member(certificate, "turnover"), AP_LEAF_KEY_TURNOVER);
	char at[AP_TIME_TEXT];
	ap_time_text(f->wall_ms, at);
	assert_string_equal(word(erased, "kek_id"), word(turned, "kek_id"));
	assert_string_not_equal(word(turned, "kek_id"), word(turned, "new_kek_id"));
	assert_string_equal(word(turned, "destroyed_at"), at);
	assert_string_equal(word(turned, "unrecoverable_at"), at);
	assert_string_equal(json_object_get_string_member(certificate, "unrecoverable_at"), at);
	json_node_unref(erased);
	json_node_unref(turned);
	json_object_unref(certificate);
	fixture_free(f);
}

/* R22: a key part of a backup that still holds the old key is the later date. */
static void a_backups_key_part_bounds_the_date(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid gone = new_recording(f);
	struct ap_kek_id id;
	int64_t until = f->wall_ms + 7 * 24 * HOUR;
	char at[AP_TIME_TEXT];
	assert_ok(ap_db_keys_kek_id(ap_vault_keys(f->v), &id));
	for (int i = 0; i < 3; i++) { /* the newest counts, a destroyed one does not */
		struct ap_uuid part = ap_uuid_random();
		assert_ok(ap_db_run(ap_vault_db(f->v),
				    "INSERT INTO key_part (id, kek_id, made_ms, destroy_by_ms, destroyed_ms) VALUES (?1, ?2, 1, ?3, ?4)",
				    AP_VALUES(AP_V_UUID(&part), AP_V_BLOB(id.b, AP_KEK_ID), AP_V_INT(until + (i - 1) * HOUR),
					      i == 2 ? AP_V_INT(5) : AP_V_NULL)));
	}
	erase(f, &gone);
	assert_ok(ap_turnover_run(f->v, AP_TURN_ADMIN));
	JsonObject *certificate = certificate_of(f, &gone);
	ap_time_text(until, at);
	assert_string_equal(json_object_get_string_member(certificate, "unrecoverable_at"), at);
	json_object_unref(certificate);
	fixture_free(f);
}

/* R19: by itself, within a day of any erasure, and not without one. */
static void it_is_due_after_an_erasure(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid gone = new_recording(f);
	fixture_advance(f, 48 * HOUR);
	assert_ok(ap_turnover_check(f->v));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM turnover"), 0);
	erase(f, &gone);
	fixture_advance(f, 11 * HOUR);
	assert_ok(ap_turnover_check(f->v));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM turnover"), 0);
	fixture_advance(f, 1 * HOUR);
	assert_ok(ap_turnover_check(f->v));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM turnover WHERE cause = 'schedule'"), 1);
	for (bool more = true; more;)
		assert_ok(ap_turnover_work(f->v, &more));
	assert_int_equal(fixture_count(f, LEAVES), 1);
	fixture_advance(f, 48 * HOUR);
	assert_ok(ap_turnover_check(f->v));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM turnover"), 1);
	gone = new_recording(f);
	erase(f, &gone);
	f->wall_ms -= 1000 * HOUR; /* a clock that was set back does not put it off */
	assert_ok(ap_turnover_check(f->v));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM turnover"), 2);
	fixture_free(f);
}

/* R19: what is erased while one runs was under the key that it makes, too: it waits for the next. */
static void an_erasure_in_between_waits_for_the_next(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid first = new_recording(f), second = new_recording(f), id;
	bool more = true;
	erase(f, &first);
	assert_ok(ap_turnover_begin(f->v, AP_TURN_ADMIN, NULL, NULL, &id));
	erase(f, &second);
	while (more)
		assert_ok(ap_turnover_work(f->v, &more));
	JsonObject *one = certificate_of(f, &first), *two = certificate_of(f, &second);
	assert_true(json_object_has_member(one, "unrecoverable_at"));
	assert_false(json_object_has_member(two, "unrecoverable_at"));
	json_object_unref(two);
	assert_ok(ap_turnover_run(f->v, AP_TURN_ADMIN));
	two = certificate_of(f, &second);
	assert_true(json_object_has_member(two, "unrecoverable_at"));
	json_object_unref(one);
	json_object_unref(two);
	fixture_free(f);
}

/* R19: the vault dies after each of its steps. */
static void it_goes_on_from_every_step(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid living = new_recording(f), id;
	for (int die_after = 0; die_after < 5; die_after++) {
		int64_t leaves = fixture_count(f, LEAVES);
		bool more = true;
		assert_ok(ap_turnover_begin(f->v, AP_TURN_ADMIN, NULL, NULL, &id));
		for (int i = 0; i < die_after && more; i++)
			assert_ok(ap_turnover_work(f->v, &more));
		fixture_restart(f);
		assert_true(plays(f, &living));
		struct ap_uuid gone = new_recording(f); /* life goes on in between */
		for (more = true; more;)
			assert_ok(ap_turnover_work(f->v, &more));
		assert_int_equal(fixture_count(f, LEAVES), leaves + 1);
		assert_true(plays(f, &living) && plays(f, &gone));
		fixture_restart(f);
		assert_true(plays(f, &living) && plays(f, &gone));
	}
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM turnover WHERE leaf IS NULL"), 0);
	fixture_free(f);
}

/* The fresh key was made, and the vault died before vault.db knew of it. */
static void a_fresh_key_without_a_row_is_adopted(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid living = new_recording(f), id;
	assert_ok(ap_turnover_begin(f->v, AP_TURN_ADMIN, NULL, NULL, &id));
	fixture_run(f, "DELETE FROM turnover");
	fixture_restart(f);
	for (bool more = true; more;)
		assert_ok(ap_turnover_work(f->v, &more));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM turnover WHERE cause = 'resumed' AND leaf IS NOT NULL"), 1);
	assert_true(plays(f, &living));
	fixture_free(f);
}

#define KILLS 12

/* Says so once it has done one. */
static void turn_for_ever(struct fixture *f, int told)
{
	fixture_restart(f);
	for (bool first = true;; first = false)
		if (!ap_ok(ap_turnover_run(f->v, AP_TURN_ADMIN)) || (first && write(told, "", 1) != 1))
			_exit(1);
}

/* R19: SIGKILL at any instruction. */
static void killed_at_any_moment_nothing_is_lost(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid living[2] = {new_recording(f), new_recording(f)};
	for (int i = 0; i < KILLS; i++) {
		int status, told[2];
		char byte;
		assert_int_equal(pipe(told), 0);
		ap_vault_free(g_steal_pointer(&f->v)); /* the child has the files */
		pid_t child = fork();
		if (child == 0)
			turn_for_ever(f, told[1]);
		assert_int_equal(read(told[0], &byte, 1), 1);
		close(told[0]);
		close(told[1]);
		g_usleep((gulong)g_random_int_range(0, 30000));
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		fixture_restart(f);
		assert_true(plays(f, &living[0]) && plays(f, &living[1]));
		for (bool more = true; more;)
			assert_ok(ap_turnover_work(f->v, &more));
		assert_true(plays(f, &living[0]) && plays(f, &living[1]));
		g_autofree char *old = file_in(f, "kek.old"), *next = file_in(f, "kek.next");
		assert_int_not_equal(access(old, F_OK), 0);
		assert_int_not_equal(access(next, F_OK), 0);
	}
	assert_true(fixture_count(f, LEAVES) >= KILLS);
	assert_int_equal(fixture_count(f, LEAVES), fixture_count(f, "SELECT count(*) FROM turnover"));
	fixture_free(f);
}

static void put_credential(const char *directory, const char *name, const struct ap_secret *kek)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);
	assert_true(g_file_set_contents_full(path, (const char *)ap_secret_bytes(kek), AP_KEK, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

/* R19: a key that is not the vault's to replace: it says what to do, and does its part. */
static void a_credential_is_turned_over_with_the_operator(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid living = new_recording(f), id;
	g_autofree char *directory = g_dir_make_tmp("aparte-credentials-XXXXXX", NULL), *next = NULL, *now = NULL;
	struct ap_secret *old = read_kek(f), *fresh = ap_secret_random(AP_KEK);
	bool more = true;
	g_setenv("CREDENTIALS_DIRECTORY", directory, TRUE);
	assert_ok(ap_config_set(f->config, "kek.source", "credential"));
	put_credential(directory, "aparte-kek", old);
	fixture_restart(f);
	struct ap_result r = ap_turnover_begin(f->v, AP_TURN_ADMIN, NULL, NULL, &id);
	assert_string_equal(r.name, "conflict");
	assert_non_null(strstr(r.detail, "LoadCredential="));
	put_credential(directory, "aparte-kek-next", fresh);
	fixture_restart(f); /* it begins by itself */
	for (r = AP_SUCCESS; ap_ok(r) && more;)
		r = ap_turnover_work(f->v, &more);
	assert_string_equal(r.name, "conflict");
	assert_int_equal(fixture_count(f, LEAVES), 0); /* the old one still lies there: nothing is claimed */
	assert_true(plays(f, &living));
	next = g_build_filename(directory, "aparte-kek-next", NULL);
	now = g_build_filename(directory, "aparte-kek", NULL);
	assert_int_equal(rename(next, now), 0);
	fixture_restart(f);
	for (more = true; more;)
		assert_ok(ap_turnover_work(f->v, &more));
	assert_int_equal(fixture_count(f, LEAVES), 1);
	assert_true(plays(f, &living));
	g_unlink(now);
	g_rmdir(directory);
	ap_secret_free(old);
	ap_secret_free(fresh);
	fixture_free(f);
}

/* Its row could not be written, and it is asked for again: the key in use must not lose its file to another one. */
static void one_that_could_not_be_noted_keeps_its_key(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid recording = new_recording(f), id;
	fixture_run(f, "CREATE TRIGGER full BEFORE INSERT ON turnover BEGIN SELECT RAISE(ABORT, 'full'); END");
	assert_false(ap_ok(ap_turnover_begin(f->v, AP_TURN_ADMIN, NULL, NULL, &id)));
	assert_false(ap_ok(ap_turnover_begin(f->v, AP_TURN_ADMIN, NULL, NULL, &id)));
	fixture_run(f, "DROP TRIGGER full");
	assert_ok(ap_turnover_run(f->v, AP_TURN_ADMIN));
	assert_int_equal(fixture_count(f, LEAVES), 1);
	fixture_restart(f);
	assert_true(plays(f, &recording));
	fixture_free(f);
}

/* Whatever put another file there: the old one stays, and with it what it opens. */
static void a_strange_next_key_takes_no_place(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid recording = new_recording(f), id;
	bool more = true;
	struct ap_result r = AP_SUCCESS;
	g_autofree char *next = file_in(f, "kek.next"), *kept = NULL;
	gsize len;
	assert_ok(ap_turnover_begin(f->v, AP_TURN_ADMIN, NULL, NULL, &id));
	assert_true(g_file_get_contents(next, &kept, &len, NULL));
	assert_true(g_file_set_contents_full(next, "thirty-two bytes of another key.", 32, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
	while (more && ap_ok(r))
		r = ap_turnover_work(f->v, &more);
	assert_refused(r, "kek");
	assert_true(g_file_set_contents_full(next, kept, (gssize)len, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
	for (more = true; more;)
		assert_ok(ap_turnover_work(f->v, &more));
	fixture_restart(f);
	assert_true(plays(f, &recording));
	fixture_free(f);
}

/* R19: a witness's doubt, true or not, stops the timer, which must not destroy a key that the newest copy may need; an admin
 * who knows better makes it all the same. A log that was put back is another matter: nothing is made over it. */
static void a_doubt_holds_up_the_timer_and_no_admin(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_ledger *l = ap_vault_ledger(f->v);
	struct ap_uuid gone = new_recording(f), id;
	erase(f, &gone);
	ap_ledger_doubt(l, true);
	fixture_advance(f, 25 * HOUR);
	assert_ok(ap_turnover_check(f->v));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM turnover"), 0);
	g_autofree char *waits = told_by_doctor(f);
	assert_non_null(strstr(waits, "1 erasures wait for a turnover that a witness's doubt holds up"));
	assert_ok(ap_turnover_run(f->v, AP_TURN_ADMIN));
	assert_int_equal(fixture_count(f, LEAVES), 1);
	ap_ledger_stop(l);
	assert_refused(ap_turnover_begin(f->v, AP_TURN_ADMIN, NULL, NULL, &id), "vault-unavailable");
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_made_before_do_not_open_what_was_erased),
		cmocka_unit_test(the_certificate_is_dated_by_the_turnover),
		cmocka_unit_test(a_backups_key_part_bounds_the_date),
		cmocka_unit_test(it_is_due_after_an_erasure),
		cmocka_unit_test(a_doubt_holds_up_the_timer_and_no_admin),
		cmocka_unit_test(an_erasure_in_between_waits_for_the_next),
		cmocka_unit_test(it_goes_on_from_every_step),
		cmocka_unit_test(a_fresh_key_without_a_row_is_adopted),
		cmocka_unit_test(killed_at_any_moment_nothing_is_lost),
		cmocka_unit_test(one_that_could_not_be_noted_keeps_its_key),
		cmocka_unit_test(a_strange_next_key_takes_no_place),
		cmocka_unit_test(a_credential_is_turned_over_with_the_operator),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
