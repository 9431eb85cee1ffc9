#include "recorder/db/db_ledger.h"

#include <string.h>

struct ap_result ap_db_ledger_size(struct ap_db *db, uint64_t *ret_size)
{
	int64_t n = 0;
	AP_TRY(ap_db_count(db, "SELECT coalesce(max(idx) + 1, 0) FROM leaf", AP_NO_VALUES, &n));
	*ret_size = (uint64_t)n;
	return AP_SUCCESS;
}

struct ap_result ap_db_ledger_put(struct ap_db *db, uint64_t index, const struct ap_leaf *leaf,
				  const uint8_t salt[AP_LEAF_SALT], const char *body, int64_t now_ms)
{
	return ap_db_run(db, "INSERT INTO leaf (idx, leaf, salt, body, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
			 AP_VALUES(AP_V_INT(index), AP_V_BLOB(leaf->b, AP_LEAF), AP_V_BLOB(salt, AP_LEAF_SALT),
				   AP_V_TEXT(body), AP_V_INT(now_ms)));
}

struct ap_result ap_db_ledger_put_node(struct ap_db *db, const struct ap_merkle_node *node)
{
	return ap_db_run(db, "INSERT INTO node (level, idx, hash) VALUES (?1, ?2, ?3)",
			 AP_VALUES(AP_V_INT(node->level), AP_V_INT(node->index), AP_V_HASH(node->hash.b)));
}

struct ap_result ap_db_ledger_get(struct ap_db *db, uint64_t index, struct ap_leaf_row *ret_row)
{
	struct ap_leaf_row row = { 0 };
	struct ap_rows *rows = ap_db_query(db, "SELECT leaf, salt, body FROM leaf WHERE idx = ?1", AP_VALUES(AP_V_INT(index)));
	bool found = ap_rows_next(rows);
	if (found) {
		ap_row_bytes(rows, 0, row.leaf.b, AP_LEAF);
		row.opened = ap_row_bytes(rows, 1, row.salt, AP_LEAF_SALT);
		row.body = ap_row_text_dup(rows, 2);
	}
	struct ap_result r = ap_rows_end_found(rows, found);
	if (ap_ok(r))
		*ret_row = row;
	else
		g_free(row.body);
	return r;
}

struct ap_result ap_db_ledger_range(struct ap_db *db, uint64_t from, uint64_t count, GPtrArray **ret_texts)
{
	g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
	struct ap_rows *rows = ap_db_query(db, "SELECT leaf FROM leaf WHERE idx >= ?1 ORDER BY idx LIMIT ?2",
					   AP_VALUES(AP_V_INT(from), AP_V_INT(count)));
	struct ap_leaf leaf;
	while (ap_rows_next(rows))
		if (ap_row_bytes(rows, 0, leaf.b, AP_LEAF))
			g_ptr_array_add(texts, ap_base64url(leaf.b, AP_LEAF));
	AP_TRY(ap_rows_end(rows));
	*ret_texts = g_steal_pointer(&texts);
	return AP_SUCCESS;
}

/* Columns: leaf, its node, salt, body. A leaf whose opening was destroyed has neither salt nor body. */
static bool row_fits(struct ap_rows *rows)
{
	struct ap_leaf leaf;
	struct ap_hash node;
	uint8_t salt[AP_LEAF_SALT];
	if (!ap_row_bytes(rows, 0, leaf.b, AP_LEAF) || !ap_row_bytes(rows, 1, node.b, AP_HASH))
		return false;
	struct ap_hash hash = ap_leaf_hash(&leaf);
	const char *body = ap_row_text(rows, 3);
	if (!ap_hash_equal(&hash, &node))
		return false;
	if (!body || !ap_row_bytes(rows, 2, salt, AP_LEAF_SALT))
		return !body;
	struct ap_leaf again = ap_leaf_make((enum ap_leaf_type)leaf.b[1], salt, body, strlen(body));
	return memcmp(again.b, leaf.b, AP_LEAF) == 0;
}

struct ap_result ap_db_ledger_whole(struct ap_db *db, uint64_t from, bool *ret_whole)
{
	uint64_t next = from;
	bool whole = true;
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT leaf, hash, salt, body, leaf.idx FROM leaf LEFT JOIN node ON level = 0"
					   " AND node.idx = leaf.idx WHERE leaf.idx >= ?1 ORDER BY leaf.idx",
					   AP_VALUES(AP_V_INT(from)));
	while (whole && ap_rows_next(rows))
		whole = row_fits(rows) && (uint64_t)ap_row_int(rows, 4) == next++;
	AP_TRY(ap_rows_end(rows));
	*ret_whole = whole;
	return AP_SUCCESS;
}

