/* Two clients exchange media through the plane: mapping both ways, RTCP translated, sources replaced. */
#include "tests/testlib/media_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { PORT = 24000, COACH = AP_FIXTURE_COACH, COACHEE = AP_FIXTURE_COACHEE };

static int open_connected(void **state)
{
	struct ap_media_fixture *f = g_new0(struct ap_media_fixture, 1);
	ap_fixture_open(f, PORT, "127.0.0.1");
	ap_fixture_connect_both(f);
	*state = f;
	return 0;
}

static int close_fixture(void **state)
{
	ap_fixture_close(*state);
	g_free(*state);
	return 0;
}

/* Sends one packet and gives what the other side got, parsed. */
static struct ap_peer_packet *pass(struct ap_media_fixture *f, int from, const struct ap_fixture_rtp *rtp,
				   struct ap_rtp *ret_rtp)
{
	ap_fixture_send(f, from, rtp);
	struct ap_peer_packet *packet = ap_fixture_expect(f, 1 - from, false);
	assert_true(ap_rtp_parse(packet->bytes, packet->len, ret_rtp));
	return packet;
}

static void media_crosses_with_every_number_mapped(void **state)
{
	struct ap_media_fixture *f = *state;
	struct ap_rtp rtp;
	struct ap_rtp_exts exts;
	struct ap_fixture_rtp sent = {.line = AP_LINE_CAMERA,
				      .seq = 1000,
				      .ts = 5000,
				      .with_mid = true,
				      .twcc = 77,
				      .payload = "picture",
				      .len = 7};
	g_autofree struct ap_peer_packet *packet = pass(f, COACH, &sent, &rtp);
	const struct ap_leg_line *to = &f->sides[COACHEE].leg.lines[AP_LINE_CAMERA];
	assert_int_equal(rtp.pt, to->pt);
	assert_int_equal(rtp.ssrc, to->local_ssrc);
	assert_int_equal(rtp.seq, 1000);
	assert_int_equal(rtp.ts, 5000);
	assert_int_equal(rtp.payload, 7);
	assert_memory_equal(packet->bytes + rtp.header, "picture", 7);
	ap_rtp_find_exts(&rtp, to->ext, &exts);
	assert_int_equal(exts.len[AP_EXT_MID], 6);
	assert_memory_equal(exts.value[AP_EXT_MID], "camera", 6);
	assert_int_equal(exts.value[AP_EXT_TWCC][1], 77);
	assert_null(exts.value[AP_EXT_AUDIO_LEVEL]);
}

static void both_directions_and_audio_work(void **state)
{
	struct ap_media_fixture *f = *state;
	struct ap_rtp rtp;
	for (int from = 0; from < 2; from++) {
		struct ap_fixture_rtp sent = {
			.line = AP_LINE_AUDIO, .seq = 7, .ts = 960, .twcc = -1, .payload = "opus", .len = 4};
		g_autofree struct ap_peer_packet *packet = pass(f, from, &sent, &rtp);
		assert_int_equal(rtp.pt, f->sides[1 - from].leg.lines[AP_LINE_AUDIO].pt);
		assert_int_equal(rtp.profile, 0);
	}
}

static void a_payload_type_nobody_negotiated_goes_nowhere(void **state)
{
	struct ap_media_fixture *f = *state;
	struct ap_rtp header = {.pt = 35, .seq = 1, .ssrc = 99};
	uint8_t bytes[64];
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	ap_rtp_write_header(&w, &header, &(struct ap_rtp_exts){0}, f->sides[COACH].leg.lines[0].ext);
	ap_write_label(&w, "x");
	ap_peer_send(f->sides[COACH].peer, false, bytes, w.len);
	ap_fixture_expect_silence(f, COACHEE);
	assert_int_equal(ap_fixture_counter(f, "drop_unmapped_total"), 1);
}

