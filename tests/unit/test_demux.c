#include "gateway/demux.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum ap_demux kind(uint8_t first, uint8_t second, size_t len)
{
	uint8_t bytes[64] = {first, second};
	return ap_demux(bytes, len);
}

static void each_first_byte_has_one_meaning(void **state)
{
	(void)state;
	for (int b = 0; b < 256; b++) {
		enum ap_demux expected = b <= 3 ? AP_DEMUX_STUN : AP_DEMUX_DROP;
		if (b >= 20 && b <= 63)
			expected = AP_DEMUX_DTLS;
		if (b >= 128 && b <= 191)
			expected = AP_DEMUX_RTP;
		assert_int_equal(kind((uint8_t)b, 0, 64), expected);
	}
}

static void rtcp_types_are_told_from_payload_types(void **state)
{
	(void)state;
	for (int b = 0; b < 256; b++)
		assert_int_equal(kind(0x80, (uint8_t)b, 64), b >= 192 && b <= 223 ? AP_DEMUX_RTCP : AP_DEMUX_RTP);
	assert_int_equal(kind(0x80, 0x80 | 111, 64), AP_DEMUX_RTP); /* marker bit */
}

static void what_is_too_short_is_dropped(void **state)
{
	(void)state;
	assert_int_equal(kind(0, 1, 19), AP_DEMUX_DROP);
	assert_int_equal(kind(0, 1, 20), AP_DEMUX_STUN);
	assert_int_equal(kind(22, 0, 12), AP_DEMUX_DROP);
	assert_int_equal(kind(22, 0, 13), AP_DEMUX_DTLS);
	assert_int_equal(kind(0x80, 96, 11), AP_DEMUX_DROP);
	assert_int_equal(kind(0x80, 200, 8), AP_DEMUX_RTCP);
	for (size_t n = 0; n < 8; n++)
		assert_int_equal(kind(0x80, 200, n), AP_DEMUX_DROP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_first_byte_has_one_meaning),
		cmocka_unit_test(rtcp_types_are_told_from_payload_types),
		cmocka_unit_test(what_is_too_short_is_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
