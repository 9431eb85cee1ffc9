/*
 * A platform leaves (R30): it takes its data along, then everything of it is erased, with one certificate.
 *
 *     ordered   by two admins: API keys end, running sessions end, no new ones begin, a last `tenant.left` is sent
 *     exported  its data and recordings lie in a directory, under the leaver's age recipient (hand_over.h); the SHA-256
 *               of the export's list of files is a leaf
 *     erasing   every recording is erased as any other; what a hold or a restriction keeps waits, and is listed with why
 *     erased    nothing waits any more: the rest of the tenant's data went in one transaction with leaf 0b, whose receipt
 *               is the certificate; once the key-encryption key was turned over, with its second part (erasure.h)
 *
 * Who exports is not who says that it may be erased; without an export, not who first ordered it. Proofs of consent
 * stay in their restricted archive until their own end (R40), which the certificate names. Each step is in
 * offboarding.state, so that a crash is gone on from; `erasing` stands in the journal too, so that no backup brings the
 * tenant back.
 *
 * Threads: main thread. JSON answers are the caller's.
 */
#pragma once

#include "recorder/access/access.h"

struct ap_vault;
struct ap_offboarding; /* recorder/offboard/db_offboard.h */

#define AP_ERASE_OFFBOARDING "offboarding"

/* POST …/offboard: {"recipient","reason"} proposes (*ret_status 202), {"proposal"} of another admin's orders (201).
 * "not-found" (no such tenant), "invalid" (recipient, reason), "conflict" (it leaves already), "role". */
struct ap_result ap_offboard_post(struct ap_vault *v, const struct ap_actor *by, const char *tenant, JsonObject *body,
				  unsigned *ret_status, JsonNode **ret_answer);
/* {"offboardings":[…],"proposals":[…]}, each with what waits and how far it is. */
struct ap_result ap_offboard_list(struct ap_vault *v, JsonNode **ret_answer);
/* One of them: "not-found" when it does not leave. */
struct ap_result ap_offboard_show(struct ap_vault *v, const char *tenant, JsonNode **ret_answer);

/* {"sha256": hex of SHA256SUMS, "recordings", "left_out"}: the export lies where it should. "conflict" once it is
 * erased. */
struct ap_result ap_offboard_exported(struct ap_vault *v, const struct ap_actor *by, const char *tenant,
				      JsonObject *body, JsonNode **ret_answer);
/* {} after an export, {"without_export": why} else: begins. "conflict" (no export; begun), "role" (the same hand). */
struct ap_result ap_offboard_erase(struct ap_vault *v, const struct ap_actor *by, const char *tenant, JsonObject *body,
				   JsonNode **ret_answer);
/* "not-found" before; with "turnover" and "unrecoverable_at" once the key was turned over. */
struct ap_result ap_offboard_certificate(struct ap_vault *v, const char *tenant, char **ret_json);

/* For the retention timer: ends sessions, orders what can be erased by now, ends what has nothing left to wait for. */
struct ap_result ap_offboard_work(struct ap_vault *v);

/* For hand_over.c: the off-boarding of a tenant by name, while it may still be exported ("conflict" else). */
struct ap_result ap_offboard_find(struct ap_vault *v, const char *tenant, struct ap_offboarding *ret_o);
struct ap_result ap_offboard_exportable(struct ap_vault *v, const char *tenant, struct ap_offboarding *ret_o);
