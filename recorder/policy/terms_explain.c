/* Which rule decided, and the decisions that certification waits for; declared in terms.h. */
#include "recorder/api/answer.h"
#include "recorder/db/db_consent.h"
#include "recorder/db/db_staff_access.h"
#include "recorder/policy/terms.h"
#include "recorder/policy/term.h"
#include "recorder/vault.h"

#include <string.h>

static int64_t now_of(struct ap_vault *v)
{
	return ap_wall_ms(ap_vault_clock(v));
}

/* ---- one purpose ---- */

static void tell_period(JsonObject *o, const struct ap_period *period)
{
	int64_t n;
	if (ap_period_none(period))
		return;
	JsonObject *inner = json_object_new();
	const char *unit = ap_period_unit(period, &n);
	json_object_set_int_member(inner, unit, n);
	json_object_set_object_member(o, "period", inner);
}

static JsonObject *tell_bound(const struct ap_bound *bound, enum ap_purpose purpose)
{
	JsonObject *o = json_object_new();
	ap_answer_text(o, "level", ap_rule_level_text(bound->rule->level));
	ap_answer_text(o, "name", ap_policy_name(bound->rule->policy));
	json_object_set_int_member(o, "version", bound->rule->version);
	ap_answer_text(o, "because", ap_bound_basis_text(bound->basis));
	tell_period(o, &bound->period);
	ap_answer_time(o, "ends", bound->ends_ms);
	ap_answer_text(o, "reason", ap_policy_reason(bound->rule->policy, purpose));
	return o;
}

static JsonArray *tell_bounds(const struct ap_rules *rules, enum ap_purpose purpose, const struct ap_term_facts *facts)
{
	struct ap_bound bounds[AP_BOUNDS_MAX];
	JsonArray *list = json_array_new();
	size_t n = ap_rules_bounds(rules, purpose, facts, bounds);
	for (size_t i = 0; i < n; i++)
		json_array_add_object_element(list, tell_bound(&bounds[i], purpose));
	return list;
}

/* The rule that is kept with a term: it may be an older version's, which stays in force. */
static JsonObject *tell_kept(const struct ap_term_kept *term)
{
	JsonObject *o = json_object_new();
	ap_answer_text(o, "level", ap_rule_level_text(term->level));
	ap_answer_text(o, "name", term->name);
	json_object_set_int_member(o, "version", term->version);
	ap_answer_text(o, "because", ap_bound_basis_text(term->basis));
	return o;
}

static JsonArray *tell_purposes(const struct ap_rules *rules, const struct ap_term_facts *facts, const struct ap_terms_of *terms,
				int64_t now_ms)
{
	JsonArray *list = json_array_new();
	for (int i = 0; i < AP_PURPOSE_COUNT; i++) {
		enum ap_purpose purpose = (enum ap_purpose)i;
		const struct ap_term_kept *term = &terms->term[i];
		JsonObject *o = json_object_new();
		ap_answer_text(o, "purpose", ap_purpose_text(purpose));
		json_object_set_boolean_member(o, "offered", (ap_rules_offered(rules) & AP_PURPOSE_BIT(i)) != 0);
		json_object_set_boolean_member(o, "given", (terms->both & AP_PURPOSE_BIT(i)) != 0);
		ap_answer_time(o, "ends", term->ends_ms);
		ap_answer_time(o, "archives", term->archives_ms);
		json_object_set_boolean_member(o, "ended", now_ms >= term->ends_ms);
		json_object_set_object_member(o, "rule", tell_kept(term));
		json_object_set_array_member(o, "bounds", tell_bounds(rules, purpose, facts));
		json_array_add_object_element(list, o);
	}
	return list;
}

/* ---- the whole answer ---- */

/* The purpose whose term is the recording's end; NULL when it ended for another cause. */
static const char *last_purpose(const struct ap_terms_of *terms)
{
	for (int i = 0; i < AP_PURPOSE_COUNT; i++)
		if ((terms->both & AP_PURPOSE_BIT(i)) && terms->term[i].ends_ms == terms->expires_ms)
			return ap_purpose_text((enum ap_purpose)i);
	return NULL;
}

