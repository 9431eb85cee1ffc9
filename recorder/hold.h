/*
 * Legal holds (R20): they stop the erasure of a recording, on a legal ground, until a date; two admins make one, and
 * two lift one before its end. Leaf 0c each time. When a hold ends, what consents withdrawn meanwhile wanted erased
 * is erased.
 *
 * Threads: main thread.
 */
#pragma once

#include "recorder/access.h"

struct ap_vault;

/* `body` is POST /v1/holds: {"recording","ground","reason","ends"} proposes (*ret_status 202), {"proposal"} of another
 * admin's makes it (201). */
struct ap_result ap_hold_post(struct ap_vault *v, const struct ap_actor *by, JsonObject *body, unsigned *ret_status,
			      JsonNode **ret_answer);
/* The first admin's word proposes (202), another's lifts it (204, no answer). */
struct ap_result ap_hold_delete(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *hold,
				unsigned *ret_status, JsonNode **ret_answer);
struct ap_result ap_hold_list(struct ap_vault *v, const struct ap_actor *by, JsonNode **ret_answer);
