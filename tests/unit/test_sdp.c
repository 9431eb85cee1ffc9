/* Real offers of Chromium 156, Firefox 153 ESR, aiortc 1.4 and GStreamer's webrtcbin (tests/vectors/sdp). */
#include "gateway/sdp.h"

#include <gst/sdp/gstsdpmessage.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char *read_offer(const char *name)
{
	g_autofree char *path = g_strdup_printf(AP_SOURCE_DIR "/tests/vectors/sdp/%s.sdp", name);
	char *text = NULL;
	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	return text;
}

static struct ap_result take(const char *text, enum ap_video_codec codec, struct ap_sdp_offer *offer,
			     struct ap_leg_desc *leg)
{
	*leg = (struct ap_leg_desc){ .id = 7 };
	return ap_sdp_read_offer(text, codec, offer, leg);
}

static void load(const char *name, struct ap_sdp_offer *offer, struct ap_leg_desc *leg)
{
	g_autofree char *text = read_offer(name);
	struct ap_result r = take(text, AP_CODEC_VP8, offer, leg);
	if (!ap_ok(r))
		print_error("%s: %s: %s\n", name, r.name, r.detail);
	assert_true(ap_ok(r));
}

static char *answer(const struct ap_sdp_offer *offer, struct ap_leg_desc *leg)
{
	static const struct ap_media_candidate all[] = { { "127.0.0.1", 7000, false },
							 { "::1", 7000, false },
							 { "127.0.0.1", 7001, true } };
	const struct ap_sdp_local local = { "sha-256 AB:CD", all, G_N_ELEMENTS(all), "cname" };
	g_strlcpy(leg->local_ufrag, "aufragufrag1", sizeof leg->local_ufrag);
	g_strlcpy(leg->local_pwd, "pwdpwdpwdpwdpwdpwdpwdpwdpwdpwdpw", sizeof leg->local_pwd);
	for (unsigned i = 0; i < AP_LINES; i++) {
		leg->lines[i].local_ssrc = 1000 + i;
		leg->lines[i].local_rtx_ssrc = leg->lines[i].rtx_pt ? 2000 + i : 0;
	}
	return ap_sdp_write_answer(offer, leg, &local);
}

/* How often `needle` occurs. */
static unsigned count(const char *text, const char *needle)
{
	unsigned n = 0;
	for (const char *at = text; (at = strstr(at, needle)); at += strlen(needle))
		n++;
	return n;
}

static void chromium_audio_and_video(void **state)
{
	(void)state;
	struct ap_sdp_offer offer;
	struct ap_leg_desc leg;
	load("chromium-av", &offer, &leg);
	const struct ap_leg_line *audio = &leg.lines[AP_LINE_AUDIO], *camera = &leg.lines[AP_LINE_CAMERA];
	assert_int_equal(offer.count, 2);
	assert_true(offer.bundle && audio->present && camera->present && !leg.lines[AP_LINE_SCREEN].present);
	assert_int_equal(audio->pt, 111);
	assert_int_equal(audio->rtx_pt, 0);
	assert_int_equal(camera->pt, 96);
	assert_int_equal(camera->rtx_pt, 97);
	assert_int_equal(camera->ext[AP_EXT_MID], 4);
	assert_int_equal(camera->ext[AP_EXT_TWCC], 3);
	assert_int_equal(camera->ext[AP_EXT_ABS_SEND_TIME], 2);
	assert_int_equal(camera->ext[AP_EXT_ORIENTATION], 13);
	assert_int_equal(camera->ext[AP_EXT_RID], 0);
	assert_int_equal(audio->ext[AP_EXT_AUDIO_LEVEL], 1);
	assert_true(camera->nack && camera->pli && camera->fir && camera->twcc && camera->remb);
	assert_false(audio->nack);
	assert_string_equal(leg.remote_ufrag, "pbXQ");
	assert_int_equal(leg.fingerprint[0], 0x28);
	assert_int_equal(leg.fingerprint[31], 0xb1);
	assert_int_equal(camera->remote_ssrc, 1468836525);
	assert_int_equal(camera->remote_rtx_ssrc, 2527604469);
	assert_true(audio->remote_ssrc == 3518867452u);
	assert_string_equal(audio->mid, "0");
}

