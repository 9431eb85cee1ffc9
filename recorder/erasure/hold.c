#include "recorder/erasure/hold.h"

#include "recorder/api/answer.h"
#include "recorder/db/db_staff_access.h"
#include "recorder/db/db_hold.h"
#include "recorder/erasure/erasure.h"
#include "recorder/erasure/proposal.h"
#include "recorder/vault.h"

#include <aparte/http.h>
#include <string.h>

static struct ap_result parse_wish(JsonObject *body, struct ap_hold_wish *ret_wish)
{
	struct ap_hold_wish w = {0};
	const char *recording, *ends;
	AP_TRY(ap_http_json_text(body, "recording", &recording));
	AP_TRY(ap_http_json_text(body, "ground", &w.ground));
	AP_TRY(ap_http_json_text(body, "reason", &w.reason));
	AP_TRY(ap_http_json_text(body, "ends", &ends));
	if (!ap_uuid_parse(recording, &w.recording) || !ap_time_parse(ends, &w.ends_ms))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "recording is an id and ends a time");
	if (!w.ground[0] || !w.reason[0])
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "a hold names its legal ground and its reason");
	*ret_wish = w;
	return AP_SUCCESS;
}

/* Of this admin's tenant, and not erased; *ret_tenant is whose it is. */
static struct ap_result check_recording(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *recording,
					int64_t *ret_tenant)
{
	struct ap_access_subject s = {0};
	AP_TRY(ap_db_access_subject(ap_vault_db(v), recording, &s));
	g_free(s.coach);
	if (by->tenant && by->tenant != s.tenant)
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such recording for you");
	if (s.erasing)
		return ap_fail(AP_ERR_DENIED, "erased", "this recording was erased");
	*ret_tenant = s.tenant;
	return AP_SUCCESS;
}

/* `second` is NULL where nobody's word was needed. */
static struct ap_result log_hold(struct ap_vault *v, const char *event, const struct ap_hold_row *hold, const char *first,
				 const char *second, uint64_t *ret_leaf)
{
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", event);
	ap_answer_id(body, "hold", &hold->id);
	ap_answer_id(body, "recording", &hold->recording);
	ap_answer_text(body, "ground", hold->ground);
	ap_answer_time(body, "ends", hold->ends_ms);
	ap_answer_text(body, "proposed_by", first);
	ap_answer_text(body, "confirmed_by", second);
	return ap_ledger_append(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_HOLD, body, ret_leaf);
}

/* What the second admin confirms. */
struct confirmation {
	const struct ap_actor *by;
	struct ap_uuid proposal;
	const char *first, *second;
};

static struct ap_result write_hold(struct ap_vault *v, const struct ap_uuid *id, const struct ap_hold_wish *wish,
				   const struct confirmation *c)
{
	uint64_t leaf;
	const char *first = c->first, *second = c->second;
	const struct ap_hold_row hold = {*id, wish->recording, wish->ends_ms, (char *)wish->ground};
	AP_TRY(ap_proposal_use(v, c->by, &c->proposal));
	AP_TRY(log_hold(v, "hold", &hold, first, second, &leaf));
	return ap_db_hold_insert(ap_vault_db(v), id, wish, first, second, ap_wall_ms(ap_vault_clock(v)), leaf);
}

static struct ap_result confirm(struct ap_vault *v, const struct ap_actor *by, const char *proposal,
				JsonNode **ret_answer)
{
	struct confirmation c = {.by = by};
	struct ap_uuid id = ap_uuid_random();
	struct ap_hold_wish wish;
	int64_t tenant;
	g_autofree char *body = NULL, *first = NULL, *second = ap_actor_text(by);
	if (!ap_uuid_parse(proposal, &c.proposal))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "proposal is an id");
	AP_TRY(ap_proposal_load(v, by, "hold", &c.proposal, &body, &first));
	c.first = first;
	c.second = second;
	g_autoptr(JsonNode) node = json_from_string(body, NULL);
	AP_TRY(parse_wish(json_node_get_object(node), &wish));
	AP_TRY(check_recording(v, by, &wish.recording, &tenant));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_hold(v, &id, &wish, &c)));
	JsonObject *o = json_object_new();
	ap_answer_id(o, "id", &id);
	ap_answer_id(o, "recording", &wish.recording);
	ap_answer_time(o, "ends", wish.ends_ms);
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}

struct ap_result ap_hold_post(struct ap_vault *v, const struct ap_actor *by, JsonObject *body, unsigned *ret_status,
			      JsonNode **ret_answer)
{
	struct ap_hold_wish wish;
	int64_t tenant;
	if (json_object_has_member(body, "proposal")) {
		const char *proposal;
		AP_TRY(ap_http_json_text(body, "proposal", &proposal));
		*ret_status = 201;
		return confirm(v, by, proposal, ret_answer);
	}
	AP_TRY(parse_wish(body, &wish));
	if (wish.ends_ms <= ap_wall_ms(ap_vault_clock(v)))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "a hold ends in the future");
	AP_TRY(check_recording(v, by, &wish.recording, &tenant));
	g_autofree char *text = ap_answer_take_text(ap_answer_object(json_object_ref(body)));
	*ret_status = 202;
	return ap_proposal_make_for(v, by, "hold", text, tenant, ret_answer);
}

