#include "cli/serve_child.h"

#include <aparte/log.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct seen {
	struct ap_instance instance;
	GMainLoop *loop;
	int spawned, ready, ended;
	char failed[200], unlinked[20];
	int until_spawned; /* quit then */
};

static void on_spawned(void *ctx, struct ap_child *child)
{
	struct seen *s = ctx;
	ap_child_send(child, AP_HANDOFF_CONFIG, "home=/nowhere\n", -1);
	ap_child_send(child, AP_HANDOFF_GO, NULL, -1);
	if (++s->spawned == s->until_spawned)
		g_main_loop_quit(s->loop);
}

static void on_ready(void *ctx, struct ap_child *child)
{
	struct seen *s = ctx;
	(void)child;
	s->ready++;
	g_main_loop_quit(s->loop);
}

static void on_failed(void *ctx, struct ap_child *child, const char *why)
{
	struct seen *s = ctx;
	(void)child;
	g_strlcpy(s->failed, why, sizeof s->failed);
	g_main_loop_quit(s->loop);
}

static void on_ended(void *ctx, struct ap_child *child)
{
	struct seen *s = ctx;
	(void)child;
	s->ended++;
	g_main_loop_quit(s->loop);
}

static void on_unlinked(void *ctx, struct ap_child *child, const char *number)
{
	struct seen *s = ctx;
	(void)child;
	g_strlcpy(s->unlinked, number, sizeof s->unlinked);
	g_main_loop_quit(s->loop);
}

static const struct ap_child_events events = { on_spawned, on_ready, on_failed, on_ended, on_unlinked };

static gboolean give_up(gpointer data)
{
	g_main_loop_quit(data);
	return G_SOURCE_REMOVE;
}

static void run(struct seen *s, unsigned ms)
{
	guint timer = g_timeout_add(ms, give_up, s->loop);
	g_main_loop_run(s->loop);
	GSource *left = g_main_context_find_source_by_id(NULL, timer);
	if (left)
		g_source_destroy(left);
}

static int set_up(void **state)
{
	struct seen *s = g_new0(struct seen, 1);
	s->loop = g_main_loop_new(NULL, FALSE);
	s->instance = (struct ap_instance){ .home = (char *)"/nowhere", .bin = (char *)FAKE_PROCESSES };
	ap_log_init("test", AP_LOG_ERROR);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct seen *s = *state;
	g_main_loop_unref(s->loop);
	g_free(s);
	return 0;
}

static struct ap_child *start(struct seen *s, const char *program)
{
	const struct ap_child_params params = { program, AP_ACCOUNT_VAULT, 200, false };
	struct ap_child *child = ap_child_new(&s->instance, &params, &events, s);
	ap_child_start(child);
	return child;
}

static void stop(struct seen *s, struct ap_child *child)
{
	ap_child_stop(child);
	if (!s->ended)
		run(s, 5000);
	assert_int_equal(s->ended, 1);
	assert_false(ap_child_alive(child));
	ap_child_free(child);
}

static void starts_and_stops(void **state)
{
	struct seen *s = *state;
	struct ap_child *child = start(s, "fake-steady");
	run(s, 5000);
	assert_int_equal(s->ready, 1);
	assert_true(ap_child_is_ready(child));
	stop(s, child);
}

static void hands_over_nothing_but_the_control_socket(void **state)
{
	struct seen *s = *state;
	struct ap_child *child = start(s, "fake-count");
	run(s, 5000);
	/* CONFIG and GO came; descriptors 0, 1, 2 and 3 are all; no HOME in the environment. */
	assert_string_equal(s->failed, "CG 4 0");
	stop(s, child);
}

static void restarts_within_a_second(void **state)
{
	struct seen *s = *state;
	s->until_spawned = 3;
	gint64 before = g_get_monotonic_time();
	struct ap_child *child = start(s, "fake-crash");
	run(s, 5000);
	assert_int_equal(s->spawned, 3);
	assert_in_range(g_get_monotonic_time() - before, 300000, 1000000); /* waits of 100 and 200 ms */
	stop(s, child);
}

static void a_missing_program_is_tried_again(void **state)
{
	struct seen *s = *state;
	s->until_spawned = 2;
	struct ap_child *child = start(s, "fake-which-is-not-there");
	run(s, 5000);
	assert_int_equal(s->spawned, 2);
	stop(s, child);
}

static void a_deaf_process_is_killed(void **state)
{
	struct seen *s = *state;
	struct ap_child *child = start(s, "fake-deaf");
	run(s, 5000);
	gint64 before = g_get_monotonic_time();
	stop(s, child);
	assert_in_range(g_get_monotonic_time() - before, 150000, 2000000);
}

static void tells_why_it_failed(void **state)
{
	struct seen *s = *state;
	struct ap_child *child = start(s, "fake-refuse");
	run(s, 5000);
	assert_int_equal(strncmp(s->failed, "CG ", 3), 0);
	stop(s, child);
}

static void tells_which_link_is_over(void **state)
{
	struct seen *s = *state;
	struct ap_child *child = start(s, "fake-unlinked");
	run(s, 5000); /* READY */
	if (!*s->unlinked)
		run(s, 5000);
	assert_string_equal(s->unlinked, "7");
	assert_true(ap_child_is_ready(child));
	stop(s, child);
}

static void stops_what_never_started(void **state)
{
	struct seen *s = *state;
	const struct ap_child_params params = { "fake-steady", AP_ACCOUNT_VAULT, 200, false };
	struct ap_child *child = ap_child_new(&s->instance, &params, &events, s);
	stop(s, child);
	assert_int_equal(s->spawned, 0);
}

static void waits_double(void **state)
{
	(void)state;
	assert_int_equal(ap_child_backoff_ms(0), 100);
	assert_int_equal(ap_child_backoff_ms(1), 200);
	assert_int_equal(ap_child_backoff_ms(8), 25600);
	assert_int_equal(ap_child_backoff_ms(9), 30000);
	assert_int_equal(ap_child_backoff_ms(4000000000u), 30000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(starts_and_stops, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hands_over_nothing_but_the_control_socket, set_up, tear_down),
		cmocka_unit_test_setup_teardown(restarts_within_a_second, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_missing_program_is_tried_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_deaf_process_is_killed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tells_why_it_failed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tells_which_link_is_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stops_what_never_started, set_up, tear_down),
		cmocka_unit_test(waits_double),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
