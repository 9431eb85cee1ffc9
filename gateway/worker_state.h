/*
 * What the files of one media worker share: its legs, calls, sockets and clocks. Not for anyone outside the plane
 * (worker.c owns it; relay.c, transport.c and call.c act on it).
 *
 * Threads: the worker's own, except `counters`, which anyone may read.
 */
#pragma once

#include "gateway/budget.h"
#include "gateway/dtls.h"
#include "gateway/ice.h"
#include "gateway/ice_tcp.h"
#include "gateway/media.h"
#include "gateway/net.h"
#include "gateway/pace.h"
#include "gateway/repair.h"
#include "gateway/stream.h"
#include "gateway/tap.h"

#define AP_LEG_PATHS 8
#define AP_CONTROL_BATCH 8

struct ap_worker;

/* A path that passed an authenticated check. */
struct ap_leg_path {
	struct ap_path path;
	uint32_t priority; /* of the client's candidate, as its last check said */
	int64_t heard_ns;  /* last packet of any kind */
};

struct ap_leg_credentials {
	char ufrag[AP_LOCAL_UFRAG + 1];
	char pwd[AP_LOCAL_PWD + 1];
	char remote_ufrag[AP_UFRAG_MAX + 1];
};

/* Keyframes asked of a sender's video line. */
struct ap_keyframe {
	unsigned wanted; /* requests yet to make: as soon as the last is old enough and the source is known */
	int64_t asked_ns;
};

struct ap_leg {
	struct ap_worker *worker; /* borrowed */
	struct ap_call *call;     /* borrowed */
	enum ap_role role;
	uint64_t id;
	struct ap_leg_line lines[AP_LINES];
	struct ap_sources sources;
	struct ap_leg_credentials now,
		before; /* before: until a pair is nominated with the new ones; ufrag "" if none */
	uint8_t fingerprint[32];
	struct ap_leg_path paths[AP_LEG_PATHS];
	size_t path_count;
	int selected; /* index in paths of the one we send on, -1: none */
	bool nominated;
	struct ap_dtls *dtls;             /* owned, made by the first handshake packet */
	struct ap_srtp *inward, *outward; /* owned, NULL until DTLS is done */
	int64_t shaking_since_ns;         /* 0: no handshake under way */
	int64_t heard_ns;                 /* last authenticated packet; at first when the leg was made */
	struct ap_budget packets, strays; /* of authentic packets, on its paths and from elsewhere */
	bool connected;                   /* as last reported */
	struct ap_keyframe keyframes[AP_LINES];
	uint32_t listed[AP_LINES][2]; /* SSRCs in the worker's table: the source's and its RTX; 0: none */
};

/* A session on this worker. Streams are numbered by their sender. */
struct ap_call {
	struct ap_uuid session;
	struct ap_leg *legs[2];                /* owned, by ap_side() */
	struct ap_stream streams[2][AP_LINES]; /* what side s sends, as the other receives it */
	struct ap_seqmap twcc[2];              /* transport-wide numbers, likewise */
	struct ap_tap *tap;                    /* owned, NULL: closed */
	struct ap_repair (*repairs)[AP_LINES]; /* owned: of both sides, what the tap misses; NULL without one */
	int64_t tap_keyframe_ns;
};

static inline unsigned ap_side(enum ap_role role)
{
	return role == AP_COACH ? 0 : 1;
}

struct ap_report; /* media_queue.h */

struct ap_worker {
	unsigned index;
	const struct ap_clock *clock; /* borrowed, as what follows */
	struct ap_dtls_identity *identity;
	struct ap_outbox *outbox;
	int64_t idle_ns;
	unsigned max_handshakes;
	GThread *thread; /* owned from here on */
	struct ap_inbox *inbox;
	int epoll;
	struct ap_net *net;
	int listeners[AP_FAMILIES];
	struct ap_ice *ice;
	struct ap_ice_check check;
	struct ap_tap_batch *taps;
	struct ap_packet *packets;         /* AP_BATCH of them */
	struct ap_packet *control;         /* AP_CONTROL_BATCH of them, of the other door */
	struct ap_packet *order[AP_BATCH]; /* borrowed: the media packets of the batch under way */
	GHashTable *calls;                 /* session → struct ap_call */
	GHashTable *ufrags;                /* local ufrag → struct ap_leg, borrowed */
	GHashTable *sources;               /* SSRC a client sends with → struct ap_leg, borrowed */
	struct ap_path_table *paths;
	GPtrArray *tcps;
	int64_t now_ns; /* of this round */
	struct ap_pace pace;
	bool crowded; /* checks and handshakes wait too: there is no time to nap */
	int64_t gather_ns; /* 0: packets never gather */
	unsigned handshakes;
	struct ap_budget refusals; /* error answers to checks */
	bool stopping;
	struct ap_counters counters;
};
