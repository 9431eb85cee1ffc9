/*
 * Is a report that a capture sends one that an honest capture could send now? The capture parses strangers' media, so
 * what it says is bounded and checked: numbers in order, sizes that fit each other, times that rise, only what was
 * asked for. Pure; plain values; one at a time per object.
 */
#pragma once

#include "capture_spawn.h"

#include <aparte/capture.h>

#define AP_REPORT_PENDING 16

struct ap_report_track {
	uint32_t wanted;	/* next segment number it may ask for */
	uint32_t done;		/* next segment number it may report */
	bool header_wanted;	/* a descriptor for segment 0 is out */
	bool header_done;
	uint64_t plain_offset; /* of the next segment's first byte */
	uint64_t time_ms;      /* of the last cluster */
	uint32_t epoch;	       /* of the last segment */
};

struct ap_report_state {
	struct ap_report_track tracks[2];
	uint64_t generation; /* of the epoch that was opened last; 0: none yet */
	uint32_t epoch;
	struct {
		uint64_t generation;
		uint32_t epoch;
	} pending[AP_REPORT_PENDING]; /* closed, but not reported yet, in order */
	unsigned pending_count;
	uint64_t file_end_ms; /* of the last epoch */
	bool ready, open, closing, first_told, sealing, sealed;
};

struct ap_report_state ap_report_state_new(void);
/* The vault opens an epoch. False: not now. */
bool ap_report_open(struct ap_report_state *s, uint64_t generation, uint32_t epoch);
/* False: an honest capture would not say this now; the state is of no use any more. */
bool ap_report_check(struct ap_report_state *s, const struct ap_capture_message *m);

/* The same as the vault's own words. `clusters` holds what the segment points at. */
struct ap_capture_segment ap_report_segment(const struct ap_capture_segment_done *s,
					    struct ap_capture_cluster clusters[AP_CAPTURE_CLUSTERS]);
struct ap_capture_epoch ap_report_epoch(const struct ap_capture_epoch_report *r);
