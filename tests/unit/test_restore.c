/* R22: what a restore brings back, and what no restore may. */
#include "recorder/backup/journal.h"
#include "recorder/backup/release.h"
#include "recorder/db/db_consent.h"
#include "recorder/db/db_ledger.h"
#include "recorder/db/db_session.h"
#include "recorder/erasure/erasure.h"
#include "recorder/access/grant.h"
#include "recorder/recording/recording.h"
#include "recorder/keys/turnover.h"
#include "tests/testlib/backup_fixture.h"

#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY (86400LL * 1000)
#define YEAR (365 * DAY)

static void R22_what_was_backed_up_plays_again(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid first = backup_fixture_record(x), second = backup_fixture_record(x);
	struct ap_restore_report report;
	g_autofree char *home = NULL, *again = NULL;
	backup_fixture_backup(x);
	assert_ok(backup_fixture_restore(x, x->journal, &home, &report));
	assert_int_equal(report.living, 2);
	assert_int_equal(report.broken + report.frozen + report.erased + report.problems->len, 0);
	ap_restore_report_clear(&report);
	struct ap_vault *v = backup_fixture_open(x, home);
	assert_false(ap_ledger_stopped(ap_vault_ledger(v)));
	assert_true(backup_fixture_plays(v, &first));
	assert_true(backup_fixture_plays(v, &second));
	assert_int_equal(backup_fixture_count(v, "SELECT count(*) FROM journal_due"), 0);
	ap_vault_free(v);
	backup_fixture_free(x);
}

/* Somebody puts a file where the databases are to go, while they are made. */
static bool in_the_way(void *home)
{
	g_autofree char *vault = g_build_filename(home, "vault", NULL), *file = g_build_filename(vault, "x", NULL);
	assert_int_equal(g_mkdir_with_parents(vault, 0700), 0);
	assert_true(g_file_set_contents(file, "x", 1, NULL));
	return false;
}

/* R22: a restore that fails in its last step leaves no plain key behind, which would be in the way of the next try too. */
static void R22_a_key_without_its_databases_does_not_stay(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid recording = backup_fixture_record(x);
	struct ap_restore_report report;
	g_autofree char *home = g_build_filename(x->place, "home", NULL), *kek = g_strconcat(home, ".kek", NULL);
	(void)recording;
	backup_fixture_backup(x);
	assert_int_equal(g_mkdir(home, 0700), 0);
	const struct ap_restore_wish wish = { .from = x->directory, .journal = x->journal, .home = home, .config = x->f->config,
					      .clock = &x->f->clock, .identity = x->identity, .kek_file = kek,
					      .stopped = in_the_way, .ctx = home };
	assert_refused(ap_restore_run(&wish, &report), "restore");
	assert_false(g_file_test(kek, G_FILE_TEST_EXISTS));
	backup_fixture_free(x);
}

