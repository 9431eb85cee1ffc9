#include "recorder/webhook/db_webhook.h"

#include "recorder/api/answer.h"

void ap_delivery_clear(struct ap_delivery *d)
{
	g_clear_pointer(&d->name, g_free);
	g_clear_pointer(&d->url, g_free);
	g_clear_pointer(&d->body, g_free);
}

static struct ap_result one_changed(struct ap_db *db, const char *what)
{
	return ap_db_changes(db) > 0 ? AP_SUCCESS : ap_fail(AP_ERR_DENIED, "not-found", what);
}

/* ---- webhooks ---- */

struct ap_result ap_db_webhook_put(struct ap_db *db, int64_t tenant, const char *name, const char *url, const char *events)
{
	return ap_db_run(db,
			 "INSERT INTO webhook (tenant, name, url, events) VALUES (?1, ?2, ?3, ?4)"
			 " ON CONFLICT (tenant, name) DO UPDATE SET url = ?3, events = ?4, disabled_ms = NULL",
			 AP_VALUES(AP_V_INT(tenant), AP_V_TEXT(name), AP_V_TEXT(url), AP_V_TEXT(events)));
}

struct ap_result ap_db_webhook_others(struct ap_db *db, int64_t tenant, const char *name, int64_t *ret_n)
{
	return ap_db_count(db, "SELECT count(*) FROM webhook WHERE tenant = ?1 AND name <> ?2",
			   AP_VALUES(AP_V_INT(tenant), AP_V_TEXT(name)), ret_n);
}

struct ap_result ap_db_webhook_wanting(struct ap_db *db, int64_t tenant, const char *event, GPtrArray **ret_names)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT w.name FROM webhook w WHERE w.tenant = ?1 AND w.disabled_ms IS NULL"
					   " AND EXISTS (SELECT 1 FROM json_each(w.events) e WHERE e.value IN (?2, '*'))",
					   AP_VALUES(AP_V_INT(tenant), AP_V_TEXT(event)));
	while (ap_rows_next(rows))
		g_ptr_array_add(names, ap_row_text_dup(rows, 0));
	AP_TRY(ap_rows_end(rows));
	*ret_names = g_steal_pointer(&names);
	return AP_SUCCESS;
}

struct ap_result ap_db_webhook_disable(struct ap_db *db, int64_t tenant, const char *name, int64_t now_ms)
{
	const struct ap_value *values = AP_VALUES(AP_V_INT(tenant), AP_V_TEXT(name), AP_V_INT(now_ms));
	AP_TRY(ap_db_run(db, "UPDATE webhook SET disabled_ms = ?3 WHERE tenant = ?1 AND name = ?2", values));
	return ap_db_run(db,
			 "UPDATE webhook_delivery SET dead_ms = ?3, problem = 'status 410' WHERE tenant = ?1 AND name = ?2"
			 " AND dead_ms IS NULL",
			 values);
}

struct ap_result ap_db_webhook_remove(struct ap_db *db, int64_t tenant, const char *name)
{
	const struct ap_value *values = AP_VALUES(AP_V_INT(tenant), AP_V_TEXT(name));
	AP_TRY(ap_db_run(db, "DELETE FROM webhook_delivery WHERE tenant = ?1 AND (?2 IS NULL OR name = ?2)", values));
	AP_TRY(ap_db_run(db, "DELETE FROM webhook WHERE tenant = ?1 AND (?2 IS NULL OR name = ?2)", values));
	return name ? one_changed(db, "there is no such webhook") : AP_SUCCESS;
}

/* A path or query may hold a token of the receiver's: the host is enough to know it by. */
static JsonObject *describe(struct ap_rows *rows)
{
	JsonObject *o = json_object_new();
	g_autoptr(GUri) url = g_uri_parse(ap_row_text(rows, 2), G_URI_FLAGS_NONE, NULL);
	ap_answer_row_text(o, "tenant", rows, 0);
	ap_answer_row_text(o, "name", rows, 1);
	ap_answer_text(o, "host", url ? g_uri_get_host(url) : "");
	ap_answer_json(o, "events", ap_row_text(rows, 3));
	ap_answer_row_int(o, "waiting", rows, 4);
	ap_answer_row_int(o, "dead", rows, 5);
	if (!ap_row_null(rows, 6))
		ap_answer_row_time(o, "disabled", rows, 6);
	return o;
}

