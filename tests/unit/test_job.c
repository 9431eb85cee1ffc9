/* Jobs: a step at a time, ended once, found while they run. */
#include "recorder/job.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct work {
	int steps, fails_at, failed, released;
};

static struct ap_result step(void *data, bool *ret_over)
{
	struct work *w = data;
	*ret_over = ++w->steps == 3;
	return w->steps == w->fails_at ? ap_fail(AP_ERR_IO, "disk", "it failed") : AP_SUCCESS;
}

static void failed(void *data, const char *name)
{
	struct work *w = data;
	assert_string_equal(name, "disk");
	assert_int_equal(w->released, 0);
	w->failed++;
}

static void release(void *data)
{
	((struct work *)data)->released++;
}

static const struct ap_job_kind kind = { step, failed, release }, other = { step, failed, release };

static void turn(int turns)
{
	for (int i = 0; i < turns; i++)
		g_main_context_iteration(NULL, FALSE);
}

static void test_runs_to_its_end(void **state)
{
	(void)state;
	struct work w = { 0 };
	ap_job_start(&kind, &w);
	assert_int_equal(w.steps, 0); /* never at once */
	assert_ptr_equal(ap_job_running(&kind), &w);
	assert_null(ap_job_running(&other));
	turn(2);
	assert_int_equal(w.steps, 2);
	assert_int_equal(w.released, 0);
	turn(5);
	assert_true(w.steps == 3 && w.failed == 0 && w.released == 1);
	assert_null(ap_job_running(&kind));
}

static void test_a_failure_ends_it(void **state)
{
	(void)state;
	struct work w = { .fails_at = 2 };
	ap_job_start(&kind, &w);
	turn(5);
	assert_true(w.steps == 2 && w.failed == 1 && w.released == 1);
	assert_null(ap_job_running(&kind));
}

static void test_one_is_stopped_where_it_stands(void **state)
{
	(void)state;
	struct work w = { 0 }, rest = { 0 };
	ap_job_start(&kind, &w);
	ap_job_start(&other, &rest);
	turn(1);
	ap_job_stop(&kind);
	assert_true(w.failed == 0 && w.released == 1);
	int before = w.steps;
	turn(5);
	assert_int_equal(w.steps, before);
	assert_true(rest.steps == 3 && rest.released == 1);
	ap_job_stop(&kind); /* nothing to stop */
}

static gboolean note(void *data)
{
	*(bool *)data = true;
	return G_SOURCE_REMOVE;
}

static struct ap_result step_and_wait(void *data, bool *ret_over);
static const struct ap_job_kind waiting = { step_and_wait, failed, release };

static struct ap_result step_and_wait(void *data, bool *ret_over)
{
	ap_job_wait(&waiting, 30);
	return step(data, ret_over);
}

/* While it waits for something else the loop sleeps, and goes on by itself. */
static void test_one_that_waits_lets_the_loop_sleep(void **state)
{
	(void)state;
	struct work w = { 0 };
	bool late = false;
	gint64 begun = g_get_monotonic_time();
	ap_job_start(&waiting, &w);
	turn(20);
	assert_int_equal(w.steps, 1);
	g_timeout_add_seconds(10, note, &late);
	while (w.steps < 3 && !late)
		g_main_context_iteration(NULL, TRUE);
	assert_int_equal(w.steps, 3);
	assert_true(g_get_monotonic_time() - begun >= 60000 && !late);
	assert_int_equal(w.released, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs_to_its_end),
		cmocka_unit_test(test_a_failure_ends_it),
		cmocka_unit_test(test_one_is_stopped_where_it_stands),
		cmocka_unit_test(test_one_that_waits_lets_the_loop_sleep),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
