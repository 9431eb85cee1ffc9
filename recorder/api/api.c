#include "recorder/api/api.h"

#include "recorder/api/admin.h"
#include "recorder/api/answer.h"

#include <aparte/limits.h>
#include <aparte/problem.h>
#include <string.h>

#define BODY_MAX 65536 /* a policy is the largest */

/* A row as it hangs on its listener. */
struct bound {
	struct ap_api *api;
	const struct ap_api_route *route;
	struct ap_http_route http;
};

struct ap_result ap_api_all_tenants(const struct ap_api_call *c, const char *why)
{
	return c->actor.tenant && !c->api->socket ? ap_fail(AP_ERR_DENIED, "role", why) : AP_SUCCESS;
}

struct ap_result ap_api_id(const struct ap_api_call *c, size_t n, struct ap_uuid *ret_id)
{
	if (!ap_uuid_parse(ap_http_param(c->http, n), ret_id))
		return ap_fail(AP_ERR_PROTOCOL, "not-found", "there is nothing under this id");
	return AP_SUCCESS;
}

char *ap_api_cookie_name(const struct ap_api *api)
{
	return g_strdup_printf("aparte_vault_%u", ap_http_port(api->http));
}

char *ap_api_token(const struct ap_api_call *c)
{
	g_autofree char *name = ap_api_cookie_name(c->api);
	const char *bearer = ap_http_bearer(c->http);
	const char *cookie = ap_http_cookie(c->http, name);
	if (!bearer && cookie && strlen(cookie) > AP_MAX_TOKEN)
		return NULL;
	return g_strdup(bearer ? bearer : cookie);
}

/* The cookie belongs to the host the browser knows us by, so that host's origin is ours. */
bool ap_api_own_origin(const struct ap_api_call *c)
{
	const char *origin = ap_http_header(c->http, "Origin"), *host = ap_http_header(c->http, "Host");
	if (!origin || !host)
		return false;
	g_autofree char *own = g_strconcat(c->api->tls ? "https://" : "http://", host, NULL);
	return strcmp(origin, own) == 0;
}

static bool is_change(const struct ap_api_call *c)
{
	return strcmp(ap_http_method(c->http), "GET") != 0 && strcmp(ap_http_method(c->http), "HEAD") != 0;
}

static struct ap_result check_csrf(const struct ap_api_call *c)
{
	const char *type = ap_http_header(c->http, "Content-Type");
	bool json =
		type && g_ascii_strncasecmp(type, "application/json", 16) == 0 && (!type[16] || strchr("; ", type[16]));
	if (is_change(c) && !ap_http_bearer(c->http) && (!json || !ap_api_own_origin(c)))
		return ap_fail(AP_ERR_DENIED, "csrf", "changes by cookie come as application/json from our own pages");
	return AP_SUCCESS;
}

static struct ap_result authenticate_login(struct ap_api_call *c)
{
	g_autofree char *token = ap_api_token(c);
	if (!token)
		return ap_fail(AP_ERR_DENIED, "token-invalid", "log in first");
	AP_TRY(ap_login_actor(c->v, token, &c->actor, NULL));
	return check_csrf(c);
}

static struct ap_result permit(struct ap_api_call *c, unsigned may)
{
	if ((may & AP_ONLY_SOCKET) && !c->api->socket)
		return ap_fail(AP_ERR_DENIED, "role", "this is done on the vault's own machine, by the aparte command");
	if (may & AP_MAY_ANYONE)
		return c->api->socket ? ap_admin_check_peer(c->api, c->http) : AP_SUCCESS;
	if (!c->api->socket && ap_vault_locked_down(c->v))
		return ap_fail(AP_ERR_DENIED, "lockdown", "the vault is locked down: only the machine's own command line answers");
	if (c->api->socket)
		AP_TRY(ap_admin_actor(c->api, c->http, &c->actor));
	else
		AP_TRY(authenticate_login(c));
	bool operator= c->api->socket && c->actor.user == 0;
	if (operator? !(may & AP_MAY_OPERATOR) : !(may & 1u << c->actor.staff))
		return ap_fail(AP_ERR_DENIED,
			       "role", operator? "name the admin you act as (--admin)" : "your role may not do this");
	return AP_SUCCESS;
}

static struct ap_result read_body(struct ap_api_call *c)
{
	if (!is_change(c))
		return AP_SUCCESS;
	if (g_bytes_get_size(ap_http_body(c->http)) > 0)
		return ap_http_body_json(c->http, &c->body);
	c->body = json_object_new();
	return AP_SUCCESS;
}

/* What has no name in the API is the disk's or the database's trouble, whose detail says what to do. */
static struct ap_result named(struct ap_result r)
{
	bool known = strcmp(ap_problem_by_name(r.name)->name, r.name) == 0;
	return known || r.err != AP_ERR_IO ? r : ap_fail(AP_ERR_IO, "vault-unavailable", r.detail);
}

static void answer(struct ap_api_call *c, struct ap_result r)
{
	if (!ap_ok(r))
		ap_http_answer_failure(c->http, named(r));
	else if (c->answer)
		ap_http_answer_json(c->http, c->status, g_steal_pointer(&c->answer));
	else
		ap_http_answer_empty(c->http, c->status == 200 ? 204 : c->status);
}

static void serve(struct ap_http_call *http, void *ctx)
{
	const struct bound *b = ctx;
	struct ap_api_call c = {.api = b->api, .v = b->api->v, .http = http, .status = 200};
	struct ap_result r = permit(&c, b->route->may);
	if (ap_ok(r))
		r = read_body(&c);
	if (ap_ok(r))
		r = b->route->handle(&c);
	if (!c.answered)
		answer(&c, r);
	g_clear_pointer(&c.body, json_object_unref);
	g_clear_pointer(&c.answer, json_node_unref);
}

void ap_api_add(struct ap_api *api, const struct ap_api_route *routes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct bound *b = g_new0(struct bound, 1);
		bool get = strcmp(routes[i].method, "GET") == 0;
		b->api = api;
		b->route = &routes[i];
		b->http = (struct ap_http_route){.method = routes[i].method,
						 .path = routes[i].path,
						 .handler = serve,
						 .max_body = get ? 0 : BODY_MAX};
		g_ptr_array_add(api->bound, b);
		ap_http_add_routes(api->http, &b->http, 1, b);
	}
}

void ap_api_each(const struct ap_api *api, void (*look)(void *ctx, const struct ap_api_route *row), void *ctx)
{
	for (guint i = 0; i < api->bound->len; i++)
		look(ctx, ((const struct bound *)g_ptr_array_index(api->bound, i))->route);
}

void ap_api_add_all(struct ap_api *api)
{
	ap_api_add_session(api);
	ap_api_add_recordings(api);
	ap_api_add_tracks(api);
	ap_api_add_notes(api);
	ap_api_add_governance(api);
	ap_api_add_desk(api);
	ap_api_add_requests(api);
	ap_api_add_erasures(api);
	ap_api_add_turnovers(api);
	ap_api_add_lockdown(api);
	ap_api_add_incidents(api);
	ap_api_add_backups(api);
	ap_api_add_account(api);
	ap_api_add_proofs(api);
	ap_api_add_offboard(api);
	ap_api_add_people(api);
	ap_api_add_export(api);
	ap_api_add_webhooks(api);
	ap_api_add_public(api);
	ap_api_add_overview(api);
}
