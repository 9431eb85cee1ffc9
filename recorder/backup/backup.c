#include "recorder/backup/backup.h"

#include "recorder/api/answer.h"
#include "recorder/backup/db_backup.h"
#include "recorder/backup/db_journal.h"
#include "recorder/backup/destination.h"
#include "recorder/backup/journal.h"
#include "recorder/backup/key_part.h"
#include "recorder/backup/mirror.h"
#include "recorder/backup/part.h"
#include "recorder/backup/restore.h"
#include "recorder/db/db_copy.h"
#include "recorder/keys/db_keys_image.h"
#include "recorder/db/db_ledger.h"
#include "recorder/keys/secret_file.h"
#include "recorder/vault.h"

#include <aparte/log.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define WORK_MS 1000
#define MINUTE_MS 60000
#define AGAIN_MS 600000 /* after a run that a turnover asked for and that failed */
#define STEP 65536

enum what { MAKE, PROVE };

/* One run; made on the main thread, worked off on its own, ended on the main thread. */
struct run {
	struct ap_backups *b; /* borrowed */
	enum what what;
	struct ap_destination to; /* owned */
	char *journal;		  /* owned */
	struct ap_secret *kek;	  /* of a proof: lent by keys.db (ap_db_keys_lend) */
	struct ap_age_recipient proof; /* of a backup: who proves it, which no lockdown needs to take back */
	struct ap_part part;	  /* the copy of vault.db */
	struct ap_mirror_counts counts;
	struct ap_restore_report report; /* of a proof that went through */
	struct ap_result result;
};

struct ap_backups {
	struct ap_vault *v; /* borrowed */
	/* owned */
	GSource *timer;
	GHashTable *owed; /* what vault.db does not hold yet, but the journal does */
	GThread *thread;  /* NULL: no run */
	struct run *run;
	/* state */
	atomic_bool stop, done;
	int64_t checkpoint_ms, pruned_ms, tried_ms;
	bool journal_bad;
	bool prove_next; /* after a backup */
};

static int64_t now(const struct ap_backups *b)
{
	return ap_wall_ms(ap_vault_clock(b->v));
}

/* ---- on the run's thread: the copy of vault.db ---- */

static struct ap_result add_file(struct ap_part_writer *w, const char *path)
{
	g_autoptr(GMappedFile) map = g_mapped_file_new(path, FALSE, NULL);
	if (!map)
		return ap_fail(AP_ERR_IO, "backup", "the copy of vault.db cannot be read");
	const char *bytes = g_mapped_file_get_contents(map);
	for (size_t at = 0, len = g_mapped_file_get_length(map); at < len; at += STEP)
		AP_TRY(ap_part_write(w, bytes + at, MIN(STEP, len - at)));
	return ap_part_end(w);
}

static struct ap_result measure(const char *path, struct ap_part *part)
{
	struct ap_db *db = NULL;
	AP_TRY(ap_db_open(path, ap_schema_vault, &db));
	struct ap_result r = ap_db_check(db);
	if (ap_ok(r))
		r = ap_db_ledger_size(db, &part->log_size);
	if (ap_ok(r))
		r = ap_db_living_count(db, &part->recordings);
	ap_db_close(db);
	return r;
}

static struct ap_result seal_copy(struct run *run, const char *path)
{
	struct ap_age_recipient recipients[2] = { run->to.recipient };
	struct ap_part_writer *w = NULL;
	recipients[1] = run->proof;
	AP_TRY(ap_part_writer_new(run->to.directory, &run->part, recipients, &w));
	struct ap_result r = add_file(w, path);
	ap_part_writer_free(w);
	return r;
}

static void remove_copy(const char *path)
{
	static const char *const endings[] = { "", "-wal", "-shm", "-journal" };
	for (size_t i = 0; i < G_N_ELEMENTS(endings); i++) {
		g_autofree char *file = g_strconcat(path, endings[i], NULL);
		unlink(file);
	}
}

static char *copy_of(struct ap_vault *v)
{
	return g_build_filename(ap_vault_home(v), "vault", "backup.db", NULL);
}

