#include "gateway/stream.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint16_t forward(struct ap_seqmap *m, uint16_t in)
{
	uint16_t out = 0;
	assert_true(ap_seqmap_forward(m, in, &out));
	return out;
}

static void the_first_source_keeps_its_numbers(void **state)
{
	(void)state;
	struct ap_seqmap m = {0};
	uint32_t back = 0;
	assert_int_equal(forward(&m, 65534), 65534);
	assert_int_equal(forward(&m, 65533), 65533); /* overtaken by the first */
	assert_int_equal(forward(&m, 1), 1);
	assert_true(ap_seqmap_back(&m, 1, &back));
	assert_int_equal(back, 65537);
	assert_true(ap_seqmap_back(&m, 65535, &back)); /* lost, never forwarded, but the source sent it */
	assert_false(ap_seqmap_back(&m, 2, &back));    /* not yet */
}

static void the_next_source_goes_on_right_behind(void **state)
{
	(void)state;
	struct ap_seqmap m = {0};
	uint16_t out;
	uint32_t back = 0;
	forward(&m, 65535);
	ap_seqmap_unbind(&m);
	assert_int_equal(forward(&m, 7000), 0);
	assert_int_equal(forward(&m, 7002), 2);
	assert_false(ap_seqmap_forward(&m, 6999, &out)); /* its number is the old source's */
	assert_true(ap_seqmap_back(&m, 1, &back));
	assert_int_equal(back, 7001);
	assert_false(ap_seqmap_back(&m, 65535, &back));
	assert_true(ap_seqmap_peek(&m, 7009, &out));
	assert_int_equal(out, 9);
	assert_false(ap_seqmap_back(&m, 9, &back)); /* peeking takes no note */
}

static void nothing_is_mapped_without_a_source(void **state)
{
	(void)state;
	struct ap_seqmap m = {0};
	uint16_t out;
	uint32_t back;
	assert_false(ap_seqmap_peek(&m, 1, &out));
	assert_false(ap_seqmap_back(&m, 1, &back));
}

/* However sources come and go, no outgoing number is ever used by two packets in order. */
static void outgoing_numbers_only_grow(void **state)
{
	(void)state;
	g_autoptr(GRand) random = g_rand_new_with_seed(4242);
	struct ap_seqmap m = {0};
	print_message("seed 4242\n");
	uint16_t in = 65000, last = forward(&m, in);
	for (int i = 0; i < 200000; i++) {
		if (g_rand_int_range(random, 0, 1000) == 0) {
			ap_seqmap_unbind(&m);
			in = (uint16_t)g_rand_int(random);
		} else {
			in = (uint16_t)(in + g_rand_int_range(random, 1, 5));
		}
		uint16_t out = forward(&m, in);
		uint32_t back = 0;
		assert_in_range((uint16_t)(out - last), 1, 4);
		assert_true(ap_seqmap_back(&m, out, &back));
		assert_int_equal((uint16_t)back, in);
		last = out;
	}
}

static void timestamps_go_on_with_the_time_that_passed(void **state)
{
	(void)state;
	struct ap_stream s = {0};
	struct ap_rtp rtp = {.seq = 1, .ts = 1000};
	assert_true(ap_stream_forward(&s, 90000, 1000000000, &rtp));
	assert_int_equal(rtp.ts, 1000);
	ap_stream_unbind(&s);
	rtp = (struct ap_rtp){.seq = 500, .ts = 0xfffffff0};
	assert_true(ap_stream_forward(&s, 90000, 3000000000, &rtp));
	assert_int_equal(rtp.seq, 2);
	assert_int_equal(rtp.ts, 1000 + 180000 + 1);
	rtp = (struct ap_rtp){.seq = 501, .ts = 0x10};
	assert_true(ap_stream_forward(&s, 90000, 3000000000, &rtp));
	assert_int_equal(rtp.ts, 1000 + 180000 + 1 + 0x20);
}

