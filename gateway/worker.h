/*
 * A media worker: one thread, one UDP port and one TCP port, the legs of its sessions.
 *
 * Threads: _start and _stop from the main thread; everything else happens in the worker's, told by its inbox.
 */
#pragma once

#include "gateway/counters.h"
#include "gateway/dtls.h"
#include "gateway/media_queue.h"

struct ap_worker; /* opaque */

struct ap_worker_settings {
	unsigned index;
	uint16_t port;                 /* UDP and TCP */
	const char *const *advertised; /* borrowed for the call */
	int64_t idle_seconds;          /* a leg that says nothing this long is forgotten */
	unsigned max_handshakes;       /* at once */
	int64_t gather_ns;             /* what many packets have to come together, less than half a millisecond; 0: never */
	const struct ap_clock *clock;  /* borrowed, as what follows */
	struct ap_dtls_identity *identity;
	struct ap_outbox *outbox;
};

/* Opens the sockets and starts the thread. */
struct ap_result ap_worker_start(const struct ap_worker_settings *settings, struct ap_worker **ret_worker);
/* Hangs up every leg, ends the thread and frees. Commands pushed before are carried out first. Accepts NULL. */
void ap_worker_stop(struct ap_worker *w);
struct ap_inbox *ap_worker_inbox(struct ap_worker *w);
const struct ap_counters *ap_worker_counters(const struct ap_worker *w);
/* Whether it takes ICE-TCP. */
bool ap_worker_has_tcp(const struct ap_worker *w);