static struct ap_result copy_vault(struct run *run)
{
	const char *home = ap_vault_home(run->b->v);
	g_autofree char *from = g_build_filename(home, "vault", "vault.db", NULL);
	g_autofree char *copy = copy_of(run->b->v);
	remove_copy(copy);
	struct ap_result r = ap_db_copy(from, copy);
	if (ap_ok(r))
		r = measure(copy, &run->part);
	if (ap_ok(r))
		r = seal_copy(run, copy);
	remove_copy(copy);
	return r;
}

/* ---- ciphertext ---- */

static struct ap_result list_living(const char *home, GHashTable **ret_living)
{
	struct ap_db *db = NULL;
	g_autofree char *path = g_build_filename(home, "vault", "vault.db", NULL);
	AP_TRY(ap_db_open(path, ap_schema_vault, &db));
	struct ap_result r = ap_db_living(db, ret_living);
	ap_db_close(db);
	return r;
}

static struct ap_result copy_bytes(struct run *run)
{
	g_autoptr(GHashTable) living = NULL;
	const char *home = ap_vault_home(run->b->v);
	g_autofree char *recordings = g_build_filename(home, "recordings", NULL);
	AP_TRY(list_living(home, &living));
	return ap_mirror_copy(recordings, run->to.directory, living, &run->b->stop, &run->counts);
}

static struct ap_result make(struct run *run)
{
	AP_TRY(copy_vault(run));
	return copy_bytes(run);
}

/* ---- the proof ---- */

static char *scratch_of(struct ap_vault *v)
{
	return g_build_filename(ap_vault_home(v), "vault", "proof", NULL);
}

/* Also when the vault wants its key back: in a lockdown, and before a turnover forgets it. */
static bool is_stopped(void *ctx)
{
	const struct run *run = ctx;
	return atomic_load(&run->b->stop) || ap_db_keys_recalled(ap_vault_keys(run->b->v));
}

static struct ap_result prove(struct run *run)
{
	struct ap_vault *v = run->b->v;
	g_autofree char *scratch = scratch_of(v);
	if (g_mkdir_with_parents(scratch, 0700) != 0)
		return ap_fail(AP_ERR_IO, "backup", "there is no room for a scratch place in vault/");
	const struct ap_restore_wish wish = { .from = run->to.directory,
					      .journal = run->journal,
					      .home = scratch,
					      .config = ap_vault_config(v),
					      .clock = ap_vault_clock(v),
					      .kek = run->kek,
					      .proof = true,
					      .stopped = is_stopped,
					      .ctx = run };
	struct ap_result r = ap_restore_run(&wish, &run->report);
	ap_restore_remove(scratch);
	ap_db_keys_return(ap_vault_keys(v), g_steal_pointer(&run->kek));
	return r;
}

/* ---- a run's end, on the main thread ---- */

static void free_run(struct run *run)
{
	ap_destination_clear(&run->to);
	ap_restore_report_clear(&run->report);
	ap_db_keys_return(ap_vault_keys(run->b->v), run->kek);
	g_free(run->journal);
	g_free(run);
}

static void keep_note(struct ap_backups *b, const char *name, JsonObject *o, struct ap_result r)
{
	json_object_set_boolean_member(o, "ok", ap_ok(r));
	ap_answer_time(o, "at", now(b));
	if (!ap_ok(r))
		ap_answer_text(o, "problem", r.detail);
	g_autofree char *text = ap_answer_take_text(ap_answer_object(o));
	AP_IGNORE(ap_db_note_put(ap_vault_db(b->v), name, text)); /* a database that fails is told of elsewhere */
}

/* The key part comes last: what vault.db's copy needs of it is in it. */
static struct ap_result finish_make(struct run *run)
{
	struct ap_vault *v = run->b->v;
	AP_TRY(run->result);
	AP_TRY(ap_key_part_write(v));
	return ap_part_complete(run->to.directory, &run->part);
}

