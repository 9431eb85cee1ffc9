/*
 * The sweep at the start: what a vault that died in the midst of a give, a withdrawal, an erasure or the end of a session
 * left in keys.db without a use, and tokens that would never end.
 *
 * What vault.db does not know at all is destroyed only while it is pending (a give that was never committed): a database
 * put back from an older copy must not cost a share.
 *
 * Threads: any, with that thread's connection; before the gates.
 */
#pragma once

#include "recorder/vault.h"

/* How long tokens serve rights after the last recording is gone. */
#define AP_RIGHTS_MS (INT64_C(365) * 86400000)

/* Ends with a purge of keys.db, so that one that was cut short is done in any case. */
struct ap_result ap_sweep(struct ap_vault *v, struct ap_db *db);
