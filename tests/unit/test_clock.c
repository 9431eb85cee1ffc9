#include <aparte/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void writes_milliseconds_in_utc(void **state)
{
	(void)state;
	char text[AP_TIME_TEXT];
	ap_time_text(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z");
	ap_time_text(1795341600123, text);
	assert_string_equal(text, "2026-11-22T10:00:00.123Z");
}

static void reads_back_what_it_wrote(void **state)
{
	(void)state;
	const int64_t times[] = { 0, 1, 999, 951782400000, 1795341600123, 253402300799000 };
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		char text[AP_TIME_TEXT];
		int64_t back = -1;
		ap_time_text(times[i], text);
		assert_true(ap_time_parse(text, &back));
		assert_true(back == times[i]);
	}
}

static void the_fraction_is_optional(void **state)
{
	(void)state;
	int64_t t;
	assert_true(ap_time_parse("2026-11-22T10:00:00Z", &t));
	assert_true(t == 1795341600000);
	assert_true(ap_time_parse("2026-11-22T10:00:00.5Z", &t));
	assert_true(t == 1795341600500);
}

static void refuses_other_forms(void **state)
{
	(void)state;
	const char *const wrong[] = { "", "Z", "2026-11-22", "2026-11-22T10:00:00", "2026-11-22T10:00:00+01:00",
				      "2026-13-22T10:00:00Z", "2026-11-22 10:00:00Z", "2026-11-22T10:00:00.Z",
				      "2026-11-22T10:00:00.1x2Z", "20261122T100000Z", "2026-11-22T25:00:00Z",
				      "2026-11-22T10:00:00.000000000000000Z" };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		int64_t t = 42;
		assert_false(ap_time_parse(wrong[i], &t));
		assert_true(t == 42);
	}
}

static void monotonic_time_never_goes_back(void **state)
{
	(void)state;
	const struct ap_clock *clock = ap_clock_system();
	int64_t last = ap_mono_ns(clock);
	for (int i = 0; i < 1000; i++) {
		int64_t now = ap_mono_ns(clock);
		assert_true(now >= last);
		last = now;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_milliseconds_in_utc),	cmocka_unit_test(reads_back_what_it_wrote),
		cmocka_unit_test(the_fraction_is_optional),	cmocka_unit_test(refuses_other_forms),
		cmocka_unit_test(monotonic_time_never_goes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
