#include "recorder/offboard/offboard.h"

#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/consent/session.h"
#include "recorder/erasure/erasure.h"
#include "recorder/erasure/proposal.h"
#include "recorder/offboard/db_offboard.h"
#include "recorder/offboard/hand_over.h"
#include "recorder/offboard/offboard_end.h"
#include "recorder/vault_port.h"

#include <aparte/age.h>
#include <aparte/http.h>
#include <aparte/log.h>
#include <string.h>

#define ACTION "offboard"
#define REASON_MAX 1000

struct ap_result ap_offboard_find(struct ap_vault *v, const char *tenant, struct ap_offboarding *ret_o)
{
	int64_t id;
	AP_TRY(ap_tenant_find(ap_vault_db(v), tenant, &id));
	return ap_db_offboard_load(ap_vault_db(v), id, ret_o);
}

struct ap_result ap_offboard_exportable(struct ap_vault *v, const char *tenant, struct ap_offboarding *ret_o)
{
	AP_TRY(ap_offboard_find(v, tenant, ret_o));
	if (ret_o->state > AP_OFFBOARD_EXPORTED)
		return ap_fail(AP_ERR_DENIED, "conflict", "it is being erased: there is no export any more");
	return AP_SUCCESS;
}

static JsonObject *leaf_body(const char *event, const struct ap_offboarding *o)
{
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", event);
	ap_answer_id(body, "offboarding", &o->id);
	json_object_set_int_member(body, "tenant", o->tenant);
	return body;
}

static struct ap_result append(struct ap_vault *v, JsonObject *body)
{
	uint64_t leaf;
	return ap_ledger_append(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_OTHER, body, &leaf);
}

/* ---- the order ---- */

static bool reason_fits(const char *reason)
{
	return reason && reason[strspn(reason, " \t\r\n")] && strlen(reason) <= REASON_MAX;
}

static struct ap_result check_wish(JsonObject *body)
{
	struct ap_age_recipient recipient;
	const char *text = ap_body_text(body, "recipient");
	if (!text || strlen(text) >= sizeof((struct ap_offboarding *)0)->recipient ||
	    !ap_ok(ap_age_recipient_parse(text, &recipient)))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "recipient is the leaver's age recipient (age1…)");
	if (!reason_fits(ap_body_text(body, "reason")))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "say why the tenant leaves, in at most 1000 bytes");
	return AP_SUCCESS;
}

static struct ap_result propose(struct ap_vault *v, const struct ap_actor *by, const char *tenant, int64_t id,
				JsonObject *wish, JsonNode **ret_answer)
{
	AP_TRY(check_wish(wish));
	JsonObject *o = json_object_new();
	ap_answer_text(o, "tenant", tenant);
	ap_answer_text(o, "recipient", ap_body_text(wish, "recipient"));
	ap_answer_text(o, "reason", ap_body_text(wish, "reason"));
	g_autofree char *text = ap_answer_take_text(ap_answer_object(o));
	return ap_proposal_make_for(v, by, ACTION, text, id, ret_answer);
}

static struct ap_result write_order(struct ap_vault *v, const struct ap_offboarding *o, const char *reason)
{
	JsonObject *body = leaf_body("tenant_leaves", o), *data = json_object_new();
	ap_answer_text(body, "by", o->ordered_by);
	ap_answer_text(body, "confirmed_by", o->confirmed_by);
	ap_answer_id(data, "offboarding", &o->id);
	g_autofree char *told = ap_answer_take_text(ap_answer_object(data));
	AP_TRY(append(v, body));
	AP_TRY(ap_db_offboard_insert(ap_vault_db(v), o, reason));
	return ap_vault_webhook(v, ap_vault_db(v), o->tenant, "tenant.left", told);
}

static struct ap_result use_and_order(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *proposal,
				      const struct ap_offboarding *o, const char *reason)
{
	AP_TRY(ap_proposal_use(v, by, proposal));
	return write_order(v, o, reason);
}

