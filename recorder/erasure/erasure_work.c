#include "recorder/erasure/erasure_work.h"

#include "recorder/access/access.h"
#include "recorder/api/answer.h"
#include "recorder/backup/journal.h"
#include "recorder/db/db_turnover.h"
#include "recorder/access/note.h"
#include "recorder/vault.h"
#include "recorder/webhook/webhook.h"

#include <aparte/log.h>

/* Rights are served for a year after the last recording is gone. */
#define TOKENS_LAST_MS (365LL * 86400 * 1000)

struct work {
	struct ap_vault *v; /* borrowed, both */
	GArray *rows;
	struct ap_result first; /* failure */
	struct ap_kek_id kek;	/* in use now */
};

static struct ap_erasure_row *row_at(const struct work *w, guint i)
{
	return &g_array_index(w->rows, struct ap_erasure_row, i);
}

static bool stands_at(const struct ap_erasure_row *row, enum ap_erasure_step step)
{
	return !row->failed && row->step == step;
}

static guint count_at(const struct work *w, enum ap_erasure_step step)
{
	guint n = 0;
	for (guint i = 0; i < w->rows->len; i++)
		n += stands_at(row_at(w, i), step);
	return n;
}

static void fail_row(struct work *w, struct ap_erasure_row *row, struct ap_result r)
{
	row->failed = true;
	if (ap_ok(w->first))
		w->first = r;
	ap_log(AP_LOG_ERROR, "erasure_step_failed", "reason=%s", r.name);
}

static void fail_all(struct work *w, enum ap_erasure_step step, struct ap_result r)
{
	for (guint i = 0; i < w->rows->len; i++)
		if (stands_at(row_at(w, i), step))
			fail_row(w, row_at(w, i), r);
}

/* ---- one transaction for all rows of a step; for each alone when that fails ---- */

typedef struct ap_result (*write_row)(struct work *w, struct ap_erasure_row *row);

static struct ap_result write_all(struct work *w, enum ap_erasure_step step, write_row write)
{
	for (guint i = 0; i < w->rows->len; i++)
		if (stands_at(row_at(w, i), step))
			AP_TRY(write(w, row_at(w, i)));
	return AP_SUCCESS;
}

static void write_each(struct work *w, enum ap_erasure_step step, write_row write)
{
	struct ap_db *db = ap_vault_db(w->v);
	for (guint i = 0; i < w->rows->len; i++) {
		struct ap_erasure_row *row = row_at(w, i);
		if (!stands_at(row, step))
			continue;
		struct ap_result r = ap_db_begin(db);
		if (ap_ok(r))
			r = ap_db_finish(db, write(w, row));
		if (!ap_ok(r))
			fail_row(w, row, r);
	}
}

/* Commits `step` + 1 for every row that stands at `step`. */
static void step_on(struct work *w, enum ap_erasure_step step, write_row write)
{
	struct ap_db *db = ap_vault_db(w->v);
	if (count_at(w, step) == 0)
		return;
	struct ap_result r = ap_db_begin(db);
	if (ap_ok(r))
		r = ap_db_finish(db, write_all(w, step, write));
	if (!ap_ok(r))
		write_each(w, step, write);
	for (guint i = 0; i < w->rows->len; i++)
		if (stands_at(row_at(w, i), step))
			row_at(w, i)->step = step + 1;
}

/* ---- shares ---- */

static void name_share(GArray *names, const struct ap_uuid *owner, enum ap_slot slot)
{
	const struct ap_share_name name = {*owner, slot};
	g_array_append_val(names, name);
}

static struct ap_result name_shares(struct work *w, const struct ap_erasure_row *row, GArray *names)
{
	AP_TRY(ap_access_sweep(w->v, &row->recording)); /* viewings under way end first */
	for (enum ap_role role = AP_COACH; role <= AP_COACHEE; role++) {
		bool needed;
		AP_TRY(ap_db_erasure_share_needed(ap_vault_db(w->v), row, role, &needed));
		if (!needed)
			name_share(names, &row->record[role - 1], role == AP_COACH ? AP_SLOT_COACH : AP_SLOT_COACHEE);
	}
	name_share(names, &row->recording, AP_SLOT_VAULT);
	return AP_SUCCESS;
}

