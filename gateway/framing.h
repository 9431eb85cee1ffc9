/*
 * Packets on a byte stream: a 16-bit length before each (RFC 4571 §2, used by ICE-TCP, RFC 6544 §3).
 *
 * Pure. A frame longer than AP_FRAME_MAX breaks the stream for good.
 */
#pragma once

#include <aparte/buf.h>

#define AP_FRAME_MAX 2000
#define AP_FRAME_HEADER 2

/* A packet being collected; all zero at first. */
struct ap_framer {
	size_t have; /* bytes in data, the length included */
	uint8_t data[AP_FRAME_HEADER + AP_FRAME_MAX];
};

enum ap_frame { AP_FRAME_MORE, AP_FRAME_READY, AP_FRAME_BROKEN };

/* Consumes bytes of `in` up to the end of one packet. READY: *ret_packet borrows it until the next call. */
enum ap_frame ap_framer_next(struct ap_framer *f, struct ap_reader *in, struct ap_reader *ret_packet);