static struct ap_result write_lift(struct ap_vault *v, const struct ap_hold_row *hold, const struct confirmation *c,
				   const char *reason)
{
	uint64_t leaf;
	AP_TRY(ap_proposal_use(v, c->by, &c->proposal));
	AP_TRY(log_hold(v, "hold_lifted", hold, c->first, c->second, &leaf));
	return ap_db_hold_lifted(ap_vault_db(v), &hold->id, c->second, reason, ap_wall_ms(ap_vault_clock(v)));
}

static struct ap_result lift(struct ap_vault *v, const struct ap_actor *by, const struct ap_hold_row *hold,
			     const char *reason, const struct ap_uuid *proposal)
{
	g_autofree char *body = NULL, *first = NULL, *second = ap_actor_text(by);
	AP_TRY(ap_proposal_load(v, by, "hold.lift", proposal, &body, &first));
	const struct confirmation c = {by, *proposal, first, second};
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_lift(v, hold, &c, reason)));
	return ap_erasure_catch_up(v, &hold->recording);
}

static struct ap_result propose_or_lift(struct ap_vault *v, const struct ap_actor *by, const struct ap_hold_row *hold,
					const char *reason, unsigned *ret_status, JsonNode **ret_answer)
{
	struct ap_uuid proposal;
	int64_t tenant;
	JsonObject *o = json_object_new();
	ap_answer_id(o, "hold", &hold->id);
	g_autofree char *body = ap_answer_take_text(ap_answer_object(o));
	AP_TRY(check_recording(v, by, &hold->recording, &tenant));
	if (ap_ok(ap_proposal_find(v, "hold.lift", body, &proposal))) {
		*ret_status = 204;
		return lift(v, by, hold, reason, &proposal);
	}
	*ret_status = 202;
	return ap_proposal_make_for(v, by, "hold.lift", body, tenant, ret_answer);
}

struct ap_result ap_hold_delete(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *hold,
				const char *reason, unsigned *ret_status, JsonNode **ret_answer)
{
	struct ap_hold_row row;
	if (strlen(reason) > 1000)
		return ap_fail(AP_ERR_LIMIT, "invalid", "a reason has at most 1000 bytes");
	AP_TRY(ap_db_hold_load(ap_vault_db(v), hold, &row));
	struct ap_result r = propose_or_lift(v, by, &row, reason, ret_status, ret_answer);
	g_free(row.ground);
	return r;
}

struct ap_result ap_hold_list(struct ap_vault *v, const struct ap_actor *by, JsonNode **ret_answer)
{
	g_autoptr(JsonObject) o = json_object_new();
	JsonArray *list;
	AP_TRY(ap_db_hold_list(ap_vault_db(v), by->tenant, ap_vault_believed_ms(v), &list));
	json_object_set_array_member(o, "holds", list);
	if (by->staff == AP_STAFF_ADMIN) {
		AP_TRY(ap_db_hold_proposals(ap_vault_db(v), by->tenant, ap_vault_believed_ms(v), &list));
		json_object_set_array_member(o, "proposals", list);
	}
	*ret_answer = ap_answer_object(g_steal_pointer(&o));
	return AP_SUCCESS;
}

/* ---- their end ---- */

static struct ap_result write_end(struct ap_vault *v, const struct ap_hold_row *hold)
{
	uint64_t leaf;
	AP_TRY(log_hold(v, "hold_ended", hold, NULL, NULL, &leaf));
	return ap_db_hold_ended(ap_vault_db(v), &hold->id, leaf);
}

static struct ap_result end_one(struct ap_vault *v, const struct ap_uuid *id)
{
	struct ap_hold_row row;
	AP_TRY(ap_db_hold_load(ap_vault_db(v), id, &row));
	struct ap_result r = ap_db_begin(ap_vault_db(v));
	if (ap_ok(r))
		r = ap_db_finish(ap_vault_db(v), write_end(v, &row));
	g_free(row.ground);
	return ap_ok(r) ? ap_erasure_catch_up(v, &row.recording) : r;
}

struct ap_result ap_hold_work(struct ap_vault *v)
{
	g_autoptr(GArray) ids = NULL;
	AP_TRY(ap_db_hold_lapsed(ap_vault_db(v), ap_vault_believed_ms(v), &ids));
	for (guint i = 0; i < ids->len; i++)
		AP_TRY(end_one(v, &g_array_index(ids, struct ap_uuid, i)));
	return AP_SUCCESS;
}
