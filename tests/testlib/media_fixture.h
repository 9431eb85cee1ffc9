/*
 * A media plane on loopback with one session of two test clients, for integration tests of the relay.
 *
 * The two sides negotiated differently on purpose: other payload types, mids and extension ids.
 */
#pragma once

#include "gateway/media.h"
#include "gateway/rtp.h"
#include "tests/testlib/peer.h"

#define AP_FIXTURE_COACH 0
#define AP_FIXTURE_COACHEE 1

struct ap_side_fixture {
	struct ap_peer *peer;
	struct ap_leg_desc leg;
	int connected, disconnected, failed; /* events seen for the leg's present id */
	uint16_t dial_port;                  /* what the client is told instead of the plane's port; 0: that */
};

struct ap_media_fixture {
	GMainContext *context;
	struct ap_config *config;
	struct ap_media *media;
	uint16_t port;
	unsigned worker;
	const char *address;
	uint64_t next_id;
	struct ap_side_fixture sides[2];
	int taps_lost;
	uint64_t tap_packets, tap_dropped;
	int tap_closed, done;
};

/* `address` is what the plane advertises and the clients use. */
void ap_fixture_open(struct ap_media_fixture *f, uint16_t port, const char *address);
void ap_fixture_close(struct ap_media_fixture *f);

/* A leg of its own credentials for that side; not put yet, so that a test may change it. Makes the client. */
void ap_fixture_make(struct ap_media_fixture *f, int side, const struct ap_peer_options *options);
/* Puts the leg and lets the client connect to it. */
void ap_fixture_put(struct ap_media_fixture *f, int side);
void ap_fixture_dial(struct ap_media_fixture *f, int side);
/* Both: make, put, wait until connected. */
void ap_fixture_connect_both(struct ap_media_fixture *f);
void ap_fixture_wait_ready(struct ap_media_fixture *f, int side);
/* Fresh credentials on both ends of the leg, as an offer with an ICE restart and its answer make. */
void ap_fixture_restart(struct ap_media_fixture *f, int side);
/* Lets the context run this long. */
void ap_fixture_run(struct ap_media_fixture *f, int ms);

/* What a client sends on a line; seq, ts and extensions as given. */
struct ap_fixture_rtp {
	enum ap_line line;
	bool rtx;
	uint16_t seq;
	uint32_t ts;
	uint32_t ssrc; /* 0: the side's own for that line */
	bool with_mid, marker;
	int twcc; /* -1: none */
	const void *payload;
	size_t len;
};

void ap_fixture_send(struct ap_media_fixture *f, int side, const struct ap_fixture_rtp *rtp);
uint32_t ap_fixture_ssrc(int side, enum ap_line line, bool rtx);
/* The next RTP (or RTCP) packet the side received, within two seconds; fails the test otherwise. g_free. */
struct ap_peer_packet *ap_fixture_expect(struct ap_media_fixture *f, int side, bool rtcp);
/* Fails the test if the side has, or within 150 ms gets, an RTP packet. */
void ap_fixture_expect_silence(struct ap_media_fixture *f, int side);
/* Throws away what the side received so far. */
void ap_fixture_flush(struct ap_media_fixture *f, int side);
/* A worker counter by its Prometheus name without prefix. */
uint64_t ap_fixture_counter(struct ap_media_fixture *f, const char *name);
