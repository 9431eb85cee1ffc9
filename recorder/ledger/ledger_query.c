#include "recorder/ledger/ledger.h"

#include <glib.h>
#include <string.h>

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
	return ap_fail(AP_ERR_DENIED, "not-found", "key, checkpoint, proof, consistency or leaves");
}

struct ap_result ap_ledger_get(struct ap_ledger *l, struct ap_db *db, const char *what, const char *query,
			       const char **ret_content_type, char **ret_answer)
{
	if (strcmp(what, "key") == 0) {
		*ret_content_type = "text/plain; charset=utf-8";
		*ret_answer = g_strconcat(ap_ledger_vkey(l), "\n", NULL);
		return AP_SUCCESS;
	}
	if (strcmp(what, "checkpoint") == 0) {
		*ret_content_type = "text/plain; charset=utf-8";
		return ap_ledger_checkpoint(l, db, ret_answer);
	}
	g_autoptr(GHashTable) parameters = query && *query ? g_uri_parse_params(query, -1, "&", G_URI_PARAMS_NONE, NULL) : NULL;
	*ret_content_type = "application/json";
	return get_numbers(l, db, what, parameters, ret_answer);
}
