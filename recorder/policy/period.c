#include "recorder/policy/period.h"

#include <glib.h>

#define SECOND_MS INT64_C(1000)
#define DAY_MS INT64_C(86400000)

bool ap_period_none(const struct ap_period *p)
{
	return p->months == 0 && p->ms == 0;
}

/* The fraction of a second is put aside: GDateTime counts seconds here. */
static int64_t add_months(int64_t ms, int months)
{
	int64_t rest = ((ms % SECOND_MS) + SECOND_MS) % SECOND_MS;
	g_autoptr(GDateTime) from = g_date_time_new_from_unix_utc((ms - rest) / SECOND_MS);
	g_autoptr(GDateTime) to = from ? g_date_time_add_months(from, months) : NULL;
	if (!to) /* beyond the calendar's years: the shortest months there are, so never too long */
		return ms + months * 28 * DAY_MS;
	return g_date_time_to_unix(to) * SECOND_MS + rest;
}

int64_t ap_period_after(const struct ap_period *p, int64_t from_ms)
{
	return (p->months ? add_months(from_ms, p->months) : from_ms) + p->ms;
}

int64_t ap_period_before(const struct ap_period *p, int64_t end_ms)
{
	int64_t ms = end_ms - p->ms;
	return p->months ? add_months(ms, -p->months) : ms;
}

static const struct {
	const char *name;
	int64_t max, ms; /* ms 0: calendar months */
} units[] = {
	{ "days", AP_PERIOD_MAX_DAYS, DAY_MS },
	{ "months", AP_PERIOD_MAX_MONTHS, 0 },
	{ "seconds", AP_PERIOD_MAX_DAYS * INT64_C(86400), SECOND_MS },
};

bool ap_period_given(JsonObject *o)
{
	for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
		if (json_object_has_member(o, units[i].name))
			return true;
	return false;
}

bool ap_period_read(JsonObject *o, struct ap_period *ret_period)
{
	struct ap_period period = { 0 };
	unsigned found = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
		JsonNode *node = json_object_get_member(o, units[i].name);
		if (!node)
			continue;
		if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_INT64)
			return false;
		int64_t number = json_node_get_int(node);
		if (number <= 0 || number > units[i].max)
			return false;
		period.months = units[i].ms ? 0 : (int)number;
		period.ms = number * units[i].ms;
		found++;
	}
	if (found != 1)
		return false;
	*ret_period = period;
	return true;
}

const char *ap_period_unit(const struct ap_period *p, int64_t *ret_number)
{
	if (p->months) {
		*ret_number = p->months;
		return "months";
	}
	bool days = p->ms % DAY_MS == 0;
	*ret_number = p->ms / (days ? DAY_MS : SECOND_MS);
	return days ? "days" : "seconds";
}
