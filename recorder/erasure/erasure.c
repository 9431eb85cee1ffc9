#include "recorder/erasure/erasure.h"

#include "recorder/api/answer.h"
#include "recorder/db/db_consent.h"
#include "recorder/db/db_session.h"
#include "recorder/db/db_staff_erasure.h"
#include "recorder/erasure/erasure_work.h"
#include "recorder/vault.h"
#include "recorder/webhook/webhook.h"

#include <string.h>

static int64_t now(struct ap_vault *v)
{
	return ap_wall_ms(ap_vault_clock(v));
}

/* ---- order ---- */

static struct ap_result check_order(const struct ap_erasure_subject *s, const char *cause)
{
	if (strcmp(s->state, "recording") == 0)
		return ap_fail(AP_ERR_DENIED, "conflict", "this recording is still being made; close its gate first");
	if (s->held)
		return ap_fail(AP_ERR_DENIED, "held", "a legal hold stops the erasure of this recording");
	if (strcmp(s->state, "restricted") == 0 && strcmp(cause, AP_ERASE_WITHDRAWAL) != 0)
		return ap_fail(AP_ERR_DENIED, "restricted", "this recording is frozen; end the restriction first");
	return AP_SUCCESS;
}

/* No cause: whether a person's word was it, and whose, is not a platform's business (R34, R41). Nor does an order fail for
 * this, unless the transaction went with it. */
static struct ap_result tell_platform(struct ap_vault *v, struct ap_db *db, const struct ap_uuid *recording,
				      const struct ap_uuid *session)
{
	int64_t tenant;
	JsonObject *data = json_object_new();
	ap_answer_id(data, "recording", recording);
	ap_answer_id(data, "session", session);
	g_autofree char *text = ap_answer_take_text(ap_answer_object(data));
	AP_TRY(ap_db_session_tenant(db, session, &tenant));
	return ap_webhook_tell(v, db, tenant, "erasure.ordered", text);
}

struct ap_result ap_erasure_order(struct ap_vault *v, struct ap_db *db, const struct ap_uuid *recording,
				  const char *cause)
{
	struct ap_erasure_subject s;
	uint64_t leaf;
	struct ap_uuid id = ap_uuid_random();
	AP_TRY(ap_db_erasure_subject(db, recording, ap_vault_believed_ms(v), &s));
	if (s.ordered)
		return AP_SUCCESS;
	AP_TRY(check_order(&s, cause));
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "erasure_ordered");
	ap_answer_id(body, "erasure", &id);
	ap_answer_id(body, "recording", recording);
	ap_answer_id(body, "session", &s.session);
	ap_answer_text(body, "cause", cause);
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), db, AP_LEAF_ERASURE_ORDERED, body, &leaf));
	AP_TRY(ap_db_erasure_insert(db, &id, recording, cause, now(v), leaf));
	return tell_platform(v, db, recording, &s.session);
}

/* ---- running ---- */

/* Whole batches fail rarely, and then mostly for one row's sake: as long as nothing of a batch was done, the next one is
 * tried, so that none stands in the way of others. */
struct ap_result ap_erasure_run(struct ap_vault *v)
{
	struct ap_erasure_row last;
	bool any = false, more = true;
	struct ap_result first = AP_SUCCESS;
	for (bool begun = false; more && !any; begun = true) {
		g_autoptr(GArray) rows = NULL;
		AP_TRY(ap_db_erasure_open(ap_vault_db(v), begun ? &last : NULL, &rows));
		more = rows->len == AP_ERASURE_BATCH;
		if (rows->len == 0)
			break;
		last = g_array_index(rows, struct ap_erasure_row, rows->len - 1);
		struct ap_result r = ap_erasure_work(v, rows, &any);
		if (ap_ok(first))
			first = r;
	}
	if (more && any)
		ap_erasure_kick(v); /* the rest after what else waits on the main thread */
	return first;
}

static void run_on_main(struct ap_vault *v, void *data)
{
	(void)data;
	AP_IGNORE(ap_erasure_run(v)); /* logged; the retention timer tries again */
}

