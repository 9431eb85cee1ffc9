/* Answers that are sent piece by piece: sources of known size, and open-ended streams. */
#include "http_internal.h"

#include <string.h>
#include <sys/socket.h>

static SoupMessageBody *body_of(struct ap_http_call *call)
{
	return soup_server_message_get_response_body(call->msg);
}

static void append(struct ap_http_call *call, GBytes *bytes)
{
	call->queued += g_bytes_get_size(bytes);
	soup_message_body_append_bytes(body_of(call), bytes);
	soup_server_message_unpause(call->msg);
}

static void cut(struct ap_http_call *call)
{
	if (!call->gone && call->connection)
		ap_http_connection_cut(call->connection);
	/* A filler wakes libsoup, which then meets the closed socket; it is never sent. */
	g_autoptr(GBytes) filler = g_bytes_new_static("", 1);
	if (!call->gone)
		append(call, filler);
}

static void reset(struct ap_http_call *call)
{
	if (!call->gone && call->connection)
		ap_http_connection_reset(call->connection);
	cut(call);
}

/* Ranges: RFC 9110 §14.1.2, one range of bytes; anything else is answered whole, as §14.2 allows. */

enum range { RANGE_WHOLE, RANGE_PART, RANGE_BEYOND };

static bool parse_number(const char **at, uint64_t *ret_number)
{
	char *end = NULL;
	if (!g_ascii_isdigit(**at))
		return false;
	*ret_number = g_ascii_strtoull(*at, &end, 10);
	*at = end;
	return true;
}

static enum range parse_range(const char *header, uint64_t size, uint64_t *ret_start, uint64_t *ret_end)
{
	uint64_t first = 0, last = UINT64_MAX;
	if (!header || g_ascii_strncasecmp(header, "bytes=", 6) != 0)
		return RANGE_WHOLE;
	const char *at = header + 6;
	bool has_first = parse_number(&at, &first);
	if (*at++ != '-')
		return RANGE_WHOLE;
	bool has_last = parse_number(&at, &last);
	if (*at != '\0' || (!has_first && !has_last) || (has_first && has_last && last < first))
		return RANGE_WHOLE;
	if (!has_first) {
		first = last >= size ? 0 : size - last;
		last = last == 0 ? 0 : UINT64_MAX;
	}
	if (first >= size || (!has_first && last == 0))
		return RANGE_BEYOND;
	*ret_start = first;
	*ret_end = last >= size ? size : last + 1;
	return RANGE_PART;
}

static void head_source(struct ap_http_call *call, enum range range)
{
	g_autofree char *text = NULL;
	SoupMessageHeaders *headers = soup_server_message_get_response_headers(call->msg);
	if (range == RANGE_PART)
		text = g_strdup_printf("bytes %" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT,
				       call->source_at, call->source_end - 1, call->source.size);
	else if (range == RANGE_BEYOND)
		text = g_strdup_printf("bytes */%" G_GUINT64_FORMAT, call->source.size);
	if (text)
		ap_http_set_header(call, "Content-Range", text);
	ap_http_set_header(call, "Accept-Ranges", "bytes");
	soup_message_headers_set_content_length(headers, (goffset)(call->source_end - call->source_at));
	soup_message_body_set_accumulate(body_of(call), FALSE);
}

static void source_done(struct ap_http_call *call)
{
	void (*done)(void *ctx) = call->source.done;
	call->source.done = NULL;
	if (done)
		done(call->source.ctx);
}

static void ask_source(struct ap_http_call *call)
{
	if (call->gone || call->source_asked)
		return;
	if (call->source_at >= call->source_end) {
		soup_message_body_complete(body_of(call));
		soup_server_message_unpause(call->msg);
		return;
	}
	call->source_asked = true;
	ap_http_call_ref(call); /* the read's, until it is answered */
	call->source.read(call->source.ctx, call, call->source_at,
			  (uint32_t)MIN(call->source_end - call->source_at, AP_HTTP_PIECE));
}

static void wrote_piece(SoupServerMessage *msg, struct ap_http_call *call)
{
	(void)msg;
	if (call->connection)
		ap_http_connection_deadline(call->connection, AP_HTTP_WRITE_SECONDS);
	ask_source(call);
}

/* The status line waits for the first piece, so that a source that fails at once is answered with its problem. */
void ap_http_answer_source(struct ap_http_call *call, const char *content_type, const struct ap_http_source *source)
{
	call->source = *source;
	call->source_end = source->size;
	call->source_type = g_strdup(content_type);
	bool head = strcmp(ap_http_method(call), "HEAD") == 0;
	const char *header = head ? NULL : ap_http_header(call, "Range");
	enum range range = call->gone ? RANGE_BEYOND :
					parse_range(header, source->size, &call->source_at, &call->source_end);
	if (head || range == RANGE_BEYOND || call->source_at == call->source_end) {
		call->source_at = range == RANGE_BEYOND ? call->source_end : 0;
		ap_http_begin(call, range == RANGE_BEYOND ? 416 : 200, content_type);
		if (!call->gone) {
			head_source(call, range);
			soup_message_body_complete(body_of(call));
		}
		source_done(call);
		ap_http_release(call);
		return;
	}
	head_source(call, range);
	if (call->connection)
		ap_http_connection_keep_little(call->connection);
	g_signal_connect(call->msg, "wrote-chunk", G_CALLBACK(wrote_piece), call);
	call->source_status = range == RANGE_PART ? 206 : 200;
	ask_source(call);
}

