/* What one thread asks of another: heard in order, and let go unheard when the vault ends first. */
#include "tests/testlib/staff_fixture.h"

#include "recorder/vault_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct heard {
	char words[8];
	unsigned released;
};

static void hear(struct ap_vault *v, void *data)
{
	struct heard *h = data;
	assert_non_null(ap_vault_config(v));
	h->words[strlen(h->words)] = '1';
}

static void hear_and_ask(struct ap_vault *v, void *data)
{
	hear(v, data);
	ap_vault_on_main(v, hear, data, NULL);
}

static void release(void *data)
{
	((struct heard *)data)->released++;
}

static void turn(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static void test_a_call_is_heard_once_and_may_ask_again(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct heard h = { 0 };
	ap_vault_on_main(f->v, hear_and_ask, &h, release);
	assert_string_equal(h.words, ""); /* never at once */
	turn();
	assert_string_equal(h.words, "11");
	assert_int_equal(h.released, 1);
	fixture_free(f);
	assert_int_equal(h.released, 1);
}

static void test_calls_that_wait_end_with_the_vault(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct heard h = { 0 };
	ap_vault_on_main(f->v, hear, &h, release);
	ap_vault_on_gate(f->v, hear, &h, release);
	ap_vault_look_again(f->v);
	fixture_free(f);
	assert_int_equal(h.released, 2);
	turn();
	assert_string_equal(h.words, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_call_is_heard_once_and_may_ask_again),
		cmocka_unit_test(test_calls_that_wait_end_with_the_vault),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
