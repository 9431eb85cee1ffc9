/*
 * Shared by request.c (the person's side), request_decide.c (the admin's) and request_effect.c (what is done).
 */
#pragma once

#include "recorder/access/access.h"
#include "recorder/db/db_request.h"
#include "recorder/erasure/request.h"

/* Leaf 09 about a step, inside the caller's transaction. `by` is an actor's text. */
struct ap_result ap_request_log(struct ap_vault *v, const char *event, const struct ap_request_row *row, const char *by,
				uint64_t *ret_leaf);
/* Queues a webhook with the request's id, and its day unless due_ms is 0. Inside the caller's transaction. */
struct ap_result ap_request_tell(struct ap_vault *v, const struct ap_request_row *row, const char *event, int64_t due_ms);
/* The request as JSON, with checklist, obstacles and archive; "not-found". */
struct ap_result ap_request_answer_one(struct ap_vault *v, const struct ap_uuid *id, JsonNode **ret_answer);
/* The same for a list; takes nothing, adds to its objects. */
struct ap_result ap_request_complete(struct ap_vault *v, JsonArray *list);

/* A final state with its leaf, in a transaction of its own. */
struct ap_result ap_request_settle(struct ap_vault *v, const struct ap_request_row *row,
				   const struct ap_request_answer *answer, const char *by);
/* The request's own effect; *ret_done when nothing is left to do. Called again every second while it is open. */
struct ap_result ap_request_carry_out(struct ap_vault *v, const struct ap_request_row *row, bool *ret_done);
/* "invalid" unless the wish fits the type: {"changes":{"name"?,"locale"?}}, {"purposes":[…]}. *ret_wish is JSON, or
 * NULL where the type has none or the person gave none; g_free. */
struct ap_result ap_request_parse_wish(const char *type, JsonObject *body, char **ret_wish);
/* Opens one; `by` is an actor's text, `row` has session, role and opened_by. *ret_id. */
struct ap_result ap_request_open(struct ap_vault *v, struct ap_request_row *row, JsonObject *body, const char *by);
