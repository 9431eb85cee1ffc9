/*
 * The HTTP server of gateway and vault, on libsoup: a table of routes, problem+json answers (RFC 9457), bearer
 * tokens, bounded bodies, byte ranges (RFC 9110 §14) and streams, security headers, CORS.
 *
 * A request is a struct ap_http_call. Its handler answers at once or later, exactly once, by one of the ap_http_answer
 * functions; until then the client waits. A client that hangs up earlier changes nothing for the handler: the
 * call stays valid until it is answered, and the answer goes nowhere.
 *
 * Bodies are counted while they stream in: one longer than the route allows is dropped as it comes and answered 413,
 * and a client that does not stop is cut off. A wrong Content-Type is answered 415 before the handler runs. A path
 * that only other methods serve is answered 405 with Allow; HEAD is served by GET's handler; OPTIONS by CORS.
 *
 * Every answer carries nosniff, no-referrer, no-store, CORP same-origin and a Content-Security-Policy that allows
 * nothing; static_files.h replaces the last for pages.
 *
 * Threads: everything on the thread whose default GMainContext made the server.
 */
#pragma once

#include <aparte/err.h>
#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <stddef.h>
#include <stdint.h>

struct ap_http;	     /* opaque: a server with its routes and listeners */
struct ap_http_call; /* opaque: one request */

typedef void (*ap_http_handler)(struct ap_http_call *call, void *ctx);

struct ap_http_route {
	const char *method;  /* "GET" */
	const char *path;    /* "/v1/sessions/{id}": {…} is one segment; a last segment "*" is all that is left */
	ap_http_handler handler;
	size_t max_body;     /* bytes; 0: a body is refused (but an empty one) */
	const char *media;   /* Content-Type the body must have; NULL: application/json; "*": any */
};

struct ap_http_options {
	const char *const *cors_origins; /* copied; NULL or empty: no CORS */
	/* 0: 4096, and never more than three quarters of the descriptors there may be. A further one takes the place of who
	 * has been connected longest without a whole request; when all have asked, it is told 503. */
	size_t max_connections;
	unsigned idle_seconds;		 /* 0: 30; to send a whole request, and between two requests */
	/* Before any handler; a failure is the answer (429 with *ret_retry_after seconds). May be NULL. */
	struct ap_result (*guard)(struct ap_http_call *call, void *ctx, unsigned *ret_retry_after);
	void *ctx; /* borrowed, for guard */
};

struct ap_http *ap_http_new(const struct ap_http_options *options);
/* Stops listening and cuts all connections. Calls not answered yet stay valid until they are. */
void ap_http_free(struct ap_http *http);
/* `routes` and `ctx` are borrowed for the server's life. The first route that fits wins. */
void ap_http_add_routes(struct ap_http *http, const struct ap_http_route *routes, size_t count, void *ctx);
/*
 * All listeners added later speak TLS, and nothing else; answers carry HSTS (RFC 6797). The descriptors are of PEM
 * files, the chain beginning with our certificate and its key in clear; they are read from their beginning and stay
 * the caller's. "tls" on failure.
 */
struct ap_result ap_http_use_tls(struct ap_http *http, int certificate, int key);
/* Serves a listening TCP or Unix socket; `fd` is owned from here on, on failure too. */
struct ap_result ap_http_listen(struct ap_http *http, int fd);
/* The port of the first TCP listener, 0 without one. */
uint16_t ap_http_port(const struct ap_http *http);

