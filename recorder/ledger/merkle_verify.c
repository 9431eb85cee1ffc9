#include <recorder/ledger/merkle.h>

static struct ap_result no_proof(void)
{
	return ap_fail(AP_ERR_CRYPTO, "proof", "the log's proof does not hold");
}

/* RFC 9162 §2.1.3.2 */
struct ap_result ap_merkle_verify_inclusion(const struct ap_hash *leaf_hash, uint64_t index, uint64_t size,
					    const struct ap_hash *hashes, size_t count, const struct ap_hash *root)
{
	if (index >= size)
		return no_proof();
	uint64_t fn = index, sn = size - 1;
	struct ap_hash r = *leaf_hash;
	for (size_t i = 0; i < count; i++) {
		if (sn == 0)
			return no_proof();
		if (fn & 1 || fn == sn) {
			r = ap_merkle_node_hash(&hashes[i], &r);
			for (; !(fn & 1) && fn != 0; fn >>= 1)
				sn >>= 1;
		} else {
			r = ap_merkle_node_hash(&r, &hashes[i]);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && ap_hash_equal(&r, root) ? AP_SUCCESS : no_proof();
}

/* RFC 9162 §2.1.4.2, steps 3 to 7; `first` is the proof's first hash, or the old root where that is implied. */
static bool both_roots(uint64_t from, uint64_t to, const struct ap_hash *first, const struct ap_hash *hashes, size_t count,
		       struct ap_hash *ret_from, struct ap_hash *ret_to)
{
	uint64_t fn = from - 1, sn = to - 1;
	for (; fn & 1; fn >>= 1)
		sn >>= 1;
	struct ap_hash fr = *first, sr = *first;
	for (size_t i = 0; i < count; i++) {
		if (sn == 0)
			return false;
		if (fn & 1 || fn == sn) {
			fr = ap_merkle_node_hash(&hashes[i], &fr);
			sr = ap_merkle_node_hash(&hashes[i], &sr);
			for (; !(fn & 1) && fn != 0; fn >>= 1)
				sn >>= 1;
		} else {
			sr = ap_merkle_node_hash(&sr, &hashes[i]);
		}
		fn >>= 1;
		sn >>= 1;
	}
	*ret_from = fr;
	*ret_to = sr;
	return sn == 0;
}

struct ap_result ap_merkle_verify_consistency(uint64_t from, uint64_t to, const struct ap_hash *from_root,
					      const struct ap_hash *to_root, const struct ap_hash *hashes, size_t count)
{
	struct ap_hash fr, sr, empty = ap_merkle_empty_root();
	if (from == to)
		return count == 0 && ap_hash_equal(from_root, to_root) && (from > 0 || ap_hash_equal(from_root, &empty)) ?
			       AP_SUCCESS :
			       no_proof();
	if (from == 0 || from > to || count == 0)
		return no_proof();
	bool implied = (from & (from - 1)) == 0;
	const struct ap_hash *first = implied ? from_root : &hashes[0];
	const struct ap_hash *rest = implied ? hashes : &hashes[1];
	if (!both_roots(from, to, first, rest, implied ? count : count - 1, &fr, &sr))
		return no_proof();
	return ap_hash_equal(&fr, from_root) && ap_hash_equal(&sr, to_root) ? AP_SUCCESS : no_proof();
}
