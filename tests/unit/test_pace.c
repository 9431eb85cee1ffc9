#include "gateway/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { MS = 1000000 };

/* `rate` packets a second for so long, in looks 100 µs apart; returns the time afterwards. */
static int64_t pass(struct ap_pace *p, int64_t now_ns, int ms, size_t rate)
{
	size_t due = 0;
	for (int look = 0; look < ms * 10; look++) {
		now_ns += MS / 10;
		due += rate;
		ap_pace_note(p, due / 10000, now_ns);
		due %= 10000;
	}
	return now_ns;
}

static void few_packets_are_never_kept_waiting(void **state)
{
	struct ap_pace p = {0};
	(void)state;
	int64_t now = pass(&p, 1000 * (int64_t)MS, 100, 6000);
	assert_false(ap_pace_gathers(&p));
	now = pass(&p, now + 500 * (int64_t)MS, 100, 9000);
	assert_false(ap_pace_gathers(&p));
	ap_pace_note(&p, 64, now); /* one burst is no rate */
	assert_false(ap_pace_gathers(&p));
}

static void many_gather_within_milliseconds(void **state)
{
	struct ap_pace p = {0};
	(void)state;
	int64_t now = pass(&p, 1000 * (int64_t)MS, 5, 15000); /* the first window began long ago */
	now = pass(&p, now, 5, 15000);
	assert_true(ap_pace_gathers(&p));
	pass(&p, now, 100, 120000);
	assert_true(ap_pace_gathers(&p));
}

static void a_rate_that_wavers_does_not_switch_back_and_forth(void **state)
{
	struct ap_pace p = {0};
	(void)state;
	int64_t now = pass(&p, 1000 * (int64_t)MS, 20, 11000);
	assert_true(ap_pace_gathers(&p));
	for (int i = 0; i < 20; i++) {
		now = pass(&p, now, 8, i % 2 ? 8000 : 10500);
		assert_true(ap_pace_gathers(&p));
	}
	now = pass(&p, now, 20, 5000);
	assert_false(ap_pace_gathers(&p));
	pass(&p, now, 20, 8000);
	assert_false(ap_pace_gathers(&p));
}

/* A call ends and the worker falls asleep until the next packet, much later: that one and its likes go at once. */
static void silence_ends_it(void **state)
{
	struct ap_pace p = {0};
	(void)state;
	int64_t now = pass(&p, 1000 * (int64_t)MS, 20, 60000);
	assert_true(ap_pace_gathers(&p));
	ap_pace_note(&p, 1, now + 250 * (int64_t)MS);
	assert_false(ap_pace_gathers(&p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_packets_are_never_kept_waiting),
		cmocka_unit_test(many_gather_within_milliseconds),
		cmocka_unit_test(a_rate_that_wavers_does_not_switch_back_and_forth),
		cmocka_unit_test(silence_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
