/*
 * What the recording misses of a sender's pictures, and when to ask the sender for it.
 *
 * Mostly the other person's client asks for what it misses, and the recording gains by it. Not while that client hears
 * nothing itself, because its address changed or its network is away, nor when it never asks for anything: what was lost
 * on the sender's way then would be missing in the recording for good. So while a gate is open the gateway asks as well,
 * later than a client would, so that in a healthy call hardly anything is asked for twice, and no longer than the
 * recording waits.
 *
 * Pure: no allocation, time is an argument. Numbers are those of the sender's source. Threads: one at a time per object.
 * Source: RFC 4585 §6.2.1 (what is asked with), RFC 4588 (how it is repeated).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many are remembered, the newest; it is also as many as one NACK of ours can hold. */
#define AP_REPAIR_MOST 256

struct ap_repair_missing {
	int64_t since_ns, asked_ns; /* asked_ns: 0: not yet */
	uint16_t seq;
};

/* One source. All zero: nothing came yet. */
struct ap_repair {
	bool heard;
	uint16_t high; /* highest number that came */
	size_t count;
	struct ap_repair_missing missing[AP_REPAIR_MOST]; /* in the order of their numbers */
};

/* Another source comes: what was missing of the last one is forgotten. */
void ap_repair_restart(struct ap_repair *r);
/* This packet came at the first attempt. */
void ap_repair_note(struct ap_repair *r, uint16_t seq, int64_t now_ns);
/* This one was repeated. Any number may be: senders repeat old packets to probe the bandwidth. */
void ap_repair_found(struct ap_repair *r, uint16_t seq);
/* What is to be asked for now, in the order of the numbers; it counts as asked for. The count. */
size_t ap_repair_due(struct ap_repair *r, int64_t now_ns, uint16_t ret_seqs[AP_REPAIR_MOST]);
