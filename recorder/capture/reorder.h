/*
 * RTP packets of one source, put into the order of their numbers.
 *
 * What comes in order goes on at once. What comes behind a missing one is held until that one comes, or until `wait_ns`
 * passed since the first of those held arrived: then it is lost, and what follows goes on. The first packets of a source
 * are held `start_ns` (or until there are `start_packets`), because some that lie before them may still be repaired; what
 * comes later and lies before what went on already is late, and dropped.
 *
 * Numbers are compared as RFC 3550 A.1 does; whoever calls sees to it that they lie within half the circle of each other
 * (source.h). Pure: time is an argument, ns of one clock. Threads: one at a time per object.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct ap_reorder_rules {
	int64_t start_ns, wait_ns;
	unsigned start_packets;
	GDestroyNotify drop; /* of a packet that is late, or left over */
};

struct ap_reorder_packet {
	void *packet; /* owned by whoever holds it */
	uint16_t seq;
	uint32_t rtp;
	int64_t arrival_ns;
};

/* The next packet in order; owned by the callee. */
typedef void (*ap_reorder_sink)(void *ctx, const struct ap_reorder_packet *p);

struct ap_reorder; /* opaque */

/* ctx is borrowed. */
struct ap_reorder *ap_reorder_new(const struct ap_reorder_rules *rules, ap_reorder_sink sink, void *ctx);
/* Drops what is held. NULL is fine. */
void ap_reorder_free(struct ap_reorder *r);

/* Takes the packet. */
void ap_reorder_push(struct ap_reorder *r, const struct ap_reorder_packet *p);
/* What was waited for long enough is given up. */
void ap_reorder_tick(struct ap_reorder *r, int64_t now_ns);
/* Nothing is waited for any more: all that is held goes on. */
void ap_reorder_flush(struct ap_reorder *r);
/* Something is held, so that ticks are of use. */
bool ap_reorder_holds(const struct ap_reorder *r);
/* Numbers that were given up, and packets that came too late or twice. */
uint64_t ap_reorder_lost(const struct ap_reorder *r);
uint64_t ap_reorder_late(const struct ap_reorder *r);
