#include "recorder/proof/proof.h"

#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/erasure/proposal.h"
#include "recorder/proof/db_proof.h"
#include "recorder/proof/proof_document.h"
#include "recorder/vault.h"

#include <string.h>

#define LIST_MAX 500
#define REASON_MAX 1000

static struct ap_result open_row(struct ap_vault *v, const struct ap_uuid *session, const struct ap_proof_row *row,
				 JsonObject **ret_document)
{
	size_t len;
	struct ap_secret *key = NULL;
	const uint8_t *sealed = g_bytes_get_data(row->sealed, &len);
	AP_TRY(ap_db_keys_proof_get(ap_vault_keys(v), session, &key));
	struct ap_result r = ap_proof_unseal(key, session, sealed, len, ret_document);
	ap_secret_free(key);
	return r;
}

static struct ap_result open_proof(struct ap_vault *v, const struct ap_uuid *session, JsonObject **ret_document)
{
	struct ap_proof_row row;
	AP_TRY(ap_db_proof_load(ap_vault_db(v), session, &row));
	struct ap_result r = open_row(v, session, &row, ret_document);
	g_bytes_unref(row.sealed);
	return r;
}

/* ---- receipts ---- */

/* Of a consent as the document has it; "erased" when its opening was gone before. */
static struct ap_result receipt_of(struct ap_vault *v, JsonObject *consent, char **ret_json)
{
	uint8_t salt[AP_LEAF_SALT];
	uint64_t index = (uint64_t)json_object_get_int_member_with_default(consent, "leaf", -1);
	const char *body = ap_body_text(consent, "body");
	if (!body || !ap_base64url_exact(ap_body_text(consent, "salt"), salt, sizeof salt))
		return ap_fail(AP_ERR_DENIED, "erased", "this leaf's opening was destroyed");
	return ap_ledger_receipt_with(ap_vault_ledger(v), ap_vault_db(v), index, salt, body, ret_json);
}

struct ap_result ap_proof_receipt(struct ap_vault *v, const struct ap_uuid *session, uint64_t leaf, char **ret_json)
{
	g_autoptr(JsonObject) document = NULL;
	AP_TRY(open_proof(v, session, &document));
	JsonObject *consent = ap_proof_document_consent(document, leaf);
	return consent ? receipt_of(v, consent, ret_json) : ap_fail(AP_ERR_DENIED, "not-found", "the proof has no such leaf");
}

/* ---- a person's own copy ---- */

static void copy_texts(JsonObject *from, JsonObject *to)
{
	static const char *const names[] = {"statement", "key", "signature"};
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		ap_answer_text(to, names[i], ap_body_text(from, names[i]));
}

static void fill_one(struct ap_vault *v, JsonObject *row)
{
	struct ap_uuid session;
	g_autoptr(JsonObject) document = NULL;
	int64_t leaf = -1;
	if (json_object_has_member(row, "statement") || !ap_body_int(row, "leaf", &leaf) ||
	    !ap_uuid_parse(ap_body_text_or_empty(row, "session"), &session) || !ap_ok(open_proof(v, &session, &document)))
		return;
	JsonObject *consent = ap_proof_document_consent(document, (uint64_t)leaf);
	if (consent)
		copy_texts(consent, row);
}

void ap_proof_fill(struct ap_vault *v, JsonArray *statements)
{
	for (guint i = 0; i < json_array_get_length(statements); i++)
		fill_one(v, json_array_get_object_element(statements, i));
}

/* ---- staff ---- */

struct ap_result ap_proof_list(struct ap_vault *v, const struct ap_actor *by, const char *after, JsonNode **ret_answer)
{
	struct ap_uuid from = {0};
	struct ap_db *db = ap_vault_db(v);
	g_autoptr(JsonObject) o = json_object_new();
	JsonArray *list;
	int64_t total = 0;
	if (after && *after && !ap_uuid_parse(after, &from))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "after is a session's id");
	AP_TRY(ap_db_proof_count(db, by->tenant, &total));
	json_object_set_int_member(o, "total", total);
	AP_TRY(ap_db_proof_list(db, by->tenant, &from, LIST_MAX, &list));
	json_object_set_array_member(o, "proofs", list);
	if (by->staff == AP_STAFF_ADMIN) {
		AP_TRY(ap_db_proof_proposals(db, by->tenant, ap_vault_believed_ms(v), &list));
		json_object_set_array_member(o, "proposals", list);
	}
	*ret_answer = ap_answer_object(g_steal_pointer(&o));
	return AP_SUCCESS;
}

static struct ap_result check_tenant(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *session, int64_t *ret_tenant)
{
	struct ap_proof_row row;
	AP_TRY(ap_db_proof_load(ap_vault_db(v), session, &row));
	g_bytes_unref(row.sealed);
	if (by->tenant && by->tenant != row.tenant)
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such proof for you");
	*ret_tenant = row.tenant;
	return AP_SUCCESS;
}

