#include "recorder/recording/sweep.h"

#include "recorder/keys/db_keys.h"
#include "recorder/db/db_sweep.h"

#include <aparte/log.h>

struct sweep {
	struct ap_db *db; /* borrowed */
	unsigned gone;
};

static struct ap_result judge_share(void *ctx, const struct ap_key_row *row, enum ap_key_verdict *ret_verdict)
{
	struct sweep *s = ctx;
	bool known = false, needed = false;
	AP_TRY(row->slot == AP_SLOT_VAULT ? ap_db_sweep_recording(s->db, &row->owner, &known, &needed) :
					    ap_db_sweep_give(s->db, &row->owner, &known, &needed));
	if (!known && !row->pending) {
		ap_log(AP_LOG_WARN, "share_unknown", "slot=%d", (int)row->slot);
		needed = true;
	}
	s->gone += !needed;
	*ret_verdict = needed ? AP_KEY_CONFIRM : AP_KEY_DESTROY;
	return AP_SUCCESS;
}

static struct ap_result judge_seal(void *ctx, const struct ap_key_row *row, enum ap_key_verdict *ret_verdict)
{
	struct sweep *s = ctx;
	bool known = false, needed = false;
	AP_TRY(ap_db_sweep_session(s->db, &row->owner, &known, &needed));
	s->gone += !needed;
	*ret_verdict = needed ? AP_KEY_CONFIRM : AP_KEY_DESTROY;
	return AP_SUCCESS;
}

struct ap_result ap_sweep(struct ap_vault *v, struct ap_db *db)
{
	struct sweep s = { .db = db };
	const struct ap_key_judges judges = { judge_share, judge_seal, &s };
	AP_TRY(ap_db_keys_sweep(ap_vault_keys(v), &judges));
	if (s.gone > 0)
		ap_log(AP_LOG_INFO, "keys_swept", "count=%u", s.gone);
	return ap_db_sweep_tokens(db, NULL, ap_wall_ms(ap_vault_clock(v)) + AP_RIGHTS_MS);
}
