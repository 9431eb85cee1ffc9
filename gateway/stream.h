/*
 * Numbering: how one outgoing stream (our own SSRC, fixed for the session) goes on while its sources come and go.
 *
 * A source is whatever the client sends with just now: one SSRC, replaced on reload, reconnection or a new track.
 * Each new source is put right behind the last number sent, and everything the receiver says about our numbers
 * (NACK, RR, transport-cc) is undone before the source hears it. What concerns an earlier source is not passed on.
 *
 * Pure: time is an argument. Sequence numbers are extended to 64 bits internally, so nothing wraps.
 */
#pragma once

#include "gateway/rtp.h"

/* A 16-bit numbering (RTP, RTX or transport-wide) of one outgoing stream. All zero: nothing sent yet. */
struct ap_seqmap {
	bool used;         /* something was sent, so out_high counts */
	bool bound;        /* a source is attached: delta, in_* hold */
	uint64_t delta;    /* out = in + delta, modulo 2^64 */
	uint64_t in_base;  /* first of this source that is ours to send */
	uint64_t in_high;  /* highest seen of this source */
	uint64_t out_high; /* highest sent */
};

/* The next number forwarded comes from another source. */
void ap_seqmap_unbind(struct ap_seqmap *m);
/* Maps a number of the source and takes note of it; false when it lies before the source's first. */
bool ap_seqmap_forward(struct ap_seqmap *m, uint16_t in, uint16_t *ret_out);
/* The same without taking note (the original number inside an RTX packet). */
bool ap_seqmap_peek(const struct ap_seqmap *m, uint16_t in, uint16_t *ret_out);
/* Our number back to the source's; false when this source never sent it. The extended form is for RR. */
bool ap_seqmap_back(const struct ap_seqmap *m, uint16_t out, uint32_t *ret_in_extended);

/* One line in one direction. */
struct ap_stream {
	struct ap_seqmap seq, rtx;
	uint32_t ts_delta;
	uint32_t ts_last; /* highest timestamp sent */
	int64_t at_ns;    /* when */
};

/* Attaches the next source at the next packet. */
void ap_stream_unbind(struct ap_stream *s);
/* Maps sequence number and timestamp of a packet of the stream itself; false when it is not to be sent. */
bool ap_stream_forward(struct ap_stream *s, uint32_t clock_rate, int64_t now_ns, struct ap_rtp *rtp);
/* Maps an RTX packet's header and its original number `osn`; false when it is not to be sent. */
bool ap_stream_forward_rtx(struct ap_stream *s, struct ap_rtp *rtp, uint16_t *osn);

/* What a client sends one line with. 0: not known yet (an SSRC of 0 is therefore never accepted). */
struct ap_source {
	uint32_t ssrc, rtx_ssrc;
	uint32_t left; /* the SSRC before: its stragglers are dropped */
};

struct ap_sources {
	const struct ap_leg_line *lines; /* borrowed, AP_LINES of them */
	struct ap_source of[AP_LINES];
};

struct ap_origin {
	enum ap_line line;
	bool rtx;
	bool fresh; /* the source has just changed */
};

/* Starts with the SSRCs that were signalled. */
void ap_sources_init(struct ap_sources *s, const struct ap_leg_line lines[AP_LINES]);
/* Which line a packet belongs to: by SSRC, else by mid, else by a payload type that only one line has. A new SSRC
 * takes the line over. False when it belongs to none. */
bool ap_sources_find(struct ap_sources *s, const struct ap_rtp *rtp, struct ap_origin *ret_origin);
