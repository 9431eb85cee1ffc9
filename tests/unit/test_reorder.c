#include "recorder/capture/reorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MS INT64_C(1000000)

static struct {
	struct ap_reorder *r;
	GString *out; /* what went on, by number */
	unsigned alive; /* packets that nobody dropped or took */
} t;

static void drop(void *packet)
{
	t.alive--;
	g_free(packet);
}

static void sink(void *ctx, const struct ap_reorder_packet *p)
{
	(void)ctx;
	assert_int_equal(*(const uint16_t *)p->packet, p->seq);
	assert_int_equal(p->rtp, p->seq * 10u);
	g_string_append_printf(t.out, "%u ", p->seq);
	drop(p->packet);
}

static void push(uint16_t seq, int64_t at_ms)
{
	uint16_t *packet = g_memdup2(&seq, sizeof seq);
	const struct ap_reorder_packet p = { packet, seq, seq * 10u, at_ms * MS };
	t.alive++;
	ap_reorder_push(t.r, &p);
}

static void tick(int64_t at_ms)
{
	ap_reorder_tick(t.r, at_ms * MS);
}

/* What went on since this was asked last. */
static void came(const char *expected)
{
	assert_string_equal(t.out->str, expected);
	g_string_set_size(t.out, 0);
}

static int set_up(void **state)
{
	static const struct ap_reorder_rules rules = { 100 * MS, 300 * MS, 6, drop };
	(void)state;
	t.r = ap_reorder_new(&rules, sink, NULL);
	t.out = g_string_new(NULL);
	t.alive = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ap_reorder_free(t.r);
	g_string_free(t.out, TRUE);
	return t.alive == 0 ? 0 : 1;
}

/* Begun with number 10, at 100 ms. */
static void begin(void)
{
	push(10, 0);
	tick(100);
	came("10 ");
}

static void the_first_are_held_and_put_in_order(void **state)
{
	(void)state;
	push(12, 0);
	push(11, 20);
	push(10, 90);
	tick(99);
	came("");
	assert_true(ap_reorder_holds(t.r));
	tick(100);
	came("10 11 12 ");
	assert_false(ap_reorder_holds(t.r));
	push(9, 101);
	came("");
	assert_int_equal(ap_reorder_late(t.r), 1);
	assert_int_equal(ap_reorder_lost(t.r), 0);
}

static void a_start_of_many_packets_is_not_held_longer(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < 6; i++)
		push((uint16_t)(65533 + i), 1);
	came("65533 65534 65535 0 1 2 ");
}

static void what_is_in_order_goes_on_at_once(void **state)
{
	(void)state;
	begin();
	push(11, 101);
	came("11 ");
	push(12, 102);
	came("12 ");
	assert_false(ap_reorder_holds(t.r));
}

static void what_comes_in_time_fills_its_gap(void **state)
{
	(void)state;
	begin();
	push(12, 200);
	push(14, 210);
	push(13, 220);
	came("");
	tick(499);
	came("");
	push(11, 499);
	came("11 12 13 14 ");
	assert_int_equal(ap_reorder_lost(t.r), 0);
	assert_int_equal(ap_reorder_late(t.r), 0);
}

/* The waiting is counted from the first packet behind the gap, not from the last that was repaired. */
static void a_gap_is_given_up_in_time(void **state)
{
	(void)state;
	begin();
	push(14, 200);
	push(13, 490);
	tick(499);
	came("");
	tick(500);
	came("13 14 ");
	assert_int_equal(ap_reorder_lost(t.r), 2);
	push(12, 501);
	came("");
	assert_int_equal(ap_reorder_late(t.r), 1);
	push(15, 502);
	came("15 ");
}

/* Each gap has its own time: what is held behind the second one came later than what was behind the first. */
static void gaps_are_given_up_one_by_one(void **state)
{
	(void)state;
	begin();
	push(12, 200);
	push(14, 400);
	tick(500);
	came("12 ");
	tick(699);
	came("");
	tick(700);
	came("14 ");
	assert_int_equal(ap_reorder_lost(t.r), 2);
}

static void gaps_of_one_time_are_given_up_together(void **state)
{
	(void)state;
	begin();
	push(12, 200);
	push(14, 200);
	tick(1000);
	came("12 14 ");
}

static void a_repeat_is_dropped(void **state)
{
	(void)state;
	begin();
	push(10, 101);
	push(12, 102);
	push(12, 103);
	push(11, 104);
	came("11 12 ");
	assert_int_equal(ap_reorder_late(t.r), 2);
}

static void an_end_waits_for_nothing(void **state)
{
	(void)state;
	push(12, 0);
	push(10, 1);
	ap_reorder_flush(t.r);
	came("10 12 ");
	assert_int_equal(ap_reorder_lost(t.r), 1);
	ap_reorder_flush(t.r);
	came("");
}

static void what_is_left_over_is_dropped(void **state)
{
	(void)state;
	begin();
	push(12, 101);
	push(15, 101); /* tear_down frees the object and counts what is alive */
	assert_int_equal(t.alive, 2);
}

static void numbers_wrap(void **state)
{
	(void)state;
	push(65534, 0);
	tick(100);
	push(0, 101);
	push(65535, 102);
	came("65534 65535 0 ");
	push(3, 110);
	tick(410);
	came("3 ");
	assert_int_equal(ap_reorder_lost(t.r), 2);
}

/* Any order and any loss: what goes on rises, and every number is either among it, lost or late. */
static void every_packet_is_accounted_for(void **state)
{
	(void)state;
	g_autoptr(GRand) random = g_rand_new_with_seed(7);
	g_autofree uint8_t *seen = g_malloc0(65536);
	for (int i = 0; i < 3000; i++) {
		push((uint16_t)(64000 + i / 2 + g_rand_int_range(random, 0, 40)), i);
		tick(i);
	}
	ap_reorder_flush(t.r);
	g_auto(GStrv) numbers = g_strsplit(g_strchomp(t.out->str), " ", -1);
	unsigned count = g_strv_length(numbers);
	for (unsigned i = 0; i < count; i++) {
		uint16_t seq = (uint16_t)g_ascii_strtoull(numbers[i], NULL, 10);
		assert_false(seen[seq]);
		seen[seq] = 1;
		if (i > 0)
			assert_true((int16_t)(uint16_t)(seq - (uint16_t)g_ascii_strtoull(numbers[i - 1], NULL, 10)) > 0);
	}
	uint16_t begun = (uint16_t)g_ascii_strtoull(numbers[0], NULL, 10);
	uint16_t ended = (uint16_t)g_ascii_strtoull(numbers[count - 1], NULL, 10);
	assert_int_equal(count + ap_reorder_late(t.r), 3000);
	assert_int_equal(count + ap_reorder_lost(t.r), (uint16_t)(ended - begun) + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_first_are_held_and_put_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_start_of_many_packets_is_not_held_longer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_in_order_goes_on_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_comes_in_time_fills_its_gap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_gap_is_given_up_in_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(gaps_are_given_up_one_by_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(gaps_of_one_time_are_given_up_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_repeat_is_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_end_waits_for_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_left_over_is_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(numbers_wrap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_packet_is_accounted_for, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
