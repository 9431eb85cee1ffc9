/*
 * One person's frames become WebM clusters.
 *
 * The audio track is the file's backbone: wherever a person sends no sound (no microphone, DTX, loss, not yet there)
 * it is filled with silent Opus frames, from the start of an epoch to its end. So a file plays for its true length
 * whatever was muted, has a cluster for every second, and can be cut anywhere.
 *
 * Clusters last AP_CLUSTER_MS at most; a keyframe of the camera (of the screen, before there is a camera) begins a
 * new one, unless the open one just began with a keyframe. Frames are held until `_advance` says that
 * nothing earlier is to come; what comes later all the same is moved (video) or dropped (audio).
 *
 * Pure: time comes in as an argument, ms of file time. Threads: one at a time per object.
 */
#pragma once

#include "frame.h"

#include <aparte/err.h>
#include <aparte/webm.h>

struct ap_mux; /* opaque */

struct ap_mux_cluster {
	const uint8_t *bytes; /* borrowed for the call */
	size_t len;
	uint64_t time_ms;
	bool keyframe; /* begins with a video keyframe */
	uint64_t end_ms; /* where the last frame up to here ends: a picture of the cluster before may last longer than this one */
};

/* A failure ends the call that led to it with the same result. */
typedef struct ap_result (*ap_mux_sink)(void *ctx, const struct ap_mux_cluster *cluster);

struct ap_mux_line {
	uint64_t frames;
	uint64_t first_ms, last_ms;
};

/* ctx is borrowed. uid goes into the header. */
struct ap_mux *ap_mux_new(const uint8_t uid[16], enum ap_webm_codec video, ap_mux_sink sink, void *ctx);
void ap_mux_free(struct ap_mux *m);

/* An epoch begins at this file time, where the last one ended. */
void ap_mux_begin(struct ap_mux *m, uint64_t start_ms);
/* Takes what the frame holds; time_ms may lie before the epoch's start. */
void ap_mux_push(struct ap_mux *m, struct ap_frame *frame, int64_t time_ms);
/* Everything before until_ms is here: writes it. */
struct ap_result ap_mux_advance(struct ap_mux *m, uint64_t until_ms);
/* Time of the open cluster; UINT64_MAX: none is open. */
uint64_t ap_mux_since(const struct ap_mux *m);
/* Ends the open cluster before it is full. */
struct ap_result ap_mux_cut(struct ap_mux *m);
/* The epoch ends: writes the rest and the open cluster. discard: frames still held are dropped. */
struct ap_result ap_mux_end(struct ap_mux *m, uint64_t end_ms, bool discard);

/* Tracks used so far. */
const struct ap_webm_header *ap_mux_header(const struct ap_mux *m);
/* Frames written in the epoch, without filling. */
struct ap_mux_line ap_mux_line(const struct ap_mux *m, enum ap_line line);
