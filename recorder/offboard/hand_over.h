/*
 * What a leaving platform takes along (R30), all of it under its own age recipient; nothing of it is ever in clear
 * outside this process, and nothing is encrypted anew:
 *
 *   data.age    a zip: the tenant, its rules, and per session what the vault has about either person (copy.h), manifests,
 *               notes of viewers, and the receipts of what was given, from the archive of proofs too: it is the platform
 *               that has to prove them. Of decisions only what was given: who refused, or never answered, a platform
 *               does not learn (R34).
 *   recordings  ciphertext as it lies, and each recording's identities sealed to the recipient
 *
 * Each recording taken along is an access with its leaf, and where that needs a second person's word, it is the word of
 * the other of the two admins who ordered the leaving. Frozen ones are left out, and named.
 *
 * The data are made in steps on the main thread, in vault/offboard/<id>.age, and are gone once the export is reported,
 * or once something of it was withdrawn, erased or restricted: they are then put together anew. A lockdown ends the making,
 * and hands out nothing.
 *
 * Threads: main thread. JSON answers are the caller's.
 */
#pragma once

#include "recorder/access/access.h"

struct ap_vault;
struct ap_offboarding; /* recorder/offboard/db_offboard.h */

/* Begins data.age anew, or answers how far it is while it is being made. "conflict" (not ordered, erased), "lockdown",
 * "rate" (another's is being made). */
struct ap_result ap_hand_over_data(struct ap_vault *v, const char *tenant, JsonNode **ret_answer);
/* A piece of it, at most 1 MiB. "not-found" until it is ready, "erased" when it has to be made anew,
 * "lockdown", "invalid" beyond its end. *ret_bytes is g_free'd. */
struct ap_result ap_hand_over_read(struct ap_vault *v, const char *tenant, uint64_t offset, uint8_t **ret_bytes,
				   size_t *ret_len);
/* {"recordings":[id…],"left_out":[{"recording","why"}]}. */
struct ap_result ap_hand_over_recordings(struct ap_vault *v, const char *tenant, JsonNode **ret_answer);
/* {"recording","access","identities": an age file in base64,"segments":{"coach":[{"n","sha256"}],"coachee":[…]}}; the
 * segments are then fetched as of any export (api_export.c). `by` is one of the two who ordered it, where another's
 * word is needed. Errors as ap_access_begin_export's. */
struct ap_result ap_hand_over_recording(struct ap_vault *v, const struct ap_actor *by, const char *tenant,
					const struct ap_uuid *recording, JsonNode **ret_answer);

/* Adds "data": {"state": none (also when making it failed: the log says why) | making | ready, "done", "sessions",
 * "size"?}. */
void ap_hand_over_describe(struct ap_vault *v, const struct ap_offboarding *o, JsonObject *answer);
/* Removes data.age when it is not to be handed out any more. For the timer. */
void ap_hand_over_tidy(struct ap_vault *v, const struct ap_offboarding *o);
/* Removes data.age, made or being made. */
void ap_hand_over_drop(struct ap_vault *v, const struct ap_offboarding *o);
/* Drops the job under way, if any, before the vault is freed; what it wrote is made anew. */
void ap_hand_over_stop(void);
