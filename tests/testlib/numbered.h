/*
 * Numbered media between two test clients: a person who sends frames and sounds that carry their number, repairs what
 * the other asks for, and keeps account of what the other got. So a test knows exactly which frames a receiver could
 * show, and when each was taken.
 *
 * A frame is shaped like VP8 as far as depayloaders look (frame tag, start code, size); the rest is its number and
 * filling. 30 frames and 50 sounds a second, keyframes only when asked for, sender reports every second by a clock
 * that may be wrong. The receiving half asks again for what is missing (NACK every 100 ms) and, once it has given up
 * on a packet, for a keyframe.
 *
 * Threads: the fixture's context.
 */
#pragma once

#include "tests/testlib/media_fixture.h"

/* A receiver waits this long for a packet that is missing. Browsers' video waits up to 3 s, but not past a keyframe,
 * and while a recording runs there is one every 2 s. One that was cut off itself shows what was repaired afterwards in
 * quick motion, however old: see `patience_ms`. */
#define AP_NUMBERED_PATIENCE_MS 2000

struct ap_numbered_options {
	struct ap_media_fixture *fixture; /* borrowed; the side's client is made already */
	int side;
	bool no_rtx;	    /* this sender cannot repeat packets; the leg says so too */
	int ntp_offset_s;   /* of the clock in its sender reports */
	int drift_ppm;	    /* its sampling clock against ours */
	int frame_delay_ms; /* coding: frames leave that much after they were taken */
	int patience_ms;    /* of the other one, who shows these frames; 0: AP_NUMBERED_PATIENCE_MS */
};

/* One frame (or sound) as it was sent and as the other side got it. */
struct ap_numbered_item {
	int64_t taken_ns; /* by the true clock */
	bool key;
	unsigned count; /* packets */
	uint64_t got;	/* bit per packet */
	size_t size;	/* bytes of the whole frame */
	int64_t complete_ns; /* when the other side had all of it; 0: never */
};

struct ap_numbered; /* opaque */

struct ap_numbered *ap_numbered_new(const struct ap_numbered_options *options);
/* Whose numbers are in what this one receives. Borrowed both ways. */
void ap_numbered_pair(struct ap_numbered *a, struct ap_numbered *b);
/* Sends from now on until _stop; goes on receiving until _free. */
void ap_numbered_start(struct ap_numbered *n);
void ap_numbered_stop(struct ap_numbered *n);
/* The page was loaded anew: other sources, other numbers on the wire; ours go on, with a keyframe. The side's new
 * client and leg are in the fixture already. */
void ap_numbered_reload(struct ap_numbered *n);
void ap_numbered_free(struct ap_numbered *n);

/* What this one sent so far, in the order of their numbers. Borrowed until the next iteration of the context. */
const struct ap_numbered_item *ap_numbered_frames(const struct ap_numbered *n, size_t *ret_count);
const struct ap_numbered_item *ap_numbered_sounds(const struct ap_numbered *n, size_t *ret_count);
/* ret_shown[i]: could the other side show frame i? All of it came within its patience, and what it refers to. */
void ap_numbered_shown(const struct ap_numbered *n, bool *ret_shown);

/* Number in a frame or sound as a recording holds it; false when it carries none. */
bool ap_numbered_read_frame(const uint8_t *bytes, size_t len, uint32_t *ret_number);
bool ap_numbered_read_sound(const uint8_t *bytes, size_t len, uint32_t *ret_number);
