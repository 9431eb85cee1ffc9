#include "tests/fuzz/fake_http.h"

#include <string.h>

/* ---- the message ---- */

typedef struct {
	GObject parent;
	SoupMessageHeaders *asked, *told;
	SoupMessageBody *body_asked, *body_told;
	GUri *uri;
	const char *method; /* borrowed */
	unsigned status, answers;
} FakeMessage;
typedef GObjectClass FakeMessageClass;

static GType fake_message_get_type(void);
G_DEFINE_TYPE(FakeMessage, fake_message, G_TYPE_OBJECT)

static void fake_message_init(FakeMessage *m)
{
	m->asked = soup_message_headers_new(SOUP_MESSAGE_HEADERS_REQUEST);
	m->told = soup_message_headers_new(SOUP_MESSAGE_HEADERS_RESPONSE);
	m->body_asked = soup_message_body_new();
	m->body_told = soup_message_body_new();
}

static void fake_message_finalize(GObject *object)
{
	FakeMessage *m = (FakeMessage *)object;
	soup_message_headers_unref(m->asked);
	soup_message_headers_unref(m->told);
	soup_message_body_unref(m->body_asked);
	soup_message_body_unref(m->body_told);
	g_uri_unref(m->uri);
	G_OBJECT_CLASS(fake_message_parent_class)->finalize(object);
}

