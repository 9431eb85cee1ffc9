/*
 * What persons ask for (R18, R20, R21): erasure, access, portability, restriction, rectification, objection; each
 * with its clock of one month, once extendable by two. A leaf (09) records every step.
 *
 * Erasure is executed at once, restriction freezes at once; the others wait for an admin.
 * Threads: main thread. Texts returned are g_free'd by the caller.
 */
#pragma once

#include <aparte/err.h>
#include <aparte/uuid.h>

struct ap_vault;
struct ap_actor; /* recorder/access.h */

/* The body and answer of POST /v1/party/requests. "malformed", "invalid" (unknown type), "rate". */
struct ap_result ap_request_create(struct ap_vault *v, const struct ap_actor *party,
				   const char *json, char **ret_json);
/* GET /v1/party/requests/{id}: only one's own; `request` empty: the list. */
struct ap_result ap_request_get(struct ap_vault *v, const struct ap_actor *party,
				const char *request, char **ret_json);
