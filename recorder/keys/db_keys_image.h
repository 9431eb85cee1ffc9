/*
 * keys.db as a whole with the key-encryption key it is under: for the key part of a backup alone.
 */
#pragma once

#include "recorder/keys/db_keys.h"

/* Called under the lock of `db`, so that key and rows belong together: it must not call back into it. */
typedef struct ap_result (*ap_db_keys_user)(void *ctx, const struct ap_secret *kek, const char *path);

/* "kek", "lockdown"; "conflict" (AP_ERR_DENIED) while a turnover is under way, since rows are then under two keys. */
struct ap_result ap_db_keys_use(struct ap_db_keys *db, ap_db_keys_user use, void *ctx);
