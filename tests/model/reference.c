#include "tests/model/reference_private.h"

#include <aparte/limits.h>
#include <string.h>

/* ---- consents: the last accepted statement that names a purpose counts (API.md) ---- */

bool reference_gives(const struct reference *r, unsigned who)
{
	return r->person[who].state[RECORDING] == REF_GIVEN;
}

unsigned reference_shown(const struct reference *r, unsigned who)
{
	unsigned bits = 0;
	for (unsigned p = 0; p < PURPOSES; p++)
		if (reference_gives(r, who) && r->person[who].state[p] == REF_GIVEN)
			bits |= 1u << p;
	return bits;
}

/* ---- the log ---- */

void reference_push(struct reference *r, struct expected *x, const char *text)
{
	struct ref_leaf *leaf = r->broken ? &r->pending[r->pending_count++] : &x->leaves[x->leaf_count++];
	g_assert(r->pending_count < REF_LEAVES && x->leaf_count < REF_LEAVES);
	g_strlcpy(leaf->text, text, sizeof leaf->text);
	r->leaves += !r->broken;
}

static void push_gate(struct reference *r, struct expected *x, unsigned type)
{
	char text[REF_LEAF_TEXT];
	g_snprintf(text, sizeof text, "%u epoch %u", type, r->epoch);
	reference_push(r, x, text);
}

/* All that was owed is in the log now. */
static void repay(struct reference *r, struct expected *x)
{
	x->loose = true;
	r->broken = r->unlogged = false;
	for (unsigned i = 0; i < r->pending_count; i++)
		reference_push(r, x, r->pending[i].text);
	r->pending_count = 0;
	r->orphans = 0;
	if (r->person[0].blocked || r->person[1].blocked)
		r->unsealed = 0;
	for (unsigned who = 0; who < 2; who++) {
		struct ref_person *p = &r->person[who];
		p->taken.known = p->taken.known || p->owed > 0;
		p->seal += p->blocked; /* its share's seal key goes with it */
		p->owed = 0;
		p->blocked = false;
	}
}

/* ---- the gate: closed by default, every doubt closes it (DESIGN.md) ---- */

static unsigned conditions(const struct reference *r)
{
	const struct ref_person *a = &r->person[0], *b = &r->person[1];
	unsigned bits = 0;
	if (!reference_gives(r, 0) || !reference_gives(r, 1))
		bits |= AP_GATE_REASON(CONSENT_MISSING);
	if (!a->connected || !b->connected)
		bits |= AP_GATE_REASON(DISCONNECTED);
	for (unsigned who = 0; who < 2; who++) {
		const struct ref_person *p = &r->person[who];
		if (!reference_gives(r, who))
			continue;
		if (p->promise && p->absent)
			bits |= AP_GATE_REASON(PRESENCE);
		if (p->device != p->give_device)
			bits |= AP_GATE_REASON(DEVICE);
	}
	bits |= r->paused ? AP_GATE_REASON(PAUSED) : 0;
	bits |= r->restrictions ? AP_GATE_REASON(POLICY) : 0;
	bits |= r->storage_low ? AP_GATE_REASON(STORAGE) : 0;
	bits |= r->unlogged ? AP_GATE_REASON(LEDGER) : 0;
	bits |= r->no_sandbox ? AP_GATE_REASON(SANDBOX) : 0;
	bits |= !r->link ? AP_GATE_REASON(VAULT) : 0;
	bits |= r->lockdown ? AP_GATE_REASON(LOCKDOWN) : 0;
	return bits | (r->ended ? AP_GATE_REASON(ENDED) : 0);
}

void reference_reasons(const struct reference *r, unsigned *ret_must, unsigned *ret_may)
{
	*ret_must = conditions(r);
	*ret_may = *ret_must;
	if (r->lockdown)
		*ret_may |= AP_GATE_REASON(POLICY);
	if (r->ended) { /* that is reason enough: what was known in memory alone may be forgotten */
		*ret_may |= AP_GATE_REASON(DISCONNECTED);
		*ret_must = AP_GATE_REASON(ENDED);
	}
	if (r->broken) /* what failed, and which order keeps it closed meanwhile */
		*ret_may |= AP_GATE_REASON(LEDGER) | AP_GATE_REASON(STORAGE) | AP_GATE_REASON(VAULT) |
			    AP_GATE_REASON(CONSENT_MISSING);
}

static void seal(struct reference *r, struct expected *x)
{
	if (r->broken)
		r->unsealed++;
	else
		reference_push(r, x, "4");
	r->run = r->capture = r->segments = false;
	r->epoch = 0;
}