static void R22_what_was_taken_back_after_the_backup_stays_so(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid session, other, recording = backup_fixture_record(x), kept = backup_fixture_record_in(x, &session), frozen = backup_fixture_record_in(x, &other);
	struct ap_actor admin = fixture_user(x->f, "ada", "admin", NULL), sue = fixture_user(x->f, "sue", "supervisor", NULL);
	struct ap_grant_wish wish = { .recording = frozen, .supervisor = "sue", .purpose = "supervision", .expires_ms = x->f->wall_ms + YEAR };
	struct ap_restore_report report;
	g_autoptr(JsonNode) granted = NULL;
	g_autofree char *home = NULL;
	ap_purposes both;
	(void)sue;
	assert_ok(ap_grant_add(x->f->v, &admin, &wish, &granted));
	backup_fixture_backup(x);
	backup_fixture_erase(x, &recording);
	fixture_withdraw(x->f, &session, AP_COACHEE, "[\"supervision\"]");
	fixture_run(x->f, "UPDATE grant_ SET revoked_ms = 1800000009999 WHERE revoked_ms IS NULL");
	fixture_run(x->f, "UPDATE user_ SET disabled_ms = 5 WHERE name = 'sue'");
	assert_ok(ap_db_run(ap_vault_db(x->f->v), "UPDATE recording SET state = 'restricted' WHERE id = ?1", AP_VALUES(AP_V_UUID(&frozen))));
	assert_ok(ap_journal_flush(x->f->v));
	assert_ok(backup_fixture_restore(x, x->journal, &home, &report));
	assert_int_equal(report.erased, 1);
	assert_int_equal(report.withdrawn, 1);
	assert_int_equal(report.revoked, 2);
	assert_int_equal(report.living, 2);
	assert_int_equal(report.frozen, 0);
	ap_restore_report_clear(&report);
	struct ap_vault *v = backup_fixture_open(x, home);
	assert_false(backup_fixture_plays(v, &recording));
	assert_true(backup_fixture_plays(v, &kept));
	assert_int_equal(backup_fixture_count(v, "SELECT count(*) FROM grant_ WHERE revoked_ms IS NULL"), 0);
	assert_int_equal(backup_fixture_count(v, "SELECT count(*) FROM user_ WHERE name = 'sue' AND disabled_ms IS NULL"), 0);
	assert_int_equal(backup_fixture_count(v, "SELECT count(*) FROM recording WHERE state = 'restricted'"), 1);
	assert_ok(ap_db_consent_both(ap_vault_db(v), &session, &both));
	assert_int_equal(both, AP_PURPOSE_BIT(AP_PURPOSE_RECORDING));
	struct ap_wrapped wrapped;
	assert_refused(ap_db_keys_peek(ap_vault_keys(v), &recording, AP_SLOT_VAULT, &wrapped), "not-found");
	assert_int_equal(backup_fixture_count(v, "SELECT count(*) FROM erasure WHERE certificate IS NOT NULL"), 1);
	ap_vault_free(v);
	backup_fixture_free(x);
}

/* An order alone counts: the instance was lost before it could be carried out. */
static void R22_an_erasure_that_was_only_ordered_stays_ordered(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid recording = backup_fixture_record(x);
	struct ap_restore_report report;
	g_autofree char *home = NULL;
	backup_fixture_backup(x);
	struct ap_db *db = ap_vault_db(x->f->v);
	assert_ok(ap_db_begin(db));
	assert_ok(ap_db_finish(db, ap_erasure_order(x->f->v, db, &recording, AP_ERASE_REQUEST)));
	assert_ok(ap_journal_flush(x->f->v));
	assert_ok(backup_fixture_restore(x, x->journal, &home, &report));
	assert_int_equal(report.erased, 1);
	assert_int_equal(report.living, 0);
	ap_restore_report_clear(&report);
	struct ap_vault *v = backup_fixture_open(x, home);
	assert_false(backup_fixture_plays(v, &recording));
	ap_vault_free(v);
	backup_fixture_free(x);
}

static void expect_frozen(struct backup_fixture *x, const char *home, const struct ap_uuid *recording, const struct ap_uuid *session)
{
	struct ap_vault *v = backup_fixture_open(x, home);
	struct ap_actor party = fixture_party(session, AP_COACH);
	struct ap_access access;
	int64_t released = 0;
	bool restricted = false;
	assert_refused(ap_access_begin(v, &party, recording, "recording", "own viewing", &access), "restricted");
	assert_ok(ap_db_session_restricted(ap_vault_db(v), session, &restricted));
	assert_true(restricted); /* its gate stays closed */
	assert_ok(ap_db_run(ap_vault_db(v), "UPDATE recording SET state = 'sealed' WHERE state = 'restricted'", AP_NO_VALUES));
	assert_refused(ap_access_begin(v, &party, recording, "recording", "own viewing", &access), "restricted");
	assert_refused(ap_restore_release(v, "user:ada", "", NULL, &released), "invalid");
	assert_ok(ap_restore_release(v, "user:ada", "asked both persons", NULL, &released));
	assert_int_equal(released, 1);
	assert_ok(ap_access_begin(v, &party, recording, "recording", "own viewing", &access));
	assert_ok(ap_db_session_restricted(ap_vault_db(v), session, &restricted));
	assert_false(restricted);
	assert_int_equal(backup_fixture_count(v, "SELECT count(*) FROM leaf WHERE body LIKE '%restore_released%'"), 1);
	assert_refused(ap_restore_release(v, "user:ada", "again", NULL, &released), "conflict");
	ap_vault_free(v);
}