static void a_new_ssrc_continues_the_stream(void **state)
{
	struct ap_media_fixture *f = *state;
	struct ap_rtp rtp;
	struct ap_fixture_rtp sent = {
		.line = AP_LINE_CAMERA, .seq = 65535, .ts = 9000, .twcc = 500, .payload = "a", .len = 1};
	g_free(pass(f, COACH, &sent, &rtp));
	uint32_t ts = rtp.ts;
	sent = (struct ap_fixture_rtp){.line = AP_LINE_CAMERA,
				       .ssrc = 0xabcdef,
				       .seq = 4000,
				       .ts = 123456,
				       .with_mid = true,
				       .twcc = 501,
				       .payload = "b",
				       .len = 1};
	g_free(pass(f, COACH, &sent, &rtp));
	assert_int_equal(rtp.seq, 0);
	assert_int_equal(rtp.ssrc, f->sides[COACHEE].leg.lines[AP_LINE_CAMERA].local_ssrc);
	assert_in_range(rtp.ts - ts, 1, 90000);
	/* What is left of the old source does not disturb the new one. */
	sent = (struct ap_fixture_rtp){
		.line = AP_LINE_CAMERA, .seq = 1, .ts = 9100, .twcc = 502, .payload = "c", .len = 1};
	ap_fixture_send(f, COACH, &sent);
	ap_fixture_expect_silence(f, COACHEE);
}

static void a_replaced_leg_continues_sequence_and_transport_numbers(void **state)
{
	struct ap_media_fixture *f = *state;
	struct ap_rtp rtp;
	struct ap_rtp_exts exts;
	struct ap_fixture_rtp sent = {
		.line = AP_LINE_CAMERA, .seq = 300, .ts = 1, .twcc = 40, .payload = "a", .len = 1};
	g_free(pass(f, COACH, &sent, &rtp));
	ap_fixture_make(f, COACH, NULL);
	ap_fixture_put(f, COACH);
	ap_fixture_wait_ready(f, COACH);
	sent = (struct ap_fixture_rtp){
		.line = AP_LINE_CAMERA, .seq = 9, .ts = 7, .with_mid = true, .twcc = 1, .payload = "b", .len = 1};
	g_autofree struct ap_peer_packet *packet = pass(f, COACH, &sent, &rtp);
	assert_int_equal(rtp.seq, 301);
	ap_rtp_find_exts(&rtp, f->sides[COACHEE].leg.lines[AP_LINE_CAMERA].ext, &exts);
	assert_int_equal(exts.value[AP_EXT_TWCC][0] << 8 | exts.value[AP_EXT_TWCC][1], 41);
}

static void rtx_crosses_with_the_original_number_translated(void **state)
{
	struct ap_media_fixture *f = *state;
	struct ap_rtp rtp;
	struct ap_fixture_rtp sent = {.line = AP_LINE_CAMERA, .seq = 10, .ts = 1, .twcc = -1, .payload = "a", .len = 1};
	g_free(pass(f, COACH, &sent, &rtp));
	sent.ssrc = 0x5555;
	sent.seq = 100;
	g_free(pass(f, COACH, &sent, &rtp));
	assert_int_equal(rtp.seq, 11);
	sent = (struct ap_fixture_rtp){.line = AP_LINE_CAMERA,
				       .rtx = true,
				       .seq = 5,
				       .ts = 1,
				       .twcc = -1,
				       .payload = "\0\x64"
						  "again",
				       .len = 7};
	g_autofree struct ap_peer_packet *packet = pass(f, COACH, &sent, &rtp);
	const struct ap_leg_line *to = &f->sides[COACHEE].leg.lines[AP_LINE_CAMERA];
	assert_int_equal(rtp.pt, to->rtx_pt);
	assert_int_equal(rtp.ssrc, to->local_rtx_ssrc);
	assert_memory_equal(packet->bytes + rtp.header,
			    "\0\x0b"
			    "again",
			    7);
}

static void connect_without_rtx(struct ap_media_fixture *f, int side)
{
	ap_fixture_make(f, side, &(struct ap_peer_options){.address = f->address});
	for (int i = 0; i < AP_LINES; i++) {
		f->sides[side].leg.lines[i].rtx_pt = 0;
		f->sides[side].leg.lines[i].local_rtx_ssrc = 0;
	}
	ap_fixture_put(f, side);
	ap_fixture_wait_ready(f, side);
}