static void fake_message_class_init(FakeMessageClass *class)
{
	GType type = G_TYPE_FROM_CLASS(class);
	class->finalize = fake_message_finalize;
	g_signal_new("wrote-chunk", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
	g_signal_new("wrote-body-data", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_UINT);
}

/* ---- libsoup's functions on it, in place of libsoup's ---- */

#define FAKE(msg) ((FakeMessage *)(msg))

const char *soup_server_message_get_method(SoupServerMessage *msg)
{
	return FAKE(msg)->method;
}

GUri *soup_server_message_get_uri(SoupServerMessage *msg)
{
	return FAKE(msg)->uri;
}

SoupMessageHeaders *soup_server_message_get_request_headers(SoupServerMessage *msg)
{
	return FAKE(msg)->asked;
}

SoupMessageHeaders *soup_server_message_get_response_headers(SoupServerMessage *msg)
{
	return FAKE(msg)->told;
}

SoupMessageBody *soup_server_message_get_request_body(SoupServerMessage *msg)
{
	return FAKE(msg)->body_asked;
}

SoupMessageBody *soup_server_message_get_response_body(SoupServerMessage *msg)
{
	return FAKE(msg)->body_told;
}

guint soup_server_message_get_status(SoupServerMessage *msg)
{
	return FAKE(msg)->status;
}

void soup_server_message_set_status(SoupServerMessage *msg, guint status, const char *phrase)
{
	(void)phrase;
	FAKE(msg)->status = status;
	FAKE(msg)->answers++;
}

GSocketAddress *soup_server_message_get_remote_address(SoupServerMessage *msg)
{
	(void)msg;
	return NULL;
}

void soup_server_message_pause(SoupServerMessage *msg)
{
	(void)msg;
}

void soup_server_message_unpause(SoupServerMessage *msg)
{
	(void)msg;
}

/* All that is sent, also of bodies that libsoup would not keep. */
static GByteArray *sent;

void soup_message_body_append_bytes(SoupMessageBody *body, GBytes *bytes)
{
	gsize len = 0;
	const void *data = g_bytes_get_data(bytes, &len);
	(void)body;
	if (len > 0)
		g_byte_array_append(sent, data, (guint)len);
}

void soup_message_body_complete(SoupMessageBody *body)
{
	(void)body;
}

/* ---- a request ---- */

static void add_headers(FakeMessage *m, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", 16);
	for (char **line = lines; *line; line++) {
		char *colon = strchr(*line, ':');
		if (!colon || colon == *line)
			continue;
		*colon = '\0';
		if (strpbrk(*line, "\r\n\t ") || strpbrk(colon + 1, "\r\n"))
			continue; /* libsoup's parser lets no such thing through */
		soup_message_headers_append(m->asked, *line, g_strstrip(colon + 1));
	}
}

static FakeMessage *message_of(const struct fake_request *request)
{
	g_autofree char *url = g_strconcat("http://localhost", request->target, NULL);
	GUri *uri = *request->target == '/' ? g_uri_parse(url, SOUP_HTTP_URI_FLAGS, NULL) : NULL;
	if (!uri)
		return NULL;
	FakeMessage *m = g_object_new(fake_message_get_type(), NULL);
	m->uri = uri;
	m->method = request->method;
	add_headers(m, request->headers);
	return m;
}

static struct ap_http_call *call_of(struct ap_http *http, FakeMessage *m, const struct fake_request *request)
{
	struct ap_http_call *call = g_new0(struct ap_http_call, 1);
	call->http = http;
	call->msg = (SoupServerMessage *)m;
	call->connection = request->connection;
	call->body = g_byte_array_new();
	call->params = g_ptr_array_new_with_free_func(g_free);
	call->refs = 1;
	g_autofree char *path = g_uri_unescape_string(g_uri_get_path(m->uri), NULL);
	call->path = g_strdup(path && g_utf8_validate(path, -1, NULL) ? path : "");
	if (g_uri_get_query(m->uri))
		call->query = soup_form_decode(g_uri_get_query(m->uri));
	call->received = strlen(request->body ? request->body : "");
	if (call->received > 0)
		g_byte_array_append(call->body, (const uint8_t *)request->body, (guint)call->received);
	return call;
}

/* The handler's part, and the transport's when pieces are sent. */
static void run(struct ap_http_call *call, FakeMessage *m)
{
	ap_http_call_ref(call); /* the handler's */
	call->entry->route->handler(call, call->entry->ctx);
	for (int i = 0; i < 2000 && !call->answered && call->source.read == NULL; i++)
		if (!g_main_context_iteration(NULL, FALSE))
			g_usleep(100);
	g_assert_true(call->answered);
	for (int i = 0; i < 64 && call->source.done && call->source_at < call->source_end; i++)
		g_signal_emit_by_name(m, "wrote-chunk");
}

static void finish(struct ap_http_call *call)
{
	call->gone = true;
	g_signal_handlers_disconnect_by_data(call->msg, call);
	if (call->connection)
		ap_http_connection_deadline(call->connection, 0);
	ap_http_stream_gone(call);
	ap_http_call_unref(call);
}

bool fake_http_ask(struct ap_http *http, const struct fake_request *request, struct fake_answer *ret_answer)
{
	g_autofree char *allow = NULL;
	FakeMessage *m = message_of(request);
	if (!m)
		return false;
	struct ap_http_call *call = call_of(http, m, request);
	call->entry = ap_http_route_find(http, call, strcmp(request->method, "HEAD") == 0 ? "GET" : request->method, &allow);
	if (!call->entry || call->received > call->entry->route->max_body) {
		ap_http_call_unref(call);
		return false;
	}
	*ret_answer = (struct fake_answer){ .entry = call->entry };
	sent = g_byte_array_new();
	g_object_ref(m);
	run(call, m);
	finish(call);
	ret_answer->status = m->status;
	ret_answer->answers = m->answers;
	ret_answer->body = g_steal_pointer(&sent);
	ret_answer->content_type = g_strdup(soup_message_headers_get_one(m->told, "Content-Type"));
	ret_answer->content_range = g_strdup(soup_message_headers_get_one(m->told, "Content-Range"));
	g_object_unref(m);
	return true;
}

void fake_answer_clear(struct fake_answer *answer)
{
	g_clear_pointer(&answer->body, g_byte_array_unref);
	g_free(answer->content_type);
	g_free(answer->content_range);
	*answer = (struct fake_answer){ 0 };
}
