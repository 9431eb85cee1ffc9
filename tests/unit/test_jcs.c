#include "vectors.h"

#include <aparte/jcs.h>
#include <glib.h>

#define LIMIT 8192

static struct ap_result check(const char *text)
{
	return ap_jcs_check(text, strlen(text), LIMIT);
}

static char *canonical_of(const char *text)
{
	g_autoptr(JsonNode) node = NULL;
	char *out = NULL;
	assert_ok(ap_json_parse(text, strlen(text), LIMIT, &node));
	assert_ok(ap_jcs_from_node(node, &out));
	return out;
}

static char *vector_file(const char *name, const char *kind)
{
	g_autofree char *path = g_strdup_printf(AP_SOURCE_DIR "/tests/vectors/jcs/%s.%s.json", name, kind);
	char *text = NULL;
	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	return text;
}

static void published_vectors(void **state)
{
	(void)state;
	static const char *const names[] = { "arrays", "french", "unicode", "weird" };
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *input = vector_file(names[i], "input"), *output = vector_file(names[i], "output");
		g_autofree char *canonical = canonical_of(input);
		assert_string_equal(canonical, g_strchomp(output));
	}
	/* No input of ours, but its output is canonical. */
	g_autofree char *structures = vector_file("structures", "output");
	assert_ok(check(g_strchomp(structures)));
	g_autofree char *again = canonical_of(structures);
	assert_string_equal(again, structures);
}

static void vectors_with_floats_are_refused(void **state)
{
	(void)state;
	static const char *const names[] = { "values", "structures" };
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *input = vector_file(names[i], "input");
		g_autoptr(JsonNode) node = NULL;
		assert_fails(ap_json_parse(input, strlen(input), LIMIT, &node), "malformed");
	}
}

static void canonical_texts_pass(void **state)
{
	(void)state;
	static const char *const good[] = {
		"{}",
		"[]",
		"{\"a\":1}",
		"{\"a\":-9007199254740991,\"b\":9007199254740991}",
		"{\"\":0,\"a\":[true,false,\"x\"]}",
		"{\"a\":\"\\u0001\\b\\t\\n\\f\\r\\\"\\\\/\x7f\"}",
		"{\"\xf0\x9f\x98\x82\":1,\"\xef\xac\xb3\":2}", /* U+1F602 sorts before U+FB33 */
		"{\"a\":1,\"aa\":2,\"b\":3}",
	};
	for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
		assert_ok(check(good[i]));
}

static void other_forms_are_not_canonical(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"{\"b\":1,\"a\":2}", "{ \"a\":1}",	  "{\"a\":1}\n",	  "{\"a\":\"\\/\"}",
		"{\"a\":\"\\u0062\"}", "{\"a\":\"\\u000A\"}", "{\"a\":\"\\u001F\"}", "{\"\xef\xac\xb3\":2,\"\xf0\x9f\x98\x82\":1}",
		"{\"a\":null}",	     "[[{\"a\":[null]}]]", "1",		  "\"a\"",
		"true",
	};
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_fails(check(bad[i]), "malformed");
}

static void what_is_not_strict_json_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", " ", "{", "[", "]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1,]", "[,1]", "{,}", "{\"a\":1 \"b\":2}", "[1 2]",
		"{a:1}", "{'a':1}", "/* */{}", "{}{}", "{} x", "nul", "truefalse", "True", "NaN", "-", "+1", "01", "-0", "-01",
		"1.0", "1e3", "1E3", ".5", "9007199254740992", "-9007199254740992", "99999999999999999999", "0x10",
		"{\"a\":1,\"a\":1}", "{\"a\":1,\"\\u0061\":1}", "\"", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"",
		"\"\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\\ud800\\ud800\"", "\"\\u0000\"",
		"\"\n\"", "\"\t\"", "\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"",
		"\xef\xbb\xbf{}",
	};
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(JsonNode) node = NULL;
		struct ap_result result = ap_json_parse(bad[i], strlen(bad[i]), LIMIT, &node);
		if (ap_ok(result) || strcmp(result.name, "malformed") != 0)
			fail_msg("accepted: %s", bad[i]);
		assert_null(node);
		assert_fails(check(bad[i]), "malformed");
	}
	g_autoptr(JsonNode) node = NULL;
	assert_fails(ap_json_parse("{\"a\0\":1}", 8, LIMIT, &node), "malformed");
	assert_fails(ap_json_parse("\0", 1, LIMIT, &node), "malformed");
}

