#include <aparte/problem.h>

#include <json-glib/json-glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void each_name_is_found_by_both_its_names(void **state)
{
	(void)state;
	const struct {
		const char *name;
		unsigned status;
		const char *dbus;
	} some[] = { { "token-invalid", 401, "fr.aparte.Error.TokenInvalid" },
		     { "statement-stale", 422, "fr.aparte.Error.StatementStale" },
		     { "erased", 410, "fr.aparte.Error.Erased" },
		     { "vault-unavailable", 503, "fr.aparte.Error.VaultUnavailable" } };
	for (size_t i = 0; i < G_N_ELEMENTS(some); i++) {
		const struct ap_problem *p = ap_problem_by_name(some[i].name);
		assert_int_equal(p->status, some[i].status);
		assert_string_equal(p->dbus, some[i].dbus);
		assert_ptr_equal(ap_problem_by_dbus(some[i].dbus), p);
	}
}

static void an_unknown_name_is_our_fault(void **state)
{
	(void)state;
	assert_int_equal(ap_problem_by_name("no-such-thing")->status, 500);
	assert_int_equal(ap_problem_by_name(NULL)->status, 500);
	assert_int_equal(ap_problem_by_dbus("org.freedesktop.DBus.Error.NoReply")->status, 500);
}

static void the_json_is_rfc_9457(void **state)
{
	(void)state;
	g_autofree char *text = ap_problem_json(ap_problem_by_name("statement-key"), "say \"enrol\" first");
	g_autoptr(JsonNode) root = json_from_string(text, NULL);
	JsonObject *o = json_node_get_object(root);
	assert_string_equal(json_object_get_string_member(o, "type"), "urn:aparte:error:statement-key");
	assert_string_equal(json_object_get_string_member(o, "title"), "Statement key");
	assert_int_equal(json_object_get_int_member(o, "status"), 403);
	assert_string_equal(json_object_get_string_member(o, "detail"), "say \"enrol\" first");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_name_is_found_by_both_its_names),
		cmocka_unit_test(an_unknown_name_is_our_fault),
		cmocka_unit_test(the_json_is_rfc_9457),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
