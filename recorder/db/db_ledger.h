/*
 * The log's tables in vault.db: leaves, tree nodes, checkpoints. Used by ledger.c and ledger_query.c alone.
 */
#pragma once

#include "recorder/db/db.h"
#include "recorder/ledger/leaf.h"
#include "recorder/ledger/merkle.h"

#include <glib.h>

struct ap_leaf_row {
	struct ap_leaf leaf;
	bool opened; /* salt and body are still there */
	uint8_t salt[AP_LEAF_SALT];
	char *body; /* owned; NULL when not opened */
};

struct ap_result ap_db_ledger_size(struct ap_db *db, uint64_t *ret_size);
struct ap_result ap_db_ledger_put(struct ap_db *db, uint64_t index, const struct ap_leaf *leaf,
				  const uint8_t salt[AP_LEAF_SALT], const char *body, int64_t now_ms);
struct ap_result ap_db_ledger_put_node(struct ap_db *db, const struct ap_merkle_node *node);
/* "not-found". */
struct ap_result ap_db_ledger_get(struct ap_db *db, uint64_t index, struct ap_leaf_row *ret_row);
/* Leaves [from, from + count) as base64url texts in a JSON array's members: GPtrArray of char *, owned. */
struct ap_result ap_db_ledger_range(struct ap_db *db, uint64_t from, uint64_t count, GPtrArray **ret_texts);
/* A store over the node table for merkle.h; `db` is borrowed. */
/* Whether the leaves from `from` on are those that the tree was made of, and their openings fit them. */
struct ap_result ap_db_ledger_whole(struct ap_db *db, uint64_t from, bool *ret_whole);
struct ap_merkle_store ap_db_ledger_store(struct ap_db *db);

/* A leaf that is owed: it happened while the log was stopped (vault-0019-owed.sql). */
struct ap_owed_leaf {
	int64_t number;
	enum ap_leaf_type type;
	char *body; /* owned */
};
/* Inside the caller's transaction; *ret_index stands for the leaf: negative as the integer of a row. */
struct ap_result ap_db_ledger_owe(struct ap_db *db, enum ap_leaf_type type, const char *body, uint64_t *ret_index);
/* The oldest; "not-found" when none is. */
struct ap_result ap_db_ledger_owed(struct ap_db *db, struct ap_owed_leaf *ret_owed);
/* It is leaf `index` now, in the rows that wait for it too. */
struct ap_result ap_db_ledger_owed_done(struct ap_db *db, int64_t number, uint64_t index);

struct ap_result ap_db_checkpoint_put(struct ap_db *db, uint64_t size, const char *text, int64_t now_ms);
/* The signed checkpoint of exactly that size; "not-found". g_free. */
struct ap_result ap_db_checkpoint_get(struct ap_db *db, uint64_t size, char **ret_text);
/* The newest signed; "not-found". g_free. */
struct ap_result ap_db_checkpoint_last(struct ap_db *db, char **ret_text);
