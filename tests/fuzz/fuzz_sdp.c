/*
 * Offers and fragments: the first byte says which codec the session has and whether the rest is a trickle fragment.
 * What is refused says why and leaves its outputs alone; what is taken gives an answer that another reader of SDP
 * understands, line by line what was offered, with nothing in it that could be a line of the offer's own making.
 */
#include "fuzz.h"

#include "gateway/sdp.h"

#include <gst/sdp/gstsdpmessage.h>
#include <string.h>

enum { FRAGMENT = 0x80, UNTOUCHED = 99, ANSWER_MAX = 16384 };

static const struct ap_media_candidate candidates[] = {{"127.0.0.1", 7000, false}, {"::1", 7000, true}};
static const struct ap_sdp_local local = {"sha-256 AB:CD", candidates, G_N_ELEMENTS(candidates), "cname"};

static void check_refusal(struct ap_result r)
{
	g_assert_true(strcmp(r.name, "sdp-malformed") == 0 || strcmp(r.name, "no-common-codec") == 0);
	g_assert_true(strlen(r.detail) > 20);
}

static void check_line(const struct ap_leg_line *line, int slot, const struct ap_sdp_mline *mline)
{
	g_assert_true(line->present && line->pt <= 127 && line->rtx_pt <= 127 && (!line->rtx_pt || line->rtx_pt != line->pt));
	g_assert_true(line->clock_rate == (slot == AP_LINE_AUDIO ? 48000u : 90000u));
	g_assert_true(strcmp(mline->media, slot == AP_LINE_AUDIO ? "audio" : "video") == 0);
	g_assert_cmpstr(line->mid, ==, mline->mid);
	g_assert_true(line->from_client || (line->remote_ssrc == 0 && line->remote_rtx_ssrc == 0));
	g_assert_true(!line->nack || line->rtx_pt);
	g_assert_true(!line->twcc || line->ext[AP_EXT_TWCC]);
}

/* A number means one extension, everywhere in a bundle. */
static void check_extensions(const struct ap_leg_desc *leg)
{
	int meaning[15];
	for (size_t i = 0; i < G_N_ELEMENTS(meaning); i++)
		meaning[i] = -1;
	for (int l = 0; l < AP_LINES; l++) {
		for (int ext = 0; leg->lines[l].present && ext < AP_EXTS; ext++) {
			uint8_t id = leg->lines[l].ext[ext];
			g_assert_true(id <= 14);
			g_assert_true(!id || meaning[id] == -1 || meaning[id] == ext);
			meaning[id] = ext;
		}
	}
}

static void check_offer(const struct ap_sdp_offer *offer, const struct ap_leg_desc *leg)
{
	unsigned taken = 0;
	g_assert_true(offer->count >= 1 && offer->count <= AP_SDP_MAX_LINES);
	for (size_t i = 0; i < offer->count; i++) {
		int slot = offer->mlines[i].line;
		g_assert_true(slot >= -1 && slot < AP_LINES);
		if (slot < 0)
			continue;
		g_assert_false(taken >> slot & 1);
		taken |= 1u << slot;
		check_line(&leg->lines[slot], slot, &offer->mlines[i]);
	}
	for (int slot = 0; slot < AP_LINES; slot++)
		g_assert_true(leg->lines[slot].present == (taken >> slot & 1));
	g_assert_true(taken && ap_sdp_is_ufrag(leg->remote_ufrag) && ap_sdp_is_pwd(leg->remote_pwd));
	check_extensions(leg);
}

static void dress(struct ap_leg_desc *leg)
{
	g_strlcpy(leg->local_ufrag, "aufragufrag1", sizeof leg->local_ufrag);
	g_strlcpy(leg->local_pwd, "pwdpwdpwdpwdpwdpwdpwdpwdpwdpwdpw", sizeof leg->local_pwd);
	for (unsigned i = 0; i < AP_LINES; i++) {
		leg->lines[i].local_ssrc = 1000 + i;
		leg->lines[i].local_rtx_ssrc = leg->lines[i].rtx_pt ? 2000 + i : 0;
	}
}

