/*
 * A policy as an admin puts it: the form is checked, and every period that follows from it is a time one can add to a
 * date. The shipped policy is the first seed.
 */
#include "fuzz.h"

#include <recorder/policy.h>
#include <string.h>

#define CENTURY_MS (INT64_C(40000) * 86400000)

static void check_period(int64_t ms)
{
	g_assert_true(ms >= 0 && ms <= 2 * CENTURY_MS);
}

static void check_purposes(const struct ap_policy *p)
{
	for (int i = 0; i < AP_PURPOSE_COUNT; i++) {
		enum ap_purpose purpose = (enum ap_purpose)i;
		int64_t keep = ap_policy_keep_ms(p, purpose, AP_STANDARD), less = ap_policy_keep_ms(p, purpose, AP_PROTECTED);
		check_period(keep);
		g_assert_true(less >= 0 && less <= keep);
		g_assert_true((keep > 0) == !!(ap_policy_offered(p) & AP_PURPOSE_BIT(i)));
		int64_t expires = ap_policy_expires_ms(p, AP_PURPOSE_BIT(i), AP_STANDARD, 1790000000000);
		g_assert_true(expires == 1790000000000 + keep && ap_policy_archives_ms(p, expires) <= expires);
	}
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
