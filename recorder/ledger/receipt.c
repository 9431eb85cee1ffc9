#include <recorder/ledger/receipt.h>

#include <aparte/buf.h>
#include <aparte/jcs.h>
#include <string.h>

static struct ap_result bad_form(const char *detail)
{
	return ap_fail(AP_ERR_PROTOCOL, "receipt", detail);
}

/* ---- building ---- */

static void set_base64url(JsonObject *object, const char *name, const void *bytes, size_t len)
{
	g_autofree char *text = ap_base64url(bytes, len);
	json_object_set_string_member(object, name, text);
}

static JsonArray *proof_array(const struct ap_merkle_proof *proof)
{
	JsonArray *array = json_array_new();
	for (size_t i = 0; i < proof->count; i++) {
		g_autofree char *text = ap_base64(proof->hashes[i].b, AP_HASH);
		json_array_add_string_element(array, text);
	}
	return array;
}

struct ap_result ap_receipt_build(const struct ap_receipt_parts *parts, char **ret_json)
{
	struct ap_leaf leaf = ap_leaf_make(parts->type, parts->salt, parts->body, strlen(parts->body));
	g_autoptr(JsonObject) object = json_object_new();
	json_object_set_int_member(object, "leaf_index", (gint64)parts->leaf_index);
	json_object_set_int_member(object, "tree_size", (gint64)parts->tree_size);
	set_base64url(object, "leaf", leaf.b, sizeof leaf.b);
	json_object_set_int_member(object, "type", parts->type);
	json_object_set_string_member(object, "body", parts->body);
	set_base64url(object, "salt", parts->salt, AP_LEAF_SALT);
	json_object_set_array_member(object, "inclusion_proof", proof_array(parts->proof));
	json_object_set_string_member(object, "checkpoint", parts->checkpoint);
	json_object_set_string_member(object, "log_key", parts->log_key);
	return ap_jcs_from_object(object, ret_json);
}

/* ---- reading ---- */

struct receipt {
	uint64_t index, size;
	enum ap_leaf_type type;
	struct ap_leaf leaf;
	uint8_t salt[AP_LEAF_SALT];
	struct ap_merkle_proof proof;
	const char *body, *checkpoint, *log_key; /* borrowed from the JSON tree */
};

static const char *text_of(JsonObject *object, const char *name)
{
	JsonNode *node = json_object_get_member(object, name);
	return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING ?
		       json_node_get_string(node) :
		       NULL;
}

static bool number_of(JsonObject *object, const char *name, uint64_t *ret_value)
{
	JsonNode *node = json_object_get_member(object, name);
	if (!node || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_INT64 ||
	    json_node_get_int(node) < 0)
		return false;
	*ret_value = (uint64_t)json_node_get_int(node);
	return true;
}

static bool read_proof(JsonObject *object, struct ap_merkle_proof *ret_proof)
{
	JsonNode *node = json_object_get_member(object, "inclusion_proof");
	if (!node || !JSON_NODE_HOLDS_ARRAY(node))
		return false;
	JsonArray *array = json_node_get_array(node);
	ret_proof->count = json_array_get_length(array);
	if (ret_proof->count > AP_MERKLE_MAX)
		return false;
	for (guint i = 0; i < ret_proof->count; i++) {
		JsonNode *hash = json_array_get_element(array, i);
		if (json_node_get_value_type(hash) != G_TYPE_STRING ||
		    !ap_base64_exact(json_node_get_string(hash), ret_proof->hashes[i].b, AP_HASH))
			return false;
	}
	return true;
}

