/*
 * Webhooks to platforms (Standard Webhooks), seen from the vault: what a platform sets, what is queued for it, what an
 * admin does about deliveries given up. Sending is webhook_sender.h.
 *
 * A delivery is kept inside the transaction that caused it and deleted once it was taken, so it is sent at least once; a
 * receiver knows one sent twice by its webhook-id. Deliveries come in no promised order.
 *
 * Threads: queue, any thread with its own database; everything else the main thread.
 */
#pragma once

#include "recorder/access/access.h"
#include "recorder/webhook/webhook_url.h"

#include <aparte/secret.h>
#include <json-glib/json-glib.h>

struct ap_vault;
struct ap_db;

#define AP_WEBHOOKS_MAX 16 /* of one tenant */

/* What the configuration allows; borrowed from it. */
struct ap_webhook_reach ap_webhook_reach_of(struct ap_vault *v);
/* The secret deliveries of this webhook are signed with. */
struct ap_result ap_webhook_secret(struct ap_vault *v, int64_t tenant, const char *name, struct ap_secret **ret_secret);

/* PUT /v1/webhooks/{name}: stores it, *ret_json is {"secret":"whsec_…"} (g_free). "malformed", "invalid": also a name
 * that no event has. */
struct ap_result ap_webhook_put(struct ap_vault *v, int64_t tenant, const char *name, const char *json, char **ret_json);
/* Queues `event` (webhook_event.h) with `data_json` for a tenant, if it asked for it; inside the caller's transaction. */
struct ap_result ap_webhook_queue(struct ap_vault *v, struct ap_db *db, int64_t tenant, const char *event,
				  const char *data_json);
/* The same for what must not fail for it (an erasure, a turnover): what cannot be queued is in the log alone. Fails only
 * where the transaction went with it. */
struct ap_result ap_webhook_tell(struct ap_vault *v, struct ap_db *db, int64_t tenant, const char *event, const char *data_json);
/* erasure.unrecoverable to every tenant of an erasure that the turnover of this leaf concluded, at most 500 recordings in
 * one. Inside the caller's transaction; it fails only where that went with it. */
struct ap_result ap_webhook_tell_unrecoverable(struct ap_vault *v, struct ap_db *db, uint64_t leaf, int64_t unrecoverable_ms);
/* The tenant's webhooks and all that is queued for them go. Inside the caller's transaction. */
struct ap_result ap_webhook_forget(struct ap_db *db, int64_t tenant);

/* Deliveries still to be tried, and those given up. */
struct ap_result ap_webhook_counts(struct ap_vault *v, int64_t *ret_waiting, int64_t *ret_dead);

/* For admins and auditors, of their tenant: {"webhooks":[…]} without URLs' paths; {"deliveries":[…]} given up. */
struct ap_result ap_webhook_list(struct ap_vault *v, const struct ap_actor *by, JsonNode **ret_answer);
struct ap_result ap_webhook_dead(struct ap_vault *v, const struct ap_actor *by, JsonNode **ret_answer);
/* `tenant` by its name: "not-found". What is queued for it goes too. */
struct ap_result ap_webhook_remove(struct ap_vault *v, const struct ap_actor *by, const char *tenant, const char *name);
/* Tries one given up again ("not-found"; "conflict": its webhook is disabled), or with NULL all: {"retried":n}. */
struct ap_result ap_webhook_retry(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id,
				  JsonNode **ret_answer);
/* Forgets one given up. "not-found" */
struct ap_result ap_webhook_drop(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id);
