/*
 * What the files of the sockets share: net.c opens them, net_in.c reads, net_out.c writes. Not for anyone else.
 *
 * Threads: one worker.
 */
#pragma once

#include "gateway/net.h"

#include <sys/socket.h>
#include <sys/uio.h>

/* Room for what a message says besides its bytes: our address, and the length of the segments. */
union ap_net_control {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
};

/* Datagrams that leave next, and the messages they leave as. */
struct ap_net_out {
	size_t count;
	uint32_t ways[AP_BATCH]; /* a digest of each one's addresses: unlike ones are told apart at once */
	uint8_t next[AP_BATCH];  /* the following datagram that goes the same way; AP_BATCH: none */
	bool follows[AP_BATCH];  /* another one goes the same way before it */
	struct ap_path paths[AP_BATCH];
	struct iovec datagrams[AP_BATCH]; /* as they were queued; bytes borrowed */
	struct iovec parts[AP_BATCH];     /* the same, by message */
	union ap_net_control control[AP_BATCH];
	struct mmsghdr messages[AP_BATCH];
	unsigned pause; /* flushes without runs, after the kernel refused one */
};

struct ap_net_held; /* net_in.c */

struct ap_net_end {
	int fds[AP_DOORS]; /* owned; -1: family not used, or no door of its own for control */
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} bound;
	bool fixed;               /* bound to one address: packets come to it and leave from it, and need not say so */
	bool cuts;                /* the kernel cuts one message into many datagrams for us (UDP_SEGMENT) */
	struct ap_net_held *held; /* owned: it hands over many datagrams as one (UDP_GRO); NULL: it does not */
	struct ap_net_out out;
};

struct ap_net {
	struct ap_counters *counters; /* borrowed */
	struct ap_net_end ends[AP_FAMILIES];
	/* for receiving: laid out for what is `armed`; the first `used` have been written to since */
	const struct ap_packet *armed; /* borrowed */
	size_t armed_count, used;
	const struct ap_net_held *armed_held; /* borrowed */
	struct iovec parts[AP_BATCH][2];
	union ap_net_control control[AP_BATCH];
	struct mmsghdr messages[AP_BATCH];
};

/* Asks the kernel to merge what it receives on the socket. NULL when it cannot. */
struct ap_net_held *ap_net_held_new(int fd);
void ap_net_held_free(struct ap_net_held *held);
