#include "gateway/framing.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void packets_come_out_however_the_bytes_arrive(void **state)
{
	(void)state;
	const uint8_t stream[] = {0, 3, 'a', 'b', 'c', 0, 0, 0, 1, 'd'};
	for (size_t cut = 1; cut <= sizeof stream; cut++) {
		struct ap_framer f = {0};
		size_t lens[4], packets = 0;
		for (size_t at = 0; at < sizeof stream; at += cut) {
			struct ap_reader in = ap_reader_over(stream + at, MIN(cut, sizeof stream - at)), packet;
			enum ap_frame got;
			while ((got = ap_framer_next(&f, &in, &packet)) == AP_FRAME_READY) {
				lens[packets++] = packet.len;
				if (packet.len == 3)
					assert_memory_equal(packet.data, "abc", 3);
			}
			assert_int_equal(got, AP_FRAME_MORE);
			assert_int_equal(ap_reader_left(&in), 0);
		}
		assert_int_equal(packets, 3);
		assert_true(lens[0] == 3 && lens[1] == 0 && lens[2] == 1);
	}
}

static void the_longest_packet_passes_and_one_byte_more_breaks(void **state)
{
	(void)state;
	uint8_t stream[AP_FRAME_HEADER + AP_FRAME_MAX] = {AP_FRAME_MAX >> 8, AP_FRAME_MAX & 0xff};
	struct ap_framer f = {0};
	struct ap_reader in = ap_reader_over(stream, sizeof stream), packet;
	assert_int_equal(ap_framer_next(&f, &in, &packet), AP_FRAME_READY);
	assert_int_equal(packet.len, AP_FRAME_MAX);
	stream[1]++;
	in = ap_reader_over(stream, sizeof stream);
	assert_int_equal(ap_framer_next(&f, &in, &packet), AP_FRAME_BROKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_come_out_however_the_bytes_arrive),
		cmocka_unit_test(the_longest_packet_passes_and_one_byte_more_breaks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
