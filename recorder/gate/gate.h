/*
 * When the gate may be open, and how it moves: pure. The live object is gatekeeper.h; the moves stand in gate_table.def,
 * which the model tests/model/gate.pml includes too.
 *
 *                 HOLD / open                OPENED
 *     ┌────────┐ ────────────▶ ┌─────────┐ ───────────▶ ┌──────┐
 *     │ closed │               │ opening │              │ open │
 *     └────────┘ ◀──┐          └─────────┘              └──────┘
 *                   │ SHUT          │ FAIL / close          │ FAIL / close
 *              ┌─────────┐ ◀────────┘                       │
 *              │ closing │ ◀────────────────────────────────┘
 *              └─────────┘
 *
 * HOLD and FAIL say whether all conditions hold; they are given whenever one changed. An opening that fails, or a
 * capture or link that breaks, takes the condition `vault` away until the pause before the next attempt is over.
 * Everything that is not drawn changes nothing.
 */
#pragma once

#include <aparte/gate.h>
#include <stdbool.h>

enum ap_gate_phase { AP_PHASE_CLOSED, AP_PHASE_OPENING, AP_PHASE_OPEN, AP_PHASE_CLOSING, AP_PHASES };

enum ap_gate_input {
	AP_INPUT_HOLD,	 /* all conditions hold */
	AP_INPUT_FAIL,	 /* at least one does not */
	AP_INPUT_OPENED, /* gateway and capture have their ends */
	AP_INPUT_SHUT,	 /* the capture's end is closed */
	AP_INPUTS
};

enum ap_gate_action { AP_ACTION_NONE, AP_ACTION_OPEN, AP_ACTION_CLOSE };

struct ap_gate_step {
	enum ap_gate_phase next;
	enum ap_gate_action action;
};

struct ap_gate_step ap_gate_next(enum ap_gate_phase phase, enum ap_gate_input input);
/* What clients see of a phase. */
enum ap_gate_state ap_gate_visible(enum ap_gate_phase phase);
const char *ap_gate_state_text(enum ap_gate_state state);

/* One bit per condition and person; [0] coach, [1] coachee. Zeroed means: nothing holds. */
struct ap_gate_conditions {
	bool consent[2];   /* gives `recording` now */
	bool connected[2]; /* media connection alive */
	bool present[2];   /* presence fresh, or none promised */
	bool device[2];	   /* the give was signed by the device in use now */
	unsigned paused;   /* bits of those who have not resumed */
	bool policy, storage, ledger, sandbox, vault;
	bool lockdown, ended; /* these two forbid when true */
};

/* AP_GATE_REASON bits of what does not hold; 0: it may be open. */
unsigned ap_gate_reasons(const struct ap_gate_conditions *c);
