/*
 * A WebRTC client for tests, of other code than the gateway's: libnice's NiceAgent (full ICE, controlling), an
 * OpenSSL DTLS client, libsrtp2. It speaks no SDP: tests put credentials and packets in and take packets out.
 *
 * All of it runs on one GMainContext, which the test iterates. Threads: that context's.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ap_peer; /* opaque */

struct ap_peer_options {
	const char *address;  /* local, e.g. "127.0.0.1" */
	bool tcp;             /* ICE-TCP instead of UDP */
	bool patient;         /* goes on when checks for liveness stay unanswered, as browsers do for 30 s; libnice ends after 10 */
	const char *profiles; /* OpenSSL's names of SRTP profiles; NULL: GCM, then CM-SHA1 */
};

struct ap_peer_remote {
	const char *ufrag, *pwd;
	const char *address;
	uint16_t port;
	const char *fingerprint; /* "sha-256 AB:…" that the gateway's certificate must have */
};

struct ap_peer_packet {
	bool rtcp;
	size_t len;
	uint8_t bytes[2048]; /* in clear */
};

struct ap_peer *ap_peer_new(GMainContext *context, const struct ap_peer_options *options);
/* Ends without a word, as a crashed browser. Accepts NULL. */
void ap_peer_free(struct ap_peer *p);
/* Ends politely: DTLS close_notify. */
void ap_peer_hang_up(struct ap_peer *p);

/* For the offer. Credentials are borrowed until a restart. */
const char *ap_peer_ufrag(struct ap_peer *p);
const char *ap_peer_pwd(struct ap_peer *p);
void ap_peer_fingerprint(const struct ap_peer *p, uint8_t ret_sha256[32]);

/* Begins connectivity checks, then DTLS. */
void ap_peer_connect(struct ap_peer *p, const struct ap_peer_remote *remote);
/* New credentials (read them again); follow with ap_peer_connect(). The DTLS association stays. */
void ap_peer_restart(struct ap_peer *p);
bool ap_peer_ice_ready(const struct ap_peer *p);
/* ICE and DTLS done, and the gateway's fingerprint is the one expected. */
bool ap_peer_ready(const struct ap_peer *p);
/* The DTLS handshake failed, or was closed by the gateway. */
bool ap_peer_closed(const struct ap_peer *p);
/* "SRTP_AEAD_AES_128_GCM" or the other; NULL before. */
const char *ap_peer_profile(const struct ap_peer *p);

void ap_peer_send(struct ap_peer *p, bool rtcp, const uint8_t *data, size_t len);
/* The oldest packet not yet taken, NULL if none; g_free. */
struct ap_peer_packet *ap_peer_take(struct ap_peer *p);

/* Protects without sending: what another socket may send in this peer's name. Returns the new length. */
size_t ap_peer_protect(struct ap_peer *p, bool rtcp, uint8_t *data, size_t len);

/* Iterates the context until the condition holds or the time is over; returns whether it holds. */
typedef bool (*ap_peer_condition)(void *ctx);
bool ap_peer_wait(GMainContext *context, ap_peer_condition condition, void *ctx, int timeout_ms);
