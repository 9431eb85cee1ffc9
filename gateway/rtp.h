/*
 * RTP headers: parsed in place, written anew with the receiving side's numbers. Payloads are never read.
 *
 * Pure; no allocation. Source: RFC 3550 §5.1, RFC 8285 (one- and two-byte header extensions).
 */
#pragma once

#include "gateway/leg.h"

#include <aparte/buf.h>

/* The longest header we write: 12 fixed, 15 CSRCs, the extensions of enum ap_ext at their longest. */
#define AP_RTP_HEADER_MAX (12 + 60 + 4 + 6 * 20)
/* The longest element value we carry; longer ones are dropped. */
#define AP_EXT_VALUE_MAX 16

struct ap_rtp {
	bool marker;
	uint8_t pt;
	uint16_t seq;
	uint32_t ts;
	uint32_t ssrc;
	uint8_t csrcs;        /* 0..15 */
	const uint8_t *csrc;  /* borrowed, 4 * csrcs bytes */
	uint16_t profile;     /* of the extension block; 0 without one */
	struct ap_reader ext; /* borrowed: the block's elements */
	size_t header;        /* offset of the payload */
	size_t payload;       /* bytes of payload, without padding */
	bool padded;          /* the P bit: padding follows the payload and stays where it is */
};

/* The elements found, by their meaning; values borrowed from the packet, NULL when absent. */
struct ap_rtp_exts {
	const uint8_t *value[AP_EXTS];
	uint8_t len[AP_EXTS];
};

/* False when it is no well-formed RTP version 2 packet; *ret_rtp is then undefined. */
bool ap_rtp_parse(const uint8_t *data, size_t len, struct ap_rtp *ret_rtp);
/* Finds the elements whose ids are in `ids` (0: not negotiated). A broken block ends the search; what was found stays.
 */
void ap_rtp_find_exts(const struct ap_rtp *rtp, const uint8_t ids[AP_EXTS], struct ap_rtp_exts *ret_exts);
/* Writes a header from rtp's fields (all but profile, ext, header, payload) and those of exts that have an id. */
void ap_rtp_write_header(struct ap_writer *w, const struct ap_rtp *rtp, const struct ap_rtp_exts *exts,
			 const uint8_t ids[AP_EXTS]);
