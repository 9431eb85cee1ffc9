/*
 * What the retention scan finds due before erasure, in vault.db (recorder/erasure/lifecycle.h). Threads: those of the connection.
 */
#pragma once

#include "recorder/db/db_term.h"

struct ap_lifecycle_recording {
	struct ap_uuid id, session;
	int64_t tenant;
};
/* GArray of struct ap_lifecycle_recording: sealed ones past their current use and not at their end, at most 200. */
struct ap_result ap_db_lifecycle_due(struct ap_db *db, int64_t now_ms, GArray **ret_due);
struct ap_result ap_db_lifecycle_archive(struct ap_db *db, const struct ap_uuid *recording);

/* GArray of struct ap_uuid: grants in force, and accesses of staff under way, whose purpose has ended for their recording.
 * The two speakers watch as long as it is kept and both consents hold (R38). */
struct ap_result ap_db_lifecycle_grants(struct ap_db *db, int64_t now_ms, GArray **ret_ids);
struct ap_result ap_db_lifecycle_accesses(struct ap_db *db, int64_t now_ms, GArray **ret_ids);

/* An access to a recording that is erased. */
struct ap_lifecycle_log {
	struct ap_uuid access, session;
	int64_t tenant, policy_version, begun_ms;
	char policy[AP_POLICY_NAME];
};
#define AP_LIFECYCLE_LOGS 5000
/* GArray of struct ap_lifecycle_log: ended ones, oldest first, the next AP_LIFECYCLE_LOGS after that time and access. */
struct ap_result ap_db_lifecycle_logs(struct ap_db *db, int64_t after_ms, const struct ap_uuid *after, GArray **ret_logs);
/* Removes one access, and destroys the openings of its leaves: the log stays as it is and says nothing of it any more.
 * Inside the caller's transaction. */
struct ap_result ap_db_lifecycle_forget(struct ap_db *db, const struct ap_uuid *access);
/* Forgets Idempotency-Keys and request hashes of sessions made before the one time, and proposals that expired before the
 * other. Writes only where there is something. */
struct ap_result ap_db_lifecycle_tidy(struct ap_db *db, int64_t keys_before_ms, int64_t proposals_before_ms);
