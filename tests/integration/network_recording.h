/*
 * What a recording of numbered media holds: its segments decrypted with the identity and read block by block, with
 * nothing of the muxer's code.
 */
#pragma once

#include "recorder/recording/blob.h"

#include <aparte/secret.h>
#include <glib.h>

struct recorded_item {
	uint32_t number;
	int64_t time_ms; /* file time */
	size_t size;
};

struct recorded_track {
	GArray *frames, *sounds; /* of struct recorded_item, in the order of the file */
	int64_t end_ms;		 /* where the last block begins, silence included */
	unsigned back;		 /* blocks of a track that lie before their predecessor */
};

/* Fails the test when a segment cannot be read. */
struct recorded_track recorded_track_read(struct ap_blob *blob, const struct ap_uuid *recording, enum ap_role role,
					  const struct ap_secret *identity);
void recorded_track_clear(struct recorded_track *t);
