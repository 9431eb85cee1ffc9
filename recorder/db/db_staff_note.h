/*
 * Notes in vault.db, sealed.
 */
#pragma once

#include "recorder/db/db.h"

#include <glib.h>

struct ap_note_row {
	struct ap_uuid id;
	int64_t author, at_ms, created_ms, changed_ms;
	char role[12]; /* the author's */
	GBytes *sealed; /* owned */
};
void ap_note_row_clear(struct ap_note_row *row);

/* By time in the recording; author 0: of all. GArray of struct ap_note_row that clears its rows. */
struct ap_result ap_db_note_list(struct ap_db *db, const struct ap_uuid *recording, int64_t author, GArray **ret_rows);
struct ap_result ap_db_note_count(struct ap_db *db, const struct ap_uuid *recording, int64_t author, int64_t *ret_count);
/* A new one, or one of this author's to replace: "not-found" then when there is none. */
struct ap_result ap_db_note_insert(struct ap_db *db, const struct ap_uuid *recording, const struct ap_note_row *row);
struct ap_result ap_db_note_update(struct ap_db *db, const struct ap_uuid *recording, const struct ap_note_row *row);
struct ap_result ap_db_note_delete(struct ap_db *db, const struct ap_uuid *recording, int64_t author,
				   const struct ap_uuid *id);
struct ap_result ap_db_note_erase(struct ap_db *db, const struct ap_uuid *recording);
