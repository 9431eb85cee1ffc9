#include "recorder/webhook/webhook.h"

#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/consent/session.h"
#include "recorder/vault.h"
#include "recorder/webhook/db_webhook.h"
#include "recorder/webhook/webhook_event.h"

#include <aparte/jcs.h>
#include <aparte/limits.h>
#include <aparte/log.h>
#include <string.h>

#define NAME_MAX_BYTES 64
#define EVENTS_MAX 50

/* ---- what a platform sets ---- */

struct ap_webhook_reach ap_webhook_reach_of(struct ap_vault *v)
{
	const struct ap_config *c = ap_vault_config(v);
	return (struct ap_webhook_reach){.http = ap_config_bool(c, "webhooks.allow_http"),
					 .private_hosts = ap_config_list(c, "webhooks.private_hosts")};
}

/* Derived, so that nothing secret is stored and the same name has the same secret. */
struct ap_result ap_webhook_secret(struct ap_vault *v, int64_t tenant, const char *name, struct ap_secret **ret_secret)
{
	struct ap_secret *root;
	AP_TRY(ap_db_keys_server(ap_vault_keys(v), "webhook", &root));
	g_autofree char *info = g_strdup_printf("aparte/webhook/v1/%lld/%s", (long long)tenant, name);
	*ret_secret = ap_hkdf(root, NULL, 0, info, strlen(info), 32);
	ap_secret_free(root);
	return AP_SUCCESS;
}

static bool event_fits(JsonNode *node)
{
	const char *name = json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
	return name && (strcmp(name, AP_WEBHOOK_ALL) == 0 || ap_webhook_event_known(name));
}

/* A name that no event has would be a webhook that never comes, and nobody would know why. */
static bool events_fit(JsonObject *o)
{
	JsonNode *node = json_object_get_member(o, "events");
	if (!node || !JSON_NODE_HOLDS_ARRAY(node))
		return false;
	JsonArray *events = json_node_get_array(node);
	for (guint i = 0; i < json_array_get_length(events); i++)
		if (!event_fits(json_array_get_element(events, i)))
			return false;
	return json_array_get_length(events) > 0 && json_array_get_length(events) <= EVENTS_MAX;
}

static struct ap_result parse_wish(const char *json, const struct ap_webhook_reach *reach, JsonNode **ret_node)
{
	g_autoptr(JsonNode) node = NULL;
	AP_TRY(ap_json_parse(json, strlen(json), AP_MAX_BODY, &node));
	if (!JSON_NODE_HOLDS_OBJECT(node))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "the body is an object with url and events");
	JsonObject *o = json_node_get_object(node);
	if (!ap_webhook_url_fits(ap_body_text_or_empty(o, "url"), reach))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "url is an https address that the internet can reach");
	if (!events_fit(o))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "events is a list of names of events, or of \"*\" for all");
	*ret_node = g_steal_pointer(&node);
	return AP_SUCCESS;
}

static char *told_secret(const struct ap_secret *secret)
{
	g_autofree char *base64 = ap_base64(ap_secret_bytes(secret), ap_secret_len(secret));
	JsonObject *o = json_object_new();
	g_autofree char *text = g_strconcat("whsec_", base64, NULL);
	ap_answer_text(o, "secret", text);
	return ap_answer_take_text(ap_answer_object(o));
}

/* Every one of them costs each event a row, also those of a gate. */
static struct ap_result check_room(struct ap_vault *v, int64_t tenant, const char *name)
{
	int64_t others;
	AP_TRY(ap_db_webhook_others(ap_vault_db(v), tenant, name, &others));
	return others < AP_WEBHOOKS_MAX ? AP_SUCCESS : ap_fail(AP_ERR_PROTOCOL, "invalid", "there are 16 webhooks already");
}

struct ap_result ap_webhook_put(struct ap_vault *v, int64_t tenant, const char *name, const char *json, char **ret_json)
{
	const struct ap_webhook_reach reach = ap_webhook_reach_of(v);
	g_autoptr(JsonNode) wish = NULL;
	struct ap_secret *secret;
	if (!name[0] || strlen(name) > NAME_MAX_BYTES)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "a webhook's name has 1 to 64 bytes");
	AP_TRY(parse_wish(json, &reach, &wish));
	AP_TRY(check_room(v, tenant, name));
	JsonObject *o = json_node_get_object(wish);
	g_autofree char *events = json_to_string(json_object_get_member(o, "events"), FALSE);
	AP_TRY(ap_db_webhook_put(ap_vault_db(v), tenant, name, json_object_get_string_member(o, "url"), events));
	AP_TRY(ap_webhook_secret(v, tenant, name, &secret));
	*ret_json = told_secret(secret);
	ap_secret_free(secret);
	return AP_SUCCESS;
}

