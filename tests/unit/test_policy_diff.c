/* What differs between two documents. */
#include "recorder/policy/policy_diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static char *diff(const char *from, const char *to)
{
	g_autoptr(JsonNode) a = from ? json_from_string(from, NULL) : NULL, b = json_from_string(to, NULL);
	g_autoptr(JsonNode) list = json_node_new(JSON_NODE_ARRAY);
	json_node_take_array(list, ap_policy_diff(a ? json_node_get_object(a) : NULL, json_node_get_object(b)));
	return json_to_string(list, FALSE);
}

static void each_member_stands_on_its_own_line(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to, *said;
	} rows[] = {
		{ "{\"a\":1}", "{\"a\":1}", "[]" },
		{ "{\"a\":1}", "{\"a\":2}", "[{\"path\":\"a\",\"from\":1,\"to\":2}]" },
		{ "{\"a\":1}", "{}", "[{\"path\":\"a\",\"from\":1}]" },
		{ "{}", "{\"a\":false}", "[{\"path\":\"a\",\"to\":false}]" },
		{ "{\"p\":{\"x\":{\"days\":3,\"reason\":\"r\"}}}", "{\"p\":{\"x\":{\"months\":1,\"reason\":\"r\"}}}",
		  "[{\"path\":\"p.x.days\",\"from\":3},{\"path\":\"p.x.months\",\"to\":1}]" },
		{ "{\"p\":{}}", "{\"p\":{\"x\":{\"days\":3}}}", "[{\"path\":\"p.x.days\",\"to\":3}]" },
		{ "{\"p\":{\"x\":1}}", "{\"p\":7}", "[{\"path\":\"p\",\"from\":{\"x\":1},\"to\":7}]" },
		{ "{\"b\":1,\"a\":1}", "{\"a\":2,\"b\":2}",
		  "[{\"path\":\"a\",\"from\":1,\"to\":2},{\"path\":\"b\",\"from\":1,\"to\":2}]" },
		{ NULL, "{\"a\":{\"b\":1}}", "[{\"path\":\"a.b\",\"to\":1}]" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *said = diff(rows[i].from, rows[i].to);
		assert_string_equal(said, rows[i].said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_member_stands_on_its_own_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
