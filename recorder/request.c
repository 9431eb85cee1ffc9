#include "recorder/request.h"

#include "recorder/body.h"
#include "recorder/access.h"
#include "recorder/answer.h"
#include "recorder/db_staff_access.h"
#include "recorder/db_staff_desk.h"
#include "recorder/db_staff_erasure.h"
#include "recorder/erasure.h"
#include "recorder/session.h"
#include "recorder/vault.h"
#include "recorder/webhook.h"

#include <aparte/gate.h>
#include <aparte/http.h>
#include <aparte/jcs.h>
#include <aparte/limits.h>
#include <string.h>

#define WAITING_MAX 20
#define DETAIL_MAX 4000
#define EXTENSION_MS (60LL * 86400 * 1000) /* GDPR art. 12(3): two further months */

static int64_t now(struct ap_vault *v)
{
	return ap_wall_ms(ap_vault_clock(v));
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

static struct ap_result log_request(struct ap_vault *v, const char *event, const struct ap_request_row *row,
				    const char *by, uint64_t *ret_leaf)
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

static struct ap_result answer_one(struct ap_vault *v, const struct ap_uuid *id, JsonNode **ret_answer)
{
	g_autoptr(JsonArray) list = NULL;
	AP_TRY(ap_db_request_list(ap_vault_db(v), id, NULL, 0, 0, &list));
	if (json_array_get_length(list) != 1)
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such request");
	*ret_answer = json_node_copy(json_array_get_element(list, 0));
	return AP_SUCCESS;
}

/* ---- what is done at once ---- */

/* Runs again every second while the request is open: what was held or still being made follows when it can. */
static struct ap_result erase_session(struct ap_vault *v, const struct ap_request_row *row, bool *ret_done)
{
	g_autoptr(GArray) ids = NULL;
	int64_t living, running;
	struct ap_db *db = ap_vault_db(v);
	AP_TRY(ap_db_erasure_find(db, &row->session, NULL, 0, &ids));
	for (guint i = 0; i < ids->len; i++) {
		AP_TRY(ap_db_begin(db));
		struct ap_result r = ap_db_finish(
			db, ap_erasure_order(v, db, &g_array_index(ids, struct ap_uuid, i), AP_ERASE_REQUEST));
		if (!ap_ok(r) && strcmp(r.name, "held") != 0)
			return r;
	}
	AP_TRY(ap_erasure_run(v));
	AP_TRY(ap_db_request_living(db, &row->session, &living, &running));
	*ret_done = living == 0;
	return AP_SUCCESS;
}

static struct ap_result freeze_session(struct ap_vault *v, const struct ap_request_row *row)
{
	g_autoptr(GArray) ids = NULL;
	AP_TRY(ap_db_request_freeze(ap_vault_db(v), &row->session, true));
	AP_TRY(ap_db_access_of_session(ap_vault_db(v), &row->session, &ids));
	for (guint i = 0; i < ids->len; i++)
		AP_TRY(ap_access_sweep(v, &g_array_index(ids, struct ap_uuid, i)));
	return AP_SUCCESS;
}

static struct ap_result write_answer(struct ap_vault *v, const struct ap_request_row *row, const char *state,
				     const char *answer, const char *by, int64_t due_ms)
{
	uint64_t leaf;
	g_autofree char *event = g_strconcat("request_", state, NULL);
	int64_t answered = strcmp(state, "extended") == 0 || strcmp(state, "open") == 0 ? 0 : now(v);
	AP_TRY(log_request(v, event, row, by, &leaf));
	return ap_db_request_answer(ap_vault_db(v), &row->id, state, answer, due_ms, answered);
}

static struct ap_result set_state(struct ap_vault *v, const struct ap_request_row *row, const char *state,
				  const char *answer, const char *by, int64_t due_ms)
{
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	return ap_db_finish(ap_vault_db(v), write_answer(v, row, state, answer, by, due_ms));
}

/* The request's own effect; *ret_done when nothing is left to do. */
static struct ap_result carry_out(struct ap_vault *v, const struct ap_request_row *row, bool *ret_done)
{
	*ret_done = true;
	if (strcmp(row->type, "erasure") == 0)
		return erase_session(v, row, ret_done);
	if (strcmp(row->type, "restriction") == 0)
		return freeze_session(v, row);
	return AP_SUCCESS;
}

struct ap_result ap_request_work(struct ap_vault *v)
{
	g_autoptr(GArray) rows = NULL;
	AP_TRY(ap_db_request_freeze_new(ap_vault_db(v)));
	AP_TRY(ap_db_request_open(ap_vault_db(v), "erasure", &rows));
	for (guint i = 0; i < rows->len; i++) {
		const struct ap_request_row *row = &g_array_index(rows, struct ap_request_row, i);
		bool done;
		AP_TRY(carry_out(v, row, &done));
		if (done)
			AP_TRY(set_state(v, row, "done", "erased", "vault", row->due_ms));
	}
	return AP_SUCCESS;
}

/* ---- the person's side ---- */

static struct ap_result parse(const char *json, struct ap_request_row *row, char **ret_detail)
{
	g_autoptr(JsonNode) node = NULL;
	const char *type;
	AP_TRY(ap_json_parse(json, strlen(json), AP_MAX_BODY, &node));
	if (!JSON_NODE_HOLDS_OBJECT(node))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "the body is an object with type and detail");
	JsonObject *o = json_node_get_object(node);
	AP_TRY(ap_http_json_text(o, "type", &type));
	const char *detail = ap_body_text_or_empty(o, "detail");
	if (!type_known(type))
		return ap_fail(AP_ERR_PROTOCOL, "invalid",
			       "the types are erasure, access, portability, restriction, rectification "
			       "and objection");
	if (strlen(detail) > DETAIL_MAX)
		return ap_fail(AP_ERR_LIMIT, "invalid", "detail has at most 4000 bytes");
	g_strlcpy(row->type, type, sizeof row->type);
	*ret_detail = g_strdup(detail);
	return AP_SUCCESS;
}

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
	row->due_ms = now(v) + ap_policy_request_ms(policy);
	ap_policy_free(policy);
	return AP_SUCCESS;
}

