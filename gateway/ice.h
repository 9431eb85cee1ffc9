/*
 * ICE-lite: we answer connectivity checks and send none (RFC 8445 §2.5). STUN itself is libnice's library.
 *
 * A check is looked up by the local ufrag of its USERNAME before anything is computed; only then is its
 * MESSAGE-INTEGRITY verified with that leg's password.
 *
 * Threads: one struct ap_ice per worker. No allocation per packet.
 * Source: RFC 8445 §7.3, RFC 8489.
 */
#pragma once

#include "gateway/leg.h"

#include <stddef.h>
#include <sys/socket.h>

#define AP_ICE_ANSWER_MAX 512

/* Whom a binding request is for and from; strings are borrowed from the packet, without a terminator. */
struct ap_ice_username {
	char local[AP_LOCAL_UFRAG + 1];
	const char *remote;
	size_t remote_len;
};

/* False unless it is a well-formed binding request whose USERNAME has both parts and a local one that could be ours. */
bool ap_ice_read_username(const uint8_t *data, size_t len, struct ap_ice_username *ret_username);

struct ap_ice; /* opaque */

struct ap_ice *ap_ice_new(void);
void ap_ice_free(struct ap_ice *ice);

struct ap_ice_check {
	bool valid;        /* authenticated and answered with success */
	bool nominated;    /* it carried USE-CANDIDATE */
	uint32_t priority; /* of the client's candidate */
	size_t len;        /* of the answer; 0: none is to be sent */
	uint8_t answer[AP_ICE_ANSWER_MAX];
};

/* Verifies a request with the leg's password and writes the answer: success with the mapped address, 487 to a client
 * that believes itself controlled (a lite agent never changes roles), 420, 400 or 401 otherwise. */
void ap_ice_answer(struct ap_ice *ice, const uint8_t *data, size_t len, const char *local_pwd,
		   const struct sockaddr_storage *from, socklen_t from_len, struct ap_ice_check *ret_check);
