#include "sdp.h"

#include <gst/sdp/gstsdpmessage.h>
#include <string.h>

#define OPUS_FMTP "minptime=10;useinbandfec=1"

const char *const ap_sdp_ext_uris[AP_EXTS] = {
	[AP_EXT_MID] = "urn:ietf:params:rtp-hdrext:sdes:mid",
	[AP_EXT_TWCC] = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
	[AP_EXT_ABS_SEND_TIME] = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
	[AP_EXT_AUDIO_LEVEL] = "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
	[AP_EXT_ORIENTATION] = "urn:3gpp:video-orientation",
	[AP_EXT_RID] = NULL, /* no simulcast here */
};

static struct ap_result malformed(const char *detail)
{
	return ap_fail(AP_ERR_PROTOCOL, "sdp-malformed", detail);
}

bool ap_video_codec_parse(const char *text, enum ap_video_codec *ret_codec)
{
	static const char *const names[] = { "VP8", "VP9", "H264" };
	for (size_t i = 0; text && i < G_N_ELEMENTS(names); i++) {
		if (g_ascii_strcasecmp(text, names[i]) == 0) {
			*ret_codec = (enum ap_video_codec)i;
			return true;
		}
	}
	return false;
}

static bool is_ice(const char *text, size_t low)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = strlen(text);
	return n >= low && n <= AP_UFRAG_MAX && strspn(text, chars) == n;
}

bool ap_sdp_is_ufrag(const char *text)
{
	return is_ice(text, 4);
}

bool ap_sdp_is_pwd(const char *text)
{
	return is_ice(text, 22);
}

/* An attribute of the m-line, else of the session (RFC 8866 §5.13). */
static const char *attribute(const GstSDPMessage *sdp, const GstSDPMedia *media, const char *name)
{
	const char *value = gst_sdp_media_get_attribute_val(media, name);
	return value ? value : gst_sdp_message_get_attribute_val(sdp, name);
}

static bool has(const GstSDPMedia *media, const char *name)
{
	return gst_sdp_media_get_attribute_val(media, name) != NULL;
}

