/* Documents: read, compared, previewed, set; declared in terms.h. */
#include "recorder/api/answer.h"
#include "recorder/db/db_policy.h"
#include "recorder/db/db_staff_desk.h"
#include "recorder/policy/policy_diff.h"
#include "recorder/policy/terms.h"
#include "recorder/policy/terms_change.h"
#include "recorder/vault.h"

#include <string.h>

struct ap_result ap_terms_list(struct ap_vault *v, JsonNode **ret_answer)
{
	JsonArray *list;
	AP_TRY(ap_db_policy_list(ap_vault_db(v), NULL, &list));
	*ret_answer = ap_answer_list("policies", list);
	return AP_SUCCESS;
}

struct ap_result ap_terms_get(struct ap_vault *v, const char *name, int64_t version, JsonNode **ret_answer)
{
	g_autofree char *document = NULL;
	JsonArray *versions;
	struct ap_policy *policy;
	int64_t found;
	AP_TRY(ap_db_policy_get(ap_vault_db(v), name, version, &document, &found));
	AP_TRY(ap_db_policy_list(ap_vault_db(v), name, &versions));
	JsonObject *o = json_object_new();
	json_object_set_array_member(o, "versions", versions);
	ap_answer_text(o, "name", name);
	json_object_set_int_member(o, "version", found);
	ap_answer_json(o, "document", document);
	struct ap_result r = ap_policy_parse(document, &policy);
	if (ap_ok(r)) {
		ap_answer_text(o, "kind", ap_policy_kind_text(ap_policy_kind(policy)));
		ap_policy_free(policy);
	}
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}

static JsonObject *object_of(JsonNode *node)
{
	return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static JsonArray *changes_between(const char *from, const char *to)
{
	g_autoptr(JsonNode) before = from ? json_from_string(from, NULL) : NULL;
	g_autoptr(JsonNode) after = json_from_string(to, NULL);
	return ap_policy_diff(object_of(before), object_of(after));
}

struct ap_result ap_terms_diff(struct ap_vault *v, const char *name, int64_t from, int64_t to, JsonNode **ret_answer)
{
	g_autofree char *before = NULL, *after = NULL;
	AP_TRY(ap_db_policy_get(ap_vault_db(v), name, from, &before, &from));
	AP_TRY(ap_db_policy_get(ap_vault_db(v), name, to, &after, &to));
	JsonObject *o = json_object_new();
	ap_answer_text(o, "name", name);
	json_object_set_int_member(o, "from", from);
	json_object_set_int_member(o, "to", to);
	json_object_set_array_member(o, "changes", changes_between(before, after));
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}

/* A document on its way in, beside what it would follow. */
struct proposal {
	struct ap_policy *policy;	/* owned */
	struct ap_policy *before;	/* owned; NULL: the first version */
	char *before_text;		/* owned */
	struct ap_rule_book *book;	/* owned */
	struct ap_terms_change change;
};

static void proposal_clear(struct proposal *p)
{
	ap_policy_free(p->policy);
	ap_policy_free(p->before);
	ap_rule_book_free(p->book);
	g_free(p->before_text);
}

static struct ap_result load_before(struct ap_vault *v, const char *name, struct proposal *p)
{
	struct ap_result r = ap_db_policy_get(ap_vault_db(v), name, 0, &p->before_text, &p->change.version);
	if (r.err == AP_ERR_DENIED)
		return AP_SUCCESS;
	AP_TRY(r);
	return ap_policy_parse(p->before_text, &p->before);
}

static struct ap_result fill(struct ap_vault *v, const char *name, const char *document, struct proposal *p)
{
	AP_TRY(ap_policy_parse(document, &p->policy));
	AP_TRY(ap_policy_reasoned(p->policy));
	if (strcmp(ap_policy_name(p->policy), name) != 0)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "the document's name is another");
	AP_TRY(load_before(v, name, p));
	if (p->before && ap_policy_kind(p->before) != ap_policy_kind(p->policy))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "a policy does not become a region, nor a region a policy");
	p->book = ap_rule_book_new(ap_vault_db(v));
	p->change.book = p->book;
	p->change.filter.document = ap_policy_name(p->policy);
	p->change.what = document;
	return ap_rule_book_propose(p->book, p->policy);
}

