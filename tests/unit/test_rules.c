/* Several documents about one session: the stricter decides, and is named (R14, R16, R27, R36). */
#include "recorder/policy/rules.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define DAY INT64_C(86400000)
#define SEALED INT64_C(1800000000000)

/* A document with these purposes and further members. */
static struct ap_policy *make(const char *name, const char *kind, const char *purposes, const char *more)
{
	struct ap_policy *p = NULL;
	g_autofree char *text = g_strdup_printf("{\"name\":\"%s\",\"kind\":\"%s\",\"reason\":\"r\",\"purposes\":{%s}%s}", name, kind,
						purposes, more);
	struct ap_result r = ap_policy_parse(text, &p);
	if (!ap_ok(r))
		fail_msg("%s: %s", r.detail, text);
	return p;
}

static void add(struct ap_rules *r, enum ap_rule_level level, int64_t version, struct ap_policy *taken)
{
	ap_rules_add(r, level, version, taken);
	ap_policy_free(taken);
}

/* The three levels, as far as a row has them. */
static struct ap_rules three(const char *session, const char *tenant, const char *region, const char *more)
{
	struct ap_rules r = { 0 };
	add(&r, AP_LEVEL_SESSION, 1, make("s", "policy", session, more));
	if (tenant)
		add(&r, AP_LEVEL_TENANT, 1, make("t", "policy", tenant, more));
	if (region)
		add(&r, AP_LEVEL_REGION, 1, make("g", "region", region, more));
	return r;
}

#define Q(period) "\"quality\":{" period "}"
#define DAYS(n) Q("\"days\":" #n)

/* R27: for the same purpose the stricter wins, and the answer says whose rule it was. */
static void r27_the_stricter_rule_decides_and_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *session, *tenant, *region;
		enum ap_rule_level level;
		enum ap_bound_basis basis;
		int64_t days; /* 0: not offered */
	} rows[] = {
		{ DAYS(30), NULL, NULL, AP_LEVEL_SESSION, AP_BOUND_PERIOD, 30 },
		{ DAYS(30), DAYS(20), NULL, AP_LEVEL_TENANT, AP_BOUND_PERIOD, 20 },
		{ DAYS(30), DAYS(40), NULL, AP_LEVEL_SESSION, AP_BOUND_PERIOD, 30 },
		{ DAYS(30), DAYS(30), DAYS(30), AP_LEVEL_SESSION, AP_BOUND_PERIOD, 30 },
		{ DAYS(30), DAYS(20), DAYS(10), AP_LEVEL_REGION, AP_BOUND_PERIOD, 10 },
		{ DAYS(30), DAYS(20), "", AP_LEVEL_TENANT, AP_BOUND_PERIOD, 20 },
		{ DAYS(30), "", DAYS(10), AP_LEVEL_TENANT, AP_BOUND_OFF, 0 },
		{ "", DAYS(10), DAYS(10), AP_LEVEL_SESSION, AP_BOUND_OFF, 0 },
		{ DAYS(30), DAYS(30), Q("\"off\":true"), AP_LEVEL_REGION, AP_BOUND_OFF, 0 },
		{ DAYS(180), Q("\"months\":6"), NULL, AP_LEVEL_SESSION, AP_BOUND_PERIOD, 180 },
		{ DAYS(182), Q("\"months\":6"), NULL, AP_LEVEL_TENANT, AP_BOUND_PERIOD, 181 }, /* January to July, 2027 */
	};
	const struct ap_term_facts facts = { .sealed_ms = SEALED };
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct ap_rules r = three(rows[i].session, rows[i].tenant, rows[i].region, "");
		struct ap_term term = ap_rules_term(&r, AP_PURPOSE_QUALITY, &facts);
		assert_int_equal(term.decided.rule->level, rows[i].level);
		assert_int_equal(term.decided.basis, rows[i].basis);
		assert_int_equal(term.offered, rows[i].days > 0);
		assert_int_equal((term.ends_ms - SEALED) / DAY, rows[i].days);
		assert_int_equal(!!(ap_rules_offered(&r) & AP_PURPOSE_BIT(AP_PURPOSE_QUALITY)), rows[i].days > 0);
		ap_rules_clear(&r);
	}
}

