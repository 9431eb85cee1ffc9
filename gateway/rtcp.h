/*
 * RTCP translated from one side's numbering to the other's, and the few packets we make ourselves.
 *
 * A client's RTCP speaks of its own sources (SR, SDES) and of what it receives from us (report blocks, NACK,
 * transport-cc, REMB). The peer hears both in its own terms: our SSRCs towards it for the first, its own SSRCs and
 * numbers for the second. What concerns nothing it knows is left out, as are BYE (our SSRCs outlive sources), APP
 * and XR. PLI and FIR are not passed on but reported, because keyframes are asked for at one place, throttled.
 *
 * Pure; no allocation. Source: RFC 3550 §6, RFC 4585 §6, RFC 5104 §4.3.1, RFC 5506 (reduced size),
 * draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1, draft-alvestrand-rmcat-remb-03.
 */
#pragma once

#include "gateway/stream.h"

#define AP_RTCP_SR_SIZE 28  /* a sender report without report blocks */
#define AP_RTCP_PLI_SIZE 20 /* an empty RR and a PLI, a compound packet of its own */
#define AP_RTCP_NACK_MAX 1044 /* an empty RR and a NACK of AP_REPAIR_MOST numbers that lie far apart */

/* A source of the client this RTCP comes from, as its peer knows it. */
struct ap_rtcp_sent {
	uint32_t ssrc;     /* the client's */
	uint32_t our_ssrc; /* what the peer receives it as */
	uint32_t ts_delta; /* added to its timestamps on the way */
	enum ap_line line;
	bool rtx;
};

/* A stream the client receives from us, as its sender, the peer, knows it. */
struct ap_rtcp_got {
	uint32_t our_ssrc;
	uint32_t ssrc; /* the peer's */
	const struct ap_seqmap *seq;
	enum ap_line line;
	bool rtx;
	bool nack; /* the peer can repeat packets without repeating sequence numbers: it has RTX */
};

struct ap_rtcp_map {
	struct ap_rtcp_sent sent[2 * AP_LINES];
	size_t sents;
	struct ap_rtcp_got got[2 * AP_LINES];
	size_t gots;
	const struct ap_seqmap *twcc; /* transport-wide numbers the client receives; NULL: none are sent to it */
	uint32_t our_ssrc;            /* towards the peer, for what the client sends under an SSRC that is no source */
};

struct ap_rtcp_sr {
	enum ap_line line;
	uint8_t bytes[AP_RTCP_SR_SIZE]; /* as the client sent it, without report blocks */
};

struct ap_rtcp_seen {
	unsigned keyframes; /* bit per line of the peer of which the client wants a keyframe */
	size_t srs;
	struct ap_rtcp_sr sr[AP_LINES];
};

/* Translates a whole packet, writing what is left of it (perhaps nothing). False when it is malformed; then out and
 * *ret_seen hold what came before the flaw and must not be used. */
bool ap_rtcp_translate(const uint8_t *data, size_t len, const struct ap_rtcp_map *map, struct ap_writer *out,
		       struct ap_rtcp_seen *ret_seen);

/* Asks the sender of media_ssrc for a keyframe. */
void ap_rtcp_write_pli(struct ap_writer *w, uint32_t sender_ssrc, uint32_t media_ssrc);
/* Asks it to repeat these packets: `count` > 0 numbers, rising, at most AP_REPAIR_MOST (repair.h). */
void ap_rtcp_write_nack(struct ap_writer *w, uint32_t sender_ssrc, uint32_t media_ssrc, const uint16_t *seqs,
			size_t count);
