/*
 * Posting checkpoints to witnesses (C2SP tlog-witness) and keeping what they sign, so that nobody can be shown another log
 * than others were.
 *
 * A checkpoint goes out every witness.interval_seconds when the log has grown, and once an hour when it has not: a
 * witness's word is of a time. Each witness is asked for itself, one request at a time, 20 s at most, with back-off; what
 * it answers is bounded (cosignature.h). Nothing in the vault ever waits for one: no consent, no gate, no erasure.
 *
 * One that knows more leaves than vault.db holds, or whose tree is another, stops the log: gates close with the reason
 * `ledger`, what both persons say to each other goes on, withdrawals and erasures too (ap_ledger_doubt). That is kept, so
 * that the next start refuses at once (witness_list.h), and ends when that witness cosigns again. What it refuses by is not
 * signed: one that lies stops the recording (not the calls) until it is taken out of the configuration; so the operator
 * chooses them.
 *
 * Threads: main thread, its default context.
 */
#pragma once

#include <aparte/err.h>

struct ap_vault;
struct ap_witnesses; /* opaque */

/* Starts posting; nothing is awaited. *ret_witnesses is NULL when none are configured. "witness-list". */
struct ap_result ap_witnesses_start(struct ap_vault *v, struct ap_witnesses **ret_witnesses);
void ap_witnesses_stop(struct ap_witnesses *w);
