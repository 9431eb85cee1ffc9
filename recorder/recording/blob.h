/*
 * Where ciphertext lies: a directory now, an object store next; callers see only this header.
 *
 * Names: recordings/<recording>/<role>/<n>.age. Written as .tmp, fsynced by the writer, then committed by rename
 * and an fsync of the directory. Threads: any (holds only a directory descriptor).
 */
#pragma once

#include <aparte/err.h>
#include <aparte/uuid.h>
#include <stddef.h>
#include <stdint.h>

struct ap_blob; /* opaque */

/* Opens (and creates, 0700) the recordings directory. */
struct ap_result ap_blob_open(const char *directory, struct ap_blob **ret_blob);
void ap_blob_free(struct ap_blob *b);

/* A write-only descriptor (0600, O_EXCL; a stale .tmp is replaced) for segment n; owned by the caller. "erased" for a
 * recording that ap_blob_erase was called for, so that nothing late makes it anew. */
struct ap_result ap_blob_create(struct ap_blob *b, const struct ap_uuid *recording, enum ap_role role, uint32_t n, int *ret_fd);
/* The same file for reading, while it is not committed; owned by the caller. */
struct ap_result ap_blob_open_unfinished(struct ap_blob *b, const struct ap_uuid *recording, enum ap_role role, uint32_t n,
					 int *ret_fd);
/* rename .tmp -> .age, fsync directory. Replaces an existing n.age. */
struct ap_result ap_blob_commit(struct ap_blob *b, const struct ap_uuid *recording, enum ap_role role, uint32_t n);
/* Removes a .tmp that was never committed; nothing there is success. */
struct ap_result ap_blob_discard(struct ap_blob *b, const struct ap_uuid *recording, enum ap_role role, uint32_t n);
/* Removes every file of a track but the segments that `keep` wants; nothing there is success. */
typedef bool (*ap_blob_keep)(void *ctx, uint32_t n);
struct ap_result ap_blob_sweep(struct ap_blob *b, const struct ap_uuid *recording, enum ap_role role, ap_blob_keep keep,
			       void *ctx);
/* Reads a whole segment (at most max bytes); *ret_bytes is g_free'd by the caller. "not-found" when missing. */
struct ap_result ap_blob_read(struct ap_blob *b, const struct ap_uuid *recording, enum ap_role role, uint32_t n,
			      size_t max, uint8_t **ret_bytes, size_t *ret_len);
/* Removes all files of a recording, its directories, and fsyncs the parent; nothing there is success. */
struct ap_result ap_blob_erase(struct ap_blob *b, const struct ap_uuid *recording);
/* Many, with one fsync of the parent for all: what cannot be reached by any name is gone. ret_done[i] says which are; on
 * failure of the fsync none is. Each may be asked for again. */
struct ap_result ap_blob_erase_many(struct ap_blob *b, const struct ap_uuid *recordings, size_t count, bool *ret_done);
/* Makes a small file, syncs it and takes it away again: "storage" when the disk does not. */
struct ap_result ap_blob_probe(struct ap_blob *b);
/* Bytes free for recordings on that file system. */
struct ap_result ap_blob_free_bytes(struct ap_blob *b, uint64_t *ret_bytes);
