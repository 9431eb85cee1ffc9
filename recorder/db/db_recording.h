/*
 * Recordings, their epochs and segments in vault.db.
 */
#pragma once

#include "recorder/recording/capture_spawn.h"
#include "recorder/db/db.h"

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

/* One opening of the gate. */
struct ap_epoch_row {
	uint64_t generation;
	uint32_t number;
	int64_t opened_ms, closed_ms; /* closed_ms 0: not known */
	unsigned reasons;
	char *stats; /* owned: JSON of what the capture reported, and how it failed; NULL when neither */
};

struct ap_result ap_db_recording_put(struct ap_db *db, const struct ap_recording *recording);
struct ap_result ap_db_recording_load(struct ap_db *db, const struct ap_uuid *id, struct ap_recording *ret_recording);
/* All of a session, oldest first: GArray of struct ap_recording. */
struct ap_result ap_db_recording_list(struct ap_db *db, const struct ap_uuid *session, GArray **ret_recordings);
/* Those left in state 'recording', whatever their session, and those stopped but never sealed that are not to be erased. */
struct ap_result ap_db_recording_unfinished(struct ap_db *db, GArray **ret_recordings);
/* Gives of `recording` in a session whose share no living recording needs: GArray of struct ap_unused_give. */
struct ap_unused_give {
	struct ap_uuid record_id;
	enum ap_role role;
};
struct ap_result ap_db_recording_unused_gives(struct ap_db *db, const struct ap_uuid *session, GArray **ret_gives);
/* State 'sealed' without a manifest: what is about to be erased, or has nothing in it. */
struct ap_result ap_db_recording_stop(struct ap_db *db, const struct ap_uuid *id, int64_t now_ms);
/* Was its erasure ordered? */
struct ap_result ap_db_recording_ordered(struct ap_db *db, const struct ap_uuid *id, bool *ret_ordered);
struct ap_result ap_db_recording_seal(struct ap_db *db, const struct ap_recording *sealed, const char *manifest,
				      const uint8_t signature[64], uint64_t leaf);

/* NULL and zeroes when it has none; *ret_text is g_free'd. */
struct ap_result ap_db_recording_manifest(struct ap_db *db, const struct ap_uuid *id, char **ret_text, uint8_t ret_signature[64]);

/* Segments of one track in order: GArray of struct ap_segment_row. */
struct ap_result ap_db_segment_list(struct ap_db *db, const struct ap_uuid *recording, enum ap_role role, GArray **ret_segments);
/* A reported segment: appended to the track, or (segment->replaces) put in the place of its number. */
struct ap_result ap_db_segment_put(struct ap_db *db, const struct ap_uuid *recording, const struct ap_capture_segment *segment);
/* File time at which the last segment with media ends; 0: none, or it was not told. */
struct ap_result ap_db_segment_end(struct ap_db *db, const struct ap_uuid *recording, enum ap_role role, int64_t *ret_ms);
/* All clusters of a track in order: GArray of struct ap_capture_cluster. */
struct ap_result ap_db_segment_clusters(struct ap_db *db, const struct ap_uuid *recording, enum ap_role role,
					GArray **ret_clusters);

struct ap_result ap_db_epoch_put(struct ap_db *db, const struct ap_uuid *session, const struct ap_uuid *recording,
				 const struct ap_epoch_row *epoch, uint64_t opened_leaf);
/* The epochs of one recording for another that is made of it, under generations of their own. */
struct ap_result ap_db_epoch_copy(struct ap_db *db, const struct ap_uuid *from, const struct ap_uuid *to);
struct ap_result ap_db_epoch_close(struct ap_db *db, uint64_t generation, int64_t now_ms, unsigned reasons, uint64_t leaf);
struct ap_result ap_db_epoch_stats(struct ap_db *db, uint64_t generation, const char *stats);
/* Its capture ended with this reason in this epoch, or after it: beside what it reported of it. */
struct ap_result ap_db_epoch_failed(struct ap_db *db, uint64_t generation, const char *reason);
/* Of a recording, in order: GPtrArray of struct ap_epoch_row *, owned. */
struct ap_result ap_db_epoch_list(struct ap_db *db, const struct ap_uuid *recording, GPtrArray **ret_epochs);
