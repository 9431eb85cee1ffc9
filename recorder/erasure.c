#include "recorder/erasure.h"

#include "recorder/access.h"
#include "recorder/answer.h"
#include "recorder/db_consent.h"
#include "recorder/db_staff_access.h"
#include "recorder/db_staff_erasure.h"
#include "recorder/vault.h"
#include "recorder/webhook.h"

#include <aparte/log.h>
#include <string.h>

/* Rights are served for a year after the last recording is gone. */
#define TOKENS_LAST_MS (365LL * 86400 * 1000)

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
	return ap_db_erasure_insert(db, &id, recording, cause, now(v), leaf);
}

/* ---- the steps ---- */

static struct ap_result destroy_shares(struct ap_vault *v, const struct ap_erasure_row *row)
{
	struct ap_db_keys *keys = ap_vault_keys(v);
	AP_TRY(ap_access_sweep(v, &row->recording)); /* viewings under way end first */
	AP_TRY(ap_db_keys_destroy(keys, &row->recording, AP_SLOT_VAULT));
	for (enum ap_role role = AP_COACH; role <= AP_COACHEE; role++) {
		bool needed;
		AP_TRY(ap_db_erasure_share_needed(ap_vault_db(v), row, role, &needed));
		if (!needed)
			AP_TRY(ap_db_keys_destroy(keys, &row->record[role - 1],
						  role == AP_COACH ? AP_SLOT_COACH : AP_SLOT_COACHEE));
	}
	return ap_db_erasure_step(ap_vault_db(v), &row->id, AP_STEP_SHARES);
}

static struct ap_result remove_bytes(struct ap_vault *v, const struct ap_erasure_row *row)
{
	AP_TRY(ap_blob_erase(ap_vault_blob(v), &row->recording));
	return ap_db_erasure_step(ap_vault_db(v), &row->id, AP_STEP_BYTES);
}

static JsonObject *certificate_body(struct ap_vault *v, const struct ap_erasure_row *row, int64_t erased_ms)
{
	struct ap_kek_id kek = ap_kek_id(ap_vault_kek(v));
	g_autofree char *kek_hex = ap_hex(kek.b, sizeof kek.b);
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
	return ap_webhook_queue(v, ap_vault_db(v), row->tenant, "recording.erased", text);
}

static struct ap_result write_erased(struct ap_vault *v, struct ap_erasure_row *row)
{
	int64_t at = now(v);
	struct ap_db *db = ap_vault_db(v);
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), db, AP_LEAF_ERASED, certificate_body(v, row, at),
				&row->erased_leaf));
	AP_TRY(ap_db_erasure_finish(db, row, at, row->erased_leaf, at + TOKENS_LAST_MS));
	return tell_platform(v, row);
}

static struct ap_result finish(struct ap_vault *v, struct ap_erasure_row *row)
{
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_erased(v, row)));
	char id[AP_UUID_TEXT];
	ap_uuid_text(&row->recording, id);
	ap_log(AP_LOG_INFO, "recording_erased", "recording=%s cause=%s", id, row->cause);
	ap_vault_recording_changed(v, &row->session, &row->recording, "erased");
	return AP_SUCCESS;
}

static struct ap_result certify(struct ap_vault *v, struct ap_erasure_row *row)
{
	g_autofree char *certificate = NULL;
	AP_TRY(ap_ledger_receipt(ap_vault_ledger(v), ap_vault_db(v), row->erased_leaf, &certificate));
	return ap_db_erasure_certify(ap_vault_db(v), &row->id, certificate);
}

/* Step n does what leads out of state n. Each commits its own end, so the loop may start at any of them. */
static struct ap_result work_off(struct ap_vault *v, struct ap_erasure_row *row)
{
	switch (row->step) {
	case AP_STEP_ORDERED:
		AP_TRY(destroy_shares(v, row));
		[[fallthrough]];
	case AP_STEP_SHARES:
		AP_TRY(remove_bytes(v, row));
		[[fallthrough]];
	case AP_STEP_BYTES:
		AP_TRY(finish(v, row));
		[[fallthrough]];
	case AP_STEP_ERASED:
		break;
	}
	return certify(v, row);
}

struct ap_result ap_erasure_run(struct ap_vault *v)
{
	g_autoptr(GArray) rows = NULL;
	struct ap_result first = AP_SUCCESS;
	AP_TRY(ap_db_erasure_open(ap_vault_db(v), &rows));
	for (guint i = 0; i < rows->len; i++) {
		struct ap_result r = work_off(v, &g_array_index(rows, struct ap_erasure_row, i));
		if (ap_ok(r))
			continue;
		ap_log(AP_LOG_ERROR, "erasure_step_failed", "reason=%s", r.name);
		if (ap_ok(first))
			first = r;
	}
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

struct ap_result ap_erasure_now(struct ap_vault *v, const struct ap_uuid *recording, const char *cause, char **ret_json)
{
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), ap_erasure_order(v, ap_vault_db(v), recording, cause)));
	AP_TRY(ap_erasure_run(v));
	return ap_erasure_certificate(v, recording, ret_json);
}

struct ap_result ap_erasure_certificate(struct ap_vault *v, const struct ap_uuid *recording, char **ret_json)
{
	return ap_db_erasure_certificate(ap_vault_db(v), recording, ret_json);
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
