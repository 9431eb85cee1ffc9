/*
 * What a lockdown asks of vault.db. Threads: any, with that thread's connection.
 */
#pragma once

#include "recorder/db/db.h"

#include <glib.h>

/* GArray of struct ap_uuid: accesses that have not ended. */
struct ap_result ap_db_lockdown_accesses(struct ap_db *db, GArray **ret_ids);
/* Ends every staff login. */
struct ap_result ap_db_lockdown_logins(struct ap_db *db);
/* Since when; 0: not, or not known. */
struct ap_result ap_db_lockdown_since(struct ap_db *db, int64_t *ret_ms);
struct ap_result ap_db_lockdown_note(struct ap_db *db, int64_t now_ms);
