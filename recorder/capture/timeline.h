/*
 * One person's timeline: from RTP timestamps to the gateway's monotonic time, ns.
 *
 * Each line's RTP clock is laid on the gateway's by the smallest delay seen in the last seconds: arrival minus RTP
 * time, minimum over a sliding window, which follows a drifting clock and ignores jitter. Two lines of one person are
 * laid on each other by their sender reports (RFC 3550 §6.4.1): the sender's NTP time only relates the two, so that
 * it may be wrong by years and drift. Two persons meet on the gateway's clock.
 *
 * Pure: no clock, no I/O. Ownership: plain values. Threads: the caller's lock.
 */
#pragma once

#include <aparte/gate.h>
#include <stdbool.h>
#include <stdint.h>

#define AP_TIMELINE_BUCKETS 10 /* of one second each: the sliding window */

struct ap_timeline_line {
	bool started;
	uint32_t rate; /* RTP clock, Hz */
	uint32_t last_rtp;
	int64_t last_ticks; /* last_rtp without wrap, from the first packet on */

	int64_t bucket_min[AP_TIMELINE_BUCKETS]; /* smallest arrival - media, ns; INT64_MAX: none */
	int64_t bucket;				 /* second of the newest bucket */
	unsigned high;				 /* newest buckets in a row that lie far above the window's minimum */

	bool reported;
	int64_t report_offset; /* sender's NTP time - media, ns, by the last report */

	bool mapped;
	int64_t offset;	 /* gateway time - media, ns, as applied: follows its aim without jumps */
	int64_t last_ns; /* result of the last mapping */
};

struct ap_timeline {
	struct ap_timeline_line lines[AP_LINES];
};

/* A source begins on this line (first packet, another SSRC, a jump): what was known of the line is forgotten. */
void ap_timeline_start(struct ap_timeline *t, enum ap_line line, uint32_t rate, uint32_t rtp);
/* A packet came, in any order. */
void ap_timeline_arrival(struct ap_timeline *t, enum ap_line line, uint32_t rtp, int64_t arrival_ns);
/* A sender report came: 64-bit NTP timestamp and the RTP timestamp that belongs to it. */
void ap_timeline_report(struct ap_timeline *t, enum ap_line line, uint64_t ntp, uint32_t rtp);
/* Gateway time of an RTP timestamp of this line, frames in order. Never negative. */
int64_t ap_timeline_map(struct ap_timeline *t, enum ap_line line, uint32_t rtp);
