#include "recorder/clock_guard.h"

#include <stdlib.h>
#include <string.h>

bool ap_clock_agrees(const struct ap_clock_reading *before, const struct ap_clock_reading *now, int64_t jump_ms)
{
	int64_t wall = now->wall_ms - before->wall_ms;
	if (strcmp(before->boot, now->boot) != 0)
		return wall >= -jump_ms && wall <= AP_CLOCK_REBOOT_MS;
	int64_t mono = (now->mono_ns - before->mono_ns) / 1000000;
	return llabs(wall - mono) <= jump_ms;
}