/* In a lockdown no key is in memory: the id of the one that was. */
static struct ap_result find_kek(struct ap_vault *v, struct ap_kek_id *ret_id)
{
	return ap_ok(ap_db_keys_kek_id(ap_vault_keys(v), ret_id)) ? AP_SUCCESS : ap_db_kek_id_get(ap_vault_db(v), ret_id);
}

static struct ap_result write_unshared(struct work *w, struct ap_erasure_row *row)
{
	row->kek = w->kek;
	return ap_db_erasure_unshared(ap_vault_db(w->v), &row->id, &w->kek);
}

static void destroy_shares(struct work *w)
{
	g_autoptr(GArray) names = g_array_new(FALSE, FALSE, sizeof(struct ap_share_name));
	for (guint i = 0; i < w->rows->len; i++) {
		struct ap_erasure_row *row = row_at(w, i);
		guint before = names->len;
		struct ap_result r = stands_at(row, AP_STEP_ORDERED) ? name_shares(w, row, names) : AP_SUCCESS;
		if (ap_ok(r))
			continue;
		g_array_set_size(names, before);
		fail_row(w, row, r);
	}
	if (names->len == 0)
		return;
	struct ap_result r = ap_db_keys_destroy_many(ap_vault_keys(w->v), (const struct ap_share_name *)names->data, names->len);
	if (ap_ok(r))
		r = find_kek(w->v, &w->kek);
	if (ap_ok(r))
		step_on(w, AP_STEP_ORDERED, write_unshared);
	else
		fail_all(w, AP_STEP_ORDERED, r);
}

/* ---- bytes ---- */

/* What viewers noted goes with the bytes it was sealed beside. */
static struct ap_result write_removed(struct work *w, struct ap_erasure_row *row)
{
	AP_TRY(ap_note_erase(ap_vault_db(w->v), &row->recording));
	return ap_db_erasure_step(ap_vault_db(w->v), &row->id, AP_STEP_BYTES);
}

static void remove_bytes(struct work *w)
{
	guint n = 0, count = count_at(w, AP_STEP_SHARES);
	g_autofree struct ap_uuid *ids = g_new(struct ap_uuid, count + 1);
	g_autofree bool *done = g_new0(bool, count + 1);
	for (guint i = 0; i < w->rows->len; i++)
		if (stands_at(row_at(w, i), AP_STEP_SHARES))
			ids[n++] = row_at(w, i)->recording;
	if (count == 0)
		return;
	struct ap_result r = ap_blob_erase_many(ap_vault_blob(w->v), ids, count, done);
	n = 0;
	for (guint i = 0; i < w->rows->len; i++)
		if (stands_at(row_at(w, i), AP_STEP_SHARES) && !done[n++])
			fail_row(w, row_at(w, i), r);
	step_on(w, AP_STEP_SHARES, write_removed);
}

/* ---- erased ---- */

static JsonObject *certificate_body(const struct ap_erasure_row *row, int64_t erased_ms)
{
	g_autofree char *kek_hex = ap_hex(row->kek.b, sizeof row->kek.b);
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "erased");
	ap_answer_id(body, "erasure", &row->id);
	ap_answer_id(body, "recording", &row->recording);
	ap_answer_id(body, "session", &row->session);
	ap_answer_text(body, "cause", row->cause);
	json_object_set_int_member(body, "ordered_leaf", (gint64)row->ordered_leaf);
	ap_answer_time(body, "ordered_at", row->ordered_ms);
	ap_answer_time(body, "erased_at", erased_ms);
	ap_answer_text(body, "kek_id", kek_hex);
	ap_answer_text(body, "unrecoverable_at", "pending");
	return body;
}