static void R22_without_a_journal_everything_stays_frozen_until_an_admin_releases_it(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid session, recording = backup_fixture_record_in(x, &session);
	struct ap_restore_report report;
	g_autofree char *home = NULL;
	fixture_run(x->f, "UPDATE session SET state = 'active'");
	backup_fixture_backup(x);
	assert_refused(backup_fixture_restore(x, NULL, &home, &report), "journal"); /* what is there would go on with a hole */
	backup_fixture_new_journal(x);
	assert_ok(backup_fixture_restore(x, NULL, &home, &report));
	assert_int_equal(report.frozen, 2); /* the recording and its session */
	assert_int_equal(report.living, 1);
	ap_restore_report_clear(&report);
	expect_frozen(x, home, &recording, &session);
	backup_fixture_free(x);
}

/* Older than the newest checkpoint known, or begun after the backup: neither can say what is missing. */
static void R22_a_journal_that_does_not_reach_freezes_too(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid session, recording = backup_fixture_record_in(x, &session);
	struct ap_restore_report report;
	g_autofree char *old = NULL, *home = NULL, *other = NULL;
	(void)recording;
	backup_fixture_backup(x);
	old = backup_fixture_copy(x, x->journal);
	fixture_withdraw(x->f, &session, AP_COACHEE, "[\"supervision\"]");
	backup_fixture_backup(x);
	g_autofree char *backup = backup_fixture_copy(x, x->directory);
	ap_restore_remove(x->journal);
	fixture_withdraw(x->f, &session, AP_COACH, "[\"supervision\"]");
	assert_ok(ap_journal_keep_checkpoint(x->f->v)); /* a journal that begins here */
	backup_fixture_new_journal(x);
	assert_ok(backup_fixture_restore_from(x, backup, old, &home, &report));
	assert_int_equal(report.frozen, 1);
	ap_restore_report_clear(&report);
	assert_ok(backup_fixture_restore_from(x, backup, x->journal, &other, &report));
	assert_int_equal(report.frozen, 1);
	ap_restore_report_clear(&report);
	backup_fixture_free(x);
}

/* ---- a journal that is not whole ---- */

/* The last lines of the journal's file, gone: the rest is chained and signed as ever. */
static void cut_last_line(const char *journal)
{
	g_autofree char *path = g_build_filename(journal, "journal", NULL), *text = NULL;
	gsize len;
	assert_true(g_file_get_contents(path, &text, &len, NULL));
	assert_int_equal(text[len - 1], '\n');
	text[len - 1] = 0;
	char *before = strrchr(text, '\n');
	assert_non_null(before);
	assert_true(g_file_set_contents(path, text, before + 1 - text, NULL));
}

/* Copied line by line as by rsync: `journal` first, `checkpoint` after; or the file was cut. */
static void R22_a_journal_that_lost_its_last_lines_does_not_reach(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid session, recording = backup_fixture_record_in(x, &session);
	struct ap_restore_report report;
	g_autofree char *home = NULL, *whole = NULL, *cut = NULL;
	(void)recording;
	backup_fixture_backup(x);
	fixture_withdraw(x->f, &session, AP_COACHEE, "[\"recording\"]");
	assert_ok(ap_journal_flush(x->f->v));
	assert_ok(ap_journal_keep_checkpoint(x->f->v));
	cut = backup_fixture_copy(x, x->journal);
	whole = backup_fixture_copy(x, x->journal);
	cut_last_line(cut);
	backup_fixture_new_journal(x);
	assert_ok(backup_fixture_restore(x, cut, &home, &report));
	assert_int_equal(report.frozen, 1);
	assert_int_equal(report.withdrawn, 0);
	ap_restore_report_clear(&report);
	struct ap_vault *v = backup_fixture_open(x, home);
	assert_int_equal(backup_fixture_count(v, "SELECT count(*) FROM recording WHERE state = 'restricted'"), 1);
	ap_vault_free(v);
	g_free(g_steal_pointer(&home));
	backup_fixture_new_journal(x);
	assert_ok(backup_fixture_restore(x, whole, &home, &report));
	assert_int_equal(report.frozen, 0);
	assert_int_equal(report.withdrawn, 1);
	ap_restore_report_clear(&report);
	backup_fixture_free(x);
}

