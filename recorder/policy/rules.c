#include "recorder/policy/rules.h"

#include <glib.h>
#include <string.h>

static const char *const levels[] = { "policy", "tenant", "region" };
static const char *const bases[] = { "off", "period", "decision", "protected" };

const char *ap_rule_level_text(enum ap_rule_level level)
{
	return levels[level];
}

const char *ap_bound_basis_text(enum ap_bound_basis basis)
{
	return bases[basis];
}

void ap_rules_add(struct ap_rules *r, enum ap_rule_level level, int64_t version, struct ap_policy *policy)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->rule[i].version == version && strcmp(ap_policy_name(r->rule[i].policy), ap_policy_name(policy)) == 0)
			return;
	g_assert(r->n < AP_RULES_MAX);
	r->rule[r->n++] = (struct ap_rule){ .level = level, .version = version, .policy = ap_policy_ref(policy) };
}

void ap_rules_clear(struct ap_rules *r)
{
	for (size_t i = 0; i < r->n; i++)
		ap_policy_free(r->rule[i].policy);
	*r = (struct ap_rules){ 0 };
}

/* One document's bounds: off alone, or its period, the decision's, and the tier's. */
static size_t bounds_of(const struct ap_rule *rule, enum ap_purpose purpose, const struct ap_term_facts *f, struct ap_bound *ret)
{
	const struct ap_period keep = ap_policy_keep(rule->policy, purpose), tier = ap_policy_protected(rule->policy);
	const struct ap_period after = ap_policy_after_decision(rule->policy, purpose);
	size_t n = 0;
	if (!(ap_policy_offered(rule->policy) & AP_PURPOSE_BIT(purpose))) {
		ret[n++] = (struct ap_bound){ .rule = rule, .basis = AP_BOUND_OFF, .ends_ms = f->sealed_ms };
		return n;
	}
	if (!ap_period_none(&keep))
		ret[n++] = (struct ap_bound){ rule, AP_BOUND_PERIOD, keep, ap_period_after(&keep, f->sealed_ms) };
	if (f->decided_ms && !ap_period_none(&after))
		ret[n++] = (struct ap_bound){ rule, AP_BOUND_DECISION, after, ap_period_after(&after, f->decided_ms) };
	if (f->sensitivity == AP_PROTECTED && !ap_period_none(&tier))
		ret[n++] = (struct ap_bound){ rule, AP_BOUND_PROTECTED, tier, ap_period_after(&tier, f->sealed_ms) };
	return n;
}

size_t ap_rules_bounds(const struct ap_rules *r, enum ap_purpose purpose, const struct ap_term_facts *facts,
		       struct ap_bound ret_bounds[AP_BOUNDS_MAX])
{
	size_t n = 0;
	for (size_t i = 0; i < r->n; i++)
		n += bounds_of(&r->rule[i], purpose, facts, ret_bounds + n);
	return n;
}

static int64_t archives_ms(const struct ap_rules *r, enum ap_purpose purpose, int64_t sealed_ms, int64_t ends_ms)
{
	int64_t at = ends_ms;
	for (size_t i = 0; i < r->n; i++)
		at = MIN(at, ap_policy_archives_ms(r->rule[i].policy, purpose, sealed_ms, ends_ms));
	return at;
}

struct ap_term ap_rules_term(const struct ap_rules *r, enum ap_purpose purpose, const struct ap_term_facts *facts)
{
	struct ap_bound bounds[AP_BOUNDS_MAX];
	size_t n = ap_rules_bounds(r, purpose, facts, bounds);
	struct ap_term term = { .ends_ms = facts->sealed_ms, .archives_ms = facts->sealed_ms };
	for (size_t i = 0; i < n; i++) {
		bool stricter = !term.decided.rule || bounds[i].ends_ms < term.ends_ms ||
				(bounds[i].basis == AP_BOUND_OFF && term.decided.basis != AP_BOUND_OFF);
		if (!stricter)
			continue;
		term.decided = bounds[i];
		term.ends_ms = bounds[i].ends_ms;
	}
	if (!term.decided.rule && r->n > 0) /* a region alone offers nothing */
		term.decided = (struct ap_bound){ .rule = &r->rule[0], .basis = AP_BOUND_OFF };
	term.offered = (ap_rules_offered(r) & AP_PURPOSE_BIT(purpose)) != 0;
	if (!term.offered)
		term.ends_ms = facts->sealed_ms;
	term.archives_ms = archives_ms(r, purpose, facts->sealed_ms, term.ends_ms);
	return term;
}

struct ap_period ap_rules_after_decision(const struct ap_rules *r, enum ap_purpose purpose, int64_t from_ms)
{
	struct ap_period shortest = { 0 };
	for (size_t i = 0; i < r->n; i++) {
		struct ap_period after = ap_policy_after_decision(r->rule[i].policy, purpose);
		if (ap_period_none(&after))
			continue;
		if (ap_period_none(&shortest) || ap_period_after(&after, from_ms) < ap_period_after(&shortest, from_ms))
			shortest = after;
	}
	return shortest;
}

ap_purposes ap_rules_offered(const struct ap_rules *r)
{
	ap_purposes all = AP_PURPOSE_ALL, policies = 0;
	for (size_t i = 0; i < r->n; i++) {
		ap_purposes offered = ap_policy_offered(r->rule[i].policy);
		all &= offered;
		if (ap_policy_kind(r->rule[i].policy) == AP_KIND_POLICY)
			policies |= offered;
	}
	return all & policies;
}

bool ap_rules_may_record(const struct ap_rules *r, const struct ap_policy_facts *facts, const char **ret_why)
{
	for (size_t i = 0; i < r->n; i++)
		if (!ap_policy_may_record(r->rule[i].policy, facts, ret_why))
			return false;
	if (ap_rules_offered(r) & AP_PURPOSE_BIT(AP_PURPOSE_RECORDING))
		return true;
	if (ret_why)
		*ret_why = "no policy offers recording";
	return false;
}

struct ap_access_needs ap_rules_access_needs(const struct ap_rules *r, enum ap_sensitivity s, bool archived)
{
	struct ap_access_needs all = { .admin_approval = archived };
	for (size_t i = 0; i < r->n; i++) {
		struct ap_access_needs needs = ap_policy_access_needs(r->rule[i].policy, s, archived);
		all.four_eyes |= needs.four_eyes;
		all.admin_approval |= needs.admin_approval;
	}
	return all;
}

int64_t ap_rules_access_log_ends(const struct ap_rules *r, int64_t from_ms)
{
	int64_t ends = INT64_MAX;
	for (size_t i = 0; i < r->n; i++) {
		struct ap_period log = ap_policy_access_log(r->rule[i].policy);
		ends = MIN(ends, ap_period_after(&log, from_ms));
	}
	return ends;
}

const char *ap_rules_storage(const struct ap_rules *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (*ap_policy_storage(r->rule[i].policy))
			return ap_policy_storage(r->rule[i].policy);
	return "";
}
