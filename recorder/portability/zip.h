/*
 * A zip written straight into an age file: entry by entry, so that nothing of it lies on disk in clear. Texts are deflated,
 * media stored as they are. Sizes are not bounded (zip64).
 *
 * Threads: one at a time per object. Source: PKWARE APPNOTE 6.3, by libarchive; C2SP age.md.
 */
#pragma once

#include <aparte/age.h>

struct ap_zip; /* opaque */

/* Exactly one of the two. */
struct ap_zip_lock {
	const struct ap_age_recipient *recipient;
	const struct ap_secret *passphrase;
};

/* Writes to `path`, which must not be there, as 0600. A passphrase is stretched here: a quarter of a second, 64 MiB. On
 * failure no file stays. */
struct ap_result ap_zip_new(const char *path, const struct ap_zip_lock *lock, int64_t now_ms, struct ap_zip **ret_zip);
/* A whole entry. */
struct ap_result ap_zip_add(struct ap_zip *z, const char *name, const void *bytes, size_t len);
/* One of exactly `size` bytes, which follow. */
struct ap_result ap_zip_begin(struct ap_zip *z, const char *name, uint64_t size);
struct ap_result ap_zip_write(struct ap_zip *z, const void *bytes, size_t len);
/* Ends the zip and the age file, fsyncs; *ret_size is the file's. Once, then only _free. */
struct ap_result ap_zip_finish(struct ap_zip *z, uint64_t *ret_size);
/* Accepts NULL; an unfinished file stays for the caller to remove. */
void ap_zip_free(struct ap_zip *z);
