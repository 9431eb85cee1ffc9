#include "tests/testlib/media_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CONNECT_MS = 8000, PACKET_MS = 2000, SILENCE_MS = 150 };

static void set_line(struct ap_leg_line *line, int side, int index)
{
	static const char *const mids[2][AP_LINES] = {{"0", "1", "2"}, {"audio", "camera", "screen"}};
	static const uint8_t exts[2][AP_EXTS] = {{4, 3, 2, 1, 13, 0}, {9, 5, 8, 7, 6, 10}};
	bool video = index > 0;
	*line = (struct ap_leg_line){.present = index < 2,
				     .from_client = true,
				     .to_client = true,
				     .pt = (uint8_t)(video ? 96 + 24 * side : 111 - 2 * side),
				     .rtx_pt = (uint8_t)(video ? 97 + 24 * side : 0),
				     .clock_rate = video ? 90000 : 48000,
				     .nack = video,
				     .pli = video,
				     .fir = video,
				     .twcc = true,
				     .remb = true};
	g_strlcpy(line->mid, mids[side][index], sizeof line->mid);
	for (int i = 0; i < AP_EXTS; i++)
		line->ext[i] = exts[side][i];
	line->local_ssrc = 0x70000000u + 0x100u * (uint32_t)side + (uint32_t)index;
	line->local_rtx_ssrc = video ? line->local_ssrc + 0x10 : 0;
}

uint32_t ap_fixture_ssrc(int side, enum ap_line line, bool rtx)
{
	return 0x10000000u * (uint32_t)(side + 1) + (uint32_t)line + (rtx ? 0x10u : 0);
}

static void on_leg(void *ctx, const struct ap_uuid *session, enum ap_role role, uint64_t leg_id,
		   enum ap_leg_event event)
{
	struct ap_media_fixture *f = ctx;
	struct ap_side_fixture *side = &f->sides[role == AP_COACH ? 0 : 1];
	assert_true(ap_uuid_equal(session, &f->sides[0].leg.session));
	if (leg_id != side->leg.id)
		return;
	side->connected += event == AP_LEG_CONNECTED;
	side->disconnected += event == AP_LEG_DISCONNECTED;
	side->failed += event == AP_LEG_FAILED;
}

static void on_tap_lost(void *ctx, const struct ap_uuid *session, uint64_t generation)
{
	struct ap_media_fixture *f = ctx;
	(void)session;
	assert_true(generation != 0);
	f->taps_lost++;
}

void ap_fixture_open(struct ap_media_fixture *f, uint16_t port, const char *address)
{
	static const struct ap_media_events events = {on_leg, on_tap_lost};
	g_autofree char *text = g_strdup_printf("%u", port);
	*f = (struct ap_media_fixture){.port = port, .address = address, .next_id = 1};
	f->context = g_main_context_new();
	f->config = ap_config_new();
	assert_true(ap_ok(ap_config_set(f->config, "gateway.media_port", text)));
	assert_true(ap_ok(ap_config_set(f->config, "gateway.advertise", address)));
	assert_true(ap_ok(ap_config_set(f->config, "gateway.workers", "2")));
	assert_true(ap_ok(ap_media_new(f->config, ap_clock_system(), f->context, &events, f, &f->media)));
	assert_int_equal(ap_media_workers(f->media), 2);
	struct ap_uuid session = ap_uuid_random();
	for (int side = 0; side < 2; side++)
		f->sides[side].leg.session = session;
}

void ap_fixture_close(struct ap_media_fixture *f)
{
	for (int side = 0; side < 2; side++)
		ap_peer_free(f->sides[side].peer);
	ap_media_free(f->media);
	ap_config_free(f->config);
	g_main_context_unref(f->context);
}

static void random_text(char *text, size_t cap, unsigned worker)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i + 1 < cap; i++)
		text[i] = letters[g_random_int_range(0, 64)];
	text[0] = (char)('a' + worker);
	text[cap - 1] = 0;
}

static void set_credentials(struct ap_media_fixture *f, int side)
{
	struct ap_leg_desc *leg = &f->sides[side].leg;
	g_strlcpy(leg->remote_ufrag, ap_peer_ufrag(f->sides[side].peer), sizeof leg->remote_ufrag);
	g_strlcpy(leg->remote_pwd, ap_peer_pwd(f->sides[side].peer), sizeof leg->remote_pwd);
	random_text(leg->local_ufrag, sizeof leg->local_ufrag, f->worker);
	random_text(leg->local_pwd, sizeof leg->local_pwd, f->worker);
}

void ap_fixture_make(struct ap_media_fixture *f, int side, const struct ap_peer_options *options)
{
	struct ap_peer_options plain = {.address = f->address};
	struct ap_side_fixture *s = &f->sides[side];
	ap_peer_free(s->peer);
	s->peer = ap_peer_new(f->context, options ? options : &plain);
	s->connected = s->disconnected = s->failed = 0;
	s->leg.role = side == 0 ? AP_COACH : AP_COACHEE;
	s->leg.id = f->next_id++;
	for (int i = 0; i < AP_LINES; i++)
		set_line(&s->leg.lines[i], side, i);
	ap_peer_fingerprint(s->peer, s->leg.fingerprint);
	set_credentials(f, side);
}

