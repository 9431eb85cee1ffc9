/* What the register says, gathered from what is in force: ap_account_facts of account.h. */
#include "recorder/accountability/account.h"

#include "recorder/accountability/db_roles.h"
#include "recorder/api/answer.h"
#include "recorder/db/db_policy.h"
#include "recorder/policy/rule_book.h"
#include "recorder/vault.h"

#include <string.h>

#define DAY_MS ((int64_t)24 * 3600 * 1000)

struct work {
	struct ap_vault *v;
	struct ap_rule_book *book;
	JsonObject *titles; /* purpose to {"title"} in the language asked for; borrowed */
	int64_t now_ms;
};

static JsonObject *activity(const char *id, int64_t number, const char *unit)
{
	JsonObject *o = json_object_new(), *keep = json_object_new();
	json_object_set_int_member(keep, "number", number);
	json_object_set_string_member(keep, "unit", unit);
	json_object_set_string_member(o, "id", id);
	json_object_set_object_member(o, "keep", keep);
	return o;
}

/* What the strictest of a tenant's documents leaves a purpose, whose word it is, and why. */
static JsonObject *purpose_activity(const struct work *w, const struct ap_rules *rules, enum ap_purpose purpose)
{
	const struct ap_term_facts facts = {AP_STANDARD, w->now_ms, 0};
	struct ap_term term = ap_rules_term(rules, purpose, &facts);
	const struct ap_policy *policy = term.decided.rule->policy;
	const char *id = ap_purpose_text(purpose);
	int64_t number;
	const char *unit = ap_period_unit(&term.decided.period, &number);
	g_autofree char *by = g_strdup_printf("%s %s %" G_GINT64_FORMAT, ap_policy_kind_text(ap_policy_kind(policy)),
					      ap_policy_name(policy), term.decided.rule->version);
	JsonObject *o = activity(id, number, unit);
	ap_answer_text(o, "title",
		       json_object_get_string_member(json_object_get_object_member(w->titles, id), "title"));
	ap_answer_text(o, "decided_by", by);
	ap_answer_text(o, "reason", ap_policy_reason(policy, purpose));
	return o;
}

static JsonArray *activities_of(const struct work *w, const struct ap_rules *rules)
{
	JsonArray *list = json_array_new();
	const struct ap_policy *own = rules->rule[0].policy;
	ap_purposes offered = ap_rules_offered(rules);
	int64_t number;
	struct ap_period log = ap_policy_access_log(own);
	for (int p = 0; p < AP_PURPOSE_COUNT; p++)
		if (offered & AP_PURPOSE_BIT(p))
			json_array_add_object_element(list, purpose_activity(w, rules, (enum ap_purpose)p));
	json_array_add_object_element(list,
				      activity("consent_proof", ap_policy_consent_proof_ms(own) / DAY_MS, "days"));
	const char *unit = ap_period_unit(&log, &number);
	if (!ap_period_none(&log))
		json_array_add_object_element(list, activity("access_log", number, unit));
	return list;
}

static struct ap_result tenant_rules(const struct work *w, int64_t tenant, const char *policy,
				     struct ap_rules *ret_rules)
{
	int64_t version;
	struct ap_result known = ap_db_policy_version(ap_vault_db(w->v), policy, &version);
	if (!ap_ok(known) && known.err != AP_ERR_DENIED)
		return known;
	/* No session has the nil id, so nothing of the past binds: what a session made now would be under. */
	const struct ap_rule_subject subject = {.tenant = tenant, .policy = ap_ok(known) ? policy : "default"};
	return ap_rule_book_of(w->book, &subject, ret_rules);
}

static struct ap_result tenant_facts(const struct work *w, int64_t id, JsonObject *o)
{
	struct ap_rules rules;
	struct ap_tenant_roles roles;
	AP_TRY(tenant_rules(w, id, json_object_get_string_member(o, "policy"), &rules));
	json_object_set_array_member(o, "activities", activities_of(w, &rules));
	ap_rules_clear(&rules);
	AP_TRY(ap_db_tenant_roles(ap_vault_db(w->v), id, &roles));
	ap_answer_text(o, "capacity", roles.capacity);
	ap_answer_text(o, "controller", roles.controller);
	ap_answer_text(o, "contact", roles.contact);
	ap_answer_text(o, "agreement", roles.agreement);
	ap_tenant_roles_clear(&roles);
	return AP_SUCCESS;
}