/* Lines of the form "x=…", each ended by CRLF and by nothing else. */
static void check_text(const char *text)
{
	size_t len = strlen(text);
	g_assert_true(len < ANSWER_MAX && g_str_has_suffix(text, "\r\n"));
	for (size_t i = 0, start = 0; i < len; i++) {
		g_assert_true((uint8_t)text[i] >= 0x20 || text[i] == '\r' || text[i] == '\n');
		g_assert_true((text[i] == '\r') == (text[i + 1] == '\n'));
		if (text[i] != '\n')
			continue;
		g_assert_true(g_ascii_islower(text[start]) && text[start + 1] == '=');
		start = i + 1;
	}
}

static void check_answer(const char *text, const struct ap_sdp_offer *offer)
{
	GstSDPMessage *sdp;
	check_text(text);
	gst_sdp_message_new(&sdp);
	g_assert_true(gst_sdp_message_parse_buffer((const uint8_t *)text, (unsigned)strlen(text), sdp) == GST_SDP_OK);
	g_assert_cmpuint(gst_sdp_message_medias_len(sdp), ==, offer->count);
	for (unsigned i = 0; i < offer->count; i++) {
		const GstSDPMedia *media = gst_sdp_message_get_media(sdp, i);
		const char *mid = gst_sdp_media_get_attribute_val(media, "mid");
		g_assert_cmpstr(gst_sdp_media_get_media(media), ==, offer->mlines[i].media);
		g_assert_cmpstr(gst_sdp_media_get_proto(media), ==, offer->mlines[i].proto);
		g_assert_cmpstr(mid ? mid : "", ==, offer->mlines[i].mid);
		g_assert_true((gst_sdp_media_get_port(media) == 0) == (offer->mlines[i].line < 0));
		g_assert_cmpuint(gst_sdp_media_formats_len(media), >=, 1);
	}
	gst_sdp_message_free(sdp);
}

static void read_offer(const char *text, enum ap_video_codec codec)
{
	struct ap_sdp_offer offer = {.count = UNTOUCHED};
	struct ap_leg_desc leg = {.id = UNTOUCHED, .remote_ufrag = "untouched"};
	struct ap_sdp_fragment ours;
	struct ap_result r = ap_sdp_read_offer(text, codec, &offer, &leg);
	if (!ap_ok(r)) {
		check_refusal(r);
		g_assert_true(offer.count == UNTOUCHED && strcmp(leg.remote_ufrag, "untouched") == 0);
		return;
	}
	g_assert_true(leg.id == UNTOUCHED);
	check_offer(&offer, &leg);
	dress(&leg);
	g_autofree char *answer = ap_sdp_write_answer(&offer, &leg, &local);
	check_answer(answer, &offer);
	g_autofree char *fragment = ap_sdp_write_fragment(&leg, &local);
	check_text(fragment);
	g_assert_true(ap_ok(ap_sdp_read_fragment(fragment, &ours)) && ours.candidates == G_N_ELEMENTS(candidates));
	g_assert_cmpstr(ours.ufrag, ==, leg.local_ufrag);
}

static void read_fragment(const char *text)
{
	struct ap_sdp_fragment fragment = {.candidates = UNTOUCHED};
	struct ap_result r = ap_sdp_read_fragment(text, &fragment);
	if (!ap_ok(r)) {
		check_refusal(r);
		g_assert_true(fragment.candidates == UNTOUCHED);
		return;
	}
	bool both = ap_sdp_is_ufrag(fragment.ufrag) && ap_sdp_is_pwd(fragment.pwd);
	g_assert_true(both || (!fragment.ufrag[0] && !fragment.pwd[0]));
	g_assert_true(fragment.candidates <= 512);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	g_autofree char *text = g_strndup((const char *)data + 1, size - 1);
	if (data[0] & FRAGMENT)
		read_fragment(text);
	else
		read_offer(text, (enum ap_video_codec)(data[0] % 3));
	return 0;
}