static void tell_subject(JsonObject *o, const struct ap_term_subject *s, const struct ap_rules *rules)
{
	const char *region = "";
	for (size_t i = 0; i < rules->n; i++)
		if (rules->rule[i].level == AP_LEVEL_REGION)
			region = ap_policy_name(rules->rule[i].policy);
	ap_answer_id(o, "session", &s->session);
	ap_answer_text(o, "sensitivity", ap_sensitivity_text(s->sensitivity));
	ap_answer_text(o, "region", region);
	ap_answer_text(o, "storage", ap_rules_storage(rules));
	struct ap_access_needs needs = ap_rules_access_needs(rules, s->sensitivity, s->archived);
	json_object_set_boolean_member(o, "four_eyes", needs.four_eyes);
}

static struct ap_result explain(struct ap_vault *v, const struct ap_term_subject *s, JsonObject *o)
{
	struct ap_db *db = ap_vault_db(v);
	struct ap_rules rules = {0};
	struct ap_terms_of terms = {0};
	const struct ap_rule_subject bound = {s->session, s->tenant, s->policy, s->policy_version};
	const struct ap_term_facts facts = {s->sensitivity, s->sealed_ms, s->decided_ms};
	struct ap_rule_book *book = ap_rule_book_new(db);
	struct ap_result r = ap_rule_book_of(book, &bound, &rules);
	if (ap_ok(r))
		r = ap_term_compute(db, book, s, &terms);
	if (ap_ok(r)) {
		tell_subject(o, s, &rules);
		ap_answer_time(o, "sealed", s->sealed_ms);
		ap_answer_time(o, "decided", s->decided_ms);
		ap_answer_time(o, "archives", terms.archives_ms);
		ap_answer_time(o, "expires", terms.expires_ms);
		ap_answer_text(o, "expires_with", last_purpose(&terms));
		json_object_set_boolean_member(o, "archived", s->archived);
		json_object_set_array_member(o, "purposes", tell_purposes(&rules, &facts, &terms, now_of(v)));
	}
	ap_rules_clear(&rules);
	ap_rule_book_free(book);
	return r;
}

static struct ap_result load(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *recording,
			     struct ap_term_subject *ret_subject)
{
	struct ap_term_subject subject;
	struct ap_result none = ap_fail(AP_ERR_DENIED, "not-found", "there is no such recording for you");
	struct ap_result r = ap_db_term_subject(ap_vault_db(v), recording, now_of(v), &subject);
	if (r.err == AP_ERR_DENIED)
		return none;
	AP_TRY(r);
	if (by->tenant && by->tenant != subject.tenant)
		return none;
	if (!subject.sealed_ms)
		return ap_fail(AP_ERR_DENIED, "conflict", "this recording is still being made; ask for its session");
	*ret_subject = subject;
	return AP_SUCCESS;
}

struct ap_result ap_terms_explain_recording(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *recording,
					    JsonNode **ret_answer)
{
	struct ap_term_subject subject;
	AP_TRY(load(v, by, recording, &subject));
	JsonObject *o = json_object_new();
	ap_answer_id(o, "recording", recording);
	struct ap_result r = explain(v, &subject, o);
	if (ap_ok(r))
		*ret_answer = ap_answer_object(o);
	else
		json_object_unref(o);
	return r;
}

/* A recording that is not there: sealed now, with no terms kept and no consent of its own. */
static struct ap_result imagine(struct ap_vault *v, const struct ap_session *session, JsonObject *o)
{
	struct ap_term_subject subject = {.session = session->id,
					  .tenant = session->tenant,
					  .policy_version = session->policy_version,
					  .sensitivity = session->sensitivity,
					  .sealed_ms = now_of(v)};
	g_strlcpy(subject.policy, session->policy, sizeof subject.policy);
	return explain(v, &subject, o);
}

