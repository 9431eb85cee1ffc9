/*
 * What lies between libsoup and a connection: a look at the head of the request before libsoup reads it. libsoup 3.2
 * forgets to free the path (up to 64 KiB) of every request whose body it cannot delimit, so anyone could make a process
 * grow without end; such requests are refused here, and libsoup sees a connection that broke.
 */
#include "http_internal.h"

#include <string.h>

#define HEAD_MAX 131072 /* libsoup gives up at half of it */

/* Without the spaces and tabs around it, and nothing else (RFC 9110 §5.6.3). */
static char *trimmed(const char *text, size_t len)
{
	for (; len > 0 && (*text == ' ' || *text == '\t'); text++)
		len--;
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	return g_strndup(text, len);
}

/* The value of a header line if it has that name; NULL otherwise. */
static char *value_of(const char *line, const char *name)
{
	const char *colon = strchr(line, ':');
	g_autofree char *own = colon ? trimmed(line, (size_t)(colon - line)) : NULL;
	if (!own || g_ascii_strcasecmp(own, name) != 0)
		return NULL;
	size_t len = strlen(colon + 1);
	return trimmed(colon + 1, len > 0 && colon[len] == '\r' ? len - 1 : len);
}

/* Where bodies end: digits once, or "chunked" once (RFC 9112 §6.1, §6.3). */
static unsigned judge_line(const char *line, const char *next, unsigned *lengths, unsigned *codings)
{
	g_autofree char *length = value_of(line, "Content-Length"), *coding = value_of(line, "Transfer-Encoding");
	bool folded = next && (*next == ' ' || *next == '\t');
	if (coding && (folded || ++*codings > 1 || g_ascii_strcasecmp(coding, "chunked") != 0))
		return 501;
	if (length && (folded || ++*lengths > 1 || !*length || strlen(length) > 18 ||
		       strspn(length, "0123456789") != strlen(length)))
		return 400;
	return 0;
}

unsigned ap_http_head_refusal(const char *head, size_t len)
{
	g_autoptr(GString) text = g_string_sized_new(len);
	unsigned status = 0, lengths = 0, codings = 0;
	for (size_t i = 0; i < len; i++)
		if (head[i] != '\0') /* libsoup leaves them out too */
			g_string_append_c(text, head[i]);
	g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
	for (char **line = lines; *line && status == 0; line++)
		status = judge_line(*line, line[1], &lengths, &codings);
	return status;
}

/* The input. */

#define HEAD_INPUT (head_input_get_type())
G_DECLARE_FINAL_TYPE(HeadInput, head_input, AP, HEAD_INPUT, GFilterInputStream)

struct _HeadInput {
	GFilterInputStream parent;
	GOutputStream *output; /* borrowed from the connection, which holds both */
	GByteArray *head;      /* owned; NULL once it was looked at */
};

static GPollableInputStream *base_of(HeadInput *self)
{
	return G_POLLABLE_INPUT_STREAM(g_filter_input_stream_get_base_stream(G_FILTER_INPUT_STREAM(self)));
}

/* What fits at once: nobody waits for one that sends what is no request. */
static void tell(HeadInput *self, unsigned status)
{
	g_autofree char *text = g_strdup_printf("HTTP/1.1 %u %s\r\nContent-Type: application/problem+json\r\n"
						"Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
						status, soup_status_get_phrase(status), strlen(AP_HTTP_REFUSAL),
						AP_HTTP_REFUSAL);
	if (G_IS_POLLABLE_OUTPUT_STREAM(self->output))
		g_pollable_output_stream_write_nonblocking(G_POLLABLE_OUTPUT_STREAM(self->output), text, strlen(text), NULL,
							   NULL);
}

/* Empty lines before a request do not count (RFC 9112 §2.2). */
static bool is_whole(const GByteArray *head)
{
	size_t at = 0;
	while (at < head->len && strchr("\r\n", head->data[at])) /* a NUL is of them too */
		at++;
	return memmem(head->data + at, head->len - at, "\n\r\n", 3) || memmem(head->data + at, head->len - at, "\n\n", 2);
}

/* Notes what was read; -1 instead of the bytes, or the end, that would complete a head that is refused. */
static gssize look(HeadInput *self, const void *bytes, gssize n, GError **error)
{
	if (n < 0 || !self->head)
		return n;
	g_byte_array_append(self->head, bytes, (unsigned)n);
	bool whole = n == 0 || is_whole(self->head); /* libsoup takes the end of the stream for that of the head */
	if (!whole && self->head->len <= HEAD_MAX)
		return n;
	unsigned status = whole ? ap_http_head_refusal((const char *)self->head->data, self->head->len) : 0;
	g_clear_pointer(&self->head, g_byte_array_unref);
	if (status == 0)
		return n;
	tell(self, status);
	g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "a request without an end");
	return -1;
}

