/*
 * The making of what remains of a recording without a passage (recorder/erasure/passage.h).
 *
 * Threads: main thread; works on its default main context.
 */
#pragma once

#include "recorder/db/db_passage.h"

struct ap_vault;

struct ap_result ap_passage_job_start(struct ap_vault *v, const struct ap_passage_row *row);
bool ap_passage_job_running(void);
/* In passage.c: erases a remainder that is not to be. */
struct ap_result ap_passage_drop(struct ap_vault *v, const struct ap_uuid *remainder);