static struct ap_result tell_platform(struct ap_vault *v, const struct ap_erasure_row *row)
{
	JsonObject *data = json_object_new();
	ap_answer_id(data, "recording", &row->recording);
	ap_answer_id(data, "session", &row->session);
	g_autofree char *text = ap_answer_take_text(ap_answer_object(data));
	return ap_webhook_tell(v, ap_vault_db(v), row->tenant, "recording.erased", text);
}

static struct ap_result write_erased(struct work *w, struct ap_erasure_row *row)
{
	struct ap_db *db = ap_vault_db(w->v);
	int64_t at = ap_wall_ms(ap_vault_clock(w->v));
	AP_TRY(ap_ledger_append(ap_vault_ledger(w->v), db, AP_LEAF_ERASED, certificate_body(row, at), &row->erased_leaf));
	AP_TRY(ap_db_erasure_finish(db, row, at, row->erased_leaf, at + TOKENS_LAST_MS));
	return tell_platform(w->v, row);
}

static void tell(struct ap_vault *v, const struct ap_erasure_row *row)
{
	char id[AP_UUID_TEXT];
	ap_uuid_text(&row->recording, id);
	ap_log(AP_LOG_INFO, "recording_erased", "recording=%s cause=%s", id, row->cause);
	ap_vault_recording_changed(v, &row->session, &row->recording, "erased");
}

static void finish(struct work *w)
{
	g_autofree bool *here = g_new0(bool, w->rows->len + 1);
	for (guint i = 0; i < w->rows->len; i++)
		here[i] = stands_at(row_at(w, i), AP_STEP_BYTES);
	step_on(w, AP_STEP_BYTES, write_erased);
	for (guint i = 0; i < w->rows->len; i++)
		if (here[i] && stands_at(row_at(w, i), AP_STEP_ERASED))
			tell(w->v, row_at(w, i));
}

/* ---- certified ---- */

static struct ap_result certify_all(struct work *w, char **texts)
{
	for (guint i = 0; i < w->rows->len; i++)
		if (texts[i])
			AP_TRY(ap_db_erasure_certify(ap_vault_db(w->v), &row_at(w, i)->id, texts[i]));
	return AP_SUCCESS;
}

/* One checkpoint serves all: nothing is appended in between. */
static guint certify(struct work *w)
{
	guint n = 0;
	struct ap_db *db = ap_vault_db(w->v);
	char **texts = g_new0(char *, w->rows->len + 1);
	for (guint i = 0; i < w->rows->len; i++) {
		struct ap_erasure_row *row = row_at(w, i);
		if (!stands_at(row, AP_STEP_ERASED))
			continue;
		struct ap_result r = ap_ledger_receipt(ap_vault_ledger(w->v), db, row->erased_leaf, &texts[i]);
		if (!ap_ok(r))
			fail_row(w, row, r);
		n += ap_ok(r);
	}
	struct ap_result r = ap_db_begin(db);
	if (ap_ok(r))
		r = ap_db_finish(db, certify_all(w, texts));
	if (!ap_ok(r))
		fail_all(w, AP_STEP_ERASED, r);
	for (guint i = 0; i < w->rows->len; i++)
		g_free(texts[i]);
	g_free(texts);
	return ap_ok(r) ? n : 0;
}

/* Before anybody is told that it is done: a restore must know of it too. Keys and bytes are gone either way. */
static bool journalled(struct work *w)
{
	struct ap_result r = ap_journal_flush(w->v);
	if (!ap_ok(r))
		fail_all(w, AP_STEP_BYTES, r);
	return ap_ok(r);
}

struct ap_result ap_erasure_work(struct ap_vault *v, GArray *rows, bool *ret_any)
{
	struct work w = {.v = v, .rows = rows, .first = AP_SUCCESS};
	destroy_shares(&w);
	remove_bytes(&w);
	if (journalled(&w))
		finish(&w);
	*ret_any = count_at(&w, AP_STEP_ERASED) > 0 && certify(&w) > 0;
	return w.first;
}