/* How a purpose's term moves between two versions, for a session that is made now; NULL when it does not. */
static const char *move_of(const struct proposal *p, enum ap_purpose purpose, int64_t now_ms)
{
	ap_purposes bit = AP_PURPOSE_BIT(purpose), before = p->before ? ap_policy_offered(p->before) : 0;
	bool had = before & bit, has = ap_policy_offered(p->policy) & bit;
	if (had != has)
		return has ? "added" : "removed";
	if (!had)
		return NULL;
	const struct ap_period old = ap_policy_keep(p->before, purpose), new = ap_policy_keep(p->policy, purpose);
	int64_t then = ap_period_none(&old) ? INT64_MAX : ap_period_after(&old, now_ms);
	int64_t next = ap_period_none(&new) ? INT64_MAX : ap_period_after(&new, now_ms);
	return next == then ? NULL : next > then ? "longer" : "shorter";
}

/* R37: what is added or longer is for sessions made from now on, whose notice is a new version. */
static JsonObject *notice_of(const struct proposal *p, int64_t now_ms)
{
	JsonObject *o = json_object_new();
	JsonArray *purposes = json_array_new();
	bool wider = false;
	for (int i = 0; i < AP_PURPOSE_COUNT; i++) {
		const char *move = move_of(p, (enum ap_purpose)i, now_ms);
		if (!move)
			continue;
		JsonObject *entry = json_object_new();
		ap_answer_text(entry, "purpose", ap_purpose_text((enum ap_purpose)i));
		ap_answer_text(entry, "change", move);
		json_array_add_object_element(purposes, entry);
		wider |= strcmp(move, "added") == 0 || strcmp(move, "longer") == 0;
	}
	json_object_set_boolean_member(o, "wider", wider);
	json_object_set_array_member(o, "purposes", purposes);
	return o;
}

static struct ap_result preview(struct ap_vault *v, const struct proposal *p, const char *document, JsonNode **ret_answer)
{
	struct ap_terms_tally tally = {0};
	int64_t now = ap_wall_ms(ap_vault_clock(v));
	AP_TRY(ap_terms_count(v, &p->change, now, &tally));
	JsonObject *o = json_object_new();
	ap_terms_tell(o, &p->change, &tally);
	json_object_set_array_member(o, "changes", changes_between(p->before_text, document));
	json_object_set_object_member(o, "notice", notice_of(p, now));
	ap_terms_tally_clear(&tally);
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}

static struct ap_result may_change(const struct ap_actor *by)
{
	if (by->tenant)
		return ap_fail(AP_ERR_DENIED, "role",
			       "policies belong to all tenants; an admin of one does not change them");
	return AP_SUCCESS;
}

struct ap_result ap_terms_preview(struct ap_vault *v, const struct ap_actor *by, const char *name, const char *document,
				  JsonNode **ret_answer)
{
	struct proposal p = {0};
	AP_TRY(may_change(by));
	struct ap_result r = fill(v, name, document, &p);
	if (ap_ok(r))
		r = preview(v, &p, document, ret_answer);
	proposal_clear(&p);
	return r;
}

static struct ap_result write_policy(struct ap_vault *v, const struct ap_actor *by, const char *name, const char *document)
{
	uint64_t leaf;
	int64_t version;
	struct ap_hash hash = ap_sha256(document, strlen(document));
	g_autofree char *who = ap_actor_text(by), *sha256 = ap_hash_hex(&hash);
	struct ap_db *db = ap_vault_db(v);
	AP_TRY(ap_db_policy_insert(db, name, document, who, ap_wall_ms(ap_vault_clock(v)), &version));
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "policy");
	ap_answer_text(body, "policy", name);
	json_object_set_int_member(body, "version", version);
	ap_answer_text(body, "sha256", sha256);
	ap_answer_text(body, "by", who);
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), db, AP_LEAF_POLICY, body, &leaf));
	return ap_db_terms_owed_set(db, true);
}

static struct ap_result put(struct ap_vault *v, const struct ap_actor *by, const struct proposal *p, const char *token)
{
	AP_TRY(ap_terms_allow(v, &p->change, token));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_policy(v, by, ap_policy_name(p->policy), p->change.what)));
	ap_terms_carry_out(v, &p->change.filter);
	return AP_SUCCESS;
}

struct ap_result ap_terms_put(struct ap_vault *v, const struct ap_actor *by, const char *name, const char *document,
			      const char *token, JsonNode **ret_answer)
{
	struct proposal p = {0};
	AP_TRY(may_change(by));
	struct ap_result r = fill(v, name, document, &p);
	if (ap_ok(r))
		r = put(v, by, &p, token);
	proposal_clear(&p);
	AP_TRY(r);
	return ap_terms_get(v, name, 0, ret_answer);
}
