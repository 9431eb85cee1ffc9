/* R22: the journal: chained, signed, durable before a certificate, and what the log is compared with at the start. */
#include "recorder/backup/db_journal.h"
#include "recorder/backup/journal.h"
#include "recorder/backup/journal_file.h"
#include "recorder/erasure/erasure.h"
#include "tests/testlib/backup_fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define YEAR (365LL * 86400 * 1000)

static GPtrArray *lines(struct backup_fixture *x)
{
	uint8_t public[32];
	struct ap_secret *seed = NULL;
	GPtrArray *list = NULL;
	assert_ok(ap_db_keys_server(ap_vault_keys(x->f->v), "journal", &seed));
	ap_journal_public(seed, public);
	ap_secret_free(seed);
	assert_ok(ap_journal_file_read(x->journal, public, &list));
	return list;
}

static const char *member(const GPtrArray *list, guint i, const char *name)
{
	return json_object_get_string_member_with_default(json_node_get_object(list->pdata[i]), name, "");
}

static struct ap_uuid record(struct backup_fixture *x, struct ap_uuid *ret_session)
{
	*ret_session = fixture_consented(x->f, "[\"recording\",\"supervision\"]");
	return fixture_recording(x->f, ret_session, YEAR);
}

static void R22_withdrawals_erasures_and_revocations_are_in_it(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid session, recording = record(x, &session);
	char session_text[AP_UUID_TEXT], recording_text[AP_UUID_TEXT];
	g_autofree char *certificate = NULL;
	ap_uuid_text(&session, session_text);
	ap_uuid_text(&recording, recording_text);
	fixture_withdraw(x->f, &session, AP_COACHEE, "[\"supervision\"]");
	fixture_run(x->f, "UPDATE recording SET state = 'restricted'");
	fixture_run(x->f, "UPDATE recording SET state = 'sealed'");
	fixture_run(x->f, "UPDATE party SET token_number = 1 WHERE role = 1");
	struct ap_actor user = fixture_user(x->f, "sue", "supervisor", NULL);
	fixture_run(x->f, "UPDATE user_ SET disabled_ms = 5");
	assert_ok(ap_erasure_now(x->f->v, &recording, AP_ERASE_ADMIN, &certificate));
	g_autoptr(GPtrArray) list = lines(x);
	static const char *const events[] = { "journal", "withdrawn", "restricted", "unrestricted", "token_renewed", "user_disabled", "erasure" };
	assert_int_equal(list->len, G_N_ELEMENTS(events));
	for (guint i = 0; i < list->len; i++)
		assert_string_equal(member(list, i, "event"), events[i]);
	assert_string_equal(member(list, 1, "session"), session_text);
	assert_string_equal(member(list, 1, "role"), "coachee");
	assert_int_equal(json_object_get_int_member(json_node_get_object(list->pdata[5]), "user"), user.user);
	assert_string_equal(member(list, 6, "recording"), recording_text);
	assert_string_equal(member(list, 6, "cause"), "admin");
	assert_int_equal(fixture_count(x->f, "SELECT count(*) FROM journal_due"), 0);
	assert_int_equal(backup_fixture_search(x->journal, "coachee-1", 9), 0); /* ids, no names */
	assert_int_equal(backup_fixture_search(x->journal, "sue", 3), 0);
	backup_fixture_free(x);
}

/* An event that was rolled back was none. */
static void R22_what_did_not_happen_is_not_in_it(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid session, recording = record(x, &session);
	struct ap_db *db = ap_vault_db(x->f->v);
	assert_ok(ap_db_begin(db));
	assert_ok(ap_erasure_order(x->f->v, db, &recording, AP_ERASE_REQUEST));
	ap_db_rollback(db);
	assert_ok(ap_journal_flush(x->f->v));
	assert_false(g_file_test(x->journal, G_FILE_TEST_EXISTS));
	backup_fixture_free(x);
}

/* Answered while vault.db could not be written: lost with the instance, it must not be undone either. */
static void R22_a_withdrawal_that_vault_db_could_not_take_is_in_it(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid session, recording = record(x, &session);
	struct ap_restore_report report;
	g_autofree char *home = NULL;
	backup_fixture_backup(x);
	struct ap_owed_entry entry = { .session = session, .role = AP_COACHEE, .event = AP_WITHDRAWN,
				       .purposes = AP_PURPOSE_BIT(AP_PURPOSE_RECORDING), .received_ms = x->f->wall_ms };
	assert_ok(ap_owed_put(ap_vault_owed(x->f->v), &entry));
	assert_ok(ap_backups_work(x->b));
	assert_ok(ap_backups_work(x->b));
	g_autoptr(GPtrArray) list = lines(x);
	assert_int_equal(list->len, 2); /* once */
	assert_string_equal(member(list, 1, "event"), "withdrawn");
	assert_ok(backup_fixture_restore(x, x->journal, &home, &report));
	assert_int_equal(report.withdrawn, 1);
	assert_int_equal(report.living, 0);
	ap_restore_report_clear(&report);
	struct ap_vault *v = backup_fixture_open(x, home);
	assert_false(backup_fixture_plays(v, &recording));
	ap_vault_free(v);
	backup_fixture_free(x);
}

