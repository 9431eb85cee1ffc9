#include "gateway/repair.h"
#include "gateway/rtcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* The client sends camera 0x11 (RTX 0x12), received by the peer as 0xa1 (0xa2); it receives 0xb1 (0xb2) from us,
 * which is the peer's 0x21 (0x22), at sequence numbers 1000 lower. */
struct fixture {
	struct ap_seqmap seq, rtx, twcc;
	struct ap_rtcp_map map;
	struct ap_rtcp_seen seen;
	uint8_t in_bytes[256], out_bytes[256];
	struct ap_writer in, out;
};

static void shift(struct ap_seqmap *m, uint16_t last_old, uint16_t first_new, uint16_t last_new)
{
	uint16_t out;
	assert_true(ap_seqmap_forward(m, last_old, &out));
	ap_seqmap_unbind(m);
	assert_true(ap_seqmap_forward(m, first_new, &out));
	assert_true(ap_seqmap_forward(m, last_new, &out));
}

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	shift(&f.seq, 1999, 1000, 1500); /* 1000 becomes 2000 */
	shift(&f.rtx, 99, 10, 20);
	shift(&f.twcc, 599, 100, 200); /* 100 becomes 600 */
	f.map = (struct ap_rtcp_map){
		.sent = {{0x11, 0xa1, 500, AP_LINE_CAMERA, false}, {0x12, 0xa2, 500, AP_LINE_CAMERA, true}},
		.sents = 2,
		.got = {{0xb1, 0x21, &f.seq, AP_LINE_CAMERA, false, true},
			{0xb2, 0x22, &f.rtx, AP_LINE_CAMERA, true, false}},
		.gots = 2,
		.twcc = &f.twcc,
		.our_ssrc = 0xa0};
	f.in = ap_writer_over(f.in_bytes, sizeof f.in_bytes);
	f.out = ap_writer_over(f.out_bytes, sizeof f.out_bytes);
	*state = &f;
	return 0;
}

static void put(struct fixture *f, size_t words, const uint32_t *word)
{
	for (size_t i = 0; i < words; i++)
		ap_write_u32(&f->in, word[i]);
}

#define PUT(f, ...) put(f, sizeof((uint32_t[]){__VA_ARGS__}) / 4, (const uint32_t[]){__VA_ARGS__})

static bool translate(struct fixture *f)
{
	return ap_rtcp_translate(f->in_bytes, f->in.len, &f->map, &f->out, &f->seen);
}

static void expect(struct fixture *f, size_t words, const uint32_t *word)
{
	struct ap_reader r = ap_reader_over(f->out_bytes, f->out.len);
	assert_int_equal(f->out.len, words * 4);
	for (size_t i = 0; i < words; i++)
		assert_int_equal(ap_read_u32(&r), word[i]);
}

#define EXPECT(f, ...) expect(f, sizeof((uint32_t[]){__VA_ARGS__}) / 4, (const uint32_t[]){__VA_ARGS__})

static void a_sender_report_tells_both_sides_numbers(void **state)
{
	struct fixture *f = *state;
	PUT(f, 0x82c80012, 0x11, 0x01020304, 0x05060708, 90000, 7, 8, /* sender info */
	    0xb1, 0x10000005, 0x00032400 + 2100 - 0x2400, 1, 2, 3,    /* about 0x21: high is 2100 with 3 cycles */
	    0x99, 0, 0, 0, 0, 0);                                     /* about nobody */
	assert_true(translate(f));
	EXPECT(f, 0x81c8000c, 0xa1, 0x01020304, 0x05060708, 90500, 7, 8, 0x21, 0x10000005, 1100, 1, 2, 3);
	assert_int_equal(f->seen.srs, 1);
	assert_int_equal(f->seen.sr[0].line, AP_LINE_CAMERA);
	assert_memory_equal(f->seen.sr[0].bytes, "\x80\xc8\0\x06\0\0\0\x11\1\2\3\4\5\6\7\10", 16);
	assert_memory_equal(f->seen.sr[0].bytes + 16, "\x00\x01\x5f\x90", 4); /* its own timestamp */
}

