/*
 * What the files of the HTTP server share: http.c (routes, life of a call), http_listen.c (connections), http_head.c
 * (what libsoup may see), http_tls.c (certificate), http_request.c (reading), http_answer.c (answering), http_stream.c (sources and streams). Not for anyone else.
 *
 * A call has up to two owners: the transport, from the first byte of the request until libsoup is done with the
 * message, and the handler, from dispatch to answer. It is freed with the last of them.
 */
#pragma once

#include <aparte/http.h>
#include <libsoup/soup.h>
#include <stdbool.h>

#define AP_HTTP_PIECE 262144	    /* bytes asked of a source at a time */
#define AP_HTTP_BACKLOG 262144	    /* bytes a stream may be behind */
#define AP_HTTP_WRITE_SECONDS 60    /* for a client to take an answer, or one piece of it */
#define AP_HTTP_UNSENT 65536	    /* bytes of a source that the kernel may hold unsent */
#define AP_HTTP_DRAIN 262144	    /* bytes beyond the cap that are still read, so that the 413 arrives */

struct ap_http_entry {
	const struct ap_http_route *route; /* borrowed */
	char **parts;			   /* owned: the pattern's segments */
	void *ctx;			   /* borrowed */
};

struct ap_http {
	SoupServer *server;	      /* owned */
	GTlsCertificate *certificate; /* owned, NULL: plain */
	GPtrArray *listeners;	      /* owned GSource*, destroyed at the end */
	GArray *entries;	      /* owned struct ap_http_entry */
	GPtrArray *connections;	      /* borrowed struct ap_http_connection*, all that live */
	size_t max_connections;	      /* what the options and the descriptors there are allow */
	char **cors_origins;	      /* owned */
	struct ap_http_options options;
	uint16_t port;
};

/* Lives as long as the remote address object that libsoup keeps with its connection. */
struct ap_http_connection {
	struct ap_http *http; /* borrowed; NULL once the server is freed */
	GSocket *socket;      /* owned */
	GSource *deadline;    /* owned; NULL: none */
	int64_t since_us;     /* accepted */
	bool asked;	      /* its request is whole, or refused */
	char client[48];      /* the peer's address */
};

struct ap_http_call {
	/* borrowed */
	struct ap_http *http; /* NULL once the server is freed */
	const struct ap_http_entry *entry;
	struct ap_http_connection *connection;

	/* owned */
	SoupServerMessage *msg;
	char *path;
	GPtrArray *params;
	GHashTable *query;
	GByteArray *body;
	GBytes *body_bytes; /* lazily, from body */
	char *bearer;
	char *cookie;

	/* state */
	unsigned refs;
	size_t received;   /* bytes of the body, dropped ones too */
	size_t sent;	   /* bytes of a stream or source that libsoup wrote */
	size_t queued;	   /* bytes of a stream or source given to libsoup */
	bool gone;	   /* libsoup is done with the message */
	bool paused;	   /* libsoup waits for our answer */
	bool answered;
	bool closing;	   /* a stream that was ended */
	GSource *hangup;   /* owned: watches a stream's socket */
	struct ap_http_source source;
	uint64_t source_at, source_end; /* next byte to ask for, and one past the last */
	bool source_asked;
	unsigned source_status;
	bool source_headed; /* the status line of a source is fixed */
	char *source_type;  /* owned */
	void (*closed)(void *ctx);
	void *closed_ctx;
};

void ap_http_call_ref(struct ap_http_call *call);
void ap_http_call_unref(struct ap_http_call *call);

/* NULL when the message came over something we did not accept. */
struct ap_http_connection *ap_http_connection_of(SoupServerMessage *msg);
/* Arms (seconds > 0) or disarms (0) the time after which the connection is cut. */
void ap_http_connection_deadline(struct ap_http_connection *connection, unsigned seconds);
void ap_http_connection_cut(struct ap_http_connection *connection);
/* The same, but what was written and has not left the kernel is dropped. */
void ap_http_connection_reset(struct ap_http_connection *connection);
/* From here on the kernel takes in about so much more than the client's window allows to be sent. */
void ap_http_connection_keep_little(struct ap_http_connection *connection);

/* Fixes status and common headers; the caller adds the body and calls ap_http_release. */
void ap_http_begin(struct ap_http_call *call, unsigned status, const char *content_type);
/* Lets libsoup go on, and ends the handler's hold on the call. */
void ap_http_release(struct ap_http_call *call);
/* After the transport let go of a streamed call. */
void ap_http_stream_gone(struct ap_http_call *call);

/* What libsoup, and we before it, answer to bytes that are no request. */
#define AP_HTTP_REFUSAL                                                \
	"{\"type\":\"urn:aparte:error:malformed\",\"title\":\"Malformed\"," \
	"\"detail\":\"The request line or its headers are not valid HTTP/1.1.\"}"

/* A connection for libsoup: `base`, but that a request of which libsoup could not tell the end is answered here and
 * then fails to be read (http_head.c says why). Holds `base`; g_object_unref. */
GIOStream *ap_http_head_stream(GIOStream *base);
/* The status that such a head is refused with (400, 501); 0: none. Pure. */
unsigned ap_http_head_refusal(const char *head, size_t len);

/* The entry for method and path; sets params. NULL with *ret_allow (g_free) listing methods, NULL when none. */
const struct ap_http_entry *ap_http_route_find(struct ap_http *http, struct ap_http_call *call, const char *method,
					       char **ret_allow);
