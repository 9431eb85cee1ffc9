/* What is accepted has one canonical form, which is accepted in turn and stays as it is. */
#include "fuzz.h"

#include <aparte/jcs.h>
#include <string.h>

#define LIMIT 65536

static void check_canonical(const char *text, size_t size)
{
	g_autofree char *again = NULL;
	g_autoptr(JsonNode) node = NULL;
	if (!ap_ok(ap_jcs_parse(text, size, LIMIT, &node)))
		return;
	g_assert_true(ap_ok(ap_jcs_from_node(node, &again)));
	g_assert_true(strlen(again) == size && memcmp(again, text, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(JsonNode) node = NULL, second = NULL;
	g_autofree char *canonical = NULL, *again = NULL;
	const char *text = (const char *)data;
	check_canonical(text, size);
	if (!ap_ok(ap_json_parse(text, size, LIMIT, &node)))
		return 0;
	g_assert_true(ap_ok(ap_jcs_from_node(node, &canonical)));
	g_assert_true(ap_ok(ap_json_parse(canonical, strlen(canonical), 6 * LIMIT, &second)));
	g_assert_true(ap_ok(ap_jcs_from_node(second, &again)));
	g_assert_cmpstr(canonical, ==, again);
	return 0;
}