struct ap_result ap_terms_explain_session(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *session,
					  JsonNode **ret_answer)
{
	struct ap_session s;
	struct ap_result none = ap_fail(AP_ERR_DENIED, "not-found", "there is no such session for you");
	struct ap_result r = ap_session_load(ap_vault_db(v), session, &s);
	if (r.err == AP_ERR_DENIED)
		return none;
	AP_TRY(r);
	JsonObject *o = json_object_new();
	r = by->tenant && by->tenant != s.tenant ? none : imagine(v, &s, o);
	ap_session_clear(&s);
	if (ap_ok(r))
		*ret_answer = ap_answer_object(o);
	else
		json_object_unref(o);
	return r;
}

/* ---- decisions ---- */

/* An admin of its tenant, or the coach whose recording it is. */
static struct ap_result may_decide(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *recording)
{
	struct ap_access_subject s = {0};
	if (by->kind == AP_ACTOR_STAFF && by->staff == AP_STAFF_ADMIN)
		return AP_SUCCESS;
	if (by->kind != AP_ACTOR_STAFF || by->staff != AP_STAFF_COACH)
		return ap_fail(AP_ERR_DENIED, "role", "an admin or the recording's coach says that it was decided");
	AP_TRY(ap_db_access_subject(ap_vault_db(v), recording, &s));
	bool own = by->party_id[0] && strcmp(by->party_id, s.coach) == 0;
	g_free(s.coach);
	return own ? AP_SUCCESS : ap_fail(AP_ERR_DENIED, "not-found", "there is no such recording for you");
}

static struct ap_result check_time(const struct ap_term_subject *s, int64_t decided_ms, int64_t now_ms)
{
	if (decided_ms > now_ms || decided_ms < s->sealed_ms)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "a decision lies between the recording and now");
	if (s->decided_ms && s->decided_ms <= decided_ms)
		return ap_fail(AP_ERR_DENIED, "conflict", "an earlier decision stands");
	return AP_SUCCESS;
}

static struct ap_result check_kept(struct ap_vault *v, const struct ap_term_subject *s)
{
	ap_purposes both = 0;
	if (s->erased)
		return ap_fail(AP_ERR_DENIED, "erased", "this recording was erased");
	AP_TRY(ap_db_consent_both_of(ap_vault_db(v), &s->recording, &s->session, &both));
	return both & AP_PURPOSE_BIT(AP_PURPOSE_CERTIFICATION) ?
		       AP_SUCCESS :
		       ap_fail(AP_ERR_DENIED, "conflict", "this recording is not kept for certification");
}

static struct ap_result redraw(struct ap_db *db, const struct ap_uuid *recording, int64_t now_ms)
{
	struct ap_term_subject subject;
	struct ap_terms_of terms;
	struct ap_rule_book *book = ap_rule_book_new(db);
	struct ap_result r = ap_db_term_subject(db, recording, now_ms, &subject);
	if (ap_ok(r))
		r = ap_term_compute(db, book, &subject, &terms);
	if (ap_ok(r))
		r = ap_term_write(db, &subject, &terms);
	ap_rule_book_free(book);
	return r;
}

static struct ap_result write_decision(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *recording,
				       int64_t decided_ms, int64_t now_ms)
{
	uint64_t leaf;
	struct ap_db *db = ap_vault_db(v);
	g_autofree char *who = ap_actor_text(by);
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "certification_decided");
	ap_answer_id(body, "recording", recording);
	ap_answer_time(body, "decided", decided_ms);
	ap_answer_text(body, "by", who);
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), db, AP_LEAF_OTHER, body, &leaf));
	AP_TRY(ap_db_decision_put(db, recording, decided_ms, who, now_ms, leaf));
	return redraw(db, recording, now_ms);
}

struct ap_result ap_terms_decide(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *recording,
				 int64_t decided_ms, JsonNode **ret_answer)
{
	struct ap_term_subject subject;
	int64_t now = now_of(v), at = decided_ms ? decided_ms : now;
	AP_TRY(may_decide(v, by, recording));
	AP_TRY(load(v, by, recording, &subject));
	AP_TRY(check_kept(v, &subject));
	AP_TRY(check_time(&subject, at, now));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_decision(v, by, recording, at, now)));
	return ap_terms_explain_recording(v, by, recording, ret_answer);
}
