/*
 * The periodic review of accesses (R11): every user and every grant in force that was made, or last confirmed, longer
 * ago than access.review_days is listed; an admin confirms it or ends it, and what nobody confirmed within
 * access.review_grace_days more ends by itself: grants are revoked, users disabled, but never the last admin of all
 * tenants.
 *
 * Nobody confirms their own account. A confirmation is a leaf (10), an end the leaf of a revoked grant (07) or a
 * disabled user (10).
 *
 * Threads: main thread.
 */
#pragma once

#include "recorder/access/access.h"

struct ap_vault;

/* {"review_days","grace_days","items":[{"item","kind","who","role","purpose","recording","since","due","expires",
 * "state":"due|overdue"}]} of the actor's tenant; `item` ("grant:<id>", "user:<name>") is what the calls below take. */
struct ap_result ap_review_list(struct ap_vault *v, const struct ap_actor *actor, JsonNode **ret_answer);
/* Confirms or ends each of "items": all or, with a failure, those before it. "not-found", "role" (one's own). */
struct ap_result ap_review_confirm(struct ap_vault *v, const struct ap_actor *actor, JsonArray *items);
struct ap_result ap_review_expire(struct ap_vault *v, const struct ap_actor *actor, JsonArray *items);
/* Ends what is past its grace; for the retention timer. */
struct ap_result ap_review_run(struct ap_vault *v);
/* How many are due, and of these past their grace. */
struct ap_result ap_review_counts(struct ap_vault *v, int64_t *ret_due, int64_t *ret_overdue);
