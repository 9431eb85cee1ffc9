/*
 * The journal's files: lines that are chained and signed, and the newest checkpoint (docs/FORMAT.md, Backups and
 * journal). No database here; recorder/backup/journal.h decides what is written.
 *
 * Nothing stays open between calls, so a disk that went and came back is found again. Threads: one writer. Errors:
 * AP_ERR_IO "journal", AP_ERR_CRYPTO "journal" (altered, or signed by another key), AP_ERR_DENIED "not-found".
 */
#pragma once

#include <aparte/encode.h>
#include <aparte/err.h>
#include <glib.h>
#include <json-glib/json-glib.h>

#define AP_JOURNAL_LINE 8192 /* bytes in one at most */

/* What the first line says; written when there is none. */
struct ap_journal_begin {
	const char *time;   /* RFC 3339, also of the other lines */
	const char *origin; /* the log's name now */
	uint64_t log_size; /* the log's size now: what came before is not in this journal */
};

/* Public half of the journal's key. */
void ap_journal_public(const struct ap_secret *seed, uint8_t ret_public[32]);

/*
 * Appends `bodies` (of JsonObject *, each with its event and ids; the rest is added) and syncs them. Makes directory and
 * file as needed. All or nothing: a torn line is cut off at the next call.
 */
struct ap_result ap_journal_file_append(const char *directory, const struct ap_secret *seed,
					const struct ap_journal_begin *begin, const GPtrArray *bodies);

/* Every line, verified from the first: of JsonNode *, owned. "not-found" when there is no journal. */
struct ap_result ap_journal_file_read(const char *directory, const uint8_t public[32], GPtrArray **ret_lines);

/* Replaces the checkpoint, durably. */
struct ap_result ap_journal_file_checkpoint(const char *directory, const char *note);
