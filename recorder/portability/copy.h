/*
 * All data held on a person (R21, GDPR art. 15): what vault.db has about them, of one session or of all their sessions
 * with this platform; as JSON, as Markdown to be read, and each list as CSV. Media are no part of it (archive.h), nor is
 * anything about the other person but what the two have in common (the recording, its accesses).
 *
 * Threads: main thread.
 */
#pragma once

#include "recorder/db/db.h"

#include <json-glib/json-glib.h>

struct ap_vault;
struct ap_actor; /* recorder/access/access.h */

/* Who, and how far. */
struct ap_copy_wish {
	struct ap_uuid session;
	enum ap_role role;
	bool all;   /* every session of this person with the platform, not this one alone */
	bool notes; /* with what viewers noted on the recordings: access (art. 15), not portability (art. 20) */
};

/* {"person":{…},"controller":{…},"made","sessions":[…],"statements":[…],…}: docs/openapi.yaml, PersonCopy. Unref. */
struct ap_result ap_copy_build(struct ap_vault *v, const struct ap_copy_wish *wish, JsonObject **ret_copy);

/* Is `recording` no more given by both? Then nobody reads its notes, though a hold may keep it. */
struct ap_result ap_copy_withdrawn(struct ap_vault *v, const struct ap_uuid *recording, bool *ret_withdrawn);

/*
 * For a person who asked for access or portability (`request` is theirs): "json" (default) or "markdown". Of the session
 * alone while the request waits; of all their sessions once an admin, who knows them, executed it. A leaf (09) tells of it.
 * *ret_type is static; *ret_text g_free'd. "not-found", "invalid" (no such format), "conflict" (refused).
 */
struct ap_result ap_copy_answer(struct ap_vault *v, const struct ap_actor *party, const char *request,
				const char *format, const char **ret_type, char **ret_text);

/* The same for an admin who hands it to a person that cannot reach their page: of all their sessions, without notes, which
 * no admin reads. */
struct ap_result ap_copy_answer_for(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *request,
				    const char *format, const char **ret_type, char **ret_text);

/* Its lists, in order: NULL-terminated names of members, static. */
const char *const *ap_copy_lists(void);
/* Headings in `lang` ("fr" or "en"), one list item per row; g_free. */
char *ap_copy_markdown(JsonObject *copy, const char *lang);
/* RFC 4180, one column for each member that any row has, in their order; g_free. A cell that a spreadsheet would take for
 * a formula is preceded by an apostrophe. */
char *ap_copy_csv(JsonArray *rows);
