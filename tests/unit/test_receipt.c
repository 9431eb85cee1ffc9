#include "vectors.h"

#include <aparte/jcs.h>
#include <glib.h>
#include <recorder/ledger/receipt.h>

#define ORIGIN "aparte.example/log/1"
#define STATEMENT "{\"event\":\"ConsentGiven\"}"

/* The two-leaf log of docs/FORMAT.md, but that leaf 0 is about STATEMENT. */
struct log {
	struct ap_log_key key;
	char *key_text;
	char *body;
	char *checkpoint;
	uint8_t salt[AP_LEAF_SALT];
	struct ap_merkle_proof proof;
};

static int set_up(void **state)
{
	struct log *log = g_new0(struct log, 1);
	struct ap_secret *seed = vector_secret(0x88);
	struct ap_hash statement = ap_sha256(STATEMENT, strlen(STATEMENT));
	g_autofree char *hex = ap_hash_hex(&statement);
	log->body = g_strdup_printf("{\"event\":\"ConsentGiven\",\"statement_sha256\":\"%s\"}", hex);
	memset(log->salt, 0x44, sizeof log->salt);
	struct ap_leaf leaf = ap_leaf_make(AP_LEAF_CONSENT, log->salt, log->body, strlen(log->body));
	struct ap_hash own = ap_leaf_hash(&leaf), other = ap_sha256("other", 5);
	struct ap_checkpoint checkpoint = { .size = 2, .root = ap_merkle_node_hash(&own, &other) };
	g_strlcpy(checkpoint.origin, ORIGIN, sizeof checkpoint.origin);
	log->proof = (struct ap_merkle_proof){ .hashes = { other }, .count = 1 };
	assert_ok(ap_checkpoint_sign(&checkpoint, seed, &log->checkpoint));
	assert_ok(ap_log_key_from_seed(ORIGIN, seed, &log->key));
	log->key_text = ap_log_key_text(&log->key);
	ap_secret_free(seed);
	*state = log;
	return 0;
}

static int tear_down(void **state)
{
	struct log *log = *state;
	g_free(log->key_text);
	g_free(log->body);
	g_free(log->checkpoint);
	g_free(log);
	return 0;
}

static char *build(const struct log *log)
{
	const struct ap_receipt_parts parts = { .leaf_index = 0,
						.tree_size = 2,
						.type = AP_LEAF_CONSENT,
						.salt = log->salt,
						.body = log->body,
						.proof = &log->proof,
						.checkpoint = log->checkpoint,
						.log_key = log->key_text };
	char *json = NULL;
	assert_ok(ap_receipt_build(&parts, &json));
	return json;
}

static struct ap_result verify(const struct log *log, const char *json)
{
	struct ap_receipt_facts facts = { 0 };
	struct ap_result result =
		ap_receipt_verify(json, strlen(json), &log->key, STATEMENT, strlen(STATEMENT), &facts);
	ap_receipt_facts_clear(&facts);
	return result;
}

static void a_receipt_is_canonical_and_verifies(void **state)
{
	struct log *log = *state;
	g_autofree char *json = build(log);
	struct ap_receipt_facts facts;
	assert_ok(ap_jcs_check(json, strlen(json), AP_RECEIPT_MAX));
	assert_ok(ap_receipt_verify(json, strlen(json), &log->key, STATEMENT, strlen(STATEMENT), &facts));
	assert_int_equal(facts.leaf_index, 0);
	assert_int_equal(facts.tree_size, 2);
	assert_int_equal(facts.type, AP_LEAF_CONSENT);
	assert_string_equal(facts.body, log->body);
	ap_receipt_facts_clear(&facts);
	assert_ok(ap_receipt_verify(json, strlen(json), &log->key, NULL, 0, &facts));
	ap_receipt_facts_clear(&facts);
	assert_fails(ap_receipt_verify(json, strlen(json), &log->key, "{}", 2, &facts), "receipt-statement");
}

