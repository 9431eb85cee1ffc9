/*
 * Webhooks and their deliveries in vault.db. A delivery is a row until it was taken; `dead` ones are kept a while for an
 * admin to retry or drop. `tenant` 0 in a filter: every tenant.
 */
#pragma once

#include "recorder/db/db.h"

#include <glib.h>
#include <json-glib/json-glib.h>

struct ap_delivery {
	struct ap_uuid id;
	int64_t tenant, created_ms, attempts;
	char *name, *url, *body; /* owned */
};
void ap_delivery_clear(struct ap_delivery *d);

/* Sets it anew, wanted again if it was disabled. */
struct ap_result ap_db_webhook_put(struct ap_db *db, int64_t tenant, const char *name, const char *url, const char *events);
/* How many the tenant has beside this one. */
struct ap_result ap_db_webhook_others(struct ap_db *db, int64_t tenant, const char *name, int64_t *ret_n);
/* Names (GPtrArray of char *) of the tenant's webhooks that asked for this event. */
struct ap_result ap_db_webhook_wanting(struct ap_db *db, int64_t tenant, const char *event, GPtrArray **ret_names);
/* Nothing is queued for it any more, and what was is given up. Inside the caller's transaction. */
struct ap_result ap_db_webhook_disable(struct ap_db *db, int64_t tenant, const char *name, int64_t now_ms);
/* With what is queued; name NULL: all of the tenant's. Inside the caller's transaction. "not-found" for one. */
struct ap_result ap_db_webhook_remove(struct ap_db *db, int64_t tenant, const char *name);
/* {"tenant","name","host","events","waiting","dead","disabled"} each. */
struct ap_result ap_db_webhook_list(struct ap_db *db, int64_t tenant, JsonArray **ret_list);
struct ap_result ap_db_webhook_disabled(struct ap_db *db, int64_t *ret_n);

/* Of the erasures that a turnover's leaf concluded: (tenant, recording) rows, by tenant; ended by the caller. */
struct ap_rows *ap_db_webhook_unrecoverable(struct ap_db *db, uint64_t leaf);

struct ap_result ap_db_delivery_insert(struct ap_db *db, int64_t tenant, const char *name, const char *event,
				       const char *body, int64_t now_ms);
/* The one that is due for longest, of each webhook: GPtrArray of struct ap_delivery *, freed with it. */
struct ap_result ap_db_delivery_due(struct ap_db *db, int64_t now_ms, GPtrArray **ret_list);
struct ap_result ap_db_delivery_done(struct ap_db *db, const struct ap_uuid *id);
/* `problem` is a word of ours. Another attempt at next_ms; or none. */
struct ap_result ap_db_delivery_failed(struct ap_db *db, const struct ap_uuid *id, int64_t next_ms, const char *problem);
struct ap_result ap_db_delivery_dead(struct ap_db *db, const struct ap_uuid *id, int64_t now_ms, const char *problem);
struct ap_result ap_db_delivery_counts(struct ap_db *db, int64_t *ret_waiting, int64_t *ret_dead);

/* Dead ones, the newest 500: {"id","tenant","webhook","event","data","created","died","attempts","problem"}. */
struct ap_result ap_db_delivery_dead_list(struct ap_db *db, int64_t tenant, JsonArray **ret_list);
/* Dead ones are tried again from the start: one (else "not-found"), or with NULL all; *ret_n says how many. Those of a
 * disabled webhook stay as they are. */
struct ap_result ap_db_delivery_retry(struct ap_db *db, int64_t tenant, const struct ap_uuid *id, int64_t now_ms,
				      int64_t *ret_n);
struct ap_result ap_db_delivery_is_dead(struct ap_db *db, int64_t tenant, const struct ap_uuid *id, bool *ret_dead);
/* "not-found" unless it is dead. */
struct ap_result ap_db_delivery_drop(struct ap_db *db, int64_t tenant, const struct ap_uuid *id);
/* Dead ones of before. */
struct ap_result ap_db_delivery_purge(struct ap_db *db, int64_t before_ms);
