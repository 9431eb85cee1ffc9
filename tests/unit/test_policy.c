/* One policy document: its form, periods and reasons, and who may be recorded (R14, R16, R17, R27, R35, R36). */
#include "recorder/policy/policy.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define DAY INT64_C(86400000)

static struct ap_policy *parse(const char *text)
{
	struct ap_policy *p = NULL;
	struct ap_result r = ap_policy_parse(text, &p);
	if (!ap_ok(r))
		fail_msg("%s: %s", r.detail, text);
	return p;
}

static struct ap_policy *shipped(const char *name)
{
	g_autofree char *path = g_strdup_printf(AP_SOURCE_DIR "/config/policies/%s.json", name);
	g_autofree char *text = NULL;
	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	return parse(text);
}

static int64_t ms_of(int year, int month, int day)
{
	g_autoptr(GDateTime) t = g_date_time_new_utc(year, month, day, 12, 0, 0);
	return g_date_time_to_unix(t) * 1000;
}

/* R16: the periods the instance starts with, each with its reason. */
static void r16_the_shipped_policy_keeps_what_it_says(void **state)
{
	(void)state;
	static const struct {
		enum ap_purpose purpose;
		int months, days;
	} rows[] = {
		{ AP_PURPOSE_RECORDING, 0, 30 },	 { AP_PURPOSE_QUALITY, 0, 90 },	 { AP_PURPOSE_SUPERVISION, 6, 0 },
		{ AP_PURPOSE_CERTIFICATION, 12, 0 },	 { AP_PURPOSE_RESEARCH, 0, 0 },	 { AP_PURPOSE_AI_TRAINING, 0, 0 },
		{ AP_PURPOSE_DISCLOSURE, 0, 30 },	 { AP_PURPOSE_SHARE_COPY, 0, 30 },
	};
	struct ap_policy *p = shipped("default");
	assert_string_equal(ap_policy_name(p), "default");
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct ap_period keep = ap_policy_keep(p, rows[i].purpose);
		assert_int_equal(keep.months, rows[i].months);
		assert_int_equal(keep.ms, rows[i].days * DAY);
		assert_int_equal(!!(ap_policy_offered(p) & AP_PURPOSE_BIT(rows[i].purpose)), !ap_period_none(&keep));
		assert_true(strlen(ap_policy_reason(p, rows[i].purpose)) > 20);
	}
	assert_int_equal(ap_policy_after_decision(p, AP_PURPOSE_CERTIFICATION).months, 2);
	assert_int_equal(ap_policy_protected(p).ms, 14 * DAY);
	assert_int_equal(ap_policy_access_log(p).months, 12);
	assert_int_equal(ap_policy_consent_proof_ms(p), 1826 * DAY);
	ap_policy_free(p);
}

/* Whatever lies in config/policies can be set as it is: every rule has its reason. */
static void r16_every_shipped_document_states_its_reasons(void **state)
{
	(void)state;
	g_autoptr(GDir) dir = g_dir_open(AP_SOURCE_DIR "/config/policies", 0, NULL);
	unsigned seen = 0;
	for (const char *file = g_dir_read_name(dir); file; file = g_dir_read_name(dir)) {
		g_autofree char *name = g_strndup(file, strlen(file) - strlen(".json"));
		struct ap_policy *p = shipped(name);
		assert_string_equal(ap_policy_name(p), name);
		struct ap_result r = ap_policy_reasoned(p);
		if (!ap_ok(r))
			fail_msg("%s: %s", file, r.detail);
		ap_policy_free(p);
		seen++;
	}
	assert_true(seen >= 3);
}

