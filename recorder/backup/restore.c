#include "recorder/backup/restore_private.h"

#include "recorder/api/answer.h"
#include "recorder/backup/db_backup.h"
#include "recorder/backup/db_journal.h"
#include "recorder/backup/journal.h"
#include "recorder/keys/secret_file.h"
#include "recorder/api/staff.h"

#include <aparte/log.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROBLEMS_MAX 100

void ap_restore_problem(struct ap_restoring *r, const char *format, ...)
{
	va_list args;
	if (r->report->problems->len >= PROBLEMS_MAX)
		return;
	va_start(args, format);
	g_ptr_array_add(r->report->problems, g_strdup_vprintf(format, args));
	va_end(args);
}

struct ap_result ap_restore_go_on(const struct ap_restoring *r)
{
	if (r->wish->stopped && r->wish->stopped(r->wish->ctx))
		return ap_fail(AP_ERR_DENIED, "stopped", "it was stopped before its end");
	return AP_SUCCESS;
}

static struct ap_result unwritable(void)
{
	return ap_fail(AP_ERR_IO, "restore", "the home cannot be written: see to its disk and owner");
}

/* ---- the place ---- */

static bool is_empty(const char *home, const char *name)
{
	g_autofree char *path = g_build_filename(home, name, NULL);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	return dir ? !g_dir_read_name(dir) : !g_file_test(path, G_FILE_TEST_EXISTS);
}

