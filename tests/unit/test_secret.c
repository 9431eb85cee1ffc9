#include <aparte/secret.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void comparison_is_by_content_and_length(void **state)
{
	(void)state;
	struct ap_secret *a = ap_secret_from("abc", 3), *b = ap_secret_from("abc", 3);
	struct ap_secret *c = ap_secret_from("abd", 3), *d = ap_secret_from("ab", 2);
	assert_true(ap_secret_equal(a, b));
	assert_false(ap_secret_equal(a, c));
	assert_false(ap_secret_equal(a, d));
	ap_secret_free(a), ap_secret_free(b), ap_secret_free(c), ap_secret_free(d);
	ap_secret_free(NULL);
}

static void random_secrets_differ(void **state)
{
	(void)state;
	struct ap_secret *a = ap_secret_random(32), *b = ap_secret_random(32);
	assert_int_equal(ap_secret_len(a), 32);
	assert_false(ap_secret_equal(a, b));
	ap_secret_free(a), ap_secret_free(b);
}

static void the_process_leaves_no_core(void **state)
{
	(void)state;
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
	assert_int_equal(limit.rlim_max, 0);
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
}

#ifndef __SANITIZE_ADDRESS__
/* A guard page stands behind each secret: reading past it kills. */
static void reading_past_the_end_kills(void **state)
{
	(void)state;
	pid_t child = fork();
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL); /* cmocka catches it otherwise */
		struct ap_secret *s = ap_secret_new(32);
		volatile uint8_t byte = ap_secret_bytes(s)[32];
		(void)byte;
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comparison_is_by_content_and_length),
		cmocka_unit_test(random_secrets_differ),
		cmocka_unit_test(the_process_leaves_no_core),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(reading_past_the_end_kills),
#endif
	};
	if (!ap_ok(ap_secret_init()))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
