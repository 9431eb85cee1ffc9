/*
 * Grants: a coach (of the recording) or an admin lets one supervisor see one recording for one purpose that both
 * persons consent to, until a date; or, for `disclosure` alone, a sponsor of that recording (R8). Each grant and each
 * revocation is a leaf (07).
 *
 * Threads: main thread.
 */
#pragma once

#include "recorder/access/access.h"

struct ap_grant_wish {
	struct ap_uuid recording;
	const char *supervisor; /* user name; a sponsor's for `disclosure` */
	const char *purpose;
	int64_t expires_ms;
};

/* "role", "not-found" (recording or supervisor), "erased", "invalid" (purpose, end in the past), "role" when not both
 * persons consent to the purpose. *ret_answer is the grant as JSON. */
/* Ends at the purpose's own term when that is sooner than was asked; the answer says when. */
struct ap_result ap_grant_add(struct ap_vault *v, const struct ap_actor *actor, const struct ap_grant_wish *wish,
			      JsonNode **ret_answer);
/* Ends it and every viewing under it, at once. Revoked before is success. */
struct ap_result ap_grant_revoke(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *grant);
/* The same without asking who may: for what the vault does by itself. `by` stands in the leaf. */
struct ap_result ap_grant_end(struct ap_vault *v, const struct ap_uuid *grant, const char *by);
/* Those of a recording that the actor may know of, the thousand newest. The array is the caller's. */
struct ap_result ap_grant_list(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *recording,
			       JsonArray **ret_list);
/* Those of all recordings, newest first, `limit` of them behind `after` (NULL: from the newest). */
struct ap_result ap_grant_page(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *after, int64_t limit,
			       JsonArray **ret_list);
/* Revokes every grant of a session whose purpose not both persons give any more, and ends what is viewed under it. */
struct ap_result ap_grant_sweep(struct ap_vault *v, const struct ap_uuid *session);
