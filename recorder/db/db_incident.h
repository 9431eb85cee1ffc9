/*
 * Incidents in vault.db, and what an access log says of a time: who was affected.
 *
 * Threads: any, with that thread's connection. `tenant` 0 is all tenants.
 */
#pragma once

#include "recorder/db/db.h"

#include <json-glib/json-glib.h>

struct ap_incident {
	struct ap_uuid id;
	int64_t tenant; /* 0: all */
	const char *summary, *opened_by; /* borrowed */
	int64_t aware_ms, due_ms, opened_ms;
	bool lockdown;
	uint64_t leaf;
};

struct ap_result ap_db_incident_insert(struct ap_db *db, const struct ap_incident *incident);
/* Inside the caller's transaction. "not-found" when there is none of this tenant; "conflict" when it was closed. */
struct ap_result ap_db_incident_check_open(struct ap_db *db, int64_t tenant, const struct ap_uuid *id);
struct ap_result ap_db_incident_close(struct ap_db *db, const struct ap_uuid *id, const char *outcome, const char *by,
				      int64_t notified_ms, int64_t now_ms, uint64_t leaf);
struct ap_result ap_db_incident_note(struct ap_db *db, const struct ap_uuid *id, const char *by, const char *text, int64_t now_ms);
/* Newest first; one with its notes ("not-found"). */
struct ap_result ap_db_incident_list(struct ap_db *db, int64_t tenant, int64_t now_ms, JsonArray **ret_list);
struct ap_result ap_db_incident_show(struct ap_db *db, int64_t tenant, const struct ap_uuid *id, int64_t now_ms,
				     JsonObject **ret_object);
/* When it became known (ms). */
struct ap_result ap_db_incident_aware(struct ap_db *db, int64_t tenant, const struct ap_uuid *id, int64_t *ret_ms);

/* Open ones of a lockdown. */
struct ap_result ap_db_incident_running(struct ap_db *db, int64_t *ret_count);
/* Open ones, and those of them whose 72 hours are over. */
struct ap_result ap_db_incident_counts(struct ap_db *db, int64_t now_ms, int64_t *ret_open, int64_t *ret_overdue);

struct ap_incident_window {
	int64_t from_ms, to_ms, tenant;
	const char *user; /* borrowed; NULL: everybody */
};
/* Recordings that were accessed in that time, with their persons and the accesses: objects as the report has them. */
struct ap_result ap_db_incident_affected(struct ap_db *db, const struct ap_incident_window *window, JsonArray **ret_recordings);