void ap_erasure_kick(struct ap_vault *v)
{
	ap_vault_on_main(v, run_on_main, NULL, NULL);
}

/* ---- for callers on the main thread ---- */

static struct ap_result run_one(struct ap_vault *v, const struct ap_uuid *recording)
{
	g_autoptr(GArray) rows = NULL;
	bool any;
	AP_TRY(ap_db_erasure_of(ap_vault_db(v), recording, &rows));
	return ap_erasure_work(v, rows, &any);
}

static struct ap_result order_some(struct ap_vault *v, const GArray *recordings, guint from, const char *cause,
				   const struct ap_uuid *batch)
{
	struct ap_db *db = ap_vault_db(v);
	for (guint i = from; i < recordings->len && i < from + AP_ERASURE_BATCH; i++) {
		const struct ap_uuid *recording = &g_array_index(recordings, struct ap_uuid, i);
		struct ap_result r = ap_erasure_order(v, db, recording, cause);
		if (r.err == AP_ERR_DENIED) /* held or restricted since it was looked for: it stays, and is not counted */
			continue;
		AP_TRY(r);
		AP_TRY(ap_db_erasure_batch_set(db, recording, batch));
	}
	return AP_SUCCESS;
}

struct ap_result ap_erasure_now(struct ap_vault *v, const struct ap_uuid *recording, const char *cause, char **ret_json)
{
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), ap_erasure_order(v, ap_vault_db(v), recording, cause)));
	AP_TRY(run_one(v, recording));
	return ap_erasure_certificate(v, recording, ret_json);
}

struct ap_result ap_erasure_order_many(struct ap_vault *v, const GArray *recordings, const char *cause,
				       const struct ap_uuid *batch)
{
	for (guint from = 0; from < recordings->len; from += AP_ERASURE_BATCH) {
		AP_TRY(ap_db_begin(ap_vault_db(v)));
		AP_TRY(ap_db_finish(ap_vault_db(v), order_some(v, recordings, from, cause, batch)));
	}
	ap_erasure_kick(v);
	return AP_SUCCESS;
}

/* Both parts in one: the receipt of leaf 0b, and once there is one, that of the turnover which dates it. */
struct ap_result ap_erasure_date(struct ap_vault *v, int64_t leaf, int64_t unrecoverable_ms, char **certificate)
{
	g_autofree char *receipt = NULL;
	AP_TRY(ap_ledger_receipt(ap_vault_ledger(v), ap_vault_db(v), (uint64_t)leaf, &receipt));
	JsonNode *node = json_from_string(*certificate, NULL);
	ap_answer_json(json_node_get_object(node), "turnover", receipt);
	ap_answer_time(json_node_get_object(node), "unrecoverable_at", unrecoverable_ms);
	g_free(*certificate);
	*certificate = ap_answer_take_text(node);
	return AP_SUCCESS;
}

struct ap_result ap_erasure_certificate(struct ap_vault *v, const struct ap_uuid *recording, char **ret_json)
{
	g_autofree char *certificate = NULL;
	int64_t leaf, at;
	AP_TRY(ap_db_erasure_certificate(ap_vault_db(v), recording, &certificate, &leaf, &at));
	if (leaf >= 0)
		AP_IGNORE(ap_erasure_date(v, leaf, at, &certificate)); /* the first part stands even while the log signs nothing */
	*ret_json = g_steal_pointer(&certificate);
	return AP_SUCCESS;
}

struct ap_result ap_erasure_catch_up(struct ap_vault *v, const struct ap_uuid *recording)
{
	struct ap_erasure_subject s;
	ap_purposes both;
	AP_TRY(ap_db_erasure_subject(ap_vault_db(v), recording, ap_vault_believed_ms(v), &s));
	AP_TRY(ap_db_consent_both_of(ap_vault_db(v), recording, &s.session, &both));
	if (s.ordered || s.held || (both & AP_PURPOSE_BIT(AP_PURPOSE_RECORDING)))
		return AP_SUCCESS;
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), ap_erasure_order(v, ap_vault_db(v), recording, AP_ERASE_WITHDRAWAL)));
	return ap_erasure_run(v);
}
