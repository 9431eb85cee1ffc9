#include "recorder/erasure/request_clock.h"

#include <glib.h>

int64_t ap_request_add_months(int64_t ms, int months)
{
	g_autoptr(GDateTime) from = g_date_time_new_from_unix_utc(ms / 1000);
	g_autoptr(GDateTime) to = from ? g_date_time_add_months(from, months) : NULL;
	/* Beyond what the calendar holds: as long months as there are, so that it still ends. */
	return to ? g_date_time_to_unix(to) * 1000 + ms % 1000 : ms + months * 31LL * 86400 * 1000;
}

int64_t ap_request_due(int64_t created_ms, int64_t policy_ms)
{
	int64_t month = ap_request_add_months(created_ms, 1);
	return policy_ms > 0 ? MIN(month, created_ms + policy_ms) : month;
}

int64_t ap_request_extended_due(int64_t created_ms)
{
	return ap_request_add_months(created_ms, 3);
}

enum ap_request_urgency ap_request_urgency(int64_t due_ms, int64_t now_ms)
{
	if (due_ms <= now_ms)
		return AP_REQUEST_OVERDUE;
	return due_ms - now_ms <= AP_REQUEST_SOON_MS ? AP_REQUEST_SOON : AP_REQUEST_CALM;
}
