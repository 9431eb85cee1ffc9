/*
 * The tap: copies of a session's packets, in clear, into its gate (include/aparte/gate.h).
 *
 * Writing never waits: what the gate does not take at once is dropped and counted. A gate whose reader has gone is
 * lost for good. Datagrams of one batch are collected and written together; they borrow the packets' memory until
 * ap_tap_flush(), which must come before anything overwrites it.
 *
 * Threads: one worker. No allocation per packet.
 */
#pragma once

#include "gateway/rtp.h"

#include <aparte/gate.h>

struct ap_tap; /* opaque: one open gate */

/* Owns fd. */
struct ap_tap *ap_tap_new(int fd, uint64_t generation);
/* Closes the descriptor. */
void ap_tap_free(struct ap_tap *tap);
uint64_t ap_tap_generation(const struct ap_tap *tap);
uint64_t ap_tap_packets(const struct ap_tap *tap);
uint64_t ap_tap_dropped(const struct ap_tap *tap);
/* The reader is gone; nothing is written any more. */
bool ap_tap_lost(const struct ap_tap *tap);

struct ap_tap_batch; /* opaque: one per worker */

struct ap_tap_batch *ap_tap_batch_new(void);
void ap_tap_batch_free(struct ap_tap_batch *b);

struct ap_tap_from {
	enum ap_role role;
	enum ap_line line;
	int64_t arrival_ns;
};

/* An RTP packet as the sender's source sent it. */
void ap_tap_rtp(struct ap_tap_batch *b, struct ap_tap *tap, const struct ap_tap_from *from, const uint8_t *data,
		const struct ap_rtp *rtp);
/* An RTX packet, restored to the packet it repeats: `ssrc` is the repeated source's. One without payload is ignored. */
void ap_tap_rtx(struct ap_tap_batch *b, struct ap_tap *tap, const struct ap_tap_from *from, const uint8_t *data,
		const struct ap_rtp *rtp, uint32_t ssrc);
/* A sender report of `len` bytes. */
void ap_tap_sr(struct ap_tap_batch *b, struct ap_tap *tap, const struct ap_tap_from *from, const uint8_t *sr,
	       size_t len);

struct ap_tap_flushed {
	uint64_t written, dropped;
	bool lost; /* a tap was lost by this */
};

struct ap_tap_flushed ap_tap_flush(struct ap_tap_batch *b);
