#include "recorder/erasure/proposal.h"

#include "recorder/api/answer.h"
#include "recorder/db/db_staff_desk.h"
#include "recorder/vault.h"

#include <string.h>

struct ap_result ap_proposal_make(struct ap_vault *v, const struct ap_actor *by, const char *action,
				  const char *body_json, JsonNode **ret_answer)
{
	return ap_proposal_make_for(v, by, action, body_json, by->tenant, ret_answer);
}

struct ap_result ap_proposal_make_for(struct ap_vault *v, const struct ap_actor *by, const char *action,
				      const char *body_json, int64_t tenant, JsonNode **ret_answer)
{
	g_autofree char *who = ap_actor_text(by);
	int64_t now = ap_vault_believed_ms(v);
	const struct ap_proposal_row row = { ap_uuid_random(), action, body_json, who, tenant, now, now + AP_PROPOSAL_MS };
	AP_TRY(ap_db_proposal_insert(ap_vault_db(v), &row));
	JsonObject *o = json_object_new();
	ap_answer_id(o, "proposal", &row.id);
	ap_answer_text(o, "state", "proposed");
	ap_answer_time(o, "expires", now + AP_PROPOSAL_MS);
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}

struct ap_result ap_proposal_load(struct ap_vault *v, const struct ap_actor *by, const char *action,
				  const struct ap_uuid *id, char **ret_body, char **ret_proposer)
{
	g_autofree char *who = ap_actor_text(by), *body = NULL, *proposer = NULL;
	AP_TRY(ap_db_proposal_load(ap_vault_db(v), id, action, ap_vault_believed_ms(v), &body, &proposer));
	if (strcmp(who, proposer) == 0)
		return ap_fail(AP_ERR_DENIED, "role", "this needs the word of another admin");
	*ret_body = g_steal_pointer(&body);
	*ret_proposer = g_steal_pointer(&proposer);
	return AP_SUCCESS;
}

struct ap_result ap_proposal_use(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id)
{
	g_autofree char *who = ap_actor_text(by);
	return ap_db_proposal_confirmed(ap_vault_db(v), id, who);
}

struct ap_result ap_proposal_find(struct ap_vault *v, const char *action, const char *body_json, struct ap_uuid *ret_id)
{
	return ap_db_proposal_find(ap_vault_db(v), action, body_json, ap_vault_believed_ms(v), ret_id);
}
