/*
 * A recording's life in the vault: its beginning (shares, identities, rows), its sealing, its end without the capture
 * after a crash, and its identities for whoever may read it.
 *
 * Threads: any, with that thread's connection.
 */
#pragma once

#include "recorder/db/db_recording.h"
#include "recorder/vault.h"

/*
 * The age identity of one use (AP_KEY_COACH, AP_KEY_COACHEE, AP_KEY_NOTES), derived from the three shares, each
 * person's commitment checked again and the recipient compared with the stored one. The caller's secret.
 * "erased" when a share is gone, "share" (AP_ERR_CRYPTO) when anything does not fit.
 */
struct ap_result ap_recording_identity(struct ap_vault *v, struct ap_db *db, const struct ap_recording *recording,
				       enum ap_key_use use, struct ap_secret **ret_identity);

/*
 * A new recording on the two gives in force, inside the caller's transaction: the vault's share goes to keys.db first
 * (pending), then the row. After the commit call ap_recording_confirm. AP_ERR_DENIED "consent" when one is missing.
 */
struct ap_result ap_recording_begin(struct ap_vault *v, struct ap_db *db, const struct ap_uuid *session,
				    struct ap_recording *ret_recording);
/* The same for what remains of `old` when a passage of it is erased: on the gives `old` was made on, with a share of the
 * vault's own, so that the old identities can be destroyed; with its beginning and epochs. */
struct ap_result ap_recording_begin_anew(struct ap_vault *v, struct ap_db *db, const struct ap_recording *old,
					 struct ap_recording *ret_recording);
struct ap_result ap_recording_confirm(struct ap_vault *v, const struct ap_recording *recording);

/*
 * Seals what lies on disk: manifest, its signature, leaf 04, state 'sealed', expires_ms by policy, in a transaction of
 * its own. `complete`: the capture wrote header and Cues itself; otherwise both tracks are finished here first, from
 * the reported segments, without reading media. A recording with nothing in it becomes 'sealed' with an empty manifest.
 */
struct ap_result ap_recording_seal(struct ap_vault *v, struct ap_db *db, const struct ap_uuid *recording, bool complete,
				   int64_t duration_ms);

/* The same for one begun anew: it keeps the dates and terms of `old`, never longer ones. */
struct ap_result ap_recording_seal_anew(struct ap_vault *v, struct ap_db *db, const struct ap_uuid *recording,
					const struct ap_recording *old);

/* Encrypts plaintext for the person's track and puts it on disk and into vault.db as the capture would have; `segment` has
 * role, number, epoch, replaces and clusters, the rest is filled in. */
struct ap_result ap_recording_put_segment(struct ap_vault *v, struct ap_db *db, const struct ap_recording *recording,
					  struct ap_capture_segment *segment, const uint8_t *plain, size_t len);

/* After a crash of the whole vault: closes open epochs, seals every recording left behind, sweeps orphaned shares. */
struct ap_result ap_recording_recover(struct ap_vault *v, struct ap_db *db);
