#include "recorder/db/db_staff_webhook.h"

void ap_delivery_clear(struct ap_delivery *d)
{
	g_clear_pointer(&d->name, g_free);
	g_clear_pointer(&d->url, g_free);
	g_clear_pointer(&d->body, g_free);
}

struct ap_result ap_db_webhook_put(struct ap_db *db, int64_t tenant, const char *name, const char *url,
				   const char *events)
{
	return ap_db_run(db,
			 "INSERT INTO webhook (tenant, name, url, events) VALUES (?1, ?2, ?3, ?4)"
			 " ON CONFLICT (tenant, name) DO UPDATE SET url = ?3, events = ?4",
			 AP_VALUES(AP_V_INT(tenant), AP_V_TEXT(name), AP_V_TEXT(url), AP_V_TEXT(events)));
}

struct ap_result ap_db_webhook_wanting(struct ap_db *db, int64_t tenant, const char *event, GPtrArray **ret_names)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT w.name FROM webhook w WHERE w.tenant = ?1"
					   " AND EXISTS (SELECT 1 FROM json_each(w.events) e WHERE e.value = ?2)",
					   AP_VALUES(AP_V_INT(tenant), AP_V_TEXT(event)));
	while (ap_rows_next(rows))
		g_ptr_array_add(names, ap_row_text_dup(rows, 0));
	AP_TRY(ap_rows_end(rows));
	*ret_names = g_steal_pointer(&names);
	return AP_SUCCESS;
}

struct ap_result ap_db_delivery_insert(struct ap_db *db, int64_t tenant, const char *name, const char *event,
				       const char *body, int64_t now_ms)
{
	struct ap_uuid id = ap_uuid_random();
	return ap_db_run(db,
			 "INSERT INTO webhook_delivery (id, tenant, name, event, body, created_ms, next_ms)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
			 AP_VALUES(AP_V_UUID(&id), AP_V_INT(tenant), AP_V_TEXT(name), AP_V_TEXT(event), AP_V_TEXT(body),
				   AP_V_INT(now_ms)));
}

struct ap_result ap_db_delivery_due(struct ap_db *db, int64_t now_ms, int64_t max_attempts, struct ap_delivery *ret_d)
{
	struct ap_delivery d = {0};
	struct ap_rows *rows = ap_db_query(
		db,
		"SELECT d.id, d.tenant, d.created_ms, d.attempts, d.name, w.url, d.body FROM webhook_delivery d"
		" JOIN webhook w ON w.tenant = d.tenant AND w.name = d.name"
		" WHERE d.delivered_ms IS NULL AND d.next_ms <= ?1 AND d.attempts < ?2 ORDER BY d.next_ms LIMIT 1",
		AP_VALUES(AP_V_INT(now_ms), AP_V_INT(max_attempts)));
	bool found = ap_rows_next(rows);
	if (found)
		d = (struct ap_delivery){.id = ap_row_uuid(rows, 0),
					 .tenant = ap_row_int(rows, 1),
					 .created_ms = ap_row_int(rows, 2),
					 .attempts = ap_row_int(rows, 3),
					 .name = ap_row_text_dup(rows, 4),
					 .url = ap_row_text_dup(rows, 5),
					 .body = ap_row_text_dup(rows, 6)};
	struct ap_result r = ap_rows_end_found(rows, found);
	if (ap_ok(r))
		*ret_d = d;
	else
		ap_delivery_clear(&d);
	return r;
}

struct ap_result ap_db_delivery_done(struct ap_db *db, const struct ap_uuid *id, int64_t now_ms)
{
	return ap_db_run(db, "UPDATE webhook_delivery SET attempts = attempts + 1, delivered_ms = ?2 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(id), AP_V_INT(now_ms)));
}

struct ap_result ap_db_delivery_failed(struct ap_db *db, const struct ap_uuid *id, int64_t next_ms)
{
	return ap_db_run(db, "UPDATE webhook_delivery SET attempts = attempts + 1, next_ms = ?2 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(id), AP_V_INT(next_ms)));
}

struct ap_result ap_db_delivery_counts(struct ap_db *db, int64_t max_attempts, int64_t *ret_waiting, int64_t *ret_dead)
{
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM webhook_delivery WHERE delivered_ms IS NULL AND attempts < ?1",
			   AP_VALUES(AP_V_INT(max_attempts)), ret_waiting));
	return ap_db_count(db, "SELECT count(*) FROM webhook_delivery WHERE delivered_ms IS NULL AND attempts >= ?1",
			   AP_VALUES(AP_V_INT(max_attempts)), ret_dead);
}
