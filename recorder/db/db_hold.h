/*
 * Legal holds in vault.db. In force: not lifted, and before its end.
 */
#pragma once

#include "recorder/db/db.h"

#include <json-glib/json-glib.h>

struct ap_hold_wish {
	struct ap_uuid recording;
	const char *ground, *reason; /* borrowed */
	int64_t ends_ms;
};
struct ap_result ap_db_hold_insert(struct ap_db *db, const struct ap_uuid *id, const struct ap_hold_wish *wish,
				   const char *first, const char *second, int64_t now_ms, uint64_t leaf);

struct ap_hold_row {
	struct ap_uuid id, recording;
	int64_t ends_ms;
	char *ground; /* owned: g_free */
};
/* One that was neither lifted nor said to have ended: "not-found". */
struct ap_result ap_db_hold_load(struct ap_db *db, const struct ap_uuid *id, struct ap_hold_row *ret_row);
struct ap_result ap_db_hold_lifted(struct ap_db *db, const struct ap_uuid *id, const char *by, const char *reason,
				   int64_t now_ms);
/* Ids (GArray of struct ap_uuid) of those past their end that no leaf says so of. */
struct ap_result ap_db_hold_lapsed(struct ap_db *db, int64_t now_ms, GArray **ret_ids);
struct ap_result ap_db_hold_ended(struct ap_db *db, const struct ap_uuid *id, uint64_t leaf);

/* For staff, newest first: [{"id","recording","ground","reason","state",…}], state in_force, ended or lifted. */
struct ap_result ap_db_hold_list(struct ap_db *db, int64_t tenant, int64_t now_ms, JsonArray **ret_list);
/* What waits for a second admin, of that tenant (0: all): [{"id","action","proposed_by","expires","body"}]. */
struct ap_result ap_db_hold_proposals(struct ap_db *db, int64_t tenant, int64_t now_ms, JsonArray **ret_list);
/* Those in force on one recording, for the persons: [{"ground","reason","until"}]. */
struct ap_result ap_db_hold_of(struct ap_db *db, const struct ap_uuid *recording, int64_t now_ms, JsonArray **ret_list);
