/*
 * In place of recorder/recording/capture_spawn.c in tests: captures that do what the test says. One capture at a time is looked
 * at through the globals' accessor; callbacks are fired by the test.
 */
#pragma once

#include "recorder/recording/capture_spawn.h"

struct ap_capture {
	const struct ap_capture_events *events;
	void *ctx;
	struct ap_capture_params params;
	uint64_t open_generation; /* 0: closed */
	uint32_t open_epoch;
	int gate; /* reading end; -1 when closed */
	bool closing, discarded, sealing, mute;
	unsigned opened, closed, renewed;
};

struct fake_captures {
	struct ap_capture *last; /* the living one; NULL when freed */
	unsigned started, freed;
	bool ready, refuse_start, mute; /* mute: the capture acknowledges nothing by itself */
};
struct fake_captures *fake_captures(void);
void fake_captures_reset(void);

/* What a capture would report. */
void fake_capture_ack(void);
void fake_capture_segment(enum ap_role role, uint32_t number, uint64_t plain_size);
void fake_capture_sealed(uint64_t duration_ms);
void fake_capture_fail(const char *reason);