static struct ap_result write_request(struct ap_vault *v, const struct ap_request_row *row, const char *detail)
{
	uint64_t leaf;
	JsonObject *data = json_object_new();
	ap_answer_id(data, "request", &row->id);
	ap_answer_id(data, "session", &row->session);
	ap_answer_text(data, "type", row->type);
	g_autofree char *text = ap_answer_take_text(ap_answer_object(data));
	AP_TRY(log_request(v, "request", row, ap_role_text(row->role), &leaf));
	AP_TRY(ap_db_request_insert(ap_vault_db(v), row, detail, now(v), leaf));
	return ap_webhook_queue(v, ap_vault_db(v), row->tenant, "request.created", text);
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

/* Erasure and restriction take effect at once; what cannot be done yet leaves the request open. */
static struct ap_result take_effect(struct ap_vault *v, const struct ap_request_row *row)
{
	bool done, erasure = strcmp(row->type, "erasure") == 0;
	if (!erasure && strcmp(row->type, "restriction") != 0)
		return AP_SUCCESS;
	AP_TRY(stop_recording(v, row));
	AP_TRY(carry_out(v, row, &done));
	return done ? set_state(v, row, "done", erasure ? "erased" : "frozen", "vault", row->due_ms) : AP_SUCCESS;
}

struct ap_result ap_request_create(struct ap_vault *v, const struct ap_actor *party, const char *json, char **ret_json)
{
	struct ap_request_row row = {
		.id = ap_uuid_random(), .session = party->session, .role = party->role, .state = "open"};
	g_autofree char *detail = NULL;
	JsonNode *answer;
	int64_t waiting;
	AP_TRY(parse(json, &row, &detail));
	AP_TRY(ap_db_request_waiting(ap_vault_db(v), &row.session, row.role, &waiting));
	if (waiting >= WAITING_MAX)
		return ap_fail(AP_ERR_LIMIT, "rate", "too many requests wait for an answer already");
	AP_TRY(find_due(v, &row));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_request(v, &row, detail)));
	AP_TRY(take_effect(v, &row));
	AP_TRY(answer_one(v, &row.id, &answer));
	*ret_json = ap_answer_take_text(answer);
	return AP_SUCCESS;
}