/* R16: an older version stays in force beside the newer: what changes only ever shortens. */
static void r16_no_version_lengthens_an_older_one(void **state)
{
	(void)state;
	static const struct {
		const char *then, *now;
		int64_t version, days;
	} rows[] = {
		{ DAYS(30), DAYS(60), 1, 30 },
		{ DAYS(30), DAYS(10), 2, 10 },
		{ DAYS(30), "", 2, 0 },
		{ "", DAYS(30), 1, 0 },
	};
	const struct ap_term_facts facts = { .sealed_ms = SEALED };
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct ap_rules r = { 0 };
		add(&r, AP_LEVEL_SESSION, 1, make("s", "policy", rows[i].then, ""));
		add(&r, AP_LEVEL_SESSION, 2, make("s", "policy", rows[i].now, ""));
		add(&r, AP_LEVEL_TENANT, 2, make("s", "policy", rows[i].now, "")); /* the same document again */
		assert_int_equal(r.n, 2);
		struct ap_term term = ap_rules_term(&r, AP_PURPOSE_QUALITY, &facts);
		assert_int_equal(term.decided.rule->version, rows[i].version);
		assert_int_equal((term.ends_ms - SEALED) / DAY, rows[i].days);
		ap_rules_clear(&r);
	}
}

#define C "\"certification\":{\"months\":12,\"after_decision\":{\"months\":2}}"

/* R16: until the decision and two months, and twelve at most. */
static void r16_certification_lasts_until_the_decision_and_two_months(void **state)
{
	(void)state;
	static const struct {
		int decided_days; /* -1: not decided */
		int64_t ends_days;
		enum ap_bound_basis basis;
	} rows[] = {
		{ -1, 365, AP_BOUND_PERIOD }, { 0, 59, AP_BOUND_DECISION },   { 100, 161, AP_BOUND_DECISION },
		{ 300, 361, AP_BOUND_DECISION }, { 340, 365, AP_BOUND_PERIOD }, { 800, 365, AP_BOUND_PERIOD },
	};
	struct ap_rules r = three(C, C, NULL, "");
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct ap_term_facts facts = { .sealed_ms = SEALED,
						     .decided_ms = rows[i].decided_days < 0 ? 0 : SEALED + rows[i].decided_days * DAY };
		struct ap_term term = ap_rules_term(&r, AP_PURPOSE_CERTIFICATION, &facts);
		assert_int_equal((term.ends_ms - SEALED) / DAY, rows[i].ends_days);
		assert_int_equal(term.decided.basis, rows[i].basis);
	}
	assert_int_equal(ap_rules_after_decision(&r, AP_PURPOSE_CERTIFICATION, SEALED).months, 2);
	ap_rules_clear(&r);
}

/* R14: a protected session's tier bounds every purpose; any document's four eyes hold. */
static void r14_the_tier_shortens_and_asks_for_four_eyes(void **state)
{
	(void)state;
	const struct ap_term_facts facts = { .sensitivity = AP_PROTECTED, .sealed_ms = SEALED };
	struct ap_rules r = { 0 };
	add(&r, AP_LEVEL_SESSION, 1, make("s", "policy", DAYS(30), ""));
	add(&r, AP_LEVEL_REGION, 1, make("g", "region", "", ",\"protected\":{\"days\":14,\"four_eyes\":true}"));
	struct ap_term term = ap_rules_term(&r, AP_PURPOSE_QUALITY, &facts);
	assert_int_equal((term.ends_ms - SEALED) / DAY, 14);
	assert_int_equal(term.decided.basis, AP_BOUND_PROTECTED);
	assert_int_equal(term.decided.rule->level, AP_LEVEL_REGION);
	assert_true(ap_rules_access_needs(&r, AP_PROTECTED, false).four_eyes);
	assert_false(ap_rules_access_needs(&r, AP_STANDARD, false).four_eyes);
	assert_false(ap_rules_access_needs(&r, AP_PROTECTED, false).admin_approval);
	ap_rules_clear(&r);
}

/* R17: the earliest archive phase of any of them, never beyond the end. */
static void r17_the_earliest_archive_phase_holds(void **state)
{
	(void)state;
	const struct ap_term_facts facts = { .sealed_ms = SEALED };
	struct ap_rules r = { 0 };
	add(&r, AP_LEVEL_SESSION, 1, make("s", "policy", DAYS(30), ""));
	add(&r, AP_LEVEL_TENANT, 1, make("t", "policy", Q("\"days\":40,\"archive_after\":{\"days\":20}"), ""));
	add(&r, AP_LEVEL_REGION, 1, make("g", "region", "", ",\"archive\":{\"days\":5}"));
	struct ap_term term = ap_rules_term(&r, AP_PURPOSE_QUALITY, &facts);
	assert_int_equal((term.ends_ms - SEALED) / DAY, 30);
	assert_int_equal((term.archives_ms - SEALED) / DAY, 20);
	assert_true(ap_rules_access_needs(&r, AP_STANDARD, true).admin_approval);
	ap_rules_clear(&r);
}

