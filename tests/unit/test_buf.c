#include <aparte/buf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void reads_big_endian_in_order(void **state)
{
	(void)state;
	const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18 };
	struct ap_reader r = ap_reader_over(bytes, sizeof bytes);
	assert_int_equal(ap_read_u8(&r), 0x01);
	assert_int_equal(ap_read_u16(&r), 0x0203);
	assert_int_equal(ap_read_u24(&r), 0x040506);
	assert_int_equal(ap_read_u32(&r), 0x0708090a);
	assert_true(ap_read_u64(&r) == 0x0b0c0d0e0f101112ull);
	assert_false(r.bad);
	assert_int_equal(ap_reader_left(&r), 0);
}

static void a_short_read_gives_zero_and_stays_bad(void **state)
{
	(void)state;
	const uint8_t bytes[] = { 0xff, 0xff, 0xff };
	struct ap_reader r = ap_reader_over(bytes, sizeof bytes);
	assert_int_equal(ap_read_u32(&r), 0);
	assert_true(r.bad);
	assert_int_equal(ap_read_u8(&r), 0);
	uint8_t copy[2] = { 7, 7 };
	ap_read_bytes(&r, copy, sizeof copy);
	assert_int_equal(copy[0] | copy[1], 0);
	assert_null(ap_read_span(&r, 0));
}

static void a_sub_reader_cannot_leave_its_part(void **state)
{
	(void)state;
	const uint8_t bytes[] = { 1, 2, 3, 4 };
	struct ap_reader r = ap_reader_over(bytes, sizeof bytes);
	struct ap_reader sub = ap_read_sub(&r, 2);
	assert_int_equal(ap_read_u16(&sub), 0x0102);
	assert_int_equal(ap_read_u8(&sub), 0);
	assert_true(sub.bad);
	assert_false(r.bad);
	assert_int_equal(ap_read_u16(&r), 0x0304);
	struct ap_reader none = ap_read_sub(&r, SIZE_MAX);
	assert_true(none.bad && r.bad);
}

static void a_writer_never_passes_its_cap(void **state)
{
	(void)state;
	uint8_t bytes[8];
	memset(bytes, 0xee, sizeof bytes);
	struct ap_writer w = ap_writer_over(bytes, 6);
	ap_write_u24(&w, 0x010203);
	ap_write_u16(&w, 0x0405);
	ap_write_u32(&w, 1);
	assert_true(w.bad);
	assert_int_equal(w.len, 5);
	ap_write_u8(&w, 6);
	assert_int_equal(w.len, 5);
	assert_int_equal(bytes[5], 0xee);
	assert_int_equal(bytes[6], 0xee);
}

static void overwriting_needs_written_bytes(void **state)
{
	(void)state;
	uint8_t bytes[4] = { 0 };
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	ap_write_zero(&w, 3);
	ap_write_u16_at(&w, 1, 0xabcd);
	assert_false(w.bad);
	assert_int_equal(bytes[1], 0xab);
	assert_int_equal(bytes[2], 0xcd);
	ap_write_u16_at(&w, 2, 1);
	assert_true(w.bad);
}

static void copy_fits_or_does_nothing(void **state)
{
	(void)state;
	char dst[3] = "xx";
	assert_false(ap_copy(dst, sizeof dst, "abcd", 4));
	assert_string_equal(dst, "xx");
	assert_true(ap_copy(dst, sizeof dst, "ab", 3));
	assert_string_equal(dst, "ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_big_endian_in_order),
		cmocka_unit_test(a_short_read_gives_zero_and_stays_bad),
		cmocka_unit_test(a_sub_reader_cannot_leave_its_part),
		cmocka_unit_test(a_writer_never_passes_its_cap),
		cmocka_unit_test(overwriting_needs_written_bytes),
		cmocka_unit_test(copy_fits_or_does_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