/* A flush between two checkpoints counts too. */
static void R22_a_line_of_after_the_last_checkpoint_is_missed_as_well(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid session, recording = backup_fixture_record_in(x, &session);
	struct ap_restore_report report;
	g_autofree char *home = NULL, *cut = NULL;
	(void)recording;
	backup_fixture_backup(x);
	fixture_withdraw(x->f, &session, AP_COACHEE, "[\"recording\"]");
	assert_ok(ap_journal_flush(x->f->v)); /* and no checkpoint since */
	cut = backup_fixture_copy(x, x->journal);
	cut_last_line(cut);
	backup_fixture_new_journal(x);
	assert_ok(backup_fixture_restore(x, cut, &home, &report));
	assert_int_equal(report.frozen, 1);
	ap_restore_report_clear(&report);
	backup_fixture_free(x);
}

static void R22_a_log_that_is_behind_goes_on_under_a_new_name(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid first = backup_fixture_record(x), lost;
	struct ap_restore_report report;
	struct ap_leaf_row leaf;
	g_autofree char *home = NULL, *after = NULL;
	uint64_t kept = 0, old = 0;
	backup_fixture_backup(x);
	assert_ok(ap_db_ledger_size(ap_vault_db(x->f->v), &kept));
	lost = backup_fixture_record(x);
	(void)lost;
	assert_ok(ap_journal_keep_checkpoint(x->f->v));
	assert_ok(ap_db_ledger_size(ap_vault_db(x->f->v), &old));
	assert_ok(backup_fixture_restore(x, x->journal, &home, &report));
	assert_true(report.continued);
	assert_string_equal(report.origin, "127.0.0.1/aparte/log/2");
	assert_int_equal(report.frozen, 0); /* the journal reaches, so nobody's withdrawal is missing */
	ap_restore_report_clear(&report);
	struct ap_vault *v = backup_fixture_open(x, home);
	assert_false(ap_ledger_stopped(ap_vault_ledger(v)));
	assert_true(backup_fixture_plays(v, &first));
	assert_ok(ap_db_ledger_get(ap_vault_db(v), kept, &leaf));
	assert_int_equal(leaf.leaf.b[1], AP_LEAF_LOG_CONTINUED);
	g_autofree char *expected = g_strdup_printf("\"kept\":%d,\"old_origin\":\"127.0.0.1/aparte/log/1\",\"old_root\":", (int)kept);
	g_autofree char *size = g_strdup_printf("\"old_size\":%d,", (int)old);
	assert_non_null(strstr(leaf.body, expected));
	assert_non_null(strstr(leaf.body, size));
	g_free(leaf.body);
	assert_ok(ap_journal_keep_checkpoint(v)); /* the journal goes on with it */
	ap_vault_free(v);
	/* The instance that was lost comes back: its log was left behind. */
	fixture_restart(x->f);
	assert_true(ap_ledger_stopped(ap_vault_ledger(x->f->v)));
	/* And an older backup still restores by the same journal, under yet another name. */
	assert_ok(backup_fixture_restore(x, x->journal, &after, &report));
	assert_string_equal(report.origin, "127.0.0.1/aparte/log/3");
	assert_int_equal(report.frozen, 0);
	ap_restore_report_clear(&report);
	x->b = (ap_backups_free(x->b), ap_backups_new(x->f->v));
	backup_fixture_free(x);
}

