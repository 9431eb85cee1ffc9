/*
 * How much of something there may be: an amount at once, then so much a second. Two numbers and no clock of its own
 * (the "generic cell rate algorithm" of ITU-T I.371): what was spent says until when the budget is in debt.
 *
 * Pure. Times: monotonic ns.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ap_budget {
	int64_t paid_until_ns;
};

struct ap_budget_rule {
	int64_t each_ns;   /* one takes this long to come back */
	int64_t at_once_ns; /* debts up to this are allowed: at_once_ns / each_ns at once */
};

static inline bool ap_budget_left(const struct ap_budget *b, const struct ap_budget_rule *rule, int64_t now_ns)
{
	return b->paid_until_ns + rule->each_ns <= now_ns + rule->at_once_ns;
}

static inline void ap_budget_spend(struct ap_budget *b, const struct ap_budget_rule *rule, int64_t now_ns)
{
	b->paid_until_ns = (b->paid_until_ns > now_ns ? b->paid_until_ns : now_ns) + rule->each_ns;
}
