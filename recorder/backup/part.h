/*
 * A part of a backup: one age file and a small description that makes it complete (docs/FORMAT.md, Backups and
 * journal). Nothing here knows the vault; `directory` is backup.directory or a copy of it.
 *
 * Threads: any. Errors: AP_ERR_IO "backup" (directory or disk), AP_ERR_CRYPTO "backup" (altered, or not for this
 * identity), AP_ERR_DENIED "not-found".
 */
#pragma once

#include "recorder/keys/keys.h"

#include <glib.h>

#define AP_PART_NAME 80

enum ap_part_kind { AP_PART_VAULT, AP_PART_KEYS };

struct ap_part {
	enum ap_part_kind kind;
	struct ap_uuid id;
	int64_t made_ms;
	struct ap_kek_id kek;
	uint64_t size; /* of the .age */
	struct ap_hash sha256;
	/* of a vault part alone */
	uint64_t log_size;
	char origin[256];
	int64_t recordings; /* living ones in it */
	/* set by _list and _new: "vault/<made_ms>-<id>", without its ending */
	char name[AP_PART_NAME];
};

/* A new one of now, not written yet. */
void ap_part_new(enum ap_part_kind kind, int64_t made_ms, const struct ap_kek_id *kek, struct ap_part *ret_part);

/* The identity by which the living vault opens its own part; the caller's. */
struct ap_secret *ap_part_proof_identity(const struct ap_secret *kek, const struct ap_uuid *part);

/* Complete ones, newest first: of struct ap_part. A missing directory has none; one that cannot be read is a failure. */
struct ap_result ap_part_list(const char *directory, enum ap_part_kind kind, GArray **ret_parts);
struct ap_result ap_part_newest(const char *directory, enum ap_part_kind kind, struct ap_part *ret_part);

/* ---- writing ---- */

struct ap_part_writer; /* opaque */

/* Makes directories as needed. `part` is borrowed until _free and learns size and hash at _end. */
struct ap_result ap_part_writer_new(const char *directory, struct ap_part *part, const struct ap_age_recipient recipients[2],
				    struct ap_part_writer **ret_writer);
struct ap_result ap_part_write(struct ap_part_writer *w, const void *bytes, size_t len);
/* Durable, but not complete yet. */
struct ap_result ap_part_end(struct ap_part_writer *w);
/* Removes what was not ended. Accepts NULL. */
void ap_part_writer_free(struct ap_part_writer *w);
/* Writes the description, durably. */
struct ap_result ap_part_complete(const char *directory, const struct ap_part *part);

/* ---- reading and destroying ---- */

/* Compares the whole file with its hash, then gives its plaintext to `sink` piece by piece. */
struct ap_result ap_part_read(const char *directory, const struct ap_part *part, const struct ap_secret *identity,
			      ap_age_sink sink, void *ctx);
/* Is its .age there, complete or not? */
bool ap_part_exists(const char *directory, enum ap_part_kind kind, int64_t made_ms, const struct ap_uuid *id);
/* Overwritten, then removed, both files. Nothing there is success. */
struct ap_result ap_part_destroy(const char *directory, const struct ap_part *part);
/* Removes what an attempt that broke off left: files without description. Not while one is being written. */
void ap_part_tidy(const char *directory);
