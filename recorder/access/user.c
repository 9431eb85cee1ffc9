#include "recorder/access/user.h"

#include "recorder/api/answer.h"
#include "recorder/access/auth.h"
#include "recorder/db/db_staff_access.h"
#include "recorder/db/db_staff_user.h"
#include "recorder/access/password_rule.h"
#include "recorder/consent/session.h"
#include "recorder/keys/lockdown.h"
#include "recorder/vault.h"

#include <aparte/log.h>
#include <string.h>

/* What is told once. */
struct credentials {
	char *password, *totp, *uri; /* owned, wiped when freed */
	char hash[AP_PASSWORD_HASH];
	struct ap_secret *secret;
};

static void wipe_text(char *text)
{
	if (text)
		ap_wipe(text, strlen(text));
	g_free(text);
}

static void credentials_clear(struct credentials *c)
{
	wipe_text(c->password);
	wipe_text(c->totp);
	wipe_text(c->uri);
	ap_secret_free(c->secret);
}

static struct ap_result make_credentials(const char *user, const char *password, struct credentials *ret_c)
{
	struct credentials c = {.secret = ap_secret_random(AP_TOTP_SECRET)};
	struct ap_secret *random = ap_secret_random(18);
	c.password = password ? g_strdup(password) : ap_base64url(ap_secret_bytes(random), 18);
	ap_secret_free(random);
	c.totp = ap_auth_totp_text(c.secret);
	c.uri = ap_auth_totp_uri(c.secret, user);
	struct ap_secret *copy = ap_secret_from(c.password, strlen(c.password));
	struct ap_result r = ap_auth_hash(copy, c.hash);
	ap_secret_free(copy);
	if (ap_ok(r))
		*ret_c = c;
	else
		credentials_clear(&c);
	return r;
}

static JsonNode *tell(const char *user, const char *role, const struct credentials *c)
{
	JsonObject *o = json_object_new();
	ap_answer_text(o, "user", user);
	ap_answer_text(o, "role", role);
	ap_answer_text(o, "password", c->password);
	ap_answer_text(o, "totp_secret", c->totp);
	ap_answer_text(o, "otpauth", c->uri);
	return ap_answer_object(o);
}

static JsonObject *change_body(const char *event, const struct ap_actor *by, const char *user)
{
	g_autofree char *who = ap_actor_text(by);
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", event);
	ap_answer_text(body, "user", user);
	ap_answer_text(body, "by", who);
	return body;
}

static struct ap_result log_change(struct ap_vault *v, const char *event, const struct ap_actor *by, const char *user)
{
	uint64_t leaf;
	return ap_ledger_append(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_OTHER, change_body(event, by, user), &leaf);
}

/* Of what shuts somebody out: that is done whatever becomes of the log. */
static struct ap_result log_shut_out(struct ap_vault *v, const char *event, const struct ap_actor *by, const char *user)
{
	uint64_t leaf;
	return ap_ledger_append_or_owe(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_OTHER, change_body(event, by, user), &leaf);
}

static struct ap_result keep_secret(struct ap_vault *v, const char *user, const struct ap_secret *secret)
{
	g_autofree char *name = g_strconcat("totp:", user, NULL);
	return ap_db_keys_server_set(ap_vault_keys(v), name, secret);
}

static bool name_fits(const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < len; i++)
		if (!g_ascii_isalnum(name[i]) && !strchr("._@-", name[i]))
			return false;
	return len > 0 && len <= 64;
}