/* Each of the journal's lines had a leaf: with one that the copy does not know, the log was longer, whatever was signed. */
static void R22_a_withdrawal_since_the_backup_says_that_the_log_is_behind(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid session, recording = backup_fixture_record_in(x, &session);
	struct ap_restore_report report;
	g_autofree char *home = NULL, *same = NULL;
	(void)recording;
	backup_fixture_backup(x);
	assert_ok(backup_fixture_restore(x, x->journal, &same, &report));
	assert_false(report.continued);
	ap_restore_report_clear(&report);
	fixture_withdraw(x->f, &session, AP_COACHEE, "[\"recording\"]");
	assert_ok(ap_journal_flush(x->f->v)); /* and no checkpoint since */
	assert_ok(backup_fixture_restore(x, x->journal, &home, &report));
	assert_int_equal(report.frozen, 0);
	assert_true(report.continued);
	assert_string_equal(report.origin, "127.0.0.1/aparte/log/2");
	ap_restore_report_clear(&report);
	struct ap_vault *v = backup_fixture_open(x, home);
	assert_false(ap_ledger_stopped(ap_vault_ledger(v)));
	ap_vault_free(v);
	backup_fixture_free(x);
}

/* A journal that began after a restore says nothing of what a backup of before misses, however long its log is. */
static void R22_a_journal_of_after_a_restore_does_not_reach_an_older_backup(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid first = backup_fixture_record(x), second;
	struct ap_restore_report report;
	g_autofree char *home = NULL, *again = NULL;
	(void)first;
	backup_fixture_backup(x);
	g_autofree char *older = backup_fixture_copy(x, x->directory);
	second = backup_fixture_record(x);
	(void)second;
	backup_fixture_backup(x);
	backup_fixture_new_journal(x); /* the old one is lost */
	assert_ok(backup_fixture_restore_from(x, older, NULL, &home, &report));
	ap_restore_report_clear(&report);
	struct ap_vault *v = backup_fixture_open(x, home);
	assert_ok(ap_journal_keep_checkpoint(v));
	g_autofree char *journal = ap_journal_directory(x->f->config, home);
	backup_fixture_new_journal(x);
	assert_ok(backup_fixture_restore(x, journal, &again, &report));
	assert_true(report.frozen > 0);
	ap_restore_report_clear(&report);
	ap_vault_free(v);
	backup_fixture_free(x);
}

static void R22_only_into_an_empty_home_and_only_with_the_identity(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid recording = backup_fixture_record(x);
	struct ap_restore_report report;
	g_autofree char *home = NULL, *stray = NULL;
	(void)recording;
	backup_fixture_backup(x);
	struct ap_secret *right = x->identity;
	x->identity = ap_secret_random(AP_AGE_KEY);
	assert_refused(backup_fixture_restore(x, x->journal, &home, &report), "backup");
	ap_secret_free(x->identity);
	x->identity = right;
	const struct ap_restore_wish wish = { .from = x->directory, .journal = x->journal, .home = x->f->home, .config = x->f->config,
					      .clock = &x->f->clock, .identity = x->identity, .kek_file = "/nonexistent/kek" };
	assert_refused(ap_restore_run(&wish, &report), "restore");
	stray = g_build_filename(x->f->home, ".restoring", NULL);
	assert_false(g_file_test(stray, G_FILE_TEST_EXISTS));
	backup_fixture_free(x);
}

static void set_state(struct backup_fixture *x, const struct ap_uuid *recording, const char *state)
{
	assert_ok(ap_db_run(ap_vault_db(x->f->v), "UPDATE recording SET state = ?2 WHERE id = ?1",
			    AP_VALUES(AP_V_UUID(recording), AP_V_TEXT(state))));
}

