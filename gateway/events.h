/*
 * Server-sent events (HTML Standard §9.2) to the persons' pages: one stream per GET /v1/events.
 *
 * Streams belong to a session and role, remember the hash of the token they were opened with and, when the client
 * told it, which page it is (header Aparte-Page), so that a page is not told that it replaced itself.
 *
 * Threads: main thread.
 */
#pragma once

#include "gateway/session.h"

#include <aparte/http.h>

#define AP_PAGE_MAX 64
#define AP_EVENTS_A_TOKEN 16

struct ap_events; /* opaque */

/* `max`: streams in all. `gone` comes whenever a stream of a session ended. */
struct ap_events *ap_events_new(size_t max, void (*gone)(void *ctx, const struct ap_uuid *session), void *ctx);
/* Ends all streams. */
void ap_events_free(struct ap_events *e);
size_t ap_events_count(const struct ap_events *e);
bool ap_events_full(const struct ap_events *e);
/* Whether a token has as many streams as one person's pages ever need: AP_EVENTS_A_TOKEN. */
bool ap_events_many(const struct ap_events *e, const uint8_t token[AP_TOKEN_HASH]);

struct ap_event_stream; /* opaque; gone after its client left: never keep it beyond the call that made it */

/* Answers `call` with a stream; NULL when the client has left already. The caller sends the first events at once.
 * `page` is "" when unknown. */
struct ap_event_stream *ap_events_open(struct ap_events *e, struct ap_http_call *call, const struct ap_party *party,
				       const char *page, int64_t now_ns);
void ap_event_stream_send(struct ap_event_stream *stream, const char *event, const char *json);

/* To all streams of a session; `role` NULL: both. */
void ap_events_send(struct ap_events *e, const struct ap_uuid *session, const enum ap_role *role, const char *event,
		    const char *json);
/* `end` with reason "replaced" and the resource that was (`media`) to those pages of a person that are not the one that took over: other pages by name,
 * and, where names are missing, those that were there before the replaced leg (`since_ns`). */
void ap_events_replaced(struct ap_events *e, const struct ap_uuid *session, enum ap_role role, const char *page,
			int64_t since_ns, const char *resource);
/* Sends `end` with that reason and ends the streams. */
void ap_events_end_session(struct ap_events *e, const struct ap_uuid *session, const char *reason);
void ap_events_end_token(struct ap_events *e, const uint8_t hash[AP_TOKEN_HASH], const char *reason);
/* A comment to every stream, so that proxies and clients see life; every 15 s. */
void ap_events_heartbeat(struct ap_events *e);

/* {"reason":"…"}; g_free. */
char *ap_events_reason(const char *reason);
