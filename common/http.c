#include "http_internal.h"

#include <aparte/limits.h>
#include <string.h>
#include <sys/resource.h>

#define CALL "aparte-call"

void ap_http_call_ref(struct ap_http_call *call)
{
	call->refs++;
}

void ap_http_call_unref(struct ap_http_call *call)
{
	if (--call->refs > 0)
		return;
	g_object_unref(call->msg);
	g_free(call->path);
	g_clear_pointer(&call->params, g_ptr_array_unref);
	g_clear_pointer(&call->query, g_hash_table_unref);
	g_clear_pointer(&call->body, g_byte_array_unref);
	g_clear_pointer(&call->body_bytes, g_bytes_unref);
	g_free(call->bearer);
	g_free(call->cookie);
	g_free(call->source_type);
	g_free(call);
}

/* The life of a call. */

static void transport_done(SoupServerMessage *msg, struct ap_http_call *call)
{
	if (call->gone)
		return;
	call->gone = true;
	g_signal_handlers_disconnect_by_data(msg, call);
	g_object_set_data(G_OBJECT(msg), CALL, NULL);
	if (call->connection && call->http)
		ap_http_connection_deadline(call->connection, call->http->options.idle_seconds);
	if (call->answered)
		ap_http_stream_gone(call);
	call->connection = NULL;
	ap_http_call_unref(call);
}

static void refuse(struct ap_http_call *call, const char *name, const char *detail)
{
	ap_http_call_ref(call);
	ap_http_answer_problem(call, name, detail);
}

/*
 * Where this request ends must be said once, or another reader of the same bytes may see another one behind it
 * (RFC 9112 §6.3, §11.2). libsoup would take the last length of several, and chunks before any length.
 */
static bool is_framed(SoupMessageHeaders *headers)
{
	const char *length = soup_message_headers_get_list(headers, "Content-Length");
	if (!length)
		return true;
	return g_ascii_isdigit(*length) && strspn(length, "0123456789") == strlen(length) && strlen(length) < 19 &&
	       !soup_message_headers_get_list(headers, "Transfer-Encoding");
}

static void close_after(struct ap_http_call *call)
{
	ap_http_set_header(call, "Connection", "close");
}

/* What libsoup refuses before we see it: it sends its own status with the body that is there by then. */
static void prepare_refusal(struct ap_http_call *call)
{
	soup_server_message_set_response(call->msg, "application/problem+json", SOUP_MEMORY_STATIC, AP_HTTP_REFUSAL,
					 strlen(AP_HTTP_REFUSAL));
	close_after(call);
}

static void drop_refusal(struct ap_http_call *call)
{
	soup_message_headers_clear(soup_server_message_get_response_headers(call->msg));
	soup_message_body_truncate(soup_server_message_get_response_body(call->msg));
}

/* Refusals that need no body, so that a client that asked (Expect: 100-continue) need not send one. */
static void check_headers(struct ap_http_call *call)
{
	SoupMessageHeaders *headers = soup_server_message_get_request_headers(call->msg);
	const struct ap_http_options *options = &call->http->options;
	unsigned retry_after = 1;
	struct ap_result r = options->guard ? options->guard(call, options->ctx, &retry_after) : AP_SUCCESS;
	if (!ap_ok(r)) {
		g_autofree char *seconds = g_strdup_printf("%u", retry_after);
		ap_http_set_header(call, "Retry-After", seconds);
		ap_http_call_ref(call);
		ap_http_answer_failure(call, r);
		return;
	}
	goffset length = soup_message_headers_get_content_length(headers);
	if (call->entry && length > 0 && (uint64_t)length > call->entry->route->max_body)
		refuse(call, "too-large", "The body is longer than this call takes.");
}

static bool read_uri(struct ap_http_call *call)
{
	GUri *uri = soup_server_message_get_uri(call->msg);
	if (!uri || !g_utf8_validate(g_uri_get_path(uri), -1, NULL))
		return false;
	call->path = g_strdup(g_uri_get_path(uri));
	if (g_uri_get_query(uri))
		call->query = soup_form_decode(g_uri_get_query(uri));
	return true;
}

