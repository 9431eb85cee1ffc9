/*
 * A packet on its way through a worker, from the socket it came on to the one it leaves by.
 *
 * `data` starts AP_PACKET_ROOM bytes into the buffer, so that a longer header can be put before the payload, and
 * there is room behind it for SRTP's trailer. Packets live in an array of the worker's and are reused batch by batch.
 */
#pragma once

#include "gateway/path.h"
#include "gateway/rtp.h"
#include "gateway/srtp.h"

#define AP_BATCH 64
#define AP_PACKET_ROOM AP_RTP_HEADER_MAX /* a multiple of 4, so that headers stay aligned */
#define AP_PACKET_MAX 2000               /* a datagram as received */

struct ap_packet {
	struct ap_path path; /* it came on */
	uint8_t *data;
	size_t len;
	struct ap_leg *leg; /* borrowed: it came from */
	enum ap_srtp_kind kind;
	struct ap_rtp rtp; /* RTP only, borrows data */
	struct ap_rtp_exts exts;
	enum ap_line line;
	bool rtx;
	_Alignas(8) uint8_t buffer[AP_PACKET_ROOM + AP_PACKET_MAX + AP_SRTP_TRAILER];
};
