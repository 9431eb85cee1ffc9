/*
 * A second person's word before an access (R14, R17): a recording of a protected session needs that of the coach or of
 * another admin, an archived one that of an admin. Whoever asks is never the one who approves.
 *
 * Asking, approving and denying are leaves (07). What was asked lapses unanswered after a week; an approval lasts until
 * the end that was given with it, and a viewing under it no longer than that. It serves the reason it was asked with and
 * no other, and ends with its approver: once they are disabled it is none.
 *
 * Threads: main thread.
 */
#pragma once

#include "recorder/access/access.h"
#include "recorder/policy/policy.h"

#define AP_APPROVAL_LAPSES_MS (7LL * 86400 * 1000)
#define AP_APPROVAL_DEFAULT_MS (86400LL * 1000)
#define AP_APPROVAL_LONGEST_MS (7LL * 86400 * 1000)

struct ap_approval_wish {
	struct ap_uuid recording;
	const char *purpose; /* of the access, or "export" */
	const char *reason;
	struct ap_access_needs needs;
};

/* The approval in force for this actor, recording, purpose and reason: "not-found" when there is none. One that was given for
 * less than what is needed now (the recording was archived meanwhile) is none. */
struct ap_result ap_approval_find(struct ap_vault *v, const struct ap_actor *actor, const struct ap_approval_wish *wish,
				  struct ap_uuid *ret_id, int64_t *ret_until_ms);
/* Is this one in force, and enough for `needs`? */
struct ap_result ap_approval_holds(struct ap_vault *v, const struct ap_uuid *id, const struct ap_access_needs *needs,
				   bool *ret_holds);
/* Asks; what is pending already is not asked twice. */
struct ap_result ap_approval_ask(struct ap_vault *v, const struct ap_actor *actor, const struct ap_approval_wish *wish,
				 struct ap_uuid *ret_id, int64_t *ret_lapses_ms);

struct ap_approval_answer {
	bool approve;
	int64_t until_ms; /* 0: a day from now; at most a week */
};
/* "not-found" (unknown, lapsed, or not for this actor's eyes), "role" (their own, or not theirs to give), "conflict"
 * (decided before), "invalid" (until). A denial of one already approved takes it back, and ends what is viewed under
 * it. */
struct ap_result ap_approval_decide(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id,
				    const struct ap_approval_answer *answer, JsonNode **ret_answer);
/* Newest first, `limit` of them behind `after` (NULL: from the newest): an admin's tenant, a coach's own recordings, and what
 * one asked oneself. The array is the caller's. */
struct ap_result ap_approval_list(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *after, int64_t limit,
				  JsonArray **ret_list);
