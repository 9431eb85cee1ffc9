/*
 * What may come over the gateway's link, byte for byte: D-Bus messages of the one form that our contract
 * (include/aparte/vault.xml) has. Everything else is refused here, before GDBus parses it: its reader takes messages of
 * 128 MiB, answers interfaces that we do not have, stumbles over a serial of 0, and prints what it cannot read.
 *
 * Pure. Source: D-Bus specification, Message Protocol; the machine's own byte order only, since both ends are on it.
 */
#pragma once

#include <aparte/err.h>
#include <aparte/limits.h>
#include <stddef.h>
#include <stdint.h>

#define AP_LINK_HEAD 16 /* bytes from which a message's length is known */
#define AP_LINK_MESSAGE (AP_MAX_BODY + 4096)

enum ap_link_kind { AP_LINK_CALL = 1, AP_LINK_RETURN = 2, AP_LINK_ERROR = 3 };

struct ap_link_message {
	enum ap_link_kind kind;
	const char *member;    /* borrowed from the bytes; of a call, else "" */
	const char *signature; /* borrowed; "" without arguments */
};

/* The whole length of the message that begins so; 0 when none of ours does. */
size_t ap_link_message_size(const uint8_t head[AP_LINK_HEAD]);
/* Reads one whole message; "link-message" when it is none of ours. A call is one to our object and interface that wants
 * its answer; the method and its signature are the caller's to judge. */
struct ap_result ap_link_message_read(const uint8_t *bytes, size_t len, struct ap_link_message *ret_message);
