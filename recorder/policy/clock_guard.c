#include "recorder/policy/clock_guard.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

void ap_clock_boot(char ret_boot[AP_CLOCK_BOOT])
{
	g_autofree char *text = NULL;
	if (g_file_get_contents("/proc/sys/kernel/random/boot_id", &text, NULL, NULL))
		g_strlcpy(ret_boot, g_strstrip(text), AP_CLOCK_BOOT);
	else
		g_strlcpy(ret_boot, "unknown", AP_CLOCK_BOOT);
}

bool ap_clock_agrees(const struct ap_clock_reading *before, const struct ap_clock_reading *now, int64_t jump_ms)
{
	int64_t wall = now->wall_ms - before->wall_ms;
	if (strcmp(before->boot, now->boot) != 0)
		return wall >= -jump_ms && wall <= AP_CLOCK_REBOOT_MS;
	int64_t mono = (now->mono_ns - before->mono_ns) / 1000000;
	return llabs(wall - mono) <= jump_ms;
}

int64_t ap_clock_believed(const struct ap_clock_reading *before, const struct ap_clock_reading *now, int64_t jump_ms)
{
	if (ap_clock_agrees(before, now, jump_ms))
		return now->wall_ms;
	if (strcmp(before->boot, now->boot) != 0)
		return before->wall_ms;
	return before->wall_ms + (now->mono_ns - before->mono_ns) / 1000000;
}
