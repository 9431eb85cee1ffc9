/*
 * A leg: one person's media connection to the gateway, as signalling negotiated it. Made by sdp.c from an offer,
 * consumed by the media workers. Plain values, copied by both.
 *
 * "remote" is the client, "local" is us. We are ICE-lite (RFC 8445 §2.5) and DTLS-passive (RFC 8842).
 */
#pragma once

#include <aparte/gate.h>
#include <stdbool.h>
#include <stdint.h>

#define AP_UFRAG_MAX 256 /* RFC 8839 §5.4 */
#define AP_LOCAL_UFRAG 12
#define AP_LOCAL_PWD 32
#define AP_MID_MAX 16

/* Header extensions the relay maps between sides (RFC 8285); ids are per side, 0 = not negotiated. */
enum ap_ext {
	AP_EXT_MID,	      /* urn:ietf:params:rtp-hdrext:sdes:mid */
	AP_EXT_TWCC,	      /* http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01 */
	AP_EXT_ABS_SEND_TIME, /* http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time */
	AP_EXT_AUDIO_LEVEL,   /* urn:ietf:params:rtp-hdrext:ssrc-audio-level */
	AP_EXT_ORIENTATION,   /* urn:3gpp:video-orientation */
	AP_EXT_RID,	      /* urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id: recognised, dropped */
	AP_EXTS
};

/* One m-line of the leg. `line` slots are fixed: first audio, first video, second video of the offer. */
struct ap_leg_line {
	bool present;	  /* negotiated (not rejected) */
	bool from_client; /* the client may send to us */
	bool to_client;	  /* we may send to the client */
	char mid[AP_MID_MAX + 1];
	uint8_t pt;	/* payload type of the session's codec on this side */
	uint8_t rtx_pt; /* RTX for pt, 0 = not negotiated */
	uint32_t clock_rate;
	uint8_t ext[AP_EXTS];
	bool nack, pli, fir, twcc, remb; /* a=rtcp-fb accepted in the answer */
	uint32_t remote_ssrc, remote_rtx_ssrc; /* as signalled by the client, 0 = find by mid */
	uint32_t local_ssrc, local_rtx_ssrc;   /* ours in the answer: fixed for the session, role and line */
};

struct ap_leg_desc {
	struct ap_uuid session;
	enum ap_role role;
	uint64_t id; /* unique per leg in this process; reports carry it, so that those of a replaced leg are ignored */
	char remote_ufrag[AP_UFRAG_MAX + 1];
	char remote_pwd[AP_UFRAG_MAX + 1];
	char local_ufrag[AP_LOCAL_UFRAG + 1]; /* random; its first character tells the worker ('a' + index) */
	char local_pwd[AP_LOCAL_PWD + 1];
	uint8_t fingerprint[32]; /* SHA-256 of the client's certificate */
	struct ap_leg_line lines[AP_LINES];
};
