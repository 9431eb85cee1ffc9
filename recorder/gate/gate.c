#include "recorder/gate/gate.h"

#include <stddef.h>

static const struct ap_gate_step table[AP_PHASES][AP_INPUTS] = {
#define AP_GATE_MOVE(phase, input, next, action) [AP_PHASE_##phase][AP_INPUT_##input] = { AP_PHASE_##next, AP_ACTION_##action },
#include "recorder/gate/gate_table.def"
#undef AP_GATE_MOVE
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