/* vault.db is copied first: what was sealed while ciphertext was copied has another first segment than vault.db says. */
static void R22_a_recording_under_way_comes_back_whole_or_is_erased(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid whole = backup_fixture_record(x), torn = backup_fixture_record(x);
	char id[AP_UUID_TEXT];
	struct ap_restore_report report;
	g_autofree char *home = NULL;
	set_state(x, &whole, "recording");
	set_state(x, &torn, "recording");
	backup_fixture_backup(x);
	ap_uuid_text(&torn, id);
	g_autofree char *first = g_build_filename(x->directory, "recordings", id, "coach", "0.age", NULL);
	assert_true(g_file_set_contents(first, "rewritten at sealing", -1, NULL));
	assert_ok(backup_fixture_restore(x, x->journal, &home, &report));
	assert_int_equal(report.living, 1);
	assert_int_equal(report.broken, 0);
	assert_int_equal(report.erased, 1);
	assert_int_equal(report.problems->len, 1);
	ap_restore_report_clear(&report);
	struct ap_vault *v = backup_fixture_open(x, home);
	assert_ok(ap_recording_recover(v, ap_vault_db(v)));
	assert_int_equal(backup_fixture_count(v, "SELECT count(*) FROM recording WHERE state = 'sealed'"), 1);
	assert_int_equal(backup_fixture_count(v, "SELECT count(*) FROM recording WHERE state = 'erased'"), 1);
	assert_false(backup_fixture_plays(v, &torn));
	ap_vault_free(v);
	backup_fixture_free(x);
}

/* ---- the heart: after a turnover no copy brings an erased recording back ---- */

/* Forensic copies of what the vault has now: databases, KEK, all. */
static bool opens_with(struct backup_fixture *x, const char *keys_db, const struct ap_secret *kek, const struct ap_uuid *recording)
{
	struct ap_db_keys *keys = NULL;
	struct ap_wrapped wrapped;
	if (!ap_ok(ap_db_keys_open(keys_db, kek, &x->f->clock, &keys)))
		return false;
	/* Under another KEK a share does not open, whatever place it is bound to. */
	bool there = ap_ok(ap_db_keys_peek(keys, recording, AP_SLOT_VAULT, &wrapped));
	struct ap_kek_id id = ap_kek_id(kek);
	ap_db_keys_free(keys);
	return there && ap_kek_id_equal(&id, &wrapped.kek_id);
}

static struct ap_secret *read_kek(const char *home)
{
	g_autofree char *path = g_build_filename(home, "vault", "kek", NULL), *text = NULL;
	gsize len = 0;
	assert_true(g_file_get_contents(path, &text, &len, NULL));
	assert_int_equal(len, AP_KEK);
	return ap_secret_from(text, len);
}

static void expect_no_way_back(struct backup_fixture *x, const char *older, const struct ap_secret *kek,
			       const struct ap_uuid *erased, const struct ap_uuid *living)
{
	g_autofree char *old_keys = g_build_filename(older, "vault", "keys.db", NULL);
	g_autofree char *new_keys = g_build_filename(x->f->home, "vault", "keys.db", NULL);
	assert_false(opens_with(x, old_keys, kek, erased));
	assert_false(opens_with(x, old_keys, kek, living)); /* old rows are under the old KEK */
	assert_false(opens_with(x, new_keys, kek, erased));
	assert_true(opens_with(x, new_keys, kek, living));
}

/* The system's own means on the key parts of before: the proof identity that its KEK gives. */
static void expect_old_parts_closed(struct backup_fixture *x, const char *backup, const struct ap_secret *kek)
{
	g_autofree char *scratch = g_build_filename(x->place, "scratch", NULL);
	struct ap_restore_report report;
	struct ap_restore_wish wish = { .from = backup, .journal = x->journal, .home = scratch, .config = x->f->config,
					.clock = &x->f->clock, .identity = NULL, .kek = kek, .proof = true };
	assert_int_equal(g_mkdir(scratch, 0700), 0);
	assert_refused(ap_restore_run(&wish, &report), "backup");
	/* Nor is the KEK itself an identity of anything in it. */
	wish.kek = NULL;
	wish.identity = kek;
	assert_refused(ap_restore_run(&wish, &report), "backup");
	ap_restore_remove(scratch);
}

