/*
 * Accesses, grants and what a decision about them needs, in vault.db.
 */
#pragma once

#include "recorder/access/access.h"
#include "recorder/db/db.h"
#include "recorder/consent/purpose.h"

#include <glib.h>

struct ap_access_row {
	struct ap_uuid id, recording;
	char *actor, *purpose; /* owned */
	int64_t expires_ms, ended_ms, bytes;
	bool approved; /* begun under `approval` */
	struct ap_uuid approval;
};
void ap_access_row_clear(struct ap_access_row *row);

/* A recording as access looks at it. */
struct ap_access_subject {
	struct ap_uuid session;
	char state[12];
	bool erasing; /* ordered or erased */
	int64_t tenant;
	char *coach; /* pii_principal, owned */
};
struct ap_result ap_db_access_subject(struct ap_db *db, const struct ap_uuid *recording,
				      struct ap_access_subject *ret_s);

struct ap_result ap_db_access_load(struct ap_db *db, const struct ap_uuid *id, struct ap_access_row *ret_row);
struct ap_result ap_db_access_find(struct ap_db *db, const char *actor, const struct ap_uuid *recording,
				   const char *purpose, int64_t now_ms, struct ap_uuid *ret_id);
/* Inside the caller's transaction. */
struct ap_result ap_db_access_insert(struct ap_db *db, const struct ap_access *access, const char *actor,
				     const char *purpose, const char *reason, int64_t now_ms, uint64_t leaf);
struct ap_result ap_db_access_ended(struct ap_db *db, const struct ap_uuid *id, int64_t now_ms, uint64_t leaf);
struct ap_result ap_db_access_count(struct ap_db *db, const struct ap_uuid *id, uint64_t bytes);
/* Ids (GArray of struct ap_uuid) of open accesses that are expired, or of one recording. */
struct ap_result ap_db_access_open(struct ap_db *db, const struct ap_uuid *recording, int64_t now_ms, GArray **ret_ids);
/* Those of one actor. */
struct ap_result ap_db_access_open_of(struct ap_db *db, const char *actor, GArray **ret_ids);
/* {"id",…} each, newest first: of a tenant (0: all), those begun before `after` (NULL: from the newest), at most so many; and
 * the thousand newest of a session. */
struct ap_result ap_db_access_list(struct ap_db *db, int64_t tenant, const struct ap_uuid *after, int64_t limit, JsonArray **ret_list);
struct ap_result ap_db_access_list_of(struct ap_db *db, const struct ap_uuid *session, JsonArray **ret_list);

/* A grant is in force while not revoked and before its end. `purpose` NULL: any, whether in force or not. */
struct ap_result ap_db_grant_exists(struct ap_db *db, const struct ap_uuid *recording, int64_t supervisor,
				    const char *purpose, int64_t now_ms, bool *ret_exists);

/* Is this recording of the tenant, and of the coachee if one is named, that this user is a sponsor of? */
struct ap_result ap_db_access_sponsored(struct ap_db *db, const struct ap_uuid *recording, int64_t user,
					bool *ret_sponsored);

/* Recordings of a session. */
struct ap_result ap_db_access_of_session(struct ap_db *db, const struct ap_uuid *session, GArray **ret_ids);
/* One recording's metadata as JSON: id, session, reference, state, times. */
struct ap_result ap_db_access_metadata(struct ap_db *db, const struct ap_uuid *recording, JsonObject **ret_object);
/* Adds "tenant", its name. */
struct ap_result ap_db_access_tenant(struct ap_db *db, const struct ap_uuid *session, JsonObject *object);
/* Adds the two persons' names, where they have one: "coach": {"name"}, "coachee": {"name"}. */
struct ap_result ap_db_access_names(struct ap_db *db, const struct ap_uuid *recording, JsonObject *object);
/* Adds "tracks" ({role: {"size","type"}}) and "epochs". */
struct ap_result ap_db_access_tracks(struct ap_db *db, const struct ap_uuid *recording, JsonObject *object);
struct ap_result ap_db_access_epochs(struct ap_db *db, const struct ap_uuid *recording, JsonObject *object);
