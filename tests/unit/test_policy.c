/* Policies: form, periods, and who may be recorded (R14, R16, R35, R36). */
#include "recorder/policy.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define DAY INT64_C(86400000)

static struct ap_policy *shipped(void)
{
	g_autofree char *text = NULL;
	struct ap_policy *p = NULL;
	assert_true(g_file_get_contents(AP_SOURCE_DIR "/config/policies/default.json", &text, NULL, NULL));
	assert_true(ap_ok(ap_policy_parse(text, &p)));
	return p;
}

static void the_shipped_one_keeps_what_it_says(void **state)
{
	(void)state;
	struct ap_policy *p = shipped();
	assert_string_equal(ap_policy_name(p), "default");
	assert_int_equal(ap_policy_keep_ms(p, AP_PURPOSE_RECORDING, AP_STANDARD), 30 * DAY);
	assert_int_equal(ap_policy_keep_ms(p, AP_PURPOSE_SUPERVISION, AP_STANDARD), 183 * DAY);
	assert_int_equal(ap_policy_keep_ms(p, AP_PURPOSE_SUPERVISION, AP_PROTECTED), 14 * DAY);
	assert_int_equal(ap_policy_keep_ms(p, AP_PURPOSE_AI_TRAINING, AP_STANDARD), 0);
	assert_false(ap_policy_offered(p) & AP_PURPOSE_BIT(AP_PURPOSE_AI_TRAINING));
	assert_true(ap_policy_four_eyes(p, AP_PROTECTED));
	assert_false(ap_policy_four_eyes(p, AP_STANDARD));
	ap_policy_free(p);
}

static void the_longest_given_purpose_decides(void **state)
{
	(void)state;
	struct ap_policy *p = shipped();
	ap_purposes recording = AP_PURPOSE_BIT(AP_PURPOSE_RECORDING);
	ap_purposes more = recording | AP_PURPOSE_BIT(AP_PURPOSE_CERTIFICATION);
	assert_int_equal(ap_policy_expires_ms(p, recording, AP_STANDARD, 1000), 1000 + 30 * DAY);
	assert_int_equal(ap_policy_expires_ms(p, more, AP_STANDARD, 1000), 1000 + 365 * DAY);
	assert_int_equal(ap_policy_expires_ms(p, more, AP_PROTECTED, 1000), 1000 + 14 * DAY);
	assert_int_equal(ap_policy_expires_ms(p, 0, AP_STANDARD, 1000), 1000);
	ap_policy_free(p);
}

static void seconds_serve_demonstrations(void **state)
{
	(void)state;
	struct ap_policy *p = NULL;
	assert_true(ap_ok(ap_policy_parse("{\"name\":\"d\",\"reason\":\"r\",\"purposes\":{\"recording\":{\"seconds\":7}},"
					  "\"archive_seconds\":2}", &p)));
	assert_int_equal(ap_policy_expires_ms(p, AP_PURPOSE_BIT(AP_PURPOSE_RECORDING), AP_STANDARD, 0), 7000);
	assert_int_equal(ap_policy_archives_ms(p, 7000), 5000);
	ap_policy_free(p);
}

static void wrong_forms_are_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"", "[]", "{", "{\"name\":\"x\"}",
		"{\"name\":\"\",\"reason\":\"r\",\"purposes\":{}}",
		"{\"name\":\"x\",\"purposes\":{}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{\"marketing\":{\"days\":1}}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{\"recording\":{}}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{\"recording\":{\"days\":-1}}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{\"recording\":{\"days\":\"1\"}}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{\"recording\":{\"days\":1,\"seconds\":1}}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{},\"surprise\":1}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{},\"minors\":{\"allowed\":true}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{},\"request_days\":0}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{},\"conduct_pass_percent\":101}",
	};
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		struct ap_policy *p = NULL;
		assert_string_equal(ap_policy_parse(wrong[i], &p).name, "invalid");
		assert_null(p);
	}
}

static void who_may_be_recorded(void **state)
{
	(void)state;
	struct ap_policy *p = shipped(), *young = NULL;
	const char *why = NULL;
	struct ap_policy_facts facts = { 0 };
	assert_true(ap_policy_may_record(p, &facts, NULL));
	facts.sensitivity = AP_UNRECORDED;
	assert_false(ap_policy_may_record(p, &facts, &why));
	assert_non_null(why);
	facts = (struct ap_policy_facts){ .minor = { false, true } };
	assert_false(ap_policy_may_record(p, &facts, NULL));
	assert_true(ap_ok(ap_policy_parse("{\"name\":\"y\",\"reason\":\"r\",\"purposes\":{\"recording\":{\"days\":1}},\"minors\":"
					  "{\"allowed\":true,\"reason\":\"school\",\"parental_consent\":\"on paper\"}}", &young)));
	assert_true(ap_policy_may_record(young, &facts, NULL));
	facts = (struct ap_policy_facts){ .lockdown = true };
	assert_false(ap_policy_may_record(p, &facts, NULL));
	ap_policy_free(young);
	ap_policy_free(p);
}

/* R14, R17: who must approve an access, by tier and phase. */
static void r14_r17_what_an_access_needs(void **state)
{
	(void)state;
	static const struct {
		enum ap_sensitivity sensitivity;
		bool archived, four_eyes, admin;
	} rows[] = {
		{ AP_STANDARD, false, false, false },
		{ AP_STANDARD, true, false, true },
		{ AP_PROTECTED, false, true, false },
		{ AP_PROTECTED, true, true, true },
	};
	struct ap_policy *p = shipped();
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct ap_access_needs needs = ap_policy_access_needs(p, rows[i].sensitivity, rows[i].archived);
		assert_int_equal(needs.four_eyes, rows[i].four_eyes);
		assert_int_equal(needs.admin_approval, rows[i].admin);
	}
	ap_policy_free(p);
}

static void off_loopback_everything_must_be_set(void **state)
{
	(void)state;
	struct ap_policy *p = shipped();
	for (unsigned bits = 0; bits < 16; bits++) {
		struct ap_policy_facts facts = { .off_loopback = true,
						 .controller = bits & 1,
						 .dpo = bits & 2,
						 .complaint = bits & 4,
						 .impact_assessment = bits & 8 };
		assert_int_equal(ap_policy_may_record(p, &facts, NULL), bits == 15);
	}
	ap_policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shipped_one_keeps_what_it_says),
		cmocka_unit_test(the_longest_given_purpose_decides),
		cmocka_unit_test(seconds_serve_demonstrations),
		cmocka_unit_test(wrong_forms_are_refused),
		cmocka_unit_test(who_may_be_recorded),
		cmocka_unit_test(r14_r17_what_an_access_needs),
		cmocka_unit_test(off_loopback_everything_must_be_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
