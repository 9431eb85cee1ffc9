/*
 * A film on its way into an archive: clusters are taken as they are composed and kept in a file without a name, encrypted
 * to a key that only this object knows; once all are there it is read as a whole WebM file with its duration and Cues. So
 * its size is known before its first byte is handed on, what fails in the middle leaves nothing behind, and nothing of it
 * lies on disk in clear.
 *
 * The clusters are not read: what they hold is the composer's, which nobody trusts.
 *
 * Threads: one at a time per object. Errors: "vault-unavailable" (the disk), "age-payload".
 */
#pragma once

#include <aparte/err.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ap_film; /* opaque */

/* The file lies in `directory`, which must be there. */
struct ap_result ap_film_new(const char *directory, struct ap_film **ret_film);
/* A cluster begins; its bytes follow. Times do not fall. At most two a second
 * of them are remembered, however many there are. */
void ap_film_cluster(struct ap_film *f, uint64_t time_ms, bool keyframe);
struct ap_result ap_film_write(struct ap_film *f, const void *bytes, size_t len);
/* All of it came. Once; from then on it can be read. */
struct ap_result ap_film_finish(struct ap_film *f, uint64_t duration_ms);

uint64_t ap_film_size(const struct ap_film *f);
/* Up to max bytes at offset; *ret_len is 0 only at the end. */
struct ap_result ap_film_read(struct ap_film *f, uint64_t offset, uint8_t *ret_bytes, size_t max, size_t *ret_len);
/* Wipes its key. NULL is fine. */
void ap_film_free(struct ap_film *f);
