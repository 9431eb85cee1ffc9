#include "gateway/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct ap_budget_rule hundred = {.each_ns = 10000000, .at_once_ns = 200000000}; /* a second; 20 at once */

static unsigned spend_all(struct ap_budget *b, int64_t now_ns)
{
	unsigned spent = 0;
	for (; ap_budget_left(b, &hundred, now_ns); spent++)
		ap_budget_spend(b, &hundred, now_ns);
	return spent;
}

static void so_many_at_once_then_as_they_come_back(void **state)
{
	(void)state;
	struct ap_budget b = {0};
	const int64_t start = 5000000000;
	assert_int_equal(spend_all(&b, start), 20);
	assert_int_equal(spend_all(&b, start + hundred.each_ns - 1), 0);
	assert_int_equal(spend_all(&b, start + hundred.each_ns), 1);
	assert_int_equal(spend_all(&b, start + 11 * hundred.each_ns), 10);
}

static void idleness_saves_nothing_up(void **state)
{
	(void)state;
	struct ap_budget b = {0};
	assert_int_equal(spend_all(&b, 1000000000), 20);
	assert_int_equal(spend_all(&b, 3600000000000), 20);
}

static void over_ten_seconds_it_is_the_rate(void **state)
{
	(void)state;
	struct ap_budget b = {0};
	unsigned spent = 0;
	for (int64_t now = 1000000000; now < 11000000000; now += 100000)
		spent += spend_all(&b, now);
	assert_in_range(spent, 1000, 1020);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_at_once_then_as_they_come_back),
		cmocka_unit_test(idleness_saves_nothing_up),
		cmocka_unit_test(over_ten_seconds_it_is_the_rate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
