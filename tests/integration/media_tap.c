/* The tap: what a gate's reader sees, and that a slow or vanished one is never felt by the call. */
#include "tests/testlib/media_fixture.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PORT = 24020, COACH = AP_FIXTURE_COACH, COACHEE = AP_FIXTURE_COACHEE, GENERATION = 77 };

struct gate {
	struct ap_media_fixture f;
	int reader; /* -1: closed */
};

static void on_done(void *ctx)
{
	((struct ap_media_fixture *)ctx)->done++;
}

static void on_tap_closed(void *ctx, uint64_t packets, uint64_t dropped)
{
	struct ap_media_fixture *f = ctx;
	f->tap_packets = packets;
	f->tap_dropped = dropped;
	f->tap_closed++;
}

static bool is_done(void *f)
{
	return ((struct ap_media_fixture *)f)->done > 0;
}

static bool is_tap_closed(void *f)
{
	return ((struct ap_media_fixture *)f)->tap_closed > 0;
}

static bool is_tap_lost(void *f)
{
	return ((struct ap_media_fixture *)f)->taps_lost > 0;
}

static int open_gate(void **state)
{
	struct gate *g = g_new0(struct gate, 1);
	int ends[2];
	ap_fixture_open(&g->f, PORT, "127.0.0.1");
	ap_fixture_connect_both(&g->f);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	g->reader = ends[0];
	ap_media_open_tap(g->f.media, g->f.worker, &g->f.sides[0].leg.session, GENERATION, ends[1], on_done, &g->f);
	assert_true(ap_peer_wait(g->f.context, is_done, &g->f, 2000));
	*state = g;
	return 0;
}

static int close_gate(void **state)
{
	struct gate *g = *state;
	ap_fixture_close(&g->f);
	if (g->reader >= 0)
		close(g->reader);
	g_free(g);
	return 0;
}

static size_t read_gate(struct gate *g, uint8_t bytes[AP_GATE_DATAGRAM], struct ap_gate_header *ret_header)
{
	struct pollfd p = {.fd = g->reader, .events = POLLIN};
	assert_int_equal(poll(&p, 1, 2000), 1);
	ssize_t n = recv(g->reader, bytes, AP_GATE_DATAGRAM, 0);
	assert_true(n > AP_GATE_HEADER);
	struct ap_reader r = ap_reader_over(bytes, (size_t)n);
	assert_true(ap_gate_header_read(&r, ret_header));
	assert_true(ret_header->generation == GENERATION);
	assert_true(ret_header->arrival_ns > 0);
	return (size_t)n;
}

static void expect_rtp(struct gate *g, enum ap_role role, enum ap_line line, uint16_t seq, uint32_t ssrc,
		       const char *payload)
{
	uint8_t bytes[AP_GATE_DATAGRAM];
	struct ap_gate_header h;
	struct ap_rtp rtp;
	size_t n = read_gate(g, bytes, &h);
	assert_int_equal(h.kind, AP_GATE_RTP);
	assert_int_equal(h.role, role);
	assert_int_equal(h.line, line);
	assert_true(ap_rtp_parse(bytes + AP_GATE_HEADER, n - AP_GATE_HEADER, &rtp));
	assert_int_equal(rtp.pt, line == AP_LINE_AUDIO ? AP_GATE_PT_AUDIO : AP_GATE_PT_VIDEO);
	assert_int_equal(rtp.seq, seq);
	assert_int_equal(rtp.ssrc, ssrc);
	assert_int_equal(rtp.payload, strlen(payload));
	assert_memory_equal(bytes + AP_GATE_HEADER + rtp.header, payload, strlen(payload));
}

static void send_one(struct gate *g, int side, enum ap_line line, uint16_t seq, const char *payload)
{
	struct ap_fixture_rtp sent = {.line = line,
				      .seq = seq,
				      .ts = 1,
				      .with_mid = true,
				      .twcc = 3,
				      .payload = payload,
				      .len = strlen(payload)};
	ap_fixture_send(&g->f, side, &sent);
	g_free(ap_fixture_expect(&g->f, 1 - side, false));
}

