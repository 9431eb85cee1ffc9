/*
 * Time, injected. No module calls the system's clock itself: it is handed a struct ap_clock, so that tests can
 * let years pass in milliseconds. Pure functions take the time as an argument instead.
 *
 * Units: wall time in ms since the Unix epoch (UTC); monotonic time in ns since an arbitrary point that is the
 * same for all processes of one boot (CLOCK_MONOTONIC).
 *
 * Builds with AP_TEST_CLOCK (never release) add the offset in ms that stands as decimal text in the file
 * given to ap_clock_test_file(), re-read at most every 20 ms.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ap_clock {
	int64_t (*wall_ms)(void *ctx);
	int64_t (*mono_ns)(void *ctx);
	void *ctx; /* borrowed */
};

/* The system's clock; static lifetime. */
const struct ap_clock *ap_clock_system(void);

/* Test builds: path of the offset file (copied); no effect in other builds. Call before threads start. */
void ap_clock_test_file(const char *path);

static inline int64_t ap_wall_ms(const struct ap_clock *c)
{
	return c->wall_ms(c->ctx);
}

static inline int64_t ap_mono_ns(const struct ap_clock *c)
{
	return c->mono_ns(c->ctx);
}

/* RFC 3339, UTC, milliseconds: "2026-11-22T10:00:00.123Z". From 1970 on; an earlier time is written as its first moment. */
#define AP_TIME_TEXT 25
void ap_time_text(int64_t wall_ms, char ret_text[AP_TIME_TEXT]);
/* Parses exactly that form (fraction optional, Z only). False when it is not, or before 1970. */
bool ap_time_parse(const char *text, int64_t *ret_wall_ms);
