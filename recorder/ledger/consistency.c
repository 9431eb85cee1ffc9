#include <recorder/ledger/consistency.h>

#include <aparte/jcs.h>
#include <glib.h>
#include <json-glib/json-glib.h>
#include <string.h>

static struct ap_result bad(const char *detail)
{
	return ap_fail(AP_ERR_PROTOCOL, "consistency", detail);
}

char *ap_consistency_build(const char *older, const char *newer, const struct ap_hash *hashes, size_t count, const char *vkey)
{
	g_autoptr(JsonObject) o = json_object_new();
	JsonArray *list = json_array_new();
	char *text = NULL;
	for (size_t i = 0; i < count; i++) {
		g_autofree char *hash = ap_base64(hashes[i].b, AP_HASH);
		json_array_add_string_element(list, hash);
	}
	json_object_set_string_member(o, "older", older);
	json_object_set_string_member(o, "newer", newer);
	json_object_set_array_member(o, "hashes", list);
	json_object_set_string_member(o, "log_key", vkey);
	AP_IGNORE(ap_jcs_from_object(o, &text)); /* nothing in it can fail */
	return text;
}

static const char *text_of(JsonObject *o, const char *name)
{
	JsonNode *node = json_object_get_member(o, name);
	return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
}

static struct ap_result read_hashes(JsonObject *o, struct ap_merkle_proof *ret_proof)
{
	JsonNode *node = json_object_get_member(o, "hashes");
	JsonArray *list = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
	if (!list || json_array_get_length(list) > AP_MERKLE_MAX)
		return bad("hashes is a list of at most 64");
	for (guint i = 0; i < json_array_get_length(list); i++) {
		JsonNode *hash = json_array_get_element(list, i);
		if (json_node_get_value_type(hash) != G_TYPE_STRING ||
		    !ap_base64_exact(json_node_get_string(hash), ret_proof->hashes[i].b, AP_HASH))
			return bad("a hash is 32 bytes in base64");
	}
	ret_proof->count = json_array_get_length(list);
	return AP_SUCCESS;
}

static struct ap_result verify(JsonObject *o, const struct ap_log_key *pinned, struct ap_consistency *c)
{
	const char *older = text_of(o, "older"), *newer = text_of(o, "newer");
	struct ap_merkle_proof proof = { 0 };
	if (!older || !newer)
		return bad("older and newer are signed checkpoints");
	AP_TRY(read_hashes(o, &proof));
	AP_TRY(ap_checkpoint_verify(older, strlen(older), pinned, &c->older));
	AP_TRY(ap_checkpoint_verify(newer, strlen(newer), pinned, &c->newer));
	if (c->older.size == 0)
		return bad("every log follows the empty one: that proves nothing");
	AP_TRY(ap_merkle_verify_consistency(c->older.size, c->newer.size, &c->older.root, &c->newer.root, proof.hashes, proof.count));
	c->newer_note = g_strdup(newer);
	return AP_SUCCESS;
}

struct ap_result ap_consistency_verify(const char *json, size_t len, const struct ap_log_key *pinned,
				       struct ap_consistency *ret_consistency)
{
	g_autoptr(JsonNode) node = NULL;
	struct ap_consistency c = { 0 };
	if (!ap_ok(ap_json_parse(json, len, AP_CONSISTENCY_MAX, &node)) || !JSON_NODE_HOLDS_OBJECT(node))
		return bad("not a consistency proof");
	AP_TRY(verify(json_node_get_object(node), pinned, &c));
	*ret_consistency = c;
	return AP_SUCCESS;
}

void ap_consistency_clear(struct ap_consistency *c)
{
	g_clear_pointer(&c->newer_note, g_free);
}

char *ap_checkpoint_text_in(const char *text, size_t len)
{
	g_autoptr(JsonNode) node = NULL;
	if (len == 0 || text[0] != '{')
		return len > 0 && len <= AP_CHECKPOINT_MAX ? g_strndup(text, len) : NULL;
	if (!ap_ok(ap_json_parse(text, len, AP_CONSISTENCY_MAX, &node)) || !JSON_NODE_HOLDS_OBJECT(node))
		return NULL;
	return g_strdup(text_of(json_node_get_object(node), "checkpoint"));
}