struct ap_result ap_request_get(struct ap_vault *v, const struct ap_actor *party, const char *request, char **ret_json)
{
	struct ap_request_row row;
	struct ap_uuid id;
	JsonNode *answer;
	JsonArray *list;
	if (!request[0]) {
		AP_TRY(ap_db_request_list(ap_vault_db(v), NULL, &party->session, party->role, 0, &list));
		*ret_json = ap_answer_take_text(ap_answer_list("requests", list));
		return AP_SUCCESS;
	}
	struct ap_result none = ap_fail(AP_ERR_DENIED, "not-found", "there is no such request of yours");
	if (!ap_uuid_parse(request, &id) || !ap_ok(ap_db_request_load(ap_vault_db(v), &id, &row)))
		return none;
	if (!ap_uuid_equal(&row.session, &party->session) || row.role != party->role)
		return none;
	AP_TRY(answer_one(v, &id, &answer));
	*ret_json = ap_answer_take_text(answer);
	return AP_SUCCESS;
}

/* ---- the admin's side ---- */

struct ap_result ap_request_list(struct ap_vault *v, const struct ap_actor *by, JsonNode **ret_answer)
{
	JsonArray *list;
	AP_TRY(ap_db_request_list(ap_vault_db(v), NULL, NULL, 0, by->tenant, &list));
	*ret_answer = ap_answer_list("requests", list);
	return AP_SUCCESS;
}

static struct ap_result decide_extend(struct ap_vault *v, const struct ap_request_row *row, const char *reason,
				      const char *by)
{
	if (strcmp(row->state, "open") != 0)
		return ap_fail(AP_ERR_DENIED, "conflict", "a request is extended once, before it is answered");
	return set_state(v, row, "extended", reason, by, row->due_ms + EXTENSION_MS);
}

static struct ap_result decide_execute(struct ap_vault *v, const struct ap_request_row *row, const char *reason,
				       const char *by)
{
	bool done;
	AP_TRY(carry_out(v, row, &done));
	if (!done)
		return ap_fail(AP_ERR_DENIED, "held", "a hold, a restriction or a running session keeps a recording");
	return set_state(v, row, "done", reason, by, row->due_ms);
}

static struct ap_result decide_lift(struct ap_vault *v, const struct ap_request_row *row, const char *reason,
				    const char *by)
{
	g_autoptr(GArray) ids = NULL;
	if (strcmp(row->type, "restriction") != 0 || strcmp(row->state, "done") != 0)
		return ap_fail(AP_ERR_DENIED, "conflict", "only a restriction in force is lifted");
	AP_TRY(set_state(v, row, "refused", reason, by, row->due_ms));
	AP_TRY(ap_db_request_freeze(ap_vault_db(v), &row->session, false));
	AP_TRY(ap_db_access_of_session(ap_vault_db(v), &row->session, &ids));
	for (guint i = 0; i < ids->len; i++)
		AP_TRY(ap_erasure_catch_up(v, &g_array_index(ids, struct ap_uuid, i)));
	return AP_SUCCESS;
}

struct ap_result ap_request_decide(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id,
				   const char *action, const char *reason, JsonNode **ret_answer)
{
	struct ap_request_row row;
	struct ap_result r;
	g_autofree char *who = ap_actor_text(by);
	AP_TRY(ap_db_request_load(ap_vault_db(v), id, &row));
	if (by->tenant && by->tenant != row.tenant)
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such request");
	bool waits = strcmp(row.state, "open") == 0 || strcmp(row.state, "extended") == 0;
	if (!reason[0] && strcmp(action, "execute") != 0)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "tell the person the reason");
	if (strcmp(action, "lift") == 0)
		r = decide_lift(v, &row, reason, who);
	else if (!waits)
		r = ap_fail(AP_ERR_DENIED, "conflict", "this request was answered");
	else if (strcmp(action, "extend") == 0)
		r = decide_extend(v, &row, reason, who);
	else if (strcmp(action, "refuse") == 0)
		r = set_state(v, &row, "refused", reason, who, row.due_ms);
	else
		r = decide_execute(v, &row, reason, who);
	AP_TRY(r);
	ap_vault_look_again(v); /* a restriction that was refused holds no gate closed */
	return answer_one(v, id, ret_answer);
}
