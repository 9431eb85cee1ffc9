/*
 * A policy as an admin puts it: the form is checked, and every period that follows from it is a time one can add to a
 * date. The shipped policy is the first seed.
 */
#include "fuzz.h"

#include <recorder/policy/rules.h>
#include <string.h>

#define SEALED_MS INT64_C(1790000000000)
#define CENTURY_MS (INT64_C(40000) * 86400000)

static void check_period(int64_t ms)
{
	g_assert_true(ms >= 0 && ms <= 2 * CENTURY_MS);
}

/* Alone, a document's own bounds are the term; a protected session's is never longer. */
static void check_purposes(struct ap_policy *p)
{
	struct ap_rules rules = { 0 };
	const struct ap_term_facts standard = { .sensitivity = AP_STANDARD, .sealed_ms = SEALED_MS };
	const struct ap_term_facts protected = { .sensitivity = AP_PROTECTED, .sealed_ms = SEALED_MS };
	const struct ap_term_facts decided = { .sealed_ms = SEALED_MS, .decided_ms = SEALED_MS + 1 };
	ap_rules_add(&rules, AP_LEVEL_SESSION, 1, p);
	for (int i = 0; i < AP_PURPOSE_COUNT; i++) {
		enum ap_purpose purpose = (enum ap_purpose)i;
		struct ap_term term = ap_rules_term(&rules, purpose, &standard);
		check_period(term.ends_ms - SEALED_MS);
		g_assert_true((term.ends_ms > SEALED_MS) == term.offered && term.archives_ms <= term.ends_ms);
		g_assert_true(ap_rules_term(&rules, purpose, &protected).ends_ms <= term.ends_ms);
		g_assert_true(ap_rules_term(&rules, purpose, &decided).ends_ms <= term.ends_ms);
	}
	ap_rules_clear(&rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	struct ap_policy *p = NULL;
	const struct ap_policy_facts minors = { .minor = { true, false } }, never = { .sensitivity = AP_UNRECORDED };
	struct ap_result r = ap_policy_parse(text, &p);
	if (!ap_ok(r)) {
		g_assert_true(!p && strcmp(r.name, "invalid") == 0);
		return 0;
	}
	g_assert_true(*ap_policy_name(p) != '\0');
	check_purposes(p);
	check_period(ap_policy_request_ms(p));
	check_period(ap_policy_consent_proof_ms(p));
	g_assert_true(ap_policy_request_ms(p) > 0);
	g_assert_false(ap_policy_may_record(p, &never, NULL));
	if (ap_policy_may_record(p, &minors, NULL)) /* only with words for it */
		g_assert_true(strstr(text, "parental_consent") && strstr(text, "reason"));
	ap_policy_free(p);
	return 0;
}