void ap_fixture_dial(struct ap_media_fixture *f, int side)
{
	const struct ap_leg_desc *leg = &f->sides[side].leg;
	uint16_t through = f->sides[side].dial_port;
	ap_peer_connect(f->sides[side].peer, &(struct ap_peer_remote){.ufrag = leg->local_ufrag,
								      .pwd = leg->local_pwd,
								      .address = f->address,
								      .port = through ? through : (uint16_t)(f->port + f->worker),
								      .fingerprint = ap_media_fingerprint(f->media)});
}

void ap_fixture_put(struct ap_media_fixture *f, int side)
{
	ap_media_put_leg(f->media, f->worker, &f->sides[side].leg);
	ap_fixture_dial(f, side);
}

static bool is_ready(void *side)
{
	const struct ap_side_fixture *s = side;
	return s->connected > 0 && ap_peer_ready(s->peer);
}

void ap_fixture_wait_ready(struct ap_media_fixture *f, int side)
{
	assert_true(ap_peer_wait(f->context, is_ready, &f->sides[side], CONNECT_MS));
}

void ap_fixture_connect_both(struct ap_media_fixture *f)
{
	for (int side = 0; side < 2; side++) {
		ap_fixture_make(f, side, NULL);
		ap_fixture_put(f, side);
	}
	for (int side = 0; side < 2; side++)
		ap_fixture_wait_ready(f, side);
}

static bool has_ice(void *peer)
{
	return ap_peer_ice_ready(peer);
}

void ap_fixture_restart(struct ap_media_fixture *f, int side)
{
	ap_peer_restart(f->sides[side].peer);
	set_credentials(f, side);
	ap_media_restart_leg(f->media, f->worker, &f->sides[side].leg);
	ap_fixture_dial(f, side);
	assert_true(ap_peer_wait(f->context, has_ice, f->sides[side].peer, CONNECT_MS));
}

static bool never(void *unused)
{
	(void)unused;
	return false;
}

void ap_fixture_run(struct ap_media_fixture *f, int ms)
{
	(void)ap_peer_wait(f->context, never, NULL, ms);
}

void ap_fixture_send(struct ap_media_fixture *f, int side, const struct ap_fixture_rtp *rtp)
{
	const struct ap_leg_line *line = &f->sides[side].leg.lines[rtp->line];
	uint8_t bytes[1500], twcc[2] = {(uint8_t)(rtp->twcc >> 8), (uint8_t)rtp->twcc};
	struct ap_rtp header = {.pt = rtp->rtx ? line->rtx_pt : line->pt,
				.marker = rtp->marker,
				.seq = rtp->seq,
				.ts = rtp->ts,
				.ssrc = rtp->ssrc ? rtp->ssrc : ap_fixture_ssrc(side, rtp->line, rtp->rtx)};
	struct ap_rtp_exts exts = {0};
	if (rtp->with_mid) {
		exts.value[AP_EXT_MID] = (const uint8_t *)line->mid;
		exts.len[AP_EXT_MID] = (uint8_t)strlen(line->mid);
	}
	if (rtp->twcc >= 0) {
		exts.value[AP_EXT_TWCC] = twcc;
		exts.len[AP_EXT_TWCC] = 2;
	}
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	ap_rtp_write_header(&w, &header, &exts, line->ext);
	ap_write_bytes(&w, rtp->payload, rtp->len);
	assert_false(w.bad);
	ap_peer_send(f->sides[side].peer, false, bytes, w.len);
}

struct awaited {
	struct ap_peer *peer;
	bool rtcp;
	struct ap_peer_packet *packet;
};

static bool has_packet(void *awaited)
{
	struct awaited *a = awaited;
	while (!a->packet && (a->packet = ap_peer_take(a->peer))) {
		if (a->packet->rtcp == a->rtcp)
			return true;
		g_clear_pointer(&a->packet, g_free);
	}
	return a->packet != NULL;
}

struct ap_peer_packet *ap_fixture_expect(struct ap_media_fixture *f, int side, bool rtcp)
{
	struct awaited a = {.peer = f->sides[side].peer, .rtcp = rtcp};
	assert_true(ap_peer_wait(f->context, has_packet, &a, PACKET_MS));
	return a.packet;
}

void ap_fixture_expect_silence(struct ap_media_fixture *f, int side)
{
	struct awaited a = {.peer = f->sides[side].peer, .rtcp = false};
	assert_false(ap_peer_wait(f->context, has_packet, &a, SILENCE_MS));
}

void ap_fixture_flush(struct ap_media_fixture *f, int side)
{
	struct ap_peer_packet *packet;
	while ((packet = ap_peer_take(f->sides[side].peer)))
		g_free(packet);
}

uint64_t ap_fixture_counter(struct ap_media_fixture *f, const char *name)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *key = g_strdup_printf("aparte_media_%s{worker=\"%u\"} ", name, f->worker);
	ap_media_metrics(f->media, text);
	const char *at = strstr(text->str, key);
	assert_non_null(at);
	return g_ascii_strtoull(at + strlen(key), NULL, 10);
}
