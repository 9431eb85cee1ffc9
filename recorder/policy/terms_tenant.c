/* A tenant's policy and region (R27): previewed, set; declared in terms.h. */
#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/db/db_policy.h"
#include "recorder/consent/session.h"
#include "recorder/policy/terms.h"
#include "recorder/policy/terms_change.h"
#include "recorder/vault.h"

#include <string.h>

struct move {
	int64_t tenant;
	struct ap_tenant_rules rules;
	char *what;		   /* owned */
	struct ap_rule_book *book; /* owned */
	struct ap_terms_change change;
};

static void move_clear(struct move *m)
{
	ap_rule_book_free(m->book);
	g_free(m->what);
}

/* Whether there is a document of that name and kind. */
static struct ap_result check(struct ap_vault *v, const char *name, enum ap_policy_kind kind)
{
	g_autofree char *document = NULL;
	struct ap_policy *policy;
	struct ap_result r = ap_db_policy_get(ap_vault_db(v), name, 0, &document, NULL);
	if (r.err == AP_ERR_DENIED)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "there is no policy or region of that name");
	AP_TRY(r);
	AP_TRY(ap_policy_parse(document, &policy));
	bool fits = ap_policy_kind(policy) == kind;
	ap_policy_free(policy);
	return fits ? AP_SUCCESS : ap_fail(AP_ERR_PROTOCOL, "invalid", "policy names a policy, region a region");
}

static struct ap_result read_wish(struct ap_vault *v, JsonObject *body, struct ap_tenant_rules *rules)
{
	const char *policy = ap_body_text(body, "policy"), *region = ap_body_text(body, "region");
	if (!policy && !region)
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "policy or region is to be named");
	if (policy) {
		AP_TRY(check(v, policy, AP_KIND_POLICY));
		g_strlcpy(rules->policy, policy, sizeof rules->policy);
	}
	if (!region)
		return AP_SUCCESS;
	if (*region)
		AP_TRY(check(v, region, AP_KIND_REGION));
	g_strlcpy(rules->region, region, sizeof rules->region);
	return AP_SUCCESS;
}

static struct ap_result fill(struct ap_vault *v, const struct ap_actor *by, const char *name, JsonObject *body, struct move *m)
{
	if (by->tenant)
		return ap_fail(AP_ERR_DENIED, "role", "an admin of one tenant does not change what binds it");
	AP_TRY(ap_tenant_find(ap_vault_db(v), name, &m->tenant));
	AP_TRY(ap_db_tenant_rules(ap_vault_db(v), m->tenant, &m->rules));
	AP_TRY(read_wish(v, body, &m->rules));
	m->book = ap_rule_book_new(ap_vault_db(v));
	ap_rule_book_propose_tenant(m->book, m->tenant, m->rules.policy, m->rules.region);
	m->what = g_strdup_printf("tenant %" G_GINT64_FORMAT " %s %s", m->tenant, m->rules.policy, m->rules.region);
	m->change = (struct ap_terms_change){.book = m->book, .filter = {.tenant = m->tenant}, .what = m->what};
	return AP_SUCCESS;
}

static struct ap_result preview(struct ap_vault *v, const struct move *m, JsonNode **ret_answer)
{
	struct ap_terms_tally tally = {0};
	AP_TRY(ap_terms_count(v, &m->change, ap_wall_ms(ap_vault_clock(v)), &tally));
	JsonObject *o = json_object_new();
	ap_terms_tell(o, &m->change, &tally);
	ap_terms_tally_clear(&tally);
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}

struct ap_result ap_terms_tenant_preview(struct ap_vault *v, const struct ap_actor *by, const char *tenant, JsonObject *body,
					 JsonNode **ret_answer)
{
	struct move m = {0};
	struct ap_result r = fill(v, by, tenant, body, &m);
	if (ap_ok(r))
		r = preview(v, &m, ret_answer);
	move_clear(&m);
	return r;
}

static struct ap_result write_rules(struct ap_vault *v, const struct ap_actor *by, const struct move *m)
{
	uint64_t leaf;
	struct ap_db *db = ap_vault_db(v);
	g_autofree char *who = ap_actor_text(by);
	AP_TRY(ap_db_tenant_rules_set(db, m->tenant, &m->rules));
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "tenant_rules");
	json_object_set_int_member(body, "tenant", m->tenant);
	ap_answer_text(body, "policy", m->rules.policy);
	ap_answer_text(body, "region", m->rules.region);
	ap_answer_text(body, "by", who);
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), db, AP_LEAF_POLICY, body, &leaf));
	return ap_db_terms_owed_set(db, true);
}

static struct ap_result put(struct ap_vault *v, const struct ap_actor *by, const struct move *m, const char *token)
{
	AP_TRY(ap_terms_allow(v, &m->change, token));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_rules(v, by, m)));
	ap_terms_carry_out(v, &m->change.filter);
	return AP_SUCCESS;
}

struct ap_result ap_terms_tenant_put(struct ap_vault *v, const struct ap_actor *by, const char *tenant, JsonObject *body,
				     const char *token, JsonNode **ret_answer)
{
	struct move m = {0};
	struct ap_result r = fill(v, by, tenant, body, &m);
	if (ap_ok(r))
		r = put(v, by, &m, token);
	if (ap_ok(r)) {
		JsonObject *o = json_object_new();
		ap_answer_text(o, "name", tenant);
		ap_answer_text(o, "policy", m.rules.policy);
		ap_answer_text(o, "region", m.rules.region);
		*ret_answer = ap_answer_object(o);
	}
	move_clear(&m);
	return r;
}
