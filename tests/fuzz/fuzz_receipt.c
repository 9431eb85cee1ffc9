/*
 * Receipts, with and without a statement. The first byte chooses: any JSON; or a receipt of our own log (key of
 * docs/FORMAT.md, Vectors) for a leaf, a place and a body out of the input, which must hold, and of which one byte is
 * then changed: it is refused, or says the same.
 */
#include "fuzz.h"
#include "log_key.h"

#include <aparte/buf.h>
#include <recorder/ledger/receipt.h>
#include <string.h>

static struct ap_log_key the_key(void)
{
	struct ap_log_key pinned;
	g_assert_true(ap_ok(ap_log_key_parse(vkey, &pinned)));
	return pinned;
}

static void try_any(const uint8_t *data, size_t size)
{
	struct ap_log_key pinned = the_key();
	struct ap_receipt_facts facts = { 0 };
	bool alone = ap_ok(ap_receipt_verify((const char *)data, size, &pinned, NULL, 0, &facts));
	if (alone)
		g_assert_true(facts.leaf_index < facts.tree_size && facts.body);
	ap_receipt_facts_clear(&facts);
	bool with = ap_ok(ap_receipt_verify((const char *)data, size, &pinned, "{\"event\":\"ConsentGiven\"}", 24, &facts));
	g_assert_true(alone || !with);
	ap_receipt_facts_clear(&facts);
}

/* RFC 9162 §2.1.3.2 forwards: as many hashes as the place needs, and the root they lead to. */
static struct ap_hash make_proof(struct ap_hash leaf, uint64_t index, uint64_t size, struct ap_merkle_proof *ret_proof)
{
	struct ap_hash root = leaf;
	uint64_t at = index, last = size - 1;
	ret_proof->count = 0;
	while (last > 0) {
		struct ap_hash *other = &ret_proof->hashes[ret_proof->count];
		bool lonely = at == last && !(at & 1); /* no sibling on this level */
		if (!lonely) {
			*other = ap_sha256(&at, sizeof at);
			root = at & 1 ? ap_merkle_node_hash(other, &root) : ap_merkle_node_hash(&root, other);
			ret_proof->count++;
		}
		at >>= 1;
		last >>= 1;
	}
	return root;
}

struct made {
	char *json, *body;
	uint64_t index, size;
	struct ap_hash leaf_hash;
};

static struct made make(struct ap_reader *r)
{
	struct made m = { .index = ap_read_u32(r), .size = ap_read_u32(r) };
	uint8_t salt[AP_LEAF_SALT] = { ap_read_u8(r) };
	enum ap_leaf_type type = (enum ap_leaf_type)(1 + ap_read_u8(r) % AP_LEAF_OTHER);
	struct ap_merkle_proof proof;
	m.size = MAX(m.size, 1);
	m.index %= m.size;
	size_t len = ap_reader_left(r);
	const char *text = (const char *)ap_read_span(r, len);
	m.body = g_utf8_make_valid(text ? text : "", text ? (gssize)len : 0);
	struct ap_leaf leaf = ap_leaf_make(type, salt, m.body, strlen(m.body));
	m.leaf_hash = ap_leaf_hash(&leaf);
	struct ap_checkpoint c = { .origin = "aparte.example/log/1", .size = m.size };
	c.root = make_proof(m.leaf_hash, m.index, m.size, &proof);
	g_autofree char *note = NULL;
	g_assert_true(ap_ok(ap_checkpoint_sign(&c, the_seed(), &note)));
	const struct ap_receipt_parts parts = { m.index, m.size, type, salt, m.body, &proof, note, vkey };
	g_assert_true(ap_ok(ap_receipt_build(&parts, &m.json)));
	return m;
}

static void check_says(const struct made *m, const char *json, bool must)
{
	struct ap_log_key pinned = the_key();
	struct ap_receipt_facts facts = { 0 };
	bool good = ap_ok(ap_receipt_verify(json, strlen(json), &pinned, NULL, 0, &facts));
	g_assert_true(good || !must);
	if (good) {
		g_assert_true(facts.leaf_index == m->index && facts.tree_size == m->size);
		g_assert_true(ap_hash_equal(&facts.leaf_hash, &m->leaf_hash));
		g_assert_cmpstr(facts.body, ==, m->body);
	}
	ap_receipt_facts_clear(&facts);
}

static void try_made(const uint8_t *data, size_t size)
{
	struct ap_reader r = ap_reader_over(data, size);
	uint16_t at = ap_read_u16(&r);
	uint8_t change = ap_read_u8(&r);
	struct made m = make(&r);
	size_t len = strlen(m.json);
	if (len <= AP_RECEIPT_MAX) {
		check_says(&m, m.json, true);
		if (change) {
			m.json[at % len] = (char)(m.json[at % len] ^ change);
			check_says(&m, m.json, false);
		}
	}
	g_free(m.json);
	g_free(m.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_assert_true(the_seed() != NULL);
	if (size > 0 && data[0] == '{')
		try_any(data, size);
	else if (size > 0)
		try_made(data + 1, size - 1);
	return 0;
}