static void an_rtx_report_is_not_for_the_tap(void **state)
{
	struct fixture *f = *state;
	PUT(f, 0x80c80006, 0x12, 1, 2, 3, 4, 5);
	assert_true(translate(f));
	EXPECT(f, 0x80c80006, 0xa2, 1, 2, 503, 4, 5);
	assert_int_equal(f->seen.srs, 0);
}

static void a_receiver_report_of_the_old_source_is_left_out(void **state)
{
	struct fixture *f = *state;
	PUT(f, 0x81c90007, 1, 0xb1, 0, 1990, 1, 2, 3);
	assert_true(translate(f));
	EXPECT(f, 0x80c90001, 0xa0);
}

static void a_report_of_a_source_we_do_not_carry_becomes_a_receiver_report(void **state)
{
	struct fixture *f = *state;
	PUT(f, 0x81c8000c, 0x77, 1, 2, 3, 4, 5, 0xb1, 0, 2001, 1, 2, 3);
	assert_true(translate(f));
	EXPECT(f, 0x81c90007, 0xa0, 0x21, 0, 1001, 1, 2, 3);
}

static void descriptions_change_only_their_ssrc(void **state)
{
	struct fixture *f = *state;
	PUT(f, 0x81ca0003, 0x11, 0x01066170, 0x61727400);
	assert_false(translate(f)); /* the item list does not end in its packet */
	set_up(state);
	PUT(f, 0x81ca0003, 0x11, 0x01046170, 0x61720000);
	assert_true(translate(f));
	EXPECT(f, 0x81ca0003, 0xa1, 0x01046170, 0x61720000);
}

static void bye_app_and_xr_end_here(void **state)
{
	struct fixture *f = *state;
	PUT(f, 0x80c90001, 1, 0x81cb0001, 0x11, 0x80cc0002, 1, 2, 0x80cf0002, 1, 2);
	assert_true(translate(f));
	EXPECT(f, 0x80c90001, 0xa0);
}

static void nack_is_undone(void **state)
{
	struct fixture *f = *state;
	/* 2000, 2001, 2016 of this source; 1999 of the old one with 2000 behind it */
	PUT(f, 0x81cd0004, 1, 0xb1, 2000u << 16 | 0x8001, 1999u << 16 | 0x0001);
	assert_true(translate(f));
	EXPECT(f, 0x81cd0004, 0xa0, 0x21, 1000u << 16 | 0x8001, 1000u << 16);
}

static void nack_of_only_old_packets_is_nothing(void **state)
{
	struct fixture *f = *state;
	PUT(f, 0x81cd0003, 1, 0xb1, 1900u << 16 | 0x8001);
	assert_true(translate(f));
	assert_int_equal(f->out.len, 0);
}

static void no_nack_for_a_sender_without_rtx_or_of_rtx_itself(void **state)
{
	struct fixture *f = *state;
	f->map.got[0].nack = false;
	PUT(f, 0x81cd0003, 1, 0xb1, 2000u << 16, 0x81cd0003, 1, 0xb2, 100u << 16);
	assert_true(translate(f));
	assert_int_equal(f->out.len, 0);
}

static void transport_feedback_is_undone(void **state)
{
	struct fixture *f = *state;
	PUT(f, 0x8fcd0005, 1, 0xb1, 650u << 16 | 2, 0x00000105, 0x20020400);
	assert_true(translate(f));
	EXPECT(f, 0x8fcd0005, 0xa0, 0x21, 150u << 16 | 2, 0x00000105, 0x20020400);
	set_up(state);
	PUT(f, 0x8fcd0005, 1, 0xb1, 590u << 16 | 20, 0x00000105, 0x20020400); /* begins in the old source's */
	assert_true(translate(f));
	assert_int_equal(f->out.len, 0);
}

static void padding_is_taken_off_or_kept_within_the_last_word(void **state)
{
	struct fixture *f = *state;
	PUT(f, 0xafcd0006, 1, 0xb1, 650u << 16 | 2, 0x00000105, 0x20020400, 0x00000004);
	assert_true(translate(f));
	EXPECT(f, 0x8fcd0005, 0xa0, 0x21, 150u << 16 | 2, 0x00000105, 0x20020400);
	set_up(state);
	PUT(f, 0xafcd0005, 1, 0xb1, 650u << 16 | 1, 0x00000105, 0x20010401); /* one byte, as browsers do */
	assert_true(translate(f));
	EXPECT(f, 0xafcd0005, 0xa0, 0x21, 150u << 16 | 1, 0x00000105, 0x20010401);
}