static struct ap_result read_receipt(JsonNode *node, struct receipt *ret_receipt)
{
	if (!JSON_NODE_HOLDS_OBJECT(node))
		return bad_form("not an object");
	JsonObject *object = json_node_get_object(node);
	struct receipt r = { .body = text_of(object, "body"),
			     .checkpoint = text_of(object, "checkpoint"),
			     .log_key = text_of(object, "log_key") };
	uint64_t type = 0;
	if (!number_of(object, "leaf_index", &r.index) || !number_of(object, "tree_size", &r.size) ||
	    !number_of(object, "type", &type) || !ap_leaf_type_known((int64_t)type))
		return bad_form("leaf_index, tree_size or type is missing or wrong");
	r.type = (enum ap_leaf_type)type;
	if (!r.body || !r.checkpoint || !r.log_key || !read_proof(object, &r.proof) ||
	    !ap_base64url_exact(text_of(object, "leaf"), r.leaf.b, sizeof r.leaf.b) ||
	    !ap_base64url_exact(text_of(object, "salt"), r.salt, sizeof r.salt))
		return bad_form("a member is missing or wrong");
	*ret_receipt = r;
	return AP_SUCCESS;
}

/* ---- verifying ---- */

/* The body's statement_sha256 against the statement one holds. */
static struct ap_result check_statement(const char *body, const char *statement, size_t statement_len)
{
	g_autoptr(JsonNode) node = NULL;
	struct ap_hash own = ap_sha256(statement, statement_len), logged;
	if (!ap_ok(ap_json_parse(body, strlen(body), AP_RECEIPT_MAX, &node)) || !JSON_NODE_HOLDS_OBJECT(node))
		return bad_form("the body is not a JSON object");
	const char *text = text_of(json_node_get_object(node), "statement_sha256");
	if ((!ap_hex_exact(text, logged.b, AP_HASH) && !ap_base64url_exact(text, logged.b, AP_HASH)) ||
	    !ap_hash_equal(&own, &logged))
		return ap_fail(AP_ERR_CRYPTO, "receipt-statement", "the log holds another statement than this one");
	return AP_SUCCESS;
}

static struct ap_result check_checkpoint(const struct receipt *r, const struct ap_log_key *pinned,
					 struct ap_checkpoint *ret_checkpoint)
{
	g_autofree char *key = ap_log_key_text(pinned);
	if (strcmp(key, r->log_key) != 0)
		return ap_fail(AP_ERR_CRYPTO, "log-key", "the receipt names another log key than the pinned one");
	AP_TRY(ap_checkpoint_verify(r->checkpoint, strlen(r->checkpoint), pinned, ret_checkpoint));
	if (ret_checkpoint->size != r->size)
		return ap_fail(AP_ERR_CRYPTO, "proof", "the checkpoint is of another tree size");
	return AP_SUCCESS;
}

static struct ap_result verify(const struct receipt *r, const struct ap_log_key *pinned, const char *statement,
			       size_t statement_len, struct ap_receipt_facts *ret_facts)
{
	struct ap_leaf leaf = ap_leaf_make(r->type, r->salt, r->body, strlen(r->body));
	if (sodium_memcmp(leaf.b, r->leaf.b, sizeof leaf.b) != 0)
		return ap_fail(AP_ERR_CRYPTO, "receipt-leaf", "type, salt and body do not give this leaf");
	if (statement)
		AP_TRY(check_statement(r->body, statement, statement_len));
	struct ap_checkpoint checkpoint;
	AP_TRY(check_checkpoint(r, pinned, &checkpoint));
	struct ap_hash hash = ap_leaf_hash(&leaf);
	AP_TRY(ap_merkle_verify_inclusion(&hash, r->index, r->size, r->proof.hashes, r->proof.count, &checkpoint.root));
	*ret_facts = (struct ap_receipt_facts){ .leaf_index = r->index,
						.tree_size = r->size,
						.type = r->type,
						.leaf_hash = hash,
						.root = checkpoint.root,
						.body = g_strdup(r->body) };
	return AP_SUCCESS;
}

struct ap_result ap_receipt_verify(const char *json, size_t len, const struct ap_log_key *pinned, const char *statement,
				   size_t statement_len, struct ap_receipt_facts *ret_facts)
{
	g_autoptr(JsonNode) node = NULL;
	struct receipt r;
	if (!ap_ok(ap_json_parse(json, len, AP_RECEIPT_MAX, &node)))
		return bad_form("not strict JSON");
	AP_TRY(read_receipt(node, &r));
	return verify(&r, pinned, statement, statement_len, ret_facts);
}

void ap_receipt_facts_clear(struct ap_receipt_facts *facts)
{
	g_clear_pointer(&facts->body, g_free);
}
