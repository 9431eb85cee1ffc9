#include "cli/ledger_verify.h"

#include "cli/commands.h"

#include <glib.h>
#include <json-glib/json-glib.h>
#include <recorder/ledger/receipt.h>
#include <string.h>

struct options {
	char *receipt;
	char *vkey;
	char *statement;
	gboolean json;
};

static int failed(const char *subject, const char *reason)
{
	g_printerr("aparte ledger verify: %s: %s\n", subject, reason);
	return AP_EXIT_FAILED;
}

/* ---- telling ---- */

static void print_json(const struct ap_receipt_facts *facts, const char *until)
{
	g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), json_object_new());
	JsonObject *object = json_node_get_object(node);
	g_autofree char *leaf_hash = ap_hash_hex(&facts->leaf_hash);
	g_autofree char *root = ap_hash_hex(&facts->root);
	json_object_set_boolean_member(object, "valid", TRUE);
	json_object_set_int_member(object, "leaf_index", (gint64)facts->leaf_index);
	json_object_set_int_member(object, "tree_size", (gint64)facts->tree_size);
	json_object_set_int_member(object, "type", facts->type);
	json_object_set_string_member(object, "type_text", ap_leaf_type_text(facts->type));
	json_object_set_string_member(object, "leaf_hash", leaf_hash);
	json_object_set_string_member(object, "root", root);
	json_object_set_string_member(object, "body", facts->body);
	if (until)
		json_object_set_string_member(object, "unrecoverable_at", until);
	g_autofree char *text = json_to_string(node, FALSE);
	g_print("%s\n", text);
}

static void print_text(const struct ap_receipt_facts *facts, bool with_statement, const char *until)
{
	g_print("The log holds this: %s, leaf %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT ".\n",
		ap_leaf_type_text(facts->type), facts->leaf_index, facts->tree_size);
	if (with_statement)
		g_print("It is about the statement given.\n");
	g_print("%s\n", facts->body);
	if (until)
		g_print("The key that wrapped its shares was destroyed: no copy can be opened from %s on.\n", until);
}

/* ---- verifying ---- */

static JsonObject *object_in(JsonNode *node)
{
	return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static const char *text_in(JsonObject *o, const char *name)
{
	JsonNode *node = o ? json_object_get_member(o, name) : NULL;
	return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : "";
}

/* The key that the erasure waited for is the one that the turnover destroyed, and the date is the turnover's. */
static struct ap_result compare_bodies(const struct ap_receipt_facts *erased, const struct ap_receipt_facts *turned,
				       const char *told, char **ret_until)
{
	g_autoptr(JsonNode) one = json_from_string(erased->body, NULL), two = json_from_string(turned->body, NULL);
	const char *key = text_in(object_in(one), "kek_id"), *at = text_in(object_in(two), "unrecoverable_at");
	if (erased->type != AP_LEAF_ERASED || turned->type != AP_LEAF_KEY_TURNOVER || !*key || !*at ||
	    strcmp(key, text_in(object_in(two), "kek_id")) != 0 || strcmp(at, told) != 0)
		return ap_fail(AP_ERR_CRYPTO, "receipt-turnover", "the turnover beside it is not the one that this erasure waited for");
	*ret_until = g_strdup(at);
	return AP_SUCCESS;
}

/* A certificate's second part, where it has one (docs/FORMAT.md, Turnover). */
static struct ap_result check_turnover(const char *receipt, const struct ap_log_key *key, const struct ap_receipt_facts *erased,
				       char **ret_until)
{
	g_autoptr(JsonNode) node = json_from_string(receipt, NULL);
	JsonNode *second = object_in(node) ? json_object_get_member(object_in(node), "turnover") : NULL;
	struct ap_receipt_facts turned;
	if (!second)
		return AP_SUCCESS;
	g_autofree char *text = json_to_string(second, FALSE);
	AP_TRY(ap_receipt_verify(text, strlen(text), key, NULL, 0, &turned));
	struct ap_result r = compare_bodies(erased, &turned, text_in(object_in(node), "unrecoverable_at"), ret_until);
	ap_receipt_facts_clear(&turned);
	return r;
}

static int verify(const struct options *o, const struct ap_log_key *key, const char *receipt, gsize receipt_len)
{
	struct ap_receipt_facts facts;
	g_autofree char *statement = NULL;
	gsize statement_len = 0;
	if (o->statement && !g_file_get_contents(o->statement, &statement, &statement_len, NULL))
		return failed(o->statement, "cannot be read");
	struct ap_result result = ap_receipt_verify(receipt, receipt_len, key, statement, statement_len, &facts);
	if (!ap_ok(result))
		return failed(o->receipt, result.detail);
	g_autofree char *until = NULL;
	result = check_turnover(receipt, key, &facts, &until);
	if (!ap_ok(result)) {
		ap_receipt_facts_clear(&facts);
		return failed(o->receipt, result.detail);
	}
	if (o->json)
		print_json(&facts, until);
	else
		print_text(&facts, statement != NULL, until);
	ap_receipt_facts_clear(&facts);
	return AP_EXIT_OK;
}

static int run(const struct options *o)
{
	struct ap_log_key key;
	g_autofree char *receipt = NULL;
	gsize len = 0;
	if (!o->receipt || !o->vkey) {
		g_printerr("aparte ledger verify: --receipt FILE and --vkey KEY are needed\n");
		return AP_EXIT_USAGE;
	}
	struct ap_result result = ap_log_key_parse(o->vkey, &key);
	if (!ap_ok(result)) {
		g_printerr("aparte ledger verify: --vkey: %s\n", result.detail);
		return AP_EXIT_USAGE;
	}
	if (!g_file_get_contents(o->receipt, &receipt, &len, NULL))
		return failed(o->receipt, "cannot be read");
	return verify(o, &key, receipt, len);
}

int ap_cmd_ledger_verify(int argc, char **argv)
{
	struct options o = { 0 };
	gboolean help = FALSE;
	const GOptionEntry entries[] = {
		{ "receipt", 0, 0, G_OPTION_ARG_FILENAME, &o.receipt, "the receipt or certificate (JSON)", "FILE" },
		{ "vkey", 0, 0, G_OPTION_ARG_STRING, &o.vkey, "the log's verifier key, known from elsewhere", "KEY" },
		{ "statement", 0, 0, G_OPTION_ARG_FILENAME, &o.statement, "one's own statement: the receipt must be of it", "FILE" },
		{ "json", 0, 0, G_OPTION_ARG_NONE, &o.json, "answer as JSON", NULL },
		{ "help", 0, 0, G_OPTION_ARG_NONE, &help, "this text", NULL },
		G_OPTION_ENTRY_NULL,
	};
	g_set_prgname("aparte ledger");
	g_autoptr(GOptionContext) context = g_option_context_new("verify --receipt FILE --vkey KEY");
	g_autoptr(GError) error = NULL;
	g_option_context_set_summary(context, "Verifies offline that the log holds what a receipt or certificate says.");
	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_set_help_enabled(context, FALSE);
	int status = AP_EXIT_USAGE;
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		g_printerr("aparte ledger verify: %s\n", error->message);
	} else if (help) {
		g_autofree char *text = g_option_context_get_help(context, TRUE, NULL);
		g_print("%s", text);
		status = AP_EXIT_OK;
	} else if (argc > 1) {
		g_printerr("aparte ledger verify: no further words are expected\n");
	} else {
		status = run(&o);
	}
	g_free(o.receipt);
	g_free(o.vkey);
	g_free(o.statement);
	return status;
}
