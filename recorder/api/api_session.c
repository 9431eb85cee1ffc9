/* Logging in and out, and who one is. */
#include "recorder/api/answer.h"
#include "recorder/api/api.h"
#include "recorder/access/authenticator.h"
#include "recorder/access/conduct.h"
#include "recorder/db/db_staff_user.h"
#include "recorder/access/password_rule.h"
#include "recorder/access/user.h"

#include <string.h>

struct waiting {
	struct ap_vault *v; /* borrowed */
	struct ap_http_call *http;
	char *cookie; /* name and attributes, owned */
	char *chosen; /* a new password, owned and wiped; NULL for a mere login */
	bool tls;
};

static void waiting_free(struct waiting *w)
{
	if (w->chosen)
		ap_wipe(w->chosen, strlen(w->chosen));
	g_free(w->chosen);
	g_free(w->cookie);
	g_free(w);
}

static void set_cookie(struct ap_http_call *http, const char *name, const char *value, int64_t seconds, bool tls)
{
	char *text = g_strdup_printf("%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s", name, value,
				     (long long)seconds, tls ? "; Secure" : "");
	ap_http_add_header(http, "Set-Cookie", text);
	ap_wipe(text, strlen(text));
	g_free(text);
}

static void describe_actor(JsonObject *o, const struct ap_actor *actor, int64_t expires_ms)
{
	ap_answer_time(o, "expires", expires_ms);
	ap_answer_text(o, "user", actor->name);
	ap_answer_text(o, "role", ap_staff_role_text(actor->staff));
}

static void on_login(void *ctx, struct ap_result result, const struct ap_login *login)
{
	struct waiting *w = ctx;
	if (ap_ok(result) && w->chosen)
		result = ap_user_choose(w->v, &login->actor, login->token, w->chosen);
	if (ap_ok(result)) {
		JsonObject *o = json_object_new();
		ap_answer_text(o, "token", login->token);
		describe_actor(o, &login->actor, login->expires_ms);
		/* A session cookie of the browser would outlive a restart of it; ours ends with the login. */
		set_cookie(w->http, w->cookie, login->token, 7 * 86400, w->tls);
		ap_http_answer_json(w->http, 200, ap_answer_object(o));
	} else {
		ap_http_answer_failure(w->http, result);
	}
	waiting_free(w);
}

static struct ap_result log_in(struct ap_api_call *c)
{
	const char *user, *password, *totp;
	AP_TRY(ap_http_json_text(c->body, "user", &user));
	AP_TRY(ap_http_json_text(c->body, "password", &password));
	AP_TRY(ap_http_json_text(c->body, "totp", &totp));
	if (c->api->socket)
		return ap_fail(AP_ERR_DENIED, "role", "logins are for the network listener");
	if (ap_vault_locked_down(c->v))
		return ap_fail(AP_ERR_DENIED, "lockdown", "the vault is locked down: nobody logs in until two admins lift it");
	/* A page of another origin must not log its reader in as someone. */
	if (ap_http_header(c->http, "Origin") && !ap_api_own_origin(c))
		return ap_fail(AP_ERR_DENIED, "csrf", "log in from our own pages");
	if (strlen(user) > 64)
		return ap_fail(AP_ERR_DENIED, "credentials", "user, password or code is wrong");
	struct waiting *w = g_new0(struct waiting, 1);
	*w = (struct waiting){.v = c->v, .http = c->http, .cookie = ap_api_cookie_name(c->api), .tls = c->api->tls};
	c->answered = true;
	ap_login_begin(c->api->logins, user, password, totp, on_login, w);
	return AP_SUCCESS;
}

/* Both factors are shown anew, as at a login and under the same lock-out: a page left open is not enough. */
static struct ap_result choose_password(struct ap_api_call *c)
{
	const char *password, *totp, *chosen;
	AP_TRY(ap_http_json_text(c->body, "password", &password));
	AP_TRY(ap_http_json_text(c->body, "totp", &totp));
	AP_TRY(ap_http_json_text(c->body, "new", &chosen));
	if (c->api->socket)
		return ap_fail(AP_ERR_DENIED, "role", "a password is chosen by its user, on the network listener");
	AP_TRY(ap_password_check(chosen, c->actor.name));
	struct waiting *w = g_new0(struct waiting, 1);
	*w = (struct waiting){.v = c->v,
			      .http = c->http,
			      .cookie = ap_api_cookie_name(c->api),
			      .chosen = g_strdup(chosen),
			      .tls = c->api->tls};
	c->answered = true;
	ap_login_begin(c->api->logins, c->actor.name, password, totp, on_login, w);
	return AP_SUCCESS;
}