static struct ap_result order(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *proposal,
			      struct ap_offboarding *o, JsonObject *wish)
{
	g_strlcpy(o->recipient, ap_body_text_or_empty(wish, "recipient"), sizeof o->recipient);
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), use_and_order(v, by, proposal, o, ap_body_text_or_empty(wish, "reason"))));
	ap_log(AP_LOG_WARN, "tenant_leaves", "tenant=%lld", (long long)o->tenant);
	struct ap_result r = ap_offboard_end_sessions(v, o->tenant); /* it is ordered: the timer ends them else */
	if (!ap_ok(r))
		ap_log(AP_LOG_WARN, "sessions_not_ended", "reason=%s", r.name);
	return AP_SUCCESS;
}

static struct ap_result confirm(struct ap_vault *v, const struct ap_actor *by, const char *tenant, int64_t id,
				const char *proposal_text)
{
	struct ap_uuid proposal;
	g_autofree char *text = NULL, *first = NULL, *second = ap_actor_text(by);
	if (!ap_uuid_parse(proposal_text, &proposal))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "proposal is an id");
	AP_TRY(ap_proposal_load(v, by, ACTION, &proposal, &text, &first));
	g_autoptr(JsonNode) node = json_from_string(text, NULL);
	JsonObject *wish = json_node_get_object(node);
	if (strcmp(ap_body_text_or_empty(wish, "tenant"), tenant) != 0)
		return ap_fail(AP_ERR_DENIED, "not-found", "that was proposed for another tenant");
	struct ap_offboarding o = {.id = ap_uuid_random(), .tenant = id, .ordered_ms = ap_wall_ms(ap_vault_clock(v))};
	g_strlcpy(o.ordered_by, first, sizeof o.ordered_by);
	g_strlcpy(o.confirmed_by, second, sizeof o.confirmed_by);
	return order(v, by, &proposal, &o, wish);
}

struct ap_result ap_offboard_post(struct ap_vault *v, const struct ap_actor *by, const char *tenant, JsonObject *body,
				  unsigned *ret_status, JsonNode **ret_answer)
{
	int64_t id;
	const char *proposal = ap_body_text(body, "proposal");
	AP_TRY(ap_tenant_find(ap_vault_db(v), tenant, &id));
	AP_TRY(ap_db_offboard_stays(ap_vault_db(v), id));
	*ret_status = proposal ? 201 : 202;
	if (!proposal)
		return propose(v, by, tenant, id, body, ret_answer);
	AP_TRY(confirm(v, by, tenant, id, proposal));
	return ap_offboard_show(v, tenant, ret_answer);
}

/* ---- exported, to be erased ---- */

static struct ap_result write_exported(struct ap_vault *v, const struct ap_offboarding *o,
				       const struct ap_offboard_export *e)
{
	JsonObject *body = leaf_body("tenant_exported", o);
	g_autofree char *hex = ap_hex(e->sha256, sizeof e->sha256);
	ap_answer_text(body, "by", e->by);
	ap_answer_text(body, "export_sha256", hex);
	json_object_set_int_member(body, "recordings", e->recordings);
	json_object_set_int_member(body, "left_out", e->left_out);
	AP_TRY(append(v, body));
	return ap_db_offboard_exported(ap_vault_db(v), &o->id, e, ap_wall_ms(ap_vault_clock(v)));
}

struct ap_result ap_offboard_exported(struct ap_vault *v, const struct ap_actor *by, const char *tenant,
				      JsonObject *body, JsonNode **ret_answer)
{
	struct ap_offboarding o;
	g_autofree char *who = ap_actor_text(by);
	struct ap_offboard_export e = {.by = who};
	AP_TRY(ap_offboard_exportable(v, tenant, &o));
	if (!ap_hex_exact(ap_body_text_or_empty(body, "sha256"), e.sha256, sizeof e.sha256) ||
	    !ap_body_int(body, "recordings", &e.recordings) || !ap_body_int(body, "left_out", &e.left_out) ||
	    e.recordings < 0 || e.left_out < 0)
		return ap_fail(AP_ERR_PROTOCOL, "invalid",
			       "sha256 is 64 hex digits, recordings and left_out are counts");
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_exported(v, &o, &e)));
	ap_hand_over_drop(v, &o);
	return ap_offboard_show(v, tenant, ret_answer);
}

