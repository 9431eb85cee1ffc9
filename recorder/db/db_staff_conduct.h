/*
 * The code of conduct in vault.db: its texts by version and language, who acknowledged which.
 */
#pragma once

#include "recorder/db/db.h"

#include <json-glib/json-glib.h>

/* 0 when there is none. */
struct ap_result ap_db_conduct_version(struct ap_db *db, int64_t *ret_version);
struct ap_result ap_db_conduct_get(struct ap_db *db, int64_t version, const char *lang, char **ret_document);
struct ap_result ap_db_conduct_put(struct ap_db *db, int64_t version, const char *lang, const char *document,
				   const uint8_t sha256[32], int64_t now_ms);
/* What this user acknowledged: 0 without. "not-found". */
struct ap_result ap_db_conduct_of(struct ap_db *db, int64_t user, int64_t *ret_version);
struct ap_result ap_db_conduct_acknowledged(struct ap_db *db, int64_t user, int64_t version, int64_t now_ms);
/* {"user","role","version","acknowledged"} of all who are not disabled. */
struct ap_result ap_db_conduct_users(struct ap_db *db, int64_t tenant, JsonArray **ret_list);
/* Names of the policies of that tenant (0: of all): GPtrArray of text, owned. */
struct ap_result ap_db_conduct_policies(struct ap_db *db, int64_t tenant, GPtrArray **ret_names);
