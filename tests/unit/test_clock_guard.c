#include "recorder/policy/clock_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define JUMP 300000

static bool agrees(int64_t wall_ms, int64_t mono_ms, const char *boot)
{
	struct ap_clock_reading before = {1000000000, 50000LL * 1000000, "a"};
	struct ap_clock_reading now = {1000000000 + wall_ms, (50000 + mono_ms) * 1000000, boot};
	return ap_clock_agrees(&before, &now, JUMP);
}

static void both_clocks_must_move_together(void **state)
{
	(void)state;
	assert_true(agrees(1000, 1000, "a"));
	assert_true(agrees(1000 + JUMP, 1000, "a"));
	assert_false(agrees(1001 + JUMP, 1000, "a"));
	assert_true(agrees(1000 - JUMP, 1000, "a"));
	assert_false(agrees(999 - JUMP, 1000, "a"));
	assert_true(agrees(86400000LL * 30, 86400000LL * 30, "a")); /* a long wait, awake, is no jump */
}

static void after_a_reboot_a_day_ahead_is_believed_and_no_past(void **state)
{
	(void)state;
	assert_true(agrees(3600000, -40000, "b"));
	assert_true(agrees(AP_CLOCK_REBOOT_MS, 0, "b"));
	assert_false(agrees(AP_CLOCK_REBOOT_MS + 1, 0, "b"));
	assert_false(agrees(-JUMP - 1, 0, "b"));
}

static int64_t believed(int64_t wall_ms, int64_t mono_ms, const char *boot)
{
	struct ap_clock_reading before = {1000000000, 50000LL * 1000000, "a"};
	struct ap_clock_reading now = {1000000000 + wall_ms, (50000 + mono_ms) * 1000000, boot};
	return ap_clock_believed(&before, &now, JUMP) - before.wall_ms;
}

static void what_is_believed_is_what_truly_passed(void **state)
{
	(void)state;
	assert_int_equal(believed(1000 + JUMP, 1000, "a"), 1000 + JUMP);
	assert_int_equal(believed(1001 + JUMP, 1000, "a"), 1000);
	assert_int_equal(believed(-86400000LL * 365, 1000, "a"), 1000);
	assert_int_equal(believed(3600000, -40000, "b"), 3600000);
	assert_int_equal(believed(AP_CLOCK_REBOOT_MS + 1, 0, "b"), 0); /* nobody knows: the least */
	assert_int_equal(believed(-JUMP - 1, 0, "b"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_clocks_must_move_together),
		cmocka_unit_test(after_a_reboot_a_day_ahead_is_believed_and_no_past),
		cmocka_unit_test(what_is_believed_is_what_truly_passed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