/* Copies a token that stays within `cap`; false when it does not fit or has odd characters. */
static bool take_token(char *dst, size_t cap, const char *text)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`{|}~/";
	return strspn(text, chars) == strlen(text) && g_strlcpy(dst, text, cap) < cap;
}

/* Numbers that start a text: "96 VP8/90000". -1 when none or out of range. */
static int64_t leading_number(const char *text, int64_t high)
{
	char *end;
	if (!text || !g_ascii_isdigit(*text))
		return -1;
	uint64_t n = g_ascii_strtoull(text, &end, 10);
	return n <= (uint64_t)high ? (int64_t)n : -1;
}

/* Codecs. */

/* The value of an attribute that starts with a payload type ("rtpmap:96 …"), after the type; NULL without one. */
static const char *of_payload(const GstSDPMedia *media, const char *name, uint8_t pt)
{
	const char *value;
	for (unsigned i = 0; (value = gst_sdp_media_get_attribute_val_n(media, name, i)); i++) {
		const char *rest = strchr(value, ' ');
		if (rest && leading_number(value, 127) == pt)
			return rest + 1;
	}
	return NULL;
}

/* A parameter of "a=1;b=2" equals `wanted`; `absent` is the answer when it is not there. */
static bool parameter_is(const char *fmtp, const char *name, const char *wanted, bool absent)
{
	g_auto(GStrv) parts = g_strsplit(fmtp ? fmtp : "", ";", 32);
	for (char **part = parts; *part; part++) {
		char *value = strchr(g_strstrip(*part), '=');
		if (!value)
			continue;
		*value++ = '\0';
		if (g_ascii_strcasecmp(*part, name) == 0)
			return g_ascii_strncasecmp(value, wanted, strlen(wanted)) == 0;
	}
	return absent;
}

/* How well a payload type fits: 0 not at all, more is better. Constrained baseline comes before baseline. */
static int fit(const GstSDPMedia *media, uint8_t pt, const char *encoding, enum ap_video_codec codec, bool audio)
{
	static const char *const names[] = { "VP8/90000", "VP9/90000", "H264/90000" };
	const char *fmtp = of_payload(media, "fmtp", pt);
	if (audio)
		return g_ascii_strcasecmp(encoding, "opus/48000/2") == 0;
	if (g_ascii_strcasecmp(encoding, names[codec]) != 0)
		return 0;
	if (codec == AP_CODEC_VP8)
		return 1;
	if (codec == AP_CODEC_VP9)
		return parameter_is(fmtp, "profile-id", "0", true);
	if (!parameter_is(fmtp, "packetization-mode", "1", false))
		return 0;
	return parameter_is(fmtp, "profile-level-id", "42e0", false) ? 2 :
								       parameter_is(fmtp, "profile-level-id", "4200", false);
}

static uint8_t find_rtx(const GstSDPMedia *media, uint8_t pt)
{
	for (unsigned i = 0; i < gst_sdp_media_formats_len(media); i++) {
		int64_t other = leading_number(gst_sdp_media_get_format(media, i), 127);
		const char *encoding = other > 0 ? of_payload(media, "rtpmap", (uint8_t)other) : NULL;
		const char *fmtp = other > 0 ? of_payload(media, "fmtp", (uint8_t)other) : NULL;
		if (encoding && fmtp && g_ascii_strcasecmp(encoding, "rtx/90000") == 0 &&
		    leading_number(strstr(fmtp, "apt=") ? strstr(fmtp, "apt=") + 4 : NULL, 127) == pt)
			return (uint8_t)other;
	}
	return 0;
}

static void write_fmtp(char *dst, size_t cap, enum ap_video_codec codec, bool audio, bool constrained)
{
	const char *text = audio ? OPUS_FMTP : codec == AP_CODEC_VP9 ? "profile-id=0" : "";
	if (!audio && codec == AP_CODEC_H264)
		text = constrained ? "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f" :
				     "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f";
	g_strlcpy(dst, text, cap);
}

static bool take_codec(const GstSDPMedia *media, enum ap_video_codec codec, struct ap_sdp_mline *mline,
		       struct ap_leg_line *line)
{
	bool audio = mline->line == AP_LINE_AUDIO;
	int best = 0;
	for (unsigned i = 0; i < gst_sdp_media_formats_len(media); i++) {
		int64_t pt = leading_number(gst_sdp_media_get_format(media, i), 127);
		const char *encoding = pt >= 0 ? of_payload(media, "rtpmap", (uint8_t)pt) : NULL;
		int score = encoding ? fit(media, (uint8_t)pt, encoding, codec, audio) : 0;
		if (score > best) {
			best = score;
			line->pt = (uint8_t)pt;
		}
	}
	if (best == 0)
		return false;
	line->clock_rate = audio ? 48000 : 90000;
	line->rtx_pt = audio ? 0 : find_rtx(media, line->pt);
	write_fmtp(mline->fmtp, sizeof mline->fmtp, codec, audio, best == 2);
	return true;
}

/* The rest of an m-line. */

static void take_feedback(const GstSDPMedia *media, struct ap_leg_line *line)
{
	const char *value;
	for (unsigned i = 0; (value = gst_sdp_media_get_attribute_val_n(media, "rtcp-fb", i)); i++) {
		const char *kind = strchr(value, ' ');
		if (!kind || (*value != '*' && leading_number(value, 127) != line->pt))
			continue;
		kind++;
		line->nack |= strcmp(kind, "nack") == 0 && line->rtx_pt != 0;
		line->pli |= strcmp(kind, "nack pli") == 0;
		line->fir |= strcmp(kind, "ccm fir") == 0;
		line->twcc |= strcmp(kind, "transport-cc") == 0;
		line->remb |= strcmp(kind, "goog-remb") == 0;
	}
	line->twcc &= line->ext[AP_EXT_TWCC] != 0;
}

/* "3 uri", "3/sendonly uri"; ids above 14 would need two-byte headers (RFC 8285 §4.3), which nobody needs here. */
static void take_extensions(const GstSDPMedia *media, struct ap_leg_line *line)
{
	const char *value;
	for (unsigned i = 0; (value = gst_sdp_media_get_attribute_val_n(media, "extmap", i)); i++) {
		int64_t id = leading_number(value, 14);
		g_auto(GStrv) words = g_strsplit(value, " ", 3);
		for (int ext = 0; ext < AP_EXTS && words[0] && words[1]; ext++)
			if (id > 0 && ap_sdp_ext_uris[ext] && strcmp(words[1], ap_sdp_ext_uris[ext]) == 0)
				line->ext[ext] = (uint8_t)id;
	}
}

static bool number_taken(const struct ap_leg_line *line, int ext, uint8_t id)
{
	for (int other = 0; other < AP_EXTS; other++)
		if (other != ext && line->ext[other] == id)
			return true;
	return false;
}

/* A number means one extension in the whole bundle (RFC 8843 §9.1), the line itself included. Who offers it twice
 * (aiortc does) reads packets wrongly if answered so: one use is taken, of two lines the earlier one's. */
static void drop_ambiguous(const struct ap_leg_desc *leg, struct ap_leg_line *line)
{
	for (int l = 0; l < AP_LINES; l++)
		for (int ext = 0; ext < AP_EXTS; ext++)
			if (line->ext[ext] && number_taken(&leg->lines[l], ext, line->ext[ext]))
				line->ext[ext] = 0;
}

static void take_ssrcs(const GstSDPMedia *media, struct ap_leg_line *line)
{
	const char *value;
	for (unsigned i = 0; (value = gst_sdp_media_get_attribute_val_n(media, "ssrc-group", i)); i++) {
		g_auto(GStrv) words = g_strsplit(value, " ", 4);
		if (g_strv_length(words) != 3 || strcmp(words[0], "FID") != 0)
			continue;
		line->remote_ssrc = (uint32_t)MAX(leading_number(words[1], UINT32_MAX), 0);
		line->remote_rtx_ssrc = (uint32_t)MAX(leading_number(words[2], UINT32_MAX), 0);
		return;
	}
	line->remote_ssrc = (uint32_t)MAX(leading_number(gst_sdp_media_get_attribute_val(media, "ssrc"), UINT32_MAX), 0);
}

static void take_direction(const GstSDPMessage *sdp, const GstSDPMedia *media, struct ap_leg_line *line)
{
	static const struct {
		const char *name;
		bool sends, receives;
	} directions[] = { { "sendrecv", true, true },
			   { "sendonly", true, false },
			   { "recvonly", false, true },
			   { "inactive", false, false } };
	line->from_client = line->to_client = true;
	for (size_t i = 0; i < G_N_ELEMENTS(directions); i++) {
		bool on_session = gst_sdp_message_get_attribute_val(sdp, directions[i].name) != NULL;
		if (on_session || has(media, directions[i].name)) {
			line->from_client = directions[i].sends;
			line->to_client = directions[i].receives;
		}
		if (has(media, directions[i].name))
			return;
	}
}

static struct ap_result take_fingerprint(const GstSDPMessage *sdp, const GstSDPMedia *media, uint8_t ret_hash[32])
{
	const char *value = NULL;
	for (unsigned i = 0; (value = gst_sdp_media_get_attribute_val_n(media, "fingerprint", i)); i++)
		if (g_ascii_strncasecmp(value, "sha-256 ", 8) == 0)
			break;
	for (unsigned i = 0; !value && gst_sdp_message_get_attribute_val_n(sdp, "fingerprint", i); i++) {
		const char *other = gst_sdp_message_get_attribute_val_n(sdp, "fingerprint", i);
		value = g_ascii_strncasecmp(other, "sha-256 ", 8) == 0 ? other : NULL;
	}
	if (!value || strlen(value) != 8 + 32 * 3 - 1)
		return malformed("The offer needs an a=fingerprint with sha-256.");
	for (size_t i = 0; i < 32; i++) {
		const char *hex = value + 8 + 3 * i;
		int high = g_ascii_xdigit_value(hex[0]), low = g_ascii_xdigit_value(hex[1]);
		if (high < 0 || low < 0 || (i < 31 && hex[2] != ':'))
			return malformed("The offer's a=fingerprint is not 32 bytes in hexadecimal.");
		ret_hash[i] = (uint8_t)(high << 4 | low);
	}
	return AP_SUCCESS;
}

/* The transport of the first line taken is that of the whole bundle (RFC 8843 §7.2). */
static struct ap_result take_transport(const GstSDPMessage *sdp, const GstSDPMedia *media, struct ap_leg_desc *leg)
{
	const char *ufrag = attribute(sdp, media, "ice-ufrag"), *pwd = attribute(sdp, media, "ice-pwd");
	const char *setup = attribute(sdp, media, "setup");
	if (!ufrag || !pwd || !ap_sdp_is_ufrag(ufrag) || !ap_sdp_is_pwd(pwd))
		return malformed("The offer needs a=ice-ufrag (4 to 256 characters) and a=ice-pwd (22 to 256).");
	if (!setup || (strcmp(setup, "actpass") != 0 && strcmp(setup, "active") != 0))
		return malformed("The offer needs a=setup:actpass or a=setup:active: the gateway answers DTLS, it does not call.");
	g_strlcpy(leg->remote_ufrag, ufrag, sizeof leg->remote_ufrag);
	g_strlcpy(leg->remote_pwd, pwd, sizeof leg->remote_pwd);
	return take_fingerprint(sdp, media, leg->fingerprint);
}

static struct ap_result take_line(const GstSDPMessage *sdp, const GstSDPMedia *media, enum ap_video_codec codec,
				  struct ap_sdp_mline *mline, struct ap_leg_desc *leg)
{
	struct ap_leg_line *line = &leg->lines[mline->line];
	if (strcmp(mline->proto, "UDP/TLS/RTP/SAVPF") != 0 && strcmp(mline->proto, "TCP/TLS/RTP/SAVPF") != 0 &&
	    strcmp(mline->proto, "RTP/SAVPF") != 0)
		return malformed("Media lines must use UDP/TLS/RTP/SAVPF.");
	if (!has(media, "rtcp-mux"))
		return malformed("Every media line needs a=rtcp-mux.");
	if (!leg->remote_ufrag[0])
		AP_TRY(take_transport(sdp, media, leg));
	if (!take_codec(media, codec, mline, line))
		return ap_fail(AP_ERR_PROTOCOL, "no-common-codec",
			       mline->line == AP_LINE_AUDIO ?
				       "The audio line must offer opus/48000/2." :
				       "The video line must offer the session's video codec (VP8, VP9 profile 0, or H.264 "
				       "baseline with packetization-mode=1).");
	line->present = true;
	g_strlcpy(line->mid, mline->mid, sizeof line->mid);
	mline->reduced_rtcp = has(media, "rtcp-rsize");
	take_direction(sdp, media, line);
	take_extensions(media, line);
	drop_ambiguous(leg, line);
	take_feedback(media, line);
	if (line->from_client)
		take_ssrcs(media, line);
	return AP_SUCCESS;
}

/* Which slot an m-line takes, -1 when it is rejected. Port 0 rejects, but in a bundle (RFC 8843 §6). */
static int slot_of(const GstSDPMedia *media, const struct ap_leg_desc *leg)
{
	const char *kind = gst_sdp_media_get_media(media);
	if (gst_sdp_media_get_port(media) == 0 && !has(media, "bundle-only"))
		return -1;
	if (strcmp(kind, "audio") == 0)
		return leg->lines[AP_LINE_AUDIO].present ? -1 : AP_LINE_AUDIO;
	if (strcmp(kind, "video") != 0)
		return -1;
	if (!leg->lines[AP_LINE_CAMERA].present)
		return AP_LINE_CAMERA;
	return leg->lines[AP_LINE_SCREEN].present ? -1 : AP_LINE_SCREEN;
}

static struct ap_result read_mline(const GstSDPMessage *sdp, const GstSDPMedia *media, enum ap_video_codec codec,
				   struct ap_sdp_mline *mline, struct ap_leg_desc *leg)
{
	const char *mid = gst_sdp_media_get_attribute_val(media, "mid");
	const char *format = gst_sdp_media_formats_len(media) > 0 ? gst_sdp_media_get_format(media, 0) : "0";
	if (!take_token(mline->media, sizeof mline->media, gst_sdp_media_get_media(media)) ||
	    !take_token(mline->proto, sizeof mline->proto, gst_sdp_media_get_proto(media)) ||
	    !take_token(mline->format, sizeof mline->format, format) ||
	    !take_token(mline->mid, sizeof mline->mid, mid ? mid : "") || !mline->media[0] || !mline->proto[0] ||
	    !mline->format[0])
		return malformed("A media line has a kind, transport, format or a=mid that is missing, too long or not a token.");
	mline->line = slot_of(media, leg);
	return mline->line < 0 ? AP_SUCCESS : take_line(sdp, media, codec, mline, leg);
}

static bool is_bundled(const GstSDPMessage *sdp, const char *mid)
{
	const char *value;
	for (unsigned i = 0; (value = gst_sdp_message_get_attribute_val_n(sdp, "group", i)); i++) {
		g_auto(GStrv) words = g_strsplit(value, " ", 64);
		if (words[0] && strcmp(words[0], "BUNDLE") == 0)
			return g_strv_contains((const char *const *)words + 1, mid);
	}
	return false;
}

/* All lines taken share one transport, so they must be offered in one bundle with different names. */
static struct ap_result check_bundle(const GstSDPMessage *sdp, struct ap_sdp_offer *offer)
{
	size_t taken = 0, bundled = 0;
	for (size_t i = 0; i < offer->count; i++) {
		if (offer->mlines[i].line < 0)
			continue;
		taken++;
		bundled += is_bundled(sdp, offer->mlines[i].mid);
		for (size_t j = 0; j < i; j++)
			if (strcmp(offer->mlines[i].mid, offer->mlines[j].mid) == 0)
				return malformed("Media lines need different a=mid.");
	}
	if (taken == 0)
		return malformed("The offer has no audio or video line that could be taken.");
	if (taken > 1 && bundled != taken)
		return malformed("All media lines must stand in one a=group:BUNDLE.");
	offer->bundle = bundled > 0;
	return AP_SUCCESS;
}

static struct ap_result read_message(const GstSDPMessage *sdp, enum ap_video_codec codec, struct ap_sdp_offer *offer,
				     struct ap_leg_desc *leg)
{
	unsigned count = gst_sdp_message_medias_len(sdp);
	if (count == 0 || count > AP_SDP_MAX_LINES)
		return malformed("The offer must have between 1 and 32 media lines.");
	for (unsigned i = 0; i < count; i++) {
		const GstSDPMedia *media = gst_sdp_message_get_media(sdp, i);
		AP_TRY(read_mline(sdp, media, codec, &offer->mlines[offer->count++], leg));
	}
	return check_bundle(sdp, offer);
}

struct ap_result ap_sdp_read_offer(const char *text, enum ap_video_codec codec, struct ap_sdp_offer *ret_offer,
				   struct ap_leg_desc *ret_leg)
{
	GstSDPMessage *sdp = NULL;
	struct ap_sdp_offer offer = { 0 };
	struct ap_leg_desc leg = *ret_leg;
	struct ap_result r = malformed("The body is not a session description: it must start with v=0.");
	for (size_t i = 0; i < AP_LINES; i++)
		leg.lines[i] = (struct ap_leg_line){ 0 };
	leg.remote_ufrag[0] = '\0';
	if (!g_str_has_prefix(text, "v=0\r\n") && !g_str_has_prefix(text, "v=0\n"))
		return r;
	gst_sdp_message_new(&sdp);
	if (gst_sdp_message_parse_buffer((const uint8_t *)text, (unsigned)strlen(text), sdp) == GST_SDP_OK)
		r = read_message(sdp, codec, &offer, &leg);
	gst_sdp_message_free(sdp);
	if (ap_ok(r)) {
		*ret_offer = offer;
		*ret_leg = leg;
	}
	return r;
}