static bool make_below(const char *place, const char *name)
{
	g_autofree char *path = g_build_filename(place, name, NULL);
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static struct ap_result make_place(struct ap_restoring *r)
{
	const struct ap_restore_wish *w = r->wish;
	if (!is_empty(w->home, "vault") || !is_empty(w->home, "recordings"))
		return ap_fail(AP_ERR_DENIED, "restore", "the home is not empty: restore to a new one (aparte init makes it)");
	r->place = g_build_filename(w->home, ".restoring", NULL);
	ap_restore_remove(r->place); /* of an attempt that broke off */
	if (mkdir(r->place, 0700) != 0 || !make_below(r->place, "vault") || !make_below(r->place, "recordings"))
		return unwritable();
	return AP_SUCCESS;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

void ap_restore_remove(const char *home)
{
	nftw(home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The vault of the place makes no backups, and its journal's lines stay in the place. */
static struct ap_result make_config(struct ap_restoring *r)
{
	g_autofree char *text = ap_config_to_text(r->wish->config);
	AP_TRY(ap_config_parse(text, &r->config, NULL));
	AP_TRY(ap_config_set(r->config, "backup.directory", ""));
	return ap_config_set(r->config, "backup.journal", "");
}

/* ---- in order ---- */

static void note_erased(struct ap_restoring *r)
{
	for (guint i = 0; r->lines && i < r->lines->len; i++) {
		JsonObject *o = json_node_get_object(r->lines->pdata[i]);
		const char *event = json_object_get_string_member_with_default(o, "event", "");
		if (strcmp(event, "erasure") == 0)
			g_hash_table_add(r->erased, g_strdup(json_object_get_string_member_with_default(o, "recording", "")));
	}
}

static struct ap_result open_vault(struct ap_restoring *r)
{
	const struct ap_vault_setup setup = { .config = r->config, .clock = r->wish->clock, .home = r->place, .kek = r->kek };
	AP_TRY(ap_vault_open(&setup, &r->v));
	ap_vault_set_rights(r->v, ap_staff_rights());
	if (ap_ledger_stopped(ap_vault_ledger(r->v)))
		return ap_fail(AP_ERR_CRYPTO, "restore", "the log in the backup is damaged: take an older backup");
	const char *vkey = ap_ledger_vkey(ap_vault_ledger(r->v));
	r->report->origin = g_strndup(vkey, strcspn(vkey, "+"));
	if (!r->behind && strcmp(r->report->origin, r->vault_part.origin) != 0)
		return ap_fail(AP_ERR_DENIED, "restore",
			       "this home would give the log another name: set vault.log_origin in its aparte.conf to the old one");
	return AP_SUCCESS;
}

static struct ap_result continue_log(struct ap_restoring *r)
{
	struct ap_db *db = ap_vault_db(r->v);
	if (!r->behind)
		return AP_SUCCESS;
	r->report->continued = true;
	AP_TRY(ap_db_begin(db));
	return ap_db_finish(db, ap_ledger_continue(ap_vault_ledger(r->v), db, &r->newest, r->size));
}

static struct ap_result put_restored(struct ap_restoring *r, struct ap_db *db)
{
	uint64_t leaf;
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "restored");
	ap_answer_id(body, "vault_part", &r->vault_part.id);
	ap_answer_id(body, "key_part", &r->key_part.id);
	json_object_set_boolean_member(body, "frozen", !r->reaches);
	AP_TRY(ap_ledger_append(ap_vault_ledger(r->v), db, AP_LEAF_OTHER, body, &leaf));
	if (!r->reaches)
		AP_TRY(ap_db_freeze(db));
	AP_TRY(ap_db_logins_forget(db));
	AP_TRY(ap_db_journal_end_forget(db)); /* of the place's own; the one that goes on was verified whole */
	return ap_db_due_forget(db);
}

static struct ap_result conclude(struct ap_restoring *r)
{
	struct ap_db *db = ap_vault_db(r->v);
	g_autofree char *checkpoint = NULL;
	AP_TRY(ap_db_begin(db));
	AP_TRY(ap_db_finish(db, put_restored(r, db)));
	if (!r->reaches)
		AP_TRY(ap_db_frozen_count(db, &r->report->frozen));
	return ap_ledger_checkpoint(ap_vault_ledger(r->v), db, &checkpoint); /* known in keys.db from here on */
}

/* Where the new home keeps its journal. */
static char *own_journal(const struct ap_restoring *r)
{
	const struct ap_restore_wish *w = r->wish;
	return ap_journal_directory(w->config, ap_journal_is_inside(w->config) ? r->place : w->home);
}

static bool is_same_directory(const char *a, const char *b)
{
	struct stat x, y;
	return a && stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* One that does not reach must not go on: it would look whole to the next restore. */
static struct ap_result check_own_journal(const struct ap_restoring *r)
{
	g_autofree char *own = own_journal(r), *path = g_build_filename(own, "journal", NULL);
	if (r->wish->proof || !g_file_test(path, G_FILE_TEST_EXISTS) || (r->reaches && is_same_directory(r->wish->journal, own)))
		return AP_SUCCESS;
	return ap_fail(AP_ERR_DENIED, "journal",
		       r->reaches ? "backup.journal of this home holds another journal: name the one you restore by, or an empty directory"
				  : "backup.journal of this home holds a journal that does not reach this backup's log, and must not go "
				    "on: name an empty directory, or give the right one with --journal");
}

static struct ap_result restore_all(struct ap_restoring *r)
{
	AP_TRY(make_place(r));
	AP_TRY(make_config(r));
	AP_TRY(ap_restore_parts(r));
	AP_TRY(ap_restore_judge_log(r));
	AP_TRY(ap_restore_go_on(r));
	AP_TRY(check_own_journal(r));
	note_erased(r);
	AP_TRY(open_vault(r));
	AP_TRY(continue_log(r));
	AP_TRY(ap_restore_bytes(r));
	AP_TRY(ap_restore_replay(r));
	AP_TRY(conclude(r));
	return ap_restore_check(r);
}

/* ---- into the home ---- */

static bool sync_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool good = fd >= 0 && syncfs(fd) == 0;
	if (fd >= 0)
		close(fd);
	return good;
}

static bool put_kek(const struct ap_restoring *r)
{
	int fd = open(r->wish->kek_file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	bool good = write(fd, ap_secret_bytes(r->kek), AP_KEK) == AP_KEK && fsync(fd) == 0;
	return close(fd) == 0 && good;
}

static bool move(const struct ap_restoring *r, const char *name)
{
	g_autofree char *from = g_build_filename(r->place, name, NULL), *to = g_build_filename(r->wish->home, name, NULL);
	return (rmdir(to) == 0 || errno == ENOENT) && rename(from, to) == 0;
}

static struct ap_result copy_name(const char *from, const char *to, const char *name)
{
	g_autofree char *a = g_build_filename(from, name, NULL), *b = g_build_filename(to, name, NULL), *text = NULL;
	gsize len = 0;
	if (g_file_test(b, G_FILE_TEST_EXISTS) || !g_file_get_contents(a, &text, &len, NULL))
		return AP_SUCCESS; /* it goes on where it is */
	return g_file_set_contents_full(b, text, (gssize)len, G_FILE_SET_CONTENTS_DURABLE, 0600, NULL) ?
		       AP_SUCCESS :
		       ap_fail(AP_ERR_IO, "journal", "the journal cannot be copied to backup.journal: see to its disk and owner");
}

/* The journal goes on where the new home keeps it: older backups are restored by it too. */
static struct ap_result take_journal(const struct ap_restoring *r)
{
	g_autofree char *inside = g_build_filename(r->place, "vault", "journal", NULL), *to = own_journal(r);
	ap_restore_remove(inside); /* lines of the replay itself */
	if (!r->reaches)
		return AP_SUCCESS;
	if (mkdir(to, 0700) != 0 && errno != EEXIST)
		return ap_fail(AP_ERR_IO, "journal", "backup.journal cannot be made: see to its disk and owner");
	AP_TRY(copy_name(r->wish->journal, to, "journal"));
	return copy_name(r->wish->journal, to, "checkpoint");
}

static struct ap_result move_in(const struct ap_restoring *r)
{
	AP_TRY(take_journal(r));
	/* The databases come last: until they have their names, this is no instance. */
	if (!sync_path(r->place) || !move(r, "recordings") || !put_kek(r))
		return unwritable();
	if (move(r, "vault"))
		return sync_path(r->wish->home) ? AP_SUCCESS : unwritable();
	AP_IGNORE(ap_secret_file_destroy(r->wish->kek_file)); /* a plain key beside nothing, and in the way of the next try */
	return unwritable();
}

/* ---- as a whole ---- */

/* Wrapped shares are no less worth destroying in a place that was given up. */
static void discard(const char *place)
{
	g_autofree char *keys = g_build_filename(place, "vault", "keys.db", NULL);
	if (g_file_test(keys, G_FILE_TEST_EXISTS))
		AP_IGNORE(ap_secret_file_destroy(keys)); /* removed below in any case */
	ap_restore_remove(place);
}

static void close_all(struct ap_restoring *r)
{
	ap_vault_free(g_steal_pointer(&r->v));
	g_clear_pointer(&r->config, ap_config_free);
	ap_secret_free(r->kek);
	g_clear_pointer(&r->lines, g_ptr_array_unref);
	g_hash_table_unref(r->erased);
	g_array_unref(r->unfinished);
	if (r->place)
		discard(r->place);
	g_free(r->place);
}

static struct ap_result run(struct ap_restoring *r)
{
	AP_TRY(restore_all(r));
	ap_vault_free(g_steal_pointer(&r->v));
	return r->wish->proof ? AP_SUCCESS : move_in(r);
}

struct ap_result ap_restore_run(const struct ap_restore_wish *wish, struct ap_restore_report *ret_report)
{
	struct ap_restore_report report = { .problems = g_ptr_array_new_with_free_func(g_free) };
	struct ap_restoring r = { .wish = wish,
				  .report = &report,
				  .erased = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
				  .unfinished = g_array_new(FALSE, FALSE, sizeof(struct ap_uuid)) };
	/* What the opened vault leaves for its main loop is dropped with this context. */
	GMainContext *context = g_main_context_new();
	g_main_context_push_thread_default(context);
	struct ap_result result = run(&r);
	close_all(&r);
	g_main_context_pop_thread_default(context);
	g_main_context_unref(context);
	if (ap_ok(result))
		*ret_report = report;
	else
		ap_restore_report_clear(&report);
	return result;
}

void ap_restore_report_clear(struct ap_restore_report *report)
{
	g_clear_pointer(&report->origin, g_free);
	g_clear_pointer(&report->problems, g_ptr_array_unref);
}

char *ap_restore_report_text(const struct ap_restore_report *report)
{
	JsonObject *o = json_object_new();
	JsonArray *problems = json_array_new();
	for (guint i = 0; i < report->problems->len; i++)
		json_array_add_string_element(problems, report->problems->pdata[i]);
	ap_answer_time(o, "vault_made_at", report->vault_made_ms);
	ap_answer_time(o, "keys_made_at", report->keys_made_ms);
	json_object_set_int_member(o, "living", report->living);
	json_object_set_int_member(o, "broken", report->broken);
	json_object_set_int_member(o, "erased_again", report->erased);
	json_object_set_int_member(o, "withdrawn_again", report->withdrawn);
	json_object_set_int_member(o, "revoked_again", report->revoked);
	json_object_set_int_member(o, "frozen", report->frozen);
	json_object_set_boolean_member(o, "log_continued", report->continued);
	ap_answer_text(o, "origin", report->origin);
	json_object_set_array_member(o, "problems", problems);
	return ap_answer_take_text(ap_answer_object(o));
}