static struct ap_result check_wish(struct ap_vault *v, const struct ap_actor *by, const struct ap_user_wish *wish,
				   struct ap_user_new *ret_user)
{
	struct ap_user_new user = {.name = wish->name, .party_id = wish->party_id};
	if (!name_fits(wish->name) || strcmp(wish->name, "operator") == 0)
		return ap_fail(AP_ERR_PROTOCOL, "invalid",
			       "a user name has 1 to 64 letters, digits, dots, dashes or @");
	if (!ap_staff_role_parse(wish->role, &user.role))
		return ap_fail(AP_ERR_PROTOCOL, "invalid",
			       "the roles are platform, coach, supervisor, admin, auditor, sponsor");
	if (wish->password)
		AP_TRY(ap_password_check(wish->password, wish->name));
	if (wish->party_id && strlen(wish->party_id) > 128)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "a party id has at most 128 bytes");
	if (wish->tenant)
		AP_TRY(ap_tenant_find(ap_vault_db(v), wish->tenant, &user.tenant));
	if (by->tenant && by->tenant != user.tenant)
		return ap_fail(AP_ERR_DENIED, "role", "an admin of one tenant makes users of that tenant only");
	if (user.role == AP_STAFF_COACH && (!user.tenant || !wish->party_id))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "a coach needs a tenant and their id with that platform");
	if (user.role == AP_STAFF_SPONSOR && !user.tenant)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "a sponsor needs a tenant, and may be bound to one coachee's id");
	*ret_user = user;
	return AP_SUCCESS;
}

static struct ap_result write_user(struct ap_vault *v, const struct ap_actor *by, const struct ap_user_new *user,
				   const struct ap_secret *secret)
{
	AP_TRY(ap_db_user_insert(ap_vault_db(v), user, ap_wall_ms(ap_vault_clock(v))));
	AP_TRY(keep_secret(v, user->name, secret)); /* left behind by a crash here, it is replaced at the next try */
	return log_change(v, "user_added", by, user->name);
}

struct ap_result ap_user_add(struct ap_vault *v, const struct ap_actor *by, const struct ap_user_wish *wish,
			     JsonNode **ret_answer)
{
	struct ap_user_new user;
	struct ap_user_row taken;
	struct credentials c;
	AP_TRY(check_wish(v, by, wish, &user));
	/* Before anything is stored: the TOTP secret of a user there is must not be touched. */
	if (ap_ok(ap_db_user_load(ap_vault_db(v), wish->name, true, &taken)))
		return ap_fail(AP_ERR_DENIED, "conflict", "there is a user of that name");
	AP_TRY(make_credentials(wish->name, wish->password, &c));
	user.password_hash = c.hash;
	struct ap_result r = ap_db_begin(ap_vault_db(v));
	if (ap_ok(r))
		r = ap_db_finish(ap_vault_db(v), write_user(v, by, &user, c.secret));
	if (ap_ok(r))
		*ret_answer = tell(wish->name, wish->role, &c);
	credentials_clear(&c);
	return r;
}

static struct ap_result load_mine(struct ap_vault *v, const struct ap_actor *by, const char *name,
				  struct ap_user_row *ret_row)
{
	AP_TRY(ap_db_user_load(ap_vault_db(v), name, true, ret_row));
	if (by->tenant && by->tenant != ret_row->actor.tenant)
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such user");
	return AP_SUCCESS;
}

static struct ap_result write_reset(struct ap_vault *v, const struct ap_actor *by, const struct ap_user_row *row,
				    const struct credentials *c)
{
	AP_TRY(ap_db_user_password(ap_vault_db(v), row->actor.user, c->hash));
	AP_TRY(ap_db_login_delete_user(ap_vault_db(v), row->actor.user));
	AP_TRY(log_shut_out(v, "user_reset", by, row->actor.name));
	return keep_secret(v, row->actor.name, c->secret);
}

struct ap_result ap_user_reset(struct ap_vault *v, const struct ap_actor *by, const char *name, JsonNode **ret_answer)
{
	struct ap_user_row row;
	struct credentials c;
	AP_TRY(load_mine(v, by, name, &row));
	AP_TRY(make_credentials(name, NULL, &c));
	struct ap_result r = ap_db_begin(ap_vault_db(v));
	if (ap_ok(r))
		r = ap_db_finish(ap_vault_db(v), write_reset(v, by, &row, &c));
	if (ap_ok(r))
		*ret_answer = tell(name, ap_staff_role_text(row.actor.staff), &c);
	credentials_clear(&c);
	return r;
}

