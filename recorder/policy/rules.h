/*
 * What several documents say together about one session: the policy it was made under (as it was then, and as it is
 * now), its tenant's, and the region's. Each may bound a purpose by its period, by the decision it served, by the
 * session's tier; the stricter bound holds, and the answer says whose it was (R14, R16, R27).
 *
 * Pure: no clock, no I/O. Ownership: a set holds references to its policies; what points into it lives as long. A zeroed
 * struct is an empty set, which offers nothing.
 */
#pragma once

#include "recorder/policy/policy.h"

/* Whose document: of two equally strict ones the earlier named is said to have decided. */
enum ap_rule_level { AP_LEVEL_SESSION, AP_LEVEL_TENANT, AP_LEVEL_REGION };
const char *ap_rule_level_text(enum ap_rule_level level);

struct ap_rule {
	enum ap_rule_level level;
	int64_t version;
	struct ap_policy *policy;
};

#define AP_RULES_MAX 8
struct ap_rules {
	size_t n;
	struct ap_rule rule[AP_RULES_MAX];
};

/* Takes a reference of its own. A version already there is not added again. */
void ap_rules_add(struct ap_rules *r, enum ap_rule_level level, int64_t version, struct ap_policy *policy);
void ap_rules_clear(struct ap_rules *r);

enum ap_bound_basis {
	AP_BOUND_OFF,	    /* not offered */
	AP_BOUND_PERIOD,    /* the purpose's period */
	AP_BOUND_DECISION,  /* the decision was taken */
	AP_BOUND_PROTECTED, /* the session's tier */
};
const char *ap_bound_basis_text(enum ap_bound_basis basis);

/* One document's word on one purpose. */
struct ap_bound {
	const struct ap_rule *rule; /* borrowed */
	enum ap_bound_basis basis;
	struct ap_period period; /* none when off */
	int64_t ends_ms;
};

struct ap_term_facts {
	enum ap_sensitivity sensitivity;
	int64_t sealed_ms;
	int64_t decided_ms; /* 0: no decision yet */
};

/* All bounds for a purpose, in the order of the documents; at most AP_BOUNDS_MAX. Returns how many. */
#define AP_BOUNDS_MAX ((size_t)3 * AP_RULES_MAX)
size_t ap_rules_bounds(const struct ap_rules *r, enum ap_purpose purpose, const struct ap_term_facts *facts,
		       struct ap_bound ret_bounds[AP_BOUNDS_MAX]);

/* The term of a purpose: the strictest of its bounds. */
struct ap_term {
	bool offered;
	struct ap_bound decided; /* rule NULL for an empty set */
	int64_t ends_ms;	 /* sealed_ms when not offered */
	int64_t archives_ms;	 /* current use ends; never after ends_ms */
};
struct ap_term ap_rules_term(const struct ap_rules *r, enum ap_purpose purpose, const struct ap_term_facts *facts);

/* The shortest time after a decision that any of them leaves the purpose; none when none does. Of a month and of days
 * the shorter is told from from_ms on. */
struct ap_period ap_rules_after_decision(const struct ap_rules *r, enum ap_purpose purpose, int64_t from_ms);

/* Purposes that all of them allow, and at least one policy offers. */
ap_purposes ap_rules_offered(const struct ap_rules *r);
/* Does every one of them allow the session to be recorded? ret_why as ap_policy_may_record's. */
bool ap_rules_may_record(const struct ap_rules *r, const struct ap_policy_facts *facts, const char **ret_why);
/* What any of them asks for. */
struct ap_access_needs ap_rules_access_needs(const struct ap_rules *r, enum ap_sensitivity s, bool archived);
/* When the shortest access log of theirs forgets what was begun at from_ms. */
int64_t ap_rules_access_log_ends(const struct ap_rules *r, int64_t from_ms);
/* The region's storage label; "" without one. */
const char *ap_rules_storage(const struct ap_rules *r);
