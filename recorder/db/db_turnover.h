/*
 * Turnovers in vault.db, where shares belong, and which erasures wait for a turnover.
 *
 * Threads: any, with that thread's connection.
 */
#pragma once

#include "recorder/db/db.h"
#include "recorder/keys/keys.h"

#include <json-glib/json-glib.h>

struct ap_turnover {
	struct ap_uuid id;
	struct ap_kek_id old_kek, new_kek;
	char cause[16];
	int64_t begun_ms, wrapped;
	int64_t destroyed_ms;	  /* 0: under way */
	int64_t unrecoverable_ms; /* of what the old key wrapped; 0: under way */
	uint64_t leaf;		  /* 0d, once done */
};

/* Where a share belongs: ap_db_keys_place with the connection as ctx. "not-found" when vault.db does not hold it. */
struct ap_result ap_db_turnover_place(void *db, const struct ap_uuid *owner, enum ap_slot slot, struct ap_wrap_place *ret_place);

/* `actor` and `reason` may be NULL. */
struct ap_result ap_db_turnover_insert(struct ap_db *db, const struct ap_turnover *t, const char *actor, const char *reason);
/* The one under way: "not-found" when none is. */
struct ap_result ap_db_turnover_open(struct ap_db *db, struct ap_turnover *ret_turnover);
struct ap_result ap_db_turnover_load(struct ap_db *db, const struct ap_uuid *id, struct ap_turnover *ret_turnover);
struct ap_result ap_db_turnover_wrapped(struct ap_db *db, const struct ap_uuid *id, int64_t more);
/* Inside the caller's transaction: the turnover is done, and so is the wait of the erasures that its old key wrapped. */
struct ap_result ap_db_turnover_finish(struct ap_db *db, const struct ap_turnover *t);
/* The leaf of the turnover that destroyed this key; "not-found" while it lives. */
struct ap_result ap_db_turnover_of(struct ap_db *db, const struct ap_kek_id *old_kek, struct ap_turnover *ret_turnover);
/* Newest first, at most 100: JSON objects with id, state, cause, begun, destroyed, unrecoverable_at, wrapped, leaf. */
struct ap_result ap_db_turnover_list(struct ap_db *db, JsonArray **ret_list);

/* Erasures that wait for the turnover of this key, and since when the oldest does (0: none). */
struct ap_result ap_db_turnover_waiting(struct ap_db *db, int64_t *ret_count, int64_t *ret_since_ms);
struct ap_result ap_db_turnover_waiting_for(struct ap_db *db, const struct ap_kek_id *kek, int64_t *ret_count);
/* Until when, at the latest, a backup's key part holds this key; 0 when none that is known does. */
struct ap_result ap_db_turnover_key_part(struct ap_db *db, const struct ap_kek_id *kek, int64_t *ret_destroy_by_ms);

/* The id of the key in use, kept for a time when no key is in memory: "not-found" before the first. */
struct ap_result ap_db_kek_id_set(struct ap_db *db, const struct ap_kek_id *id);
struct ap_result ap_db_kek_id_get(struct ap_db *db, struct ap_kek_id *ret_id);
