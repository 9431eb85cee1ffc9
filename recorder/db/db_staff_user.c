#include "recorder/db/db_staff_user.h"

#include "recorder/api/answer.h"

#include <glib.h>

static const char *const roles[] = {"platform", "coach", "supervisor", "admin", "auditor", "sponsor"};

const char *ap_staff_role_text(enum ap_staff_role role)
{
	return roles[role];
}

bool ap_staff_role_parse(const char *text, enum ap_staff_role *ret_role)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(roles); i++)
		if (g_strcmp0(text, roles[i]) == 0) {
			*ret_role = (enum ap_staff_role)i;
			return true;
		}
	return false;
}

/* Columns id, name, role, tenant, party_id. */
static void read_actor(struct ap_rows *rows, struct ap_actor *ret_actor)
{
	struct ap_actor actor = {.kind = AP_ACTOR_STAFF, .user = ap_row_int(rows, 0), .tenant = ap_row_int(rows, 3)};
	g_strlcpy(actor.name, ap_row_text(rows, 1), sizeof actor.name);
	if (!ap_staff_role_parse(ap_row_text(rows, 2), &actor.staff))
		actor.staff = AP_STAFF_SPONSOR; /* the least of them; the schema lets nothing else in */
	const char *party_id = ap_row_text(rows, 4);
	g_strlcpy(actor.party_id, party_id ? party_id : "", sizeof actor.party_id);
	*ret_actor = actor;
}

struct ap_result ap_db_user_load(struct ap_db *db, const char *name, bool disabled, struct ap_user_row *ret_row)
{
	struct ap_user_row row = {0};
	struct ap_rows *rows =
		ap_db_query(db,
			    "SELECT id, name, role, tenant, party_id, password, totp_step, failures, locked_until_ms"
			    " FROM user_ WHERE name = ?1 AND (?2 OR disabled_ms IS NULL)",
			    AP_VALUES(AP_V_TEXT(name), AP_V_INT(disabled)));
	bool found = ap_rows_next(rows);
	if (found) {
		read_actor(rows, &row.actor);
		g_strlcpy(row.password, ap_row_text(rows, 5), sizeof row.password);
		row.totp_step = ap_row_int(rows, 6);
		row.failures = ap_row_int(rows, 7);
		row.locked_until_ms = ap_row_int(rows, 8);
	}
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_row = row;
	return AP_SUCCESS;
}

struct ap_result ap_db_user_actor(struct ap_db *db, const char *name, struct ap_actor *ret_actor)
{
	struct ap_user_row row;
	AP_TRY(ap_db_user_load(db, name, false, &row));
	*ret_actor = row.actor;
	return AP_SUCCESS;
}

struct ap_result ap_db_user_first_admin(struct ap_db *db, struct ap_actor *ret_actor)
{
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT id, name, role, tenant, party_id FROM user_"
					   " WHERE role = 'admin' AND disabled_ms IS NULL ORDER BY id LIMIT 1",
					   AP_NO_VALUES);
	bool found = ap_rows_next(rows);
	if (found)
		read_actor(rows, ret_actor);
	return ap_rows_end_found(rows, found);
}

struct ap_result ap_db_user_insert(struct ap_db *db, const struct ap_user_new *user, int64_t now_ms)
{
	AP_TRY(ap_db_run(
		db,
		"INSERT INTO user_ (name, role, tenant, party_id, password, created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
		" ON CONFLICT (name) DO NOTHING",
		AP_VALUES(AP_V_TEXT(user->name), AP_V_TEXT(ap_staff_role_text(user->role)),
			  user->tenant ? AP_V_INT(user->tenant) : AP_V_NULL, AP_V_TEXT(user->party_id),
			  AP_V_TEXT(user->password_hash), AP_V_INT(now_ms))));
	if (ap_db_changes(db) == 0)
		return ap_fail(AP_ERR_DENIED, "conflict", "there is a user of that name");
	return AP_SUCCESS;
}

struct ap_result ap_db_user_password(struct ap_db *db, int64_t user, const char *password_hash)
{
	return ap_db_run(
		db, "UPDATE user_ SET password = ?2, totp_step = 0, failures = 0, locked_until_ms = 0 WHERE id = ?1",
		AP_VALUES(AP_V_INT(user), AP_V_TEXT(password_hash)));
}

