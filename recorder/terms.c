#include "recorder/terms.h"

#include "recorder/answer.h"
#include "recorder/db_consent.h"
#include "recorder/db_policy.h"
#include "recorder/db_staff_desk.h"
#include "recorder/vault.h"

#include <string.h>

/* When a recording ends under a policy, given what both consent to now; never later than it ends already. */
static struct ap_result new_end(struct ap_vault *v, const struct ap_term_row *row, const struct ap_policy *policy,
				int64_t *ret_expires_ms)
{
	enum ap_sensitivity sensitivity;
	ap_purposes both;
	if (!ap_sensitivity_parse(row->sensitivity, &sensitivity))
		return ap_fail(AP_ERR_INTERNAL, "internal", "a session has an unknown sensitivity");
	AP_TRY(ap_db_consent_both(ap_vault_db(v), &row->session, &both));
	int64_t end = ap_policy_expires_ms(policy, both, sensitivity, row->sealed_ms);
	*ret_expires_ms = row->expires_ms && row->expires_ms < end ? row->expires_ms : end;
	return AP_SUCCESS;
}

static struct ap_result shorten_one(struct ap_vault *v, const struct ap_term_row *row)
{
	g_autofree char *document = NULL;
	struct ap_policy *policy;
	int64_t version, end;
	ap_purposes both;
	AP_TRY(ap_db_consent_both(ap_vault_db(v), &row->session, &both));
	if (!(both & AP_PURPOSE_BIT(AP_PURPOSE_RECORDING)))
		return AP_SUCCESS; /* withdrawn: it is erased, or held */
	AP_TRY(ap_db_policy_get(ap_vault_db(v), row->policy, row->policy_version, &document, &version));
	AP_TRY(ap_policy_parse(document, &policy));
	struct ap_result r = new_end(v, row, policy, &end);
	ap_policy_free(policy);
	AP_TRY(r);
	return end < row->expires_ms ? ap_db_term_set(ap_vault_db(v), &row->recording, end) : AP_SUCCESS;
}

struct ap_result ap_terms_shorten(struct ap_vault *v, const struct ap_uuid *session)
{
	g_autoptr(GArray) rows = NULL;
	AP_TRY(ap_db_term_list(ap_vault_db(v), session, NULL, &rows));
	for (guint i = 0; i < rows->len; i++)
		AP_TRY(shorten_one(v, &g_array_index(rows, struct ap_term_row, i)));
	return AP_SUCCESS;
}

static struct ap_result access_under(struct ap_vault *v, const struct ap_term_row *row, enum ap_purpose purpose, bool archived,
				     struct ap_term_access *ret_access)
{
	g_autofree char *document = NULL;
	struct ap_policy *policy;
	enum ap_sensitivity sensitivity;
	if (!ap_sensitivity_parse(row->sensitivity, &sensitivity))
		return ap_fail(AP_ERR_INTERNAL, "internal", "a session has an unknown sensitivity");
	AP_TRY(ap_db_policy_get(ap_vault_db(v), row->policy, row->policy_version, &document, NULL));
	AP_TRY(ap_policy_parse(document, &policy));
	int64_t end = row->sealed_ms + ap_policy_keep_ms(policy, purpose, sensitivity), now = ap_vault_believed_ms(v);
	end = MIN(end, row->expires_ms);
	*ret_access = (struct ap_term_access){
		.ends_ms = end,
		.ended = end <= now,
		.needs = ap_policy_access_needs(policy, sensitivity,
						archived || now >= ap_policy_archives_ms(policy, row->expires_ms)),
	};
	ap_policy_free(policy);
	return AP_SUCCESS;
}

struct ap_result ap_terms_access(struct ap_vault *v, const struct ap_uuid *recording, enum ap_purpose purpose,
				 struct ap_term_access *ret_access)
{
	struct ap_term_row row;
	bool archived;
	AP_TRY(ap_db_term_one(ap_vault_db(v), recording, &row, &archived));
	return access_under(v, &row, purpose, archived, ret_access);
}

struct ap_result ap_terms_list(struct ap_vault *v, JsonNode **ret_answer)
{
	JsonArray *list;
	AP_TRY(ap_db_policy_list(ap_vault_db(v), &list));
	*ret_answer = ap_answer_list("policies", list);
	return AP_SUCCESS;
}

struct ap_result ap_terms_get(struct ap_vault *v, const char *name, JsonNode **ret_answer)
{
	g_autofree char *document = NULL;
	int64_t version;
	AP_TRY(ap_db_policy_get(ap_vault_db(v), name, 0, &document, &version));
	JsonObject *o = json_object_new();
	ap_answer_text(o, "name", name);
	json_object_set_int_member(o, "version", version);
	ap_answer_json(o, "document", document);
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}

static struct ap_result parse_document(const char *name, const char *document, struct ap_policy **ret_policy)
{
	struct ap_policy *policy;
	AP_TRY(ap_policy_parse(document, &policy));
	if (strcmp(ap_policy_name(policy), name) != 0) {
		ap_policy_free(policy);
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "the document's name is another");
	}
	*ret_policy = policy;
	return AP_SUCCESS;
}

