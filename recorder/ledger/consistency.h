/*
 * Two signed checkpoints of one log and the proof that the newer holds all that the older held (RFC 9162 §2.1.4.2), as one
 * JSON text that is verified offline: {"older","newer","hashes","log_key"}.
 *
 * Pure; any thread. Errors: AP_ERR_PROTOCOL "consistency" (form), those of checkpoint.h, AP_ERR_CRYPTO "proof" (the newer is
 * no continuation of the older). Outputs untouched on failure.
 */
#pragma once

#include <recorder/ledger/checkpoint.h>
#include <recorder/ledger/merkle.h>

#define AP_CONSISTENCY_MAX 65536 /* bytes of JSON */

struct ap_consistency {
	struct ap_checkpoint older, newer;
	char *newer_note; /* owned: g_free'd by ap_consistency_clear */
};

/* g_free. */
char *ap_consistency_build(const char *older, const char *newer, const struct ap_hash *hashes, size_t count, const char *vkey);
/* Under the pinned key; both checkpoints must be of its log, the older not the larger. */
struct ap_result ap_consistency_verify(const char *json, size_t len, const struct ap_log_key *pinned,
				       struct ap_consistency *ret_consistency);
void ap_consistency_clear(struct ap_consistency *c);
/* A note, or the "checkpoint" of a receipt or certificate; NULL when the text is neither. g_free. */
char *ap_checkpoint_text_in(const char *text, size_t len);