#define REC "\"recording\":{\"days\":1}"
#define YES ",\"minors\":{\"allowed\":true,\"reason\":\"r\",\"parental_consent\":\"p\"}"
#define NO ",\"minors\":{\"allowed\":false}"

/* R27, R36: every document must allow it; a region that says nothing leaves it to the policy. */
static void r27_r36_all_must_allow_recording(void **state)
{
	(void)state;
	static const struct {
		const char *policy, *region;
		bool minor;
		const char *storage;
		bool may;
	} rows[] = {
		{ "", "", false, NULL, true },	 { "", "", true, NULL, false },	   { YES, "", true, NULL, true },
		{ YES, NO, true, NULL, false },	 { YES, YES, true, NULL, true },   { "", YES, true, NULL, false },
		{ "", ",\"storage\":\"eu\"", false, "us", false },
		{ "", ",\"storage\":\"eu\"", false, "eu", true },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct ap_rules r = { 0 };
		const char *why = NULL;
		const struct ap_policy_facts facts = { .minor = { false, rows[i].minor }, .storage = rows[i].storage };
		add(&r, AP_LEVEL_SESSION, 1, make("s", "policy", REC, rows[i].policy));
		add(&r, AP_LEVEL_REGION, 1, make("g", "region", "", rows[i].region));
		assert_int_equal(ap_rules_may_record(&r, &facts, &why), rows[i].may);
		assert_int_equal(why == NULL, rows[i].may);
		ap_rules_clear(&r);
	}
}

/* Without any policy nothing is offered: in doubt, no. */
static void a_region_alone_offers_nothing(void **state)
{
	(void)state;
	const struct ap_term_facts facts = { .sealed_ms = SEALED };
	const struct ap_policy_facts anybody = { 0 };
	struct ap_rules r = { 0 };
	assert_false(ap_rules_may_record(&r, &anybody, NULL));
	add(&r, AP_LEVEL_REGION, 1, make("g", "region", "", ""));
	assert_int_equal(ap_rules_offered(&r), 0);
	assert_false(ap_rules_may_record(&r, &anybody, NULL));
	struct ap_term term = ap_rules_term(&r, AP_PURPOSE_RECORDING, &facts);
	assert_false(term.offered);
	assert_int_equal(term.ends_ms, SEALED);
	assert_non_null(term.decided.rule);
	ap_rules_clear(&r);
}

static void every_bound_is_told(void **state)
{
	(void)state;
	struct ap_bound bounds[AP_BOUNDS_MAX];
	const struct ap_term_facts facts = { .sensitivity = AP_PROTECTED, .sealed_ms = SEALED, .decided_ms = SEALED + DAY };
	struct ap_rules r = three(C, C, "", ",\"protected\":{\"days\":14}");
	size_t n = ap_rules_bounds(&r, AP_PURPOSE_CERTIFICATION, &facts, bounds);
	static const enum ap_bound_basis wanted[] = { AP_BOUND_PERIOD,	  AP_BOUND_DECISION,  AP_BOUND_PROTECTED, AP_BOUND_PERIOD,
						      AP_BOUND_DECISION, AP_BOUND_PROTECTED, AP_BOUND_PROTECTED };
	assert_int_equal(n, G_N_ELEMENTS(wanted));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(bounds[i].basis, wanted[i]);
	ap_rules_clear(&r);
}

static void the_shortest_access_log_forgets_first(void **state)
{
	(void)state;
	struct ap_rules r = { 0 };
	add(&r, AP_LEVEL_SESSION, 1, make("s", "policy", REC, ""));
	assert_int_equal((ap_rules_access_log_ends(&r, SEALED) - SEALED) / DAY, 365);
	add(&r, AP_LEVEL_REGION, 1, make("g", "region", "", ",\"access_log\":{\"days\":100}"));
	assert_int_equal((ap_rules_access_log_ends(&r, SEALED) - SEALED) / DAY, 100);
	ap_rules_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(r27_the_stricter_rule_decides_and_is_named),
		cmocka_unit_test(r16_no_version_lengthens_an_older_one),
		cmocka_unit_test(r16_certification_lasts_until_the_decision_and_two_months),
		cmocka_unit_test(r14_the_tier_shortens_and_asks_for_four_eyes),
		cmocka_unit_test(r17_the_earliest_archive_phase_holds),
		cmocka_unit_test(r27_r36_all_must_allow_recording),
		cmocka_unit_test(a_region_alone_offers_nothing),
		cmocka_unit_test(every_bound_is_told),
		cmocka_unit_test(the_shortest_access_log_forgets_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
