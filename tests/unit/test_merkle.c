#include "vectors.h"

#include <glib.h>
#include <json-glib/json-glib.h>
#include <recorder/ledger/leaf.h>
#include <recorder/ledger/merkle.h>
#include <stdio.h>

/* ---- a store in memory ---- */

#define LEVELS 24

struct memory {
	GArray *levels[LEVELS]; /* of struct ap_hash */
	uint64_t reads;
};

static struct ap_result memory_read(void *ctx, unsigned level, uint64_t index, struct ap_hash *ret_hash)
{
	struct memory *m = ctx;
	m->reads++;
	if (level >= LEVELS || index >= m->levels[level]->len)
		return ap_fail(AP_ERR_IO, "database", "a node that is not stored was asked for");
	*ret_hash = g_array_index(m->levels[level], struct ap_hash, index);
	return AP_SUCCESS;
}

static struct memory *memory_new(void)
{
	struct memory *m = g_new0(struct memory, 1);
	for (unsigned i = 0; i < LEVELS; i++)
		m->levels[i] = g_array_new(FALSE, FALSE, sizeof(struct ap_hash));
	return m;
}

static void memory_free(struct memory *m)
{
	for (unsigned i = 0; i < LEVELS; i++)
		g_array_free(m->levels[i], TRUE);
	g_free(m);
}

static struct ap_merkle_store store_of(struct memory *m)
{
	return (struct ap_merkle_store){ memory_read, m };
}

static void append(struct memory *m, const struct ap_hash *leaf_hash)
{
	struct ap_merkle_store store = store_of(m);
	struct ap_merkle_added added;
	assert_ok(ap_merkle_append(&store, m->levels[0]->len, leaf_hash, &added));
	for (size_t i = 0; i < added.count; i++) {
		assert_int_equal(added.nodes[i].index, m->levels[added.nodes[i].level]->len);
		g_array_append_val(m->levels[added.nodes[i].level], added.nodes[i].hash);
	}
}

static struct ap_hash numbered_leaf(uint64_t n)
{
	return ap_merkle_leaf_hash(&n, sizeof n);
}

static struct memory *memory_of(uint64_t size)
{
	struct memory *m = memory_new();
	for (uint64_t i = 0; i < size; i++) {
		struct ap_hash leaf = numbered_leaf(i);
		append(m, &leaf);
	}
	return m;
}

/* RFC 6962 §2.1 word for word, to compare with. */
static struct ap_hash plain_root(uint64_t begin, uint64_t end)
{
	if (end == begin)
		return ap_merkle_empty_root();
	if (end - begin == 1)
		return numbered_leaf(begin);
	uint64_t k = 1;
	while (k * 2 < end - begin)
		k *= 2;
	struct ap_hash left = plain_root(begin, begin + k), right = plain_root(begin + k, end);
	return ap_merkle_node_hash(&left, &right);
}

/* ---- tests ---- */

static void roots_are_the_rfc_ones(void **state)
{
	(void)state;
	struct memory *m = memory_of(300);
	struct ap_merkle_store store = store_of(m);
	for (uint64_t size = 0; size <= 300; size++) {
		struct ap_hash root, expected = plain_root(0, size);
		assert_ok(ap_merkle_root(&store, size, &root));
		assert_true(ap_hash_equal(&root, &expected));
	}
	memory_free(m);
}

static void format_vectors(void **state)
{
	(void)state;
	uint8_t salt[AP_LEAF_SALT];
	memset(salt, 0x44, sizeof salt);
	struct ap_leaf leaf = ap_leaf_make(AP_LEAF_CONSENT, salt, "{\"a\":1}", 7);
	assert_hex(leaf.b, AP_LEAF, "01014264f1f048c22b62090339f64c0996d98452f3daf288e643ec45dd643fb31582");
	struct ap_hash first = ap_leaf_hash(&leaf);
	memset(salt, 0x55, sizeof salt);
	leaf = ap_leaf_make(AP_LEAF_CONSENT, salt, "{\"a\":2}", 7);
	struct ap_hash second = ap_leaf_hash(&leaf), root = ap_merkle_node_hash(&first, &second);
	assert_hex(first.b, 32, "04750f8f14e15e909973e1f444b80f4b3c371e41f4963ce7ce7d5eaaab6a35ce");
	assert_hex(second.b, 32, "f82e0741eb00c2c994b07c4974cf68a29d6fba007463d3657d0d071cfdf0ff67");
	assert_hex(root.b, 32, "cdefc025214ad890c5ea30c98fb699f5299bafea75849469b89ea60dce3b108b");
	assert_true(ap_leaf_type_known(1) && ap_leaf_type_known(16) && !ap_leaf_type_known(0) && !ap_leaf_type_known(17));
	assert_string_equal(ap_leaf_type_text(AP_LEAF_ERASED), "erased");
	assert_string_equal(ap_leaf_type_text((enum ap_leaf_type)99), "unknown");
}

