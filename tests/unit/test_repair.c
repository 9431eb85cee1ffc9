#include "gateway/repair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MS INT64_C(1000000)

struct fixture {
	struct ap_repair r;
	uint16_t due[AP_REPAIR_MOST];
};

static int set_up(void **state)
{
	static struct fixture f;
	f = (struct fixture){0};
	*state = &f;
	return 0;
}

static size_t due_at(struct fixture *f, int64_t ms)
{
	return ap_repair_due(&f->r, ms * MS, f->due);
}

static void note(struct fixture *f, uint16_t seq, int64_t ms)
{
	ap_repair_note(&f->r, seq, ms * MS);
}

static void nothing_is_missing_of_what_comes_in_order(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < 1000; i++)
		note(f, (uint16_t)(65000 + i), i * 10);
	assert_int_equal(due_at(f, 11000), 0);
}

static void a_gap_is_asked_for_after_a_while_and_again(void **state)
{
	struct fixture *f = *state;
	note(f, 65534, 1000);
	note(f, 2, 1010);
	assert_int_equal(due_at(f, 1200), 0); /* it may be reordered, or the other client asks */
	assert_int_equal(due_at(f, 1310), 3);
	assert_int_equal(f->due[0], 65535);
	assert_int_equal(f->due[1], 0);
	assert_int_equal(f->due[2], 1);
	assert_int_equal(due_at(f, 1400), 0);
	assert_int_equal(due_at(f, 1560), 3);
}

static void what_came_late_or_repeated_is_not_asked_for(void **state)
{
	struct fixture *f = *state;
	note(f, 10, 0);
	note(f, 14, 0);
	note(f, 12, 50);
	ap_repair_found(&f->r, 13);
	ap_repair_found(&f->r, 5000); /* a probe */
	assert_int_equal(due_at(f, 300), 1);
	assert_int_equal(f->due[0], 11);
	ap_repair_found(&f->r, 11);
	assert_int_equal(due_at(f, 900), 0);
}

static void it_is_given_up_when_the_recording_gives_it_up(void **state)
{
	struct fixture *f = *state;
	note(f, 10, 0);
	note(f, 12, 0);
	assert_int_equal(due_at(f, 3000), 1);
	assert_int_equal(due_at(f, 3250), 0);
	assert_int_equal(f->r.count, 0);
}

static void the_newest_of_many_are_kept(void **state)
{
	struct fixture *f = *state;
	note(f, 0, 0);
	note(f, 201, 0);
	note(f, 402, 0);
	assert_int_equal(due_at(f, 300), AP_REPAIR_MOST);
	assert_int_equal(f->due[0], 401 - AP_REPAIR_MOST); /* 201 came: it is not among them */
	assert_int_equal(f->due[AP_REPAIR_MOST - 1], 401);
	for (size_t i = 1; i < AP_REPAIR_MOST; i++)
		assert_true(f->due[i] > f->due[i - 1] && f->due[i] != 201);
	note(f, 2402, 400);
	assert_int_equal(due_at(f, 700), AP_REPAIR_MOST);
	assert_int_equal(f->due[0], 2402 - AP_REPAIR_MOST);
}

static void another_beginning_is_no_gap(void **state)
{
	struct fixture *f = *state;
	note(f, 100, 0);
	note(f, 102, 0);
	note(f, 40000, 10);
	assert_int_equal(due_at(f, 1000), 0);
	note(f, 40002, 1000);
	ap_repair_restart(&f->r);
	note(f, 39000, 1010); /* another source, by chance with numbers near the last one's */
	assert_int_equal(due_at(f, 2000), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_missing_of_what_comes_in_order),
		TEST(a_gap_is_asked_for_after_a_while_and_again),
		TEST(what_came_late_or_repeated_is_not_asked_for),
		TEST(it_is_given_up_when_the_recording_gives_it_up),
		TEST(the_newest_of_many_are_kept),
		TEST(another_beginning_is_no_gap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
