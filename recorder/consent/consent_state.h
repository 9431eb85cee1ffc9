/*
 * A person's decisions as a fold over their accepted statements: per purpose the last one that names it counts;
 * withdrawing or refusing `recording` withdraws all; other purposes count only while `recording` is given.
 * Pure; any thread.
 */
#pragma once

#include "recorder/consent/purpose.h"

#include <stddef.h>

enum ap_decision { AP_DECISION_NONE, AP_GIVEN, AP_REFUSED, AP_WITHDRAWN };

/* One accepted statement, as far as the fold needs it. */
struct ap_decided {
	enum ap_decision decision; /* not NONE */
	ap_purposes purposes;
};

struct ap_consent_state {
	enum ap_decision purpose[AP_PURPOSE_COUNT];
};

/* Folds statements in the order they were accepted. */
struct ap_consent_state ap_consent_fold(const struct ap_decided *list, size_t n);
void ap_consent_fold_one(struct ap_consent_state *state, struct ap_decided next);
/* The purposes that are given now (none when `recording` is not). */
ap_purposes ap_consent_given(const struct ap_consent_state *state);

/* "ConsentGiven", "ConsentRefused", "ConsentWithdrawn", "ConsentUnknown": what a person sees of their own. */
const char *ap_decision_text(enum ap_decision d);
/* What anybody else sees: "ConsentGiven" or "ConsentUnknown" (R34). */
const char *ap_decision_text_for_others(enum ap_decision d);
