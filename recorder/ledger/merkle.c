#include <recorder/ledger/merkle.h>

struct ap_hash ap_merkle_leaf_hash(const void *leaf, size_t len)
{
	const uint8_t prefix = 0;
	struct ap_hasher h = ap_hash_begin(NULL);
	ap_hash_add(&h, &prefix, 1);
	ap_hash_add(&h, leaf, len);
	return ap_hash_end(&h);
}

struct ap_hash ap_merkle_node_hash(const struct ap_hash *left, const struct ap_hash *right)
{
	const uint8_t prefix = 1;
	struct ap_hasher h = ap_hash_begin(NULL);
	ap_hash_add(&h, &prefix, 1);
	ap_hash_add(&h, left->b, AP_HASH);
	ap_hash_add(&h, right->b, AP_HASH);
	return ap_hash_end(&h);
}

struct ap_hash ap_merkle_empty_root(void)
{
	return ap_sha256("", 0);
}

static struct ap_result bad_range(void)
{
	return ap_fail(AP_ERR_LIMIT, "invalid", "a leaf or size outside the log");
}

/* Leaves [begin, end) of the tree; begin is a multiple of the largest power of two in end - begin. */
struct range {
	uint64_t begin;
	uint64_t end;
};

/* The largest power of two below n (n > 1): where RFC 6962 splits a tree of n leaves. */
static uint64_t split(uint64_t n)
{
	return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

static bool is_power_of_two(uint64_t n)
{
	return (n & (n - 1)) == 0;
}

/* Hash over a range: one read for each full subtree in it, right to left, folded as RFC 6962 nests them. */
static struct ap_result range_hash(const struct ap_merkle_store *store, struct range r, struct ap_hash *ret_hash)
{
	struct ap_hash parts[AP_MERKLE_MAX], sum;
	size_t count = 0;
	while (r.begin < r.end) {
		uint64_t n = r.end - r.begin;
		uint64_t width = is_power_of_two(n) ? n : split(n);
		unsigned level = (unsigned)__builtin_ctzll(width);
		AP_TRY(store->read(store->ctx, level, r.begin >> level, &parts[count++]));
		r.begin += width;
	}
	sum = parts[--count];
	while (count > 0)
		sum = ap_merkle_node_hash(&parts[--count], &sum);
	*ret_hash = sum;
	return AP_SUCCESS;
}

struct ap_result ap_merkle_root(const struct ap_merkle_store *store, uint64_t size, struct ap_hash *ret_root)
{
	if (size > AP_MERKLE_SIZE_MAX)
		return bad_range();
	if (size > 0)
		return range_hash(store, (struct range){ 0, size }, ret_root);
	*ret_root = ap_merkle_empty_root();
	return AP_SUCCESS;
}

struct ap_result ap_merkle_append(const struct ap_merkle_store *store, uint64_t size, const struct ap_hash *leaf_hash,
				  struct ap_merkle_added *ret_added)
{
	if (size >= AP_MERKLE_SIZE_MAX)
		return bad_range();
	struct ap_merkle_added added = { .count = 1, .nodes[0] = { .level = 0, .index = size, .hash = *leaf_hash } };
	/* Each odd index completes the subtree above it. */
	for (struct ap_merkle_node at = added.nodes[0]; at.index & 1; added.nodes[added.count++] = at) {
		struct ap_hash left;
		AP_TRY(store->read(store->ctx, at.level, at.index - 1, &left));
		at.hash = ap_merkle_node_hash(&left, &at.hash);
		at.level++;
		at.index >>= 1;
	}
	*ret_added = added;
	return AP_SUCCESS;
}

/* Siblings are found from the root down and told from the leaf up. */
static void reverse(struct ap_merkle_proof *proof)
{
	for (size_t i = 0; i < proof->count / 2; i++) {
		struct ap_hash swap = proof->hashes[i];
		proof->hashes[i] = proof->hashes[proof->count - 1 - i];
		proof->hashes[proof->count - 1 - i] = swap;
	}
}

/* One step down: the half that holds leaf `index` becomes *r, the other half's hash goes into the proof. */
static struct ap_result descend(const struct ap_merkle_store *store, uint64_t index, struct range *r,
				struct ap_merkle_proof *proof)
{
	uint64_t middle = r->begin + split(r->end - r->begin);
	struct range left = { r->begin, middle }, right = { middle, r->end };
	bool go_left = index < middle;
	AP_TRY(range_hash(store, go_left ? right : left, &proof->hashes[proof->count]));
	proof->count++;
	*r = go_left ? left : right;
	return AP_SUCCESS;
}

struct ap_result ap_merkle_inclusion(const struct ap_merkle_store *store, uint64_t index, uint64_t size,
				     struct ap_merkle_proof *ret_proof)
{
	if (index >= size || size > AP_MERKLE_SIZE_MAX)
		return bad_range();
	struct ap_merkle_proof proof = { .count = 0 };
	for (struct range r = { 0, size }; r.end - r.begin > 1;)
		AP_TRY(descend(store, index, &r, &proof));
	reverse(&proof);
	*ret_proof = proof;
	return AP_SUCCESS;
}

struct ap_result ap_merkle_consistency(const struct ap_merkle_store *store, uint64_t from, uint64_t to,
				       struct ap_merkle_proof *ret_proof)
{
	if (from > to || to > AP_MERKLE_SIZE_MAX)
		return bad_range();
	struct ap_merkle_proof proof = { .count = 0 };
	if (from > 0 && from < to) {
		/* Down to the node whose last leaf is the old tree's last one. */
		struct range r = { 0, to };
		while (r.end != from)
			AP_TRY(descend(store, from - 1, &r, &proof));
		/* The old root itself is known to whoever asks; any other node must be told. */
		if (r.begin > 0) {
			AP_TRY(range_hash(store, r, &proof.hashes[proof.count]));
			proof.count++;
		}
		reverse(&proof);
	}
	*ret_proof = proof;
	return AP_SUCCESS;
}
