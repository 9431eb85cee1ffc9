/* A person's calls in the session: who am I, device, notice, presence, events, messages to the peer. */
#include "authenticate.h"

#include <aparte/limits.h>
#include <string.h>

static void get_party(struct ap_http_call *call, void *ctx)
{
	const char *token = ap_require_bearer(call);
	if (token)
		ap_proxy(ctx, call, "PartyGet", g_variant_new("(s)", token), 200);
}

static void put_device(struct ap_http_call *call, void *ctx)
{
	const char *token = ap_require_bearer(call);
	if (token)
		ap_proxy_body(ctx, call, "DevicePut", token, 204);
}

static void get_notice(struct ap_http_call *call, void *ctx)
{
	const char *token = ap_require_bearer(call);
	const char *lang = ap_http_query(call, "lang"), *sha256 = ap_http_query(call, "sha256");
	if (token)
		ap_proxy(ctx, call, "NoticeGet", g_variant_new("(sss)", token, lang ? lang : "", sha256 ? sha256 : ""), 200);
}

static void post_presence(struct ap_http_call *call, void *ctx)
{
	const char *token = ap_require_bearer(call);
	if (token)
		ap_proxy_body(ctx, call, "PresencePut", token, 204);
}

/* Events. */

/* Sends a member of the party's JSON as an event of its own, so that a page knows where it stands at once. */
static void send_member(struct ap_event_stream *stream, JsonObject *party, const char *member)
{
	JsonNode *node = json_object_get_member(party, member);
	g_autofree char *json = node ? json_to_string(node, FALSE) : NULL;
	if (json)
		ap_event_stream_send(stream, member, json);
}

static void send_snapshot(struct ap_event_stream *stream, const char *party_json)
{
	g_autoptr(JsonNode) root = party_json ? json_from_string(party_json, NULL) : NULL;
	if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
		ap_event_stream_send(stream, "gate", "{\"state\":\"closed\",\"reasons\":[\"vault\"]}");
		return;
	}
	send_member(stream, json_node_get_object(root), "gate");
	send_member(stream, json_node_get_object(root), "peer");
}

struct opening {
	struct ap_gateway *gw;
	struct ap_http_call *call;
	struct ap_party party;
};

/* Looked at again when the vault has answered: meanwhile others came. */
static bool refuse_stream(struct ap_gateway *gw, struct ap_http_call *call, const struct ap_party *party)
{
	bool many = ap_events_many(gw->events, party->token);
	if (ap_events_full(gw->events))
		ap_http_answer_problem(call, "rate", "Too many event streams are open; try again later.");
	else if (many)
		ap_http_answer_problem(call, "rate", "This token has as many event streams as it may have.");
	return many || ap_events_full(gw->events);
}

static void on_snapshot(void *ctx, const struct ap_problem *problem, const char *detail, GVariant *answer)
{
	(void)detail;
	g_autofree struct opening *o = ctx;
	struct ap_gateway *gw = o->gw;
	const char *json = NULL, *page = ap_http_header(o->call, "Aparte-Page");
	struct ap_session *session;
	int64_t now = ap_mono_ns(gw->clock);
	if (refuse_stream(gw, o->call, &o->party))
		return;
	if (!problem && g_variant_is_of_type(answer, G_VARIANT_TYPE("(s)")))
		g_variant_get(answer, "(&s)", &json);
	struct ap_result r = ap_sessions_ensure(gw->sessions, &o->party, ap_media_workers(gw->media), now, &session);
	if (!ap_ok(r)) {
		ap_http_answer_failure(o->call, r);
		return;
	}
	session->streams++;
	struct ap_event_stream *stream = ap_events_open(gw->events, o->call, &o->party, page ? page : "", now);
	if (stream)
		send_snapshot(stream, json);
}

static void open_events(struct ap_gateway *gw, struct ap_http_call *call, const struct ap_party *party)
{
	if (!party->may_join) {
		ap_http_answer_problem(call, "token-expired", "This session has ended.");
		return;
	}
	if (refuse_stream(gw, call, party))
		return;
	struct opening *o = g_new0(struct opening, 1);
	o->gw = gw;
	o->call = call;
	o->party = *party;
	ap_vault_call(gw->vault, "PartyGet", g_variant_new("(s)", ap_http_bearer(call)), on_snapshot, o);
}

static void get_events(struct ap_http_call *call, void *ctx)
{
	struct ap_gateway *gw = ctx;
	const char *page = ap_http_header(call, "Aparte-Page");
	if (ap_events_full(gw->events))
		ap_http_answer_problem(call, "rate", "Too many event streams are open; try again later.");
	else if (page && strlen(page) > AP_PAGE_MAX)
		ap_http_answer_problem(call, "malformed", "Aparte-Page has at most 64 characters.");
	else
		ap_authenticate(gw, call, open_events);
}

/* Messages: opaque, never parsed or kept. */

static void pass_message(struct ap_gateway *gw, struct ap_http_call *call, const struct ap_party *party)
{
	enum ap_role peer = ap_role_peer(party->role);
	if (!party->may_join) {
		ap_http_answer_problem(call, "token-expired", "This session has ended.");
		return;
	}
	ap_events_send(gw->events, &party->session, &peer, "peer", ap_http_body_text(call));
	ap_http_answer_empty(call, 204);
}

static void post_message(struct ap_http_call *call, void *ctx)
{
	const char *text = ap_http_body_text(call);
	if (text && *text)
		ap_authenticate(ctx, call, pass_message);
	else
		ap_http_answer_problem(call, "malformed", "A message is text in UTF-8, at least one character.");
}

void ap_http_party_routes(struct ap_gateway *gw)
{
	static const struct ap_http_route routes[] = {
		{ "GET", "/v1/party", get_party, 0, NULL },
		{ "PUT", "/v1/party/device", put_device, AP_MAX_BODY, NULL },
		{ "GET", "/v1/notice", get_notice, 0, NULL },
		{ "POST", "/v1/party/presence", post_presence, AP_MAX_BODY, NULL },
		{ "GET", "/v1/events", get_events, 0, NULL },
		{ "POST", "/v1/party/messages", post_message, AP_MAX_MESSAGE, "*" },
	};
	ap_http_add_routes(gw->http, routes, G_N_ELEMENTS(routes), gw);
}
