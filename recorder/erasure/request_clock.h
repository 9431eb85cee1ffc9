/*
 * The clock of a request: one month by the calendar, two more once with a reason (GDPR art. 12(3)).
 *
 * A month ends on the same day of the next one, or on its last day when it has no such day, at the same time of day,
 * UTC (Regulation 1182/71 art. 3(2)(c), to the moment instead of the day's end: never later). Times are wall ms.
 *
 * Pure; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define AP_REQUEST_SOON_MS (7LL * 86400 * 1000) /* staff are reminded this long before */

int64_t ap_request_add_months(int64_t ms, int months);
/* When it must be answered: after one month, or sooner when the policy promises so (policy_ms > 0). */
int64_t ap_request_due(int64_t created_ms, int64_t policy_ms);
/* Once extended: three months from its receipt, whatever the policy promised. */
int64_t ap_request_extended_due(int64_t created_ms);

enum ap_request_urgency { AP_REQUEST_CALM, AP_REQUEST_SOON, AP_REQUEST_OVERDUE };
enum ap_request_urgency ap_request_urgency(int64_t due_ms, int64_t now_ms);
