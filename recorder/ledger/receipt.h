/*
 * Receipts and certificates: what a person keeps to prove offline that the log holds their consent, or an erasure
 * (docs/FORMAT.md, Log). One JSON form for both.
 *
 * Pure; any thread. Errors: AP_ERR_PROTOCOL "receipt" (form), AP_ERR_CRYPTO "receipt-leaf", "receipt-statement",
 * "proof", "checkpoint-signature", "log-key" (not the pinned key). Outputs untouched on failure.
 */
#pragma once

#include <aparte/err.h>
#include <recorder/ledger/checkpoint.h>
#include <recorder/ledger/leaf.h>
#include <recorder/ledger/merkle.h>

#define AP_RECEIPT_MAX 65536 /* bytes of JSON */

/* All pointers borrowed. */
struct ap_receipt_parts {
	uint64_t leaf_index;
	uint64_t tree_size;
	enum ap_leaf_type type;
	const uint8_t *salt; /* AP_LEAF_SALT bytes */
	const char *body;    /* canonical JSON text */
	const struct ap_merkle_proof *proof;
	const char *checkpoint; /* signed note for tree_size */
	const char *log_key;	/* verifier key text */
};

/* Canonical JSON text; *ret_json is g_free'd. */
struct ap_result ap_receipt_build(const struct ap_receipt_parts *parts, char **ret_json);

/* What a verified receipt says. */
struct ap_receipt_facts {
	uint64_t leaf_index;
	uint64_t tree_size;
	enum ap_leaf_type type;
	struct ap_hash leaf_hash;
	struct ap_hash root;
	char *body; /* owned, g_free'd by ap_receipt_facts_clear */
};

/*
 * Verifies under the pinned key. With a statement (its exact bytes; NULL: none), the body's "statement_sha256" (hex
 * or base64url) must be its hash.
 */
struct ap_result ap_receipt_verify(const char *json, size_t len, const struct ap_log_key *pinned, const char *statement,
				   size_t statement_len, struct ap_receipt_facts *ret_facts);
void ap_receipt_facts_clear(struct ap_receipt_facts *facts);