/* Binds a preview to the very document. */
static char *preview_token(const char *document)
{
	struct ap_hash hash = ap_sha256(document, strlen(document));
	return ap_hash_hex(&hash);
}

static struct ap_result preview_one(struct ap_vault *v, const struct ap_term_row *row, const struct ap_policy *policy,
				    JsonArray *list, int64_t *at_once)
{
	int64_t end;
	AP_TRY(new_end(v, row, policy, &end));
	if (end >= row->expires_ms)
		return AP_SUCCESS;
	*at_once += end <= ap_wall_ms(ap_vault_clock(v));
	JsonObject *o = json_object_new();
	ap_answer_id(o, "recording", &row->recording);
	ap_answer_time(o, "expires", row->expires_ms);
	ap_answer_time(o, "would_expire", end);
	json_array_add_object_element(list, o);
	return AP_SUCCESS;
}

static struct ap_result preview(struct ap_vault *v, const char *name, const struct ap_policy *policy, JsonArray *list,
				int64_t *ret_at_once)
{
	g_autoptr(GArray) rows = NULL;
	int64_t at_once = 0;
	AP_TRY(ap_db_term_list(ap_vault_db(v), NULL, name, &rows));
	for (guint i = 0; i < rows->len; i++)
		AP_TRY(preview_one(v, &g_array_index(rows, struct ap_term_row, i), policy, list, &at_once));
	*ret_at_once = at_once;
	return AP_SUCCESS;
}

struct ap_result ap_terms_preview(struct ap_vault *v, const char *name, const char *document, JsonNode **ret_answer)
{
	struct ap_policy *policy;
	int64_t at_once;
	g_autoptr(JsonArray) list = json_array_new();
	AP_TRY(parse_document(name, document, &policy));
	struct ap_result r = preview(v, name, policy, list, &at_once);
	ap_policy_free(policy);
	AP_TRY(r);
	g_autofree char *token = preview_token(document);
	JsonObject *o = json_object_new();
	ap_answer_text(o, "token", token);
	json_object_set_int_member(o, "at_once", at_once);
	json_object_set_array_member(o, "recordings", g_steal_pointer(&list));
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}

static struct ap_result apply(struct ap_vault *v, const char *name, const struct ap_policy *policy)
{
	g_autoptr(GArray) rows = NULL;
	AP_TRY(ap_db_term_list(ap_vault_db(v), NULL, name, &rows));
	for (guint i = 0; i < rows->len; i++) {
		const struct ap_term_row *row = &g_array_index(rows, struct ap_term_row, i);
		int64_t end;
		AP_TRY(new_end(v, row, policy, &end));
		if (end < row->expires_ms)
			AP_TRY(ap_db_term_set(ap_vault_db(v), &row->recording, end));
	}
	return AP_SUCCESS;
}

static struct ap_result write_policy(struct ap_vault *v, const struct ap_actor *by, const struct ap_policy *policy,
				     const char *document, int64_t *ret_version)
{
	uint64_t leaf;
	g_autofree char *who = ap_actor_text(by), *sha256 = preview_token(document);
	const char *name = ap_policy_name(policy);
	AP_TRY(ap_db_policy_insert(ap_vault_db(v), name, document, ap_wall_ms(ap_vault_clock(v)), ret_version));
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "policy");
	ap_answer_text(body, "policy", name);
	json_object_set_int_member(body, "version", *ret_version);
	ap_answer_text(body, "sha256", sha256);
	ap_answer_text(body, "by", who);
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_POLICY, body, &leaf));
	return apply(v, name, policy);
}

static struct ap_result put(struct ap_vault *v, const struct ap_actor *by, const struct ap_policy *policy,
			    const char *document, const char *token)
{
	int64_t at_once, version;
	g_autoptr(JsonArray) list = json_array_new();
	g_autofree char *expected = preview_token(document);
	AP_TRY(preview(v, ap_policy_name(policy), policy, list, &at_once));
	if (at_once > 0 && g_strcmp0(token, expected) != 0)
		return ap_fail(AP_ERR_DENIED, "conflict",
			       "this erases recordings at once: preview it and give the preview's token");
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	return ap_db_finish(ap_vault_db(v), write_policy(v, by, policy, document, &version));
}

struct ap_result ap_terms_put(struct ap_vault *v, const struct ap_actor *by, const char *name, const char *document,
			      const char *token, JsonNode **ret_answer)
{
	struct ap_policy *policy;
	if (by->tenant)
		return ap_fail(AP_ERR_DENIED, "role",
			       "policies belong to all tenants; an admin of one does not change them");
	AP_TRY(parse_document(name, document, &policy));
	struct ap_result r = put(v, by, policy, document, token);
	ap_policy_free(policy);
	AP_TRY(r);
	return ap_terms_get(v, name, ret_answer);
}
