#include "authenticate.h"

#include <string.h>

struct question {
	struct ap_gateway *gw;
	struct ap_http_call *call;
	ap_authenticated then;
	uint8_t token[AP_TOKEN_HASH];
};

const char *ap_require_bearer(struct ap_http_call *call)
{
	const char *token = ap_http_bearer(call);
	if (!token)
		ap_http_answer_problem(call, "token-invalid", "Send Authorization: Bearer with a valid token.");
	return token;
}

static bool read_party(GVariant *answer, const uint8_t *token, struct ap_party *ret_party)
{
	const char *session, *role, *codec;
	gboolean may_join;
	if (!g_variant_is_of_type(answer, G_VARIANT_TYPE("(ssbs)")))
		return false;
	g_variant_get(answer, "(&s&sb&s)", &session, &role, &may_join, &codec);
	ret_party->may_join = may_join;
	return ap_copy(ret_party->token, AP_TOKEN_HASH, token, AP_TOKEN_HASH) &&
	       ap_uuid_parse(session, &ret_party->session) && ap_role_parse(role, &ret_party->role) &&
	       ap_video_codec_parse(codec, &ret_party->codec);
}

static void on_party(void *ctx, const struct ap_problem *problem, const char *detail, GVariant *answer)
{
	g_autofree struct question *q = ctx;
	struct ap_party party;
	bool away = problem && strcmp(problem->name, "vault-unavailable") == 0;
	if (away && ap_sessions_recall(q->gw->sessions, q->token, &party)) {
		q->then(q->gw, q->call, &party);
		return;
	}
	if (problem) {
		if (!away)
			ap_sessions_forget_token(q->gw->sessions, q->token);
		ap_http_answer_problem(q->call, problem->name, detail);
		return;
	}
	if (!read_party(answer, q->token, &party)) {
		ap_http_answer_problem(q->call, "internal", "The vault's answer could not be read.");
		return;
	}
	if (party.may_join)
		ap_sessions_remember(q->gw->sessions, &party);
	q->then(q->gw, q->call, &party);
}

void ap_authenticate(struct ap_gateway *gw, struct ap_http_call *call, ap_authenticated then)
{
	const char *token = ap_require_bearer(call);
	if (!token)
		return;
	struct question *q = g_new0(struct question, 1);
	q->gw = gw;
	q->call = call;
	q->then = then;
	ap_token_hash(token, q->token);
	ap_vault_call(gw->vault, "PartyOpen", g_variant_new("(s)", token), on_party, q);
}

struct proxied {
	struct ap_gateway *gw;
	struct ap_http_call *call;
	unsigned status;
};

static void on_proxied(void *ctx, const struct ap_problem *problem, const char *detail, GVariant *answer)
{
	g_autofree struct proxied *p = ctx;
	const char *json;
	if (problem) {
		p->gw->counters.vault_calls_failed++;
		ap_http_answer_problem(p->call, problem->name, detail);
	} else if (g_variant_is_of_type(answer, G_VARIANT_TYPE("(s)"))) {
		g_variant_get(answer, "(&s)", &json);
		ap_http_answer_json_text(p->call, p->status, json);
	} else {
		ap_http_answer_empty(p->call, 204);
	}
}

void ap_proxy(struct ap_gateway *gw, struct ap_http_call *call, const char *method, GVariant *arguments, unsigned status)
{
	struct proxied *p = g_new0(struct proxied, 1);
	p->gw = gw;
	p->call = call;
	p->status = status;
	ap_vault_call(gw->vault, method, arguments, on_proxied, p);
}

void ap_proxy_body(struct ap_gateway *gw, struct ap_http_call *call, const char *method, const char *token,
		   unsigned status)
{
	g_autoptr(JsonObject) object = NULL;
	struct ap_result r = ap_http_body_json(call, &object);
	if (!ap_ok(r))
		ap_http_answer_failure(call, r);
	else
		ap_proxy(gw, call, method, g_variant_new("(ss)", token, ap_http_body_text(call)), status);
}
