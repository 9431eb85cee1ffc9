/*
 * Webhooks to the platform (Standard Webhooks): kept in the database inside the transaction that caused them,
 * delivered at least once with back-off from the main thread. A refusal never makes one (R34).
 */
#pragma once

#include <aparte/err.h>
#include <aparte/uuid.h>
#include <stdint.h>

struct ap_vault;
struct ap_db;
struct ap_webhooks; /* opaque, main thread */

struct ap_webhooks *ap_webhooks_new(struct ap_vault *v);
void ap_webhooks_free(struct ap_webhooks *w);
/* PUT /v1/webhooks/{name}: stores it, *ret_json is {"secret":"whsec_…"} (g_free). "malformed", "invalid". */
struct ap_result ap_webhook_put(struct ap_vault *v, int64_t tenant, const char *name, const char *json,
				char **ret_json);
/* Queues `event` ("gate.opened", …) with `data_json` for a tenant, if it asked for it; inside the caller's
 * transaction, any thread with its own database. */
struct ap_result ap_webhook_queue(struct ap_vault *v, struct ap_db *db, int64_t tenant, const char *event,
				  const char *data_json);
/* Deliveries still to be tried, and those given up. */
struct ap_result ap_webhook_counts(struct ap_vault *v, int64_t *ret_waiting, int64_t *ret_dead);
