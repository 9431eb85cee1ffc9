#include "gateway/path.h"

#include <arpa/inet.h>
#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct ap_path v4(uint32_t remote, uint16_t port, uint32_t local)
{
	struct ap_path p = {0};
	p.remote.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port, .sin_addr = {remote}};
	p.local.v4.s_addr = local;
	return p;
}

static struct ap_leg *leg(uintptr_t n)
{
	return (struct ap_leg *)n;
}

static void every_part_of_the_tuple_counts(void **state)
{
	(void)state;
	struct ap_path_table *t = ap_path_table_new(7);
	struct ap_path a = v4(1, 2, 3), b = v4(1, 2, 4), c = v4(1, 3, 3), six = {0};
	six.remote.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = 2};
	assert_null(ap_path_table_put(t, &a, leg(8)));
	assert_ptr_equal(ap_path_table_find(t, &a), leg(8));
	assert_null(ap_path_table_find(t, &b));
	assert_null(ap_path_table_find(t, &c));
	assert_null(ap_path_table_find(t, &six));
	assert_ptr_equal(ap_path_table_put(t, &a, leg(9)), leg(8));
	assert_ptr_equal(ap_path_table_find(t, &a), leg(9));
	assert_true(ap_path_equal(&a, &a));
	assert_false(ap_path_equal(&a, &b));
	ap_path_table_free(t);
}

/* Against GLib's table, through growth and every kind of hole. */
static void it_agrees_with_a_model(void **state)
{
	(void)state;
	struct ap_path_table *t = ap_path_table_new(99);
	g_autoptr(GHashTable) model = g_hash_table_new(NULL, NULL);
	g_autoptr(GRand) random = g_rand_new_with_seed(31337);
	print_message("seed 31337\n");
	for (int i = 0; i < 100000; i++) {
		guint n = (guint)g_rand_int_range(random, 1, 700);
		struct ap_path p = v4(n * 2654435761u, (uint16_t)n, 1);
		if (g_rand_boolean(random)) {
			ap_path_table_put(t, &p, leg(n));
			g_hash_table_add(model, GUINT_TO_POINTER(n));
		} else {
			ap_path_table_remove(t, &p);
			g_hash_table_remove(model, GUINT_TO_POINTER(n));
		}
		n = (guint)g_rand_int_range(random, 1, 700);
		p = v4(n * 2654435761u, (uint16_t)n, 1);
		assert_ptr_equal(ap_path_table_find(t, &p),
				 g_hash_table_contains(model, GUINT_TO_POINTER(n)) ? leg(n) : NULL);
	}
	ap_path_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_part_of_the_tuple_counts),
		cmocka_unit_test(it_agrees_with_a_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
