/*
 * What a worker counts. Written by that worker alone, read by the main thread at any time: relaxed atomics, which
 * cost no more than plain integers.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

/* id, Prometheus name without its prefix, help text */
#define AP_MEDIA_COUNTERS(X)                                                                           \
	X(PACKETS_IN, "packets_received_total", "datagrams and frames received")                       \
	X(BYTES_IN, "bytes_received_total", "bytes received")                                          \
	X(PACKETS_OUT, "packets_sent_total", "packets sent")                                           \
	X(BYTES_OUT, "bytes_sent_total", "bytes sent")                                                 \
	X(FORWARDED, "forwarded_total", "RTP packets forwarded")                                       \
	X(RTCP_OUT, "rtcp_forwarded_total", "RTCP packets translated and forwarded")                   \
	X(DROP_UNKNOWN, "drop_unknown_total", "packets of unknown kind, address or leg")               \
	X(DROP_MALFORMED, "drop_malformed_total", "malformed RTP or RTCP")                             \
	X(DROP_FORGED, "drop_forged_total", "SRTP that does not authenticate")                         \
	X(DROP_REPLAYED, "drop_replayed_total", "SRTP seen before")                                    \
	X(DROP_RATE, "drop_rate_total", "packets of a client that sends more than any needs")          \
	X(DROP_UNMAPPED, "drop_unmapped_total", "RTP of no negotiated line, or not for the peer")      \
	X(DROP_NO_PEER, "drop_no_peer_total", "packets without a connected peer")                      \
	X(DROP_PROTECT, "drop_protect_total", "packets libsrtp refused to protect")                    \
	X(DROP_SEND, "drop_send_total", "packets the socket did not take")                             \
	X(STUN_VALID, "stun_valid_total", "authenticated connectivity checks")                         \
	X(STUN_REFUSED, "stun_refused_total", "checks with wrong credentials, role or form")           \
	X(STUN_UNKNOWN, "stun_unknown_total", "STUN for no leg, dropped silently")                     \
	X(DTLS_STARTED, "dtls_started_total", "handshakes begun")                                      \
	X(DTLS_DONE, "dtls_done_total", "handshakes completed")                                        \
	X(DTLS_FAILED, "dtls_failed_total", "handshakes failed")                                       \
	X(DTLS_CAPPED, "dtls_capped_total", "handshake packets dropped at the cap")                    \
	X(KEYFRAMES, "keyframes_requested_total", "PLI sent")                                          \
	X(REPEATS, "repeats_requested_total", "packets asked for again for a recording")               \
	X(TAP_PACKETS, "tap_packets_total", "datagrams written to gates")                              \
	X(TAP_DROPPED, "tap_dropped_total", "datagrams a gate did not take in time")                   \
	X(TCP_ACCEPTED, "tcp_accepted_total", "ICE-TCP connections accepted")                          \
	X(TCP_REFUSED, "tcp_refused_total", "ICE-TCP connections refused, broken or too slow to check")

#define AP_MEDIA_GAUGES(X)                                           \
	X(CALLS, "sessions", "sessions with a leg or a tap")         \
	X(LEGS, "legs", "legs")                                      \
	X(CONNECTED, "legs_connected", "legs connected")             \
	X(HANDSHAKES, "handshakes", "DTLS handshakes under way")     \
	X(TAPS, "taps", "open gates")                                \
	X(TCP, "tcp_connections", "ICE-TCP connections")

enum ap_counter {
#define X(id, name, help) AP_COUNT_##id,
	AP_MEDIA_COUNTERS(X)
#undef X
#define X(id, name, help) AP_GAUGE_##id,
	AP_MEDIA_GAUGES(X)
#undef X
	AP_COUNTER_COUNT
};

struct ap_counters {
	_Atomic uint64_t of[AP_COUNTER_COUNT];
};

static inline void ap_count_add(struct ap_counters *c, enum ap_counter which, uint64_t n)
{
	uint64_t before = atomic_load_explicit(&c->of[which], memory_order_relaxed);
	atomic_store_explicit(&c->of[which], before + n, memory_order_relaxed);
}

static inline void ap_count(struct ap_counters *c, enum ap_counter which)
{
	ap_count_add(c, which, 1);
}

static inline void ap_gauge_set(struct ap_counters *c, enum ap_counter which, uint64_t n)
{
	atomic_store_explicit(&c->of[which], n, memory_order_relaxed);
}

static inline uint64_t ap_counter_read(const struct ap_counters *c, enum ap_counter which)
{
	return atomic_load_explicit(&c->of[which], memory_order_relaxed);
}