static char *journal_file(struct backup_fixture *x)
{
	return g_build_filename(x->journal, "journal", NULL);
}

/* A file where the directory should be: what even root cannot write into. */
static void block(struct backup_fixture *x)
{
	assert_true(g_file_set_contents(x->journal, "in the way", -1, NULL));
}

static bool has_share(struct backup_fixture *x, const struct ap_uuid *recording)
{
	struct ap_wrapped wrapped;
	return ap_ok(ap_db_keys_peek(ap_vault_keys(x->f->v), recording, AP_SLOT_VAULT, &wrapped));
}

static void R22_an_unwritable_journal_stops_certificates_but_no_erasure(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid session, recording = record(x, &session);
	g_autofree char *certificate = NULL;
	block(x);
	assert_refused(ap_erasure_now(x->f->v, &recording, AP_ERASE_REQUEST, &certificate), "journal");
	assert_false(has_share(x, &recording));
	assert_int_equal(fixture_files(x->f, &recording), 0);
	assert_refused(ap_erasure_certificate(x->f->v, &recording, &certificate), "not-found");
	assert_int_equal(fixture_count(x->f, "SELECT count(*) FROM erasure WHERE step = 'erased'"), 0);
	fixture_restart(x->f); /* nothing of it is forgotten */
	assert_refused(ap_erasure_run(x->f->v), "journal");
	assert_int_equal(g_unlink(x->journal), 0);
	assert_ok(ap_erasure_run(x->f->v));
	assert_ok(ap_erasure_certificate(x->f->v, &recording, &certificate));
	g_autoptr(GPtrArray) list = lines(x);
	assert_string_equal(member(list, 1, "event"), "erasure");
	x->b = (ap_backups_free(x->b), ap_backups_new(x->f->v));
	backup_fixture_free(x);
}

static void R22_a_torn_line_is_cut_off(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid session, recording = record(x, &session);
	g_autofree char *path = journal_file(x);
	(void)recording;
	fixture_withdraw(x->f, &session, AP_COACH, "[\"supervision\"]");
	assert_ok(ap_journal_flush(x->f->v));
	int fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "{\"event\":\"era", 13), 13);
	close(fd);
	fixture_withdraw(x->f, &session, AP_COACHEE, "[\"supervision\"]");
	assert_ok(ap_journal_flush(x->f->v));
	g_autoptr(GPtrArray) list = lines(x);
	assert_int_equal(list->len, 3);
	assert_string_equal(member(list, 2, "role"), "coachee");
	backup_fixture_free(x);
}

static void expect_altered(struct backup_fixture *x)
{
	uint8_t public[32];
	struct ap_secret *seed = NULL;
	GPtrArray *list = NULL;
	assert_ok(ap_db_keys_server(ap_vault_keys(x->f->v), "journal", &seed));
	ap_journal_public(seed, public);
	ap_secret_free(seed);
	assert_refused(ap_journal_file_read(x->journal, public, &list), "journal");
	assert_null(list);
}

static void R22_an_altered_or_missing_line_shows(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid session, recording = record(x, &session);
	g_autofree char *path = journal_file(x), *text = NULL;
	gsize len;
	(void)recording;
	for (int i = 0; i < 3; i++)
		fixture_withdraw(x->f, &session, AP_COACH, "[\"supervision\"]");
	assert_ok(ap_journal_flush(x->f->v));
	assert_true(g_file_get_contents(path, &text, &len, NULL));
	g_autofree char *altered = g_strdup(text);
	*strstr(altered, "coach") = 'k';
	assert_true(g_file_set_contents(path, altered, (gssize)len, NULL));
	expect_altered(x);
	char *second = strchr(text, '\n') + 1, *third = strchr(second, '\n') + 1;
	/* A zero byte for a line's end would hide the last line from whoever reads strings. */
	g_autofree char *joined = g_memdup2(text, len);
	*(char *)memrchr(joined, '\n', len - 1) = '\0';
	assert_true(g_file_set_contents(path, joined, (gssize)len, NULL));
	expect_altered(x);
	g_autofree char *without = g_strdup_printf("%.*s%s", (int)(second - text), text, third);
	assert_true(g_file_set_contents(path, without, -1, NULL));
	expect_altered(x);
	backup_fixture_free(x);
}

