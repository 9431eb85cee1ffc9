/*
 * Grants in vault.db.
 */
#pragma once

#include "recorder/db/db.h"
#include "recorder/access/grant.h"

struct ap_grant_row {
	struct ap_uuid id, recording, session;
	int64_t supervisor, revoked_ms, tenant;
	char *purpose, *coach; /* owned; coach: pii_principal of the recording's */
};
void ap_grant_row_clear(struct ap_grant_row *row);

struct ap_result ap_db_grant_load(struct ap_db *db, const struct ap_uuid *id, struct ap_grant_row *ret_row);
/* Inside the caller's transaction. */
struct ap_result ap_db_grant_insert(struct ap_db *db, const struct ap_uuid *id, const struct ap_grant_wish *wish,
				    int64_t supervisor, const char *by, int64_t now_ms, uint64_t leaf);
struct ap_result ap_db_grant_revoked(struct ap_db *db, const struct ap_uuid *id, int64_t now_ms);
/* Which of them: what is NULL or 0 does not count. `coach` is a pii_principal. */
struct ap_grant_filter {
	const struct ap_uuid *recording;
	int64_t supervisor, tenant;
	const char *coach;
	const struct ap_uuid *after; /* those behind this one, newest first */
	int64_t limit;
};
/* As JSON. */
struct ap_result ap_db_grant_list(struct ap_db *db, const struct ap_grant_filter *filter, JsonArray **ret_list);
/* Ids (GArray of struct ap_uuid) of a session's grants not revoked. */
struct ap_result ap_db_grant_living(struct ap_db *db, const struct ap_uuid *session, GArray **ret_ids);
