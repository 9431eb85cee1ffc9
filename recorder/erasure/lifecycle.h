/*
 * What time does to a recording before it is erased: it passes into the archive phase (R17), purposes end and with them
 * the grants and viewings for them, and long after, the list of accesses forgets (R16); and last the proofs of what was consented to (R40).
 *
 * Called by retention's scan while the clock is believed. Threads: main thread.
 */
#pragma once

#include <aparte/err.h>
#include <stdint.h>

#include "recorder/proof/proof.h"

struct ap_vault;

struct ap_lifecycle {
	int64_t log_next_ms;   /* 0 at first: when the access log is looked at again */
	int64_t log_after_ms;  /* how far it was gone through, a few thousand rows a scan: the last one's begin … */
	struct ap_uuid log_after; /* … and its id */
	struct ap_proofs proofs;
	int64_t tidy_next_ms; /* 0 at first: when what nobody needs is looked for again */
};

/* A session's Idempotency-Key and its request's hash (which is of names, too) are kept this long, a proposal of two admins
 * that was confirmed or ran out as long as that. */
#define AP_LIFECYCLE_KEYS_MS (7 * 86400LL * 1000)
#define AP_LIFECYCLE_PROPOSALS_MS (30 * 86400LL * 1000)

/* How often the access log is gone through. */
#define AP_LIFECYCLE_LOG_MS (3600 * 1000)

/* Each part on its own; the first failure is told, and what it left is tried again at the next scan. */
struct ap_result ap_lifecycle_scan(struct ap_vault *v, struct ap_lifecycle *l);
