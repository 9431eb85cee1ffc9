#include "recorder/backup/key_part.h"

#include "recorder/backup/db_backup.h"
#include "recorder/backup/destination.h"
#include "recorder/backup/journal.h"
#include "recorder/backup/part.h"
#include "recorder/db/db_copy.h"
#include "recorder/keys/db_keys_image.h"
#include "recorder/vault.h"

#include <aparte/log.h>
#include <string.h>

#define MAGIC AP_KEY_PART_MAGIC
#define LATE_MS 180000

struct writing {
	struct ap_vault *v;
	const struct ap_destination *to;
	struct ap_part part;
	/* owned: what goes into it */
	struct ap_secret *kek;
	uint8_t *image; /* of keys.db; wiped */
	size_t image_len;
};

static struct ap_result take_image(void *ctx, const void *bytes, size_t len)
{
	struct writing *w = ctx;
	w->image = g_memdup2(bytes, len);
	w->image_len = len;
	return AP_SUCCESS;
}

/* Under the lock of keys.db, which gates wait for: so nothing of the backup's disk, which may hang. */
static struct ap_result take_content(void *ctx, const struct ap_secret *kek, const char *path)
{
	struct writing *w = ctx;
	w->kek = ap_secret_from(ap_secret_bytes(kek), ap_secret_len(kek));
	return ap_db_image(path, take_image, w);
}

static void drop_content(struct writing *w)
{
	if (w->image)
		ap_wipe(w->image, w->image_len);
	g_clear_pointer(&w->image, g_free);
	ap_secret_free(g_steal_pointer(&w->kek));
}

static struct ap_result write_content(const struct writing *w, struct ap_part_writer *writer)
{
	AP_TRY(ap_part_write(writer, MAGIC, strlen(MAGIC)));
	AP_TRY(ap_part_write(writer, ap_secret_bytes(w->kek), ap_secret_len(w->kek)));
	AP_TRY(ap_part_write(writer, w->image, w->image_len));
	return ap_part_end(writer);
}

/* Its row comes first, so that a certificate never knows less than the disk. */
static struct ap_result note_row(struct writing *w)
{
	struct ap_key_part_row row = { .id = w->part.id,
				       .kek = w->part.kek,
				       .made_ms = w->part.made_ms,
				       .destroy_by_ms = w->part.made_ms + ap_destination_horizon_ms(w->v) };
	AP_TRY(ap_destination_place(w->to->directory, true, &row.place));
	return ap_db_key_part_put(ap_vault_db(w->v), &row);
}

static struct ap_result write_part(struct writing *w)
{
	struct ap_age_recipient recipients[2] = { w->to->recipient };
	struct ap_part_writer *writer = NULL;
	const struct ap_kek_id id = ap_kek_id(w->kek);
	ap_part_new(AP_PART_KEYS, ap_wall_ms(ap_vault_clock(w->v)), &id, &w->part);
	struct ap_secret *proof = ap_part_proof_identity(w->kek, &w->part.id);
	recipients[1] = ap_age_identity_recipient(proof);
	ap_secret_free(proof);
	AP_TRY(note_row(w));
	AP_TRY(ap_part_writer_new(w->to->directory, &w->part, recipients, &writer));
	struct ap_result r = write_content(w, writer);
	ap_part_writer_free(writer);
	return r;
}

/* The journal must reach what this part knows of the log, else a restore of it would stay frozen. */
static struct ap_result complete(struct writing *w)
{
	AP_TRY(ap_journal_flush(w->v));
	AP_TRY(ap_journal_keep_checkpoint(w->v));
	return ap_part_complete(w->to->directory, &w->part);
}

static void drop(struct writing *w)
{
	if (w->part.made_ms && ap_ok(ap_part_destroy(w->to->directory, &w->part)))
		AP_IGNORE(ap_db_key_part_destroyed(ap_vault_db(w->v), &w->part.id, ap_wall_ms(ap_vault_clock(w->v)))); /* its day comes anyway */
}

static struct ap_result write_to(struct ap_vault *v, const struct ap_destination *to)
{
	struct writing w = { .v = v, .to = to };
	struct ap_result r = ap_db_keys_use(ap_vault_keys(v), take_content, &w);
	if (ap_ok(r))
		r = write_part(&w);
	drop_content(&w);
	if (ap_ok(r))
		r = complete(&w);
	if (!ap_ok(r)) {
		drop(&w);
		return r;
	}
	return ap_key_part_prune(v);
}

struct ap_result ap_key_part_write(struct ap_vault *v)
{
	struct ap_destination to = { 0 };
	if (!ap_backup_configured(v))
		return AP_SUCCESS;
	struct ap_result r = ap_destination_find(v, &to);
	if (ap_ok(r))
		r = write_to(v, &to);
	ap_destination_clear(&to);
	if (!ap_ok(r))
		ap_log(AP_LOG_ERROR, "key_part_failed", "reason=%s advice=%s", r.name, r.detail);
	return r;
}

static bool is_present(struct ap_vault *v)
{
	struct ap_part newest;
	struct ap_kek_id kek;
	g_autofree char *directory = ap_destination_directory(v);
	return ap_ok(ap_db_keys_kek_id(ap_vault_keys(v), &kek)) && ap_ok(ap_part_newest(directory, AP_PART_KEYS, &newest)) &&
	       ap_kek_id_equal(&kek, &newest.kek);
}

