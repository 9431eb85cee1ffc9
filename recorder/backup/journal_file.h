/*
 * The journal's files: lines that are chained and signed, and the newest checkpoint (docs/FORMAT.md, Backups and
 * journal). No database here; recorder/backup/journal.h decides what is written.
 *
 * A file that lost its last lines is chained and signed as ever. So whoever writes remembers where it ended, and what lies
 * beside the lines says so too: the newest checkpoint with a line of its own about the journal's end then, signed.
 *
 * Nothing stays open between calls, so a disk that went and came back is found again. Threads: one writer. Errors:
 * AP_ERR_IO "journal", AP_ERR_CRYPTO "journal" (altered, or signed by another key), AP_ERR_DENIED "not-found".
 */
#pragma once

#include <aparte/encode.h>
#include <aparte/err.h>
#include <glib.h>
#include <json-glib/json-glib.h>

#define AP_JOURNAL_LINE 32768 /* bytes in one at most: a policy (AP_MAX_BODY) with room */

/* Where a journal stood: how many lines, and the hash of the last (of zeroes for none). */
struct ap_journal_end {
	uint64_t lines;
	struct ap_hash last;
};

/* What the first line says; written when there is none. */
struct ap_journal_begin {
	const char *time;   /* RFC 3339, also of the other lines */
	const char *origin; /* the log's name now */
	uint64_t log_size; /* the log's size now: what came before is not in this journal */
	const struct ap_journal_end *known; /* what it held before at least; NULL: not known. Where there is none one begins anew. */
};

/* Public half of the journal's key. */
void ap_journal_public(const struct ap_secret *seed, uint8_t ret_public[32]);

/*
 * Appends `bodies` (of JsonObject *, each with its event and ids; the rest is added) and syncs them. Makes directory and
 * file as needed. All or nothing: a torn line is cut off at the next call. "journal" when what is known is not in it, or its
 * end cannot be read (no line's end in its last 64 KiB): such a file is left as it is.
 */
struct ap_result ap_journal_file_append(const char *directory, const struct ap_secret *seed,
					const struct ap_journal_begin *begin, const GPtrArray *bodies,
					struct ap_journal_end *ret_end);
/* Where it stands, which must not be before, or beside, what is known of it (NULL: nothing). */
struct ap_result ap_journal_file_end(const char *directory, const struct ap_secret *seed, const struct ap_journal_end *known,
				     struct ap_journal_end *ret_end);

/* Every line, verified from the first: of JsonNode *, owned. "not-found" when there is no journal. */
struct ap_result ap_journal_file_read(const char *directory, const uint8_t public[32], GPtrArray **ret_lines);
/* Whether these lines went by there. */
bool ap_journal_lines_pass(const GPtrArray *lines, const struct ap_journal_end *end);

/* Replaces the checkpoint, durably, with what it says of the lines. */
struct ap_result ap_journal_file_checkpoint(const char *directory, const struct ap_secret *seed, const char *note,
					    const struct ap_journal_end *end);
/* What lies there: "not-found" without one. Nothing is verified. */
struct ap_journal_kept {
	char *note, *end; /* owned; end is NULL where an older version wrote it */
};
struct ap_result ap_journal_file_kept(const char *directory, struct ap_journal_kept *ret_kept);
void ap_journal_kept_clear(struct ap_journal_kept *kept);
/* The end it was written with; false when there is none, or it is not this journal's, or another note's. */
bool ap_journal_kept_end(const struct ap_journal_kept *kept, const uint8_t public[32], struct ap_journal_end *ret_end);
