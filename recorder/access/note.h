/*
 * Timecoded notes of who viewed a recording: sealed for the recording's third identity (docs/FORMAT.md, u = 03) before
 * they are written, so that plaintext never lies on disk and what destroys the recording's shares makes them unreadable;
 * their rows go when its bytes do.
 *
 * Who reads them: their author, under an access of their own that is open (so for no longer than they may see the
 * recording, and each reading stands in the log of accesses). Nobody else: no admin, not the other viewers. The two
 * recorded persons may ask for them, since they are data about them (R21, R39): ap_note_export.
 *
 * Threads: main thread.
 */
#pragma once

#include "recorder/access/access.h"

struct ap_vault;
struct ap_db;

#define AP_NOTE_TEXT 4000 /* bytes */
#define AP_NOTES_EACH 500 /* of one author on one recording */

/* Under which access, to which recording; both are checked as for a read of a track (access.h). */
struct ap_note_place {
	struct ap_uuid recording, access;
};

/* {"notes":[{"id","at_ms","text","created","changed"}]}, by their time in the recording. */
struct ap_result ap_note_list(struct ap_vault *v, const struct ap_actor *actor, const struct ap_note_place *place,
			      JsonNode **ret_answer);
/* {"at_ms","text"}: "invalid" when empty, too long, too many, or beyond the recording's length. */
struct ap_result ap_note_add(struct ap_vault *v, const struct ap_actor *actor, const struct ap_note_place *place,
			     JsonObject *body, JsonNode **ret_answer);
/* The same for one of one's own: "not-found". */
struct ap_result ap_note_change(struct ap_vault *v, const struct ap_actor *actor, const struct ap_note_place *place,
				const struct ap_uuid *note, JsonObject *body, JsonNode **ret_answer);
struct ap_result ap_note_delete(struct ap_vault *v, const struct ap_actor *actor, const struct ap_note_place *place,
				const struct ap_uuid *note);

/*
 * For a person's right of access (R21): every note on one recording, in clear, as [{"recording","at_ms","role","text",
 * "created","changed"}]; the author's role stands for their name. The caller has decided that this person may have
 * them, and logs it; "erased" once a share is gone. The array is the caller's.
 */
struct ap_result ap_note_export(struct ap_vault *v, const struct ap_uuid *recording, JsonArray **ret_notes);

/* With the recording's bytes; in or outside a transaction. */
struct ap_result ap_note_erase(struct ap_db *db, const struct ap_uuid *recording);
