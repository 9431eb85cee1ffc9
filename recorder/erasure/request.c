#include "recorder/erasure/request_private.h"

#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/portability/archive.h"
#include "recorder/erasure/request_clock.h"
#include "recorder/consent/session.h"
#include "recorder/vault.h"
#include "recorder/webhook/webhook.h"

#include <aparte/gate.h>
#include <aparte/http.h>
#include <aparte/limits.h>
#include <string.h>

#define WAITING_MAX 20
#define DETAIL_MAX 4000
#define NAME_MAX_BYTES 200

static int64_t now(struct ap_vault *v)
{
	return ap_wall_ms(ap_vault_clock(v));
}

static bool is_type(const struct ap_request_row *row, const char *type)
{
	return strcmp(row->type, type) == 0;
}

static bool type_known(const char *type)
{
	static const char *const types[] = {"erasure",     "access",        "portability",
					    "restriction", "rectification", "objection"};
	for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

struct ap_result ap_request_log(struct ap_vault *v, const char *event, const struct ap_request_row *row, const char *by,
				uint64_t *ret_leaf)
{
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", event);
	ap_answer_id(body, "request", &row->id);
	ap_answer_id(body, "session", &row->session);
	ap_answer_text(body, "role", ap_role_text(row->role));
	ap_answer_text(body, "type", row->type);
	ap_answer_text(body, "by", by);
	return ap_ledger_append(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_REQUEST, body, ret_leaf);
}

/* ---- as it is shown ---- */

static struct ap_result add_obstacles(struct ap_vault *v, JsonObject *o)
{
	struct ap_uuid session;
	JsonArray *list;
	if (!ap_uuid_parse(json_object_get_string_member(o, "session"), &session))
		return AP_SUCCESS;
	AP_TRY(ap_db_request_obstacles(ap_vault_db(v), &session, ap_vault_believed_ms(v), &list));
	json_object_set_array_member(o, "waits_for", list);
	return AP_SUCCESS;
}

static struct ap_result add_checklist(struct ap_vault *v, const struct ap_uuid *id, JsonObject *o)
{
	JsonArray *list;
	AP_TRY(ap_db_item_list(ap_vault_db(v), id, &list));
	json_object_set_array_member(o, "checklist", list);
	return AP_SUCCESS;
}

static struct ap_result complete(struct ap_vault *v, JsonObject *o)
{
	struct ap_uuid id;
	const char *type = json_object_get_string_member(o, "type"), *state = json_object_get_string_member(o, "state");
	bool waits = strcmp(state, "open") == 0 || strcmp(state, "extended") == 0;
	if (!ap_uuid_parse(json_object_get_string_member(o, "id"), &id))
		return ap_fail(AP_ERR_INTERNAL, "internal", "a request has no id");
	if (strcmp(type, "erasure") == 0) {
		AP_TRY(add_checklist(v, &id, o));
		if (waits)
			AP_TRY(add_obstacles(v, o));
	}
	return strcmp(type, "portability") == 0 ? ap_archive_describe(v, &id, o) : AP_SUCCESS;
}

struct ap_result ap_request_complete(struct ap_vault *v, JsonArray *list)
{
	for (guint i = 0; i < json_array_get_length(list); i++)
		AP_TRY(complete(v, json_array_get_object_element(list, i)));
	return AP_SUCCESS;
}

struct ap_result ap_request_answer_one(struct ap_vault *v, const struct ap_uuid *id, JsonNode **ret_answer)
{
	g_autoptr(JsonArray) list = NULL;
	AP_TRY(ap_db_request_list(ap_vault_db(v), &(struct ap_request_filter){.id = id}, &list));
	if (json_array_get_length(list) != 1)
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such request");
	AP_TRY(ap_request_complete(v, list));
	*ret_answer = json_node_copy(json_array_get_element(list, 0));
	return AP_SUCCESS;
}

/* ---- what it asks for ---- */

static struct ap_result check_changes(JsonObject *changes)
{
	const char *name = ap_body_text(changes, "name"), *locale = ap_body_text(changes, "locale");
	if ((!name && !locale) || json_object_get_size(changes) != (name ? 1u : 0u) + (locale ? 1u : 0u))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "changes are of name and locale, as texts");
	if (name && strlen(name) > NAME_MAX_BYTES)
		return ap_fail(AP_ERR_LIMIT, "invalid", "a name has at most 200 bytes");
	if (locale && strcmp(locale, "fr") != 0 && strcmp(locale, "en") != 0)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "the locales are fr and en");
	return AP_SUCCESS;
}

