/*
 * Policies by version, notices by hash, and the vault's own settings in vault.db.
 */
#pragma once

#include "recorder/db/db.h"

/* Puts the shipped default policy there as version 1 when there is none. */
struct ap_result ap_db_policy_seed(struct ap_db *db, int64_t now_ms);
/* version 0: the newest. "not-found". *ret_document is g_free'd. */
struct ap_result ap_db_policy_get(struct ap_db *db, const char *name, int64_t version, char **ret_document,
				  int64_t *ret_version);

/* The newest version's number; "not-found". */
struct ap_result ap_db_policy_version(struct ap_db *db, const char *name, int64_t *ret_version);

/* Inside or outside a transaction; a notice already there is success. */
struct ap_result ap_db_notice_put(struct ap_db *db, const uint8_t sha256[32], const char *version, const char *lang,
				  const char *document, int64_t now_ms);
struct ap_result ap_db_notice_get(struct ap_db *db, const uint8_t sha256[32], char **ret_document);

struct ap_result ap_db_lockdown_get(struct ap_db *db, int64_t *ret_on);
struct ap_result ap_db_lockdown_set(struct ap_db *db, bool on);

/* Shipped texts, embedded at build time from config/. */
extern const char ap_text_policy_default[];
extern const char ap_text_notice_fr[];
extern const char ap_text_notice_en[];
extern const char ap_text_conduct_fr[];
extern const char ap_text_conduct_en[];