static struct ap_result propose(struct ap_vault *v, const struct ap_actor *by, JsonObject *body, JsonNode **ret_answer)
{
	struct ap_uuid session;
	int64_t tenant;
	const char *text = ap_body_text_or_empty(body, "session"), *reason = ap_body_text_or_empty(body, "reason");
	if (!ap_uuid_parse(text, &session))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "session is an id");
	if (!*reason || strlen(reason) > REASON_MAX)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "reason: why, in at most 1000 bytes");
	AP_TRY(check_tenant(v, by, &session, &tenant));
	JsonObject *meant = json_object_new();
	ap_answer_id(meant, "session", &session);
	ap_answer_text(meant, "reason", reason);
	g_autofree char *kept = ap_answer_take_text(ap_answer_object(meant));
	return ap_proposal_make_for(v, by, "proof", kept, tenant, ret_answer);
}

/* What the second admin confirms. */
struct opening {
	const struct ap_actor *by;
	struct ap_uuid proposal, session;
	const char *first, *second, *reason;
};

static struct ap_result write_opened(struct ap_vault *v, const struct opening *x)
{
	uint64_t leaf;
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "proof_opened");
	ap_answer_id(body, "session", &x->session);
	ap_answer_text(body, "actor", x->first);
	ap_answer_text(body, "confirmed_by", x->second);
	ap_answer_text(body, "reason", x->reason);
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_ACCESS_BEGUN, body, &leaf));
	return ap_proposal_use(v, x->by, &x->proposal);
}

/* The notices that its statements name, by their hash, as they were shown. */
static struct ap_result add_notices(struct ap_vault *v, JsonObject *document)
{
	JsonArray *consents = json_object_get_array_member(document, "consents");
	JsonObject *notices = json_object_new();
	json_object_set_object_member(document, "notices", notices);
	for (guint i = 0; i < json_array_get_length(consents); i++) {
		uint8_t sha256[32];
		JsonNode *notice = NULL;
		const char *text = ap_body_text(json_array_get_object_element(consents, i), "notice");
		if (!text || json_object_has_member(notices, text) || !ap_base64url_exact(text, sha256, sizeof sha256))
			continue;
		AP_TRY(ap_db_proof_notice(ap_vault_db(v), sha256, &notice));
		if (notice)
			json_object_set_member(notices, text, notice);
	}
	return AP_SUCCESS;
}

/* With a receipt of each statement, that whoever is shown it can verify alone. */
static struct ap_result add_receipts(struct ap_vault *v, JsonObject *document)
{
	JsonArray *consents = json_object_get_array_member(document, "consents");
	for (guint i = 0; i < json_array_get_length(consents); i++) {
		JsonObject *consent = json_array_get_object_element(consents, i);
		g_autofree char *receipt = NULL;
		struct ap_result r = receipt_of(v, consent, &receipt);
		if (strcmp(r.name, "erased") == 0)
			continue;
		AP_TRY(r);
		ap_answer_json(consent, "receipt", receipt);
	}
	return AP_SUCCESS;
}

static struct ap_result open_noted(struct ap_vault *v, const struct opening *x, JsonNode **ret_answer)
{
	g_autoptr(JsonObject) document = NULL;
	AP_TRY(open_proof(v, &x->session, &document)); /* what cannot be opened or shown whole uses up nobody's word */
	AP_TRY(add_receipts(v, document));
	AP_TRY(add_notices(v, document));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_opened(v, x))); /* before its first word is handed out */
	*ret_answer = ap_answer_object(g_steal_pointer(&document));
	return AP_SUCCESS;
}

static struct ap_result confirm(struct ap_vault *v, const struct ap_actor *by, const char *proposal, JsonNode **ret_answer)
{
	struct opening x = {.by = by};
	int64_t tenant;
	g_autofree char *body = NULL, *first = NULL, *second = ap_actor_text(by);
	if (!ap_uuid_parse(proposal, &x.proposal))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "proposal is an id");
	AP_TRY(ap_proposal_load(v, by, "proof", &x.proposal, &body, &first));
	g_autoptr(JsonNode) node = json_from_string(body, NULL);
	JsonObject *meant = json_node_get_object(node);
	if (!ap_uuid_parse(ap_body_text_or_empty(meant, "session"), &x.session))
		return ap_fail(AP_ERR_INTERNAL, "internal", "a proposal names a session");
	AP_TRY(check_tenant(v, by, &x.session, &tenant));
	x.first = first;
	x.second = second;
	x.reason = ap_body_text_or_empty(meant, "reason");
	return open_noted(v, &x, ret_answer);
}

struct ap_result ap_proof_post(struct ap_vault *v, const struct ap_actor *by, JsonObject *body, unsigned *ret_status,
			       JsonNode **ret_answer)
{
	const char *proposal = ap_body_text(body, "proposal");
	*ret_status = proposal ? 201 : 202;
	return proposal ? confirm(v, by, proposal, ret_answer) : propose(v, by, body, ret_answer);
}
