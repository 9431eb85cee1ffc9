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
#include <json-glib/json-glib.h>

struct ap_vault;
struct ap_actor; /* recorder/access.h */

/* The body and answer of POST /v1/party/requests. "malformed", "invalid" (unknown type), "rate". */
struct ap_result ap_request_create(struct ap_vault *v, const struct ap_actor *party, const char *json, char **ret_json);
/* GET /v1/party/requests/{id}: only one's own; `request` empty: the list. */
struct ap_result ap_request_get(struct ap_vault *v, const struct ap_actor *party, const char *request, char **ret_json);

/* What can be done by now for requests that wait for nobody: erasures held or running before, new recordings under a
 * restriction. For the retention timer. */
struct ap_result ap_request_work(struct ap_vault *v);

/* The admin's side: {"requests":[…]}, and `action`: execute, extend, refuse, or lift (a restriction in force), each
 * with the reason the person is told. "conflict", "held", "invalid" (no reason). */
struct ap_result ap_request_list(struct ap_vault *v, const struct ap_actor *by, JsonNode **ret_answer);
struct ap_result ap_request_decide(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id,
				   const char *action, const char *reason, JsonNode **ret_answer);
