/*
 * Staff users and their logins in vault.db. Passwords and tokens are there as hashes only.
 */
#pragma once

#include "recorder/access/access.h"
#include "recorder/db/db.h"

#include <aparte/encode.h>

const char *ap_staff_role_text(enum ap_staff_role role);
bool ap_staff_role_parse(const char *text, enum ap_staff_role *ret_role);

struct ap_user_row {
	struct ap_actor actor;
	char password[128]; /* Argon2id, libsodium's string form */
	int64_t totp_step, failures, locked_until_ms;
};

/* By name, also disabled ones with `disabled`: "not-found". */
struct ap_result ap_db_user_load(struct ap_db *db, const char *name, bool disabled, struct ap_user_row *ret_row);
/* The same as an actor, of one who is not disabled. */
struct ap_result ap_db_user_actor(struct ap_db *db, const char *name, struct ap_actor *ret_actor);

struct ap_user_new {
	const char *name, *password_hash;
	enum ap_staff_role role;
	int64_t tenant;       /* 0: all */
	const char *party_id; /* NULL: none */
};
/* Inside the caller's transaction, all that follow. "conflict" when the name is taken. */
struct ap_result ap_db_user_insert(struct ap_db *db, const struct ap_user_new *user, int64_t now_ms);
struct ap_result ap_db_user_password(struct ap_db *db, int64_t user, const char *password_hash);
/* One chosen by the user: the step of their last code stays. */
struct ap_result ap_db_user_chosen(struct ap_db *db, int64_t user, const char *password_hash);
/* Their secret of codes (in keys.db) was replaced: counted as a replaced password is, with its line of the journal. */
struct ap_result ap_db_user_enrolled(struct ap_db *db, int64_t user);
struct ap_result ap_db_user_disabled(struct ap_db *db, int64_t user, int64_t disabled_ms); /* 0: enabled */
/* After a login: the step used, or one failure more and how long it locks. */
struct ap_result ap_db_user_accepted(struct ap_db *db, int64_t user, int64_t totp_step);
struct ap_result ap_db_user_failed(struct ap_db *db, int64_t user, int64_t failures, int64_t locked_until_ms);
/* {"user","role","tenant","party_id","created","disabled"} each. */
struct ap_result ap_db_user_list(struct ap_db *db, int64_t tenant, JsonArray **ret_list);
/* The admin who has been here longest, as whom an unnamed caller of admin.sock acts. "not-found". */
struct ap_result ap_db_user_first_admin(struct ap_db *db, struct ap_actor *ret_actor);
struct ap_result ap_db_user_admins(struct ap_db *db, int64_t *ret_count);

struct ap_result ap_db_login_insert(struct ap_db *db, const struct ap_hash *token, int64_t user, int64_t now_ms,
				    int64_t expires_ms);
/* Who this login is, now: "token-invalid" (unknown, disabled), "token-expired". */
struct ap_result ap_db_login_actor(struct ap_db *db, const struct ap_hash *token, int64_t now_ms,
				   struct ap_actor *ret_actor, int64_t *ret_expires_ms);
struct ap_result ap_db_login_delete(struct ap_db *db, const struct ap_hash *token);
/* All of a user but this one. */
struct ap_result ap_db_login_delete_others(struct ap_db *db, int64_t user, const struct ap_hash *token);
struct ap_result ap_db_login_delete_user(struct ap_db *db, int64_t user);
/* {"user","role","created","expires"} each of those that have not ended, newest first. */
struct ap_result ap_db_login_list(struct ap_db *db, int64_t tenant, int64_t now_ms, JsonArray **ret_list);
struct ap_result ap_db_login_delete_expired(struct ap_db *db, int64_t now_ms);

/* {"name","policy","created"} and {"id","label","created","revoked"}; id: the first 8 bytes of
 * the key's hash, in hex, for labels are given again. */
struct ap_result ap_db_staff_tenants(struct ap_db *db, JsonArray **ret_list);
struct ap_result ap_db_staff_api_keys(struct ap_db *db, int64_t tenant, JsonArray **ret_list);
