/*
 * The making of data.age (recorder/offboard/hand_over.h), a session a step.
 *
 * Threads: main thread; works on its default main context, one job at a time.
 */
#pragma once

#include "recorder/offboard/db_offboard.h"

#include <aparte/age.h>

struct ap_vault;

struct ap_hand_over_progress {
	bool running;
	int64_t done, total; /* sessions */
};
struct ap_hand_over_progress ap_hand_over_job_progress(const struct ap_uuid *offboarding);
bool ap_hand_over_job_busy(void);
/* Writes to `part`, which must not be there, and renames it to `whole` when it is done. */
struct ap_result ap_hand_over_job_start(struct ap_vault *v, const struct ap_offboarding *o, const char *tenant,
					const struct ap_age_recipient *recipient, const char *part, const char *whole);
