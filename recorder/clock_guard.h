/*
 * Is the wall clock to be believed? A pure comparison of two readings of both clocks; any thread.
 *
 * Within one boot the monotonic clock tells exactly how much time passed. Across a reboot nothing does: a clock that
 * went backwards, or came back more than a day ahead, is not believed until someone says so. Waiting costs little; an
 * erasure cannot be taken back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define AP_CLOCK_REBOOT_MS (24LL * 3600 * 1000)

struct ap_clock_reading {
	int64_t wall_ms, mono_ns;
	const char *boot; /* names the boot mono_ns belongs to; borrowed */
};

/* Does `now` follow from `before` within jump_ms? */
bool ap_clock_agrees(const struct ap_clock_reading *before, const struct ap_clock_reading *now, int64_t jump_ms);