static void repeat(struct ap_media_fixture *f, uint16_t rtx_seq, const char *payload, size_t len)
{
	struct ap_fixture_rtp sent = {
		.line = AP_LINE_CAMERA, .rtx = true, .seq = rtx_seq, .ts = 1, .twcc = -1, .payload = payload, .len = len};
	ap_fixture_send(f, COACH, &sent);
}

/* What was lost before it came to us goes plainly to one that knows no RTX; a number that it was sent already never
 * leaves a second time. */
static void what_was_missing_goes_plainly_to_one_without_rtx(void **state)
{
	struct ap_media_fixture *f = *state;
	struct ap_rtp rtp;
	struct ap_fixture_rtp sent = {.line = AP_LINE_CAMERA, .seq = 10, .ts = 1, .twcc = -1, .payload = "a", .len = 1};
	connect_without_rtx(f, COACHEE);
	g_free(pass(f, COACH, &sent, &rtp));
	sent.seq = 12;
	g_free(pass(f, COACH, &sent, &rtp));
	assert_int_equal(rtp.seq, 12);
	repeat(f, 1, "\0\x0b" "again", 7);
	repeat(f, 2, "\0\x0b" "again", 7);
	repeat(f, 3, "\0\x0a" "again", 7);
	repeat(f, 4, "\0\x0b", 2);
	g_autofree struct ap_peer_packet *packet = ap_fixture_expect(f, COACHEE, false);
	assert_true(ap_rtp_parse(packet->bytes, packet->len, &rtp));
	const struct ap_leg_line *to = &f->sides[COACHEE].leg.lines[AP_LINE_CAMERA];
	assert_int_equal(rtp.pt, to->pt);
	assert_int_equal(rtp.ssrc, to->local_ssrc);
	assert_int_equal(rtp.seq, 11);
	assert_int_equal(rtp.payload, 5);
	assert_memory_equal(packet->bytes + rtp.header, "again", 5);
	sent.seq = 13;
	g_free(pass(f, COACH, &sent, &rtp));
	assert_int_equal(rtp.seq, 13);
}

static void write_feedback(struct ap_writer *w, uint8_t type, uint8_t format, uint32_t media, const void *fci,
			   size_t len)
{
	ap_write_u8(w, 0x80 | format);
	ap_write_u8(w, type);
	ap_write_u16(w, (uint16_t)(2 + len / 4));
	ap_write_u32(w, 1);
	ap_write_u32(w, media);
	ap_write_bytes(w, fci, len);
}

/* RTCP of the coachee about the coach's camera, as the coach hears it. */
static struct ap_peer_packet *feed_back(struct ap_media_fixture *f, uint8_t type, uint8_t format, const void *fci,
					size_t len)
{
	uint8_t bytes[200];
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	write_feedback(&w, type, format, f->sides[COACHEE].leg.lines[AP_LINE_CAMERA].local_ssrc, fci, len);
	ap_peer_send(f->sides[COACHEE].peer, true, bytes, w.len);
	return ap_fixture_expect(f, COACH, true);
}

/* The coach's camera changes its source: 10 becomes 10, then 500 becomes 11. */
static void send_from_two_sources(struct ap_media_fixture *f)
{
	struct ap_rtp rtp;
	struct ap_fixture_rtp sent = {.line = AP_LINE_CAMERA, .seq = 10, .ts = 1, .twcc = 20, .payload = "a", .len = 1};
	g_free(pass(f, COACH, &sent, &rtp));
	sent.ssrc = 0x5555;
	sent.seq = 500;
	sent.twcc = 21;
	g_free(pass(f, COACH, &sent, &rtp));
	sent.seq = 504;
	sent.twcc = 25;
	g_free(pass(f, COACH, &sent, &rtp));
	ap_fixture_flush(f, COACH);
}

