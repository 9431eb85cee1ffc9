/*
 * What the sweep at the start asks vault.db: which shares and seal keys still have a use, and which tokens should have an
 * end.
 *
 * Threads: any, with that thread's connection.
 */
#pragma once

#include "recorder/db/db.h"

#include <aparte/uuid.h>

/*
 * A person's share by its give. Known: vault.db holds that give. Needed: a living recording was made on it, or it is in
 * force in a session that may record again.
 */
struct ap_result ap_db_sweep_give(struct ap_db *db, const struct ap_uuid *record_id, bool *ret_known, bool *ret_needed);
/* The vault's share by its recording. Needed: the recording was not erased. */
struct ap_result ap_db_sweep_recording(struct ap_db *db, const struct ap_uuid *recording, bool *ret_known, bool *ret_needed);
/* Seal keys are for sessions that may still take a share. */
struct ap_result ap_db_sweep_session(struct ap_db *db, const struct ap_uuid *session, bool *ret_known, bool *ret_needed);
/* Tokens without an end of sessions that ended and have no living recording end then; one session, or all (NULL). */
struct ap_result ap_db_sweep_tokens(struct ap_db *db, const struct ap_uuid *session, int64_t expires_ms);
