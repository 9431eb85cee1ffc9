/*
 * Counts over vault.db, for metrics and doctor.
 */
#pragma once

#include "recorder/db/db.h"

#define AP_RECORDING_STATES 5
extern const char *const ap_recording_state_names[AP_RECORDING_STATES];

struct ap_staff_counts {
	int64_t recordings[AP_RECORDING_STATES];
	int64_t erasures_open, accesses_open, requests_open, requests_overdue, requests_soon, checklists_open, leaves, admins;
};
/* requests_overdue and requests_soon (within a week, or overdue) are measured against now_ms; checklists_open are answered
 * erasures with something unticked. */
struct ap_result ap_db_staff_counts(struct ap_db *db, int64_t now_ms, struct ap_staff_counts *ret_counts);
