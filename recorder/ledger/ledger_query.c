#include "recorder/db/db_ledger.h"
#include "recorder/ledger/ledger.h"

#include <aparte/jcs.h>
#include <glib.h>
#include <string.h>

#define LEAVES_MAX 1000

/* ---- answers ---- */

static JsonArray *hash_list(const struct ap_merkle_proof *proof)
{
	JsonArray *list = json_array_new();
	for (size_t i = 0; i < proof->count; i++) {
		g_autofree char *text = ap_base64(proof->hashes[i].b, AP_HASH);
		json_array_add_string_element(list, text);
	}
	return list;
}

struct ap_result ap_ledger_proof(struct ap_ledger *l, struct ap_db *db, uint64_t leaf, uint64_t size, char **ret_json)
{
	(void)l;
	uint64_t committed = 0;
	struct ap_merkle_proof proof;
	struct ap_merkle_store store = ap_db_ledger_store(db);
	AP_TRY(ap_db_ledger_size(db, &committed));
	if (size > committed || leaf >= size)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "leaf must be below size, and size at most the log's");
	AP_TRY(ap_merkle_inclusion(&store, leaf, size, &proof));
	g_autoptr(JsonObject) o = json_object_new();
	json_object_set_int_member(o, "leaf_index", (int64_t)leaf);
	json_object_set_int_member(o, "tree_size", (int64_t)size);
	json_object_set_array_member(o, "hashes", hash_list(&proof));
	return ap_jcs_from_object(o, ret_json);
}

struct ap_result ap_ledger_consistency(struct ap_ledger *l, struct ap_db *db, uint64_t from, uint64_t to, char **ret_json)
{
	(void)l;
	uint64_t committed = 0;
	struct ap_merkle_proof proof;
	struct ap_merkle_store store = ap_db_ledger_store(db);
	AP_TRY(ap_db_ledger_size(db, &committed));
	if (to > committed || from > to)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "from must be at most to, and to at most the log's size");
	AP_TRY(ap_merkle_consistency(&store, from, to, &proof));
	g_autoptr(JsonObject) o = json_object_new();
	json_object_set_int_member(o, "from", (int64_t)from);
	json_object_set_int_member(o, "to", (int64_t)to);
	json_object_set_array_member(o, "hashes", hash_list(&proof));
	return ap_jcs_from_object(o, ret_json);
}

struct ap_result ap_ledger_leaves(struct ap_ledger *l, struct ap_db *db, uint64_t from, uint64_t count, char **ret_json)
{
	(void)l;
	g_autoptr(GPtrArray) texts = NULL;
	if (count > LEAVES_MAX)
		return ap_fail(AP_ERR_LIMIT, "invalid", "at most 1000 leaves at a time");
	AP_TRY(ap_db_ledger_range(db, from, count, &texts));
	g_autoptr(JsonObject) o = json_object_new();
	JsonArray *list = json_array_new();
	for (guint i = 0; i < texts->len; i++)
		json_array_add_string_element(list, texts->pdata[i]);
	json_object_set_int_member(o, "from", (int64_t)from);
	json_object_set_array_member(o, "leaves", list);
	return ap_jcs_from_object(o, ret_json);
}

/* ---- questions ---- */

/* A decimal parameter of the query; false when it is missing or no number. */
static bool number(GHashTable *query, const char *name, uint64_t *ret_n)
{
	const char *text = query ? g_hash_table_lookup(query, name) : NULL;
	guint64 n;
	if (!text || !g_ascii_string_to_unsigned(text, 10, 0, INT64_MAX, &n, NULL))
		return false;
	*ret_n = n;
	return true;
}

static struct ap_result bad(const char *detail)
{
	return ap_fail(AP_ERR_PROTOCOL, "invalid", detail);
}

static struct ap_result get_numbers(struct ap_ledger *l, struct ap_db *db, const char *what, GHashTable *query,
				    char **ret_answer)
{
	uint64_t a, b;
	if (strcmp(what, "proof") == 0)
		return number(query, "leaf", &a) && number(query, "size", &b) ? ap_ledger_proof(l, db, a, b, ret_answer) :
										bad("give leaf and size");
	if (strcmp(what, "consistency") == 0)
		return number(query, "from", &a) && number(query, "to", &b) ? ap_ledger_consistency(l, db, a, b, ret_answer) :
									      bad("give from and to");
	if (strcmp(what, "leaves") == 0)
		return number(query, "from", &a) && number(query, "count", &b) ? ap_ledger_leaves(l, db, a, b, ret_answer) :
										 bad("give from and count");
	return ap_fail(AP_ERR_DENIED, "not-found", "key, checkpoint, cosigned, proof, consistency or leaves");
}

/* The signed notes and the key; "not-found" when it is none of them. */
static struct ap_result get_text(struct ap_ledger *l, struct ap_db *db, const char *what, char **ret_answer)
{
	uint64_t size;
	if (strcmp(what, "checkpoint") == 0)
		return ap_ledger_shown(l, db, ret_answer);
	if (strcmp(what, "cosigned") == 0)
		return ap_ledger_cosigned(l, db, 0, &size, ret_answer);
	*ret_answer = g_strconcat(ap_ledger_vkey(l), "\n", NULL);
	return AP_SUCCESS;
}

struct ap_result ap_ledger_get(struct ap_ledger *l, struct ap_db *db, bool bounded, const char *what, const char *query,
			       const char **ret_content_type, char **ret_answer)
{
	static const char *const texts[] = { "key", "checkpoint", "cosigned", NULL };
	if (g_strv_contains(texts, what)) {
		*ret_content_type = "text/plain; charset=utf-8";
		return get_text(l, db, what, ret_answer);
	}
	if (bounded && strcmp(what, "leaves") == 0 && !ap_ledger_may_page(l))
		return ap_fail(AP_ERR_LIMIT, "rate", "more leaves are asked for than are given at a time; wait a second");
	g_autoptr(GHashTable) parameters = query && *query ? g_uri_parse_params(query, -1, "&", G_URI_PARAMS_NONE, NULL) : NULL;
	*ret_content_type = "application/json";
	return get_numbers(l, db, what, parameters, ret_answer);
}
