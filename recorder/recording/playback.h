/*
 * Reading a track in clear: ranges of the WebM that its segments' plaintexts make up, decrypted per request.
 *
 * A reader derives the track's identity from the three shares when it is opened and keeps it in guarded memory
 * until closed. Each segment's SHA-256 is compared with what the capture reported before a byte of it is
 * decrypted ("segment-altered"), and what was reported, once sealed, with the signed manifest. One segment's plaintext is kept, so that reading on in small steps decrypts once.
 *
 * Threads: main thread. Source: docs/FORMAT.md, Track files.
 */
#pragma once

#include <aparte/err.h>
#include <aparte/uuid.h>
#include <stddef.h>
#include <stdint.h>

struct ap_vault;
struct ap_actor;           /* recorder/access/access.h */
struct ap_playback_reader; /* one track, open; opaque */

/* Opens one person's track. Rights are the caller's business (access.h). "erased", "not-found", "segment-altered": the
 * rows do not agree with the signed manifest, or have a hole. */
struct ap_result ap_playback_open(struct ap_vault *v, const struct ap_uuid *recording, enum ap_role track,
				  struct ap_playback_reader **ret_reader);
uint64_t ap_playback_size(const struct ap_playback_reader *r);
/* Reads up to max bytes at offset; *ret_len is 0 only at or past the end, and otherwise at least one byte. */
struct ap_result ap_playback_read(struct ap_playback_reader *r, uint64_t offset, uint8_t *ret_bytes, size_t max,
				  size_t *ret_len);
/* One segment as it lies, compared with what was recorded: "not-found" when the track has no such number, else as
 * above. *ret_bytes is g_free'd by the caller. */
struct ap_result ap_playback_ciphertext(struct ap_vault *v, const struct ap_uuid *recording, enum ap_role track, uint32_t number,
					uint8_t **ret_bytes, size_t *ret_len);
/* Wipes what it holds. NULL is fine. */
void ap_playback_close(struct ap_playback_reader *r);

/*
 * For a person's own viewing through the gateway (vault.xml TrackOpen, TrackRead). TrackOpen continues an access of
 * this person and recording that has not ended, else begins one with purpose "recording" and reason "own viewing".
 */
struct ap_result ap_playback_track_open(struct ap_vault *v, const struct ap_actor *actor,
					const struct ap_uuid *recording, enum ap_role track, struct ap_uuid *ret_access,
					uint64_t *ret_size);
/* `length` 0 asks whether one may go on reading. At most min(length, AP_MAX_TRACK_READ) bytes; *ret_bytes is g_free'd by the caller, and NULL with 0 at the end. */
struct ap_result ap_playback_track_read(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *access,
					const struct ap_uuid *recording, enum ap_role track, uint64_t offset,
					uint32_t length, uint8_t **ret_bytes, size_t *ret_len);
