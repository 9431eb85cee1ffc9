#include "gateway/repair.h"

enum { JUMP = 3000 }; /* numbers further apart than this are no gap but another beginning */
#define MS INT64_C(1000000)
/* Reordering and the peer's own asking are over by then, unless both ways are long. */
static const int64_t FIRST_NS = 300 * MS, AGAIN_NS = 240 * MS;
static const int64_t GIVE_UP_NS = 3000 * MS; /* as long as a capture waits for a picture's packet */

void ap_repair_restart(struct ap_repair *r)
{
	r->heard = false;
	r->count = 0;
}

static void forget(struct ap_repair *r, size_t from, size_t n)
{
	r->count -= n;
	for (size_t i = from; i < r->count; i++)
		r->missing[i] = r->missing[i + n];
}

/* The numbers before `seq` that were skipped. */
static void miss(struct ap_repair *r, uint16_t seq, size_t gap, int64_t now_ns)
{
	if (gap > AP_REPAIR_MOST)
		gap = AP_REPAIR_MOST;
	if (r->count + gap > AP_REPAIR_MOST)
		forget(r, 0, r->count + gap - AP_REPAIR_MOST);
	for (; gap > 0; gap--)
		r->missing[r->count++] = (struct ap_repair_missing){.since_ns = now_ns, .seq = (uint16_t)(seq - gap)};
}

void ap_repair_found(struct ap_repair *r, uint16_t seq)
{
	for (size_t i = r->count; i-- > 0;)
		if (r->missing[i].seq == seq) {
			forget(r, i, 1);
			return;
		}
}

void ap_repair_note(struct ap_repair *r, uint16_t seq, int64_t now_ns)
{
	int ahead = (int16_t)(uint16_t)(seq - r->high);
	if (!r->heard || ahead > JUMP || ahead < -JUMP) {
		r->heard = true;
		r->high = seq;
		r->count = 0;
	} else if (ahead > 0) {
		miss(r, seq, (size_t)ahead - 1, now_ns);
		r->high = seq;
	} else {
		ap_repair_found(r, seq);
	}
}

static bool is_due(const struct ap_repair_missing *m, int64_t now_ns)
{
	return m->asked_ns ? now_ns - m->asked_ns >= AGAIN_NS : now_ns - m->since_ns >= FIRST_NS;
}

size_t ap_repair_due(struct ap_repair *r, int64_t now_ns, uint16_t ret_seqs[AP_REPAIR_MOST])
{
	size_t due = 0, kept = 0;
	for (size_t i = 0; i < r->count; i++) {
		struct ap_repair_missing *m = &r->missing[i];
		if (now_ns - m->since_ns > GIVE_UP_NS)
			continue;
		if (is_due(m, now_ns)) {
			ret_seqs[due++] = m->seq;
			m->asked_ns = now_ns;
		}
		r->missing[kept++] = *m;
	}
	r->count = kept;
	return due;
}
