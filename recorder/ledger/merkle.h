/*
 * The Merkle tree of RFC 6962 §2 over stored node hashes: roots, inclusion and consistency proofs, and their
 * verification (RFC 9162 §2.1.3.2, §2.1.4.2).
 *
 * Nodes are named (level, index): level 0 are leaf hashes, node (l, i) covers leaves [i·2^l, (i+1)·2^l). Only full
 * subtrees are ever stored and they never change, so a store is append-only. Proofs cost O(log n) reads.
 *
 * Pure but for the caller's read function; any thread. Outputs untouched on failure. Errors: whatever `read` gives;
 * AP_ERR_LIMIT "invalid" for an index or size out of range; AP_ERR_CRYPTO "proof" when a proof does not hold.
 */
#pragma once

#include <aparte/encode.h>
#include <aparte/err.h>

#define AP_MERKLE_MAX 64 /* hashes in a proof, nodes made by one append, at most */
#define AP_MERKLE_SIZE_MAX (UINT64_C(1) << 62)

/* Gives the stored hash of a full subtree; asked only for nodes that lie wholly inside the size given. */
typedef struct ap_result (*ap_merkle_read)(void *ctx, unsigned level, uint64_t index, struct ap_hash *ret_hash);

struct ap_merkle_store {
	ap_merkle_read read;
	void *ctx; /* borrowed */
};

struct ap_merkle_node {
	unsigned level;
	uint64_t index;
	struct ap_hash hash;
};

/* What one append adds to the store: the leaf hash first, then each subtree it completes. */
struct ap_merkle_added {
	struct ap_merkle_node nodes[AP_MERKLE_MAX];
	size_t count;
};

struct ap_merkle_proof {
	struct ap_hash hashes[AP_MERKLE_MAX]; /* leaf to root */
	size_t count;
};

struct ap_hash ap_merkle_leaf_hash(const void *leaf, size_t len);
struct ap_hash ap_merkle_node_hash(const struct ap_hash *left, const struct ap_hash *right);
struct ap_hash ap_merkle_empty_root(void);

/* Appends to a tree of `size` leaves: gives the nodes to store, in order. Stores nothing itself. */
struct ap_result ap_merkle_append(const struct ap_merkle_store *store, uint64_t size, const struct ap_hash *leaf_hash,
				  struct ap_merkle_added *ret_added);
struct ap_result ap_merkle_root(const struct ap_merkle_store *store, uint64_t size, struct ap_hash *ret_root);
/* index < size. */
struct ap_result ap_merkle_inclusion(const struct ap_merkle_store *store, uint64_t index, uint64_t size,
				     struct ap_merkle_proof *ret_proof);
/* from <= to; empty when from is 0 or equals to. */
struct ap_result ap_merkle_consistency(const struct ap_merkle_store *store, uint64_t from, uint64_t to,
				       struct ap_merkle_proof *ret_proof);

struct ap_result ap_merkle_verify_inclusion(const struct ap_hash *leaf_hash, uint64_t index, uint64_t size,
					    const struct ap_hash *hashes, size_t count, const struct ap_hash *root);
/* Every tree follows the empty one: a proof from size 0 to another says nothing and is refused. */
struct ap_result ap_merkle_verify_consistency(uint64_t from, uint64_t to, const struct ap_hash *from_root,
					      const struct ap_hash *to_root, const struct ap_hash *hashes, size_t count);
