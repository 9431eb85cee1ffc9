/*
 * A path: the pair of addresses, and the transport, between a client and one of our sockets; and the table that
 * finds a leg by the path a packet came on.
 *
 * Only paths that passed an authenticated STUN check are in the table (UDP; a TCP connection knows its leg).
 * Threads: one worker.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ap_tcp;
struct ap_leg;

struct ap_path {
	struct ap_tcp *tcp; /* borrowed; NULL: UDP */
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} remote;
	union {
		struct in_addr v4;
		struct in6_addr v6;
	} local; /* ours, that the client's packets came to; its family is remote's */
};

socklen_t ap_path_remote_len(const struct ap_path *path);
/* The remote address in the form libnice wants. */
void ap_path_remote(const struct ap_path *path, struct sockaddr_storage *ret_remote);
bool ap_path_equal(const struct ap_path *a, const struct ap_path *b);

struct ap_path_table; /* opaque: open addressing, grown when half full */

/* `seed` is random, so that clients cannot choose colliding addresses. */
struct ap_path_table *ap_path_table_new(uint64_t seed);
void ap_path_table_free(struct ap_path_table *t);
/* Puts or replaces; returns the leg that had this path before, or NULL. */
struct ap_leg *ap_path_table_put(struct ap_path_table *t, const struct ap_path *path, struct ap_leg *leg);
void ap_path_table_remove(struct ap_path_table *t, const struct ap_path *path);
/* NULL when unknown. */
struct ap_leg *ap_path_table_find(const struct ap_path_table *t, const struct ap_path *path);
