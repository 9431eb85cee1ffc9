/*
 * A media plane that only remembers what it was told (gateway/media.h), for tests of signalling. Callbacks come at
 * once, or when fake_media_release() is called after fake_media_hold().
 */
#pragma once

#include "gateway/media.h"

struct fake_media_log {
	unsigned puts, restarts, drops, taps_opened, taps_closed;
	struct ap_leg_desc last_leg;
	uint64_t tap_generation;
	int tap_fd; /* the writing end while open, else -1 */
};

/* Borrowed, for the media plane that lives now. */
const struct fake_media_log *fake_media_log(void);
/* The leg put last for a role becomes connected, disconnected or failed. */
void fake_media_report(enum ap_role role, enum ap_leg_event event);
/* From now on closing a tap is not confirmed until released. */
void fake_media_hold(void);
void fake_media_release(void);