static void check_inclusion(const struct ap_merkle_store *store, uint64_t index, uint64_t size)
{
	struct ap_merkle_proof proof;
	struct ap_hash root, leaf = numbered_leaf(index);
	assert_ok(ap_merkle_root(store, size, &root));
	assert_ok(ap_merkle_inclusion(store, index, size, &proof));
	assert_ok(ap_merkle_verify_inclusion(&leaf, index, size, proof.hashes, proof.count, &root));
	assert_fails(ap_merkle_verify_inclusion(&leaf, index + 1, size, proof.hashes, proof.count, &root), "proof");
	if (proof.count > 0) {
		assert_fails(ap_merkle_verify_inclusion(&leaf, index, size, proof.hashes, proof.count - 1, &root), "proof");
		proof.hashes[proof.count / 2].b[7] ^= 1;
		assert_fails(ap_merkle_verify_inclusion(&leaf, index, size, proof.hashes, proof.count, &root), "proof");
	}
}

static void every_leaf_of_small_trees_is_proved(void **state)
{
	(void)state;
	struct memory *m = memory_of(70);
	struct ap_merkle_store store = store_of(m);
	for (uint64_t size = 1; size <= 70; size++)
		for (uint64_t index = 0; index < size; index++)
			check_inclusion(&store, index, size);
	memory_free(m);
}

static void check_consistency(const struct ap_merkle_store *store, uint64_t from, uint64_t to)
{
	struct ap_merkle_proof proof;
	struct ap_hash old_root, new_root;
	assert_ok(ap_merkle_root(store, from, &old_root));
	assert_ok(ap_merkle_root(store, to, &new_root));
	assert_ok(ap_merkle_consistency(store, from, to, &proof));
	if (from == 0 && to > 0) {
		assert_int_equal(proof.count, 0);
		assert_fails(ap_merkle_verify_consistency(from, to, &old_root, &new_root, proof.hashes, 0), "proof");
		return;
	}
	assert_ok(ap_merkle_verify_consistency(from, to, &old_root, &new_root, proof.hashes, proof.count));
	struct ap_hash other = new_root;
	other.b[0] ^= 1;
	assert_fails(ap_merkle_verify_consistency(from, to, &other, &new_root, proof.hashes, proof.count), "proof");
	if (from > 0)
		assert_fails(ap_merkle_verify_consistency(from, to, &old_root, &other, proof.hashes, proof.count), "proof");
}

static void every_pair_of_small_trees_is_consistent(void **state)
{
	(void)state;
	struct memory *m = memory_of(70);
	struct ap_merkle_store store = store_of(m);
	for (uint64_t to = 0; to <= 70; to++)
		for (uint64_t from = 0; from <= to; from++)
			check_consistency(&store, from, to);
	memory_free(m);
}

static void a_big_log_costs_few_reads(void **state)
{
	(void)state;
	const uint64_t size = 1000003;
	uint32_t seed = randombytes_random();
	print_message("seed %u\n", seed);
	g_autoptr(GRand) random = g_rand_new_with_seed(seed);
	struct memory *m = memory_of(size);
	struct ap_merkle_store store = store_of(m);
	for (int i = 0; i < 300; i++) {
		uint64_t to = 1 + g_rand_int(random) % size, at = g_rand_int(random) % to;
		check_inclusion(&store, at, to);
		check_consistency(&store, at, to);
	}
	struct ap_merkle_proof proof;
	m->reads = 0;
	assert_ok(ap_merkle_inclusion(&store, 12345, size, &proof));
	assert_true(m->reads < 2 * LEVELS);
	memory_free(m);
}

