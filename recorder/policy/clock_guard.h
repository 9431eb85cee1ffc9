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

#define AP_CLOCK_BOOT 40

struct ap_clock_reading {
	int64_t wall_ms, mono_ns;
	const char *boot; /* names the boot mono_ns belongs to; borrowed */
};

/* The name of the running boot; "unknown" where the kernel does not tell. */
void ap_clock_boot(char ret_boot[AP_CLOCK_BOOT]);

/* Does `now` follow from `before` within jump_ms? */
bool ap_clock_agrees(const struct ap_clock_reading *before, const struct ap_clock_reading *now, int64_t jump_ms);

/* The wall time that is as much later than `before` as truly passed: that of `now` when it is believed, else what the
 * monotonic clock makes of it; across a reboot the least that can be, the time of `before`. */
int64_t ap_clock_believed(const struct ap_clock_reading *before, const struct ap_clock_reading *now, int64_t jump_ms);
