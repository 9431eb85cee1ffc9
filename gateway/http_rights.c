/* A person's rights: what is held, watching one's own recording, who accessed it, proofs, requests. */
#include "authenticate.h"

#include <aparte/limits.h>

static void proxy_token(struct ap_http_call *call, void *ctx, const char *method)
{
	const char *token = ap_require_bearer(call);
	if (token)
		ap_proxy(ctx, call, method, g_variant_new("(s)", token), 200);
}

static void get_recordings(struct ap_http_call *call, void *ctx)
{
	proxy_token(call, ctx, "PartyRecordings");
}

static void get_accesses(struct ap_http_call *call, void *ctx)
{
	proxy_token(call, ctx, "PartyAccesses");
}

static void get_receipts(struct ap_http_call *call, void *ctx)
{
	proxy_token(call, ctx, "PartyReceipts");
}

static void post_request(struct ap_http_call *call, void *ctx)
{
	const char *token = ap_require_bearer(call);
	if (token)
		ap_proxy_body(ctx, call, "RequestCreate", token, 201);
}

static void get_requests(struct ap_http_call *call, void *ctx)
{
	const char *token = ap_require_bearer(call);
	if (token)
		ap_proxy(ctx, call, "RequestGet", g_variant_new("(ss)", token, ""), 200);
}

static void get_request(struct ap_http_call *call, void *ctx)
{
	const char *token = ap_require_bearer(call);
	if (token)
		ap_proxy(ctx, call, "RequestGet", g_variant_new("(ss)", token, ap_http_param(call, 0)), 200);
}

/* A track, read from the vault piece by piece as the client takes it. */
struct track {
	struct ap_gateway *gw;
	char *token, *recording, *role, *access; /* owned */
};

static void track_free(void *ctx)
{
	struct track *t = ctx;
	g_free(t->token);
	g_free(t->recording);
	g_free(t->role);
	g_free(t->access);
	g_free(t);
}

static void on_piece(void *ctx, const struct ap_problem *problem, const char *detail, GVariant *answer)
{
	struct ap_http_call *call = ctx;
	if (problem || !g_variant_is_of_type(answer, G_VARIANT_TYPE("(ay)"))) {
		ap_http_source_fail(call, problem ? problem->name : "internal", detail);
		return;
	}
	g_autoptr(GVariant) child = g_variant_get_child_value(answer, 0);
	g_autoptr(GBytes) bytes = g_variant_get_data_as_bytes(child);
	ap_http_source_give(call, bytes);
}

static void read_track(void *ctx, struct ap_http_call *call, uint64_t offset, uint32_t length)
{
	struct track *t = ctx;
	ap_vault_call(t->gw->vault, "TrackRead",
		      g_variant_new("(sssstu)", t->token, t->access, t->recording, t->role, offset, length), on_piece, call);
}

struct track_opening {
	struct track *track; /* owned */
	struct ap_http_call *call;
};

static void on_track(void *ctx, const struct ap_problem *problem, const char *detail, GVariant *answer)
{
	g_autofree struct track_opening *o = ctx;
	struct ap_http_source source = { .read = read_track, .done = track_free, .ctx = o->track };
	if (problem || !g_variant_is_of_type(answer, G_VARIANT_TYPE("(st)"))) {
		track_free(o->track);
		ap_http_answer_problem(o->call, problem ? problem->name : "internal", detail);
		return;
	}
	g_variant_get(answer, "(st)", &o->track->access, &source.size);
	ap_http_answer_source(o->call, "video/webm", &source);
}

static void get_track(struct ap_http_call *call, void *ctx)
{
	const char *token = ap_require_bearer(call), *role = ap_http_param(call, 1);
	enum ap_role ignored;
	if (!token)
		return;
	if (!ap_role_parse(role, &ignored)) {
		ap_http_answer_problem(call, "not-found", "A recording has the tracks coach and coachee.");
		return;
	}
	struct track_opening *o = g_new0(struct track_opening, 1);
	o->call = call;
	o->track = g_new0(struct track, 1);
	o->track->gw = ctx;
	o->track->token = g_strdup(token);
	o->track->recording = g_strdup(ap_http_param(call, 0));
	o->track->role = g_strdup(role);
	ap_vault_call(o->track->gw->vault, "TrackOpen", g_variant_new("(sss)", token, o->track->recording, role), on_track,
		      o);
}

void ap_http_rights_routes(struct ap_gateway *gw)
{
	static const struct ap_http_route routes[] = {
		{ "GET", "/v1/party/recordings", get_recordings, 0, NULL },
		{ "GET", "/v1/party/recordings/{id}/tracks/{role}", get_track, 0, NULL },
		{ "GET", "/v1/party/accesses", get_accesses, 0, NULL },
		{ "GET", "/v1/party/receipts", get_receipts, 0, NULL },
		{ "POST", "/v1/party/requests", post_request, AP_MAX_BODY, NULL },
		{ "GET", "/v1/party/requests", get_requests, 0, NULL },
		{ "GET", "/v1/party/requests/{id}", get_request, 0, NULL },
	};
	ap_http_add_routes(gw->http, routes, G_N_ELEMENTS(routes), gw);
}