static void every_client_is_understood(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		unsigned lines; /* bit per enum ap_line */
		uint8_t audio_pt, video_pt, rtx_pt;
	} cases[] = {
		{ "chromium-av", 3, 111, 96, 97 },	  { "chromium-screen", 7, 111, 96, 97 },
		{ "chromium-sendonly", 3, 111, 96, 97 },  { "chromium-recvonly", 3, 111, 96, 97 },
		{ "chromium-audio", 1, 111, 0, 0 },	  { "chromium-simulcast-data", 3, 111, 96, 97 },
		{ "firefox-av", 3, 109, 120, 124 },	  { "firefox-screen", 7, 109, 120, 124 },
		{ "firefox-sendonly", 3, 109, 120, 124 }, { "firefox-recvonly", 3, 109, 120, 124 },
		{ "firefox-audio", 1, 109, 0, 0 },	  { "firefox-simulcast-data", 3, 109, 120, 124 },
		{ "aiortc-av", 3, 96, 97, 98 },		  { "webrtcbin-av", 3, 111, 96, 0 },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct ap_sdp_offer offer;
		struct ap_leg_desc leg;
		load(cases[i].name, &offer, &leg);
		for (unsigned line = 0; line < AP_LINES; line++)
			assert_int_equal(leg.lines[line].present, cases[i].lines >> line & 1);
		assert_int_equal(leg.lines[AP_LINE_AUDIO].pt, cases[i].audio_pt);
		assert_int_equal(leg.lines[AP_LINE_CAMERA].pt, cases[i].video_pt);
		assert_int_equal(leg.lines[AP_LINE_CAMERA].rtx_pt, cases[i].rtx_pt);
		assert_int_equal(leg.lines[AP_LINE_CAMERA].nack, cases[i].rtx_pt != 0);
	}
}

/* aiortc offers number 2 for audio level on its audio line and for the sending time on its video line. */
static void a_number_means_one_extension_in_a_bundle(void **state)
{
	(void)state;
	struct ap_sdp_offer offer;
	struct ap_leg_desc leg;
	load("aiortc-av", &offer, &leg);
	assert_int_equal(leg.lines[AP_LINE_AUDIO].ext[AP_EXT_AUDIO_LEVEL], 2);
	assert_int_equal(leg.lines[AP_LINE_CAMERA].ext[AP_EXT_ABS_SEND_TIME], 0);
	assert_int_equal(leg.lines[AP_LINE_AUDIO].ext[AP_EXT_MID], 1);
	assert_int_equal(leg.lines[AP_LINE_CAMERA].ext[AP_EXT_MID], 1);
}

/* Our own parser of choice reads our answers back: m-lines in the offer's order, one bundle, one transport. */
static void answers_mirror_the_offer(void **state)
{
	(void)state;
	static const char *const names[] = { "chromium-av",  "chromium-screen",	 "chromium-recvonly", "chromium-simulcast-data",
					     "firefox-av",   "firefox-screen",	 "aiortc-av",	      "webrtcbin-av",
					     "firefox-audio", "firefox-sendonly", "chromium-sendonly" };
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		struct ap_sdp_offer offer;
		struct ap_leg_desc leg;
		load(names[i], &offer, &leg);
		g_autofree char *text = answer(&offer, &leg);
		GstSDPMessage *sdp;
		gst_sdp_message_new(&sdp);
		assert_int_equal(gst_sdp_message_parse_buffer((const uint8_t *)text, (unsigned)strlen(text), sdp), GST_SDP_OK);
		assert_int_equal(gst_sdp_message_medias_len(sdp), offer.count);
		for (unsigned m = 0; m < offer.count; m++) {
			const GstSDPMedia *media = gst_sdp_message_get_media(sdp, m);
			assert_string_equal(gst_sdp_media_get_media(media), offer.mlines[m].media);
			assert_string_equal(gst_sdp_media_get_attribute_val(media, "mid"), offer.mlines[m].mid);
			assert_int_equal(gst_sdp_media_get_port(media) == 0, offer.mlines[m].line < 0);
		}
		gst_sdp_message_free(sdp);
		assert_int_equal(count(text, "a=candidate:"), 3);
		assert_int_equal(count(text, "a=end-of-candidates"), 1);
		assert_int_equal(count(text, "a=ice-lite"), 1);
		assert_null(strstr(text, "a=setup:act"));
		assert_null(strstr(text, "(null)"));
	}
}

static void directions_are_mirrored(void **state)
{
	(void)state;
	struct ap_sdp_offer offer;
	struct ap_leg_desc leg;
	load("chromium-sendonly", &offer, &leg);
	assert_true(leg.lines[AP_LINE_CAMERA].from_client && !leg.lines[AP_LINE_CAMERA].to_client);
	g_autofree char *sending = answer(&offer, &leg);
	assert_int_equal(count(sending, "a=recvonly"), 2);
	assert_null(strstr(sending, "a=ssrc"));
	load("firefox-recvonly", &offer, &leg);
	assert_true(!leg.lines[AP_LINE_CAMERA].from_client && leg.lines[AP_LINE_CAMERA].to_client);
	assert_int_equal(leg.lines[AP_LINE_CAMERA].remote_ssrc, 0);
	g_autofree char *receiving = answer(&offer, &leg);
	assert_int_equal(count(receiving, "a=sendonly"), 2);
	assert_non_null(strstr(receiving, "a=ssrc-group:FID 1001 2001\r\n"));
	assert_non_null(strstr(receiving, "a=msid:peer camera\r\n"));
}

