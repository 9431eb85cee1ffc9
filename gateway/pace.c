#include "gateway/pace.h"

/* Packets a second from which a nap finds more than one, and below which it no longer does. */
enum { BEGIN = 10000, END = 7000, NS_PER_S = 1000000000 };
static const int64_t WINDOW_NS = 4000000;

void ap_pace_note(struct ap_pace *p, size_t packets, int64_t now_ns)
{
	int64_t elapsed = now_ns - p->since_ns;
	p->packets += packets;
	if (elapsed < WINDOW_NS)
		return;
	uint64_t least = (uint64_t)(p->gathers ? END : BEGIN);
	p->gathers = p->packets * NS_PER_S >= least * (uint64_t)elapsed;
	p->since_ns = now_ns;
	p->packets = 0;
}
