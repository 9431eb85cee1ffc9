/*
 * Decisions: consents, and going off the record. What takes recording away is done here first (the tap is closed and
 * confirmed closed) and told to the vault afterwards, so that a slow, dead or lying vault cannot keep a recording
 * going; only a statement that is clearly a give goes straight through.
 */
#include "authenticate.h"
#include "switchboard.h"

#include <aparte/limits.h>
#include <string.h>

/* One decision on its way. */
struct decision {
	struct ap_gateway *gw;
	struct ap_http_call *call;
	struct ap_uuid session;
	char *text;	     /* owned: the body, as far as it can be read */
	uint64_t generation; /* of the tap that was closed for it; 0: none */
	bool pause;	     /* PauseSet, else ConsentPut */
	bool counted;	     /* in the session's `deciding` */
};

static void decision_done(struct decision *d)
{
	struct ap_session *session = ap_sessions_find(d->gw->sessions, &d->session);
	if (session && d->counted && session->deciding > 0)
		session->deciding--;
	g_free(d->text);
	g_free(d);
}

/* What is no text becomes '?', so that a withdrawal counts whatever surrounds it; as long as before, for the link. */
static char *readable_body(const struct ap_http_call *call)
{
	size_t len;
	const char *bytes = g_bytes_get_data(ap_http_body(call), &len), *bad;
	char *text = g_malloc0(len + 1);
	ap_copy(text, len, bytes, len);
	for (char *at = text; !g_utf8_validate_len(at, len - (size_t)(at - text), &bad); at = text + (bad - text))
		text[bad - text] = '?';
	return text;
}

/* Kept for later only when it is a decision that the vault itself would take from anyone: a statement. A vault that
 * hangs with its link intact may have left the gate open in everyone's sight, and its tap is closed. */
static void vault_is_away(struct decision *d)
{
	ap_switchboard_show_closed(d->gw, &d->session);
	if (!d->pause)
		ap_switchboard_keep(d->gw, &d->session, ap_http_bearer(d->call), d->text);
	ap_http_answer_problem(d->call, "vault-unavailable",
			       d->pause ? "Nothing is being recorded now. The vault is away: send this again." :
					  "Nothing is being recorded now. The vault is away; your decision is kept and will "
					  "be delivered to it, or send it again for a receipt.");
}

static void on_decided(void *ctx, const struct ap_problem *problem, const char *detail, GVariant *answer)
{
	struct decision *d = ctx;
	const char *json;
	if (!problem && g_variant_is_of_type(answer, G_VARIANT_TYPE("(s)"))) {
		g_variant_get(answer, "(&s)", &json);
		ap_http_answer_json_text(d->call, d->pause ? 200 : 201, json);
	} else if (problem && strcmp(problem->name, "vault-unavailable") == 0) {
		vault_is_away(d);
	} else {
		/* It changed nothing, so the gate may still count as open: it has lost its tap, which everyone must see. */
		ap_switchboard_report_tap(d->gw, &d->session, d->generation);
		ap_http_answer_problem(d->call, problem ? problem->name : "internal", detail);
	}
	decision_done(d);
}

static void forward(void *ctx, uint64_t generation)
{
	struct decision *d = ctx;
	const char *token = ap_http_bearer(d->call);
	d->generation = generation;
	if (d->pause)
		ap_vault_call(d->gw->vault, "PauseSet", g_variant_new("(sb)", token, TRUE), on_decided, d);
	else
		ap_vault_call(d->gw->vault, "ConsentPut", g_variant_new("(ss)", token, d->text), on_decided, d);
}

static void take_away(struct ap_gateway *gw, struct ap_http_call *call, const struct ap_party *party, bool pause)
{
	struct ap_session *session = ap_sessions_find(gw->sessions, &party->session);
	struct decision *d = g_new0(struct decision, 1);
	d->gw = gw;
	d->call = call;
	d->session = party->session;
	d->text = readable_body(call);
	d->pause = pause;
	d->counted = session != NULL;
	if (session)
		session->deciding++;
	ap_switchboard_drop_tap(gw, &party->session, forward, d);
}

static void take_away_consent(struct ap_gateway *gw, struct ap_http_call *call, const struct ap_party *party)
{
	take_away(gw, call, party, false);
}

static void take_away_pause(struct ap_gateway *gw, struct ap_http_call *call, const struct ap_party *party)
{
	take_away(gw, call, party, true);
}

/* Who it is may be remembered from before: then nothing waits for the vault. */
static void decide_now(struct ap_gateway *gw, struct ap_http_call *call, const char *token, ap_authenticated then)
{
	uint8_t hash[AP_TOKEN_HASH];
	struct ap_party party;
	ap_token_hash(token, hash);
	if (ap_sessions_recall(gw->sessions, hash, &party))
		then(gw, call, &party);
	else
		ap_authenticate(gw, call, then);
}

/* The statement of what is clearly a give; NULL otherwise. Only the one member that decides is read; whether the rest
 * holds is the vault's business. */
static const char *statement_of_give(JsonObject *body)
{
	const char *text, *event;
	struct ap_result r = ap_http_json_text(body, "statement", &text);
	g_autoptr(JsonNode) root = ap_ok(r) ? json_from_string(text, NULL) : NULL;
	if (!root || !JSON_NODE_HOLDS_OBJECT(root))
		return NULL;
	r = ap_http_json_text(json_node_get_object(root), "event", &event);
	return ap_ok(r) && strcmp(event, "ConsentGiven") == 0 ? text : NULL;
}

static bool is_json(const struct ap_http_call *call)
{
	const char *type = ap_http_header(call, "Content-Type");
	return type && g_ascii_strncasecmp(type, "application/json", 16) == 0 && (!type[16] || strchr("; ", type[16]));
}

/* A give is refused for its size before its token is looked at, and for its media type; anything else may take
 * recording away, and is not refused here for either. */
static void post_consent(struct ap_http_call *call, void *ctx)
{
	g_autoptr(JsonObject) body = NULL;
	struct ap_result r = ap_http_body_json(call, &body);
	const char *give = ap_ok(r) ? statement_of_give(body) : NULL, *token;
	if (give && strlen(give) > AP_MAX_STATEMENT)
		ap_http_answer_problem(call, "too-large", "A statement has at most 8192 bytes.");
	else if (give && !is_json(call))
		ap_http_answer_problem(call, "media-type", "Send the body with the Content-Type this call takes.");
	else if (!(token = ap_require_bearer(call)))
		return;
	else if (give)
		ap_proxy(ctx, call, "ConsentPut", g_variant_new("(ss)", token, ap_http_body_text(call)), 201);
	else
		decide_now(ctx, call, token, take_away_consent);
}

static void post_pause(struct ap_http_call *call, void *ctx)
{
	const char *token = ap_require_bearer(call);
	if (token)
		decide_now(ctx, call, token, take_away_pause);
}

static void delete_pause(struct ap_http_call *call, void *ctx)
{
	const char *token = ap_require_bearer(call);
	if (token)
		ap_proxy(ctx, call, "PauseSet", g_variant_new("(sb)", token, FALSE), 200);
}

void ap_http_consent_routes(struct ap_gateway *gw)
{
	static const struct ap_http_route routes[] = {
		{ "POST", "/v1/consents", post_consent, AP_MAX_BODY, "*" },
		{ "POST", "/v1/party/pause", post_pause, AP_MAX_BODY, "*" },
		{ "DELETE", "/v1/party/pause", delete_pause, 0, NULL },
	};
	ap_http_add_routes(gw->http, routes, G_N_ELEMENTS(routes), gw);
}