static void end_make(struct run *run)
{
	JsonObject *o = json_object_new();
	run->result = finish_make(run);
	json_object_set_int_member(o, "recordings", run->part.recordings);
	json_object_set_int_member(o, "files_copied", (gint64)run->counts.copied);
	json_object_set_int_member(o, "bytes_copied", (gint64)run->counts.bytes);
	json_object_set_int_member(o, "files_kept", (gint64)run->counts.kept);
	json_object_set_int_member(o, "recordings_removed", (gint64)run->counts.removed);
	keep_note(run->b, "backup", o, run->result);
	if (!ap_ok(run->result))
		ap_part_tidy(run->to.directory);
	run->b->prove_next = ap_ok(run->result);
	ap_log(ap_ok(run->result) ? AP_LOG_INFO : AP_LOG_ERROR, "backup", "result=%s recordings=%lld copied=%llu",
	       run->result.name, (long long)run->part.recordings, (unsigned long long)run->counts.copied);
}

static void end_proof(struct run *run)
{
	JsonObject *o;
	struct ap_result r = run->result;
	if (strcmp(r.name, "stopped") == 0) { /* says nothing of the backup */
		ap_log(AP_LOG_INFO, "backup_proof_stopped", " ");
		return;
	}
	g_autofree char *text = ap_ok(r) ? ap_restore_report_text(&run->report) : NULL;
	g_autoptr(JsonNode) node = text ? json_from_string(text, NULL) : NULL;
	o = node ? json_object_ref(json_node_get_object(node)) : json_object_new();
	if (ap_ok(r) && run->report.problems->len > 0)
		r = ap_fail(AP_ERR_IO, "backup", "the last backup does not restore as it should: look at its problems");
	keep_note(run->b, "backup_proof", o, r);
	ap_log(ap_ok(r) ? AP_LOG_INFO : AP_LOG_ERROR, "backup_proved", "result=%s recordings=%lld", r.name,
	       (long long)run->report.living);
}

static void end_run(struct ap_backups *b)
{
	struct run *run = b->run;
	g_thread_join(g_steal_pointer(&b->thread));
	b->run = NULL;
	if (run->what == MAKE)
		end_make(run);
	else
		end_proof(run);
	free_run(run);
}

/* ---- a run's beginning ---- */

static void *work_off(void *data)
{
	struct run *run = data;
	run->result = run->what == MAKE ? make(run) : prove(run);
	atomic_store(&run->b->done, true);
	return NULL;
}

/* The copy of vault.db is sealed to this part's own identity too, which the key gives: only its public half stays. */
static struct ap_result name_part(void *ctx, const struct ap_secret *kek, const char *path)
{
	struct run *run = ctx;
	struct ap_kek_id id = ap_kek_id(kek);
	(void)path;
	ap_part_new(AP_PART_VAULT, now(run->b), &id, &run->part);
	struct ap_secret *identity = ap_part_proof_identity(kek, &run->part.id);
	run->proof = ap_age_identity_recipient(identity);
	ap_secret_free(identity);
	return AP_SUCCESS;
}

static struct ap_result equip(struct run *run)
{
	struct ap_vault *v = run->b->v;
	AP_TRY(ap_destination_find(v, &run->to));
	run->journal = ap_journal_directory(ap_vault_config(v), ap_vault_home(v));
	if (run->what == PROVE)
		return ap_db_keys_lend(ap_vault_keys(v), &run->kek);
	const char *vkey = ap_ledger_vkey(ap_vault_ledger(v));
	AP_TRY(ap_db_keys_use(ap_vault_keys(v), name_part, run));
	g_strlcpy(run->part.origin, vkey, MIN(sizeof run->part.origin, strcspn(vkey, "+") + 1));
	ap_part_tidy(run->to.directory);
	AP_TRY(ap_journal_flush(v)); /* it must have begun before the copy is made */
	return ap_journal_keep_checkpoint(v);
}

static struct ap_result begin(struct ap_backups *b, enum what what)
{
	if (b->thread)
		return ap_fail(AP_ERR_DENIED, "conflict", "a backup or its proof is under way");
	struct run *run = g_new0(struct run, 1);
	run->b = b;
	run->what = what;
	struct ap_result r = equip(run);
	if (!ap_ok(r)) {
		free_run(run);
		return r;
	}
	atomic_store(&b->done, false);
	b->run = run;
	b->thread = g_thread_new("backup", work_off, run);
	return AP_SUCCESS;
}

