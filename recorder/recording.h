/*
 * A recording's life in the vault: its identities, its end without the capture (after a crash), its sealing.
 *
 * Threads: any, with that thread's connection.
 */
#pragma once

#include "recorder/db_recording.h"
#include "recorder/vault.h"

/*
 * The age identity of one use (AP_KEY_COACH, AP_KEY_COACHEE, AP_KEY_NOTES), derived from the three shares, each
 * person's commitment checked again and the recipient compared with the stored one. The caller's secret.
 * "erased" when a share is gone, "share" (AP_ERR_CRYPTO) when anything does not fit.
 */
struct ap_result ap_recording_identity(struct ap_vault *v, struct ap_db *db, const struct ap_recording *recording,
				       enum ap_key_use use, struct ap_secret **ret_identity);