static void r16_a_rule_without_a_reason_is_named(void **state)
{
	(void)state;
	static const char *const bare[][2] = {
		{ "{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{\"quality\":{\"days\":1}}}", "purposes:" },
		{ "{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{\"quality\":{\"off\":true,\"reason\":\"  \"}}}", "purposes:" },
		{ "{\"name\":\"x\",\"reason\":\"r\",\"archive\":{\"days\":1}}", "archive:" },
		{ "{\"name\":\"x\",\"reason\":\"r\",\"protected\":{\"days\":1}}", "protected:" },
		{ "{\"name\":\"x\",\"reason\":\"r\",\"access_log\":{\"days\":1}}", "access_log:" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(bare); i++) {
		struct ap_policy *p = parse(bare[i][0]);
		struct ap_result r = ap_policy_reasoned(p);
		assert_string_equal(r.name, "invalid");
		assert_true(g_str_has_prefix(r.detail, bare[i][1]));
		ap_policy_free(p);
	}
}

/* R16: six months are those of the calendar. */
static void r16_months_are_the_calendars(void **state)
{
	(void)state;
	const struct {
		int from[3], months, to[3];
	} rows[] = {
		{ { 2026, 1, 15 }, 6, { 2026, 7, 15 } },  { { 2026, 8, 31 }, 6, { 2027, 2, 28 } },
		{ { 2027, 8, 31 }, 6, { 2028, 2, 29 } },  { { 2026, 12, 31 }, 12, { 2027, 12, 31 } },
		{ { 2026, 10, 31 }, 1, { 2026, 11, 30 } },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct ap_period p = { .months = rows[i].months };
		int64_t from = ms_of(rows[i].from[0], rows[i].from[1], rows[i].from[2]) + 123;
		assert_int_equal(ap_period_after(&p, from), ms_of(rows[i].to[0], rows[i].to[1], rows[i].to[2]) + 123);
	}
	const struct ap_period month = { .months = 1 };
	assert_int_equal(ap_period_before(&month, ms_of(2026, 3, 31)), ms_of(2026, 2, 28));
	assert_int_equal(ap_period_after(&month, -1), -1 + 31 * DAY); /* before 1970, too */
}

/* R17: by a purpose's own current use, by the last part of its term, or never; the earlier of two. */
static void r17_when_current_use_ends(void **state)
{
	(void)state;
	static const struct {
		const char *purpose, *archive;
		int64_t days;
	} rows[] = {
		{ "{\"days\":100}", "", 100 },
		{ "{\"days\":100,\"archive_after\":{\"days\":30}}", "", 30 },
		{ "{\"days\":100}", ",\"archive\":{\"days\":20}", 80 },
		{ "{\"days\":100,\"archive_after\":{\"days\":30}}", ",\"archive\":{\"days\":20}", 30 },
		{ "{\"days\":100,\"archive_after\":{\"days\":90}}", ",\"archive\":{\"days\":20}", 80 },
		{ "{\"days\":100,\"archive_after\":{\"days\":300}}", "", 100 },
		{ "{\"days\":100}", ",\"archive\":{\"days\":300}", 0 },
		{ "{\"days\":100}", ",\"archive_days\":20", 80 },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = g_strdup_printf("{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{\"quality\":%s}%s}",
							rows[i].purpose, rows[i].archive);
		struct ap_policy *p = parse(text);
		assert_int_equal(ap_policy_archives_ms(p, AP_PURPOSE_QUALITY, 1000, 1000 + 100 * DAY), 1000 + rows[i].days * DAY);
		ap_policy_free(p);
	}
}

static void wrong_forms_are_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"", "[]", "{", "{\"name\":\"x\"}",
		"{\"name\":\"\",\"reason\":\"r\",\"purposes\":{}}",
		"{\"name\":\"x\",\"purposes\":{}}",
		"{\"name\":\"x\",\"reason\":\" \",\"purposes\":{}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":[]}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{\"marketing\":{\"days\":1}}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{\"recording\":{}}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{\"recording\":{\"days\":-1}}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{\"recording\":{\"days\":\"1\"}}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{\"recording\":{\"days\":40001}}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{\"recording\":{\"months\":1321}}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{\"recording\":{\"days\":1,\"seconds\":1}}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{\"recording\":{\"days\":1,\"months\":1}}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{\"recording\":{\"off\":true,\"days\":1}}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{\"recording\":{\"off\":1,\"days\":1}}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{\"recording\":{\"days\":1,\"archive_after\":{}}}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{\"recording\":{\"days\":1,\"after_decision\":2}}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{},\"surprise\":1}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{},\"kind\":\"country\"}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{},\"storage\":\"eu\"}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{},\"archive\":{\"days\":1},\"archive_days\":1}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{},\"protected\":{\"four_eyes\":true}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{},\"protected\":{\"days\":1,\"four_eyes\":\"no\"}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{},\"minors\":{\"allowed\":true}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{},\"minors\":{\"allowed\":\"yes\"}}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{},\"minors\":true}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{},\"request_days\":0}",
		"{\"name\":\"x\",\"reason\":\"r\",\"purposes\":{},\"conduct_pass_percent\":101}",
	};
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		struct ap_policy *p = NULL;
		if (ap_ok(ap_policy_parse(wrong[i], &p)))
			fail_msg("taken: %s", wrong[i]);
		assert_null(p);
	}
}