/* The request. Everything is borrowed until the answer. */
const char *ap_http_method(const struct ap_http_call *call);
const char *ap_http_path(const struct ap_http_call *call); /* decoded */
/* The text that {n}th segment (from 0) of the route matched, valid UTF-8; NULL beyond the last. */
const char *ap_http_param(const struct ap_http_call *call, size_t n);
/* A query parameter, decoded, valid UTF-8; NULL without it. */
const char *ap_http_query(const struct ap_http_call *call, const char *name);
/* The query as sent, "" without one. */
const char *ap_http_query_text(const struct ap_http_call *call);
const char *ap_http_header(const struct ap_http_call *call, const char *name);
/* A cookie's value, NULL without it. */
const char *ap_http_cookie(const struct ap_http_call *call, const char *name);
/* The bearer token (RFC 6750 §2.1), NULL when absent, not b64token, or longer than AP_MAX_TOKEN. */
const char *ap_http_bearer(const struct ap_http_call *call);
/* The client's address without port; "unix" on a Unix socket. */
const char *ap_http_client(const struct ap_http_call *call);
/* For peer credentials; NULL when the client is gone. */
GSocket *ap_http_socket(const struct ap_http_call *call);
GBytes *ap_http_body(const struct ap_http_call *call);
/* The body as text; NULL when it has a NUL or is not UTF-8. */
const char *ap_http_body_text(const struct ap_http_call *call);
/* The body as a JSON object (at most 32 levels deep); "malformed" otherwise. json_object_unref. */
struct ap_result ap_http_body_json(const struct ap_http_call *call, JsonObject **ret_object);
/* A member that must be there as text; "malformed" otherwise. Borrowed from the object. */
struct ap_result ap_http_json_text(JsonObject *object, const char *name, const char **ret_text);

/* Headers of the answer, before answering; replaces one of the same name. */
void ap_http_set_header(struct ap_http_call *call, const char *name, const char *value);
/* Adds one more of that name (Set-Cookie, Link). */
void ap_http_add_header(struct ap_http_call *call, const char *name, const char *value);

/* Answers: each ends the handler's use of the call. */
void ap_http_answer(struct ap_http_call *call, unsigned status, const char *content_type, GBytes *body);
void ap_http_answer_text(struct ap_http_call *call, unsigned status, const char *content_type, const char *text);
/* JSON that is already text. */
void ap_http_answer_json_text(struct ap_http_call *call, unsigned status, const char *json);
/* Takes the node. */
void ap_http_answer_json(struct ap_http_call *call, unsigned status, JsonNode *json);
void ap_http_answer_empty(struct ap_http_call *call, unsigned status);
/* Problem by its name in aparte/problem.h; adds Retry-After to rate and vault-unavailable, WWW-Authenticate to 401. */
void ap_http_answer_problem(struct ap_http_call *call, const char *name, const char *detail);
/* A status that has no problem of its own (405, 412, 428): type about:blank (RFC 9457 §4.2.1). */
void ap_http_answer_status(struct ap_http_call *call, unsigned status, const char *detail);
/* A problem from a failed result: names that are not in the table are answered as internal, without detail. */
void ap_http_answer_failure(struct ap_http_call *call, struct ap_result failure);

/*
 * Bytes from a source of known size, honouring Range: 200, 206 or 416, HEAD, the end clamped. The source is
 * asked for one piece at a time, when the client can take it, and little is left waiting in the kernel, so that what is
 * cut is cut for a slow reader too.
 */
struct ap_http_source {
	uint64_t size;
	/* Asks for exactly `length` (<= 1 MiB) bytes at `offset`; ap_http_source_give or _fail answers, at once or later.
	 * Fewer bytes than asked cut the connection. */
	void (*read)(void *ctx, struct ap_http_call *call, uint64_t offset, uint32_t length);
	/* Once, when all is sent or the client left. The `call` is gone then, unless a read is unanswered. */
	void (*done)(void *ctx);
	void *ctx; /* borrowed until done */
};
void ap_http_answer_source(struct ap_http_call *call, const char *content_type, const struct ap_http_source *source);
void ap_http_source_give(struct ap_http_call *call, GBytes *bytes);
/* Ends one that is under way although no read is unanswered: the connection is reset, and what the kernel still held of
 * the answer is dropped, so that a slow reader gets nothing more. Not after `done`. */
void ap_http_source_cut(struct ap_http_call *call);
/* Before the first byte: a problem; later: the connection is cut, so that the client cannot take a part for the whole. */
void ap_http_source_fail(struct ap_http_call *call, const char *name, const char *detail);

/*
 * An open-ended answer (server-sent events). `closed` comes once, when the client left, fell more than 256 KiB
 * behind, or after ap_http_stream_end; the call is gone then.
 */
void ap_http_answer_stream(struct ap_http_call *call, const char *content_type, void (*closed)(void *ctx), void *ctx);
void ap_http_stream_send(struct ap_http_call *call, const char *text);
void ap_http_stream_end(struct ap_http_call *call);
