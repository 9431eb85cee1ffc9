/*
 * The library: which recordings somebody sees, searched and filtered, a page at a time, newest first.
 *
 * Every condition is answered by index: what is typed and whose recordings they are lead to sessions, a state and the
 * time to recordings. Who sees what is asked of each row in the same words as for one alone (ap_db_library_sees).
 *
 * Threads: those of the connection.
 */
#pragma once

#include "recorder/access/access.h"
#include "recorder/db/db.h"

/* Ids (GArray of struct ap_uuid), wish->limit at most. "role": sees no recordings at all. */
struct ap_result ap_db_library_page(struct ap_db *db, const struct ap_actor *actor, int64_t now_ms,
				    const struct ap_library_wish *wish, GArray **ret_ids);
/* How many match, whatever the page. */
struct ap_result ap_db_library_count(struct ap_db *db, const struct ap_actor *actor, int64_t now_ms,
				     const struct ap_library_wish *wish, int64_t *ret_n);
struct ap_result ap_db_library_sees(struct ap_db *db, const struct ap_actor *actor, int64_t now_ms,
				    const struct ap_uuid *recording, bool *ret_sees);
