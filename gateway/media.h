/*
 * The media plane as signalling sees it: workers, each one thread with one UDP port and one TCP port, own all legs.
 *
 * Threads: called from the main thread only; commands go to the worker's queue, answers and reports come back as
 * callbacks on the main thread's GMainContext, in order. Commands for one session keep their order.
 */
#pragma once

#include "gateway/leg.h"

#include <aparte/clock.h>
#include <aparte/config.h>
#include <aparte/err.h>
#include <glib.h>

#define AP_WORKERS_MAX 26 /* letters for the first character of a ufrag */

struct ap_media; /* opaque */

enum ap_leg_event {
	AP_LEG_CONNECTED,    /* DTLS done and fresh */
	AP_LEG_DISCONNECTED, /* nothing authenticated for AP_CONNECTED_MS; the leg lives on and may come back */
	AP_LEG_FAILED,	     /* DTLS failed, wrong fingerprint, or idle beyond media.idle_seconds: the leg is gone */
};

struct ap_media_events {
	void (*leg)(void *ctx, const struct ap_uuid *session, enum ap_role role, uint64_t leg_id, enum ap_leg_event event);
	/* A gate's writing end failed (reader gone) and was closed. */
	void (*tap_lost)(void *ctx, const struct ap_uuid *session, uint64_t generation);
};

/* A host candidate of the answer: one for each advertised address and transport. */
struct ap_media_candidate {
	char address[46]; /* IPv4 or IPv6 text */
	uint16_t port;
	bool tcp; /* tcptype passive */
};

typedef void (*ap_media_done)(void *ctx);
typedef void (*ap_media_tap_closed)(void *ctx, uint64_t packets, uint64_t dropped);

/* Opens sockets and starts workers (media.workers, gateway.media_port, gateway.advertise). `config`, `clock`
 * borrowed. Events come on `context`. */
struct ap_result ap_media_new(const struct ap_config *config, const struct ap_clock *clock, GMainContext *context,
			      const struct ap_media_events *events, void *ctx, struct ap_media **ret_media);
/* Hangs up every leg and ends the workers; no callback comes after. Accepts NULL. */
void ap_media_free(struct ap_media *m);

/* The fingerprint of our DTLS certificate for the answer: "sha-256 AB:CD:…"; borrowed, static for m. */
const char *ap_media_fingerprint(const struct ap_media *m);
/* How many workers there are, the same for m's life; they are named by 0-based numbers. Both legs of a session use one. */
unsigned ap_media_workers(const struct ap_media *m);
/* Candidates of that worker; returns the count (<= max). */
size_t ap_media_candidates(const struct ap_media *m, unsigned worker, struct ap_media_candidate *ret, size_t max);

/* Puts a leg in place of any older leg of that session and role. The outgoing streams towards the peer continue. */
void ap_media_put_leg(struct ap_media *m, unsigned worker, const struct ap_leg_desc *leg);
/* ICE restart: new credentials for the same leg; the DTLS association stays (RFC 8842 §5.5). */
void ap_media_restart_leg(struct ap_media *m, unsigned worker, const struct ap_leg_desc *leg);
/* Hangs up (DTLS close_notify) and forgets; `done` (may be NULL) when gone. Unknown legs are done at once. */
void ap_media_drop_leg(struct ap_media *m, unsigned worker, const struct ap_uuid *session, enum ap_role role,
		       ap_media_done done, void *ctx);

/* The tap: `fd` (writing end of a gate) is owned from here on; an older tap of the session is closed first.
 * While a tap is open the workers ask each video sender for a keyframe every 2 s. */
void ap_media_open_tap(struct ap_media *m, unsigned worker, const struct ap_uuid *session, uint64_t generation, int fd,
		       ap_media_done done, void *ctx);
/* Closes the tap of that generation (0: whichever is open); `done` once the descriptor is closed. */
void ap_media_close_tap(struct ap_media *m, unsigned worker, const struct ap_uuid *session, uint64_t generation,
			ap_media_tap_closed done, void *ctx);

/* Prometheus text of all counters of the media plane, appended to `out`. Counters are read without locks. */
void ap_media_metrics(const struct ap_media *m, GString *out);
