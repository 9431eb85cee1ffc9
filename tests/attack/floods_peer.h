/*
 * A client for measuring, over UDP on loopback: the shortest way through ICE, DTLS and SRTP that the gateway takes, and
 * no main loop. Arrival times are the kernel's, so that what is measured is the gateway and not this program.
 *
 * Threads: one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fast_peer; /* opaque */

#define FAST_UFRAG 8
#define FAST_PWD 24
#define FAST_PACKET 1500

/* What came, in clear, with the kernel's word on when (CLOCK_REALTIME, ns). */
typedef void (*fast_peer_heard)(void *ctx, const uint8_t *rtp, size_t len, int64_t arrival_ns);

/* Prepares what all peers of this process share: a certificate, libsrtp. */
void fast_peer_start(void);
/* The certificate's SHA-256 as SDP writes it. */
const char *fast_peer_fingerprint(void);

/* `half`: sends its ClientHello and then leaves the handshake where it is. */
struct fast_peer *fast_peer_new(bool half, fast_peer_heard heard, void *ctx);
void fast_peer_free(struct fast_peer *p);
int fast_peer_fd(const struct fast_peer *p);
const char *fast_peer_ufrag(const struct fast_peer *p);
const char *fast_peer_pwd(const struct fast_peer *p);

void fast_peer_dial(struct fast_peer *p, const char *ufrag, const char *pwd, uint16_t port);
/* Checks and handshake that are due; call it every 50 ms or so. */
void fast_peer_tick(struct fast_peer *p, int64_t now_ns);
/* Reads what waits. */
void fast_peer_read(struct fast_peer *p);
/* ICE has answered; of a half one: and its ClientHello is out. */
bool fast_peer_checked(const struct fast_peer *p);
/* Keys are there. */
bool fast_peer_ready(const struct fast_peer *p);
/* Requests for a keyframe (RFC 4585 §6.3.1) that came. */
uint32_t fast_peer_keyframes_asked(const struct fast_peer *p);
/* Packets that this end's own socket dropped. */
uint32_t fast_peer_overflowed(const struct fast_peer *p);

/* Protects in place; `room` beyond len is at least 144 bytes. The new length. */
size_t fast_peer_protect(struct fast_peer *p, bool rtcp, uint8_t *packet, size_t len);
void fast_peer_send(struct fast_peer *p, const uint8_t *packet, size_t len);
