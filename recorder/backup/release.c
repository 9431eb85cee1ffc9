#include "recorder/backup/release.h"

#include "recorder/api/answer.h"
#include "recorder/backup/db_backup.h"
#include "recorder/erasure/erasure.h"
#include "recorder/vault.h"

#include <aparte/log.h>
#include <string.h>

#define REASON_MAX 1000

/* The reason itself may name somebody: the leaf has its hash, the database its words. */
static struct ap_result append_leaf(struct ap_vault *v, const char *by, const char *reason, const struct ap_uuid *recording,
				    int64_t count)
{
	uint64_t leaf;
	JsonObject *body = json_object_new();
	struct ap_hash hash = ap_sha256(reason, strlen(reason));
	g_autofree char *sha256 = ap_hash_base64url(&hash);
	ap_answer_text(body, "event", "restore_released");
	ap_answer_text(body, "by", by);
	ap_answer_text(body, "reason_sha256", sha256);
	json_object_set_int_member(body, "recordings", count);
	if (recording)
		ap_answer_id(body, "recording", recording);
	return ap_ledger_append(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_OTHER, body, &leaf);
}

static struct ap_result write_release(struct ap_vault *v, const char *by, const char *reason, const struct ap_uuid *recording,
				      int64_t *ret_count)
{
	JsonObject *o = json_object_new();
	AP_TRY(ap_db_unfreeze(ap_vault_db(v), recording, ret_count));
	ap_answer_text(o, "by", by);
	ap_answer_text(o, "reason", reason);
	ap_answer_time(o, "at", ap_wall_ms(ap_vault_clock(v)));
	json_object_set_int_member(o, "recordings", *ret_count);
	g_autofree char *text = ap_answer_take_text(ap_answer_object(o));
	AP_TRY(ap_db_note_put(ap_vault_db(v), "restore_released", text));
	return append_leaf(v, by, reason, recording, *ret_count);
}

struct ap_result ap_restore_release(struct ap_vault *v, const char *by, const char *reason, const struct ap_uuid *recording,
				    int64_t *ret_count)
{
	int64_t frozen = 0;
	if (!*reason || strlen(reason) > REASON_MAX)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "say why, in at most 1000 bytes: you answer for it");
	AP_TRY(ap_db_frozen_count(ap_vault_db(v), &frozen));
	if (frozen == 0)
		return ap_fail(AP_ERR_DENIED, "conflict", "nothing is frozen since a restore");
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_release(v, by, reason, recording, ret_count)));
	ap_log(AP_LOG_WARN, "restore_released", "recordings=%lld", (long long)*ret_count);
	ap_vault_look_again(v);
	return AP_SUCCESS;
}
