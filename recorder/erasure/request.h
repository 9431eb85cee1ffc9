/*
 * What persons ask for (R18, R20, R21, R23): erasure, access, portability, restriction, rectification, objection. Opened
 * by the person or by an admin on their behalf; each with its clock (request_clock.h), an answer, and a leaf (09) for
 * every step.
 *
 *   erasure        at once, the whole recording (R39); a hold or restriction keeps it waiting, and says until when.
 *                  What lies outside the system stands on a checklist that named persons tick.
 *   restriction    at once: everything of the session is frozen; lifting it is announced to the person first.
 *   objection      with {"purposes":[…]}: at once, like a withdrawal, consent being the basis; else an admin answers.
 *   rectification  {"changes":{"name","locale"}}, by an admin; statements stay as they were signed.
 *   access         a copy is there at once (copy.h); an admin answers for what lies outside the system.
 *   portability    an archive, made when the person says how it is to be locked (portability/archive.h).
 *
 * Threads: main thread. Texts returned are g_free'd by the caller.
 */
#pragma once

#include <aparte/err.h>
#include <aparte/uuid.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

struct ap_vault;
struct ap_actor; /* recorder/access/access.h */

/* The body and answer of POST /v1/party/requests. "malformed", "invalid" (unknown type, bad wish), "rate". */
struct ap_result ap_request_create(struct ap_vault *v, const struct ap_actor *party, const char *json, char **ret_json);
/* GET /v1/party/requests/{id}: only one's own; `request` empty: the list. */
struct ap_result ap_request_get(struct ap_vault *v, const struct ap_actor *party, const char *request, char **ret_json);
/* Is it this person's own, and of that type (NULL: any)? "not-found" else. */
struct ap_result ap_request_own(struct ap_vault *v, const struct ap_actor *party, const char *request, const char *type,
				struct ap_uuid *ret_id);

/* For the retention timer: what can be done by now (erasures held or running before, new recordings under a
 * restriction, announced liftings), and reminders to staff. */
struct ap_result ap_request_work(struct ap_vault *v);

/* ---- the admin's side ---- */

/* Newest first, `limit` of them behind `after` (NULL: from the newest); with `due` only those that end within a week or are
 * overdue. Each has "days_left" while it waits. The array is the caller's. */
struct ap_result ap_request_list(struct ap_vault *v, const struct ap_actor *by, bool due, const struct ap_uuid *after, int64_t limit,
				 JsonArray **ret_list);
struct ap_result ap_request_show(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id,
				 JsonNode **ret_answer);
/* On a person's behalf: {"session","party","type","detail","changes"?,"purposes"?}. */
struct ap_result ap_request_open_for(struct ap_vault *v, const struct ap_actor *by, JsonObject *body,
				     JsonNode **ret_answer);
/* `action`: execute, extend, refuse, or lift (a restriction in force), with {"reason"} that the person is told, and for a
 * refusal the article it rests on, as "article" or in the reason. "conflict", "held", "invalid". */
struct ap_result ap_request_decide(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id,
				   const char *action, JsonObject *body, JsonNode **ret_answer);
/* Ticks an item of the checklist. */
struct ap_result ap_request_tick(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id, int64_t number,
				 JsonObject *body, JsonNode **ret_answer);
/* Of this admin's tenant? "not-found" else. */
struct ap_result ap_request_within(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id);
