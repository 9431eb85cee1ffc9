/*
 * One person's WebM becomes age files: segments of whole clusters, AP_SEGMENT_MS at most, each encrypted as it is
 * written, to a descriptor that was handed in, hashed, fsynced, reported. Holds a public key only: what is written
 * cannot be read again here.
 *
 * Segment 0 is the header, written before the first cluster's segment is reported, anew when a track appears, and at
 * the end; the Cues are the last segment. Numbers count up from 1. Threads: one at a time per object; calls wait for
 * the disk.
 */
#pragma once

#include "mux.h"

#include <aparte/age.h>
#include <aparte/capture.h>

struct ap_seal; /* opaque */

struct ap_seal_io {
	/* A write-only descriptor for this segment, owned by the caller from then on. May wait. */
	struct ap_result (*take)(void *ctx, enum ap_role role, uint32_t number, int *ret_fd);
	struct ap_result (*done)(void *ctx, const struct ap_capture_segment_done *segment);
	void *ctx; /* borrowed */
};

struct ap_seal *ap_seal_new(enum ap_role role, const uint8_t recipient[32], const struct ap_seal_io *io);
/* Closes descriptors; an unfinished segment stays unfinished. NULL is fine. */
void ap_seal_free(struct ap_seal *s);

/* Following segments belong to this epoch. */
void ap_seal_epoch(struct ap_seal *s, uint32_t epoch);
struct ap_result ap_seal_cluster(struct ap_seal *s, const struct ap_webm_header *header,
				 const struct ap_mux_cluster *cluster);
/* Time of the open segment's first cluster; UINT64_MAX: none is open. */
uint64_t ap_seal_since(const struct ap_seal *s);
/* Ends and reports the open segment, if there is one. */
struct ap_result ap_seal_flush(struct ap_seal *s);
/* Writes the Cues and the final header. Without any cluster a header alone. */
struct ap_result ap_seal_finish(struct ap_seal *s, const struct ap_webm_header *header, uint64_t duration_ms);
