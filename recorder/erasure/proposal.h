/*
 * What needs two admins: one proposes, another confirms within a day; the same person's second word does not count.
 *
 * Threads: main thread.
 */
#pragma once

#include "recorder/access/access.h"

struct ap_vault;

#define AP_PROPOSAL_MS (24LL * 3600 * 1000)

/* Keeps it, about the proposer's own tenant (`_for`: about that one; 0: all); *ret_answer is
 * {"proposal","state":"proposed","expires"}. */
struct ap_result ap_proposal_make(struct ap_vault *v, const struct ap_actor *by, const char *action,
				  const char *body_json, JsonNode **ret_answer);
struct ap_result ap_proposal_make_for(struct ap_vault *v, const struct ap_actor *by, const char *action,
				      const char *body_json, int64_t tenant, JsonNode **ret_answer);
/* An open one of this action, for another than its proposer: *ret_body (g_free) and *ret_proposer (g_free). "not-found" when
 * there is none or it lapsed; "role" when it is the proposer's own. Whether it is this admin's to confirm is for the caller
 * to see, before it is used up. */
struct ap_result ap_proposal_load(struct ap_vault *v, const struct ap_actor *by, const char *action,
				  const struct ap_uuid *id, char **ret_body, char **ret_proposer);
/* Confirmed, and used up by that: in the transaction of what it was for. "not-found" when it was used up meanwhile. */
struct ap_result ap_proposal_use(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id);
/* The open proposal of this action and body, if there is one: "not-found". */
struct ap_result ap_proposal_find(struct ap_vault *v, const char *action, const char *body_json,
				  struct ap_uuid *ret_id);