struct enrolling {
	struct ap_api *api; /* borrowed, as all here */
	struct ap_vault *v;
	struct ap_http_call *http;
};

/* Only to see that both factors are right: the login that this made ends at once. */
static void on_shown(void *ctx, struct ap_result result, const struct ap_login *login)
{
	struct enrolling *e = ctx;
	JsonNode *answer = NULL;
	if (ap_ok(result))
		result = ap_login_end(e->v, login->token);
	if (ap_ok(result))
		result = ap_authenticator_offer(ap_logins_offers(e->api->logins), &login->actor, &answer);
	if (ap_ok(result))
		ap_http_answer_json(e->http, 200, answer);
	else
		ap_http_answer_failure(e->http, result);
	g_free(e);
}

static struct ap_result enrol(struct ap_api_call *c)
{
	const char *password, *totp;
	AP_TRY(ap_http_json_text(c->body, "password", &password));
	AP_TRY(ap_http_json_text(c->body, "totp", &totp));
	if (c->api->socket)
		return ap_fail(AP_ERR_DENIED, "role", "an authenticator is enrolled by its user, on the network listener");
	struct enrolling *e = g_new(struct enrolling, 1);
	*e = (struct enrolling){.api = c->api, .v = c->v, .http = c->http};
	c->answered = true;
	ap_login_begin(c->api->logins, c->actor.name, password, totp, on_shown, e);
	return AP_SUCCESS;
}

static struct ap_result confirm_enrolled(struct ap_api_call *c)
{
	const char *code;
	AP_TRY(ap_http_json_text(c->body, "code", &code));
	if (c->api->socket)
		return ap_fail(AP_ERR_DENIED, "role", "an authenticator is enrolled by its user, on the network listener");
	g_autofree char *token = ap_api_token(c);
	return ap_authenticator_take(ap_logins_offers(c->api->logins), &c->actor, token, code);
}

static struct ap_result log_out(struct ap_api_call *c)
{
	g_autofree char *token = ap_api_token(c), *cookie = ap_api_cookie_name(c->api);
	if (token)
		AP_TRY(ap_login_end(c->v, token));
	set_cookie(c->http, cookie, "", 0, c->api->tls);
	return AP_SUCCESS;
}

static struct ap_result who_am_i(struct ap_api_call *c)
{
	g_autofree char *token = ap_api_token(c);
	struct ap_actor actor;
	int64_t expires_ms = 0;
	if (token)
		AP_TRY(ap_login_actor(c->v, token, &actor, &expires_ms));
	int64_t current, acknowledged;
	AP_TRY(ap_conduct_versions(c->v, &c->actor, &current, &acknowledged));
	JsonObject *o = json_object_new();
	describe_actor(o, &c->actor, expires_ms);
	json_object_set_boolean_member(o, "conduct_due", acknowledged < current);
	c->answer = ap_answer_object(o);
	return AP_SUCCESS;
}

static const struct ap_api_route routes[] = {
	{"POST", "/v1/login", AP_MAY_ANYONE, log_in},       {"GET", "/v1/login", AP_MAY_ALL_STAFF, who_am_i},
	{"DELETE", "/v1/login", AP_MAY_ALL_STAFF, log_out}, {"POST", "/v1/logout", AP_MAY_ALL_STAFF, log_out},
	{"GET", "/v1/me", AP_MAY_ALL_STAFF, who_am_i},
	{"POST", "/v1/me/password", AP_MAY_ALL_STAFF, choose_password},
	{"POST", "/v1/me/authenticator", AP_MAY_ALL_STAFF, enrol},
	{"POST", "/v1/me/authenticator/confirm", AP_MAY_ALL_STAFF, confirm_enrolled},
};

void ap_api_add_session(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
