/*
 * Offers and answers (RFC 8829, RFC 9725), pure: text in, a leg's description and text out. Parsed by GstSDP.
 *
 * The answer mirrors the offer's m-lines: first audio, first video (camera), second video (screen) are taken, all
 * others rejected with port 0. One BUNDLE group, rtcp-mux, ICE-lite with all candidates at once, DTLS-passive,
 * Opus and the session's one video codec, RTX where offered.
 *
 * Errors: "sdp-malformed" and "no-common-codec", with a detail that says what to change. Threads: any.
 */
#pragma once

#include "gateway/leg.h"
#include "gateway/media.h"

#include <aparte/err.h>

enum ap_video_codec { AP_CODEC_VP8, AP_CODEC_VP9, AP_CODEC_H264 };

/* "VP8", "VP9", "H264" in any case. */
bool ap_video_codec_parse(const char *text, enum ap_video_codec *ret_codec);

#define AP_SDP_MAX_LINES 32

/* One m-line of an offer, as far as the answer needs it. */
struct ap_sdp_mline {
	char media[16];	       /* "audio" */
	char proto[32];	       /* "UDP/TLS/RTP/SAVPF" */
	char format[24];       /* the first format, told back when the line is rejected */
	char mid[AP_MID_MAX + 1];
	int line;	       /* enum ap_line, -1: rejected */
	bool reduced_rtcp;     /* a=rtcp-rsize offered */
	char fmtp[128];	       /* of the codec taken, for the answer */
};

struct ap_sdp_offer {
	struct ap_sdp_mline mlines[AP_SDP_MAX_LINES];
	size_t count;
	bool bundle; /* the offer had a BUNDLE group */
};

/* Reads an offer. Fills the remote_* and fingerprint fields of *ret_leg and all of its lines but the local SSRCs. */
struct ap_result ap_sdp_read_offer(const char *text, enum ap_video_codec codec, struct ap_sdp_offer *ret_offer,
				   struct ap_leg_desc *ret_leg);

/* Our side of an answer; borrowed. */
struct ap_sdp_local {
	const char *fingerprint; /* "sha-256 AB:CD:…" */
	const struct ap_media_candidate *candidates;
	size_t count;	   /* >= 1 */
	const char *cname; /* RFC 7022: random per session */
};

/* The answer's text; g_free. `leg` is complete: remote part from the offer, local part from the caller. */
char *ap_sdp_write_answer(const struct ap_sdp_offer *offer, const struct ap_leg_desc *leg,
			  const struct ap_sdp_local *local);

/* A trickle fragment (RFC 8840): what a client sends with PATCH. */
struct ap_sdp_fragment {
	char ufrag[AP_UFRAG_MAX + 1]; /* "" when absent */
	char pwd[AP_UFRAG_MAX + 1];
	unsigned candidates;
};

struct ap_result ap_sdp_read_fragment(const char *text, struct ap_sdp_fragment *ret_fragment);
/* Our fragment after an ICE restart; g_free. */
char *ap_sdp_write_fragment(const struct ap_leg_desc *leg, const struct ap_sdp_local *local);

/* RFC 8839 §5.4: ice-chars, and the length of a ufrag (4..256) or pwd (22..256). */
bool ap_sdp_is_ufrag(const char *text);
bool ap_sdp_is_pwd(const char *text);

/* URIs of enum ap_ext; NULL for those that are never answered. */
extern const char *const ap_sdp_ext_uris[AP_EXTS];

/* Appends our candidates and end-of-candidates; of sdp_answer.c, for fragments. */
void ap_sdp_append_candidates(GString *out, const struct ap_sdp_local *local);
