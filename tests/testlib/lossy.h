/*
 * A bad network between a client and the gateway, for tests: a UDP relay that loses, delays, reorders and repeats
 * datagrams, each direction on its own, and changes the address the gateway sees (a NAT that forgot its mapping).
 * TCP connections to the same port are passed through untouched, so that ICE-TCP can go the same way.
 *
 * Each client address gets an upstream socket of its own, as behind a NAT. What happens to the n-th datagram of a
 * direction depends on the seed alone.
 *
 * Threads: the relay has its own; all functions may be called from any one thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum ap_lossy_way { AP_LOSSY_UP, AP_LOSSY_DOWN, AP_LOSSY_WAYS }; /* up: from the client to the gateway */

struct ap_lossy_path {
	double loss;	  /* each datagram alone, 0…1 */
	double burst;	  /* chance that one begins a burst of losses */
	unsigned burst_n; /* datagrams in a burst */
	double duplicate; /* chance that it comes twice, the second time up to 20 ms later */
	double reorder;	  /* chance that it is overtaken: reorder_ms later than its neighbours */
	unsigned reorder_ms;
	unsigned delay_ms;
	unsigned spare;	  /* not 0: STUN is never lost. libnice sends a check four times in eight seconds, browsers each 50 ms */
	unsigned jitter_ms; /* waiting time that wanders between 0 and this; keeps the order, as a queue does */
};

struct ap_lossy_options {
	const char *address; /* to listen on; clients are told this one and ap_lossy_port() */
	uint16_t port;	     /* 0: any free one */
	const char *gateway_address;
	uint16_t gateway_port;
	uint64_t seed;
	struct ap_lossy_path paths[AP_LOSSY_WAYS];
};

struct ap_lossy_counts {
	uint64_t packets, lost, duplicated, reordered;
};

struct ap_lossy; /* opaque */

/* NULL when a socket could not be had. */
struct ap_lossy *ap_lossy_new(const struct ap_lossy_options *options);
uint16_t ap_lossy_port(const struct ap_lossy *l);
/* From the next datagram on. */
void ap_lossy_set(struct ap_lossy *l, enum ap_lossy_way way, const struct ap_lossy_path *path);
/* The gateway sees every client from a new port (on 127.0.0.0/8 from a new address too); the old mapping is gone. */
void ap_lossy_rebind(struct ap_lossy *l);
struct ap_lossy_counts ap_lossy_counts(struct ap_lossy *l, enum ap_lossy_way way);
/* Accepts NULL. */
void ap_lossy_free(struct ap_lossy *l);

/* Reads "loss=0.05,burst=0.01,burst_n=8,duplicate=0.1,reorder=0.05,reorder_ms=60,delay=20,jitter=100,spare=1" (each part may
 * be left out) over what *path holds. False when a word is unknown. */
bool ap_lossy_parse(const char *text, struct ap_lossy_path *path);