struct ap_result ap_backups_make(struct ap_backups *b)
{
	b->tried_ms = now(b);
	return begin(b, MAKE);
}

struct ap_result ap_backups_prove(struct ap_backups *b)
{
	return begin(b, PROVE);
}

/* ---- once a second ---- */

/* Told once, and once it is over. */
static void tell_journal(struct ap_backups *b, struct ap_result r)
{
	if (ap_ok(r) != b->journal_bad)
		return;
	b->journal_bad = !ap_ok(r);
	ap_log(ap_ok(r) ? AP_LOG_INFO : AP_LOG_ERROR, "journal", "result=%s advice=%s", r.name, r.detail);
}

static struct ap_result work_journal(struct ap_backups *b)
{
	AP_TRY(ap_journal_put_owed(b->v, b->owed)); /* first: vault.db may be what fails */
	AP_TRY(ap_journal_flush(b->v));
	if (now(b) - b->checkpoint_ms < MINUTE_MS || ap_ledger_stopped(ap_vault_ledger(b->v)))
		return AP_SUCCESS;
	b->checkpoint_ms = now(b);
	return ap_journal_keep_checkpoint(b->v);
}

static struct ap_result work_prune(struct ap_backups *b)
{
	if (now(b) - b->pruned_ms < MINUTE_MS || b->thread)
		return AP_SUCCESS;
	b->pruned_ms = now(b);
	return ap_key_part_prune(b->v);
}

/* After a turnover the copy of vault.db is one that only the restore operator can open: made anew, it can be proved. */
static void follow_turnover(struct ap_backups *b)
{
	struct ap_part newest;
	struct ap_kek_id kek;
	g_autofree char *directory = ap_destination_directory(b->v);
	if (b->thread || !ap_backup_configured(b->v) || now(b) - b->tried_ms < AGAIN_MS)
		return;
	if (ap_ok(ap_db_keys_kek_id(ap_vault_keys(b->v), &kek)) && ap_ok(ap_part_newest(directory, AP_PART_VAULT, &newest)) &&
	    !ap_kek_id_equal(&kek, &newest.kek))
		AP_IGNORE(ap_backups_make(b)); /* told by the run; tried again */
}

struct ap_result ap_backups_work(struct ap_backups *b)
{
	struct ap_result journal = work_journal(b);
	tell_journal(b, journal);
	if (b->thread && atomic_load(&b->done))
		end_run(b);
	if (b->prove_next && !b->thread) {
		b->prove_next = false;
		AP_IGNORE(ap_backups_prove(b)); /* only a turnover that just began keeps it from it */
	}
	struct ap_result prune = work_prune(b);
	follow_turnover(b);
	return ap_ok(journal) ? prune : journal;
}

static gboolean on_timer(void *data)
{
	AP_IGNORE(ap_backups_work(data)); /* told there; the next second tries again */
	return G_SOURCE_CONTINUE;
}

/* A vault that died in a run left copies behind: of keys.db's wrapped shares too, which erasures must not miss. */
static void remove_leftovers(struct ap_vault *v)
{
	g_autofree char *scratch = scratch_of(v), *place = g_build_filename(scratch, ".restoring", NULL);
	g_autofree char *keys = g_build_filename(place, "vault", "keys.db", NULL), *copy = copy_of(v);
	if (g_file_test(keys, G_FILE_TEST_EXISTS))
		AP_IGNORE(ap_secret_file_destroy(keys)); /* removed below in any case */
	ap_restore_remove(scratch);
	remove_copy(copy);
}

struct ap_backups *ap_backups_new(struct ap_vault *v)
{
	struct ap_backups *b = g_new0(struct ap_backups, 1);
	b->v = v;
	b->owed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	remove_leftovers(v);
	return b;
}

void ap_backups_start(struct ap_backups *b)
{
	on_timer(b);
	b->timer = g_timeout_source_new(WORK_MS);
	g_source_set_callback(b->timer, on_timer, b, NULL);
	g_source_attach(b->timer, g_main_context_get_thread_default());
}

