/*
 * The steps of erasures, many at a time: one transaction and one fsync a step for a whole batch (recorder/erasure/erasure.h).
 *
 * Each step is committed before the next begins, and what was done may be done again, so a crash costs a repetition.
 * What fails for one row is tried row by row, so that one does not hold up the others.
 *
 * Threads: main thread.
 */
#pragma once

#include "recorder/db/db_staff_erasure.h"

struct ap_vault;

/* Works off rows (struct ap_erasure_row) from where each stands; those that fail are left as they are. The first failure;
 * *ret_any: at least one got its certificate. */
struct ap_result ap_erasure_work(struct ap_vault *v, GArray *rows, bool *ret_any);
