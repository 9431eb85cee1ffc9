/* R18: the legal month by the calendar, its one extension, and when staff are reminded. */
#include "recorder/erasure/request_clock.h"

#include <aparte/clock.h>
#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY 86400000LL

static int64_t at(const char *text)
{
	int64_t ms;
	assert_true(ap_time_parse(text, &ms));
	return ms;
}

static void assert_at(int64_t ms, const char *expected)
{
	char text[AP_TIME_TEXT];
	ap_time_text(ms, text);
	assert_string_equal(text, expected);
}

/* R18 */
static void a_month_is_the_calendars(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"2026-01-15T10:20:30.456Z", "2026-02-15T10:20:30.456Z"},
		{"2026-01-31T10:20:30.456Z", "2026-02-28T10:20:30.456Z"}, /* no such day: the month's last */
		{"2028-01-31T00:00:00.000Z", "2028-02-29T00:00:00.000Z"},
		{"2026-12-31T23:59:59.999Z", "2027-01-31T23:59:59.999Z"},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		assert_at(ap_request_due(at(cases[i][0]), 0), cases[i][1]);
}

/* R18: a policy may promise less than the law allows, never more. */
static void a_policy_only_shortens_it(void **state)
{
	(void)state;
	int64_t received = at("2026-07-01T00:00:00.000Z");
	assert_at(ap_request_due(received, 10 * DAY), "2026-07-11T00:00:00.000Z");
	assert_at(ap_request_due(received, 60 * DAY), "2026-08-01T00:00:00.000Z");
}

/* R18: two further months, counted from the receipt. */
static void an_extension_ends_three_months_after_receipt(void **state)
{
	(void)state;
	assert_at(ap_request_extended_due(at("2026-11-30T08:00:00.000Z")), "2027-02-28T08:00:00.000Z");
}

static void urgency_begins_a_week_before(void **state)
{
	(void)state;
	assert_int_equal(ap_request_urgency(8 * DAY, 0), AP_REQUEST_CALM);
	assert_int_equal(ap_request_urgency(7 * DAY, 0), AP_REQUEST_SOON);
	assert_int_equal(ap_request_urgency(1, 0), AP_REQUEST_SOON);
	assert_int_equal(ap_request_urgency(0, 0), AP_REQUEST_OVERDUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_month_is_the_calendars),
		cmocka_unit_test(a_policy_only_shortens_it),
		cmocka_unit_test(an_extension_ends_three_months_after_receipt),
		cmocka_unit_test(urgency_begins_a_week_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
