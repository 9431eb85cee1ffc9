#include "recorder/access/approval.h"

#include "recorder/api/answer.h"
#include "recorder/db/db_staff_approval.h"
#include "recorder/vault.h"

#include <string.h>

static struct ap_result append_leaf(struct ap_vault *v, const char *event, const struct ap_uuid *id,
				    const struct ap_uuid *recording, const char *who, int64_t until_ms,
				    uint64_t *ret_leaf)
{
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", event);
	ap_answer_id(body, "approval", id);
	ap_answer_id(body, "recording", recording);
	ap_answer_text(body, "by", who);
	ap_answer_time(body, "until", until_ms);
	return ap_ledger_append(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_GRANT, body, ret_leaf);
}

/* ---- asking ---- */

struct ap_result ap_approval_find(struct ap_vault *v, const struct ap_actor *actor, const struct ap_approval_wish *wish,
				  struct ap_uuid *ret_id, int64_t *ret_until_ms)
{
	g_autofree char *who = ap_actor_text(actor);
	return ap_db_approval_find(ap_vault_db(v), who, wish, true, ap_vault_believed_ms(v), ret_id, ret_until_ms);
}

struct ap_result ap_approval_holds(struct ap_vault *v, const struct ap_uuid *id, const struct ap_access_needs *needs,
				   bool *ret_holds)
{
	struct ap_approval_row row;
	AP_TRY(ap_db_approval_load(ap_vault_db(v), id, &row));
	*ret_holds = row.approved && row.stands && row.until_ms > ap_vault_believed_ms(v) &&
		     (row.needs.four_eyes || !needs->four_eyes) && (row.needs.admin_approval || !needs->admin_approval);
	ap_approval_row_clear(&row);
	return AP_SUCCESS;
}

static struct ap_result write_asked(struct ap_vault *v, const struct ap_uuid *id, const char *who,
				    const struct ap_approval_wish *wish, int64_t lapses_ms)
{
	uint64_t leaf;
	AP_TRY(append_leaf(v, "access_asked", id, &wish->recording, who, 0, &leaf));
	return ap_db_approval_insert(ap_vault_db(v), id, who, wish, ap_vault_believed_ms(v), lapses_ms, leaf);
}

struct ap_result ap_approval_ask(struct ap_vault *v, const struct ap_actor *actor, const struct ap_approval_wish *wish,
				 struct ap_uuid *ret_id, int64_t *ret_lapses_ms)
{
	struct ap_db *db = ap_vault_db(v);
	struct ap_uuid id = ap_uuid_random();
	g_autofree char *who = ap_actor_text(actor);
	int64_t now = ap_vault_believed_ms(v), lapses = now + AP_APPROVAL_LAPSES_MS;
	if (ap_ok(ap_db_approval_find(db, who, wish, false, now, ret_id, ret_lapses_ms)))
		return AP_SUCCESS;
	AP_TRY(ap_db_begin(db));
	AP_TRY(ap_db_finish(db, write_asked(v, &id, who, wish, lapses)));
	*ret_id = id;
	*ret_lapses_ms = lapses;
	return AP_SUCCESS;
}

/* ---- deciding ---- */

/* An admin of its tenant; the recording's coach too, unless it takes an admin. Never who asked. */
static struct ap_result may_decide(const struct ap_actor *by, const struct ap_approval_row *row)
{
	g_autofree char *who = ap_actor_text(by);
	bool here = !by->tenant || by->tenant == row->tenant;
	bool coach = by->staff == AP_STAFF_COACH && by->party_id[0] && g_strcmp0(by->party_id, row->coach) == 0;
	if (!here || (by->staff != AP_STAFF_ADMIN && !coach))
		return ap_fail(AP_ERR_DENIED, "not-found", "nobody asked this of you");
	if (strcmp(who, row->actor) == 0)
		return ap_fail(AP_ERR_DENIED, "role", "this needs the word of another person than the one who asks");
	if (coach && row->needs.admin_approval)
		return ap_fail(AP_ERR_DENIED, "role", "an archived recording is opened by an admin's word alone");
	return AP_SUCCESS;
}

static struct ap_result check_state(const struct ap_approval_row *row, const struct ap_approval_answer *answer,
				    int64_t now)
{
	bool pending = !row->decided_ms, taking_back = row->approved && !answer->approve;
	if (pending && row->lapses_ms <= now)
		return ap_fail(AP_ERR_DENIED, "not-found", "nobody answered in time; it has to be asked again");
	if (!pending && !taking_back)
		return ap_fail(AP_ERR_DENIED, "conflict", "this was decided before");
	if (answer->approve && (answer->until_ms <= now || answer->until_ms > now + AP_APPROVAL_LONGEST_MS))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "an approval ends in the future, within a week");
	return AP_SUCCESS;
}

static struct ap_result write_decided(struct ap_vault *v, const char *who, const struct ap_approval_row *row,
				      const struct ap_approval_answer *answer)
{
	uint64_t leaf;
	AP_TRY(append_leaf(v, answer->approve ? "access_approved" : "access_denied", &row->id, &row->recording, who,
			   answer->approve ? answer->until_ms : 0, &leaf));
	return ap_db_approval_decided(ap_vault_db(v), &row->id, who, answer->approve, ap_vault_believed_ms(v),
				      answer->until_ms, leaf);
}

static struct ap_result decide(struct ap_vault *v, const struct ap_actor *by, const struct ap_approval_row *row,
			       const struct ap_approval_answer *answer)
{
	g_autofree char *who = ap_actor_text(by);
	AP_TRY(may_decide(by, row));
	AP_TRY(check_state(row, answer, ap_vault_believed_ms(v)));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_decided(v, who, row, answer)));
	return answer->approve ? AP_SUCCESS : ap_access_sweep(v, &row->recording);
}

struct ap_result ap_approval_decide(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id,
				    const struct ap_approval_answer *wanted, JsonNode **ret_answer)
{
	struct ap_approval_row row;
	struct ap_approval_answer answer = *wanted;
	if (answer.approve && !answer.until_ms)
		answer.until_ms = ap_vault_believed_ms(v) + AP_APPROVAL_DEFAULT_MS;
	AP_TRY(ap_db_approval_load(ap_vault_db(v), id, &row));
	struct ap_result r = decide(v, by, &row, &answer);
	ap_approval_row_clear(&row);
	AP_TRY(r);
	JsonObject *o = json_object_new();
	ap_answer_id(o, "id", id);
	ap_answer_text(o, "state", answer.approve ? "approved" : "denied");
	ap_answer_time(o, "until", answer.approve ? answer.until_ms : 0);
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}

struct ap_result ap_approval_list(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *after, int64_t limit,
				  JsonArray **ret_list)
{
	g_autofree char *who = ap_actor_text(actor);
	bool admin = actor->staff == AP_STAFF_ADMIN, coach = actor->staff == AP_STAFF_COACH && actor->party_id[0];
	const struct ap_approval_filter filter = {.tenant = actor->tenant,
						  .coach = coach ? actor->party_id : NULL,
						  .actor = admin ? NULL : who,
						  .after = after,
						  .limit = limit};
	return ap_db_approval_list(ap_vault_db(v), &filter, ap_vault_believed_ms(v), ret_list);
}
