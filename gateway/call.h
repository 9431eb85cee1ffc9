/*
 * Calls and legs of one worker: made, replaced, restarted, ended; their paths, liveness and keyframe requests.
 *
 *	put ──▶ waiting ──DTLS──▶ connected ◀──▶ disconnected        (reported; liveness over AP_CONNECTED_MS)
 *	           │                  │               │
 *	           └──────────────────┴───────────────┴──▶ gone      (FAILED when not asked for)
 *
 * Threads: the worker's.
 */
#pragma once

#include "gateway/worker_state.h"

/* NULL when the worker does not know the session. */
struct ap_call *ap_call_find(struct ap_worker *w, const struct ap_uuid *session);
struct ap_call *ap_call_get(struct ap_worker *w, const struct ap_uuid *session);
/* Forgets the call when it has neither leg nor tap. */
void ap_call_sweep(struct ap_worker *w, struct ap_call *call);
/* GDestroyNotify of the table of calls: legs and tap go too. */
void ap_call_free(void *call);
static inline struct ap_leg *ap_leg_peer(const struct ap_leg *leg)
{
	return leg->call->legs[1 - ap_side(leg->role)];
}

struct ap_leg *ap_leg_put(struct ap_worker *w, const struct ap_leg_desc *desc);
void ap_leg_restart(struct ap_leg *leg, const struct ap_leg_desc *desc);
/* Says goodbye and forgets; the call stays. */
void ap_leg_end(struct ap_leg *leg);
/* The same, and reports it as failed. */
void ap_leg_fail(struct ap_leg *leg);

/* Sends one packet at once on the selected path. */
void ap_leg_send(struct ap_leg *leg, const uint8_t *data, size_t len);
/* A valid check came on this path: it is one of the leg's from now on, and the selected one if nominated and better. */
void ap_leg_checked(struct ap_leg *leg, const struct ap_path *path, const struct ap_ice_check *check);
/* The path is no more (its connection closed). */
void ap_leg_lose_path(struct ap_leg *leg, const struct ap_path *path);
/* The client sends the line with this SSRC now: its packets are known by it when they come from where nobody expects
 * them. 0: with none. */
void ap_leg_list_source(struct ap_leg *leg, enum ap_line line, bool rtx, uint32_t ssrc);
/* Something authenticated came. */
void ap_leg_heard(struct ap_leg *leg, const struct ap_path *path);
/* DTLS ended its handshake with this result. */
void ap_leg_established(struct ap_leg *leg);

/* Wants a keyframe of a video line of this leg: asked now, or when the last request is 300 ms old. */
void ap_leg_want_keyframe(struct ap_leg *leg, enum ap_line line);

/* Timers: DTLS repeats, liveness, idleness, delayed keyframe requests. May end the leg; false then. */
bool ap_leg_tick(struct ap_leg *leg);

/* Opens the call's tap on this descriptor, which is owned from here on; an older one is closed. */
void ap_call_open_tap(struct ap_worker *w, struct ap_call *call, int fd, uint64_t generation);
/* Closes the call's tap; the counts it ended with. */
void ap_call_close_tap(struct ap_call *call, uint64_t *ret_packets, uint64_t *ret_dropped);
/* Closes and reports the tap if its reader is gone. */
void ap_call_check_tap(struct ap_worker *w, struct ap_call *call);
/* What the recording asks of the senders. What it misses of their pictures: repair.h. And keyframes: thrice at the tap's
 * opening, because a request that is lost costs the picture until the next, and more often while a client is silent;
 * then every 2 s. */
void ap_call_tick_tap(struct ap_worker *w, struct ap_call *call);