/* {"id","name","policy","region"?} of those this actor may see. */
static struct ap_result tenants_of(struct ap_vault *v, int64_t tenant, JsonArray **ret_list)
{
	static const struct ap_answer_column columns[] = {{"id", ap_answer_row_int},
							  {"name", ap_answer_row_text},
							  {"policy", ap_answer_row_text},
							  {"region", ap_answer_row_text}};
	struct ap_rows *rows = ap_db_query(
		ap_vault_db(v), "SELECT id, name, policy, region FROM tenant WHERE ?1 = 0 OR id = ?1 ORDER BY name",
		AP_VALUES(AP_V_INT(tenant)));
	return ap_answer_rows(rows, columns, G_N_ELEMENTS(columns), ret_list);
}

static struct ap_result add_tenants(const struct work *w, int64_t tenant, JsonObject *facts)
{
	g_autoptr(JsonArray) list = NULL;
	AP_TRY(tenants_of(w->v, tenant, &list));
	for (guint i = 0; i < json_array_get_length(list); i++) {
		JsonObject *o = json_array_get_object_element(list, i);
		AP_TRY(tenant_facts(w, json_object_get_int_member(o, "id"), o));
		json_object_remove_member(o, "id");
	}
	json_object_set_array_member(facts, "tenants", g_steal_pointer(&list));
	return AP_SUCCESS;
}

static void add_operator(struct ap_vault *v, JsonObject *facts)
{
	const struct ap_config *config = ap_vault_config(v);
	JsonObject *controller = json_object_new(), *measures = json_object_new();
	ap_answer_text(controller, "name", ap_config_text(config, "operator.controller_name"));
	ap_answer_text(controller, "contact", ap_config_text(config, "operator.controller_contact"));
	json_object_set_object_member(facts, "controller", controller);
	ap_answer_text(facts, "dpo", ap_config_text(config, "operator.dpo"));
	ap_answer_text(facts, "complaint", ap_config_text(config, "operator.complaint"));
	ap_answer_text(facts, "impact_assessment", ap_config_text(config, "operator.impact_assessment"));
	ap_answer_text(facts, "storage", ap_config_text(config, "storage.label"));
	json_object_set_int_member(measures, "turnover_hours", ap_config_int(config, "kek.turnover_hours"));
	json_object_set_int_member(measures, "review_days", ap_config_int(config, "access.review_days"));
	if (*ap_config_text(config, "backup.directory"))
		json_object_set_int_member(measures, "key_horizon_days", ap_config_int(config, "backup.key_horizon"));
	json_object_set_object_member(facts, "measures", measures);
}

static struct ap_result gather(const struct work *w, int64_t tenant, JsonObject *facts)
{
	JsonArray *recipients;
	ap_answer_time(facts, "generated", w->now_ms);
	add_operator(w->v, facts);
	AP_TRY(add_tenants(w, tenant, facts));
	AP_TRY(ap_db_recipients(ap_vault_db(w->v), tenant, AP_RECIPIENTS_PRESENT, &recipients));
	json_object_set_array_member(facts, "recipients", recipients);
	return AP_SUCCESS;
}

struct ap_result ap_account_facts(struct ap_vault *v, const struct ap_actor *by, const char *lang,
				  JsonNode **ret_answer)
{
	g_autoptr(JsonObject) facts = json_object_new();
	g_autoptr(JsonNode) notice =
		json_from_string(g_strcmp0(lang, "fr") == 0 ? ap_text_notice_fr : ap_text_notice_en, NULL);
	struct work w = {.v = v, .book = ap_rule_book_new(ap_vault_db(v)), .now_ms = ap_wall_ms(ap_vault_clock(v))};
	w.titles = json_object_get_object_member(json_node_get_object(notice), "purposes");
	struct ap_result r = gather(&w, by->tenant, facts);
	ap_rule_book_free(w.book);
	if (ap_ok(r))
		*ret_answer = ap_answer_object(g_steal_pointer(&facts));
	return r;
}
