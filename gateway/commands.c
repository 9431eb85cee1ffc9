#include "gateway/commands.h"

#include "gateway/call.h"

static void finish(struct ap_worker *w, const struct ap_command *c)
{
	ap_outbox_push(w->outbox, &(struct ap_report){.type = AP_REPORT_DONE, .done = c->done, .ctx = c->ctx});
}

static struct ap_leg *find_leg(struct ap_worker *w, const struct ap_uuid *session, enum ap_role role)
{
	struct ap_call *call = ap_call_find(w, session);
	return call ? call->legs[ap_side(role)] : NULL;
}

static void put(struct ap_worker *w, struct ap_command *c)
{
	ap_leg_put(w, c->leg);
}

/* A leg that failed meanwhile was reported so; there is nothing to restart. */
static void restart(struct ap_worker *w, struct ap_command *c)
{
	struct ap_leg *leg = find_leg(w, &c->leg->session, c->leg->role);
	if (leg)
		ap_leg_restart(leg, c->leg);
}

static void drop(struct ap_worker *w, struct ap_command *c)
{
	struct ap_leg *leg = find_leg(w, &c->session, c->role);
	if (leg) {
		struct ap_call *call = leg->call;
		ap_leg_end(leg);
		ap_call_sweep(w, call);
	}
	finish(w, c);
}

static void open_tap(struct ap_worker *w, struct ap_command *c)
{
	ap_call_open_tap(w, ap_call_get(w, &c->session), c->fd, c->generation);
	c->fd = -1;
	finish(w, c);
}

static void close_tap(struct ap_worker *w, struct ap_command *c)
{
	struct ap_call *call = ap_call_find(w, &c->session);
	struct ap_report closed = {.type = AP_REPORT_TAP_CLOSED, .tap_closed = c->tap_closed, .ctx = c->ctx};
	if (call && call->tap && (c->generation == 0 || c->generation == ap_tap_generation(call->tap))) {
		ap_call_close_tap(call, &closed.packets, &closed.dropped);
		ap_call_sweep(w, call);
	}
	ap_outbox_push(w->outbox, &closed);
}

static void stop(struct ap_worker *w, struct ap_command *c)
{
	(void)c;
	w->stopping = true;
}

void ap_command_run(struct ap_worker *w, struct ap_command *command)
{
	static void (*const run[])(struct ap_worker *, struct ap_command *) = {
		[AP_COMMAND_PUT] = put,           [AP_COMMAND_RESTART] = restart,     [AP_COMMAND_DROP] = drop,
		[AP_COMMAND_OPEN_TAP] = open_tap, [AP_COMMAND_CLOSE_TAP] = close_tap, [AP_COMMAND_STOP] = stop,
	};
	run[command->type](w, command);
}
