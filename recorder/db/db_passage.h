/*
 * Passages to be erased, in vault.db.
 */
#pragma once

#include "recorder/db/db.h"

#include <json-glib/json-glib.h>

struct ap_passage_row {
	struct ap_uuid id, recording, into; /* into: zero before there is one */
	enum ap_role role;
	int64_t from_ms, to_ms;
};
struct ap_result ap_db_passage_insert(struct ap_db *db, const struct ap_passage_row *row, int64_t now_ms, uint64_t leaf);
/* The oldest that is ordered: "not-found". */
struct ap_result ap_db_passage_next(struct ap_db *db, struct ap_passage_row *ret_row);
/* Is one of this recording ordered or being made? */
struct ap_result ap_db_passage_waits(struct ap_db *db, const struct ap_uuid *recording, bool *ret_waits);
/* 'making', with the recording that the remainder goes into, which takes over terms and decisions. */
struct ap_result ap_db_passage_begin(struct ap_db *db, const struct ap_passage_row *row, const struct ap_uuid *into);
struct ap_result ap_db_passage_done(struct ap_db *db, const struct ap_uuid *id, int64_t now_ms);
struct ap_result ap_db_passage_failed(struct ap_db *db, const struct ap_uuid *id, const char *failure);
/* The remainders that are 'making': GArray of struct ap_uuid. */
struct ap_result ap_db_passage_making(struct ap_db *db, GArray **ret_remainders);
/* Its passage is 'ordered' again and forgets it. */
struct ap_result ap_db_passage_reset(struct ap_db *db, const struct ap_uuid *remainder);
/* For the persons: [{"from_ms","to_ms","by","state","time","failure"?}], of this recording and of what it was made of. */
struct ap_result ap_db_passage_list(struct ap_db *db, const struct ap_uuid *recording, JsonArray **ret_list);
/* For the manifest of what remains: [{"from_ms","to_ms"}]. */
struct ap_result ap_db_passage_holes(struct ap_db *db, const struct ap_uuid *recording, JsonArray **ret_list);
