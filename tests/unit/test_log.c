#include <aparte/log.h>

#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Runs with stderr in a pipe and gives what was written. */
static void capture(void (*run)(void), char *ret_text, size_t cap)
{
	int pipes[2], saved = dup(STDERR_FILENO);
	assert_int_equal(pipe(pipes), 0);
	dup2(pipes[1], STDERR_FILENO);
	run();
	dup2(saved, STDERR_FILENO);
	close(saved), close(pipes[1]);
	ssize_t n = read(pipes[0], ret_text, cap - 1);
	ret_text[n > 0 ? n : 0] = '\0';
	close(pipes[0]);
}

static void one_event(void)
{
	ap_log(AP_LOG_INFO, "gate_opened", "epoch=%d", 3);
}

static void below_the_level(void)
{
	ap_log(AP_LOG_DEBUG, "noise", "n=%d", 1);
}

static void a_forged_line(void)
{
	ap_log(AP_LOG_WARN, "odd", "value=%s", "a\n2026-01-01T00:00:00.000Z error vault forged \x1b[31m");
}

static void a_long_value(void)
{
	char text[5000];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	ap_log(AP_LOG_INFO, "long", "value=%s", text);
}

static void an_event_is_one_line_with_its_process(void **state)
{
	(void)state;
	char text[4096];
	capture(one_event, text, sizeof text);
	assert_non_null(strstr(text, "Z info test gate_opened epoch=3\n"));
}

static void levels_are_kept(void **state)
{
	(void)state;
	char text[4096];
	capture(below_the_level, text, sizeof text);
	assert_string_equal(text, "");
}

static void no_value_can_start_a_line_or_paint_the_terminal(void **state)
{
	(void)state;
	char text[4096];
	capture(a_forged_line, text, sizeof text);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_null(strchr(text, '\x1b'));
}

static void long_lines_are_cut(void **state)
{
	(void)state;
	char text[8192];
	capture(a_long_value, text, sizeof text);
	assert_true(strlen(text) <= 1024);
	assert_int_equal(text[strlen(text) - 1], '\n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_is_one_line_with_its_process),
		cmocka_unit_test(levels_are_kept),
		cmocka_unit_test(no_value_can_start_a_line_or_paint_the_terminal),
		cmocka_unit_test(long_lines_are_cut),
	};
	ap_log_init("test", AP_LOG_INFO);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
