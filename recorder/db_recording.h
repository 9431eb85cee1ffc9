/*
 * Recordings, their epochs and segments in vault.db.
 */
#pragma once

#include "recorder/capture_spawn.h"
#include "recorder/db.h"

struct ap_recording {
	struct ap_uuid id, session;
	char state[12];	      /* recording, sealed, archived, restricted, erased */
	int64_t created_ms, sealed_ms, expires_ms, erased_ms; /* 0: not yet */
	uint64_t consent[2];  /* leaf indexes of the two gives, [coach, coachee] */
	struct ap_uuid record[2]; /* their record_ids */
	uint8_t recipient[2][32];
	int64_t duration_ms;
};

/* One sealed segment of a track. */
struct ap_segment_row {
	uint32_t number, epoch;
	uint64_t size, plain_offset, plain_size;
	uint8_t sha256[32];
};

struct ap_result ap_db_recording_load(struct ap_db *db, const struct ap_uuid *id, struct ap_recording *ret_recording);
/* All of a session, oldest first: GArray of struct ap_recording. */
struct ap_result ap_db_recording_list(struct ap_db *db, const struct ap_uuid *session, GArray **ret_recordings);
/* Segments of one track in order: GArray of struct ap_segment_row. */
struct ap_result ap_db_segment_list(struct ap_db *db, const struct ap_uuid *recording, enum ap_role role, GArray **ret_segments);