static void got_headers(SoupServerMessage *msg, struct ap_http_call *call)
{
	const char *method = soup_server_message_get_method(msg);
	SoupMessageHeaders *headers = soup_server_message_get_request_headers(msg);
	drop_refusal(call);
	/* libsoup has set a status already when the path leaves its root ("/../"). */
	if (soup_server_message_get_status(msg) != 0 || !is_framed(headers) || !read_uri(call)) {
		close_after(call);
		refuse(call, "malformed", "The request line or its headers are not valid.");
		return;
	}
	g_autofree char *allow = NULL;
	call->entry = ap_http_route_find(call->http, call, strcmp(method, "HEAD") == 0 ? "GET" : method, &allow);
	if (allow)
		ap_http_set_header(call, "Allow", allow);
	check_headers(call);
	/* A client that waits for our word and is refused may send the body all the same, or not. */
	if (call->answered && (soup_message_headers_get_expectations(headers) & SOUP_EXPECTATION_CONTINUE))
		close_after(call);
}

static void got_chunk(SoupServerMessage *msg, GBytes *chunk, struct ap_http_call *call)
{
	(void)msg;
	size_t cap = call->entry ? call->entry->route->max_body : 0, size = g_bytes_get_size(chunk);
	call->received += size;
	if (call->received <= cap)
		g_byte_array_append(call->body, g_bytes_get_data(chunk, NULL), (unsigned)size);
	else if (call->received > cap + AP_HTTP_DRAIN && call->connection)
		ap_http_connection_cut(call->connection);
}

static void request_started(SoupServer *server, SoupServerMessage *msg, struct ap_http *http)
{
	(void)server;
	struct ap_http_call *call = g_new0(struct ap_http_call, 1);
	call->http = http;
	call->connection = ap_http_connection_of(msg);
	call->msg = g_object_ref(msg);
	call->body = g_byte_array_new();
	call->params = g_ptr_array_new_with_free_func(g_free);
	call->refs = 1; /* the transport's */
	g_object_set_data(G_OBJECT(msg), CALL, call);
	soup_message_body_set_accumulate(soup_server_message_get_request_body(msg), FALSE);
	prepare_refusal(call);
	g_signal_connect(msg, "got-headers", G_CALLBACK(got_headers), call);
	g_signal_connect(msg, "got-chunk", G_CALLBACK(got_chunk), call);
	g_signal_connect(msg, "finished", G_CALLBACK(transport_done), call);
	g_signal_connect(msg, "disconnected", G_CALLBACK(transport_done), call);
	if (call->connection)
		ap_http_connection_deadline(call->connection, http->options.idle_seconds);
}

static bool media_fits(const struct ap_http_call *call)
{
	SoupMessageHeaders *headers = soup_server_message_get_request_headers(call->msg);
	const char *type = soup_message_headers_get_content_type(headers, NULL);
	const char *wanted = call->entry->route->media;
	if (wanted && strcmp(wanted, "*") == 0)
		return true;
	return type && g_ascii_strcasecmp(type, wanted ? wanted : "application/json") == 0;
}

static void serve_unrouted(struct ap_http_call *call)
{
	const char *allow =
		soup_message_headers_get_one(soup_server_message_get_response_headers(call->msg), "Allow");
	if (!allow)
		ap_http_answer_problem(call, "not-found", "There is nothing at this address.");
	else if (strcmp(ap_http_method(call), "OPTIONS") == 0)
		ap_http_answer_empty(call, 204);
	else
		ap_http_answer_status(call, 405, "See the Allow header for what this address serves.");
}

static void serve(struct ap_http_call *call)
{
	if (!call->entry)
		serve_unrouted(call);
	else if (call->received > call->entry->route->max_body)
		ap_http_answer_problem(call, "too-large", "The body is longer than this call takes.");
	else if (call->received > 0 && !media_fits(call))
		ap_http_answer_problem(call, "media-type", "Send the body with the Content-Type this call takes.");
	else
		call->entry->route->handler(call, call->entry->ctx);
}

static void dispatch(SoupServer *server, SoupServerMessage *msg, const char *path, GHashTable *query, void *ctx)
{
	(void)server, (void)path, (void)query, (void)ctx;
	struct ap_http_call *call = g_object_get_data(G_OBJECT(msg), CALL);
	if (!call || call->answered)
		return;
	if (call->connection) {
		call->connection->asked = true;
		ap_http_connection_deadline(call->connection, 0);
	}
	ap_http_call_ref(call); /* the handler's */
	ap_http_call_ref(call); /* this function's */
	serve(call);
	if (!call->answered && !call->gone) {
		call->paused = true;
		soup_server_message_pause(msg);
	}
	ap_http_call_unref(call);
}