struct ap_result ap_key_part_follow(struct ap_vault *v, const struct ap_kek_id *former)
{
	g_autoptr(GArray) rows = NULL;
	if (ap_backup_configured(v) && !is_present(v))
		AP_IGNORE(ap_key_part_write(v)); /* told there; the next backup makes one */
	AP_IGNORE(ap_key_part_prune(v)); /* what it leaves is seen below */
	AP_TRY(ap_db_key_part_list(ap_vault_db(v), &rows));
	for (guint i = 0; i < rows->len; i++) {
		const struct ap_key_part_row *row = &g_array_index(rows, struct ap_key_part_row, i);
		if (ap_kek_id_equal(&row->kek, former) && row->destroy_by_ms <= ap_wall_ms(ap_vault_clock(v)))
			return ap_fail(AP_ERR_IO, "backup-overdue",
				       "a key part of a backup could not be destroyed in its time: mount backup.directory");
	}
	return AP_SUCCESS;
}

/* ---- pruning ---- */

struct pruning {
	struct ap_vault *v;
	char *directory; /* owned */
	struct ap_kek_id kek;
	bool has_kek; /* not locked down */
	int64_t now_ms, horizon_ms;
	GArray *rows; /* owned: struct ap_key_part_row, not destroyed when this began */
};

/* The last day that certificates were told, should the horizon be longer by now. */
static int64_t due_ms(const struct pruning *p, const struct ap_part *part)
{
	int64_t due = part->made_ms + p->horizon_ms;
	for (guint i = 0; part->kind == AP_PART_KEYS && i < p->rows->len; i++) {
		const struct ap_key_part_row *row = &g_array_index(p->rows, struct ap_key_part_row, i);
		if (ap_uuid_equal(&row->id, &part->id))
			due = MIN(due, row->destroy_by_ms);
	}
	return due;
}

/* The newest one is what a restore needs, as long as what it holds is still in use. */
static bool must_go(const struct pruning *p, const struct ap_part *part, bool newest)
{
	if (due_ms(p, part) > p->now_ms)
		return false;
	return !newest || (part->kind == AP_PART_KEYS && p->has_kek && !ap_kek_id_equal(&part->kek, &p->kek));
}

static struct ap_result destroy_one(const struct pruning *p, const struct ap_part *part)
{
	AP_TRY(ap_part_destroy(p->directory, part));
	if (part->kind == AP_PART_KEYS)
		AP_TRY(ap_db_key_part_destroyed(ap_vault_db(p->v), &part->id, p->now_ms));
	ap_log(AP_LOG_INFO, "backup_part_destroyed", "kind=%s", part->kind == AP_PART_KEYS ? "keys" : "vault");
	return AP_SUCCESS;
}

static struct ap_result prune_kind(const struct pruning *p, enum ap_part_kind kind)
{
	g_autoptr(GArray) parts = NULL;
	AP_TRY(ap_part_list(p->directory, kind, &parts));
	for (guint i = 0; i < parts->len; i++) {
		const struct ap_part *part = &g_array_index(parts, struct ap_part, i);
		if (must_go(p, part, i == 0))
			AP_TRY(destroy_one(p, part));
	}
	return AP_SUCCESS;
}

/* Rows whose file is not there: never completed, or removed by hand. Another directory, or an empty mount point, has
 * nothing to say about them. */
static struct ap_result settle_rows(const struct pruning *p)
{
	struct ap_uuid place;
	struct ap_result r = ap_destination_place(p->directory, false, &place);
	if (r.err == AP_ERR_DENIED)
		return AP_SUCCESS;
	AP_TRY(r);
	for (guint i = 0; i < p->rows->len; i++) {
		const struct ap_key_part_row *row = &g_array_index(p->rows, struct ap_key_part_row, i);
		if (ap_uuid_equal(&row->place, &place) && !ap_part_exists(p->directory, AP_PART_KEYS, row->made_ms, &row->id))
			AP_TRY(ap_db_key_part_destroyed(ap_vault_db(p->v), &row->id, p->now_ms));
	}
	return AP_SUCCESS;
}

static struct ap_result prune_all(struct pruning *p)
{
	p->horizon_ms = ap_destination_horizon_ms(p->v);
	AP_TRY(ap_db_key_part_list(ap_vault_db(p->v), &p->rows));
	AP_TRY(prune_kind(p, AP_PART_KEYS));
	AP_TRY(prune_kind(p, AP_PART_VAULT));
	return settle_rows(p);
}

struct ap_result ap_key_part_prune(struct ap_vault *v)
{
	struct pruning p = { .v = v, .now_ms = ap_wall_ms(ap_vault_clock(v)) };
	if (!ap_backup_configured(v))
		return AP_SUCCESS;
	p.directory = ap_destination_directory(v);
	p.has_kek = ap_ok(ap_db_keys_kek_id(ap_vault_keys(v), &p.kek));
	struct ap_result r = g_file_test(p.directory, G_FILE_TEST_IS_DIR) ?
				     prune_all(&p) :
				     ap_fail(AP_ERR_IO, "backup", "backup.directory is not there: mount its disk");
	g_clear_pointer(&p.rows, g_array_unref);
	g_free(p.directory);
	return r;
}

/* The newest one outlives its day while its key is in use; a minute or two later is the timer's doing. */
struct ap_result ap_key_part_overdue(struct ap_vault *v, int64_t *ret_count)
{
	g_autoptr(GArray) rows = NULL;
	struct ap_kek_id kek = { 0 };
	int64_t count = 0, due = ap_wall_ms(ap_vault_clock(v)) - LATE_MS;
	bool has_kek = ap_ok(ap_db_keys_kek_id(ap_vault_keys(v), &kek));
	AP_TRY(ap_db_key_part_list(ap_vault_db(v), &rows));
	for (guint i = 0; i < rows->len; i++) {
		const struct ap_key_part_row *row = &g_array_index(rows, struct ap_key_part_row, i);
		bool in_use = i == 0 && (!has_kek || ap_kek_id_equal(&row->kek, &kek));
		count += row->destroy_by_ms <= due && !in_use;
	}
	*ret_count = count;
	return AP_SUCCESS;
}
