#include "sdp.h"

#include <string.h>

/* RFC 8445 §5.1.2.1 with type preference 126; TCP by RFC 6544 §4.2: passive has direction preference 4. */
static uint32_t priority(bool tcp, size_t index)
{
	uint32_t local = tcp ? (4u << 13) | (8191u - (uint32_t)index) : 65535u - (uint32_t)index;
	return 126u << 24 | local << 8 | 255u;
}

void ap_sdp_append_candidates(GString *out, const struct ap_sdp_local *local)
{
	for (size_t i = 0; i < local->count; i++) {
		const struct ap_media_candidate *c = &local->candidates[i];
		g_string_append_printf(out, "a=candidate:%zu 1 %s %u %s %u typ host%s\r\n", i + 1, c->tcp ? "tcp" : "udp",
				       priority(c->tcp, i), c->address, c->port, c->tcp ? " tcptype passive" : "");
	}
	g_string_append(out, "a=end-of-candidates\r\n");
}

/* What the m- and c-lines name: the first UDP candidate. */
static const struct ap_media_candidate *default_candidate(const struct ap_sdp_local *local)
{
	for (size_t i = 0; i < local->count; i++)
		if (!local->candidates[i].tcp)
			return &local->candidates[i];
	return &local->candidates[0];
}

static void append_session(GString *out, const struct ap_sdp_offer *offer, const struct ap_leg_desc *leg)
{
	g_string_append_printf(out, "v=0\r\no=- %" G_GUINT64_FORMAT " 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\n",
			       leg->id);
	if (offer->bundle) {
		g_string_append(out, "a=group:BUNDLE");
		for (size_t i = 0; i < offer->count; i++)
			if (offer->mlines[i].line >= 0)
				g_string_append_printf(out, " %s", offer->mlines[i].mid);
		g_string_append(out, "\r\n");
	}
	g_string_append(out, "a=msid-semantic: WMS *\r\n");
}

static void append_rejected(GString *out, const struct ap_sdp_mline *mline)
{
	g_string_append_printf(out, "m=%s 0 %s %s\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n", mline->media, mline->proto,
			       mline->format);
	if (mline->mid[0])
		g_string_append_printf(out, "a=mid:%s\r\n", mline->mid);
}

static const char *encoding_of(const struct ap_sdp_mline *mline)
{
	if (mline->line == AP_LINE_AUDIO)
		return "opus/48000/2";
	if (strstr(mline->fmtp, "packetization-mode"))
		return "H264/90000";
	return strstr(mline->fmtp, "profile-id") ? "VP9/90000" : "VP8/90000";
}

static void append_codec(GString *out, const struct ap_sdp_mline *mline, const struct ap_leg_line *line)
{
	const struct {
		bool on;
		const char *text;
	} feedback[] = { { line->remb, "goog-remb" },
			 { line->twcc, "transport-cc" },
			 { line->fir, "ccm fir" },
			 { line->nack, "nack" },
			 { line->pli, "nack pli" } };
	g_string_append_printf(out, "a=rtpmap:%u %s\r\n", line->pt, encoding_of(mline));
	for (size_t i = 0; i < G_N_ELEMENTS(feedback); i++)
		if (feedback[i].on)
			g_string_append_printf(out, "a=rtcp-fb:%u %s\r\n", line->pt, feedback[i].text);
	if (mline->fmtp[0])
		g_string_append_printf(out, "a=fmtp:%u %s\r\n", line->pt, mline->fmtp);
	if (line->rtx_pt)
		g_string_append_printf(out, "a=rtpmap:%u rtx/90000\r\na=fmtp:%u apt=%u\r\n", line->rtx_pt, line->rtx_pt,
				       line->pt);
}

/* Our own streams, whose SSRCs stay for the whole session whoever sends them. Camera and microphone belong together. */
static void append_sources(GString *out, const struct ap_sdp_mline *mline, const struct ap_leg_line *line,
			   const struct ap_sdp_local *local)
{
	static const char *const msids[AP_LINES] = { "peer audio", "peer camera", "screen screen" };
	if (!line->to_client)
		return;
	g_string_append_printf(out, "a=msid:%s\r\n", msids[mline->line]);
	if (line->rtx_pt)
		g_string_append_printf(out, "a=ssrc-group:FID %u %u\r\n", line->local_ssrc, line->local_rtx_ssrc);
	g_string_append_printf(out, "a=ssrc:%u cname:%s\r\n", line->local_ssrc, local->cname);
	if (line->rtx_pt)
		g_string_append_printf(out, "a=ssrc:%u cname:%s\r\n", line->local_rtx_ssrc, local->cname);
}

static const char *direction_of(const struct ap_leg_line *line)
{
	if (line->from_client)
		return line->to_client ? "sendrecv" : "recvonly";
	return line->to_client ? "sendonly" : "inactive";
}

static void append_head(GString *out, const struct ap_sdp_mline *mline, const struct ap_leg_line *line,
			const struct ap_sdp_local *local)
{
	const struct ap_media_candidate *c = default_candidate(local);
	g_string_append_printf(out, "m=%s %u %s %u", mline->media, c->port, mline->proto, line->pt);
	if (line->rtx_pt)
		g_string_append_printf(out, " %u", line->rtx_pt);
	g_string_append_printf(out, "\r\nc=IN %s %s\r\n", strchr(c->address, ':') ? "IP6" : "IP4", c->address);
}

static void append_taken(GString *out, const struct ap_sdp_mline *mline, const struct ap_leg_desc *leg,
			 const struct ap_sdp_local *local, bool first)
{
	const struct ap_leg_line *line = &leg->lines[mline->line];
	append_head(out, mline, line, local);
	if (first)
		ap_sdp_append_candidates(out, local);
	g_string_append_printf(out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s\r\na=setup:passive\r\n",
			       leg->local_ufrag, leg->local_pwd, local->fingerprint);
	if (mline->mid[0])
		g_string_append_printf(out, "a=mid:%s\r\n", mline->mid);
	for (int ext = 0; ext < AP_EXTS; ext++)
		if (line->ext[ext])
			g_string_append_printf(out, "a=extmap:%u %s\r\n", line->ext[ext], ap_sdp_ext_uris[ext]);
	g_string_append_printf(out, "a=%s\r\na=rtcp-mux\r\n", direction_of(line));
	if (mline->reduced_rtcp)
		g_string_append(out, "a=rtcp-rsize\r\n");
	append_codec(out, mline, line);
	append_sources(out, mline, line, local);
}

char *ap_sdp_write_answer(const struct ap_sdp_offer *offer, const struct ap_leg_desc *leg,
			  const struct ap_sdp_local *local)
{
	GString *out = g_string_new(NULL);
	bool first = true;
	append_session(out, offer, leg);
	for (size_t i = 0; i < offer->count; i++) {
		if (offer->mlines[i].line < 0) {
			append_rejected(out, &offer->mlines[i]);
			continue;
		}
		append_taken(out, &offer->mlines[i], leg, local, first);
		first = false;
	}
	return g_string_free(out, FALSE);
}