/* Routes. */

static bool route_fits(char *const *parts, char *const *segments)
{
	for (; *parts; parts++, segments++) {
		if (strcmp(*parts, "*") == 0)
			return *segments != NULL;
		if (!*segments || (**parts == '{' ? **segments == '\0' : strcmp(*parts, *segments) != 0))
			return false;
	}
	return *segments == NULL;
}

static void take_params(char *const *parts, char **segments, GPtrArray *params)
{
	for (; *parts; parts++, segments++) {
		if (strcmp(*parts, "*") == 0) {
			g_ptr_array_add(params, g_strjoinv("/", segments));
			return;
		}
		if (**parts == '{')
			g_ptr_array_add(params, g_strdup(*segments));
	}
}

const struct ap_http_entry *ap_http_route_find(struct ap_http *http, struct ap_http_call *call, const char *method,
					       char **ret_allow)
{
	g_auto(GStrv) segments = g_strsplit(call->path, "/", 64);
	g_autoptr(GString) allow = g_string_new(NULL);
	for (unsigned i = 0; i < http->entries->len; i++) {
		const struct ap_http_entry *entry = &g_array_index(http->entries, struct ap_http_entry, i);
		if (!route_fits(entry->parts, segments))
			continue;
		if (strcmp(entry->route->method, method) == 0) {
			take_params(entry->parts, segments, call->params);
			return entry;
		}
		g_string_append_printf(allow, "%s, ", entry->route->method);
	}
	if (allow->len > 0)
		*ret_allow = g_strdup_printf("%sOPTIONS", allow->str);
	return NULL;
}

void ap_http_add_routes(struct ap_http *http, const struct ap_http_route *routes, size_t count, void *ctx)
{
	for (size_t i = 0; i < count; i++) {
		struct ap_http_entry entry = { &routes[i], g_strsplit(routes[i].path, "/", -1), ctx };
		g_array_append_val(http->entries, entry);
	}
}

static void entry_clear(void *data)
{
	g_strfreev(((struct ap_http_entry *)data)->parts);
}

/* The server. */

/* Connections never take the last quarter of what may be open. */
static size_t within_descriptors(size_t max)
{
	struct rlimit files;
	return getrlimit(RLIMIT_NOFILE, &files) == 0 ? MIN(max, (size_t)(files.rlim_cur / 4 * 3)) : max;
}

struct ap_http *ap_http_new(const struct ap_http_options *options)
{
	struct ap_http *http = g_new0(struct ap_http, 1);
	http->options = *options;
	http->max_connections = within_descriptors(options->max_connections ? options->max_connections : 4096);
	if (http->options.idle_seconds == 0)
		http->options.idle_seconds = 30;
	http->cors_origins = g_strdupv((char **)options->cors_origins);
	http->entries = g_array_new(FALSE, FALSE, sizeof(struct ap_http_entry));
	g_array_set_clear_func(http->entries, entry_clear);
	http->connections = g_ptr_array_new();
	http->listeners = g_ptr_array_new();
	http->server = soup_server_new(NULL, NULL);
	soup_server_add_handler(http->server, NULL, dispatch, http, NULL);
	g_signal_connect(http->server, "request-started", G_CALLBACK(request_started), http);
	return http;
}

void ap_http_free(struct ap_http *http)
{
	if (!http)
		return;
	for (unsigned i = 0; i < http->listeners->len; i++) {
		g_source_destroy(http->listeners->pdata[i]);
		g_source_unref(http->listeners->pdata[i]);
	}
	g_ptr_array_unref(http->listeners);
	soup_server_disconnect(http->server);
	g_object_unref(http->server);
	for (unsigned i = 0; i < http->connections->len; i++) {
		struct ap_http_connection *left = http->connections->pdata[i];
		left->http = NULL;
		ap_http_connection_cut(left);
	}
	g_ptr_array_unref(http->connections);
	g_array_unref(http->entries);
	g_strfreev(http->cors_origins);
	g_clear_object(&http->certificate);
	g_free(http);
}

uint16_t ap_http_port(const struct ap_http *http)
{
	return http->port;
}
