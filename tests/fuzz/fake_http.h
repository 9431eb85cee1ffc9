/*
 * Requests to our HTTP server without sockets: routing, reading and answering are the product's (common/http*.c), the
 * message of libsoup under them is a stand-in that keeps what it was told. One request at a time.
 */
#pragma once

#include "common/http_internal.h"

#include <stdbool.h>

struct fake_request {
	const char *method, *target; /* path and query, as on the wire */
	const char *headers;	     /* "Name: value" lines */
	const char *body;
	struct ap_http_connection *connection; /* NULL: over TCP, client gone unknown */
};

struct fake_answer {
	const struct ap_http_entry *entry; /* NULL: no route, nothing was asked; the rest is empty then */
	unsigned status;
	unsigned answers; /* how often a status was set: once */
	GByteArray *body; /* owned */
	char *content_type, *content_range; /* owned; NULL without */
};

/* Routes the request to its handler and waits for the answer. False when the target is no URI or fits no route. */
bool fake_http_ask(struct ap_http *http, const struct fake_request *request, struct fake_answer *ret_answer);
void fake_answer_clear(struct fake_answer *answer);
