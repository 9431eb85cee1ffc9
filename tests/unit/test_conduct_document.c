#include "recorder/access/conduct_document.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define QUESTION "{\"text\":\"q\",\"choices\":[\"a\",\"b\",\"c\"],\"right\":1}"
#define GOOD "{\"lang\":\"en\",\"title\":\"T\",\"text\":[\"one\",\"two\"],\"questions\":[" QUESTION "," QUESTION "]}"

static void what_is_no_document_is_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",
		"[]",
		"{}",
		"{\"lang\":\"de\",\"title\":\"T\",\"text\":[\"x\"]}",
		"{\"lang\":\"en\",\"title\":\"\",\"text\":[\"x\"]}",
		"{\"lang\":\"en\",\"title\":\"T\",\"text\":[]}",
		"{\"lang\":\"en\",\"title\":\"T\",\"text\":[1]}",
		"{\"lang\":\"en\",\"title\":\"T\",\"text\":[\"x\"],\"html\":\"<b>\"}",
		"{\"lang\":\"en\",\"title\":\"T\",\"text\":[\"x\"],\"questions\":{}}",
		"{\"lang\":\"en\",\"title\":\"T\",\"text\":[\"x\"],\"questions\":[1]}",
		"{\"lang\":\"en\",\"title\":\"T\",\"text\":[\"x\"],\"questions\":[{\"text\":\"q\",\"choices\":[\"a\"],\"right\":0}]}",
		"{\"lang\":\"en\",\"title\":\"T\",\"text\":[\"x\"],\"questions\":[{\"text\":\"q\",\"choices\":[\"a\",\"b\"],\"right\":2}]}",
		"{\"lang\":\"en\",\"title\":\"T\",\"text\":[\"x\"],\"questions\":[{\"text\":\"q\",\"choices\":[\"a\",\"b\"]}]}",
	};
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		struct ap_conduct_document *d = NULL;
		assert_string_equal(ap_conduct_document_parse(wrong[i], &d).name, "invalid");
		assert_null(d);
	}
}

static unsigned right(const struct ap_conduct_document *d, const char *answers)
{
	g_autoptr(JsonNode) node = json_from_string(answers, NULL);
	return ap_conduct_document_right(d, json_node_get_array(node));
}

/* R13: a quiz counts what is right, and never tells which choice is. */
static void a_quiz_counts_and_does_not_tell(void **state)
{
	(void)state;
	struct ap_conduct_document *d;
	assert_true(ap_ok(ap_conduct_document_parse(GOOD, &d)));
	assert_int_equal(ap_conduct_document_questions(d), 2);
	assert_int_equal(right(d, "[1,1]"), 2);
	assert_int_equal(right(d, "[1,0]"), 1);
	assert_int_equal(right(d, "[1]"), 1);
	assert_int_equal(right(d, "[\"1\",1.0,1,1]"), 0);
	assert_int_equal(right(d, "[]"), 0);
	assert_int_equal(ap_conduct_document_right(d, NULL), 0);
	JsonObject *shown = ap_conduct_document_shown(d);
	JsonObject *question = json_array_get_object_element(json_object_get_array_member(shown, "questions"), 0);
	assert_false(json_object_has_member(question, "right"));
	assert_int_equal(json_array_get_length(json_object_get_array_member(question, "choices")), 3);
	json_object_unref(shown);
	ap_conduct_document_free(d);
}

static void the_hash_is_of_the_canonical_text(void **state)
{
	(void)state;
	struct ap_conduct_document *a, *b;
	assert_true(ap_ok(ap_conduct_document_parse("{\"lang\":\"fr\",\"title\":\"T\",\"text\":[\"x\"]}", &a)));
	assert_true(ap_ok(ap_conduct_document_parse("{ \"text\": [\"x\"], \"title\": \"T\", \"lang\": \"fr\" }", &b)));
	struct ap_hash first = ap_conduct_document_hash(a), second = ap_conduct_document_hash(b);
	assert_memory_equal(first.b, second.b, sizeof first.b);
	assert_string_equal(ap_conduct_document_text(a), "{\"lang\":\"fr\",\"text\":[\"x\"],\"title\":\"T\"}");
	ap_conduct_document_free(a);
	ap_conduct_document_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_document_is_refused),
		cmocka_unit_test(a_quiz_counts_and_does_not_tell),
		cmocka_unit_test(the_hash_is_of_the_canonical_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
