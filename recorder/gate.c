#include "recorder/gate.h"

#include <stddef.h>

#define STAY(phase) { AP_PHASE_##phase, AP_ACTION_NONE }
#define GO(phase, action) { AP_PHASE_##phase, AP_ACTION_##action }

static const struct ap_gate_step table[AP_PHASES][AP_INPUTS] = {
	[AP_PHASE_CLOSED] = {
		[AP_INPUT_HOLD] = GO(OPENING, OPEN),
		[AP_INPUT_FAIL] = STAY(CLOSED),
		[AP_INPUT_OPENED] = STAY(CLOSED),
		[AP_INPUT_SHUT] = STAY(CLOSED),
	},
	[AP_PHASE_OPENING] = {
		[AP_INPUT_HOLD] = STAY(OPENING),
		[AP_INPUT_FAIL] = GO(CLOSING, CLOSE),
		[AP_INPUT_OPENED] = STAY(OPEN),
		[AP_INPUT_SHUT] = STAY(OPENING),
	},
	[AP_PHASE_OPEN] = {
		[AP_INPUT_HOLD] = STAY(OPEN),
		[AP_INPUT_FAIL] = GO(CLOSING, CLOSE),
		[AP_INPUT_OPENED] = STAY(OPEN),
		[AP_INPUT_SHUT] = STAY(OPEN),
	},
	[AP_PHASE_CLOSING] = {
		[AP_INPUT_HOLD] = STAY(CLOSING),
		[AP_INPUT_FAIL] = STAY(CLOSING),
		[AP_INPUT_OPENED] = STAY(CLOSING),
		[AP_INPUT_SHUT] = STAY(CLOSED),
	},
};

struct ap_gate_step ap_gate_next(enum ap_gate_phase phase, enum ap_gate_input input)
{
	return table[phase][input];
}

enum ap_gate_state ap_gate_visible(enum ap_gate_phase phase)
{
	if (phase == AP_PHASE_OPEN)
		return AP_GATE_OPEN;
	return phase == AP_PHASE_OPENING ? AP_GATE_OPENING : AP_GATE_CLOSED;
}

const char *ap_gate_state_text(enum ap_gate_state state)
{
	static const char *const texts[] = { "closed", "opening", "open" };
	return texts[state];
}

unsigned ap_gate_reasons(const struct ap_gate_conditions *c)
{
	const struct {
		bool holds;
		unsigned reason;
	} rules[] = {
		{ c->consent[0] && c->consent[1], AP_GATE_REASON(CONSENT_MISSING) },
		{ c->connected[0] && c->connected[1], AP_GATE_REASON(DISCONNECTED) },
		{ c->paused == 0, AP_GATE_REASON(PAUSED) },
		{ c->present[0] && c->present[1], AP_GATE_REASON(PRESENCE) },
		{ c->device[0] && c->device[1], AP_GATE_REASON(DEVICE) },
		{ c->policy, AP_GATE_REASON(POLICY) },
		{ c->storage, AP_GATE_REASON(STORAGE) },
		{ c->ledger, AP_GATE_REASON(LEDGER) },
		{ c->sandbox, AP_GATE_REASON(SANDBOX) },
		{ c->vault, AP_GATE_REASON(VAULT) },
		{ !c->lockdown, AP_GATE_REASON(LOCKDOWN) },
		{ !c->ended, AP_GATE_REASON(ENDED) },
	};
	unsigned reasons = 0;
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
		if (!rules[i].holds)
			reasons |= rules[i].reason;
	return reasons;
}
