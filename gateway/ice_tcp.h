/*
 * ICE-TCP, passive side (RFC 6544): connections that carry the same packets as the UDP port, framed (framing.h).
 *
 * A connection belongs to no leg until a valid connectivity check came on it; one that shows none within
 * AP_TCP_PATIENCE_NS is closed, and there are at most AP_TCP_MAX per worker, beyond which a new one takes the place of the
 * oldest that belongs to no leg. What the other side does not read is
 * dropped packet by packet, never buffered beyond AP_TCP_BACKLOG.
 *
 * A closed connection stays in memory until the batch is over, so that its packets may still name it.
 * Threads: one worker.
 */
#pragma once

#include "gateway/framing.h"
#include "gateway/path.h"

#define AP_TCP_MAX 1024
#define AP_TCP_BACKLOG 65536
#define AP_TCP_PATIENCE_NS 5000000000

struct ap_tcp; /* opaque */

/* Takes a connection from a listening socket; NULL when there is none (or it was gone already). */
struct ap_tcp *ap_tcp_accept(int listener, int64_t now_ns);
/* Closes the descriptor if still open, and frees. */
void ap_tcp_free(struct ap_tcp *tcp);
void ap_tcp_close(struct ap_tcp *tcp);
bool ap_tcp_closed(const struct ap_tcp *tcp);
int ap_tcp_fd(const struct ap_tcp *tcp);
const struct ap_path *ap_tcp_path(const struct ap_tcp *tcp);
int64_t ap_tcp_since_ns(const struct ap_tcp *tcp);

/* The leg it proved to belong to; borrowed, NULL at first. */
struct ap_leg *ap_tcp_leg(const struct ap_tcp *tcp);
void ap_tcp_set_leg(struct ap_tcp *tcp, struct ap_leg *leg);

enum ap_tcp_read { AP_TCP_PACKET, AP_TCP_EMPTY, AP_TCP_OVER };

/* The next packet, borrowed until the next call. OVER: closed, broken or ended. */
enum ap_tcp_read ap_tcp_next(struct ap_tcp *tcp, struct ap_reader *ret_packet);
/* Sends one packet, or keeps it while there is room; false when it was dropped. */
bool ap_tcp_send(struct ap_tcp *tcp, const uint8_t *data, size_t len);
/* Sends what was kept; true when nothing is left. */
bool ap_tcp_drain(struct ap_tcp *tcp);
bool ap_tcp_backlogged(const struct ap_tcp *tcp);
