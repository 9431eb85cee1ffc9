/*
 * Is this packet a continuation of the stream it came in? Tells reordering and loss from another source, a jump of
 * sequence numbers or of timestamps, after which jitter buffer and timeline must start anew (RFC 3550 A.1, widened
 * by comparing RTP time with arrival time).
 *
 * Pure. Ownership: plain values. Threads: one at a time per object.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum ap_source_verdict {
	AP_SOURCE_DROP,	   /* a straggler of a source just left, or nonsense */
	AP_SOURCE_TAKE,
	AP_SOURCE_RESTART, /* take it, as the first of a new source */
};

struct ap_source {
	bool active;
	uint32_t rate; /* RTP clock, Hz */
	uint32_t ssrc;
	uint16_t seq; /* highest */
	uint32_t rtp; /* of that packet */
	int64_t arrival_ns;
	int64_t restarted_ns;
};

struct ap_source_packet {
	uint32_t ssrc;
	uint16_t seq;
	uint32_t rtp;
	int64_t arrival_ns;
};

struct ap_source ap_source_new(uint32_t rate);
enum ap_source_verdict ap_source_judge(struct ap_source *s, const struct ap_source_packet *p);
