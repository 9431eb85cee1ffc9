/*
 * Erasing a passage of a recording (R32): either person asks, both see it. What remains is written anew as a recording of
 * its own, with a vault share and identities of its own, and the old recording is erased whole, with a certificate: so no
 * copy of the old segments can be opened by what the living remainder needs.
 *
 * Whole clusters go (at most a second each) that touch the passage, so up to a second more on either side. The file time
 * stays: the passage is a hole on both tracks. Dates and terms stay; grants, notes and archives end with the old one.
 * Done on the main thread, a segment at a time, begun again after a crash.
 *
 * Threads: main thread.
 */
#pragma once

#include <aparte/err.h>
#include <aparte/uuid.h>
#include <json-glib/json-glib.h>

struct ap_vault;
struct ap_actor; /* recorder/access/access.h */

#define AP_ERASE_PASSAGE "passage"

/*
 * POST /v1/party/recordings/{id}/passages: {"from_ms","to_ms"}. It is ordered, with a leaf, and begun soon. *ret_json is
 * {"recording","from_ms","to_ms","state":"ordered"}. "not-found", "invalid" (no such passage, or all of it), "conflict"
 * (another is being erased, or it is still being made), "held", "restricted", "erased".
 */
struct ap_result ap_passage_order(struct ap_vault *v, const struct ap_actor *party, const char *recording, const char *json,
				  char **ret_json);
/* Adds "passages" to a recording as its persons see it. */
struct ap_result ap_passage_describe(struct ap_vault *v, const struct ap_uuid *recording, JsonObject *o);

/* While no job runs: what of a remainder was made by one that ended is erased, and its passage waits again. At the start,
 * and by ap_passage_work. */
struct ap_result ap_passage_recover(struct ap_vault *v);
/* Lockdown: the job under way forgets its key at once, and its passage waits again. */
struct ap_result ap_passage_halt(struct ap_vault *v);
/* For the retention timer: begins the next one. */
struct ap_result ap_passage_work(struct ap_vault *v);
/* Drops the job under way, if any, before the vault is freed. */
void ap_passage_stop(void);