void ap_http_source_give(struct ap_http_call *call, GBytes *bytes)
{
	size_t size = g_bytes_get_size(bytes);
	bool first = !call->source_headed;
	call->source_asked = false;
	if (first) {
		call->source_headed = true;
		ap_http_begin(call, call->source_status, call->source_type);
	}
	uint64_t wanted = MIN(call->source_end - call->source_at, AP_HTTP_PIECE);
	if (!call->gone) {
		if (size == wanted) {
			call->source_at += size;
			append(call, bytes);
		} else {
			cut(call);
		}
	} else {
		source_done(call);
	}
	if (first)
		ap_http_release(call);
	ap_http_call_unref(call);
}

void ap_http_source_fail(struct ap_http_call *call, const char *name, const char *detail)
{
	call->source_asked = false;
	if (!call->source_headed) {
		SoupMessageHeaders *headers = soup_server_message_get_response_headers(call->msg);
		soup_message_headers_remove(headers, "Content-Range");
		soup_message_headers_remove(headers, "Accept-Ranges");
		soup_message_headers_remove(headers, "Content-Length");
		soup_message_body_set_accumulate(body_of(call), TRUE);
		call->source_end = call->source_at;
		source_done(call);
		ap_http_answer_problem(call, name, detail);
	} else if (!call->gone) {
		reset(call);
	} else {
		source_done(call);
	}
	ap_http_call_unref(call);
}

/* One whose read is unanswered meets the closed socket with its next piece. */
void ap_http_source_cut(struct ap_http_call *call)
{
	if (!call->gone && call->source_headed && !call->closing) {
		call->closing = true;
		reset(call);
	}
}

/* Open-ended streams. */

static void stop_watch(struct ap_http_call *call)
{
	if (!call->hangup)
		return;
	g_source_destroy(call->hangup);
	g_clear_pointer(&call->hangup, g_source_unref);
}

/* libsoup does not look at the socket while it waits for our next piece: a client that left is noticed here. */
static gboolean readable(GSocket *socket, GIOCondition condition, void *data)
{
	struct ap_http_call *call = data;
	char byte;
	GInputVector vector = { &byte, 1 };
	int flags = MSG_PEEK;
	gssize n = g_socket_receive_message(socket, NULL, &vector, 1, NULL, NULL, &flags, NULL, NULL);
	g_clear_pointer(&call->hangup, g_source_unref);
	if (n > 0 && !(condition & (G_IO_HUP | G_IO_ERR)))
		return G_SOURCE_REMOVE; /* the client talks on (TLS, or the next request): its writes will tell */
	if (!call->closing) {
		call->closing = true;
		cut(call);
	}
	return G_SOURCE_REMOVE;
}

static void wrote_bytes(SoupServerMessage *msg, unsigned size, struct ap_http_call *call)
{
	(void)msg;
	call->sent += size;
}

void ap_http_answer_stream(struct ap_http_call *call, const char *content_type, void (*closed)(void *ctx), void *ctx)
{
	call->closed = closed;
	call->closed_ctx = ctx;
	ap_http_begin(call, 200, content_type);
	if (call->gone) {
		ap_http_stream_gone(call);
		ap_http_release(call);
		return;
	}
	soup_message_headers_set_encoding(soup_server_message_get_response_headers(call->msg), SOUP_ENCODING_CHUNKED);
	soup_message_body_set_accumulate(body_of(call), FALSE);
	g_signal_connect(call->msg, "wrote-body-data", G_CALLBACK(wrote_bytes), call);
	if (call->connection) {
		ap_http_connection_deadline(call->connection, 0);
		call->hangup = g_socket_create_source(call->connection->socket, G_IO_IN | G_IO_HUP, NULL);
		g_source_set_callback(call->hangup, G_SOURCE_FUNC(readable), call, NULL);
		g_source_attach(call->hangup, g_main_context_get_thread_default());
	}
	ap_http_release(call);
}

void ap_http_stream_send(struct ap_http_call *call, const char *text)
{
	if (call->gone || call->closing)
		return;
	if (call->queued - call->sent > AP_HTTP_BACKLOG) {
		call->closing = true;
		cut(call);
		return;
	}
	g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
	append(call, bytes);
}

void ap_http_stream_end(struct ap_http_call *call)
{
	if (call->gone || call->closing)
		return;
	call->closing = true;
	stop_watch(call);
	if (call->connection)
		ap_http_connection_deadline(call->connection, AP_HTTP_WRITE_SECONDS);
	soup_message_body_complete(body_of(call));
	soup_server_message_unpause(call->msg);
}

void ap_http_stream_gone(struct ap_http_call *call)
{
	stop_watch(call);
	void (*closed)(void *ctx) = call->closed;
	call->closed = NULL;
	if (closed)
		closed(call->closed_ctx);
	if (!call->source_asked)
		source_done(call);
}
