#include "reorder.h"

struct ap_reorder {
	struct ap_reorder_rules rules;
	ap_reorder_sink sink; /* borrowed, and ctx */
	void *ctx;

	GSequence *held;  /* owned: of struct ap_reorder_packet, by number */
	bool begun;	  /* the first went on: `next` counts */
	uint16_t next;	  /* the number that is waited for */
	int64_t since_ns; /* arrival of the first of those held now */
	uint64_t lost, late;
};

/* Below zero: a lies before b. */
static int distance(uint16_t a, uint16_t b)
{
	return (int16_t)(uint16_t)(a - b);
}

static int by_number(const void *a, const void *b, void *unused)
{
	(void)unused;
	return distance(((const struct ap_reorder_packet *)a)->seq, ((const struct ap_reorder_packet *)b)->seq);
}

struct ap_reorder *ap_reorder_new(const struct ap_reorder_rules *rules, ap_reorder_sink sink, void *ctx)
{
	struct ap_reorder *r = g_new0(struct ap_reorder, 1);
	r->rules = *rules;
	r->sink = sink;
	r->ctx = ctx;
	r->held = g_sequence_new(g_free);
	return r;
}

static void drop_packet(void *data, void *reorder)
{
	((struct ap_reorder *)reorder)->rules.drop(((struct ap_reorder_packet *)data)->packet);
}

void ap_reorder_free(struct ap_reorder *r)
{
	if (!r)
		return;
	g_sequence_foreach(r->held, drop_packet, r);
	g_sequence_free(r->held);
	g_free(r);
}

static const struct ap_reorder_packet *first(const struct ap_reorder *r)
{
	return g_sequence_is_empty(r->held) ? NULL : g_sequence_get(g_sequence_get_begin_iter(r->held));
}

static void go_on(struct ap_reorder *r, const struct ap_reorder_packet *p)
{
	r->next = (uint16_t)(p->seq + 1);
	r->sink(r->ctx, p);
}

static void earliest(void *data, void *ret_ns)
{
	int64_t *ns = ret_ns;
	*ns = MIN(*ns, ((const struct ap_reorder_packet *)data)->arrival_ns);
}

/* All that follow each other without a gap go on; for the next gap the waiting begins with what is held behind it. */
static void release(struct ap_reorder *r)
{
	const struct ap_reorder_packet *p;
	while ((p = first(r)) && p->seq == r->next) {
		const struct ap_reorder_packet packet = *p;
		g_sequence_remove(g_sequence_get_begin_iter(r->held));
		go_on(r, &packet);
	}
	r->since_ns = INT64_MAX;
	g_sequence_foreach(r->held, earliest, &r->since_ns);
}

/* The gap before the first that is held is given up. */
static void skip(struct ap_reorder *r)
{
	uint16_t seq = first(r)->seq;
	r->lost += r->begun ? (uint16_t)(seq - r->next) : 0;
	r->begun = true;
	r->next = seq;
	release(r);
}

static void hold(struct ap_reorder *r, const struct ap_reorder_packet *p)
{
	struct ap_reorder_packet *copy = g_memdup2(p, sizeof *p);
	GSequenceIter *same = g_sequence_lookup(r->held, copy, by_number, NULL);
	r->since_ns = g_sequence_is_empty(r->held) ? p->arrival_ns : MIN(r->since_ns, p->arrival_ns);
	if (same) {
		r->late++;
		drop_packet(copy, r);
		g_free(copy);
		return;
	}
	g_sequence_insert_sorted(r->held, copy, by_number, NULL);
	if (!r->begun && (unsigned)g_sequence_get_length(r->held) >= r->rules.start_packets)
		skip(r);
}

void ap_reorder_push(struct ap_reorder *r, const struct ap_reorder_packet *p)
{
	int ahead = r->begun ? distance(p->seq, r->next) : 1;
	if (ahead < 0) {
		r->late++;
		r->rules.drop(p->packet);
		return;
	}
	if (ahead > 0) {
		hold(r, p);
		return;
	}
	go_on(r, p);
	if (!g_sequence_is_empty(r->held))
		release(r);
}

void ap_reorder_tick(struct ap_reorder *r, int64_t now_ns)
{
	if (!r->begun && first(r) && now_ns - r->since_ns >= r->rules.start_ns)
		skip(r);
	while (r->begun && first(r) && now_ns - r->since_ns >= r->rules.wait_ns)
		skip(r);
}

void ap_reorder_flush(struct ap_reorder *r)
{
	while (first(r))
		skip(r);
}

bool ap_reorder_holds(const struct ap_reorder *r)
{
	return !g_sequence_is_empty(r->held);
}

uint64_t ap_reorder_lost(const struct ap_reorder *r)
{
	return r->lost;
}

uint64_t ap_reorder_late(const struct ap_reorder *r)
{
	return r->late;
}