static char *nested(unsigned depth)
{
	GString *text = g_string_new(NULL);
	for (unsigned i = 0; i < depth; i++)
		g_string_append(text, i % 2 ? "{\"a\":" : "[");
	g_string_append_c(text, '1');
	for (unsigned i = depth; i-- > 0;)
		g_string_append_c(text, i % 2 ? '}' : ']');
	return g_string_free(text, FALSE);
}

static void depth_and_size_are_bounded(void **state)
{
	(void)state;
	g_autofree char *deepest = nested(AP_JSON_DEPTH), *deeper = nested(AP_JSON_DEPTH + 1), *abyss = nested(4000);
	assert_ok(check(deepest));
	assert_fails(check(deeper), "malformed");
	g_autoptr(JsonNode) node = NULL;
	assert_fails(ap_json_parse(abyss, strlen(abyss), 1 << 20, &node), "malformed");
	assert_ok(ap_jcs_check("{\"a\":1}", 7, 7));
	assert_fails(ap_jcs_check("{\"a\":1}", 7, 6), "too-large");
}

static void loose_texts_become_canonical(void **state)
{
	(void)state;
	g_autofree char *a = canonical_of(" { \"b\" : [ 1 , null ] ,\r\n\t\"a\" : \"\\u00e9\\ud83d\\ude02\\/\" } ");
	assert_string_equal(a, "{\"a\":\"\xc3\xa9\xf0\x9f\x98\x82/\",\"b\":[1,null]}");
	g_autofree char *b = canonical_of("{\"10\":1,\"9\":2,\"\":3,\"A\":4,\"a\":5,\"\\u000a\":6}");
	assert_string_equal(b, "{\"\":3,\"\\n\":6,\"10\":1,\"9\":2,\"A\":4,\"a\":5}");
}

static void trees_that_cannot_be_canonical_are_refused(void **state)
{
	(void)state;
	char *text = NULL;
	g_autoptr(JsonObject) object = json_object_new();
	json_object_set_double_member(object, "a", 1.0);
	assert_fails(ap_jcs_from_object(object, &text), "malformed");
	json_object_set_int_member(object, "a", AP_JSON_INTEGER_MAX + 1);
	assert_fails(ap_jcs_from_object(object, &text), "malformed");
	json_object_set_string_member(object, "a", "\xff");
	assert_fails(ap_jcs_from_object(object, &text), "malformed");
	assert_null(text);
	json_object_set_int_member(object, "a", 1);
	assert_ok(ap_jcs_from_object(object, &text));
	assert_string_equal(text, "{\"a\":1}");
	g_free(text);
}

static void parsed_trees_hold_what_was_written(void **state)
{
	(void)state;
	const char *text = "{\"a\":-5,\"b\":\"x\",\"c\":true}";
	g_autoptr(JsonNode) node = NULL;
	assert_ok(ap_jcs_parse(text, strlen(text), LIMIT, &node));
	JsonObject *object = json_node_get_object(node);
	assert_int_equal(json_object_get_int_member(object, "a"), -5);
	assert_string_equal(json_object_get_string_member(object, "b"), "x");
	assert_true(json_object_get_boolean_member(object, "c"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(vectors_with_floats_are_refused),
		cmocka_unit_test(canonical_texts_pass),
		cmocka_unit_test(other_forms_are_not_canonical),
		cmocka_unit_test(what_is_not_strict_json_is_refused),
		cmocka_unit_test(depth_and_size_are_bounded),
		cmocka_unit_test(loose_texts_become_canonical),
		cmocka_unit_test(trees_that_cannot_be_canonical_are_refused),
		cmocka_unit_test(parsed_trees_hold_what_was_written),
	};
	assert_ok_or_exit();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