static struct ap_result check_purposes(JsonNode *node)
{
	enum ap_purpose purpose;
	JsonArray *list = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
	guint n = list ? json_array_get_length(list) : 0;
	for (guint i = 0; i < n; i++) {
		JsonNode *one = json_array_get_element(list, i);
		const char *text = JSON_NODE_HOLDS_VALUE(one) ? json_node_get_string(one) : NULL;
		if (!text || !ap_purpose_parse(text, &purpose))
			return ap_fail(AP_ERR_PROTOCOL, "invalid", "there is no such purpose to object to");
	}
	return n > 0 && n <= AP_PURPOSE_COUNT ? AP_SUCCESS
					      : ap_fail(AP_ERR_PROTOCOL, "invalid", "purposes is a list of purposes");
}

struct ap_result ap_request_parse_wish(const char *type, JsonObject *body, char **ret_wish)
{
	const char *member = strcmp(type, "rectification") == 0 ? "changes" :
			     strcmp(type, "objection") == 0	? "purposes" : NULL;
	JsonNode *node = member ? json_object_get_member(body, member) : NULL;
	*ret_wish = NULL;
	if (!node || json_node_is_null(node))
		return AP_SUCCESS;
	if (member[0] == 'c' && !JSON_NODE_HOLDS_OBJECT(node))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "changes is an object with name or locale");
	AP_TRY(member[0] == 'c' ? check_changes(json_node_get_object(node)) : check_purposes(node));
	JsonObject *wish = json_object_new();
	json_object_set_member(wish, member, json_node_copy(node));
	*ret_wish = ap_answer_take_text(ap_answer_object(wish));
	return AP_SUCCESS;
}

/* ---- opening one ---- */

static struct ap_result find_due(struct ap_vault *v, struct ap_request_row *row)
{
	struct ap_session session;
	struct ap_policy *policy;
	int64_t version;
	AP_TRY(ap_session_load(ap_vault_db(v), &row->session, &session));
	row->tenant = session.tenant;
	struct ap_result r = ap_vault_policy(v, session.policy, &policy, &version);
	ap_session_clear(&session);
	AP_TRY(r);
	row->due_ms = ap_request_due(row->created_ms, ap_policy_request_ms(policy));
	ap_policy_free(policy);
	return AP_SUCCESS;
}

static struct ap_result write_items(struct ap_vault *v, const struct ap_request_row *row)
{
	const char *const *items = ap_config_list(ap_vault_config(v), "requests.checklist");
	for (int i = 0; is_type(row, "erasure") && items[i]; i++)
		AP_TRY(ap_db_item_insert(ap_vault_db(v), &row->id, i + 1, items[i]));
	return AP_SUCCESS;
}

struct ap_result ap_request_tell(struct ap_vault *v, const struct ap_request_row *row, const char *event, int64_t due_ms)
{
	JsonObject *data = json_object_new();
	ap_answer_id(data, "request", &row->id);
	ap_answer_time(data, "due", due_ms);
	g_autofree char *text = ap_answer_take_text(ap_answer_object(data));
	return ap_webhook_queue(v, ap_vault_db(v), row->tenant, event, text);
}

/* The platform learns that there is one, not whose: it has no part in the persons' rights (R34, R41). */
static struct ap_result tell_platform(struct ap_vault *v, const struct ap_request_row *row)
{
	JsonObject *data = json_object_new();
	ap_answer_id(data, "request", &row->id);
	ap_answer_id(data, "session", &row->session);
	ap_answer_text(data, "type", row->type);
	g_autofree char *text = ap_answer_take_text(ap_answer_object(data));
	return ap_webhook_queue(v, ap_vault_db(v), row->tenant, "request.created", text);
}

static struct ap_result write_request(struct ap_vault *v, const struct ap_request_row *row,
				      const struct ap_request_text *text, const char *by)
{
	uint64_t leaf;
	AP_TRY(ap_request_log(v, "request", row, by, &leaf));
	AP_TRY(ap_db_request_insert(ap_vault_db(v), row, text, leaf));
	AP_TRY(write_items(v, row));
	return tell_platform(v, row);
}

/* Nothing of it may go on growing: what is being recorded is closed and sealed first. */
static struct ap_result stop_recording(struct ap_vault *v, const struct ap_request_row *row)
{
	int64_t living, running;
	AP_TRY(ap_db_request_living(ap_vault_db(v), &row->session, &living, &running));
	if (running > 0)
		ap_vault_close_gate(v, &row->session, AP_GATE_REASON(POLICY), NULL, NULL);
	else
		ap_vault_look_again(v); /* nor may it begin */
	return AP_SUCCESS;
}

