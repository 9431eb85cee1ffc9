/*
 * What lies on an admin's desk, in vault.db: proposals, policies.
 */
#pragma once

#include "recorder/db/db.h"

#include <glib.h>
#include <json-glib/json-glib.h>

struct ap_proposal_row {
	struct ap_uuid id;
	const char *action, *body, *by; /* borrowed */
	int64_t tenant;			/* whose recordings it is about; 0: all, or any */
	int64_t now_ms, expires_ms;
};
struct ap_result ap_db_proposal_insert(struct ap_db *db, const struct ap_proposal_row *proposal);
/* Open ones only: "not-found". Texts are g_free'd. */
struct ap_result ap_db_proposal_load(struct ap_db *db, const struct ap_uuid *id, const char *action, int64_t now_ms,
				     char **ret_body, char **ret_by);
struct ap_result ap_db_proposal_find(struct ap_db *db, const char *action, const char *body, int64_t now_ms,
				     struct ap_uuid *ret_id);
/* "not-found" when it was confirmed before. */
struct ap_result ap_db_proposal_confirmed(struct ap_db *db, const struct ap_uuid *id, const char *by);

struct ap_result ap_db_policy_insert(struct ap_db *db, const char *name, const char *document, const char *by, int64_t now_ms,
				     int64_t *ret_version);
/* The newest version of each; with a name, all versions of that one, newest first. */
struct ap_result ap_db_policy_list(struct ap_db *db, const char *name, JsonArray **ret_list);
