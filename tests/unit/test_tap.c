#include "gateway/tap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const struct ap_tap_from FROM = {.role = AP_COACHEE, .line = AP_LINE_CAMERA, .arrival_ns = 123};
/* marker, payload type 120, padded by two, "pay" */
static const uint8_t PACKET[] = {0xa0, 0xf8, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 'p', 'a', 'y', 0, 2};

struct fixture {
	int reader;
	struct ap_tap *tap;
	struct ap_tap_batch *batch;
};

static int set_up(void **state)
{
	static struct fixture f;
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	f = (struct fixture){ends[0], ap_tap_new(ends[1], 5), ap_tap_batch_new()};
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	ap_tap_free(f->tap);
	ap_tap_batch_free(f->batch);
	if (f->reader >= 0)
		close(f->reader);
	return 0;
}

static void tap_packet(struct fixture *f)
{
	struct ap_rtp rtp;
	assert_true(ap_rtp_parse(PACKET, sizeof PACKET, &rtp));
	ap_tap_rtp(f->batch, f->tap, &FROM, PACKET, &rtp);
}

static void a_packet_keeps_all_but_its_payload_type_and_padding(void **state)
{
	struct fixture *f = *state;
	uint8_t got[AP_GATE_DATAGRAM];
	struct ap_gate_header h = {0};
	tap_packet(f);
	assert_int_equal(recv(f->reader, got, sizeof got, MSG_DONTWAIT), -1); /* not before the flush */
	assert_int_equal(ap_tap_flush(f->batch).written, 1);
	assert_int_equal(recv(f->reader, got, sizeof got, MSG_DONTWAIT), AP_GATE_HEADER + 15);
	struct ap_reader r = ap_reader_over(got, sizeof got);
	assert_true(ap_gate_header_read(&r, &h));
	assert_true(h.generation == 5 && h.arrival_ns == 123 && h.role == AP_COACHEE && h.line == AP_LINE_CAMERA);
	assert_memory_equal(got + AP_GATE_HEADER, "\x80\xe0\0\x09\0\0\0\1\0\0\0\2pay", 15);
}

static void an_rtx_packet_without_payload_is_nothing(void **state)
{
	struct fixture *f = *state;
	const uint8_t probe[] = {0x80, 0x79, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0, 9};
	struct ap_rtp rtp;
	assert_true(ap_rtp_parse(probe, sizeof probe, &rtp));
	ap_tap_rtx(f->batch, f->tap, &FROM, probe, &rtp, 7);
	assert_int_equal(ap_tap_flush(f->batch).written, 0);
}

static void a_full_gate_drops_and_counts(void **state)
{
	struct fixture *f = *state;
	uint64_t written = 0, dropped = 0;
	for (int i = 0; i < 5000; i++) {
		tap_packet(f);
		if (i % 50 == 49) {
			struct ap_tap_flushed flushed = ap_tap_flush(f->batch);
			written += flushed.written;
			dropped += flushed.dropped;
			assert_false(flushed.lost);
		}
	}
	assert_true(written > 0 && dropped > 0);
	assert_int_equal(written + dropped, 5000);
	assert_int_equal(ap_tap_packets(f->tap), written);
	assert_int_equal(ap_tap_dropped(f->tap), dropped);
}

static void a_gate_without_reader_is_lost_once(void **state)
{
	struct fixture *f = *state;
	close(f->reader);
	f->reader = -1;
	tap_packet(f);
	assert_true(ap_tap_flush(f->batch).lost);
	assert_true(ap_tap_lost(f->tap));
	tap_packet(f);
	struct ap_tap_flushed flushed = ap_tap_flush(f->batch);
	assert_false(flushed.lost);
	assert_int_equal(flushed.dropped, 1);
}

static void what_is_longer_than_a_gate_takes_is_dropped(void **state)
{
	struct fixture *f = *state;
	uint8_t big[AP_MAX_PACKET + 1] = {0x80, 120, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2};
	struct ap_rtp rtp;
	assert_true(ap_rtp_parse(big, sizeof big, &rtp));
	ap_tap_rtp(f->batch, f->tap, &FROM, big, &rtp);
	assert_int_equal(ap_tap_flush(f->batch).dropped, 1);
	assert_true(ap_rtp_parse(big, sizeof big - 1, &rtp));
	ap_tap_rtp(f->batch, f->tap, &FROM, big, &rtp);
	assert_int_equal(ap_tap_flush(f->batch).written, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_packet_keeps_all_but_its_payload_type_and_padding),
		TEST(an_rtx_packet_without_payload_is_nothing),
		TEST(a_full_gate_drops_and_counts),
		TEST(a_gate_without_reader_is_lost_once),
		TEST(what_is_longer_than_a_gate_takes_is_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