/* Sets one member to a JSON value and asks for the verdict. */
static void changed(const struct log *log, const char *name, const char *value, const char *word)
{
	g_autofree char *json = build(log);
	g_autoptr(JsonNode) node = NULL;
	g_autofree char *text = NULL;
	assert_ok(ap_json_parse(json, strlen(json), AP_RECEIPT_MAX, &node));
	JsonObject *object = json_node_get_object(node);
	JsonNode *new_value = NULL;
	if (value)
		assert_ok(ap_json_parse(value, strlen(value), AP_RECEIPT_MAX, &new_value));
	if (value)
		json_object_set_member(object, name, new_value);
	else
		json_object_remove_member(object, name);
	assert_ok(ap_jcs_from_node(node, &text));
	assert_fails(verify(log, text), word);
}

static void every_member_counts(void **state)
{
	struct log *log = *state;
	static const char *const names[] = { "leaf_index", "tree_size", "leaf", "type", "body", "salt", "inclusion_proof",
					     "checkpoint", "log_key" };
	static const char *const values[] = { NULL, "null", "-1", "true", "{}", "\"!\"", "[1]" };
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		for (size_t j = 0; j < G_N_ELEMENTS(values); j++) {
			bool text = strcmp(values[j] ? values[j] : "", "\"!\"") == 0;
			const char *word = !text ? "receipt" :
					   strcmp(names[i], "body") == 0 ? "receipt-leaf" :
					   strcmp(names[i], "checkpoint") == 0 ? "checkpoint" :
					   strcmp(names[i], "log_key") == 0 ? "log-key" : "receipt";
			changed(log, names[i], values[j], word);
		}
}

static void a_receipt_that_lies_is_refused(void **state)
{
	struct log *log = *state;
	changed(log, "leaf_index", "1", "proof");
	changed(log, "leaf_index", "2", "proof");
	changed(log, "tree_size", "3", "proof");
	changed(log, "type", "2", "receipt-leaf");
	changed(log, "type", "17", "receipt");
	changed(log, "inclusion_proof", "[]", "proof");
	changed(log, "inclusion_proof", "[\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]", "proof");
	changed(log, "salt", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"", "receipt-leaf");
	changed(log, "body", "\"{}\"", "receipt-leaf");
	changed(log, "log_key", "\"aparte.example/log/1+a2463d70+AAAA\"", "log-key");
}

static void only_the_pinned_key_counts(void **state)
{
	struct log *log = *state;
	g_autofree char *json = build(log);
	struct ap_secret *seed = vector_secret(0x89);
	struct ap_log_key pinned = log->key;
	assert_ok(ap_log_key_from_seed(ORIGIN, seed, &log->key));
	assert_fails(verify(log, json), "log-key");
	/* A forger who names the pinned key but signs with another. */
	struct ap_checkpoint checkpoint = { .size = 2 };
	g_strlcpy(checkpoint.origin, ORIGIN, sizeof checkpoint.origin);
	struct ap_leaf leaf = ap_leaf_make(AP_LEAF_CONSENT, log->salt, log->body, strlen(log->body));
	struct ap_hash own = ap_leaf_hash(&leaf);
	checkpoint.root = ap_merkle_node_hash(&own, &log->proof.hashes[0]);
	g_free(log->checkpoint);
	assert_ok(ap_checkpoint_sign(&checkpoint, seed, &log->checkpoint));
	g_autofree char *forged = build(log);
	log->key = pinned;
	assert_fails(verify(log, forged), "checkpoint-signature");
	ap_secret_free(seed);
}

static void what_is_not_json_is_refused(void **state)
{
	struct log *log = *state;
	static const char *const bad[] = { "", "[]", "1", "{", "{}", "null", "{\"leaf\":1,\"leaf\":1}" };
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_fails(verify(log, bad[i]), "receipt");
	g_autofree char *many = g_strnfill(AP_RECEIPT_MAX, ' ');
	g_autofree char *huge = g_strconcat(many, "{}", NULL);
	assert_fails(verify(log, huge), "receipt");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_receipt_is_canonical_and_verifies), CASE(every_member_counts),
		CASE(a_receipt_that_lies_is_refused),	   CASE(only_the_pinned_key_counts),
		CASE(what_is_not_json_is_refused),
	};
	assert_ok_or_exit();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