/* R14, R36: unrecorded sessions never; minors only with words for it. */
static void r14_r36_who_may_be_recorded(void **state)
{
	(void)state;
	struct ap_policy *p = shipped("default");
	struct ap_policy *young = parse("{\"name\":\"y\",\"reason\":\"r\",\"purposes\":{\"recording\":{\"days\":1}},\"minors\":"
					"{\"allowed\":true,\"reason\":\"school\",\"parental_consent\":\"on paper\"}}");
	const char *why = NULL;
	struct ap_policy_facts facts = { 0 };
	assert_true(ap_policy_may_record(p, &facts, NULL));
	facts.sensitivity = AP_UNRECORDED;
	assert_false(ap_policy_may_record(p, &facts, &why));
	assert_non_null(why);
	facts = (struct ap_policy_facts){ .minor = { false, true } };
	assert_false(ap_policy_may_record(p, &facts, NULL));
	assert_true(ap_policy_may_record(young, &facts, NULL));
	facts = (struct ap_policy_facts){ .lockdown = true };
	assert_false(ap_policy_may_record(p, &facts, NULL));
	ap_policy_free(young);
	ap_policy_free(p);
}

/* R27: a region's recordings are made only where its storage is. */
static void r27_storage_is_where_the_region_says(void **state)
{
	(void)state;
	static const struct {
		const char *label;
		bool may;
	} rows[] = { { NULL, false }, { "", false }, { "us", false }, { "eu", true } };
	struct ap_policy *p = shipped("region-eu");
	assert_int_equal(ap_policy_kind(p), AP_KIND_REGION);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct ap_policy_facts facts = { .storage = rows[i].label };
		assert_int_equal(ap_policy_may_record(p, &facts, NULL), rows[i].may);
	}
	assert_false(ap_policy_offered(p) & AP_PURPOSE_BIT(AP_PURPOSE_AI_TRAINING)); /* off */
	assert_true(ap_policy_offered(p) & AP_PURPOSE_BIT(AP_PURPOSE_QUALITY));	      /* not limited */
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
	struct ap_policy *p = shipped("default");
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct ap_access_needs needs = ap_policy_access_needs(p, rows[i].sensitivity, rows[i].archived);
		assert_int_equal(needs.four_eyes, rows[i].four_eyes);
		assert_int_equal(needs.admin_approval, rows[i].admin);
	}
	ap_policy_free(p);
}

static void r35_off_loopback_everything_must_be_set(void **state)
{
	(void)state;
	struct ap_policy *p = shipped("default");
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
		cmocka_unit_test(r16_the_shipped_policy_keeps_what_it_says),
		cmocka_unit_test(r16_every_shipped_document_states_its_reasons),
		cmocka_unit_test(r16_a_rule_without_a_reason_is_named),
		cmocka_unit_test(r16_months_are_the_calendars),
		cmocka_unit_test(r17_when_current_use_ends),
		cmocka_unit_test(wrong_forms_are_refused),
		cmocka_unit_test(r14_r36_who_may_be_recorded),
		cmocka_unit_test(r27_storage_is_where_the_region_says),
		cmocka_unit_test(r14_r17_what_an_access_needs),
		cmocka_unit_test(r35_off_loopback_everything_must_be_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