static void nack_speaks_of_the_senders_own_numbers(void **state)
{
	struct ap_media_fixture *f = *state;
	send_from_two_sources(f);
	/* 10 of the old source and 12, 13 of the new one */
	g_autofree struct ap_peer_packet *packet = feed_back(f, 205, 1, "\x00\x0a\x00\x06", 4);
	struct ap_reader r = ap_reader_over(packet->bytes, packet->len);
	assert_int_equal(ap_read_u32(&r), 0x81cd0003);
	assert_int_equal(ap_read_u32(&r), f->sides[COACH].leg.lines[AP_LINE_AUDIO].local_ssrc);
	assert_int_equal(ap_read_u32(&r), 0x5555);
	assert_int_equal(ap_read_u16(&r), 501);
	assert_int_equal(ap_read_u16(&r), 1);
}

static void transport_feedback_speaks_of_the_senders_own_numbers(void **state)
{
	struct ap_media_fixture *f = *state;
	struct ap_rtp rtp;
	ap_fixture_make(f, COACH, NULL);
	ap_fixture_put(f, COACH);
	ap_fixture_wait_ready(f, COACH);
	struct ap_fixture_rtp sent = {
		.line = AP_LINE_CAMERA, .seq = 1, .ts = 1, .with_mid = true, .twcc = 9, .payload = "a", .len = 1};
	g_free(pass(f, COACH, &sent, &rtp));
	ap_fixture_make(f, COACH, NULL);
	ap_fixture_put(f, COACH);
	ap_fixture_wait_ready(f, COACH);
	sent.twcc = 3000;
	g_free(pass(f, COACH, &sent, &rtp)); /* number 10 to the receiver */
	ap_fixture_flush(f, COACH);
	g_autofree struct ap_peer_packet *packet =
		feed_back(f, 205, 15, "\x00\x0a\x00\x01\x00\x00\x01\x00\x20\x01\x10\x00", 12);
	struct ap_reader r = ap_reader_over(packet->bytes, packet->len);
	assert_int_equal(ap_read_u32(&r), 0x8fcd0005);
	ap_read_skip(&r, 4);
	assert_int_equal(ap_read_u32(&r), ap_fixture_ssrc(COACH, AP_LINE_CAMERA, false));
	assert_int_equal(ap_read_u16(&r), 3000);
	assert_memory_equal(ap_read_span(&r, 10), "\x00\x01\x00\x00\x01\x00\x20\x01\x10\x00", 10);
}

/* The coach's camera runs. */
static void show(struct ap_media_fixture *f, uint32_t ssrc, uint16_t seq, int ms)
{
	for (; ms > 0; ms -= 100) {
		ap_fixture_send(f, COACH,
				&(struct ap_fixture_rtp){.line = AP_LINE_CAMERA, .ssrc = ssrc, .seq = ++seq, .with_mid = true,
							 .twcc = -1, .payload = "x", .len = 1});
		ap_fixture_run(f, 100);
	}
}

/* A request is one packet, and so may be lost, and not every client asks by itself: one that came when the sender's
 * picture ran already saw nothing for ever. */
static void a_newcomers_keyframe_is_asked_for_thrice(void **state)
{
	struct ap_media_fixture *f = *state;
	uint64_t before = ap_fixture_counter(f, "keyframes_requested_total");
	show(f, 0x7777, 1, 2000);
	assert_int_equal(ap_fixture_counter(f, "keyframes_requested_total"), before + 3);
}