/* Another instance's journal is neither continued nor taken for ours. */
static void R22_a_foreign_journal_is_refused(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new(), *y = backup_fixture_new();
	struct ap_uuid session, recording = record(x, &session), other;
	(void)recording;
	fixture_withdraw(x->f, &session, AP_COACH, "[\"supervision\"]");
	assert_ok(ap_journal_flush(x->f->v));
	recording = record(y, &other);
	assert_ok(ap_config_set(y->f->config, "backup.journal", x->journal));
	fixture_withdraw(y->f, &other, AP_COACH, "[\"supervision\"]");
	assert_refused(ap_journal_flush(y->f->v), "journal");
	assert_int_equal(fixture_count(y->f, "SELECT count(*) FROM journal_due"), 1);
	g_autoptr(GPtrArray) list = lines(x);
	assert_int_equal(list->len, 2);
	backup_fixture_free(x);
	backup_fixture_free(y);
}

/* The whole of vault/ put back from an older copy: keys.db cannot notice, since it is as old. */
static void R22_a_log_behind_the_journal_serves_nothing(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid session, recording = record(x, &session);
	g_autofree char *vault = g_build_filename(x->f->home, "vault", NULL), *checkpoint = NULL;
	assert_ok(ap_journal_keep_checkpoint(x->f->v));
	fixture_restart(x->f);
	assert_false(ap_ledger_stopped(ap_vault_ledger(x->f->v)));
	g_autofree char *older = backup_fixture_copy(x, vault);
	fixture_withdraw(x->f, &session, AP_COACH, "[\"supervision\"]");
	assert_ok(ap_journal_keep_checkpoint(x->f->v));
	ap_backups_free(g_steal_pointer(&x->b));
	ap_vault_free(g_steal_pointer(&x->f->v));
	ap_restore_remove(vault);
	assert_int_equal(g_rename(older, vault), 0);
	const struct ap_vault_setup setup = { .config = x->f->config, .clock = &x->f->clock, .home = x->f->home };
	assert_ok(ap_vault_open(&setup, &x->f->v));
	assert_true(ap_ledger_stopped(ap_vault_ledger(x->f->v)));
	assert_false(ap_vault_ready(x->f->v));
	assert_refused(ap_ledger_checkpoint(ap_vault_ledger(x->f->v), ap_vault_db(x->f->v), &checkpoint), "ledger");
	struct ap_actor party = fixture_party(&session, AP_COACH);
	struct ap_access access;
	assert_refused(ap_access_begin(x->f->v, &party, &recording, "recording", "own viewing", &access), "vault-unavailable");
	backup_fixture_free(x);
}

/* Its disk was put back from an older copy, or another one lies where it was: what goes on there would look whole. */
static void R22_a_journal_that_lost_lines_does_not_go_on(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid session, recording = record(x, &session);
	(void)recording;
	fixture_withdraw(x->f, &session, AP_COACH, "[\"supervision\"]");
	assert_ok(ap_journal_flush(x->f->v));
	assert_ok(ap_journal_keep_checkpoint(x->f->v));
	g_autofree char *older = backup_fixture_copy(x, x->journal), *now = NULL;
	fixture_withdraw(x->f, &session, AP_COACHEE, "[\"supervision\"]");
	assert_ok(ap_journal_flush(x->f->v));
	now = backup_fixture_copy(x, x->journal);
	ap_restore_remove(x->journal);
	assert_int_equal(g_rename(older, x->journal), 0);
	fixture_withdraw(x->f, &session, AP_COACH, "[\"recording\"]");
	assert_refused(ap_journal_flush(x->f->v), "journal");
	assert_refused(ap_journal_keep_checkpoint(x->f->v), "journal");
	fixture_restart(x->f);
	assert_refused(ap_journal_flush(x->f->v), "journal");
	assert_int_equal(fixture_count(x->f, "SELECT count(*) FROM journal_due"), 1);
	/* The right one again, longer than vault.db remembers: a crash came between the two. */
	ap_restore_remove(x->journal);
	assert_int_equal(g_rename(now, x->journal), 0);
	fixture_run(x->f, "DELETE FROM setting WHERE name = 'journal_end'");
	assert_ok(ap_journal_flush(x->f->v));
	g_autoptr(GPtrArray) list = lines(x);
	assert_int_equal(list->len, 4);
	/* An empty directory begins another one. */
	ap_restore_remove(x->journal);
	fixture_withdraw(x->f, &session, AP_COACH, "[\"supervision\"]");
	assert_ok(ap_journal_flush(x->f->v));
	assert_ok(ap_journal_keep_checkpoint(x->f->v));
	x->b = (ap_backups_free(x->b), ap_backups_new(x->f->v));
	backup_fixture_free(x);
}

