/*
 * One person's sound and picture, coded once with GStreamer and sent again and again, as a browser would send them: 25
 * pictures a second of VP8, each one's packets spread over its time, and 50 Opus packets a second. Every whole frame
 * carries the time at which it was sent (RECORDED_MARK, then CLOCK_REALTIME in ns, 8 bytes, big endian) where no decoder
 * looks: behind the picture's coded data, in the padding of the Opus packet (RFC 6716 §3.2.5). So whoever has a recording
 * in clear knows when each of its frames was sent.
 *
 * Threads: one.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORDED_MARK "ApBench:"
#define RECORDED_PACKET 1400 /* of RTP in clear, at most */
#define RECORDED_AUDIO_PT 111
#define RECORDED_VIDEO_PT 96
#define RECORDED_AUDIO_SSRC 0x11111111u
#define RECORDED_VIDEO_SSRC 0x22222222u

struct recorded_media; /* what all send; opaque */

/* NULL when an encoder is missing. */
struct recorded_media *recorded_media_make(void);
void recorded_media_free(struct recorded_media *m);
/* Packets a second of one person. */
double recorded_media_rate(const struct recorded_media *m);

/* Where one person is in it. */
struct recorded_sender {
	const struct recorded_media *media; /* borrowed */
	int64_t sound_due, picture_due;	    /* of the next packet, CLOCK_MONOTONIC, ns */
	int64_t frame_ns;		    /* when the picture that is being sent was due */
	uint32_t ticks, frames;		    /* packets of sound, pictures, so far */
	uint16_t sound_seq, picture_seq;
	unsigned at;	       /* next picture packet in the media */
	bool keyframe;	       /* the next picture is to be one */
};

struct recorded_packet {
	bool picture;
	uint16_t seq;
	size_t len, mark; /* where the time goes; 0: nowhere */
	_Alignas(8) uint8_t bytes[RECORDED_PACKET + 144]; /* room for SRTP's trailer */
};

void recorded_sender_start(struct recorded_sender *s, const struct recorded_media *m, int64_t now_ns);
/* The next packet that is due; false when none is. */
bool recorded_sender_next(struct recorded_sender *s, int64_t now_ns, struct recorded_packet *ret_packet);
/* Puts the time into the packet, last thing before it is sent. */
void recorded_packet_stamp(struct recorded_packet *p, int64_t realtime_ns);
