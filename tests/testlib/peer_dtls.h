/*
 * The client half of DTLS-SRTP (RFC 5764) that the tests' peers share, on OpenSSL and libsrtp2. What comes in is written
 * to `in`, what goes out is sent by the peer. Threads: any, one at a time.
 */
#pragma once

#include <openssl/ssl.h>
#include <srtp2/srtp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AP_PEER_MTU = 1200 };

/* A certificate of one's own. */
struct ap_peer_identity {
	EVP_PKEY *key; /* owned, as what follows */
	X509 *certificate;
	uint8_t fingerprint[32]; /* SHA-256 */
};

void ap_peer_identity_make(struct ap_peer_identity *ret_identity);
void ap_peer_identity_clear(struct ap_peer_identity *identity);

typedef void (*ap_peer_writer)(void *ctx, const uint8_t *data, size_t len);

struct ap_peer_dtls {
	ap_peer_writer send; /* borrowed, and ctx */
	void *ctx;
	SSL_CTX *settings; /* owned, as what follows */
	SSL *ssl;
	BIO *in; /* ssl's */
	srtp_t inward, outward; /* NULL until ap_peer_dtls_export */
};

/* `profiles`: OpenSSL's names of SRTP profiles. `identity` need not outlive the call; `d` stays where it is. */
void ap_peer_dtls_init(struct ap_peer_dtls *d, const struct ap_peer_identity *identity, const char *profiles,
		       ap_peer_writer send, void *ctx);
void ap_peer_dtls_clear(struct ap_peer_dtls *d);
/* After the handshake: the keys of both directions (RFC 5764 §4.2). */
void ap_peer_dtls_export(struct ap_peer_dtls *d);
/* Then: protects in place, in a buffer with SRTP_MAX_TRAILER_LEN to spare. Returns the new length. */
size_t ap_peer_dtls_protect(struct ap_peer_dtls *d, bool rtcp, uint8_t *packet, size_t len);