struct ap_result ap_db_user_chosen(struct ap_db *db, int64_t user, const char *password_hash)
{
	return ap_db_run(db, "UPDATE user_ SET password = ?2 WHERE id = ?1",
			 AP_VALUES(AP_V_INT(user), AP_V_TEXT(password_hash)));
}

/* As vault.db's trigger does for a password; keys.db, where this secret lies, has no journal. */
struct ap_result ap_db_user_enrolled(struct ap_db *db, int64_t user)
{
	AP_TRY(ap_db_run(db, "UPDATE user_ SET credentials = credentials + 1 WHERE id = ?1", AP_VALUES(AP_V_INT(user))));
	return ap_db_run(db,
			 "INSERT INTO journal_due (event, number, word, at_ms)"
			 " SELECT 'user_reset', id, CAST(credentials AS TEXT), 0 FROM user_ WHERE id = ?1",
			 AP_VALUES(AP_V_INT(user)));
}

struct ap_result ap_db_user_disabled(struct ap_db *db, int64_t user, int64_t disabled_ms)
{
	return ap_db_run(db, "UPDATE user_ SET disabled_ms = ?2 WHERE id = ?1",
			 AP_VALUES(AP_V_INT(user), disabled_ms ? AP_V_INT(disabled_ms) : AP_V_NULL));
}

struct ap_result ap_db_user_accepted(struct ap_db *db, int64_t user, int64_t totp_step)
{
	return ap_db_run(db, "UPDATE user_ SET totp_step = ?2, failures = 0, locked_until_ms = 0 WHERE id = ?1",
			 AP_VALUES(AP_V_INT(user), AP_V_INT(totp_step)));
}

struct ap_result ap_db_user_failed(struct ap_db *db, int64_t user, int64_t failures, int64_t locked_until_ms)
{
	return ap_db_run(db, "UPDATE user_ SET failures = ?2, locked_until_ms = ?3 WHERE id = ?1",
			 AP_VALUES(AP_V_INT(user), AP_V_INT(failures), AP_V_INT(locked_until_ms)));
}

struct ap_result ap_db_user_list(struct ap_db *db, int64_t tenant, JsonArray **ret_list)
{
	static const struct ap_answer_column columns[] = {
		{"user", ap_answer_row_text},
		{"role", ap_answer_row_text},
		{"tenant", ap_answer_row_text},
		{"party_id", ap_answer_row_text},
		{"created", ap_answer_row_time},
		{"disabled", ap_answer_row_time},
	};
	struct ap_rows *rows =
		ap_db_query(db,
			    "SELECT u.name, u.role, t.name, u.party_id, u.created_ms, u.disabled_ms FROM user_ u"
			    " LEFT JOIN tenant t ON t.id = u.tenant WHERE ?1 = 0 OR u.tenant = ?1 ORDER BY u.name",
			    AP_VALUES(AP_V_INT(tenant)));
	return ap_answer_rows(rows, columns, G_N_ELEMENTS(columns), ret_list);
}

struct ap_result ap_db_user_admins(struct ap_db *db, int64_t *ret_count)
{
	return ap_db_count(db, "SELECT count(*) FROM user_ WHERE role = 'admin'", AP_NO_VALUES, ret_count);
}

struct ap_result ap_db_login_insert(struct ap_db *db, const struct ap_hash *token, int64_t user, int64_t now_ms,
				    int64_t expires_ms)
{
	return ap_db_run(db, "INSERT INTO login (token_hash, user, created_ms, expires_ms) VALUES (?1, ?2, ?3, ?4)",
			 AP_VALUES(AP_V_HASH(token->b), AP_V_INT(user), AP_V_INT(now_ms), AP_V_INT(expires_ms)));
}