/* ---- what is queued ---- */

/* Standard Webhooks' payload: {"type","timestamp","data"}. */
static char *payload(const char *event, int64_t now_ms, const char *data_json)
{
	JsonObject *o = json_object_new();
	ap_answer_text(o, "type", event);
	ap_answer_time(o, "timestamp", now_ms);
	ap_answer_json(o, "data", data_json);
	return ap_answer_take_text(ap_answer_object(o));
}

struct ap_result ap_webhook_queue(struct ap_vault *v, struct ap_db *db, int64_t tenant, const char *event,
				  const char *data_json)
{
	g_autoptr(GPtrArray) names = NULL;
	int64_t now_ms = ap_wall_ms(ap_vault_clock(v));
	if (!ap_webhook_event_known(event))
		return ap_fail(AP_ERR_INTERNAL, "internal", "no such webhook event");
	AP_TRY(ap_db_webhook_wanting(db, tenant, event, &names));
	if (names->len == 0)
		return AP_SUCCESS;
	g_autofree char *body = payload(event, now_ms, data_json);
	for (guint i = 0; i < names->len; i++)
		AP_TRY(ap_db_delivery_insert(db, tenant, g_ptr_array_index(names, i), event, body, ap_vault_believed_ms(v)));
	return AP_SUCCESS;
}

struct ap_result ap_webhook_tell(struct ap_vault *v, struct ap_db *db, int64_t tenant, const char *event, const char *data_json)
{
	struct ap_result r = ap_webhook_queue(v, db, tenant, event, data_json);
	if (!ap_ok(r))
		ap_log(AP_LOG_WARN, "webhook_not_queued", "reason=%s", r.name);
	return ap_db_in_transaction(db) ? AP_SUCCESS : r;
}

struct ap_result ap_webhook_forget(struct ap_db *db, int64_t tenant)
{
	return ap_db_webhook_remove(db, tenant, NULL);
}

struct ap_result ap_webhook_counts(struct ap_vault *v, int64_t *ret_waiting, int64_t *ret_dead)
{
	return ap_db_delivery_counts(ap_vault_db(v), ret_waiting, ret_dead);
}

/* ---- what an admin does ---- */

struct ap_result ap_webhook_list(struct ap_vault *v, const struct ap_actor *by, JsonNode **ret_answer)
{
	JsonArray *list;
	AP_TRY(ap_db_webhook_list(ap_vault_db(v), by->tenant, &list));
	*ret_answer = ap_answer_list("webhooks", list);
	return AP_SUCCESS;
}

struct ap_result ap_webhook_dead(struct ap_vault *v, const struct ap_actor *by, JsonNode **ret_answer)
{
	JsonArray *list;
	AP_TRY(ap_db_delivery_dead_list(ap_vault_db(v), by->tenant, &list));
	*ret_answer = ap_answer_list("deliveries", list);
	return AP_SUCCESS;
}

struct ap_result ap_webhook_remove(struct ap_vault *v, const struct ap_actor *by, const char *tenant, const char *name)
{
	int64_t id;
	struct ap_db *db = ap_vault_db(v);
	struct ap_result none = ap_fail(AP_ERR_DENIED, "not-found", "there is no such tenant");
	if (!ap_ok(ap_tenant_find(db, tenant, &id)) || (by->tenant && by->tenant != id))
		return none;
	AP_TRY(ap_db_begin(db));
	AP_TRY(ap_db_finish(db, ap_db_webhook_remove(db, id, name)));
	ap_log(AP_LOG_INFO, "webhook_removed", "tenant=%lld by=%lld", (long long)id, (long long)by->user);
	return AP_SUCCESS;
}

static struct ap_result why_none(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id)
{
	bool dead = false;
	AP_TRY(ap_db_delivery_is_dead(ap_vault_db(v), by->tenant, id, &dead));
	return dead ? ap_fail(AP_ERR_DENIED, "conflict", "its receiver wants no more (410): the platform sets the webhook anew first") :
		      ap_fail(AP_ERR_DENIED, "not-found", "there is no such dead delivery");
}

struct ap_result ap_webhook_retry(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id,
				  JsonNode **ret_answer)
{
	int64_t n = 0;
	AP_TRY(ap_db_delivery_retry(ap_vault_db(v), by->tenant, id, ap_vault_believed_ms(v), &n));
	if (id && n == 0)
		return why_none(v, by, id);
	JsonObject *o = json_object_new();
	json_object_set_int_member(o, "retried", n);
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}

struct ap_result ap_webhook_drop(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id)
{
	return ap_db_delivery_drop(ap_vault_db(v), by->tenant, id);
}
