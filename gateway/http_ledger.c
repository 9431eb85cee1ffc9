/* The public log: what the vault shows of it, without login. */
#include "authenticate.h"


static void on_ledger(void *ctx, const struct ap_problem *problem, const char *detail, GVariant *answer)
{
	const char *type, *text;
	if (problem || !g_variant_is_of_type(answer, G_VARIANT_TYPE("(ss)"))) {
		ap_http_answer_problem(ctx, problem ? problem->name : "internal", detail);
		return;
	}
	g_variant_get(answer, "(&s&s)", &type, &text);
	ap_http_answer_text(ctx, 200, type, text);
}

static void get_ledger(struct ap_http_call *call, void *ctx)
{
	static const char *const parts[] = { "key", "checkpoint", "cosigned", "witnesses", "proof", "consistency", "leaves", NULL };
	struct ap_gateway *gw = ctx;
	const char *what = ap_http_param(call, 0);
	if (!g_strv_contains(parts, what))
		ap_http_answer_problem(call, "not-found", "The log has key, checkpoint, cosigned, witnesses, proof, consistency and leaves.");
	else
		ap_vault_call(gw->vault, "LedgerGet", g_variant_new("(ss)", what, ap_http_query_text(call)), on_ledger, call);
}

void ap_http_ledger_routes(struct ap_gateway *gw)
{
	static const struct ap_http_route routes[] = {
		{ "GET", "/v1/ledger/{what}", get_ledger, 0, NULL },
	};
	ap_http_add_routes(gw->http, routes, G_N_ELEMENTS(routes), gw);
}
