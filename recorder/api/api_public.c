/* What needs no login: the log, health, metrics, the pages. */
#include "recorder/api/api.h"
#include "recorder/api/metrics.h"
#include "recorder/ledger/public.h"

#include <string.h>

static struct ap_result ledger(struct ap_api_call *c)
{
	const char *type;
	g_autofree char *text = NULL;
	AP_TRY(ap_ledger_public(c->v, !c->api->socket, ap_http_param(c->http, 0), ap_http_query_text(c->http), &type, &text));
	c->answered = true;
	ap_http_answer_text(c->http, 200, type, text);
	return AP_SUCCESS;
}

static struct ap_result healthy(struct ap_api_call *c)
{
	c->answered = true;
	ap_http_answer_text(c->http, 200, "text/plain", "ok\n");
	return AP_SUCCESS;
}

static struct ap_result ready(struct ap_api_call *c)
{
	if (!ap_vault_ready(c->v))
		return ap_fail(AP_ERR_IO, "vault-unavailable", "the gateway, the capture or the log is not there");
	return healthy(c);
}

static struct ap_result metrics(struct ap_api_call *c)
{
	g_autofree char *text = NULL;
	AP_TRY(ap_metrics_text(c->api, &text));
	c->answered = true;
	ap_http_answer_text(c->http, 200, "text/plain; version=0.0.4", text);
	return AP_SUCCESS;
}

static struct ap_result page(struct ap_api_call *c)
{
	const char *path = ap_http_param(c->http, 0);
	c->answered = true;
	if (c->api->pages)
		ap_static_files_answer(c->api->pages, c->http, path ? path : "staff.html");
	else
		ap_http_answer_problem(c->http, "not-found", "There are no pages here.");
	return AP_SUCCESS;
}

static const struct ap_api_route routes[] = {
	{"GET", "/v1/ledger/{what}", AP_MAY_ANYONE, ledger},
	{"GET", "/healthz", AP_MAY_ANYONE, healthy},
	{"GET", "/readyz", AP_MAY_ANYONE, ready},
	{"GET", "/metrics", AP_MAY_ANYONE, metrics},
	{"GET", "/", AP_MAY_ANYONE, page},
	{"GET", "/web/*", AP_MAY_ANYONE, page},
};

void ap_api_add_public(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
