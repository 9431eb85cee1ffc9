/*
 * What vault.db knows of backups: key parts (whose table dates certificates), the living recordings, what a restore froze,
 * and the last runs.
 */
#pragma once

#include "recorder/db/db.h"
#include "recorder/keys/keys.h"

#include <glib.h>

struct ap_key_part_row {
	struct ap_uuid id;
	struct ap_kek_id kek;
	int64_t made_ms, destroy_by_ms;
	struct ap_uuid place; /* of its directory; zero: not known */
};

/* Before the part is written. */
struct ap_result ap_db_key_part_put(struct ap_db *db, const struct ap_key_part_row *row);
struct ap_result ap_db_key_part_destroyed(struct ap_db *db, const struct ap_uuid *id, int64_t now_ms);
/* Not destroyed yet: of struct ap_key_part_row. */
struct ap_result ap_db_key_part_list(struct ap_db *db, GArray **ret_rows);

/* Ids (text, owned by the table) of recordings that are neither erased nor to be. */
struct ap_result ap_db_living(struct ap_db *db, GHashTable **ret_ids);
struct ap_result ap_db_living_count(struct ap_db *db, int64_t *ret_count);

/* Small notes of the vault about itself; *ret_value is NULL without one. g_free. */
struct ap_result ap_db_note_get(struct ap_db *db, const char *name, char **ret_value);
struct ap_result ap_db_note_put(struct ap_db *db, const char *name, const char *value);

/* ---- a restore ---- */

/* Every recording that is not erased, and every session that has not ended. */
struct ap_result ap_db_freeze(struct ap_db *db);
struct ap_result ap_db_frozen_count(struct ap_db *db, int64_t *ret_count);
/* All of them, or one recording (its session's gate too). *ret_count: recordings. */
struct ap_result ap_db_unfreeze(struct ap_db *db, const struct ap_uuid *recording, int64_t *ret_count);
/* In keys.db, under a name the log is new under: the old one's checkpoint says nothing of it. */
struct ap_result ap_db_known_forget(struct ap_db *keys);
/* What the replay itself made due stands in the journal already. */
struct ap_result ap_db_due_forget(struct ap_db *db);
/* Who had logged out since would be logged in again. */
struct ap_result ap_db_logins_forget(struct ap_db *db);

/* ---- what the journal says, once more ---- */

struct ap_result ap_db_replay_grant(struct ap_db *db, const struct ap_uuid *grant, int64_t now_ms, bool *ret_changed);
struct ap_result ap_db_replay_api_key(struct ap_db *db, const uint8_t hash[32], int64_t now_ms, bool *ret_changed);
struct ap_result ap_db_replay_user(struct ap_db *db, int64_t user, bool disabled, int64_t now_ms, bool *ret_changed);
/* The token that was current then is void: the platform renews it. */
struct ap_result ap_db_replay_token(struct ap_db *db, const struct ap_uuid *session, enum ap_role role, int64_t number,
				    const uint8_t void_hash[32], int64_t now_ms, bool *ret_changed);
struct ap_result ap_db_replay_restricted(struct ap_db *db, const struct ap_uuid *recording, bool restricted, bool *ret_changed);
/* Is there such a recording, and is its erasure not ordered yet? */
struct ap_result ap_db_replay_erasable(struct ap_db *db, const struct ap_uuid *recording, bool *ret_erasable);
struct ap_result ap_db_replay_session_known(struct ap_db *db, const struct ap_uuid *session, bool *ret_known);
