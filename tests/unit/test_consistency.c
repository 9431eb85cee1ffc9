/* Two checkpoints of one log, joined by a proof that is verified offline (R6). */
#include "vectors.h"

#include <glib.h>
#include <recorder/ledger/consistency.h>
#include <recorder/ledger/frontier.h>

#define ORIGIN "aparte.example/log/1"
#define LEAVES 21

static struct ap_hash leaf_at(uint64_t i)
{
	uint8_t byte = (uint8_t)i;
	return ap_merkle_leaf_hash(&byte, 1);
}

/* A store that is made of the leaves each time. */
static struct ap_result read_node(void *ctx, unsigned level, uint64_t index, struct ap_hash *ret_hash)
{
	struct ap_hash left, right;
	if (level == 0) {
		*ret_hash = leaf_at(index);
		return AP_SUCCESS;
	}
	AP_TRY(read_node(ctx, level - 1, 2 * index, &left));
	AP_TRY(read_node(ctx, level - 1, 2 * index + 1, &right));
	*ret_hash = ap_merkle_node_hash(&left, &right);
	return AP_SUCCESS;
}

static const struct ap_merkle_store store = { .read = read_node };

static char *note_of(uint64_t size, uint8_t twist)
{
	struct ap_checkpoint c = { .size = size };
	struct ap_secret *seed = vector_secret(0x88);
	char *note = NULL;
	g_strlcpy(c.origin, ORIGIN, sizeof c.origin);
	assert_ok(ap_merkle_root(&store, size, &c.root));
	c.root.b[3] ^= twist;
	assert_ok(ap_checkpoint_sign(&c, seed, &note));
	ap_secret_free(seed);
	return note;
}

static struct ap_log_key the_key(uint8_t byte)
{
	struct ap_log_key key;
	struct ap_secret *seed = vector_secret(byte);
	assert_ok(ap_log_key_from_seed(ORIGIN, seed, &key));
	ap_secret_free(seed);
	return key;
}

static char *proof_of(uint64_t from, uint64_t to, uint8_t twist)
{
	struct ap_merkle_proof proof;
	g_autofree char *older = note_of(from, twist), *newer = note_of(to, 0);
	assert_ok(ap_merkle_consistency(&store, from, to, &proof));
	return ap_consistency_build(older, newer, proof.hashes, proof.count, "key");
}

static struct ap_result verify(const char *text, const struct ap_log_key *key)
{
	struct ap_consistency c = { 0 };
	struct ap_result r = ap_consistency_verify(text, strlen(text), key, &c);
	ap_consistency_clear(&c);
	return r;
}

static void every_pair_of_sizes_is_joined(void **state)
{
	(void)state;
	struct ap_log_key key = the_key(0x88);
	for (uint64_t from = 1; from <= LEAVES; from++)
		for (uint64_t to = from; to <= LEAVES; to++) {
			g_autofree char *text = proof_of(from, to, 0), *forked = proof_of(from, to, 1);
			assert_ok(verify(text, &key));
			assert_fails(verify(forked, &key), "proof");
		}
}

static void what_does_not_fit_is_refused(void **state)
{
	(void)state;
	struct ap_log_key key = the_key(0x88), other = the_key(0x89);
	g_autofree char *good = proof_of(5, 12, 0), *empty = proof_of(0, 12, 0), *older = note_of(12, 0), *newer = note_of(5, 0);
	g_autofree char *backwards = ap_consistency_build(older, newer, NULL, 0, "key");
	assert_ok(verify(good, &key));
	assert_fails(verify(good, &other), "checkpoint-signature");
	assert_fails(verify(empty, &key), "consistency");
	assert_false(ap_ok(verify(backwards, &key)));
	static const char *const texts[] = { "", "[]", "{}", "{\"older\":1,\"newer\":2,\"hashes\":[]}",
					     "{\"older\":\"x\",\"newer\":\"y\",\"hashes\":[null]}",
					     "{\"older\":\"x\",\"newer\":\"y\",\"hashes\":[\"AA==\"]}" };
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		assert_fails(verify(texts[i], &key), "consistency");
}

static void a_checkpoint_is_found_in_a_note_and_in_a_receipt(void **state)
{
	(void)state;
	g_autofree char *note = note_of(3, 0), *alone = ap_checkpoint_text_in(note, strlen(note));
	static const char receipt[] = "{\"checkpoint\":\"a\\nb\\n\"}";
	g_autofree char *in_receipt = ap_checkpoint_text_in(receipt, strlen(receipt));
	assert_string_equal(alone, note);
	assert_string_equal(in_receipt, "a\nb\n");
	assert_null(ap_checkpoint_text_in("", 0));
	assert_null(ap_checkpoint_text_in("{}", 2));
	assert_null(ap_checkpoint_text_in("{\"checkpoint\":7}", 16));
	assert_null(ap_checkpoint_text_in("{", 1));
}

int main(void)
{
	assert_ok_or_exit();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_of_sizes_is_joined),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(a_checkpoint_is_found_in_a_note_and_in_a_receipt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
