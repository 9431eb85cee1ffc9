/*
 * From the RTP packets of one source to whole frames: our own reordering (reorder.h), then GStreamer's depayloader and,
 * where needed, parser. Packets go on in order, at once when none is missing; one that is missing is waited for
 * AP_CHAIN_AUDIO_MS or AP_CHAIN_VIDEO_MS. The first of a source are held 0.4 s (sound) or 1.5 s (pictures), because
 * some that lie before them may still be repaired.
 *
 * GStreamer's own jitter buffer is not used: it has two threads and several wake-ups for each source, to give packets
 * out at the pace of a player. A file has no pace, and who reads the gate knows the time anyway.
 *
 * Which video frames are kept: those a receiver could show. Nothing before the first keyframe; after a packet was
 * lost for good nothing until the next keyframe, because what refers to a lost picture shows garbage, and a browser
 * freezes there too. An incomplete frame never leaves the depayloader.
 *
 * Threads: one at a time per object; it has none of its own, and calls `stamp` and `frame` within _push, _tick and
 * _finish.
 */
#pragma once

#include <aparte/capture.h>
#include <aparte/err.h>
#include <gst/gst.h>
#include <stdbool.h>
#include <stdint.h>

/* Sound is not repeated, so only jitter is waited for. Pictures are: a receiver that asks again and again may show one
 * that was repaired seconds later (at 20 % loss on each leg half of the repeats fail; browsers wait up to 3 s, or until
 * the next keyframe, which a recording asks for every 2 s). What it could show must not be given up here before. */
#define AP_CHAIN_AUDIO_MS 400
#define AP_CHAIN_VIDEO_MS 3000

struct ap_chain; /* opaque */

enum ap_chain_codec { AP_CHAIN_OPUS, AP_CHAIN_VP8, AP_CHAIN_VP9, AP_CHAIN_H264 };

struct ap_chain_frame {
	GstBuffer *buffer; /* borrowed; PTS is what `stamp` gave */
	bool keyframe;	   /* Opus: always */
	uint16_t width, height;
	GstBuffer *codec_data; /* borrowed; H.264: avcC; else NULL */
};

struct ap_chain_packet {
	GstBuffer *buffer; /* the whole RTP packet */
	uint16_t seq;	   /* of its header, as what follows */
	uint32_t rtp;
	int64_t arrival_ns; /* CLOCK_MONOTONIC */
};

struct ap_chain_events {
	/* The packet of this sequence number is next in order: the time of its RTP timestamp, ns. */
	uint64_t (*stamp)(void *ctx, uint16_t seq, uint32_t rtp);
	void (*frame)(void *ctx, const struct ap_chain_frame *frame);
	void *ctx; /* borrowed */
};

struct ap_chain_stats {
	uint64_t lost, late;
};

/* Loads the plugins and makes one element of each kind, so that nothing is opened later. Once, before the sandbox. */
struct ap_result ap_chain_warm_up(void);

struct ap_result ap_chain_new(enum ap_chain_codec codec, const struct ap_chain_events *events,
			      struct ap_chain **ret_chain);
/* Takes the buffer. */
void ap_chain_push(struct ap_chain *c, const struct ap_chain_packet *packet);
/* What was waited for long enough is given up. */
void ap_chain_tick(struct ap_chain *c, int64_t now_ns);
/* Something waits, so that ticks are of use. */
bool ap_chain_waits(const struct ap_chain *c);
/* What waits comes out as frames before this returns; adds to *stats. Only _free follows. */
void ap_chain_finish(struct ap_chain *c, struct ap_chain_stats *stats);
/* Drops what waits. No callback after it. NULL is fine. */
void ap_chain_free(struct ap_chain *c);
/* Adds what was counted so far. */
void ap_chain_count(const struct ap_chain *c, struct ap_chain_stats *stats);
uint32_t ap_chain_clock_rate(enum ap_chain_codec codec);
