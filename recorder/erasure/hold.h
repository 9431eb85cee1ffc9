/*
 * Legal holds (R20): they stop the erasure of a recording, on a legal ground, until a date; two admins make one, and
 * two lift one before its end. The two persons read ground, reason and end. Leaf 0c when one is made, lifted, or ends;
 * it has the ground and the end, not the reason, which may say more than a log should.
 *
 * When a hold is over, what consents withdrawn and erasures asked for meanwhile wanted erased is erased.
 *
 * Threads: main thread.
 */
#pragma once

#include "recorder/access/access.h"

struct ap_vault;

/* `body` is POST /v1/holds: {"recording","ground","reason","ends"} proposes (*ret_status 202), {"proposal"} of another
 * admin's makes it (201). */
struct ap_result ap_hold_post(struct ap_vault *v, const struct ap_actor *by, JsonObject *body, unsigned *ret_status,
			      JsonNode **ret_answer);
/* The first admin's word proposes (202), another's lifts it (204, no answer). `reason` may be empty. */
struct ap_result ap_hold_delete(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *hold,
				const char *reason, unsigned *ret_status, JsonNode **ret_answer);
/* {"holds":[…],"proposals":[…]}. */
struct ap_result ap_hold_list(struct ap_vault *v, const struct ap_actor *by, JsonNode **ret_answer);
/* For the retention timer, while the clock is believed: says of holds past their end that they ended, and catches up. */
struct ap_result ap_hold_work(struct ap_vault *v);
