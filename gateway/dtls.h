/*
 * DTLS of one leg, we as server (a=setup:passive), over OpenSSL: authenticates the client by the fingerprint its
 * offer carried and yields the SRTP keys.
 *
 * OpenSSL fragments, retransmits and answers late flights itself; it is fed whole datagrams and hands over whole
 * datagrams. The handshake begins only after ICE validated the address, so no cookie exchange is needed.
 *
 * Threads: the identity is shared by all workers (read-only after _new); a connection belongs to one.
 * Source: RFC 6347, RFC 5764, RFC 8842; sizes and options: docs/ARCHITECTURE.md, "DTLS".
 */
#pragma once

#include "gateway/srtp.h"

#include <stdbool.h>

#define AP_FINGERPRINT_TEXT (8 + 32 * 3) /* "sha-256 " and colon-separated hex with its NUL */

struct ap_dtls_identity; /* opaque: certificate made at start, never stored */
struct ap_dtls;          /* opaque */

struct ap_result ap_dtls_identity_new(struct ap_dtls_identity **ret_identity);
void ap_dtls_identity_free(struct ap_dtls_identity *identity);
/* Borrowed, as long as the identity. */
const char *ap_dtls_fingerprint(const struct ap_dtls_identity *identity);

enum ap_dtls_state { AP_DTLS_HANDSHAKING, AP_DTLS_ESTABLISHED, AP_DTLS_CLOSED, AP_DTLS_FAILED };

/* Sends one datagram to wherever the leg is. Called from within the functions below. */
typedef void (*ap_dtls_send)(void *ctx, const uint8_t *data, size_t len);

/* identity and ctx are borrowed, the fingerprint (SHA-256 the client's certificate must have) is copied. */
struct ap_result ap_dtls_new(struct ap_dtls_identity *identity, const uint8_t fingerprint[32], ap_dtls_send send,
			     void *ctx, struct ap_dtls **ret_dtls);
void ap_dtls_free(struct ap_dtls *d);

/* Takes one datagram. */
enum ap_dtls_state ap_dtls_receive(struct ap_dtls *d, const uint8_t *data, size_t len);
/* Repeats a lost flight when its time has come; to be called every 50 ms or so while handshaking. */
enum ap_dtls_state ap_dtls_tick(struct ap_dtls *d);
/* Tells the client that it is over; nothing is waited for. */
void ap_dtls_close(struct ap_dtls *d);

struct ap_dtls_keys {
	enum ap_srtp_profile profile;
	uint8_t inward[AP_SRTP_KEY + AP_SRTP_SALT_MAX]; /* key, salt */
	uint8_t outward[AP_SRTP_KEY + AP_SRTP_SALT_MAX];
};

/* Once established. The caller wipes the keys. AP_ERR_CRYPTO when the client took no SRTP profile of ours. */
struct ap_result ap_dtls_export(struct ap_dtls *d, struct ap_dtls_keys *ret_keys);