struct ap_result ap_db_login_actor(struct ap_db *db, const struct ap_hash *token, int64_t now_ms,
				   struct ap_actor *ret_actor, int64_t *ret_expires_ms)
{
	struct ap_actor actor = {0};
	int64_t expires_ms = 0;
	struct ap_rows *rows =
		ap_db_query(db,
			    "SELECT u.id, u.name, u.role, u.tenant, u.party_id, l.expires_ms FROM login l"
			    " JOIN user_ u ON u.id = l.user WHERE l.token_hash = ?1 AND u.disabled_ms IS NULL",
			    AP_VALUES(AP_V_HASH(token->b)));
	bool found = ap_rows_next(rows);
	if (found) {
		read_actor(rows, &actor);
		expires_ms = ap_row_int(rows, 5);
	}
	AP_TRY(ap_rows_end(rows));
	if (!found)
		return ap_fail(AP_ERR_DENIED, "token-invalid", "log in first");
	if (expires_ms <= now_ms)
		return ap_fail(AP_ERR_DENIED, "token-expired", "this login has ended; log in again");
	*ret_actor = actor;
	*ret_expires_ms = expires_ms;
	return AP_SUCCESS;
}

struct ap_result ap_db_login_delete(struct ap_db *db, const struct ap_hash *token)
{
	return ap_db_run(db, "DELETE FROM login WHERE token_hash = ?1", AP_VALUES(AP_V_HASH(token->b)));
}

struct ap_result ap_db_login_delete_others(struct ap_db *db, int64_t user, const struct ap_hash *token)
{
	return ap_db_run(db, "DELETE FROM login WHERE user = ?1 AND token_hash <> ?2",
			 AP_VALUES(AP_V_INT(user), AP_V_HASH(token->b)));
}

struct ap_result ap_db_login_delete_user(struct ap_db *db, int64_t user)
{
	return ap_db_run(db, "DELETE FROM login WHERE user = ?1", AP_VALUES(AP_V_INT(user)));
}

struct ap_result ap_db_login_list(struct ap_db *db, int64_t tenant, int64_t now_ms, JsonArray **ret_list)
{
	g_autoptr(JsonArray) list = json_array_new();
	struct ap_rows *rows =
		ap_db_query(db,
			    "SELECT u.name, u.role, l.created_ms, l.expires_ms FROM login l JOIN user_ u ON u.id = l.user"
			    " WHERE l.expires_ms > ?2 AND (?1 = 0 OR u.tenant = ?1) ORDER BY l.created_ms DESC LIMIT 1000",
			    AP_VALUES(AP_V_INT(tenant), AP_V_INT(now_ms)));
	while (ap_rows_next(rows)) {
		JsonObject *o = json_object_new();
		ap_answer_row_text(o, "user", rows, 0);
		ap_answer_row_text(o, "role", rows, 1);
		ap_answer_row_time(o, "created", rows, 2);
		ap_answer_row_time(o, "expires", rows, 3);
		json_array_add_object_element(list, o);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_list = g_steal_pointer(&list);
	return AP_SUCCESS;
}

struct ap_result ap_db_login_delete_expired(struct ap_db *db, int64_t now_ms)
{
	return ap_db_run(db, "DELETE FROM login WHERE expires_ms <= ?1", AP_VALUES(AP_V_INT(now_ms)));
}

struct ap_result ap_db_staff_tenants(struct ap_db *db, JsonArray **ret_list)
{
	static const struct ap_answer_column columns[] = {
		{"name", ap_answer_row_text},
		{"policy", ap_answer_row_text},
		{"region", ap_answer_row_text},
		{"created", ap_answer_row_time},
	};
	struct ap_rows *rows =
		ap_db_query(db, "SELECT name, policy, region, created_ms FROM tenant ORDER BY name", AP_NO_VALUES);
	return ap_answer_rows(rows, columns, G_N_ELEMENTS(columns), ret_list);
}

struct ap_result ap_db_staff_api_keys(struct ap_db *db, int64_t tenant, JsonArray **ret_list)
{
	static const struct ap_answer_column columns[] = {
		{"id", ap_answer_row_text},
		{"label", ap_answer_row_text},
		{"created", ap_answer_row_time},
		{"revoked", ap_answer_row_time},
	};
	struct ap_rows *rows = ap_db_query(
		db,
		"SELECT lower(substr(hex(hash), 1, 16)), label, created_ms, revoked_ms FROM api_key WHERE tenant = ?1"
		" ORDER BY created_ms, hash",
		AP_VALUES(AP_V_INT(tenant)));
	return ap_answer_rows(rows, columns, G_N_ELEMENTS(columns), ret_list);
}