static void both_persons_media_comes_in_the_senders_numbers(void **state)
{
	struct gate *g = *state;
	send_one(g, COACH, AP_LINE_CAMERA, 500, "picture");
	send_one(g, COACHEE, AP_LINE_AUDIO, 9, "voice");
	expect_rtp(g, AP_COACH, AP_LINE_CAMERA, 500, ap_fixture_ssrc(COACH, AP_LINE_CAMERA, false), "picture");
	expect_rtp(g, AP_COACHEE, AP_LINE_AUDIO, 9, ap_fixture_ssrc(COACHEE, AP_LINE_AUDIO, false), "voice");
}

static void a_repeated_packet_is_restored(void **state)
{
	struct gate *g = *state;
	uint32_t ssrc = ap_fixture_ssrc(COACH, AP_LINE_CAMERA, false);
	send_one(g, COACH, AP_LINE_CAMERA, 500, "picture");
	expect_rtp(g, AP_COACH, AP_LINE_CAMERA, 500, ssrc, "picture");
	struct ap_fixture_rtp rtx = {.line = AP_LINE_CAMERA,
				     .rtx = true,
				     .seq = 3,
				     .ts = 1,
				     .twcc = 4,
				     .payload = "\x01\xf3"
						"repeated",
				     .len = 10};
	ap_fixture_send(&g->f, COACH, &rtx);
	g_free(ap_fixture_expect(&g->f, COACHEE, false));
	expect_rtp(g, AP_COACH, AP_LINE_CAMERA, 499, ssrc, "repeated");
}

static void sender_reports_come_alone_and_unchanged(void **state)
{
	struct gate *g = *state;
	uint8_t bytes[AP_GATE_DATAGRAM];
	struct ap_gate_header h;
	send_one(g, COACHEE, AP_LINE_CAMERA, 1, "x");
	expect_rtp(g, AP_COACHEE, AP_LINE_CAMERA, 1, ap_fixture_ssrc(COACHEE, AP_LINE_CAMERA, false), "x");
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	ap_write_u32(&w, 0x80c80006);
	ap_write_u32(&w, ap_fixture_ssrc(COACHEE, AP_LINE_CAMERA, false));
	ap_write_u64(&w, 0x0102030405060708);
	ap_write_u32(&w, 90);
	ap_write_u64(&w, 0x0000000200000003);
	ap_peer_send(g->f.sides[COACHEE].peer, true, bytes, w.len);
	g_free(ap_fixture_expect(&g->f, COACH, true));
	uint8_t got[AP_GATE_DATAGRAM];
	assert_int_equal(read_gate(g, got, &h), AP_GATE_HEADER + 28);
	assert_int_equal(h.kind, AP_GATE_RTCP_SR);
	assert_int_equal(h.role, AP_COACHEE);
	assert_int_equal(h.line, AP_LINE_CAMERA);
	assert_memory_equal(got + AP_GATE_HEADER, bytes, 28);
}

/* The coach sounds all the time: a silent client is asked more often. */
static void talk(struct gate *g, int ms)
{
	static uint16_t seq;
	for (; ms > 0; ms -= 100) {
		send_one(g, COACH, AP_LINE_AUDIO, ++seq, "voice");
		ap_fixture_run(&g->f, 100);
	}
}

/* A request is one packet, which may be lost, and the next regular one is two seconds away. */
static void a_keyframe_is_asked_for_thrice_at_an_opening(void **state)
{
	struct gate *g = *state;
	send_one(g, COACH, AP_LINE_CAMERA, 1, "x");
	uint64_t before = ap_fixture_counter(&g->f, "keyframes_requested_total");
	talk(g, 1600);
	assert_int_equal(ap_fixture_counter(&g->f, "keyframes_requested_total") - before, 3);
}

