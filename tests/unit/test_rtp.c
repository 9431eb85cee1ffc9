#include "gateway/rtp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t IDS[AP_EXTS] = {4, 3, 2, 1, 0, 0};

/* One CSRC, a one-byte block with padding in it, three bytes of payload, two of padding. */
static const uint8_t FULL[] = {0xb1, 0xe0, 0x12, 0x34, 1,    2, 3,   4,    9,   8,    7,    6,    0xaa,
			       0xbb, 0xcc, 0xdd, 0xbe, 0xde, 0, 3,   0x40, 'm', 0x31, 0xab, 0xcd, 0,
			       0x10, 0x85, 0xe0, 0xff, 0,    0, 'p', 'a',  'y', 0,    2};

static void a_full_header_is_read(void **state)
{
	(void)state;
	struct ap_rtp rtp;
	struct ap_rtp_exts exts;
	assert_true(ap_rtp_parse(FULL, sizeof FULL, &rtp));
	assert_true(rtp.marker);
	assert_true(rtp.padded);
	assert_int_equal(rtp.pt, 0x60);
	assert_int_equal(rtp.seq, 0x1234);
	assert_int_equal(rtp.ts, 0x01020304);
	assert_int_equal(rtp.ssrc, 0x09080706);
	assert_int_equal(rtp.csrcs, 1);
	assert_int_equal(rtp.csrc[0], 0xaa);
	assert_int_equal(rtp.header, 32);
	assert_int_equal(rtp.payload, 3);
	ap_rtp_find_exts(&rtp, IDS, &exts);
	assert_int_equal(exts.len[AP_EXT_MID], 1);
	assert_int_equal(exts.value[AP_EXT_MID][0], 'm');
	assert_int_equal(exts.len[AP_EXT_TWCC], 2);
	assert_int_equal(exts.value[AP_EXT_TWCC][1], 0xcd);
	assert_int_equal(exts.value[AP_EXT_AUDIO_LEVEL][0], 0x85);
	assert_null(exts.value[AP_EXT_ABS_SEND_TIME]);
	assert_null(exts.value[AP_EXT_RID]);
}

static void every_truncation_is_refused_or_shorter(void **state)
{
	(void)state;
	struct ap_rtp rtp;
	for (size_t n = 0; n < 32; n++)
		assert_false(ap_rtp_parse(FULL, n, &rtp));
	uint8_t bad[sizeof FULL];
	assert_true(ap_copy(bad, sizeof bad, FULL, sizeof FULL));
	bad[sizeof bad - 1] = 0; /* padding of nothing */
	assert_false(ap_rtp_parse(bad, sizeof bad, &rtp));
	bad[sizeof bad - 1] = 6; /* more padding than payload */
	assert_false(ap_rtp_parse(bad, sizeof bad, &rtp));
	bad[0] = 0x71; /* version 1 */
	assert_false(ap_rtp_parse(bad, sizeof bad, &rtp));
}

static void a_header_written_reads_the_same(void **state)
{
	(void)state;
	struct ap_rtp rtp, again;
	struct ap_rtp_exts exts, found;
	static const uint8_t other[AP_EXTS] = {1, 14, 0, 2, 5, 0};
	uint8_t bytes[AP_RTP_HEADER_MAX + 8];
	assert_true(ap_rtp_parse(FULL, sizeof FULL, &rtp));
	ap_rtp_find_exts(&rtp, IDS, &exts);
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	ap_rtp_write_header(&w, &rtp, &exts, other);
	size_t header = w.len;
	ap_write_bytes(&w, FULL + rtp.header, sizeof FULL - rtp.header);
	assert_false(w.bad);
	assert_true(ap_rtp_parse(bytes, w.len, &again));
	assert_int_equal(again.header, header);
	assert_int_equal(again.payload, 3);
	assert_int_equal(again.profile, 0xbede);
	assert_int_equal(again.csrcs, 1);
	ap_rtp_find_exts(&again, other, &found);
	assert_int_equal(found.value[AP_EXT_MID][0], 'm');
	assert_int_equal(found.value[AP_EXT_TWCC][0], 0xab);
	assert_int_equal(found.value[AP_EXT_AUDIO_LEVEL][0], 0x85);
}

