/* The gate's table and its reasons, every combination. */
#include "recorder/gate/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

static struct ap_gate_conditions all_hold(void)
{
	return (struct ap_gate_conditions){ .consent = { true, true },
					    .connected = { true, true },
					    .present = { true, true },
					    .device = { true, true },
					    .policy = true,
					    .storage = true,
					    .ledger = true,
					    .sandbox = true,
					    .vault = true };
}

static void nothing_known_is_closed(void **state)
{
	(void)state;
	struct ap_gate_conditions none = { 0 };
	unsigned expected = AP_GATE_REASON(CONSENT_MISSING) | AP_GATE_REASON(DISCONNECTED) | AP_GATE_REASON(PRESENCE) |
			    AP_GATE_REASON(DEVICE) | AP_GATE_REASON(POLICY) | AP_GATE_REASON(STORAGE) | AP_GATE_REASON(LEDGER) |
			    AP_GATE_REASON(SANDBOX) | AP_GATE_REASON(VAULT);
	assert_int_equal(ap_gate_reasons(&none), expected);
	struct ap_gate_conditions all = all_hold();
	assert_int_equal(ap_gate_reasons(&all), 0);
}

static void each_condition_alone_closes(void **state)
{
	(void)state;
	struct ap_gate_conditions all = all_hold();
	bool *const needed[] = { &all.consent[0], &all.consent[1],  &all.connected[0], &all.connected[1], &all.present[0],
				 &all.present[1], &all.device[0],   &all.device[1],    &all.policy,	  &all.storage,
				 &all.ledger,	  &all.sandbox,	    &all.vault };
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
		*needed[i] = false;
		unsigned reasons = ap_gate_reasons(&all);
		assert_true(reasons != 0 && (reasons & (reasons - 1)) == 0); /* exactly one reason */
		*needed[i] = true;
	}
	bool *const forbidding[] = { &all.lockdown, &all.ended };
	for (size_t i = 0; i < 2; i++) {
		*forbidding[i] = true;
		assert_int_not_equal(ap_gate_reasons(&all), 0);
		*forbidding[i] = false;
	}
	for (unsigned bits = 1; bits < 4; bits++) {
		all.paused = bits;
		assert_int_equal(ap_gate_reasons(&all), AP_GATE_REASON(PAUSED));
	}
}

static void the_way_there_and_back(void **state)
{
	(void)state;
	const struct {
		enum ap_gate_input input;
		enum ap_gate_phase next;
		enum ap_gate_action action;
	} way[] = { { AP_INPUT_FAIL, AP_PHASE_CLOSED, AP_ACTION_NONE },
		    { AP_INPUT_HOLD, AP_PHASE_OPENING, AP_ACTION_OPEN },
		    { AP_INPUT_HOLD, AP_PHASE_OPENING, AP_ACTION_NONE },
		    { AP_INPUT_OPENED, AP_PHASE_OPEN, AP_ACTION_NONE },
		    { AP_INPUT_HOLD, AP_PHASE_OPEN, AP_ACTION_NONE },
		    { AP_INPUT_FAIL, AP_PHASE_CLOSING, AP_ACTION_CLOSE },
		    { AP_INPUT_HOLD, AP_PHASE_CLOSING, AP_ACTION_NONE }, /* too late: first shut */
		    { AP_INPUT_OPENED, AP_PHASE_CLOSING, AP_ACTION_NONE },
		    { AP_INPUT_SHUT, AP_PHASE_CLOSED, AP_ACTION_NONE } };
	enum ap_gate_phase phase = AP_PHASE_CLOSED;
	for (size_t i = 0; i < sizeof way / sizeof way[0]; i++) {
		struct ap_gate_step step = ap_gate_next(phase, way[i].input);
		assert_int_equal(step.next, way[i].next);
		assert_int_equal(step.action, way[i].action);
		phase = step.next;
	}
}

/* Whatever comes: open only through opening, and never open while a condition fails. */
static void random_histories_never_open_unseen(void **state)
{
	(void)state;
	unsigned seed = (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	enum ap_gate_phase phase = AP_PHASE_CLOSED;
	for (int i = 0; i < 100000; i++) {
		enum ap_gate_input input = (enum ap_gate_input)(rand_r(&seed) % AP_INPUTS);
		struct ap_gate_step step = ap_gate_next(phase, input);
		if (step.next == AP_PHASE_OPEN)
			assert_true(phase == AP_PHASE_OPEN || phase == AP_PHASE_OPENING);
		if (input == AP_INPUT_FAIL)
			assert_true(step.next == AP_PHASE_CLOSED || step.next == AP_PHASE_CLOSING);
		if (step.action == AP_ACTION_OPEN)
			assert_true(phase == AP_PHASE_CLOSED && input == AP_INPUT_HOLD);
		phase = step.next;
	}
}

static void clients_see_three_states(void **state)
{
	(void)state;
	assert_string_equal(ap_gate_state_text(ap_gate_visible(AP_PHASE_OPEN)), "open");
	assert_string_equal(ap_gate_state_text(ap_gate_visible(AP_PHASE_OPENING)), "opening");
	assert_string_equal(ap_gate_state_text(ap_gate_visible(AP_PHASE_CLOSING)), "closed");
	assert_string_equal(ap_gate_state_text(ap_gate_visible(AP_PHASE_CLOSED)), "closed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_known_is_closed),
		cmocka_unit_test(each_condition_alone_closes),
		cmocka_unit_test(the_way_there_and_back),
		cmocka_unit_test(random_histories_never_open_unseen),
		cmocka_unit_test(clients_see_three_states),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