void reference_close(struct reference *r, struct expected *x, bool dropped)
{
	if (!r->live)
		return;
	r->live = r->opening = false;
	push_gate(r, x, 3);
	r->unlogged = r->unlogged || r->broken;
	if (!r->deaf)
		return;
	r->capture = false; /* killed: a crash, which ends a recording with anything in it */
	if (r->segments && !dropped)
		seal(r, x);
}

static void hand_over(struct reference *r, struct expected *x)
{
	r->epoch++;
	r->descriptors++;
	push_gate(r, x, 2);
	r->live = r->capture = r->generation = true;
	r->opening = r->silent;
}

static void open_gate(struct reference *r, struct expected *x)
{
	if (!r->run) {
		g_assert(r->recordings < REF_RECORDINGS);
		r->recordings++;
		r->run = true;
		r->segments = false;
		r->epoch = 0;
	}
	hand_over(r, x);
	if (!r->refuse_next)
		return;
	r->refuse_next = false; /* the gateway did not want it: closed, and tried anew a little later */
	reference_close(r, x, false);
	if (!r->run)
		open_gate(r, x);
	else
		hand_over(r, x);
}

static void settle(struct reference *r, struct expected *x)
{
	unsigned bits = conditions(r);
	if (r->live && bits)
		reference_close(r, x, false);
	else if (!r->live && !bits && !r->broken)
		open_gate(r, x);
}

/* ---- the rest ---- */

static void pause_gate(struct reference *r, struct expected *x)
{
	r->paused = 3;
	if (!r->broken)
		r->paused_row = 3;
	reference_close(r, x, false);
	x->answer = r->broken ? "vault-unavailable" : "ok";
	x->closed_at_answer = true;
}

static void resume(struct reference *r, unsigned who, struct expected *x)
{
	x->answer = r->broken ? "vault-unavailable" : "ok";
	if (r->broken)
		return;
	r->paused &= ~(1u << who);
	r->paused_row = r->paused;
}

static void enrol(struct reference *r, const struct event *e, struct expected *x)
{
	struct ref_person *p = &r->person[e->who];
	unsigned device = e->kind == EV_RETURN && p->devices > 0 ? 1 : p->devices + 1;
	bool same = device == p->device;
	x->answer = r->broken && !same ? "vault-unavailable" : "ok";
	if (strcmp(x->answer, "ok") != 0)
		return;
	p->device = device;
	p->devices = MAX(p->devices, device);
}

static void silence(struct reference *r, unsigned pinging, struct expected *x)
{
	if (!r->live)
		return;
	for (unsigned who = 0; who < 2; who++)
		if (r->person[who].promise && !(pinging & 1u << who))
			r->person[who].absent = true;
	(void)x;
}

static void presence(struct reference *r, const struct event *e, struct expected *x)
{
	struct ref_person *p = &r->person[e->who];
	if (p->device == 0)
		x->answer = "statement-key";
	else if (e->b == 3)
		x->answer = "statement-signature";
	else if (e->b || !r->generation)
		x->answer = "conflict";
	else
		x->answer = "ok";
	if (strcmp(x->answer, "ok") == 0)
		p->absent = false;
	if (r->ended)
		x->or_else = "conflict"; /* its openings may be forgotten */
}

static void capture_dies(struct reference *r, struct expected *x)
{
	bool was_live = r->live, deaf = r->deaf;
	r->capture = r->deaf = false;
	reference_close(r, x, false);
	r->deaf = deaf;
	if (r->run && r->segments)
		seal(r, x);
	(void)was_live; /* it is tried again a little later, which is what settle does */
}

static void gone(struct reference *r)
{
	r->person[0].connected = r->person[1].connected = false;
}

static void restart(struct reference *r, bool orderly, struct expected *x)
{
	/* What was owed is carried over without the evidence that only memory held. */
	for (unsigned i = 0; i < r->pending_count; i++) {
		char *at = strstr(r->pending[i].text, " signed");
		if (at) {
			char rest[REF_LEAF_TEXT];
			g_strlcpy(rest, at + strlen(" signed"), sizeof rest);
			g_snprintf(at, sizeof r->pending[i].text - (size_t)(at - r->pending[i].text), " unsigned%s", rest);
		}
	}
	for (unsigned who = 0; who < 2; who++) {
		struct ref_person *p = &r->person[who];
		bool lost = p->owed > 0;
		p->absent = false;
		p->taken.exists = p->taken.exists && !lost;
	}
	unsigned unfinished = r->orphans + r->unsealed; /* vault.db calls them under way: finished at the start */
	(void)orderly;
	repay(r, x);
	for (r->unsealed = 0; unfinished > 0; unfinished--)
		reference_push(r, x, "4");
	if (r->live) {
		bool deaf = r->deaf;
		r->deaf = false;
		reference_close(r, x, false);
		r->deaf = deaf;
	}
	if (r->run)
		seal(r, x);
	r->paused = r->paused_row;
	r->generation = false;
	r->silent = r->refuse_next = false;
	gone(r);
	r->link = true;
}

