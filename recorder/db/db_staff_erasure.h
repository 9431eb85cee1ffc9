/*
 * Erasures and holds in vault.db, and what retention looks for.
 */
#pragma once

#include "recorder/db/db.h"
#include "recorder/keys/keys.h"

#include <glib.h>

enum ap_erasure_step { AP_STEP_ORDERED, AP_STEP_SHARES, AP_STEP_BYTES, AP_STEP_ERASED };

struct ap_erasure_row {
	struct ap_uuid id, recording, session;
	char cause[16];
	enum ap_erasure_step step;
	int64_t ordered_ms, erased_ms;
	uint64_t ordered_leaf, erased_leaf;
	struct ap_uuid record[2]; /* of the recording: owners of shares 01, 02 */
	int64_t tenant;
	struct ap_kek_id kek; /* once the shares are destroyed: the newest key that may have wrapped them */
	bool failed;	      /* for whoever works it off: left for the next time */
};

/* What an order to erase the whole or a passage looks at. */
struct ap_erasure_subject {
	struct ap_uuid session;
	char state[12];
	int64_t duration_ms; /* 0 while it is being made */
	bool ordered, held;
};
struct ap_result ap_db_erasure_subject(struct ap_db *db, const struct ap_uuid *recording, int64_t now_ms,
				       struct ap_erasure_subject *ret_s);

/* Inside the caller's transaction. */
struct ap_result ap_db_erasure_insert(struct ap_db *db, const struct ap_uuid *id, const struct ap_uuid *recording,
				      const char *cause, int64_t now_ms, uint64_t leaf);
/* GArray of struct ap_erasure_row: not done, or done without a certificate yet; oldest first, at most AP_ERASURE_BATCH,
 * those after `after` (NULL: from the first). */
#define AP_ERASURE_BATCH 500
struct ap_result ap_db_erasure_open(struct ap_db *db, const struct ap_erasure_row *after, GArray **ret_rows);
/* The same of one recording: an empty array when it is certified, or was never ordered. */
struct ap_result ap_db_erasure_of(struct ap_db *db, const struct ap_uuid *recording, GArray **ret_rows);
/* The shares are gone: step and key. */
struct ap_result ap_db_erasure_unshared(struct ap_db *db, const struct ap_uuid *id, const struct ap_kek_id *kek);
struct ap_result ap_db_erasure_step(struct ap_db *db, const struct ap_uuid *id, enum ap_erasure_step step);
/* The last step, inside the caller's transaction: erasure, recording, segments, manifest, grants, and when it was the
 * last recording of an ended session, the end of the persons' tokens. */
struct ap_result ap_db_erasure_finish(struct ap_db *db, const struct ap_erasure_row *row, int64_t now_ms, uint64_t leaf,
				      int64_t tokens_end_ms);
struct ap_result ap_db_erasure_certify(struct ap_db *db, const struct ap_uuid *id, const char *certificate);
/* ret_turnover_leaf: of the turnover after it, -1 before that; ret_unrecoverable_ms then. */
struct ap_result ap_db_erasure_certificate(struct ap_db *db, const struct ap_uuid *recording, char **ret_json,
					   int64_t *ret_turnover_leaf, int64_t *ret_unrecoverable_ms);
/* Those that one proposal ordered: how many, and how many of them have their certificate. */
struct ap_result ap_db_erasure_batch_set(struct ap_db *db, const struct ap_uuid *recording, const struct ap_uuid *batch);
struct ap_result ap_db_erasure_batch(struct ap_db *db, const struct ap_uuid *batch, int64_t *ret_total, int64_t *ret_done);
/* Is this person's share still needed: by another living recording, or as the share of a consent that stands? */
struct ap_result ap_db_erasure_share_needed(struct ap_db *db, const struct ap_erasure_row *row, enum ap_role role,
					    bool *ret_needed);

/* GArray of struct ap_uuid, at most 200: recordings past their time that nothing holds. */
struct ap_result ap_db_erasure_due(struct ap_db *db, int64_t now_ms, GArray **ret_ids);
/* Living ones that neither a restriction nor a hold in force at now_ms keeps: GArray of struct ap_uuid. Exactly one filter
 * is given. */
struct ap_result ap_db_erasure_find(struct ap_db *db, const struct ap_uuid *session, const char *subject,
				    int64_t tenant, int64_t now_ms, GArray **ret_ids);
/* Of the same those that a restriction keeps, and those that a hold does. */
struct ap_result ap_db_erasure_kept(struct ap_db *db, const struct ap_uuid *session, const char *subject, int64_t tenant,
				    int64_t now_ms, int64_t *ret_restricted, int64_t *ret_held);

struct ap_clock_guard {
	int64_t wall_ms, mono_ns;
	char boot[40];
};
/* "not-found" before the first. */
struct ap_result ap_db_clock_guard_get(struct ap_db *db, struct ap_clock_guard *ret_guard);
struct ap_result ap_db_clock_guard_set(struct ap_db *db, const struct ap_clock_guard *guard, int64_t confirmed_ms);
