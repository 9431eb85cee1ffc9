#include <recorder/ledger/frontier.h>

void ap_frontier_add(struct ap_frontier *f, const struct ap_hash *leaf_hash)
{
	struct ap_hash hash = *leaf_hash;
	for (uint64_t bits = f->size; bits & 1; bits >>= 1)
		hash = ap_merkle_node_hash(&f->roots[--f->count], &hash);
	f->roots[f->count++] = hash;
	f->size++;
}

struct ap_hash ap_frontier_root(const struct ap_frontier *f)
{
	if (f->count == 0)
		return ap_merkle_empty_root();
	struct ap_hash root = f->roots[f->count - 1];
	for (size_t i = f->count - 1; i > 0; i--)
		root = ap_merkle_node_hash(&f->roots[i - 1], &root);
	return root;
}
