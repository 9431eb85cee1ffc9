#include "http_internal.h"

#include <aparte/problem.h>
#include <string.h>

#define ALLOWED_HEADERS "Authorization, Content-Type, If-Match, Idempotency-Key, Range, Aparte-Page"
#define EXPOSED_HEADERS "Location, ETag, Link, Retry-After, Content-Range, Accept-Ranges"

static SoupMessageHeaders *headers_of(struct ap_http_call *call)
{
	return soup_server_message_get_response_headers(call->msg);
}

void ap_http_set_header(struct ap_http_call *call, const char *name, const char *value)
{
	soup_message_headers_replace(headers_of(call), name, value);
}

void ap_http_add_header(struct ap_http_call *call, const char *name, const char *value)
{
	soup_message_headers_append(headers_of(call), name, value);
}

static void set_default(struct ap_http_call *call, const char *name, const char *value)
{
	if (!soup_message_headers_get_one(headers_of(call), name))
		soup_message_headers_append(headers_of(call), name, value);
}

/* Configured origins only, never with credentials: bearer tokens travel in a header that the page sets itself. */
static void add_cors(struct ap_http_call *call)
{
	const char *origin = ap_http_header(call, "Origin");
	if (!call->http->cors_origins || !*call->http->cors_origins)
		return;
	ap_http_add_header(call, "Vary", "Origin");
	if (!origin || !g_strv_contains((const char *const *)call->http->cors_origins, origin))
		return;
	ap_http_set_header(call, "Access-Control-Allow-Origin", origin);
	ap_http_set_header(call, "Access-Control-Expose-Headers", EXPOSED_HEADERS);
	const char *allow = soup_message_headers_get_one(headers_of(call), "Allow");
	if (allow && strcmp(ap_http_method(call), "OPTIONS") == 0) {
		ap_http_set_header(call, "Access-Control-Allow-Methods", allow);
		ap_http_set_header(call, "Access-Control-Allow-Headers", ALLOWED_HEADERS);
		ap_http_set_header(call, "Access-Control-Max-Age", "600");
	}
}

void ap_http_begin(struct ap_http_call *call, unsigned status, const char *content_type)
{
	call->answered = true;
	if (call->gone)
		return;
	/* libsoup would cut ranges out of any 200 by itself; sources do it here, with their ends clamped. */
	soup_message_headers_remove(soup_server_message_get_request_headers(call->msg), "Range");
	soup_server_message_set_status(call->msg, status, NULL);
	if (content_type)
		ap_http_set_header(call, "Content-Type", content_type);
	set_default(call, "Cache-Control", "no-store");
	set_default(call, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
	ap_http_set_header(call, "X-Content-Type-Options", "nosniff");
	ap_http_set_header(call, "Referrer-Policy", "no-referrer");
	ap_http_set_header(call, "Cross-Origin-Resource-Policy", "same-origin");
	if (call->http->certificate)
		ap_http_set_header(call, "Strict-Transport-Security", "max-age=31536000");
	add_cors(call);
	/* libsoup 3.2 serves a second request only on connections of its own listener, and keeps for ever what belongs to one
	 * whose client leaves between two requests. So every answer is the last of its connection, and says so. */
	ap_http_set_header(call, "Connection", "close");
	if (call->connection)
		ap_http_connection_deadline(call->connection, AP_HTTP_WRITE_SECONDS);
}

void ap_http_release(struct ap_http_call *call)
{
	if (!call->gone && call->paused)
		soup_server_message_unpause(call->msg);
	call->paused = false;
	ap_http_call_unref(call);
}

void ap_http_answer(struct ap_http_call *call, unsigned status, const char *content_type, GBytes *body)
{
	ap_http_begin(call, status, content_type);
	if (!call->gone && body)
		soup_message_body_append_bytes(soup_server_message_get_response_body(call->msg), body);
	ap_http_release(call);
}

void ap_http_answer_text(struct ap_http_call *call, unsigned status, const char *content_type, const char *text)
{
	g_autoptr(GBytes) body = g_bytes_new(text, strlen(text));
	ap_http_answer(call, status, content_type, body);
}

void ap_http_answer_json_text(struct ap_http_call *call, unsigned status, const char *json)
{
	ap_http_answer_text(call, status, "application/json", json);
}

void ap_http_answer_json(struct ap_http_call *call, unsigned status, JsonNode *json)
{
	g_autofree char *text = json_to_string(json, FALSE);
	json_node_unref(json);
	ap_http_answer_json_text(call, status, text);
}

void ap_http_answer_empty(struct ap_http_call *call, unsigned status)
{
	ap_http_answer(call, status, NULL, NULL);
}

void ap_http_answer_problem(struct ap_http_call *call, const char *name, const char *detail)
{
	const struct ap_problem *problem = ap_problem_by_name(name);
	g_autofree char *json = ap_problem_json(problem, detail);
	if (problem->status == 401)
		set_default(call, "WWW-Authenticate", "Bearer");
	if (problem->status == 429 || problem->status == 503)
		set_default(call, "Retry-After", "2");
	ap_http_answer_text(call, problem->status, "application/problem+json", json);
}

void ap_http_answer_status(struct ap_http_call *call, unsigned status, const char *detail)
{
	JsonBuilder *b = json_builder_new();
	json_builder_begin_object(b);
	json_builder_set_member_name(b, "type");
	json_builder_add_string_value(b, "about:blank");
	json_builder_set_member_name(b, "title");
	json_builder_add_string_value(b, soup_status_get_phrase(status));
	json_builder_set_member_name(b, "status");
	json_builder_add_int_value(b, status);
	json_builder_set_member_name(b, "detail");
	json_builder_add_string_value(b, detail);
	json_builder_end_object(b);
	g_autoptr(JsonNode) root = json_builder_get_root(b);
	g_autofree char *text = json_to_string(root, FALSE);
	g_object_unref(b);
	ap_http_answer_text(call, status, "application/problem+json", text);
}

void ap_http_answer_failure(struct ap_http_call *call, struct ap_result failure)
{
	bool known = strcmp(ap_problem_by_name(failure.name)->name, failure.name) == 0;
	ap_http_answer_problem(call, known ? failure.name : "internal", known ? failure.detail : "Something went wrong here.");
}