struct ap_result ap_db_webhook_list(struct ap_db *db, int64_t tenant, JsonArray **ret_list)
{
	g_autoptr(JsonArray) list = json_array_new();
	struct ap_rows *rows = ap_db_query(
		db,
		"SELECT t.name, w.name, w.url, w.events,"
		" (SELECT count(*) FROM webhook_delivery d WHERE d.tenant = w.tenant AND d.name = w.name AND d.dead_ms IS NULL),"
		" (SELECT count(*) FROM webhook_delivery d WHERE d.tenant = w.tenant AND d.name = w.name AND d.dead_ms IS NOT NULL),"
		" w.disabled_ms FROM webhook w JOIN tenant t ON t.id = w.tenant WHERE ?1 = 0 OR w.tenant = ?1"
		" ORDER BY t.name, w.name",
		AP_VALUES(AP_V_INT(tenant)));
	while (ap_rows_next(rows))
		json_array_add_object_element(list, describe(rows));
	AP_TRY(ap_rows_end(rows));
	*ret_list = g_steal_pointer(&list);
	return AP_SUCCESS;
}

struct ap_result ap_db_webhook_disabled(struct ap_db *db, int64_t *ret_n)
{
	return ap_db_count(db, "SELECT count(*) FROM webhook WHERE disabled_ms IS NOT NULL", AP_NO_VALUES, ret_n);
}

struct ap_rows *ap_db_webhook_unrecoverable(struct ap_db *db, uint64_t leaf)
{
	return ap_db_query(db,
			   "SELECT s.tenant, e.recording FROM erasure e JOIN recording r ON r.id = e.recording"
			   " JOIN session s ON s.id = r.session WHERE e.turnover_leaf = ?1 ORDER BY s.tenant, e.erased_ms",
			   AP_VALUES(AP_V_INT(leaf)));
}

/* ---- deliveries ---- */

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

static void free_delivery(void *data)
{
	struct ap_delivery *d = data;
	ap_delivery_clear(d);
	g_free(d);
}

static struct ap_delivery *read_delivery(struct ap_rows *rows)
{
	struct ap_delivery *d = g_new(struct ap_delivery, 1);
	*d = (struct ap_delivery){.id = ap_row_uuid(rows, 0),
				  .tenant = ap_row_int(rows, 1),
				  .created_ms = ap_row_int(rows, 2),
				  .attempts = ap_row_int(rows, 3),
				  .name = ap_row_text_dup(rows, 4),
				  .url = ap_row_text_dup(rows, 5),
				  .body = ap_row_text_dup(rows, 6)};
	return d;
}

struct ap_result ap_db_delivery_due(struct ap_db *db, int64_t now_ms, GPtrArray **ret_list)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_delivery);
	struct ap_rows *rows = ap_db_query(
		db,
		"SELECT d.id, d.tenant, d.created_ms, d.attempts, d.name, w.url, d.body FROM webhook w JOIN webhook_delivery d"
		" ON d.id = (SELECT x.id FROM webhook_delivery x WHERE x.tenant = w.tenant AND x.name = w.name"
		" AND x.dead_ms IS NULL AND x.next_ms <= ?1 ORDER BY x.next_ms LIMIT 1)"
		" WHERE w.disabled_ms IS NULL ORDER BY d.next_ms",
		AP_VALUES(AP_V_INT(now_ms)));
	while (ap_rows_next(rows))
		g_ptr_array_add(list, read_delivery(rows));
	AP_TRY(ap_rows_end(rows));
	*ret_list = g_steal_pointer(&list);
	return AP_SUCCESS;
}

struct ap_result ap_db_delivery_done(struct ap_db *db, const struct ap_uuid *id)
{
	return ap_db_run(db, "DELETE FROM webhook_delivery WHERE id = ?1", AP_VALUES(AP_V_UUID(id)));
}

