#include "tests/model/script.h"

#define LONGEST 14 /* random events after (and among) those that open a gate */
#define TRIES 400  /* histories run while shrinking */

const char *script_kind(enum kind kind)
{
	static const char *const names[] = {
#define X(id, name) name,
		EVENTS(X)
#undef X
	};
	return names[kind];
}

char *script_text(const struct event *e)
{
	return g_strdup_printf("%s %s a=%u b=%u", e->who ? "coachee" : "coach", script_kind(e->kind), e->a, e->b);
}

static unsigned below(GRand *rand, unsigned n)
{
	return (unsigned)g_rand_int_range(rand, 0, (gint32)n);
}

static bool chance(GRand *rand, unsigned percent)
{
	return below(rand, 100) < percent;
}

/* Mostly flawless, else one flaw, seldom two. */
static unsigned flaws(GRand *rand)
{
	unsigned bits = 0;
	if (chance(rand, 30))
		bits |= 1u << below(rand, 8);
	if (bits && chance(rand, 25))
		bits |= 1u << below(rand, 8);
	return bits;
}

static unsigned purposes(GRand *rand)
{
	return chance(rand, 60) ? P_RECORDING | below(rand, P_ALL + 1) : 1 + below(rand, P_ALL);
}

static struct event give(GRand *rand, unsigned who)
{
	return (struct event){ EV_GIVE, who, purposes(rand), flaws(rand) | (chance(rand, 40) ? PROMISE : 0) };
}

static struct event take(GRand *rand, unsigned who)
{
	return (struct event){ EV_TAKE, who, purposes(rand), flaws(rand) | (chance(rand, 30) ? REFUSED : 0) };
}

/* How often each kind comes, of all. */
static const struct weight {
	enum kind kind;
	unsigned weight, a_below, b_below;
} weights[] = {
	{ EV_ENROL, 3, 1, 1 },	   { EV_RETURN, 2, 1, 1 },   { EV_GIVE, 14, 1, 1 },	{ EV_REPLAY, 3, 1, 1 },
	{ EV_PREPARE, 3, 1, 1 },   { EV_SEND, 4, 1, 1 },     { EV_TAKE, 14, 1, 1 },	{ EV_RETAKE, 3, 1, 1 },
	{ EV_PAUSE, 4, 1, 1 },	   { EV_RESUME, 7, 1, 1 },   { EV_LEG, 12, 3, 1 },	{ EV_SILENCE, 5, 4, 1 },
	{ EV_PRESENCE, 7, 1, 7 },  { EV_STORAGE, 3, 3, 1 },  { EV_LEDGER, 4, 2, 1 },	{ EV_SANDBOX, 2, 3, 1 },
	{ EV_LINK, 4, 3, 1 },	   { EV_GATEWAY, 4, 4, 1 },  { EV_TAP_LOST, 3, 2, 1 },	{ EV_DIES, 3, 1, 1 },
	{ EV_DEAF, 3, 2, 1 },	   { EV_SEGMENT, 5, 1, 1 },  { EV_RESTART, 4, 2, 1 },	{ EV_LOCKDOWN, 2, 3, 1 },
	{ EV_RESTRICT, 1, 1, 1 },  { EV_LIFT, 2, 1, 1 },     { EV_END, 1, 1, 1 },
};

static const struct weight *draw(GRand *rand)
{
	unsigned total = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(weights); i++)
		total += weights[i].weight;
	unsigned at = below(rand, total);
	for (size_t i = 0; i < G_N_ELEMENTS(weights); i++) {
		if (at < weights[i].weight)
			return &weights[i];
		at -= weights[i].weight;
	}
	g_assert_not_reached();
}

/* Of what goes away and comes back, the good end is the more likely: three values with 0, 1, 1 or 1, 0, 0. */
static unsigned leaning(enum kind kind, unsigned a)
{
	switch (kind) {
	case EV_LEG:
	case EV_LINK:
		return a > 0;
	case EV_STORAGE:
	case EV_SANDBOX:
	case EV_LOCKDOWN:
		return a == 0;
	case EV_GATEWAY:
		return a == 3 ? 0 : a;
	default:
		return a;
	}
}

static struct event one(GRand *rand)
{
	const struct weight *w = draw(rand);
	unsigned who = below(rand, 2);
	if (w->kind == EV_GIVE)
		return give(rand, who);
	if (w->kind == EV_TAKE)
		return take(rand, who);
	struct event e = { w->kind, who, leaning(w->kind, below(rand, w->a_below)), below(rand, w->b_below) };
	if (w->kind == EV_PRESENCE)
		e.b = e.b > 3 ? 0 : e.b;
	return e;
}

/* What it takes to open a gate, in any order that can succeed, with other things between. */
static void open_up(GRand *rand, GArray *events)
{
	struct event steps[] = { { EV_ENROL, 0, 0, 0 }, { EV_ENROL, 1, 0, 0 }, { EV_LEG, 0, 1, 0 }, { EV_LEG, 1, 1, 0 } };
	for (size_t i = G_N_ELEMENTS(steps) - 1; i > 0; i--) {
		size_t j = below(rand, (unsigned)i + 1);
		struct event swap = steps[i];
		steps[i] = steps[j];
		steps[j] = swap;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
		g_array_append_val(events, steps[i]);
		if (steps[i].kind != EV_ENROL)
			continue;
		struct event gives = { EV_GIVE, steps[i].who, P_RECORDING | below(rand, P_ALL + 1), chance(rand, 40) ? PROMISE : 0 };
		struct event between = one(rand);
		if (chance(rand, 30))
			g_array_append_val(events, between);
		g_array_append_val(events, gives);
	}
}

GArray *script_random(GRand *rand)
{
	GArray *events = g_array_new(FALSE, FALSE, sizeof(struct event));
	if (chance(rand, 85))
		open_up(rand, events);
	for (unsigned left = 1 + below(rand, LONGEST); left > 0; left--) {
		struct event e = one(rand);
		g_array_append_val(events, e);
	}
	return events;
}

/* ---- shrinking ---- */

static GArray *without(const GArray *events, guint from, guint count)
{
	GArray *less = g_array_new(FALSE, FALSE, sizeof(struct event));
	for (guint i = 0; i < events->len; i++)
		if (i < from || i >= from + count)
			g_array_append_val(less, g_array_index(events, struct event, i));
	return less;
}

GArray *script_shrink(const GArray *events, script_fails fails, void *data)
{
	GArray *best = without(events, 0, 0);
	unsigned tries = 0;
	for (guint chunk = MAX(best->len / 2, 1); chunk > 0; chunk = chunk > 1 ? chunk / 2 : 0) {
		for (guint at = 0; at < best->len && tries++ < TRIES;) {
			GArray *less = without(best, at, chunk);
			bool still = less->len < best->len && fails(less, data);
			g_array_unref(still ? best : less);
			if (still)
				best = less;
			else
				at += chunk;
		}
	}
	return best;
}
