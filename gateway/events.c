#include "events.h"

#include <sodium.h>
#include <string.h>

struct ap_event_stream {
	struct ap_events *events;  /* borrowed; NULL when those are gone */
	struct ap_http_call *call; /* borrowed until closed() */
	struct ap_uuid session;
	enum ap_role role;
	uint8_t token[AP_TOKEN_HASH];
	char page[AP_PAGE_MAX + 1];
	int64_t opened_ns;
	uint64_t last_id;
};

struct ap_events {
	GPtrArray *streams; /* owned struct ap_event_stream* */
	size_t max;
	void (*gone)(void *ctx, const struct ap_uuid *session);
	void *ctx;
};

struct ap_events *ap_events_new(size_t max, void (*gone)(void *ctx, const struct ap_uuid *session), void *ctx)
{
	struct ap_events *e = g_new0(struct ap_events, 1);
	e->streams = g_ptr_array_new();
	e->max = max;
	e->gone = gone;
	e->ctx = ctx;
	return e;
}

/* A snapshot, because ending a stream changes the list. */
static GPtrArray *snapshot(const struct ap_events *e)
{
	return g_ptr_array_copy(e->streams, NULL, NULL);
}

void ap_events_free(struct ap_events *e)
{
	if (!e)
		return;
	g_autoptr(GPtrArray) all = snapshot(e);
	for (unsigned i = 0; i < all->len; i++) {
		struct ap_event_stream *stream = all->pdata[i];
		stream->events = NULL;
		ap_http_stream_end(stream->call);
	}
	g_ptr_array_unref(e->streams);
	g_free(e);
}

size_t ap_events_count(const struct ap_events *e)
{
	return e->streams->len;
}

bool ap_events_full(const struct ap_events *e)
{
	return e->streams->len >= e->max;
}

bool ap_events_many(const struct ap_events *e, const uint8_t token[AP_TOKEN_HASH])
{
	size_t mine = 0;
	for (unsigned i = 0; i < e->streams->len; i++) {
		const struct ap_event_stream *stream = e->streams->pdata[i];
		mine += sodium_memcmp(stream->token, token, AP_TOKEN_HASH) == 0;
	}
	return mine >= AP_EVENTS_A_TOKEN;
}

static void closed(void *ctx)
{
	struct ap_event_stream *stream = ctx;
	struct ap_events *e = stream->events;
	if (e) {
		g_ptr_array_remove_fast(e->streams, stream);
		e->gone(e->ctx, &stream->session);
	}
	g_free(stream);
}

struct ap_event_stream *ap_events_open(struct ap_events *e, struct ap_http_call *call, const struct ap_party *party,
				       const char *page, int64_t now_ns)
{
	struct ap_event_stream init = { .events = e,
					.call = call,
					.session = party->session,
					.role = party->role,
					.opened_ns = now_ns };
	struct ap_event_stream *stream = g_memdup2(&init, sizeof init);
	ap_copy(stream->token, sizeof stream->token, party->token, AP_TOKEN_HASH);
	g_strlcpy(stream->page, page, sizeof stream->page);
	g_ptr_array_add(e->streams, stream);
	ap_http_answer_stream(call, "text/event-stream", closed, stream);
	return g_ptr_array_find(e->streams, stream, NULL) ? stream : NULL;
}

/* Every line of the data gets its own field, so that a sender's line break cannot forge one. */
void ap_event_stream_send(struct ap_event_stream *stream, const char *event, const char *json)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_auto(GStrv) lines = g_strsplit_set(json, "\r\n", -1);
	g_string_append_printf(text, "id: %" G_GUINT64_FORMAT "\nevent: %s\n", ++stream->last_id, event);
	for (char **line = lines; *line; line++)
		g_string_append_printf(text, "data: %s\n", *line);
	g_string_append_c(text, '\n');
	ap_http_stream_send(stream->call, text->str);
}

void ap_events_send(struct ap_events *e, const struct ap_uuid *session, const enum ap_role *role, const char *event,
		    const char *json)
{
	g_autoptr(GPtrArray) all = snapshot(e);
	for (unsigned i = 0; i < all->len; i++) {
		struct ap_event_stream *stream = all->pdata[i];
		if (ap_uuid_equal(&stream->session, session) && (!role || *role == stream->role))
			ap_event_stream_send(stream, event, json);
	}
}

char *ap_events_reason(const char *reason)
{
	g_autoptr(JsonBuilder) b = json_builder_new();
	json_builder_begin_object(b);
	json_builder_set_member_name(b, "reason");
	json_builder_add_string_value(b, reason);
	json_builder_end_object(b);
	g_autoptr(JsonNode) root = json_builder_get_root(b);
	return json_to_string(root, FALSE);
}

static bool was_replaced(const struct ap_event_stream *stream, const char *page, int64_t since_ns)
{
	return stream->page[0] && page[0] ? strcmp(stream->page, page) != 0 : stream->opened_ns <= since_ns;
}

void ap_events_replaced(struct ap_events *e, const struct ap_uuid *session, enum ap_role role, const char *page,
			int64_t since_ns, const char *resource)
{
	g_autofree char *json = g_strdup_printf("{\"reason\":\"replaced\",\"media\":\"/v1/media/%s\"}", resource);
	g_autoptr(GPtrArray) all = snapshot(e);
	for (unsigned i = 0; i < all->len; i++) {
		struct ap_event_stream *stream = all->pdata[i];
		if (ap_uuid_equal(&stream->session, session) && stream->role == role &&
		    was_replaced(stream, page, since_ns))
			ap_event_stream_send(stream, "end", json);
	}
}

static void end(struct ap_event_stream *stream, const char *reason)
{
	g_autofree char *json = ap_events_reason(reason);
	ap_event_stream_send(stream, "end", json);
	ap_http_stream_end(stream->call);
}

void ap_events_end_session(struct ap_events *e, const struct ap_uuid *session, const char *reason)
{
	g_autoptr(GPtrArray) all = snapshot(e);
	for (unsigned i = 0; i < all->len; i++) {
		struct ap_event_stream *stream = all->pdata[i];
		if (ap_uuid_equal(&stream->session, session))
			end(stream, reason);
	}
}

void ap_events_end_token(struct ap_events *e, const uint8_t hash[AP_TOKEN_HASH], const char *reason)
{
	g_autoptr(GPtrArray) all = snapshot(e);
	for (unsigned i = 0; i < all->len; i++) {
		struct ap_event_stream *stream = all->pdata[i];
		if (sodium_memcmp(stream->token, hash, AP_TOKEN_HASH) == 0)
			end(stream, reason);
	}
}

void ap_events_heartbeat(struct ap_events *e)
{
	g_autoptr(GPtrArray) all = snapshot(e);
	for (unsigned i = 0; i < all->len; i++)
		ap_http_stream_send(((struct ap_event_stream *)all->pdata[i])->call, ": still here\n\n");
}
