/*
 * A Merkle tree (RFC 6962 §2.1) built leaf by leaf in constant memory: the roots of its full subtrees. For whoever has
 * all leaves and wants the root at any size on the way: `aparte ledger verify`.
 *
 * Pure; any thread. Zero-initialise.
 */
#pragma once

#include <recorder/ledger/merkle.h>

struct ap_frontier {
	struct ap_hash roots[AP_MERKLE_MAX]; /* of the full subtrees, largest first: one per bit of `size` */
	size_t count;
	uint64_t size; /* leaves so far; AP_MERKLE_SIZE_MAX at most */
};

void ap_frontier_add(struct ap_frontier *f, const struct ap_hash *leaf_hash);
struct ap_hash ap_frontier_root(const struct ap_frontier *f);
