/*
 * The WebM container (Matroska, RFC 9559; EBML, RFC 8794) as far as recordings need it: header, clusters, cues.
 * Pure: bytes in, bytes out; no clock, no I/O. The capture writes files with it, and the vault finishes with it what a
 * crashed capture left, from reported cluster offsets, without reading media.
 *
 * The header is always AP_WEBM_HEADER bytes: EBML header, Segment, SeekHead, Info and Tracks, then a Void. So it can be
 * written anew in place: when a track appears, and at the end with duration, sizes and the place of the Cues. A file is:
 * header, clusters, Cues. Offsets are bytes from the start of the file; times are ms; a block time is relative to
 * its cluster. Codecs WebM does not know (H.264) make a Matroska file of the same form.
 *
 * Ownership: caller's buffers; GByteArrays are appended to. Threads: any, one at a time per object.
 */
#pragma once

#include <aparte/err.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define AP_WEBM_HEADER 2048  /* bytes of segment 0's plaintext */
#define AP_WEBM_PRIVATE 1024 /* codec private data, at most */
/*
 * Least time between two pictures, told as the video tracks' DefaultDuration: a call's pictures come at varying
 * intervals, and a reader that guesses a rate from them rounds two to one time (ffmpeg then reports an error).
 */
#define AP_WEBM_FRAME_MS 10

/* Track numbers in every file; a file has those that were used. Audio always is. */
enum ap_webm_track { AP_WEBM_AUDIO = 1, AP_WEBM_CAMERA = 2, AP_WEBM_SCREEN = 3, AP_WEBM_TRACKS = 3 };

enum ap_webm_codec { AP_WEBM_NONE = 0, AP_WEBM_OPUS, AP_WEBM_VP8, AP_WEBM_VP9, AP_WEBM_H264 };

struct ap_webm_track_info {
	enum ap_webm_codec codec; /* AP_WEBM_NONE: the file has no such track */
	uint16_t width, height;	  /* video: of the first frame */
	uint16_t frame_ms;	  /* video: time between two pictures, up to 1000; 0: AP_WEBM_FRAME_MS at least */
	uint8_t channels;	  /* audio: 1 or 2 */
	uint16_t private_len;	  /* H.264: avcC; others 0 (Opus' OpusHead is made here) */
	uint8_t private_bytes[AP_WEBM_PRIVATE];
};

struct ap_webm_header {
	struct ap_webm_track_info tracks[AP_WEBM_TRACKS]; /* [number - 1] */
	uint64_t duration_ms;				  /* 0: not known yet */
	uint64_t file_size;				  /* bytes incl. cues; 0: not known yet */
	uint64_t cues_offset;				  /* 0: none */
	uint8_t uid[16];				  /* SegmentUID, e.g. the recording's id */
};

/* Exactly AP_WEBM_HEADER bytes. AP_ERR_LIMIT "webm-header" when the private data do not fit. */
struct ap_result ap_webm_header_write(const struct ap_webm_header *h, uint8_t ret_bytes[AP_WEBM_HEADER]);
/* Reads what _write made (of other writers' headers at most a part), but for file_size and cues_offset. AP_ERR_PROTOCOL "webm-header". */
struct ap_result ap_webm_header_read(const uint8_t *bytes, size_t len, struct ap_webm_header *ret_h);

/* The track that Cues point at: camera, else screen, else audio. */
enum ap_webm_track ap_webm_cue_track(const struct ap_webm_header *h);

/* One cluster that a Cue may point at. */
struct ap_webm_cue {
	uint64_t offset;  /* of the cluster, from the start of the file */
	uint64_t time_ms; /* of its first frame */
	bool keyframe;	  /* it begins with a video keyframe: only those get a Cue, and all where there is no video */
};

/*
 * Finishes a file: from the plaintext of segment 0 and the clusters on disk, the new plaintext of segment 0 (same
 * length) and the last segment's plaintext (the Cues; empty when there are none: then no segment is added).
 * clusters_end: bytes of header and clusters. *ret_cues is owned by the caller (g_byte_array_unref).
 */
struct ap_result ap_webm_finish(const uint8_t *header, size_t header_len, uint64_t duration_ms, uint64_t clusters_end,
				const struct ap_webm_cue *cues, size_t count, uint8_t ret_header[AP_WEBM_HEADER],
				GByteArray **ret_cues);

/* ---- clusters ---- */

/* Starts a cluster in an empty array; blocks follow, then _cluster_end sets its size. */
void ap_webm_cluster_begin(GByteArray *cluster, uint64_t time_ms);
/* rel_ms: -32768..32767, from the cluster's time. */
void ap_webm_block(GByteArray *cluster, enum ap_webm_track track, int16_t rel_ms, bool keyframe, const void *frame,
		   size_t len);
void ap_webm_cluster_end(GByteArray *cluster);