static struct ap_result read_node(void *ctx, unsigned level, uint64_t index, struct ap_hash *ret_hash)
{
	struct ap_rows *rows = ap_db_query(ctx, "SELECT hash FROM node WHERE level = ?1 AND idx = ?2",
					   AP_VALUES(AP_V_INT(level), AP_V_INT(index)));
	struct ap_hash hash;
	bool found = ap_rows_next(rows) && ap_row_bytes(rows, 0, hash.b, AP_HASH);
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_hash = hash;
	return AP_SUCCESS;
}

struct ap_merkle_store ap_db_ledger_store(struct ap_db *db)
{
	return (struct ap_merkle_store){ .read = read_node, .ctx = db };
}

struct ap_result ap_db_ledger_owe(struct ap_db *db, enum ap_leaf_type type, const char *body, uint64_t *ret_index)
{
	int64_t number;
	AP_TRY(ap_db_run(db, "INSERT INTO leaf_owed (type, body) VALUES (?1, ?2)", AP_VALUES(AP_V_INT(type), AP_V_TEXT(body))));
	AP_TRY(ap_db_count(db, "SELECT max(number) FROM leaf_owed", AP_NO_VALUES, &number));
	*ret_index = (uint64_t)-number;
	return AP_SUCCESS;
}

struct ap_result ap_db_ledger_owed(struct ap_db *db, struct ap_owed_leaf *ret_owed)
{
	struct ap_owed_leaf owed = { 0 };
	struct ap_rows *rows = ap_db_query(db, "SELECT number, type, body FROM leaf_owed ORDER BY number LIMIT 1", AP_NO_VALUES);
	bool found = ap_rows_next(rows);
	if (found)
		owed = (struct ap_owed_leaf){ ap_row_int(rows, 0), (enum ap_leaf_type)ap_row_int(rows, 1), ap_row_text_dup(rows, 2) };
	struct ap_result r = ap_rows_end_found(rows, found);
	if (ap_ok(r))
		*ret_owed = owed;
	else
		g_free(owed.body);
	return r;
}

struct ap_result ap_db_ledger_owed_done(struct ap_db *db, int64_t number, uint64_t index)
{
	static const char *const places[] = {
		"UPDATE incident SET leaf = ?2 WHERE leaf = -?1",
		"UPDATE incident SET closed_leaf = ?2 WHERE closed_leaf = -?1",
		"UPDATE access SET ended_leaf = ?2 WHERE ended_leaf = -?1 AND ended_leaf < 0",
	};
	for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
		AP_TRY(ap_db_run(db, places[i], AP_VALUES(AP_V_INT(number), AP_V_INT(index))));
	return ap_db_run(db, "DELETE FROM leaf_owed WHERE number = ?1", AP_VALUES(AP_V_INT(number)));
}

struct ap_result ap_db_checkpoint_put(struct ap_db *db, uint64_t size, const char *text, int64_t now_ms)
{
	return ap_db_run(db, "INSERT INTO checkpoint (size, text, created_ms) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
			 AP_VALUES(AP_V_INT(size), AP_V_TEXT(text), AP_V_INT(now_ms)));
}

struct ap_result ap_db_checkpoint_get(struct ap_db *db, uint64_t size, char **ret_text)
{
	struct ap_rows *rows = ap_db_query(db, "SELECT text FROM checkpoint WHERE size = ?1", AP_VALUES(AP_V_INT(size)));
	bool found = ap_rows_next(rows);
	g_autofree char *text = found ? ap_row_text_dup(rows, 0) : NULL;
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_text = g_steal_pointer(&text);
	return AP_SUCCESS;
}

struct ap_result ap_db_checkpoint_last(struct ap_db *db, char **ret_text)
{
	struct ap_rows *rows = ap_db_query(db, "SELECT text FROM checkpoint ORDER BY size DESC LIMIT 1", AP_NO_VALUES);
	bool found = ap_rows_next(rows);
	g_autofree char *text = found ? ap_row_text_dup(rows, 0) : NULL;
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_text = g_steal_pointer(&text);
	return AP_SUCCESS;
}