static void ranges_outside_the_log_are_refused(void **state)
{
	(void)state;
	struct memory *m = memory_of(5);
	struct ap_merkle_store store = store_of(m);
	struct ap_merkle_proof proof = { .count = 77 };
	struct ap_hash root;
	struct ap_merkle_added added;
	assert_fails(ap_merkle_inclusion(&store, 5, 5, &proof), "invalid");
	assert_fails(ap_merkle_inclusion(&store, 0, 0, &proof), "invalid");
	assert_fails(ap_merkle_consistency(&store, 6, 5, &proof), "invalid");
	assert_fails(ap_merkle_root(&store, UINT64_MAX, &root), "invalid");
	assert_fails(ap_merkle_inclusion(&store, 3, 9, &proof), "database");
	struct ap_hash leaf = numbered_leaf(9);
	assert_fails(ap_merkle_append(&store, UINT64_MAX, &leaf, &added), "invalid");
	assert_int_equal(proof.count, 77);
	memory_free(m);
}

/* ---- vectors from transparency-dev/merkle ---- */

/* False when the proof cannot even be read; such vectors must be bad ones. */
static bool vector_proof(JsonObject *row, struct ap_merkle_proof *ret_proof)
{
	JsonNode *node = json_object_get_member(row, "proof");
	ret_proof->count = 0;
	if (!node || JSON_NODE_HOLDS_NULL(node))
		return true;
	JsonArray *array = json_node_get_array(node);
	for (guint i = 0; i < json_array_get_length(array) && i < AP_MERKLE_MAX; i++)
		if (!ap_base64_exact(json_array_get_string_element(array, i), ret_proof->hashes[ret_proof->count++].b, AP_HASH))
			return false;
	return true;
}

/* Some roots are words in place of hashes, where only their equality matters: hashed, they keep it. */
static bool vector_field(JsonObject *row, const char *name, struct ap_hash *ret)
{
	JsonNode *node = json_object_get_member(row, name);
	if (!node || JSON_NODE_HOLDS_NULL(node))
		return false;
	const char *text = json_node_get_string(node);
	if (!*text)
		return false;
	if (!ap_base64_exact(text, ret->b, AP_HASH))
		*ret = ap_sha256(text, strlen(text));
	return true;
}

static bool inclusion_holds(JsonObject *row)
{
	struct ap_merkle_proof proof;
	struct ap_hash leaf, root;
	return vector_field(row, "leafHash", &leaf) && vector_field(row, "root", &root) && vector_proof(row, &proof) &&
	       ap_ok(ap_merkle_verify_inclusion(&leaf, (uint64_t)json_object_get_int_member(row, "leafIdx"),
						(uint64_t)json_object_get_int_member(row, "treeSize"), proof.hashes,
						proof.count, &root));
}

static bool consistency_holds(JsonObject *row)
{
	struct ap_merkle_proof proof;
	struct ap_hash from, to;
	return vector_field(row, "root1", &from) && vector_field(row, "root2", &to) && vector_proof(row, &proof) &&
	       ap_ok(ap_merkle_verify_consistency((uint64_t)json_object_get_int_member(row, "size1"),
						  (uint64_t)json_object_get_int_member(row, "size2"), &from, &to,
						  proof.hashes, proof.count));
}

static unsigned run_vectors(JsonObject *all, const char *kind, bool (*holds)(JsonObject *))
{
	JsonArray *rows = json_object_get_array_member(all, kind);
	for (guint i = 0; i < json_array_get_length(rows); i++) {
		JsonObject *row = json_array_get_object_element(rows, i);
		if (holds(row) == json_object_get_boolean_member(row, "wantErr"))
			fail_msg("%s: %s", json_object_get_string_member(row, "file"),
				 json_object_get_string_member(row, "desc"));
	}
	return json_array_get_length(rows);
}

static void published_vectors(void **state)
{
	(void)state;
	g_autoptr(JsonParser) parser = json_parser_new();
	assert_true(json_parser_load_from_file(parser, AP_SOURCE_DIR "/tests/vectors/merkle-rfc6962.json", NULL));
	JsonObject *all = json_node_get_object(json_parser_get_root(parser));
	assert_int_equal(run_vectors(all, "inclusion", inclusion_holds), 98);
	assert_int_equal(run_vectors(all, "consistency", consistency_holds), 98);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roots_are_the_rfc_ones),
		cmocka_unit_test(format_vectors),
		cmocka_unit_test(every_leaf_of_small_trees_is_proved),
		cmocka_unit_test(every_pair_of_small_trees_is_consistent),
		cmocka_unit_test(a_big_log_costs_few_reads),
		cmocka_unit_test(ranges_outside_the_log_are_refused),
		cmocka_unit_test(published_vectors),
	};
	assert_ok_or_exit();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