static void R22_backups_of_before_a_turnover_bring_no_erased_recording_back(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid erased = backup_fixture_record(x), living = backup_fixture_record(x);
	struct ap_restore_report report;
	g_autofree char *home = NULL, *recovered = NULL;
	backup_fixture_backup(x);
	struct ap_secret *old_kek = read_kek(x->f->home);
	g_autofree char *before = backup_fixture_copy(x, x->directory), *vault_before = backup_fixture_copy(x, x->f->home);
	assert_int_equal(backup_fixture_search(vault_before, ap_secret_bytes(old_kek), AP_KEK), 1); /* the search finds */
	g_autofree char *copied_kek = g_build_filename(vault_before, "vault", "kek", NULL);
	assert_int_equal(g_unlink(copied_kek), 0); /* a copy of the databases, not of the key */
	backup_fixture_erase(x, &erased);
	assert_ok(ap_turnover_run(x->f->v, AP_TURN_SCHEDULE));
	backup_fixture_backup(x);
	struct ap_secret *kek = read_kek(x->f->home);
	assert_false(ap_secret_equal(kek, old_kek));

	/* The old KEK lies nowhere that the system controls, in no writing; and in no backup but sealed to the operator. */
	assert_int_equal(backup_fixture_search(x->f->home, ap_secret_bytes(old_kek), AP_KEK), 0);
	assert_int_equal(backup_fixture_search(x->directory, ap_secret_bytes(old_kek), AP_KEK), 0);
	assert_int_equal(backup_fixture_search(x->journal, ap_secret_bytes(old_kek), AP_KEK), 0);
	assert_int_equal(backup_fixture_search(before, ap_secret_bytes(old_kek), AP_KEK), 0);
	expect_no_way_back(x, vault_before, kek, &erased, &living);
	expect_old_parts_closed(x, before, kek);

	/* After the horizon the old key parts are gone from the backup too. */
	fixture_advance(x->f, 8 * DAY);
	backup_fixture_backup(x);
	assert_int_equal(fixture_count(x->f, "SELECT count(*) FROM key_part WHERE destroyed_ms IS NULL"), 1);

	/* The restore operator: what lives comes back and plays, what was erased does not, from any backup. */
	assert_ok(backup_fixture_restore(x, x->journal, &home, &report));
	assert_int_equal(report.living, 1);
	ap_restore_report_clear(&report);
	struct ap_vault *v = backup_fixture_open(x, home);
	assert_true(backup_fixture_plays(v, &living));
	assert_false(backup_fixture_plays(v, &erased));
	ap_vault_free(v);
	assert_ok(backup_fixture_restore_from(x, before, x->journal, &recovered, &report));
	assert_int_equal(report.erased, 1);
	ap_restore_report_clear(&report);
	v = backup_fixture_open(x, recovered);
	assert_true(backup_fixture_plays(v, &living));
	assert_false(backup_fixture_plays(v, &erased));
	ap_vault_free(v);
	ap_secret_free(old_kek);
	ap_secret_free(kek);
	backup_fixture_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(R22_what_was_backed_up_plays_again),
		cmocka_unit_test(R22_a_key_without_its_databases_does_not_stay),
		cmocka_unit_test(R22_what_was_taken_back_after_the_backup_stays_so),
		cmocka_unit_test(R22_an_erasure_that_was_only_ordered_stays_ordered),
		cmocka_unit_test(R22_without_a_journal_everything_stays_frozen_until_an_admin_releases_it),
		cmocka_unit_test(R22_a_journal_that_does_not_reach_freezes_too),
		cmocka_unit_test(R22_a_journal_that_lost_its_last_lines_does_not_reach),
		cmocka_unit_test(R22_a_line_of_after_the_last_checkpoint_is_missed_as_well),
		cmocka_unit_test(R22_a_log_that_is_behind_goes_on_under_a_new_name),
		cmocka_unit_test(R22_a_withdrawal_since_the_backup_says_that_the_log_is_behind),
		cmocka_unit_test(R22_a_journal_of_after_a_restore_does_not_reach_an_older_backup),
		cmocka_unit_test(R22_only_into_an_empty_home_and_only_with_the_identity),
		cmocka_unit_test(R22_a_recording_under_way_comes_back_whole_or_is_erased),
		cmocka_unit_test(R22_backups_of_before_a_turnover_bring_no_erased_recording_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
