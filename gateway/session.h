/*
 * Live sessions, in memory only: what must survive a dead vault so that a running call goes on. A session exists here
 * from the first person's media connection or event stream until it is closed, or nobody has been there for a minute.
 *
 * SSRCs are drawn once per session, role and line, so that a person who reconnects or is replaced looks the same to
 * the peer. Tokens are remembered by their SHA-256 only, never in text.
 *
 * Threads: main thread. Times: monotonic ns.
 */
#pragma once

#include "gateway/sdp.h"

#include <aparte/limits.h>
#include <glib.h>

#define AP_TOKEN_HASH 32

struct ap_session_leg {
	bool present;	/* a media connection was negotiated */
	bool connected; /* as the media plane reported last */
	struct ap_leg_desc desc;
	char resource[AP_UUID_TEXT];
	char etag[20]; /* with its quotes */
	uint8_t token[AP_TOKEN_HASH];
	int64_t since_ns;
};

struct ap_session {
	struct ap_uuid id;
	char text[AP_UUID_TEXT];
	unsigned worker;
	enum ap_video_codec codec;
	char cname[17];
	uint32_t ssrc[2][AP_LINES], rtx_ssrc[2][AP_LINES]; /* by index of the receiving role */
	struct ap_session_leg legs[2];			   /* by index of role */
	unsigned streams;				   /* open event streams */
	int64_t created_ns, seen_ns;

	/* The tap: the generation open (0: none), and the counts of the one closed last. */
	uint64_t tap_open;
	unsigned deciding; /* decisions against recording on their way to the vault: no tap opens meanwhile */
	uint64_t tap_closed, tap_packets, tap_dropped;
};

/* A token as the vault described it. */
struct ap_party {
	struct ap_uuid session;
	enum ap_role role;
	bool may_join;
	enum ap_video_codec codec;
	uint8_t token[AP_TOKEN_HASH];
};

struct ap_sessions; /* opaque */

struct ap_sessions *ap_sessions_new(size_t max);
void ap_sessions_free(struct ap_sessions *s);
size_t ap_sessions_count(const struct ap_sessions *s);

/* Borrowed until removed; NULL when unknown. */
struct ap_session *ap_sessions_find(struct ap_sessions *s, const struct ap_uuid *id);
/*
 * Finds it, or makes it on one of so many `workers` (1 to AP_WORKERS_MAX, always the same number), where it stays. That is
 * the one with fewest sessions, but none is begun with before those in front of it have fifty: a thread that wakes for the
 * packets of many calls at once spends less on each than several that wake for a few. AP_ERR_LIMIT "rate" beyond the cap.
 */
struct ap_result ap_sessions_ensure(struct ap_sessions *s, const struct ap_party *party, unsigned workers, int64_t now_ns,
				    struct ap_session **ret_session);
/* Forgets it and its tokens. */
void ap_sessions_remove(struct ap_sessions *s, const struct ap_uuid *id);
void ap_sessions_each(struct ap_sessions *s, void (*each)(struct ap_session *session, void *ctx), void *ctx);

void ap_token_hash(const char *token, uint8_t ret_hash[AP_TOKEN_HASH]);
/* What is known of a token without asking the vault; false when nothing is. */
bool ap_sessions_recall(const struct ap_sessions *s, const uint8_t hash[AP_TOKEN_HASH], struct ap_party *ret_party);
void ap_sessions_remember(struct ap_sessions *s, const struct ap_party *party);
void ap_sessions_forget_token(struct ap_sessions *s, const uint8_t hash[AP_TOKEN_HASH]);

static inline size_t ap_role_index(enum ap_role role)
{
	return role == AP_COACHEE;
}

struct ap_session_leg *ap_session_leg(struct ap_session *session, enum ap_role role);
/* Completes a leg that was read from an offer: id, credentials, SSRCs of this session and role. */
void ap_session_dress_leg(struct ap_session *session, enum ap_role role, struct ap_leg_desc *leg);
/* Fresh ICE credentials and ETag. */
void ap_session_new_credentials(struct ap_session *session, struct ap_leg_desc *leg);
void ap_session_new_etag(struct ap_session_leg *leg);
