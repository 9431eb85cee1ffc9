/*
 * What the journal is still due (journal_due in vault.db, filled by triggers), and the log's name after a continuation.
 */
#pragma once

#include "recorder/db/db.h"

#include <glib.h>
#include <json-glib/json-glib.h>

#define AP_JOURNAL_BATCH 1000

/* Up to AP_JOURNAL_BATCH of them as lines' bodies (of JsonObject *, owned), oldest first; *ret_last is the last one's seq. */
struct ap_result ap_db_journal_due(struct ap_db *db, GPtrArray **ret_bodies, int64_t *ret_last);
/* They are durable elsewhere, where the journal now ends (recorder/backup/journal_file.h); in a transaction of its own. */
struct ap_journal_end;
struct ap_result ap_db_journal_done(struct ap_db *db, int64_t last, const struct ap_journal_end *end);
/* Where the journal ended when that was last noted: *ret_known is false while nothing was. */
struct ap_result ap_db_journal_end(struct ap_db *db, struct ap_journal_end *ret_end, bool *ret_known);
struct ap_result ap_db_journal_ends(struct ap_db *db, const struct ap_journal_end *end);
/* For a restore: the journal that goes on is another than the one of the copy. */
struct ap_result ap_db_journal_end_forget(struct ap_db *db);
/* When the oldest that waits came, by its event's time; 0 when none does. */
struct ap_result ap_db_journal_waiting(struct ap_db *db, int64_t *ret_count);

/* The name the log goes on under; *ret_origin is NULL while it has its first. g_free. */
struct ap_result ap_db_log_origin(struct ap_db *db, char **ret_origin);
/* Did this log once bear that name? */
struct ap_result ap_db_log_was(struct ap_db *db, const char *origin, bool *ret_was);

struct ap_log_continued {
	const char *origin, *old_origin;
	uint64_t old_size, kept;
	uint8_t old_root[32];
};
struct ap_result ap_db_log_continue(struct ap_db *db, const struct ap_log_continued *c, int64_t now_ms);
