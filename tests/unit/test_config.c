#include <aparte/config.h>

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void parse_fails(const char *text, const char *name, const char *where)
{
	struct ap_config *c = NULL;
	g_autofree char *at = NULL;
	struct ap_result r = ap_config_parse(text, &c, &at);
	assert_false(ap_ok(r));
	assert_string_equal(r.name, name);
	assert_null(c);
	if (where)
		assert_string_equal(at, where);
}

static void the_shipped_file_is_the_defaults(void **state)
{
	(void)state;
	struct ap_config *shipped = NULL;
	struct ap_config *defaults = ap_config_new();
	assert_true(ap_ok(ap_config_load_file(AP_SOURCE_DIR "/config/aparte.conf", &shipped, NULL)));
	g_autofree char *a = ap_config_to_text(shipped);
	g_autofree char *b = ap_config_to_text(defaults);
	assert_string_equal(a, b);
	ap_config_free(shipped);
	ap_config_free(defaults);
}

static void the_shipped_file_names_every_key(void **state)
{
	(void)state;
	struct ap_config *defaults = ap_config_new();
	g_autofree char *text = ap_config_to_text(defaults);
	g_autoptr(GKeyFile) all = g_key_file_new(), shipped = g_key_file_new();
	assert_true(g_key_file_load_from_data(all, text, strlen(text), G_KEY_FILE_NONE, NULL));
	assert_true(g_key_file_load_from_file(shipped, AP_SOURCE_DIR "/config/aparte.conf", G_KEY_FILE_NONE, NULL));
	g_auto(GStrv) groups = g_key_file_get_groups(all, NULL);
	for (char **group = groups; *group; group++) {
		g_auto(GStrv) names = g_key_file_get_keys(all, *group, NULL, NULL);
		for (char **name = names; *name; name++)
			if (!g_key_file_has_key(shipped, *group, *name, NULL))
				fail_msg("config/aparte.conf does not name %s.%s", *group, *name);
	}
	ap_config_free(defaults);
}

static void unknown_keys_and_bad_values_are_refused_by_name(void **state)
{
	(void)state;
	parse_fails("[gateway]\nlissen=x\n", "config-key", "gateway.lissen");
	parse_fails("[nowhere]\na=b\n", "config-key", "nowhere.a");
	parse_fails("[gateway]\nmedia_port=seven\n", "config-value", "gateway.media_port");
	parse_fails("[gateway]\nmedia_port=0\n", "config-value", "gateway.media_port");
	parse_fails("[gateway]\nmedia_port=70000\n", "config-value", "gateway.media_port");
	parse_fails("[vault]\nrequire_sandbox=yes\n", "config-value", "vault.require_sandbox");
	parse_fails("what is this", "config-form", NULL);
}

static void lists_are_split_and_trimmed(void **state)
{
	(void)state;
	struct ap_config *c = ap_config_new();
	assert_true(ap_ok(ap_config_set(c, "gateway.advertise", " 127.0.0.1 ;; ::1;")));
	const char *const *list = ap_config_list(c, "gateway.advertise");
	assert_string_equal(list[0], "127.0.0.1");
	assert_string_equal(list[1], "::1");
	assert_null(list[2]);
	assert_null(ap_config_list(c, "turn.urls")[0]);
	ap_config_free(c);
}

static void text_and_back_keeps_every_value(void **state)
{
	(void)state;
	struct ap_config *c = ap_config_new(), *back = NULL;
	assert_true(ap_ok(ap_config_set(c, "gateway.media_port", "9000")));
	assert_true(ap_ok(ap_config_set(c, "operator.controller_name", "Société d'aparté")));
	g_autofree char *text = ap_config_to_text(c);
	assert_true(ap_ok(ap_config_parse(text, &back, NULL)));
	assert_true(ap_config_int(back, "gateway.media_port") == 9000);
	assert_string_equal(ap_config_text(back, "operator.controller_name"), "Société d'aparté");
	assert_true(ap_config_bool(back, "vault.require_sandbox"));
	ap_config_free(c);
	ap_config_free(back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shipped_file_is_the_defaults),
		cmocka_unit_test(the_shipped_file_names_every_key),
		cmocka_unit_test(unknown_keys_and_bad_values_are_refused_by_name),
		cmocka_unit_test(lists_are_split_and_trimmed),
		cmocka_unit_test(text_and_back_keeps_every_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