static gssize read_bytes(GInputStream *stream, void *buffer, gsize count, GCancellable *stop, GError **error)
{
	HeadInput *self = AP_HEAD_INPUT(stream);
	return look(self, buffer, g_input_stream_read(G_INPUT_STREAM(base_of(self)), buffer, count, stop, error), error);
}

static gssize read_nonblocking(GPollableInputStream *stream, void *buffer, gsize count, GError **error)
{
	HeadInput *self = AP_HEAD_INPUT(stream);
	gssize n = g_pollable_input_stream_read_nonblocking(base_of(self), buffer, count, NULL, error);
	return look(self, buffer, n, error);
}

static gboolean is_readable(GPollableInputStream *stream)
{
	return g_pollable_input_stream_is_readable(base_of(AP_HEAD_INPUT(stream)));
}

static GSource *create_source(GPollableInputStream *stream, GCancellable *stop)
{
	g_autoptr(GSource) inner = g_pollable_input_stream_create_source(base_of(AP_HEAD_INPUT(stream)), NULL);
	return g_pollable_source_new_full(stream, inner, stop);
}

static void pollable_init(GPollableInputStreamInterface *interface)
{
	interface->read_nonblocking = read_nonblocking;
	interface->is_readable = is_readable;
	interface->create_source = create_source;
}

G_DEFINE_FINAL_TYPE_WITH_CODE(HeadInput, head_input, G_TYPE_FILTER_INPUT_STREAM,
			      G_IMPLEMENT_INTERFACE(G_TYPE_POLLABLE_INPUT_STREAM, pollable_init))

static void finalize(GObject *object)
{
	g_clear_pointer(&AP_HEAD_INPUT(object)->head, g_byte_array_unref);
	G_OBJECT_CLASS(head_input_parent_class)->finalize(object);
}

static void head_input_class_init(HeadInputClass *class)
{
	G_OBJECT_CLASS(class)->finalize = finalize;
	G_INPUT_STREAM_CLASS(class)->read_fn = read_bytes;
}

static void head_input_init(HeadInput *self)
{
	self->head = g_byte_array_new();
}

/* The connection as libsoup gets it: the same in all but its input. */

#define HEAD_STREAM (head_stream_get_type())
G_DECLARE_FINAL_TYPE(HeadStream, head_stream, AP, HEAD_STREAM, GIOStream)

struct _HeadStream {
	GIOStream parent;
	GIOStream *base;     /* owned */
	GInputStream *input; /* owned */
};

G_DEFINE_FINAL_TYPE(HeadStream, head_stream, G_TYPE_IO_STREAM)

static GInputStream *get_input(GIOStream *stream)
{
	return AP_HEAD_STREAM(stream)->input;
}

static GOutputStream *get_output(GIOStream *stream)
{
	return g_io_stream_get_output_stream(AP_HEAD_STREAM(stream)->base);
}

static gboolean close_base(GIOStream *stream, GCancellable *stop, GError **error)
{
	return g_io_stream_close(AP_HEAD_STREAM(stream)->base, stop, error);
}

static void stream_finalize(GObject *object)
{
	HeadStream *self = AP_HEAD_STREAM(object);
	G_OBJECT_CLASS(head_stream_parent_class)->finalize(object); /* closes */
	g_object_unref(self->input);
	g_object_unref(self->base);
}

static void head_stream_class_init(HeadStreamClass *class)
{
	G_OBJECT_CLASS(class)->finalize = stream_finalize;
	G_IO_STREAM_CLASS(class)->get_input_stream = get_input;
	G_IO_STREAM_CLASS(class)->get_output_stream = get_output;
	G_IO_STREAM_CLASS(class)->close_fn = close_base;
}

static void head_stream_init(HeadStream *self)
{
	(void)self;
}

GIOStream *ap_http_head_stream(GIOStream *base)
{
	HeadStream *self = g_object_new(HEAD_STREAM, NULL);
	self->base = g_object_ref(base);
	self->input = g_object_new(HEAD_INPUT, "base-stream", g_io_stream_get_input_stream(base), "close-base-stream", FALSE,
				   NULL);
	AP_HEAD_INPUT(self->input)->output = g_io_stream_get_output_stream(base);
	return G_IO_STREAM(self);
}