void ap_backups_wait(struct ap_backups *b)
{
	while (b->thread)
		end_run(b);
}

void ap_backups_free(struct ap_backups *b)
{
	if (!b)
		return;
	atomic_store(&b->stop, true);
	ap_backups_wait(b);
	if (b->timer) {
		g_source_destroy(b->timer);
		g_source_unref(b->timer);
	}
	g_hash_table_unref(b->owed);
	g_free(b);
}

/* ---- what is told ---- */

static struct ap_result add_note(struct ap_backups *b, JsonObject *o, const char *member, const char *name)
{
	g_autofree char *text = NULL;
	AP_TRY(ap_db_note_get(ap_vault_db(b->v), name, &text));
	ap_answer_json(o, member, text);
	return AP_SUCCESS;
}

static void add_parts(JsonObject *o, const char *directory, enum ap_part_kind kind, const char *member)
{
	g_autoptr(GArray) parts = NULL;
	JsonArray *list = json_array_new();
	if (!ap_ok(ap_part_list(directory, kind, &parts)))
		parts = g_array_new(FALSE, FALSE, sizeof(struct ap_part));
	for (guint i = 0; i < parts->len; i++) {
		const struct ap_part *p = &g_array_index(parts, struct ap_part, i);
		JsonObject *row = json_object_new();
		g_autofree char *kek = ap_hex(p->kek.b, AP_KEK_ID);
		ap_answer_id(row, "id", &p->id);
		ap_answer_time(row, "made_at", p->made_ms);
		ap_answer_text(row, "kek_id", kek);
		json_object_set_int_member(row, "size", (gint64)p->size);
		json_array_add_object_element(list, row);
	}
	json_object_set_array_member(o, member, list);
}

static bool lies_in(const char *path, const char *directory)
{
	size_t len = strlen(directory);
	return len > 0 && strncmp(path, directory, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Where what it outlives would take it along: in the instance, or in the backups. */
static bool is_inside(struct ap_vault *v, const char *journal)
{
	g_autofree char *backup = ap_destination_directory(v);
	return ap_journal_is_inside(ap_vault_config(v)) || lies_in(journal, ap_vault_home(v)) || lies_in(journal, backup);
}

static struct ap_result add_journal(struct ap_backups *b, JsonObject *o)
{
	int64_t waiting = 0;
	JsonObject *journal = json_object_new();
	g_autofree char *directory = ap_journal_directory(ap_vault_config(b->v), ap_vault_home(b->v));
	struct ap_result r = ap_db_journal_waiting(ap_vault_db(b->v), &waiting);
	ap_answer_text(journal, "directory", directory);
	json_object_set_boolean_member(journal, "inside", is_inside(b->v, directory));
	json_object_set_boolean_member(journal, "ok", !b->journal_bad);
	json_object_set_int_member(journal, "waiting", waiting);
	json_object_set_object_member(o, "journal", journal);
	return r;
}

struct ap_result ap_backups_show(struct ap_backups *b, JsonNode **ret_answer)
{
	int64_t frozen = 0;
	g_autoptr(JsonObject) o = json_object_new();
	g_autofree char *directory = ap_destination_directory(b->v);
	json_object_set_boolean_member(o, "configured", ap_backup_configured(b->v));
	json_object_set_boolean_member(o, "running", b->thread != NULL || b->prove_next);
	ap_answer_text(o, "directory", directory);
	AP_TRY(add_note(b, o, "last", "backup"));
	AP_TRY(add_note(b, o, "proof", "backup_proof"));
	add_parts(o, directory, AP_PART_VAULT, "vault_parts");
	add_parts(o, directory, AP_PART_KEYS, "key_parts");
	AP_TRY(add_journal(b, o));
	AP_TRY(ap_db_frozen_count(ap_vault_db(b->v), &frozen));
	json_object_set_int_member(o, "frozen", frozen);
	*ret_answer = ap_answer_object(g_steal_pointer(&o));
	return AP_SUCCESS;
}