static void end(struct reference *r, struct expected *x)
{
	x->answer = r->broken && !r->ended ? "vault-unavailable" : "ok"; /* ending what has ended asks for nothing */
	if (r->broken)
		return;
	r->ended = true;
	reference_close(r, x, false);
	if (r->run)
		seal(r, x);
	r->person[0].seal++;
	r->person[1].seal++;
	x->closed_at_answer = true;
}

static void restrict_use(struct reference *r, bool on, struct expected *x)
{
	x->loose = true;
	if (on) {
		reference_push(r, x, "9");
		reference_push(r, x, "9");
		r->restrictions++;
		reference_close(r, x, false);
		if (r->run)
			seal(r, x);
	} else if (r->restrictions > 0) {
		reference_push(r, x, "9"); /* the person is told, and then it is lifted */
		reference_push(r, x, "9");
		r->restrictions--;
	}
}

bool reference_applies(const struct reference *r, const struct event *e)
{
	const struct ref_person *p = &r->person[e->who];
	switch (e->kind) {
	case EV_SILENCE:
	case EV_STORAGE:
	case EV_LEDGER:
	case EV_SANDBOX:
	case EV_DEAF:
		return true;
	case EV_LOCKDOWN:
	case EV_LIFT:
		return !r->broken;
	case EV_RESTART:
		return !r->broken || e->a == 0;
	case EV_LINK:
		return r->link != (e->a == 1);
	case EV_DIES:
		return r->capture;
	case EV_SEGMENT:
		return r->capture && r->live;
	case EV_REPLAY:
		return r->link && p->given.exists;
	case EV_SEND:
		return r->link && p->prepared.exists;
	case EV_RETAKE:
		return r->link && p->taken.exists;
	case EV_RESTRICT:
		return r->link && !r->broken && !r->ended;
	case EV_TAP_LOST:
		return r->link && (e->a == 1 || r->live);
	default:
		return r->link;
	}
}

static void world_changes(struct reference *r, const struct event *e, struct expected *x)
{
	switch (e->kind) {
	case EV_STORAGE:
		r->storage_low = e->a;
		break;
	case EV_LEDGER:
		if (e->a)
			r->broken = true;
		else if (r->broken)
			repay(r, x);
		r->paused_row = r->broken ? r->paused_row : r->paused;
		break;
	case EV_SANDBOX:
		r->no_sandbox = e->a;
		break;
	case EV_LINK:
		r->link = e->a;
		gone(r);
		break;
	case EV_GATEWAY:
		r->silent = e->a == 1;
		r->refuse_next = (r->refuse_next && !r->silent) || e->a == 2; /* one that says nothing refuses nothing */
		r->opening = r->opening && r->silent;
		break;
	case EV_TAP_LOST:
		if (e->a == 0)
			reference_close(r, x, false);
		break;
	case EV_DEAF:
		r->deaf = e->a;
		break;
	case EV_SEGMENT:
		r->segments = true;
		if (r->broken) /* it cannot be vouched for: the recording ends with what can */
			capture_dies(r, x);
		break;
	case EV_LOCKDOWN:
		reference_push(r, x, "14");
		r->lockdown = e->a;
		break;
	default:
		break;
	}
}

void reference_apply(struct reference *r, const struct event *e, int64_t said_ms, int64_t now_ms, struct expected *ret)
{
	*ret = (struct expected){ 0 };
	switch (e->kind) {
	case EV_ENROL:
	case EV_RETURN:
		enrol(r, e, ret);
		break;
	case EV_PAUSE:
		pause_gate(r, ret);
		break;
	case EV_RESUME:
		resume(r, e->who, ret);
		break;
	case EV_LEG:
		r->person[e->who].connected = e->a;
		ret->answer = "ok";
		break;
	case EV_SILENCE:
		silence(r, e->a, ret);
		break;
	case EV_PRESENCE:
		presence(r, e, ret);
		break;
	case EV_DIES:
		capture_dies(r, ret);
		break;
	case EV_RESTART:
		restart(r, e->a, ret);
		break;
	case EV_RESTRICT:
	case EV_LIFT:
		restrict_use(r, e->kind == EV_RESTRICT, ret);
		break;
	case EV_END:
		end(r, ret);
		break;
	default:
		if (!reference_statement(r, e, said_ms, now_ms, ret))
			world_changes(r, e, ret);
	}
	settle(r, ret);
}

void reference_begin(struct reference *r, uint64_t leaves)
{
	*r = (struct reference){ .link = true, .leaves = leaves };
	r->person[0].seal = r->person[1].seal = 1;
}