static void a_receivers_pli_becomes_ours_and_is_throttled(void **state)
{
	struct ap_media_fixture *f = *state;
	send_from_two_sources(f);
	show(f, 0x5555, 2000, 2000); /* those asked for at connection are over */
	ap_fixture_flush(f, COACH);
	uint64_t before = ap_fixture_counter(f, "keyframes_requested_total");
	g_autofree struct ap_peer_packet *packet = feed_back(f, 206, 1, NULL, 0);
	struct ap_reader r = ap_reader_over(packet->bytes, packet->len);
	assert_int_equal(ap_read_u32(&r), 0x80c90001);
	ap_read_skip(&r, 4);
	assert_int_equal(ap_read_u32(&r), 0x81ce0002);
	assert_int_equal(ap_read_u32(&r), f->sides[COACH].leg.lines[AP_LINE_CAMERA].local_ssrc);
	assert_int_equal(ap_read_u32(&r), 0x5555);
	uint8_t bytes[200];
	for (int i = 0; i < 10; i++) {
		struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
		write_feedback(&w, 206, 1, f->sides[COACHEE].leg.lines[AP_LINE_CAMERA].local_ssrc, NULL, 0);
		ap_peer_send(f->sides[COACHEE].peer, true, bytes, w.len);
	}
	ap_fixture_run(f, 150);
	assert_int_equal(ap_fixture_counter(f, "keyframes_requested_total"), before + 1);
	ap_fixture_run(f, 700); /* the throttled one comes late, but comes */
	assert_int_equal(ap_fixture_counter(f, "keyframes_requested_total"), before + 2);
}

static void reports_are_translated(void **state)
{
	struct ap_media_fixture *f = *state;
	struct ap_rtp rtp;
	struct ap_fixture_rtp sent = {
		.line = AP_LINE_AUDIO, .seq = 10, .ts = 1000, .twcc = -1, .payload = "a", .len = 1};
	g_free(pass(f, COACH, &sent, &rtp));
	uint8_t bytes[100];
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	ap_write_u32(&w, 0x80c80006);
	ap_write_u32(&w, ap_fixture_ssrc(COACH, AP_LINE_AUDIO, false));
	ap_write_u64(&w, 0x1122334455667788);
	ap_write_u32(&w, 1000);
	ap_write_u64(&w, 0x0000000100000001);
	ap_peer_send(f->sides[COACH].peer, true, bytes, w.len);
	g_autofree struct ap_peer_packet *packet = ap_fixture_expect(f, COACHEE, true);
	struct ap_reader r = ap_reader_over(packet->bytes, packet->len);
	assert_int_equal(ap_read_u32(&r), 0x80c80006);
	assert_int_equal(ap_read_u32(&r), f->sides[COACHEE].leg.lines[AP_LINE_AUDIO].local_ssrc);
	assert_true(ap_read_u64(&r) == 0x1122334455667788);
	assert_int_equal(ap_read_u32(&r), 1000);
}

static void many_packets_cross_without_loss(void **state)
{
	struct ap_media_fixture *f = *state;
	uint8_t payload[1100] = {0};
	for (int i = 0; i < 2000; i++) {
		struct ap_fixture_rtp sent = {.line = AP_LINE_CAMERA,
					      .seq = (uint16_t)(65000 + i),
					      .ts = (uint32_t)i * 300,
					      .twcc = i,
					      .payload = payload,
					      .len = sizeof payload};
		ap_fixture_send(f, i % 2, &sent);
		if (i % 50 == 49)
			ap_fixture_run(f, 2);
	}
	for (int i = 0; i < 2000; i++)
		g_free(ap_fixture_expect(f, i % 2, false));
}

#define CONNECTED(test) cmocka_unit_test_setup_teardown(test, open_connected, close_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONNECTED(media_crosses_with_every_number_mapped),
		CONNECTED(both_directions_and_audio_work),
		CONNECTED(a_payload_type_nobody_negotiated_goes_nowhere),
		CONNECTED(a_new_ssrc_continues_the_stream),
		CONNECTED(a_replaced_leg_continues_sequence_and_transport_numbers),
		CONNECTED(rtx_crosses_with_the_original_number_translated),
		CONNECTED(what_was_missing_goes_plainly_to_one_without_rtx),
		CONNECTED(nack_speaks_of_the_senders_own_numbers),
		CONNECTED(transport_feedback_speaks_of_the_senders_own_numbers),
		CONNECTED(a_newcomers_keyframe_is_asked_for_thrice),
		CONNECTED(a_receivers_pli_becomes_ours_and_is_throttled),
		CONNECTED(reports_are_translated),
		CONNECTED(many_packets_cross_without_loss),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
