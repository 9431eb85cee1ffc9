/*
 * Periods of retention: days and seconds are exact, months are those of the calendar (31 August + 6 months is the last
 * of February), reckoned in UTC.
 *
 * Pure; any thread. Times are ms since the Unix epoch.
 */
#pragma once

#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

#define AP_PERIOD_MAX_DAYS 40000
#define AP_PERIOD_MAX_MONTHS 1320

/* Months, then ms. Both 0: no period, "none". */
struct ap_period {
	int months;
	int64_t ms;
};

bool ap_period_none(const struct ap_period *p);
/* The end of a period that begins at from_ms, and the beginning of one that ends at end_ms. */
int64_t ap_period_after(const struct ap_period *p, int64_t from_ms);
int64_t ap_period_before(const struct ap_period *p, int64_t end_ms);

/* Reads exactly one of the members "days", "months", "seconds" of `o`, a whole number above zero within the bounds
 * above; false (output untouched) when there is none, more than one, or something else. */
bool ap_period_read(JsonObject *o, struct ap_period *ret_period);
/* Whether `o` has any of the three members. */
bool ap_period_given(JsonObject *o);
/* The member's name and number it would be written with: "days" 30, "months" 6, "seconds" 90. */
const char *ap_period_unit(const struct ap_period *p, int64_t *ret_number);
