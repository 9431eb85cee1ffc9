/* The platform's calls (API key): all decided by the vault. */
#include "authenticate.h"

#include <aparte/limits.h>
#include <string.h>

#define END_TIMEOUT_MS 30000 /* both hung up, recordings sealed */
#define MAX_KEY 255

static void create_session(struct ap_http_call *call, void *ctx)
{
	g_autoptr(JsonObject) object = NULL;
	const char *key = ap_require_bearer(call);
	if (!key)
		return;
	const char *idempotency = ap_http_header(call, "Idempotency-Key");
	struct ap_result r = ap_http_body_json(call, &object);
	if (!ap_ok(r))
		ap_http_answer_failure(call, r);
	else if (idempotency && strlen(idempotency) > MAX_KEY)
		ap_http_answer_problem(call, "invalid", "An Idempotency-Key has at most 255 characters.");
	else
		ap_proxy(ctx, call, "SessionCreate",
			 g_variant_new("(sss)", key, idempotency ? idempotency : "", ap_http_body_text(call)), 201);
}

static void get_session(struct ap_http_call *call, void *ctx)
{
	const char *key = ap_require_bearer(call);
	if (key)
		ap_proxy(ctx, call, "SessionGet", g_variant_new("(ss)", key, ap_http_param(call, 0)), 200);
}

static void on_ended(void *ctx, const struct ap_problem *problem, const char *detail, GVariant *answer)
{
	(void)answer;
	if (problem)
		ap_http_answer_problem(ctx, problem->name, detail);
	else
		ap_http_answer_empty(ctx, 204);
}

static void end_session(struct ap_http_call *call, void *ctx)
{
	struct ap_gateway *gw = ctx;
	const char *key = ap_require_bearer(call);
	if (key)
		ap_vault_call_slow(gw->vault, "SessionEnd", g_variant_new("(ss)", key, ap_http_param(call, 0)),
				   END_TIMEOUT_MS, on_ended, call);
}

static void renew_token(struct ap_http_call *call, void *ctx)
{
	const char *key = ap_require_bearer(call), *role = ap_http_param(call, 1);
	enum ap_role ignored;
	if (!key)
		return;
	if (!ap_role_parse(role, &ignored))
		ap_http_answer_problem(call, "not-found", "A session has a coach and a coachee.");
	else
		ap_proxy(ctx, call, "TokenRenew", g_variant_new("(sss)", key, ap_http_param(call, 0), role), 201);
}

static void put_webhook(struct ap_http_call *call, void *ctx)
{
	g_autoptr(JsonObject) object = NULL;
	const char *key = ap_require_bearer(call);
	if (!key)
		return;
	struct ap_result r = ap_http_body_json(call, &object);
	if (!ap_ok(r))
		ap_http_answer_failure(call, r);
	else
		ap_proxy(ctx, call, "WebhookPut",
			 g_variant_new("(sss)", key, ap_http_param(call, 0), ap_http_body_text(call)), 200);
}

void ap_http_platform_routes(struct ap_gateway *gw)
{
	static const struct ap_http_route routes[] = {
		{ "POST", "/v1/sessions", create_session, AP_MAX_BODY, NULL },
		{ "GET", "/v1/sessions/{id}", get_session, 0, NULL },
		{ "DELETE", "/v1/sessions/{id}", end_session, 0, NULL },
		{ "POST", "/v1/sessions/{id}/parties/{role}/token", renew_token, AP_MAX_BODY, NULL },
		{ "PUT", "/v1/webhooks/{name}", put_webhook, AP_MAX_BODY, NULL },
	};
	ap_http_add_routes(gw->http, routes, G_N_ELEMENTS(routes), gw);
}