static void ids_above_fourteen_make_it_two_byte(void **state)
{
	(void)state;
	static const uint8_t wide[AP_EXTS] = {20, 3, 0, 0, 0, 0};
	struct ap_rtp rtp = {.pt = 96}, again;
	struct ap_rtp_exts exts = {.value = {(const uint8_t *)"camera", (const uint8_t *)"\x01\x02"}, .len = {6, 2}},
			   found;
	uint8_t bytes[64];
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	ap_rtp_write_header(&w, &rtp, &exts, wide);
	assert_true(ap_rtp_parse(bytes, w.len, &again));
	assert_int_equal(again.profile, 0x1000);
	assert_int_equal(again.header % 4, 0);
	ap_rtp_find_exts(&again, wide, &found);
	assert_int_equal(found.len[AP_EXT_MID], 6);
	assert_memory_equal(found.value[AP_EXT_MID], "camera", 6);
	assert_int_equal(found.value[AP_EXT_TWCC][1], 2);
}

static void without_elements_there_is_no_block(void **state)
{
	(void)state;
	struct ap_rtp rtp = {.pt = 96, .seq = 1, .marker = true};
	uint8_t bytes[64];
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	ap_rtp_write_header(&w, &rtp, &(struct ap_rtp_exts){0}, IDS);
	assert_int_equal(w.len, 12);
	assert_int_equal(bytes[0], 0x80);
	assert_int_equal(bytes[1], 0xe0);
}

static void a_broken_block_yields_what_came_before(void **state)
{
	(void)state;
	/* an element that claims more than the block has */
	const uint8_t bytes[] = {0x90, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0x40, 'm', 0x3f, 1};
	struct ap_rtp rtp;
	struct ap_rtp_exts exts;
	assert_true(ap_rtp_parse(bytes, sizeof bytes, &rtp));
	ap_rtp_find_exts(&rtp, IDS, &exts);
	assert_int_equal(exts.len[AP_EXT_MID], 1);
	assert_null(exts.value[AP_EXT_TWCC]);
}

static void an_unknown_profile_is_ignored(void **state)
{
	(void)state;
	const uint8_t bytes[] = {0x90, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0x12, 0x34, 0, 1, 0x40, 'm', 0, 0};
	struct ap_rtp rtp;
	struct ap_rtp_exts exts;
	assert_true(ap_rtp_parse(bytes, sizeof bytes, &rtp));
	ap_rtp_find_exts(&rtp, IDS, &exts);
	assert_null(exts.value[AP_EXT_MID]);
}

static void the_longest_header_fits_its_bound(void **state)
{
	(void)state;
	static const uint8_t ids[AP_EXTS] = {20, 21, 22, 23, 24, 25};
	uint8_t csrc[60] = {0}, value[AP_EXT_VALUE_MAX] = {0}, bytes[AP_RTP_HEADER_MAX];
	struct ap_rtp rtp = {.csrcs = 15, .csrc = csrc};
	struct ap_rtp_exts exts;
	for (int i = 0; i < AP_EXTS; i++) {
		exts.value[i] = value;
		exts.len[i] = sizeof value;
	}
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	ap_rtp_write_header(&w, &rtp, &exts, ids);
	assert_false(w.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_header_is_read),
		cmocka_unit_test(every_truncation_is_refused_or_shorter),
		cmocka_unit_test(a_header_written_reads_the_same),
		cmocka_unit_test(ids_above_fourteen_make_it_two_byte),
		cmocka_unit_test(without_elements_there_is_no_block),
		cmocka_unit_test(a_broken_block_yields_what_came_before),
		cmocka_unit_test(an_unknown_profile_is_ignored),
		cmocka_unit_test(the_longest_header_fits_its_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
