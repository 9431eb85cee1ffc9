/*
 * What needs two admins: one proposes, another confirms within a day; the same person's second word does not count.
 *
 * Threads: main thread.
 */
#pragma once

#include "recorder/access/access.h"

struct ap_vault;

#define AP_PROPOSAL_MS (24LL * 3600 * 1000)

/* Keeps it; *ret_answer is {"proposal","state":"proposed","expires"}. */
struct ap_result ap_proposal_make(struct ap_vault *v, const struct ap_actor *by, const char *action,
				  const char *body_json, JsonNode **ret_answer);
/* Confirms an open one of this action: *ret_body (g_free) and *ret_proposer (g_free). "not-found" when there is none or
 * it lapsed; "role" when it is the proposer's own. Used up by this. */
struct ap_result ap_proposal_confirm(struct ap_vault *v, const struct ap_actor *by, const char *action,
				     const struct ap_uuid *id, char **ret_body, char **ret_proposer);
/* The open proposal of this action and body, if there is one: "not-found". */
struct ap_result ap_proposal_find(struct ap_vault *v, const char *action, const char *body_json,
				  struct ap_uuid *ret_id);
