#include "recorder/hold.h"

#include "recorder/answer.h"
#include "recorder/db_staff_access.h"
#include "recorder/db_staff_desk.h"
#include "recorder/erasure.h"
#include "recorder/proposal.h"
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

/* Of this admin's tenant, and not erased. */
static struct ap_result check_recording(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *recording)
{
	struct ap_access_subject s = {0};
	AP_TRY(ap_db_access_subject(ap_vault_db(v), recording, &s));
	g_free(s.coach);
	if (by->tenant && by->tenant != s.tenant)
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such recording for you");
	return s.erasing ? ap_fail(AP_ERR_DENIED, "erased", "this recording was erased") : AP_SUCCESS;
}

static struct ap_result log_hold(struct ap_vault *v, const char *event, const struct ap_uuid *id,
				 const struct ap_hold_wish *wish, const char *first, const char *second,
				 uint64_t *ret_leaf)
{
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", event);
	ap_answer_id(body, "hold", id);
	ap_answer_id(body, "recording", &wish->recording);
	ap_answer_text(body, "ground", wish->ground);
	ap_answer_text(body, "reason", wish->reason);
	ap_answer_time(body, "ends", wish->ends_ms);
	ap_answer_text(body, "proposed_by", first);
	ap_answer_text(body, "confirmed_by", second);
	return ap_ledger_append(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_HOLD, body, ret_leaf);
}

static struct ap_result write_hold(struct ap_vault *v, const struct ap_uuid *id, const struct ap_hold_wish *wish,
				   const char *first, const char *second)
{
	uint64_t leaf;
	AP_TRY(log_hold(v, "hold", id, wish, first, second, &leaf));
	return ap_db_hold_insert(ap_vault_db(v), id, wish, first, second, ap_wall_ms(ap_vault_clock(v)), leaf);
}

static struct ap_result confirm(struct ap_vault *v, const struct ap_actor *by, const char *proposal,
				JsonNode **ret_answer)
{
	struct ap_uuid proposal_id, id = ap_uuid_random();
	struct ap_hold_wish wish;
	g_autofree char *body = NULL, *first = NULL, *second = ap_actor_text(by);
	if (!ap_uuid_parse(proposal, &proposal_id))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "proposal is an id");
	AP_TRY(ap_proposal_confirm(v, by, "hold", &proposal_id, &body, &first));
	g_autoptr(JsonNode) node = json_from_string(body, NULL);
	AP_TRY(parse_wish(json_node_get_object(node), &wish));
	AP_TRY(check_recording(v, by, &wish.recording));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_hold(v, &id, &wish, first, second)));
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
	if (json_object_has_member(body, "proposal")) {
		const char *proposal;
		AP_TRY(ap_http_json_text(body, "proposal", &proposal));
		*ret_status = 201;
		return confirm(v, by, proposal, ret_answer);
	}
	AP_TRY(parse_wish(body, &wish));
	if (wish.ends_ms <= ap_wall_ms(ap_vault_clock(v)))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "a hold ends in the future");
	AP_TRY(check_recording(v, by, &wish.recording));
	g_autofree char *text = ap_answer_take_text(ap_answer_object(json_object_ref(body)));
	*ret_status = 202;
	return ap_proposal_make(v, by, "hold", text, ret_answer);
}

static struct ap_result write_lift(struct ap_vault *v, const struct ap_uuid *id, const struct ap_uuid *recording,
				   const char *first, const char *second)
{
	uint64_t leaf;
	AP_TRY(log_hold(v, "hold_lifted", id, &(struct ap_hold_wish){.recording = *recording}, first, second, &leaf));
	return ap_db_hold_lifted(ap_vault_db(v), id, second, ap_wall_ms(ap_vault_clock(v)));
}

static struct ap_result lift(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *hold,
			     const struct ap_uuid *recording, const struct ap_uuid *proposal)
{
	g_autofree char *body = NULL, *first = NULL, *second = ap_actor_text(by);
	AP_TRY(ap_proposal_confirm(v, by, "hold.lift", proposal, &body, &first));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_lift(v, hold, recording, first, second)));
	return ap_erasure_catch_up(v, recording);
}

struct ap_result ap_hold_delete(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *hold,
				unsigned *ret_status, JsonNode **ret_answer)
{
	struct ap_uuid recording, proposal;
	JsonObject *o = json_object_new();
	ap_answer_id(o, "hold", hold);
	g_autofree char *body = ap_answer_take_text(ap_answer_object(o));
	AP_TRY(ap_db_hold_recording(ap_vault_db(v), hold, &recording));
	AP_TRY(check_recording(v, by, &recording));
	if (ap_ok(ap_proposal_find(v, "hold.lift", body, &proposal))) {
		*ret_status = 204;
		return lift(v, by, hold, &recording, &proposal);
	}
	*ret_status = 202;
	return ap_proposal_make(v, by, "hold.lift", body, ret_answer);
}

struct ap_result ap_hold_list(struct ap_vault *v, const struct ap_actor *by, JsonNode **ret_answer)
{
	JsonArray *list;
	AP_TRY(ap_db_hold_list(ap_vault_db(v), by->tenant, &list));
	*ret_answer = ap_answer_list("holds", list);
	return AP_SUCCESS;
}
