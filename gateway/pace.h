/*
 * Whether a busy worker lets packets gather before it looks at its sockets again.
 *
 * A look costs a wake-up and two or three system calls, whether it finds one packet or thirty. Woken by each packet, a
 * worker of fifty calls spends more on waking than on relaying; so above a rate it sleeps by the clock, shortly, and takes
 * what came meanwhile together. Below it packets are few, and waiting would add delay and save nothing.
 *
 * Pure: time is an argument, monotonic ns. Threads: one at a time per object.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: nothing came yet. */
struct ap_pace {
	int64_t since_ns; /* of the window under way */
	uint64_t packets; /* in it */
	bool gathers;     /* as the last window said */
};

/* A look at the sockets found so many. */
void ap_pace_note(struct ap_pace *p, size_t packets, int64_t now_ns);
static inline bool ap_pace_gathers(const struct ap_pace *p)
{
	return p->gathers;
}