static const char *done_words(const struct ap_request_row *row)
{
	if (is_type(row, "erasure"))
		return "erased";
	return is_type(row, "restriction") ? "frozen" : "ended";
}

/* Erasure, restriction and an objection to purposes take effect at once; what cannot be done yet leaves it open. */
static struct ap_result take_effect(struct ap_vault *v, const struct ap_request_row *row, bool wished)
{
	bool done;
	if (is_type(row, "erasure") || is_type(row, "restriction"))
		AP_TRY(stop_recording(v, row));
	else if (!is_type(row, "objection") || !wished)
		return AP_SUCCESS;
	AP_TRY(ap_request_carry_out(v, row, &done));
	const struct ap_request_answer answer = {"done", done_words(row), NULL, now(v)};
	return done ? ap_request_settle(v, row, &answer, "vault") : AP_SUCCESS;
}

struct ap_result ap_request_open(struct ap_vault *v, struct ap_request_row *row, JsonObject *body, const char *by)
{
	g_autofree char *wish = NULL;
	const char *type, *detail = ap_body_text_or_empty(body, "detail");
	AP_TRY(ap_http_json_text(body, "type", &type));
	if (!type_known(type))
		return ap_fail(AP_ERR_PROTOCOL, "invalid",
			       "the types are erasure, access, portability, restriction, rectification "
			       "and objection");
	if (strlen(detail) > DETAIL_MAX)
		return ap_fail(AP_ERR_LIMIT, "invalid", "detail has at most 4000 bytes");
	AP_TRY(ap_request_parse_wish(type, body, &wish));
	row->id = ap_uuid_random();
	row->created_ms = now(v);
	g_strlcpy(row->type, type, sizeof row->type);
	g_strlcpy(row->state, "open", sizeof row->state);
	AP_TRY(find_due(v, row));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_request(v, row, &(struct ap_request_text){detail, wish}, by)));
	return take_effect(v, row, wish != NULL);
}

/* ---- the person's side ---- */

struct ap_result ap_request_create(struct ap_vault *v, const struct ap_actor *party, const char *json, char **ret_json)
{
	struct ap_request_row row = {.session = party->session, .role = party->role, .opened_by = "person"};
	g_autoptr(JsonNode) node = NULL;
	JsonObject *body;
	JsonNode *answer;
	int64_t waiting;
	AP_TRY(ap_body_parse(json, &node, &body));
	AP_TRY(ap_db_request_waiting(ap_vault_db(v), &row.session, row.role, &waiting));
	if (waiting >= WAITING_MAX)
		return ap_fail(AP_ERR_LIMIT, "rate", "too many requests wait for an answer already");
	AP_TRY(ap_request_open(v, &row, body, ap_role_text(row.role)));
	AP_TRY(ap_request_answer_one(v, &row.id, &answer));
	*ret_json = ap_answer_take_text(answer);
	return AP_SUCCESS;
}

struct ap_result ap_request_own(struct ap_vault *v, const struct ap_actor *party, const char *request, const char *type,
				struct ap_uuid *ret_id)
{
	struct ap_request_row row;
	struct ap_uuid id;
	struct ap_result none = ap_fail(AP_ERR_DENIED, "not-found", "there is no such request of yours");
	if (!ap_uuid_parse(request, &id) || !ap_ok(ap_db_request_load(ap_vault_db(v), &id, &row)))
		return none;
	if (!ap_uuid_equal(&row.session, &party->session) || row.role != party->role)
		return none;
	if (type && !is_type(&row, type))
		return none;
	*ret_id = id;
	return AP_SUCCESS;
}

static struct ap_result list_own(struct ap_vault *v, const struct ap_actor *party, char **ret_json)
{
	g_autoptr(JsonArray) list = NULL;
	const struct ap_request_filter own = {.session = &party->session, .role = (int)party->role};
	AP_TRY(ap_db_request_list(ap_vault_db(v), &own, &list));
	AP_TRY(ap_request_complete(v, list));
	*ret_json = ap_answer_take_text(ap_answer_list("requests", g_steal_pointer(&list)));
	return AP_SUCCESS;
}

struct ap_result ap_request_get(struct ap_vault *v, const struct ap_actor *party, const char *request, char **ret_json)
{
	struct ap_uuid id;
	JsonNode *answer;
	if (!request[0])
		return list_own(v, party, ret_json);
	AP_TRY(ap_request_own(v, party, request, NULL, &id));
	AP_TRY(ap_request_answer_one(v, &id, &answer));
	*ret_json = ap_answer_take_text(answer);
	return AP_SUCCESS;
}
