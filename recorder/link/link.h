/*
 * The link to the gateway: peer-to-peer D-Bus on a socket pair, the vault being the authentication server. This is the
 * asking half (fr.aparte.Gateway1); what the gateway asks of us is rpc.h.
 *
 * One link at a time: a new one takes the place of the old, which is closed. Threads: gate thread.
 */
#pragma once

#include "recorder/gate/gatekeeper.h"
#include "recorder/link/link_front.h"

#include <gio/gio.h>

struct ap_link; /* opaque */

struct ap_link_events {
	/* Whether there is such a call; from a thread of the link's own. */
	ap_link_permits permits;
	/* A connection stands and is ours to serve; messages flow after this returns. */
	void (*up)(void *ctx, GDBusConnection *connection);
	/* It went away. */
	void (*down)(void *ctx);
	/* The newest socket is of no more use, and not because another took its place. After `down`, if it had been up. */
	void (*over)(void *ctx);
	/* TapOpen's answer. */
	void (*tap_opened)(void *ctx, const struct ap_uuid *session, uint64_t generation, bool ok);
};

struct ap_link *ap_link_new(const struct ap_link_events *events, void *ctx);
void ap_link_free(struct ap_link *l);
/* Takes a connected stream socket (owned from here on). */
struct ap_result ap_link_set_socket(struct ap_link *l, int fd);
bool ap_link_is_up(const struct ap_link *l);
/* Ends the present connection: it did what it may not. */
void ap_link_break(struct ap_link *l, const char *why);

/* For ap_gatekeepers_new: ctx is the link. */
extern const struct ap_gateway ap_link_gateway;
/* Hangs up both persons; done comes in every case, also when the link is down. */
void ap_link_session_close(struct ap_link *l, const struct ap_uuid *session, const char *reason, ap_gate_done done, void *data);
void ap_link_token_revoked(struct ap_link *l, const char *token_hash);