static struct ap_result check_hand(const struct ap_offboarding *o, const char *who, const char *unexported)
{
	if (o->state > AP_OFFBOARD_EXPORTED)
		return ap_fail(AP_ERR_DENIED, "conflict", "this tenant is being erased, or was");
	if (!o->exported && !unexported)
		return ap_fail(AP_ERR_DENIED, "conflict", "export it first, or say why it is erased without an export");
	if (unexported && !reason_fits(unexported))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "without_export says why, in at most 1000 bytes");
	if (strcmp(who, o->exported ? o->exported_by : o->ordered_by) == 0)
		return ap_fail(AP_ERR_DENIED, "role",
			       "this needs another admin than who exported it, or first ordered it");
	return AP_SUCCESS;
}

static struct ap_result write_erasing(struct ap_vault *v, const struct ap_offboarding *o, const char *who,
				      const char *unexported)
{
	JsonObject *body = leaf_body("tenant_erasure_ordered", o);
	ap_answer_text(body, "by", who);
	json_object_set_boolean_member(body, "exported", o->exported);
	AP_TRY(append(v, body));
	return ap_db_offboard_erasing(ap_vault_db(v), &o->id, who, unexported);
}

struct ap_result ap_offboard_erase(struct ap_vault *v, const struct ap_actor *by, const char *tenant, JsonObject *body,
				   JsonNode **ret_answer)
{
	struct ap_offboarding o;
	g_autofree char *who = ap_actor_text(by);
	const char *unexported = ap_body_text(body, "without_export");
	AP_TRY(ap_offboard_find(v, tenant, &o));
	AP_TRY(check_hand(&o, who, unexported));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_erasing(v, &o, who, o.exported ? NULL : unexported)));
	ap_hand_over_drop(v, &o);
	struct ap_result r = ap_offboard_work(v); /* soon, by the timer, what fails now */
	if (!ap_ok(r))
		ap_log(AP_LOG_WARN, "offboarding_waits", "reason=%s", r.name);
	return ap_offboard_show(v, tenant, ret_answer);
}

/* ---- telling ---- */

static struct ap_result describe(struct ap_vault *v, JsonObject *o)
{
	struct ap_offboard_counts n;
	JsonArray *waiting;
	int64_t tenant;
	struct ap_offboarding row;
	struct ap_db *db = ap_vault_db(v);
	AP_TRY(ap_tenant_find(db, json_object_get_string_member(o, "tenant"), &tenant));
	AP_TRY(ap_db_offboard_load(db, tenant, &row));
	AP_TRY(ap_db_offboard_counts(db, tenant, &n));
	AP_TRY(ap_db_offboard_waiting(db, tenant, ap_vault_believed_ms(v), &waiting));
	json_object_set_int_member(o, "sessions", n.sessions);
	json_object_set_int_member(o, "recordings", n.recordings);
	json_object_set_int_member(o, "recordings_erased", n.erased);
	json_object_set_array_member(o, "waiting", waiting);
	json_object_set_boolean_member(o, "certificate", row.certified);
	ap_hand_over_describe(v, &row, o);
	return AP_SUCCESS;
}

static struct ap_result list_of(struct ap_vault *v, int64_t tenant, JsonArray **ret_list)
{
	g_autoptr(JsonArray) list = NULL;
	AP_TRY(ap_db_offboard_list(ap_vault_db(v), tenant, &list));
	for (guint i = 0; i < json_array_get_length(list); i++)
		AP_TRY(describe(v, json_array_get_object_element(list, i)));
	*ret_list = g_steal_pointer(&list);
	return AP_SUCCESS;
}

struct ap_result ap_offboard_list(struct ap_vault *v, JsonNode **ret_answer)
{
	g_autoptr(JsonObject) o = json_object_new();
	JsonArray *list;
	AP_TRY(list_of(v, 0, &list));
	json_object_set_array_member(o, "offboardings", list);
	AP_TRY(ap_db_offboard_proposals(ap_vault_db(v), ap_vault_believed_ms(v), &list));
	json_object_set_array_member(o, "proposals", list);
	*ret_answer = ap_answer_object(g_steal_pointer(&o));
	return AP_SUCCESS;
}

struct ap_result ap_offboard_show(struct ap_vault *v, const char *tenant, JsonNode **ret_answer)
{
	struct ap_offboarding o;
	g_autoptr(JsonArray) list = NULL;
	AP_TRY(ap_offboard_find(v, tenant, &o));
	AP_TRY(list_of(v, o.tenant, &list));
	*ret_answer = json_array_dup_element(list, 0);
	return AP_SUCCESS;
}