static void a_data_channel_and_simulcast_are_declined(void **state)
{
	(void)state;
	struct ap_sdp_offer offer;
	struct ap_leg_desc leg;
	load("chromium-simulcast-data", &offer, &leg);
	g_autofree char *text = answer(&offer, &leg);
	assert_non_null(strstr(text, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
	assert_non_null(strstr(text, "a=group:BUNDLE 0 1\r\n"));
	assert_null(strstr(text, "a=simulcast"));
	assert_null(strstr(text, "a=rid"));
	assert_null(strstr(text, "rtp-stream-id"));
}

/* Port 0 with bundle-only is a line like any other (RFC 8843); port 0 alone is a rejected one. */
static void bundle_only_is_not_a_rejection(void **state)
{
	(void)state;
	struct ap_sdp_offer offer;
	struct ap_leg_desc leg;
	g_autofree char *text = read_offer("webrtcbin-av");
	assert_true(ap_ok(take(text, AP_CODEC_VP8, &offer, &leg)));
	assert_true(leg.lines[AP_LINE_AUDIO].present);
	g_autoptr(GString) rejected = g_string_new(text);
	g_string_replace(rejected, "a=bundle-only\r\n", "", 0);
	assert_true(ap_ok(take(rejected->str, AP_CODEC_VP8, &offer, &leg)));
	assert_false(leg.lines[AP_LINE_AUDIO].present);
}

static void codecs_of_the_session(void **state)
{
	(void)state;
	struct ap_sdp_offer offer;
	struct ap_leg_desc leg;
	g_autofree char *chromium = read_offer("chromium-av"), *firefox = read_offer("firefox-av");
	assert_true(ap_ok(take(chromium, AP_CODEC_VP9, &offer, &leg)));
	assert_int_equal(leg.lines[AP_LINE_CAMERA].pt, 98); /* profile 0, not 100 with profile 2 */
	g_autofree char *vp9 = answer(&offer, &leg);
	assert_non_null(strstr(vp9, "a=rtpmap:98 VP9/90000\r\n"));
	assert_true(ap_ok(take(chromium, AP_CODEC_H264, &offer, &leg)));
	assert_int_equal(leg.lines[AP_LINE_CAMERA].pt, 108); /* constrained baseline, packetization-mode 1 */
	assert_int_equal(leg.lines[AP_LINE_CAMERA].rtx_pt, 109);
	g_autofree char *h264 = answer(&offer, &leg);
	assert_non_null(strstr(h264, "packetization-mode=1;profile-level-id=42e01f\r\n"));
	struct ap_result r = take(firefox, AP_CODEC_H264, &offer, &leg);
	assert_string_equal(r.name, "no-common-codec");
	assert_non_null(strstr(r.detail, "video"));
}

/* One change to a good offer, and what it is called. */
static void broken_offers_have_their_name(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to, *name;
	} cases[] = {
		{ "v=0\r\n", "v=1\r\n", "sdp-malformed" },
		{ "v=0\r\n", "", "sdp-malformed" },
		{ "a=ice-ufrag:pbXQ", "a=ice-ufrag:pb", "sdp-malformed" },
		{ "a=ice-ufrag:pbXQ", "a=ice-ufrag:pb Q", "sdp-malformed" },
		{ "a=ice-pwd:EqsynGRFpItkHKbhXGWTaCr7", "a=ice-pwd:short", "sdp-malformed" },
		{ "a=fingerprint:sha-256", "a=fingerprint:sha-1", "sdp-malformed" },
		{ "sha-256 28:D2", "sha-256 28:ZZ", "sdp-malformed" },
		{ "a=setup:actpass", "a=setup:passive", "sdp-malformed" },
		{ "a=setup:actpass", "a=sutep:actpass", "sdp-malformed" },
		{ "a=rtcp-mux\r\n", "", "sdp-malformed" },
		{ "a=group:BUNDLE 0 1", "a=group:BUNDLE 0", "sdp-malformed" },
		{ "a=mid:1\r\n", "a=mid:0\r\n", "sdp-malformed" },
		{ "a=mid:1\r\n", "a=mid:0123456789abcdef0\r\n", "sdp-malformed" },
		{ "UDP/TLS/RTP/SAVPF", "RTP/AVP", "sdp-malformed" },
		{ "opus/48000/2", "speex/48000/2", "no-common-codec" },
		{ "VP8/90000", "VP7/90000", "no-common-codec" },
		{ "m=", "n=", "sdp-malformed" },
	};
	g_autofree char *good = read_offer("chromium-av");
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct ap_sdp_offer offer = { .count = 99 };
		struct ap_leg_desc leg;
		g_autoptr(GString) text = g_string_new(good);
		assert_true(g_string_replace(text, cases[i].from, cases[i].to, 0) > 0);
		struct ap_result r = take(text->str, AP_CODEC_VP8, &offer, &leg);
		if (ap_ok(r) || strcmp(r.name, cases[i].name) != 0)
			print_error("%s -> %s: %s\n", cases[i].from, cases[i].to, r.name);
		assert_string_equal(r.name, cases[i].name);
		assert_true(strlen(r.detail) > 20);
		assert_int_equal(offer.count, 99); /* untouched */
	}
}

