/*
 * Finishes recordings on a thread of its own: files are written and synced here, however long the disk takes, while the
 * gate goes on closing. What the disk refuses is tried again until it succeeds; the next start does what is left.
 *
 * One recording is finished by one thread alone: whoever seals while the gate runs does it through this.
 */
#pragma once

#include "recorder/recording/recording.h"

struct ap_sealer; /* opaque */

struct ap_seal_job {
	struct ap_uuid session, recording;
	bool complete; /* the capture sealed it */
	int64_t duration_ms;
	unsigned attempt; /* 0: the first */
};

/* On the gate's thread, after each attempt. */
typedef void (*ap_sealer_told)(void *ctx, const struct ap_seal_job *job, struct ap_result r);

struct ap_sealer *ap_sealer_new(struct ap_vault *v, ap_sealer_told told, void *ctx);
/* Waits for an attempt under way. NULL is fine. */
void ap_sealer_free(struct ap_sealer *s);
/* Any thread. */
void ap_sealer_give(struct ap_sealer *s, const struct ap_seal_job *job);