static struct ap_result write_chosen(struct ap_vault *v, const struct ap_actor *user, const char *token, const char *hash)
{
	struct ap_hash login = ap_sha256(token, strlen(token));
	AP_TRY(ap_db_user_chosen(ap_vault_db(v), user->user, hash));
	AP_TRY(ap_db_login_delete_others(ap_vault_db(v), user->user, &login));
	return log_change(v, "user_password", user, user->name);
}

struct ap_result ap_user_choose(struct ap_vault *v, const struct ap_actor *user, const char *token, const char *password)
{
	char hash[AP_PASSWORD_HASH];
	AP_TRY(ap_password_check(password, user->name));
	struct ap_secret *secret = ap_secret_from(password, strlen(password));
	struct ap_result r = ap_auth_hash(secret, hash);
	ap_secret_free(secret);
	AP_TRY(r);
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	return ap_db_finish(ap_vault_db(v), write_chosen(v, user, token, hash));
}

static struct ap_result write_disabled(struct ap_vault *v, const struct ap_actor *by, const struct ap_user_row *row,
				       bool disabled)
{
	AP_TRY(ap_db_user_disabled(ap_vault_db(v), row->actor.user, disabled ? ap_wall_ms(ap_vault_clock(v)) : 0));
	AP_TRY(ap_db_login_delete_user(ap_vault_db(v), row->actor.user));
	return disabled ? log_shut_out(v, "user_disabled", by, row->actor.name) : log_change(v, "user_enabled", by, row->actor.name);
}

static struct ap_result end_viewings(struct ap_vault *v, const char *name)
{
	g_autofree char *who = g_strconcat("user:", name, NULL);
	g_autoptr(GArray) open = NULL;
	AP_TRY(ap_db_access_open_of(ap_vault_db(v), who, &open));
	for (guint i = 0; i < open->len; i++)
		AP_TRY(ap_access_end(v, &g_array_index(open, struct ap_uuid, i)));
	return AP_SUCCESS;
}

/* The halves of a disabled admin are not to lie there until the next turnover. */
static void refresh_escrow(struct ap_vault *v)
{
	struct ap_result r = ap_lockdown_refresh(v);
	if (!ap_ok(r))
		ap_log(AP_LOG_WARN, "escrow_not_refreshed", "reason=%s", r.name);
}

struct ap_result ap_user_disable(struct ap_vault *v, const struct ap_actor *by, const char *name, bool disabled)
{
	struct ap_user_row row;
	AP_TRY(load_mine(v, by, name, &row));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_disabled(v, by, &row, disabled)));
	if (!disabled)
		return AP_SUCCESS;
	if (row.actor.staff == AP_STAFF_ADMIN)
		refresh_escrow(v);
	return end_viewings(v, name);
}

struct ap_result ap_user_logins(struct ap_vault *v, const struct ap_actor *by, JsonNode **ret_answer)
{
	JsonArray *list;
	AP_TRY(ap_db_login_list(ap_vault_db(v), by->tenant, ap_vault_believed_ms(v), &list));
	*ret_answer = ap_answer_list("logins", list);
	return AP_SUCCESS;
}

static struct ap_result write_logout(struct ap_vault *v, const struct ap_actor *by, const struct ap_user_row *row)
{
	AP_TRY(ap_db_login_delete_user(ap_vault_db(v), row->actor.user));
	return log_shut_out(v, "user_logged_out", by, row->actor.name);
}

struct ap_result ap_user_logout(struct ap_vault *v, const struct ap_actor *by, const char *name)
{
	struct ap_user_row row;
	AP_TRY(load_mine(v, by, name, &row));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_logout(v, by, &row)));
	return end_viewings(v, name);
}
