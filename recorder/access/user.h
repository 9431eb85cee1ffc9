/*
 * Staff users: made, disabled, given new credentials by an admin. Each change is a leaf (10); a new password and TOTP
 * secret are told once, in the answer.
 *
 * Threads: main thread (hashing one password blocks it for a fifth of a second).
 */
#pragma once

#include "recorder/access/access.h"

struct ap_user_wish {
	const char *name; /* letters, digits, . _ @ -; at most 64 */
	const char *role;
	const char *tenant;   /* NULL: all (only platform-wide admins and auditors); a coach and a sponsor need one */
	const char *party_id; /* a coach's own id with the platform; for a sponsor that of the coachee; NULL otherwise */
	const char *password; /* NULL: one is made; else as password_rule.h wants it */
};

/* {"user","role","password","totp_secret","otpauth"}. "invalid", "conflict", "not-found" (tenant). */
struct ap_result ap_user_add(struct ap_vault *v, const struct ap_actor *by, const struct ap_user_wish *wish,
			     JsonNode **ret_answer);
/* New password and TOTP secret, all logins ended: the same answer. */
struct ap_result ap_user_reset(struct ap_vault *v, const struct ap_actor *by, const char *name, JsonNode **ret_answer);
/* A password of one's own choosing (password_rule.h), for who has just shown both factors; of their logins only the one
 * of `token` stays. "invalid". */
struct ap_result ap_user_choose(struct ap_vault *v, const struct ap_actor *user, const char *token,
				const char *password);
/* {"logins":[{"user","role","created","expires"}]} that have not ended, of the actor's tenant. */
struct ap_result ap_user_logins(struct ap_vault *v, const struct ap_actor *by, JsonNode **ret_answer);
/* Out everywhere: all logins and viewings of this user end. */
struct ap_result ap_user_logout(struct ap_vault *v, const struct ap_actor *by, const char *name);
/* A disabled user is out at once: logins and viewings end. */
struct ap_result ap_user_disable(struct ap_vault *v, const struct ap_actor *by, const char *name, bool disabled);
