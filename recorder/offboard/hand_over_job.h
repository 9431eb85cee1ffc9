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
/* "erased" when something of the tenant's was withdrawn, erased or restricted since: what was put together then is not to be
 * handed out. */
struct ap_result ap_hand_over_check(struct ap_vault *v, int64_t tenant, int64_t since_ms);
/* Writes to `part`, which must not be there, and renames it to `whole` when it is done, dated (mtime) by when it was
 * begun. */
struct ap_result ap_hand_over_job_start(struct ap_vault *v, const struct ap_offboarding *o, const char *tenant,
					const struct ap_age_recipient *recipient, const char *part, const char *whole);
