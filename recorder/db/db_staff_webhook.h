/*
 * Webhooks and their deliveries in vault.db.
 */
#pragma once

#include "recorder/db/db.h"

#include <glib.h>

struct ap_delivery {
	struct ap_uuid id;
	int64_t tenant, created_ms, attempts;
	char *name, *url, *body; /* owned */
};
void ap_delivery_clear(struct ap_delivery *d);

struct ap_result ap_db_webhook_put(struct ap_db *db, int64_t tenant, const char *name, const char *url,
				   const char *events);
/* Names (GPtrArray of char *) of the tenant's webhooks that asked for this event. */
struct ap_result ap_db_webhook_wanting(struct ap_db *db, int64_t tenant, const char *event, GPtrArray **ret_names);
struct ap_result ap_db_delivery_insert(struct ap_db *db, int64_t tenant, const char *name, const char *event,
				       const char *body, int64_t now_ms);
/* The next one due, tried fewer than max_attempts times: "not-found". */
struct ap_result ap_db_delivery_due(struct ap_db *db, int64_t now_ms, int64_t max_attempts, struct ap_delivery *ret_d);
struct ap_result ap_db_delivery_done(struct ap_db *db, const struct ap_uuid *id, int64_t now_ms);
struct ap_result ap_db_delivery_failed(struct ap_db *db, const struct ap_uuid *id, int64_t next_ms);
struct ap_result ap_db_delivery_counts(struct ap_db *db, int64_t max_attempts, int64_t *ret_waiting, int64_t *ret_dead);