static void rtx_follows_its_stream(void **state)
{
	(void)state;
	struct ap_stream s = {0};
	struct ap_rtp rtp = {.seq = 9, .ts = 1};
	uint16_t osn = 10;
	assert_false(ap_stream_forward_rtx(&s, &rtp, &osn)); /* nothing to repeat yet */
	rtp = (struct ap_rtp){.seq = 10, .ts = 1};
	assert_true(ap_stream_forward(&s, 90000, 1, &rtp));
	ap_stream_unbind(&s);
	rtp = (struct ap_rtp){.seq = 50, .ts = 1};
	assert_true(ap_stream_forward(&s, 90000, 1, &rtp));
	rtp = (struct ap_rtp){.seq = 700, .ts = 1};
	osn = 50;
	assert_true(ap_stream_forward_rtx(&s, &rtp, &osn));
	assert_int_equal(osn, 11);
	osn = 49; /* the old source's */
	assert_false(ap_stream_forward_rtx(&s, &rtp, &osn));
}

static void describe(struct ap_leg_line lines[AP_LINES])
{
	memset(lines, 0, AP_LINES * sizeof *lines);
	for (int i = 0; i < AP_LINES; i++) {
		lines[i] = (struct ap_leg_line){.present = true,
						.from_client = true,
						.pt = i ? 96 : 111,
						.rtx_pt = i ? 97 : 0,
						.clock_rate = 90000};
		lines[i].mid[0] = (char)('0' + i);
		lines[i].ext[AP_EXT_MID] = 4;
	}
}

static bool find(struct ap_sources *s, uint32_t ssrc, uint8_t pt, const char *mid, struct ap_origin *origin)
{
	struct ap_rtp rtp = {.ssrc = ssrc, .pt = pt};
	uint8_t element[2] = {0x40, 0};
	if (mid) {
		element[1] = (uint8_t)mid[0];
		rtp.profile = 0xbede;
		rtp.ext = ap_reader_over(element, sizeof element);
	}
	return ap_sources_find(s, &rtp, origin);
}

static void sources_are_found_by_what_is_known(void **state)
{
	(void)state;
	struct ap_leg_line lines[AP_LINES];
	struct ap_sources s;
	struct ap_origin o;
	describe(lines);
	lines[1].remote_ssrc = 0x11;
	lines[1].remote_rtx_ssrc = 0x12;
	ap_sources_init(&s, lines);
	assert_true(find(&s, 0x11, 96, NULL, &o)); /* signalled */
	assert_true(o.line == AP_LINE_CAMERA && !o.rtx && !o.fresh);
	assert_true(find(&s, 0x12, 97, NULL, &o));
	assert_true(o.line == AP_LINE_CAMERA && o.rtx);
	assert_false(find(&s, 0x11, 97, NULL, &o)); /* an SSRC keeps its payload type */
	assert_true(find(&s, 0x21, 96, "2", &o));   /* by mid */
	assert_true(o.line == AP_LINE_SCREEN && o.fresh);
	assert_true(find(&s, 0x21, 96, NULL, &o)); /* learnt */
	assert_true(o.line == AP_LINE_SCREEN && !o.fresh);
	assert_true(find(&s, 0x31, 111, NULL, &o)); /* the only line with that payload type */
	assert_int_equal(o.line, AP_LINE_AUDIO);
	assert_false(find(&s, 0x41, 96, NULL, &o)); /* camera or screen? */
	assert_false(find(&s, 0x41, 96, "7", &o));
	assert_false(find(&s, 0x41, 50, "1", &o));
	assert_false(find(&s, 0, 111, NULL, &o));
}

static void a_new_ssrc_takes_over_and_the_old_one_is_ignored(void **state)
{
	(void)state;
	struct ap_leg_line lines[AP_LINES];
	struct ap_sources s;
	struct ap_origin o;
	describe(lines);
	ap_sources_init(&s, lines);
	assert_true(find(&s, 1, 111, NULL, &o));
	assert_true(find(&s, 2, 111, NULL, &o));
	assert_true(o.fresh);
	assert_false(find(&s, 1, 111, NULL, &o));
	assert_true(find(&s, 2, 111, NULL, &o));
	lines[0].from_client = false;
	assert_false(find(&s, 2, 111, NULL, &o));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_source_keeps_its_numbers),
		cmocka_unit_test(the_next_source_goes_on_right_behind),
		cmocka_unit_test(nothing_is_mapped_without_a_source),
		cmocka_unit_test(outgoing_numbers_only_grow),
		cmocka_unit_test(timestamps_go_on_with_the_time_that_passed),
		cmocka_unit_test(rtx_follows_its_stream),
		cmocka_unit_test(sources_are_found_by_what_is_known),
		cmocka_unit_test(a_new_ssrc_takes_over_and_the_old_one_is_ignored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
