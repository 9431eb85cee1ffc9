/* What statements do: gives, withdrawals and refusals (API.md). */
#include "tests/model/reference_private.h"

#include <aparte/limits.h>
#include <string.h>

static const char *const purpose_names[PURPOSES] = { "recording", "supervision", "quality" };
static const char *const roles[2] = { "coach", "coachee" };

static void fold(struct ref_person *p, unsigned purposes, enum ref_decision decision)
{
	if (decision != REF_GIVEN && purposes & P_RECORDING) /* takes all with it; by which word is not said */
		for (unsigned i = 0; i < PURPOSES; i++)
			if (p->state[i] == REF_GIVEN)
				p->state[i] = REF_NOT_GIVEN;
	for (unsigned i = 0; i < PURPOSES; i++)
		if (purposes & 1u << i)
			p->state[i] = decision;
}

static void push_consent(struct reference *r, struct expected *x, unsigned who, const char *event, unsigned purposes,
			 bool is_signed)
{
	char text[REF_LEAF_TEXT];
	g_snprintf(text, sizeof text, "1 %s %s %s", roles[who], event, is_signed ? "signed" : "unsigned");
	for (unsigned p = 0; p < PURPOSES; p++)
		if (purposes & 1u << p) {
			g_strlcat(text, p ? " " : " ", sizeof text);
			g_strlcat(text, purpose_names[p], sizeof text);
		}
	reference_push(r, x, text);
}

/* ---- gives, in the API's order of checks ---- */

static bool stale(const struct ref_person *p, const struct said *s, int64_t now_ms)
{
	int64_t off = s->at_ms - now_ms;
	return off > AP_STATEMENT_SKEW_MS || off < -AP_STATEMENT_SKEW_MS || s->at_ms <= p->last_ms;
}

static const char *check_give(const struct reference *r, unsigned who, const struct said *s, int64_t now_ms)
{
	const struct ref_person *p = &r->person[who];
	if (s->flaws & F_MALFORMED)
		return "statement-malformed";
	if (p->owed > 0)
		return "vault-unavailable";
	if (s->flaws & F_PARTY)
		return "statement-party";
	if (p->device == 0 || s->device != p->device)
		return "statement-key";
	if (s->flaws & F_SIGNATURE)
		return "statement-signature";
	if (s->known)
		return "statement-replayed";
	if (stale(p, s, now_ms))
		return "statement-stale";
	if (s->flaws & F_NOTICE)
		return "statement-notice";
	if (s->flaws & F_PURPOSE || (r->ended && s->purposes & P_RECORDING))
		return "statement-purpose";
	if (s->purposes & P_RECORDING && (s->flaws & F_SHARE || s->seal != p->seal))
		return "statement-share";
	return r->broken ? "vault-unavailable" : "ok";
}

static void give(struct reference *r, unsigned who, struct said *s, int64_t now_ms, struct expected *x)
{
	struct ref_person *p = &r->person[who];
	x->answer = check_give(r, who, s, now_ms);
	x->or_else = r->broken ? "vault-unavailable" : NULL; /* whatever else is wrong with it */
	if (strcmp(x->answer, "ok") != 0)
		return;
	s->known = true;
	p->last_ms = s->at_ms;
	p->given = *s;
	fold(p, s->purposes, REF_GIVEN);
	if (s->purposes & P_RECORDING) {
		p->give_device = s->device;
		p->absent = p->absent && p->promise; /* a promise made anew begins anew */
		p->promise = (s->flaws & PROMISE) != 0;
		p->give_leaf = r->leaves;
		p->seal++;
	}
	push_consent(r, x, who, "ConsentGiven", s->purposes, true);
}

/* ---- withdrawals and refusals: always taken ---- */

static bool good(const struct ref_person *p, const struct said *s, int64_t now_ms)
{
	const unsigned bad = F_MALFORMED | F_PARTY | F_SIGNATURE | F_NOTICE | F_PURPOSE;
	return !(s->flaws & bad) && p->device != 0 && s->device == p->device && !s->known && !stale(p, s, now_ms);
}

static void drop_recording(struct reference *r)
{
	r->orphans += r->run && r->broken;
	r->run = r->capture = r->segments = false;
	r->epoch = 0;
}

static void order_erasures(struct reference *r, struct expected *x)
{
	for (unsigned i = 0; i < r->recordings; i++) {
		if (!r->ordered[i])
			reference_push(r, x, "10");
		r->ordered[i] = true;
	}
}

static void take(struct reference *r, unsigned who, struct said *s, int64_t now_ms, struct expected *x)
{
	struct ref_person *p = &r->person[who];
	bool garbage = s->flaws & F_MALFORMED, is_signed = good(p, s, now_ms);
	unsigned purposes = garbage ? P_RECORDING : s->purposes;
	bool of_recording = purposes & P_RECORDING;
	int64_t off = s->at_ms - now_ms;
	reference_close(r, x, of_recording);
	if (of_recording)
		drop_recording(r);
	if (!garbage && off <= AP_STATEMENT_SKEW_MS && off >= -AP_STATEMENT_SKEW_MS)
		p->last_ms = MAX(p->last_ms, s->at_ms);
	/* The same record twice while neither is kept yet: the second is a replay by the time it is written. */
	push_consent(r, x, who, s->refused ? "ConsentRefused" : "ConsentWithdrawn", purposes, is_signed && !(p->owed && s->known));
	if (of_recording) {
		p->promise = false;
		order_erasures(r, x);
		p->seal += !r->broken;
		r->unsealed = r->broken ? r->unsealed : 0;
	}
	fold(p, purposes, s->refused ? REF_REFUSED : REF_WITHDRAWN);
	p->owed += r->broken;
	p->blocked = p->blocked || (r->broken && of_recording);
	s->known = !r->broken && !garbage;
	p->taken = *s;
	x->answer = "ok";
	x->is_unsigned = !is_signed || r->broken;
	x->closed_at_answer = true;
}

static struct said said_now(const struct reference *r, const struct event *e, int64_t said_ms)
{
	const struct ref_person *p = &r->person[e->who];
	return (struct said){ .exists = true,
			      .device = e->b & F_KEY ? 0 : p->device,
			      .purposes = e->kind == EV_PREPARE ? P_RECORDING : e->a,
			      .flaws = e->kind == EV_PREPARE ? 0 : e->b,
			      .at_ms = said_ms,
			      .seal = p->seal,
			      .refused = e->b & REFUSED };
}

bool reference_statement(struct reference *r, const struct event *e, int64_t said_ms, int64_t now_ms, struct expected *x)
{
	struct ref_person *p = &r->person[e->who];
	struct said now = said_now(r, e, said_ms), given = p->given, taken = p->taken;
	switch (e->kind) {
	case EV_GIVE:
		give(r, e->who, &now, now_ms, x);
		return true;
	case EV_TAKE:
		take(r, e->who, &now, now_ms, x);
		return true;
	case EV_PREPARE:
		p->prepared = now;
		return true;
	case EV_SEND:
		give(r, e->who, &p->prepared, now_ms, x);
		return true;
	case EV_REPLAY:
		give(r, e->who, &given, now_ms, x);
		return true;
	case EV_RETAKE:
		take(r, e->who, &taken, now_ms, x);
		return true;
	default:
		return false;
	}
}
