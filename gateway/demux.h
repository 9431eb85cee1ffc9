/*
 * What a datagram is, by its first bytes: STUN, DTLS, SRTP and SRTCP share one port.
 *
 * Pure. Source: RFC 7983 §7 (first byte), RFC 5761 §4 (RTP against RTCP by the second byte).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum ap_demux { AP_DEMUX_DROP, AP_DEMUX_STUN, AP_DEMUX_DTLS, AP_DEMUX_RTP, AP_DEMUX_RTCP };

/* AP_DEMUX_DROP also for what is shorter than the smallest packet of its kind. */
enum ap_demux ap_demux(const uint8_t *data, size_t len);