struct ap_result ap_db_delivery_failed(struct ap_db *db, const struct ap_uuid *id, int64_t next_ms, const char *problem)
{
	return ap_db_run(db, "UPDATE webhook_delivery SET attempts = attempts + 1, next_ms = ?2, problem = ?3 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(id), AP_V_INT(next_ms), AP_V_TEXT(problem)));
}

struct ap_result ap_db_delivery_dead(struct ap_db *db, const struct ap_uuid *id, int64_t now_ms, const char *problem)
{
	return ap_db_run(db, "UPDATE webhook_delivery SET attempts = attempts + 1, dead_ms = ?2, problem = ?3 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(id), AP_V_INT(now_ms), AP_V_TEXT(problem)));
}

struct ap_result ap_db_delivery_counts(struct ap_db *db, int64_t *ret_waiting, int64_t *ret_dead)
{
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM webhook_delivery WHERE dead_ms IS NULL", AP_NO_VALUES, ret_waiting));
	return ap_db_count(db, "SELECT count(*) FROM webhook_delivery WHERE dead_ms IS NOT NULL", AP_NO_VALUES, ret_dead);
}

/* ---- dead letters ---- */

/* Of what was to be sent the data alone: the rest stands beside it. */
static void add_data(JsonObject *o, const char *body)
{
	g_autoptr(JsonNode) node = json_from_string(body, NULL);
	if (node && JSON_NODE_HOLDS_OBJECT(node) && json_object_has_member(json_node_get_object(node), "data"))
		json_object_set_member(o, "data", json_object_dup_member(json_node_get_object(node), "data"));
}

static JsonObject *describe_dead(struct ap_rows *rows)
{
	JsonObject *o = json_object_new();
	ap_answer_row_id(o, "id", rows, 0);
	ap_answer_row_text(o, "tenant", rows, 1);
	ap_answer_row_text(o, "webhook", rows, 2);
	ap_answer_row_text(o, "event", rows, 3);
	add_data(o, ap_row_text(rows, 4));
	ap_answer_row_time(o, "created", rows, 5);
	ap_answer_row_time(o, "died", rows, 6);
	ap_answer_row_int(o, "attempts", rows, 7);
	ap_answer_row_text(o, "problem", rows, 8);
	return o;
}

struct ap_result ap_db_delivery_dead_list(struct ap_db *db, int64_t tenant, JsonArray **ret_list)
{
	g_autoptr(JsonArray) list = json_array_new();
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT d.id, t.name, d.name, d.event, d.body, d.created_ms, d.dead_ms, d.attempts, d.problem"
					   " FROM webhook_delivery d JOIN tenant t ON t.id = d.tenant WHERE d.dead_ms IS NOT NULL"
					   " AND (?1 = 0 OR d.tenant = ?1) ORDER BY d.dead_ms DESC, d.created_ms DESC LIMIT 1000",
					   AP_VALUES(AP_V_INT(tenant)));
	while (ap_rows_next(rows))
		json_array_add_object_element(list, describe_dead(rows));
	AP_TRY(ap_rows_end(rows));
	*ret_list = g_steal_pointer(&list);
	return AP_SUCCESS;
}

struct ap_result ap_db_delivery_retry(struct ap_db *db, int64_t tenant, const struct ap_uuid *id, int64_t now_ms,
				      int64_t *ret_n)
{
	AP_TRY(ap_db_run(db,
			 "UPDATE webhook_delivery SET dead_ms = NULL, attempts = 0, next_ms = ?3 WHERE dead_ms IS NOT NULL"
			 " AND (?1 = 0 OR tenant = ?1) AND (?2 IS NULL OR id = ?2) AND EXISTS (SELECT 1 FROM webhook w"
			 " WHERE w.tenant = webhook_delivery.tenant AND w.name = webhook_delivery.name AND w.disabled_ms IS NULL)",
			 AP_VALUES(AP_V_INT(tenant), id ? AP_V_UUID(id) : AP_V_NULL, AP_V_INT(now_ms))));
	*ret_n = ap_db_changes(db);
	return AP_SUCCESS;
}

struct ap_result ap_db_delivery_is_dead(struct ap_db *db, int64_t tenant, const struct ap_uuid *id, bool *ret_dead)
{
	int64_t n;
	AP_TRY(ap_db_count(db,
			   "SELECT count(*) FROM webhook_delivery WHERE id = ?2 AND dead_ms IS NOT NULL AND (?1 = 0 OR tenant = ?1)",
			   AP_VALUES(AP_V_INT(tenant), AP_V_UUID(id)), &n));
	*ret_dead = n > 0;
	return AP_SUCCESS;
}

struct ap_result ap_db_delivery_drop(struct ap_db *db, int64_t tenant, const struct ap_uuid *id)
{
	AP_TRY(ap_db_run(db, "DELETE FROM webhook_delivery WHERE id = ?2 AND dead_ms IS NOT NULL AND (?1 = 0 OR tenant = ?1)",
			 AP_VALUES(AP_V_INT(tenant), AP_V_UUID(id))));
	return one_changed(db, "there is no such dead delivery");
}

struct ap_result ap_db_delivery_purge(struct ap_db *db, int64_t before_ms)
{
	return ap_db_run(db, "DELETE FROM webhook_delivery WHERE dead_ms < ?1", AP_VALUES(AP_V_INT(before_ms)));
}
