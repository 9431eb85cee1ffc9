#include "recorder/access/password_rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void refused(const char *password)
{
	struct ap_result r = ap_password_check(password, "claire");
	if (ap_ok(r))
		fail_msg("taken: %s", password);
	assert_string_equal(r.name, "invalid");
}

/* R11: strong passwords. */
static void what_everybody_tries_is_refused(void **state)
{
	(void)state;
	static const char *const weak[] = {
		"",		  "short",	      "elevenbytes",	 "aaaaaaaaaaaaaaaa", "123456789012",   "abcdefghijklmnop",
		"qwertyuiop12",	  "Password2024!",    "P@$$w0rd2024",	 "motdepasse1234",   "clair3claire",   "Claire-2026!!",
		"abcabcabcabc",	  "azertyuiop123",    "administrator1",	 "xyxyxyxyxyxy",     "secret123456",   "97531975319753",
	};
	for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++)
		refused(weak[i]);
	char huge[300];
	for (size_t i = 0; i < sizeof huge; i++)
		huge[i] = (char)('a' + i * 7 % 26);
	huge[sizeof huge - 1] = 0;
	refused(huge);
}

static void unlike_words_and_random_letters_are_taken(void **state)
{
	(void)state;
	static const char *const good[] = {
		"four unlike words here", "kQ3-vZ8r_tYw2LxP", "orage tulipe wagon seize", "my password is a whole long sentence", "ñandú café règle 12",
	};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_string_equal(ap_password_check(good[i], "claire").name, "ok");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_everybody_tries_is_refused),
		cmocka_unit_test(unlike_words_and_random_letters_are_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
