/*
 * Whether the disk under recordings/ and vault/ takes what it is given: a small file is made, synced and taken away
 * again on a thread of its own, so that a disk that fails, fills, turns read-only or hangs is known within a second and
 * never holds up who asks. Free space below the floor counts as failing.
 *
 * Threads: ask, state and trouble on one thread (the gate's).
 */
#pragma once

#include "recorder/recording/blob.h"

#include <aparte/clock.h>
#include <stdbool.h>

struct ap_disk_watch; /* opaque */

struct ap_disk_state {
	bool storage, log; /* recordings/, vault/ */
};

struct ap_disk_setup {
	const char *vault; /* the directory of the databases */
	struct ap_blob *blob; /* borrowed */
	const struct ap_clock *clock; /* borrowed */
	uint64_t floor; /* bytes that must be free */
};

/* Looks at the free space at once, and for the rest when it is first asked to. */
struct ap_disk_watch *ap_disk_watch_new(const struct ap_disk_setup *setup);
/* Waits for a look under way. NULL is fine. */
void ap_disk_watch_free(struct ap_disk_watch *w);

/* Begins a look, unless one is under way or the last began less than half a second ago. */
void ap_disk_watch_ask(struct ap_disk_watch *w);
/* What the last look found; a look that lasts longer than three seconds has found that part failing. */
struct ap_disk_state ap_disk_watch_state(struct ap_disk_watch *w);
/* A word for the log: "floor", "write", "slow", or "none". */
const char *ap_disk_watch_trouble(struct ap_disk_watch *w);