/* vault.db was not told of the last lines: they follow on what it was told of. */
static void R22_a_journal_longer_than_vault_db_remembers_goes_on(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid session, recording = record(x, &session);
	(void)recording;
	fixture_withdraw(x->f, &session, AP_COACH, "[\"supervision\"]");
	assert_ok(ap_journal_flush(x->f->v));
	fixture_run(x->f, "UPDATE setting SET name = 'kept' WHERE name = 'journal_end'");
	fixture_withdraw(x->f, &session, AP_COACHEE, "[\"supervision\"]");
	assert_ok(ap_journal_flush(x->f->v));
	fixture_run(x->f, "DELETE FROM setting WHERE name = 'journal_end'");
	fixture_run(x->f, "UPDATE setting SET name = 'journal_end' WHERE name = 'kept'");
	fixture_withdraw(x->f, &session, AP_COACH, "[\"recording\"]");
	assert_ok(ap_journal_flush(x->f->v));
	g_autoptr(GPtrArray) list = lines(x);
	assert_int_equal(list->len, 4);
	backup_fixture_free(x);
}

/* Zeroes after a power cut, a bad block: it is read no more, but what is in it outlasts everything. Nobody empties it. */
static void R22_a_journal_whose_end_is_unreadable_is_not_wiped(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid session, recording = record(x, &session);
	static const char zeroes[70000];
	gsize len, now;
	(void)recording;
	fixture_withdraw(x->f, &session, AP_COACH, "[\"supervision\"]");
	assert_ok(ap_journal_flush(x->f->v));
	g_autofree char *path = journal_file(x), *text = NULL, *kept = NULL;
	assert_true(g_file_get_contents(path, &text, &len, NULL));
	int fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, zeroes, sizeof zeroes), sizeof zeroes);
	close(fd);
	fixture_withdraw(x->f, &session, AP_COACHEE, "[\"supervision\"]");
	assert_refused(ap_journal_flush(x->f->v), "journal");
	assert_refused(ap_journal_keep_checkpoint(x->f->v), "journal");
	fixture_run(x->f, "DELETE FROM setting WHERE name = 'journal_end'"); /* nor when nothing is known of it */
	assert_refused(ap_journal_flush(x->f->v), "journal");
	assert_true(g_file_get_contents(path, &kept, &now, NULL));
	assert_int_equal(now, len + sizeof zeroes);
	assert_memory_equal(kept, text, len);
	assert_int_equal(truncate(path, (off_t)len), 0); /* by hand */
	assert_ok(ap_journal_flush(x->f->v));
	g_autoptr(GPtrArray) list = lines(x);
	assert_int_equal(list->len, 3);
	backup_fixture_free(x);
}

/* An empty directory begins anew; a file that was emptied does not. */
static void R22_a_journal_that_was_emptied_does_not_go_on(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid session, recording = record(x, &session);
	static const char *const remains[] = { "", "{\"event\":\"jour" };
	struct stat st;
	(void)recording;
	fixture_withdraw(x->f, &session, AP_COACH, "[\"supervision\"]");
	assert_ok(ap_journal_flush(x->f->v));
	g_autofree char *path = journal_file(x);
	fixture_withdraw(x->f, &session, AP_COACHEE, "[\"supervision\"]");
	for (size_t i = 0; i < G_N_ELEMENTS(remains); i++) {
		assert_true(g_file_set_contents(path, remains[i], -1, NULL));
		assert_refused(ap_journal_flush(x->f->v), "journal");
		assert_refused(ap_journal_keep_checkpoint(x->f->v), "journal");
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, strlen(remains[i]));
	}
	assert_int_equal(g_unlink(path), 0);
	assert_ok(ap_journal_flush(x->f->v));
	assert_ok(ap_journal_keep_checkpoint(x->f->v));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	backup_fixture_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(R22_withdrawals_erasures_and_revocations_are_in_it),
		cmocka_unit_test(R22_what_did_not_happen_is_not_in_it),
		cmocka_unit_test(R22_a_withdrawal_that_vault_db_could_not_take_is_in_it),
		cmocka_unit_test(R22_an_unwritable_journal_stops_certificates_but_no_erasure),
		cmocka_unit_test(R22_a_torn_line_is_cut_off),
		cmocka_unit_test(R22_an_altered_or_missing_line_shows),
		cmocka_unit_test(R22_a_foreign_journal_is_refused),
		cmocka_unit_test(R22_a_log_behind_the_journal_serves_nothing),
		cmocka_unit_test(R22_a_journal_that_lost_lines_does_not_go_on),
		cmocka_unit_test(R22_a_journal_longer_than_vault_db_remembers_goes_on),
		cmocka_unit_test(R22_a_journal_whose_end_is_unreadable_is_not_wiped),
		cmocka_unit_test(R22_a_journal_that_was_emptied_does_not_go_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
