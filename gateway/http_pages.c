/* The pages, and what an operator asks. */
#include "gateway/gateway.h"
#include "gateway/metrics.h"

#include <string.h>

static void get_join(struct ap_http_call *call, void *ctx)
{
	ap_static_files_answer(((struct ap_gateway *)ctx)->files, call, "join.html");
}

/* A worker may answer for pages outside its own folder only where its script says so; this one is for a person's page. */
#define TRACK_WORKER "call/track_worker.js"

static void get_web(struct ap_http_call *call, void *ctx)
{
	const char *path = ap_http_param(call, 0);
	if (strcmp(path, TRACK_WORKER) == 0)
		ap_http_set_header(call, "Service-Worker-Allowed", "/join");
	ap_static_files_answer(((struct ap_gateway *)ctx)->files, call, path);
}

/* Nothing to choose here: people come by their own link. */
static void get_root(struct ap_http_call *call, void *ctx)
{
	(void)ctx;
	ap_http_answer_text(call, 200, "text/html; charset=utf-8",
			    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Aparté</title>"
			    "<p>Aparté. Please open the link you were sent.</p>"
			    "<p lang=\"fr\">Aparté. Veuillez ouvrir le lien que vous avez reçu.</p></html>");
}

static void get_health(struct ap_http_call *call, void *ctx)
{
	(void)ctx;
	ap_http_answer_text(call, 200, "text/plain; charset=utf-8", "ok\n");
}

static void get_ready(struct ap_http_call *call, void *ctx)
{
	struct ap_gateway *gw = ctx;
	if (ap_vault_client_linked(gw->vault))
		ap_http_answer_text(call, 200, "text/plain; charset=utf-8", "ready\n");
	else
		ap_http_answer_problem(call, "vault-unavailable", "The vault is away.");
}

static void get_metrics(struct ap_http_call *call, void *ctx)
{
	g_autofree char *text = ap_metrics_text(ctx);
	ap_http_answer_text(call, 200, "text/plain; version=0.0.4; charset=utf-8", text);
}

void ap_http_pages_routes(struct ap_gateway *gw)
{
	static const struct ap_http_route routes[] = {
		{ "GET", "/", get_root, 0, NULL },	    { "GET", "/join", get_join, 0, NULL },
		{ "GET", "/web/*", get_web, 0, NULL },	    { "GET", "/healthz", get_health, 0, NULL },
		{ "GET", "/readyz", get_ready, 0, NULL },   { "GET", "/metrics", get_metrics, 0, NULL },
	};
	ap_http_add_routes(gw->http, routes, G_N_ELEMENTS(routes), gw);
}
