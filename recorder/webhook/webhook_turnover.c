#include "recorder/webhook/webhook.h"

#include "recorder/api/answer.h"
#include "recorder/webhook/db_webhook.h"

#include <aparte/log.h>

#define IDS_MAX 500 /* in one delivery */

/* One delivery being filled. */
struct filling {
	struct ap_vault *v; /* borrowed, both */
	struct ap_db *db;
	int64_t tenant, unrecoverable_ms;
	JsonArray *ids; /* owned; NULL: empty */
};

static struct ap_result flush(struct filling *f)
{
	if (!f->ids)
		return AP_SUCCESS;
	JsonObject *data = json_object_new();
	json_object_set_array_member(data, "recordings", g_steal_pointer(&f->ids));
	ap_answer_time(data, "unrecoverable_at", f->unrecoverable_ms);
	g_autofree char *text = ap_answer_take_text(ap_answer_object(data));
	return ap_webhook_tell(f->v, f->db, f->tenant, "erasure.unrecoverable", text);
}

static struct ap_result add(struct filling *f, int64_t tenant, const struct ap_uuid *recording)
{
	char id[AP_UUID_TEXT];
	if (f->ids && (f->tenant != tenant || json_array_get_length(f->ids) >= IDS_MAX))
		AP_TRY(flush(f));
	if (!f->ids)
		f->ids = json_array_new();
	f->tenant = tenant;
	ap_uuid_text(recording, id);
	json_array_add_string_element(f->ids, id);
	return AP_SUCCESS;
}

static struct ap_result fill(struct filling *f, uint64_t leaf)
{
	struct ap_result r = AP_SUCCESS;
	struct ap_rows *rows = ap_db_webhook_unrecoverable(f->db, leaf);
	while (ap_ok(r) && ap_rows_next(rows)) {
		struct ap_uuid recording = ap_row_uuid(rows, 1);
		r = add(f, ap_row_int(rows, 0), &recording);
	}
	struct ap_result read = ap_rows_end(rows);
	AP_TRY(r);
	AP_TRY(read);
	return flush(f);
}

struct ap_result ap_webhook_tell_unrecoverable(struct ap_vault *v, struct ap_db *db, uint64_t leaf, int64_t unrecoverable_ms)
{
	struct filling f = {.v = v, .db = db, .unrecoverable_ms = unrecoverable_ms};
	struct ap_result r = fill(&f, leaf);
	g_clear_pointer(&f.ids, json_array_unref);
	if (!ap_ok(r))
		ap_log(AP_LOG_WARN, "webhook_not_queued", "reason=%s", r.name);
	return ap_db_in_transaction(db) ? AP_SUCCESS : r;
}