static void keyframes_are_asked_for_every_two_seconds(void **state)
{
	struct gate *g = *state;
	send_one(g, COACH, AP_LINE_CAMERA, 1, "x");
	talk(g, 1600); /* the opening's are over */
	uint64_t before = ap_fixture_counter(&g->f, "keyframes_requested_total");
	talk(g, 4200);
	assert_in_range(ap_fixture_counter(&g->f, "keyframes_requested_total") - before, 2, 3);
}

static void a_reader_that_does_not_read_costs_only_its_own_packets(void **state)
{
	struct gate *g = *state;
	char payload[1001] = {0};
	enum { COUNT = 1000 };
	for (size_t i = 0; i + 1 < sizeof payload; i++)
		payload[i] = 'p';
	for (uint16_t i = 0; i < COUNT; i++)
		send_one(g, COACH, AP_LINE_CAMERA, i, payload);
	ap_media_close_tap(g->f.media, g->f.worker, &g->f.sides[0].leg.session, GENERATION, on_tap_closed, &g->f);
	assert_true(ap_peer_wait(g->f.context, is_tap_closed, &g->f, 2000));
	assert_true(g->f.tap_dropped > 0);
	assert_int_equal(g->f.tap_packets + g->f.tap_dropped, COUNT);
	assert_int_equal(g->f.taps_lost, 0);
}

static void a_reader_that_is_gone_is_reported_and_the_call_goes_on(void **state)
{
	struct gate *g = *state;
	send_one(g, COACH, AP_LINE_CAMERA, 1, "x");
	close(g->reader);
	g->reader = -1;
	send_one(g, COACH, AP_LINE_CAMERA, 2, "x");
	assert_true(ap_peer_wait(g->f.context, is_tap_lost, &g->f, 2000));
	send_one(g, COACH, AP_LINE_CAMERA, 3, "x");
	send_one(g, COACHEE, AP_LINE_AUDIO, 3, "x");
	assert_int_equal(g->f.taps_lost, 1);
}

static void closing_ends_the_descriptor_before_it_answers(void **state)
{
	struct gate *g = *state;
	uint8_t byte;
	send_one(g, COACH, AP_LINE_AUDIO, 1, "x");
	ap_media_close_tap(g->f.media, g->f.worker, &g->f.sides[0].leg.session, GENERATION + 1, on_tap_closed, &g->f);
	assert_true(ap_peer_wait(g->f.context, is_tap_closed, &g->f, 2000));
	assert_int_equal(g->f.tap_packets, 0); /* another generation: still open */
	g->f.tap_closed = 0;
	ap_media_close_tap(g->f.media, g->f.worker, &g->f.sides[0].leg.session, GENERATION, on_tap_closed, &g->f);
	assert_true(ap_peer_wait(g->f.context, is_tap_closed, &g->f, 2000));
	assert_int_equal(g->f.tap_packets, 1);
	expect_rtp(g, AP_COACH, AP_LINE_AUDIO, 1, ap_fixture_ssrc(COACH, AP_LINE_AUDIO, false), "x");
	assert_int_equal(recv(g->reader, &byte, 1, MSG_DONTWAIT), 0); /* its end is there already */
	send_one(g, COACH, AP_LINE_AUDIO, 2, "x");
}

#define GATE(test) cmocka_unit_test_setup_teardown(test, open_gate, close_gate)

int main(void)
{
	const struct CMUnitTest tests[] = {
		GATE(both_persons_media_comes_in_the_senders_numbers),
		GATE(a_repeated_packet_is_restored),
		GATE(sender_reports_come_alone_and_unchanged),
		GATE(a_keyframe_is_asked_for_thrice_at_an_opening),
		GATE(keyframes_are_asked_for_every_two_seconds),
		GATE(a_reader_that_does_not_read_costs_only_its_own_packets),
		GATE(a_reader_that_is_gone_is_reported_and_the_call_goes_on),
		GATE(closing_ends_the_descriptor_before_it_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
