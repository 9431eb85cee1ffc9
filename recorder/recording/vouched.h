/*
 * What signed manifests were last found to vouch for: a memory of comparisons that held, so that a recording that is played
 * piece by piece has its manifest verified and parsed once, not for each piece. An entry counts only while manifest,
 * signature and segments are byte for byte those that were compared: whatever changes in vault.db is compared anew.
 *
 * Threads: any.
 */
#pragma once

#include "recorder/db/db_recording.h"

struct ap_vouched; /* opaque */

struct ap_vouched *ap_vouched_new(void);
void ap_vouched_free(struct ap_vouched *m); /* NULL is fine */

/* A track as it stands in vault.db; all borrowed. */
struct ap_vouched_track {
	const struct ap_uuid *recording;
	enum ap_role role;
	const char *manifest;
	const uint8_t *signature; /* 64 bytes */
	const GArray *segments;	  /* struct ap_segment_row */
};

bool ap_vouched_holds(struct ap_vouched *m, const struct ap_vouched_track *track);
/* It was compared, and holds. The least lately asked for is forgotten for it. */
void ap_vouched_note(struct ap_vouched *m, const struct ap_vouched_track *track);
