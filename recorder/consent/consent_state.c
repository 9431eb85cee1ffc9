#include "recorder/consent/consent_state.h"

static void set_all(struct ap_consent_state *state, enum ap_decision decision)
{
	for (int p = 0; p < AP_PURPOSE_COUNT; p++)
		if (state->purpose[p] == AP_GIVEN)
			state->purpose[p] = decision;
}

void ap_consent_fold_one(struct ap_consent_state *state, struct ap_decided next)
{
	if (next.decision != AP_GIVEN && next.purposes & AP_PURPOSE_BIT(AP_PURPOSE_RECORDING))
		set_all(state, next.decision);
	for (int p = 0; p < AP_PURPOSE_COUNT; p++)
		if (next.purposes & AP_PURPOSE_BIT(p))
			state->purpose[p] = next.decision;
}

struct ap_consent_state ap_consent_fold(const struct ap_decided *list, size_t n)
{
	struct ap_consent_state state = { 0 };
	for (size_t i = 0; i < n; i++)
		ap_consent_fold_one(&state, list[i]);
	return state;
}

ap_purposes ap_consent_given(const struct ap_consent_state *state)
{
	ap_purposes given = 0;
	if (state->purpose[AP_PURPOSE_RECORDING] != AP_GIVEN)
		return 0;
	for (int p = 0; p < AP_PURPOSE_COUNT; p++)
		if (state->purpose[p] == AP_GIVEN)
			given |= AP_PURPOSE_BIT(p);
	return given;
}

const char *ap_decision_text(enum ap_decision d)
{
	static const char *const texts[] = { "ConsentUnknown", "ConsentGiven", "ConsentRefused", "ConsentWithdrawn" };
	return texts[d];
}

const char *ap_decision_text_for_others(enum ap_decision d)
{
	return ap_decision_text(d == AP_GIVEN ? AP_GIVEN : AP_DECISION_NONE);
}