static void remb_lists_the_senders_ssrcs(void **state)
{
	struct fixture *f = *state;
	PUT(f, 0x8fce0007, 1, 0, 0x52454d42, 0x03123456, 0xb1, 0x99, 0xb2);
	assert_true(translate(f));
	EXPECT(f, 0x8fce0006, 0xa0, 0, 0x52454d42, 0x02123456, 0x21, 0x22);
}

static void pli_and_fir_are_told_not_passed_on(void **state)
{
	struct fixture *f = *state;
	PUT(f, 0x81ce0002, 1, 0xb1);
	assert_true(translate(f));
	assert_int_equal(f->out.len, 0);
	assert_int_equal(f->seen.keyframes, 1u << AP_LINE_CAMERA);
	set_up(state);
	PUT(f, 0x84ce0004, 1, 0, 0xb1, 0x05000000);
	assert_true(translate(f));
	assert_int_equal(f->seen.keyframes, 1u << AP_LINE_CAMERA);
	set_up(state);
	PUT(f, 0x81ce0002, 1, 0x99);
	assert_true(translate(f));
	assert_int_equal(f->seen.keyframes, 0);
}

static void malformed_packets_are_refused(void **state)
{
	struct fixture *f = *state;
	assert_false(translate(f)); /* empty */
	PUT(f, 0x80c90002, 1);      /* shorter than it says */
	assert_false(translate(f));
	set_up(state);
	PUT(f, 0x40c90001, 1); /* version 1 */
	assert_false(translate(f));
	set_up(state);
	PUT(f, 0x82c90007, 1, 0xb1, 0, 2001, 1, 2, 3); /* a block too few */
	assert_false(translate(f));
	set_up(state);
	PUT(f, 0xa0c90001, 0x000000fc); /* padding longer than the packet */
	assert_false(translate(f));
}

static void our_keyframe_request_is_a_compound_packet(void **state)
{
	struct fixture *f = *state;
	ap_rtcp_write_pli(&f->out, 0xaa, 0xbb);
	EXPECT(f, 0x80c90001, 0xaa, 0x81ce0002, 0xaa, 0xbb);
	assert_int_equal(f->out.len, AP_RTCP_PLI_SIZE);
}

static void our_request_for_repeats_lists_them_shortly(void **state)
{
	struct fixture *f = *state;
	const uint16_t seqs[] = {65535, 0, 15, 16, 300};
	ap_rtcp_write_nack(&f->out, 0xaa, 0xbb, seqs, 5);
	EXPECT(f, 0x80c90001, 0xaa, 0x81cd0005, 0xaa, 0xbb, 0xffff8001, 0x00100000, 0x012c0000);
	uint16_t apart[AP_REPAIR_MOST];
	uint8_t bytes[AP_RTCP_NACK_MAX];
	struct ap_writer out = ap_writer_over(bytes, sizeof bytes);
	for (unsigned i = 0; i < AP_REPAIR_MOST; i++)
		apart[i] = (uint16_t)(i * 17);
	ap_rtcp_write_nack(&out, 0xaa, 0xbb, apart, AP_REPAIR_MOST);
	assert_true(!out.bad && out.len == AP_RTCP_NACK_MAX);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sender_report_tells_both_sides_numbers),
		TEST(an_rtx_report_is_not_for_the_tap),
		TEST(a_receiver_report_of_the_old_source_is_left_out),
		TEST(a_report_of_a_source_we_do_not_carry_becomes_a_receiver_report),
		TEST(descriptions_change_only_their_ssrc),
		TEST(bye_app_and_xr_end_here),
		TEST(nack_is_undone),
		TEST(nack_of_only_old_packets_is_nothing),
		TEST(no_nack_for_a_sender_without_rtx_or_of_rtx_itself),
		TEST(transport_feedback_is_undone),
		TEST(padding_is_taken_off_or_kept_within_the_last_word),
		TEST(remb_lists_the_senders_ssrcs),
		TEST(pli_and_fir_are_told_not_passed_on),
		TEST(malformed_packets_are_refused),
		TEST(our_keyframe_request_is_a_compound_packet),
		TEST(our_request_for_repeats_lists_them_shortly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