static void garbage_never_crashes(void **state)
{
	(void)state;
	g_autofree char *good = read_offer("firefox-screen");
	size_t len = strlen(good);
	unsigned seed = (unsigned)g_random_int();
	print_message("seed %u\n", seed);
	g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
	for (int round = 0; round < 2000; round++) {
		struct ap_sdp_offer offer;
		struct ap_leg_desc leg;
		g_autofree char *text = g_strdup(good);
		for (int hits = g_rand_int_range(rand, 1, 12); hits > 0; hits--)
			text[g_rand_int_range(rand, 0, (int)len)] = (char)g_rand_int_range(rand, 1, 128);
		text[g_rand_int_range(rand, 4, (int)len)] = round % 2 ? '\0' : 'x';
		if (ap_ok(take(text, AP_CODEC_VP8, &offer, &leg))) {
			g_autofree char *out = answer(&offer, &leg);
			assert_true(g_str_has_prefix(out, "v=0\r\n"));
		}
	}
}

/* Nothing of an offer may become a line of its own in the answer. */
static void an_offer_cannot_inject_lines(void **state)
{
	(void)state;
	struct ap_sdp_offer offer;
	struct ap_leg_desc leg;
	g_autofree char *good = read_offer("chromium-simulcast-data");
	g_autoptr(GString) text = g_string_new(good);
	g_string_replace(text, "webrtc-datachannel", "webrtc\ra=evil", 0);
	if (ap_ok(take(text->str, AP_CODEC_VP8, &offer, &leg))) {
		g_autofree char *out = answer(&offer, &leg);
		assert_null(strstr(out, "a=evil"));
	}
}

static void fragments(void **state)
{
	(void)state;
	struct ap_sdp_fragment f = { 0 };
	assert_true(ap_ok(ap_sdp_read_fragment("a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\n"
					       "a=mid:0\r\na=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host "
					       "generation 0\r\na=end-of-candidates\r\n",
					       &f)));
	assert_string_equal(f.ufrag, "EsAw");
	assert_int_equal(f.candidates, 1);
	static const char *const bad[] = { "", "\r\n", "hello", "a=candidate:1 1 udp", "a=ice-ufrag:EsAw\r\n",
					   "a=ice-ufrag:E!\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n",
					   "a=candidate:1 1 udp 1 192.0.2.1 99999 typ host\r\n", "A=b\r\n" };
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_string_equal(ap_sdp_read_fragment(bad[i], &f).name, "sdp-malformed");
	assert_string_equal(f.ufrag, "EsAw");
	struct ap_sdp_offer offer;
	struct ap_leg_desc leg;
	load("chromium-av", &offer, &leg);
	const struct ap_media_candidate one = { "127.0.0.1", 7000, false };
	const struct ap_sdp_local local = { "sha-256 AB", &one, 1, "c" };
	g_strlcpy(leg.local_ufrag, "abcd", sizeof leg.local_ufrag);
	g_strlcpy(leg.local_pwd, "abcdefghijklmnopqrstuvwx", sizeof leg.local_pwd);
	g_autofree char *ours = ap_sdp_write_fragment(&leg, &local);
	assert_true(ap_ok(ap_sdp_read_fragment(ours, &f)));
	assert_string_equal(f.ufrag, "abcd");
	assert_int_equal(f.candidates, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chromium_audio_and_video),
		cmocka_unit_test(every_client_is_understood),
		cmocka_unit_test(a_number_means_one_extension_in_a_bundle),
		cmocka_unit_test(answers_mirror_the_offer),
		cmocka_unit_test(directions_are_mirrored),
		cmocka_unit_test(a_data_channel_and_simulcast_are_declined),
		cmocka_unit_test(bundle_only_is_not_a_rejection),
		cmocka_unit_test(codecs_of_the_session),
		cmocka_unit_test(broken_offers_have_their_name),
		cmocka_unit_test(garbage_never_crashes),
		cmocka_unit_test(an_offer_cannot_inject_lines),
		cmocka_unit_test(fragments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
