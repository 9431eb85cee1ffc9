#include <aparte/gate.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct ap_gate_header sample = { AP_GATE_RTP, AP_COACHEE, AP_LINE_SCREEN, 0x0123456789abcdef, 77 };

static size_t encode(const struct ap_gate_header *h, uint8_t bytes[AP_GATE_HEADER])
{
	struct ap_writer w = ap_writer_over(bytes, AP_GATE_HEADER);
	ap_gate_header_write(&w, h);
	assert_false(w.bad);
	return w.len;
}

static bool decode(const uint8_t *bytes, size_t len, struct ap_gate_header *ret)
{
	struct ap_reader r = ap_reader_over(bytes, len);
	return ap_gate_header_read(&r, ret);
}

static void what_was_written_is_read(void **state)
{
	(void)state;
	uint8_t bytes[AP_GATE_HEADER];
	struct ap_gate_header back;
	assert_int_equal(encode(&sample, bytes), AP_GATE_HEADER);
	assert_true(decode(bytes, sizeof bytes, &back));
	assert_int_equal(back.kind, AP_GATE_RTP);
	assert_int_equal(back.role, AP_COACHEE);
	assert_int_equal(back.line, AP_LINE_SCREEN);
	assert_true(back.generation == sample.generation && back.arrival_ns == 77);
}

static void every_field_out_of_range_is_refused(void **state)
{
	(void)state;
	const struct {
		size_t at;
		uint8_t value;
	} wrong[] = { { 0, 0 }, { 0, 2 }, { 1, 0 }, { 1, 3 }, { 2, 0 }, { 2, 3 }, { 3, 3 }, { 3, 255 } };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		uint8_t bytes[AP_GATE_HEADER];
		struct ap_gate_header back;
		encode(&sample, bytes);
		bytes[wrong[i].at] = wrong[i].value;
		assert_false(decode(bytes, sizeof bytes, &back));
	}
}

static void generation_zero_belongs_to_no_opening(void **state)
{
	(void)state;
	uint8_t bytes[AP_GATE_HEADER];
	struct ap_gate_header h = sample, back;
	h.generation = 0;
	encode(&h, bytes);
	assert_false(decode(bytes, sizeof bytes, &back));
}

static void a_short_header_is_refused_at_every_length(void **state)
{
	(void)state;
	uint8_t bytes[AP_GATE_HEADER];
	struct ap_gate_header back;
	encode(&sample, bytes);
	for (size_t len = 0; len < sizeof bytes; len++)
		assert_false(decode(bytes, len, &back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(every_field_out_of_range_is_refused),
		cmocka_unit_test(generation_zero_belongs_to_no_opening),
		cmocka_unit_test(a_short_header_is_refused_at_every_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
