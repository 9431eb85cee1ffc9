#include "cli/ledger_verify.h"

#include "cli/commands.h"
#include "cli/ledger_offline.h"

#include <glib.h>
#include <json-glib/json-glib.h>
#include <recorder/ledger/receipt.h>
#include <string.h>

struct options {
	/* owned */
	char *receipt, *log, *consistency; /* one of them */
	char *vkey;
	char *statement;
	char *older, *newer;
	char **witnesses;
	/* as they are */
	int quorum; /* -1: all witnesses given */
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

/* What the proofs of the receipt stand under, for the witnesses. */
static bool cosigned(const char *receipt, const struct ap_ledger_pins *pins)
{
	g_autoptr(JsonNode) node = json_from_string(receipt, NULL);
	return ap_ledger_pins_hold(pins, text_in(object_in(node), "checkpoint"));
}

static int verify(const struct options *o, const struct ap_ledger_pins *pins, const char *receipt, gsize receipt_len)
{
	struct ap_receipt_facts facts;
	g_autofree char *statement = NULL;
	gsize statement_len = 0;
	if (o->statement && !g_file_get_contents(o->statement, &statement, &statement_len, NULL))
		return failed(o->statement, "cannot be read");
	struct ap_result result = ap_receipt_verify(receipt, receipt_len, &pins->key, statement, statement_len, &facts);
	if (!ap_ok(result))
		return failed(o->receipt, result.detail);
	g_autofree char *until = NULL;
	result = check_turnover(receipt, &pins->key, &facts, &until);
	int status = ap_ok(result) ? AP_EXIT_OK : failed(o->receipt, result.detail);
	if (status == AP_EXIT_OK && !cosigned(receipt, pins))
		status = AP_EXIT_FAILED;
	if (status == AP_EXIT_OK && o->json)
		print_json(&facts, until);
	else if (status == AP_EXIT_OK)
		print_text(&facts, statement != NULL, until);
	ap_receipt_facts_clear(&facts);
	return status;
}

static int verify_receipt(const struct options *o, const struct ap_ledger_pins *pins)
{
	g_autofree char *receipt = NULL;
	gsize len = 0;
	if (!g_file_get_contents(o->receipt, &receipt, &len, NULL))
		return failed(o->receipt, "cannot be read");
	return verify(o, pins, receipt, len);
}

static int run(const struct options *o)
{
	struct ap_ledger_pins pins;
	if (!o->receipt + !o->log + !o->consistency != 2 || !o->vkey) {
		g_printerr("aparte ledger verify: one of --receipt, --log and --consistency, and --vkey KEY are needed\n");
		return AP_EXIT_USAGE;
	}
	int status = ap_ledger_pins_parse(o->vkey, o->witnesses, o->quorum, &pins);
	if (status != AP_EXIT_OK)
		return status;
	if (o->log)
		return ap_ledger_verify_log(o->log, o->older, &pins, o->json);
	if (o->consistency)
		return ap_ledger_verify_consistency(o->consistency, o->older, o->newer, &pins, o->json);
	return verify_receipt(o, &pins);
}

static void options_clear(struct options *o)
{
	char *texts[] = { o->receipt, o->log, o->consistency, o->vkey, o->statement, o->older, o->newer };
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	g_strfreev(o->witnesses);
}

int ap_cmd_ledger_verify(int argc, char **argv)
{
	struct options o = { .quorum = -1 };
	gboolean help = FALSE;
	const GOptionEntry entries[] = {
		{ "receipt", 0, 0, G_OPTION_ARG_FILENAME, &o.receipt, "the receipt or certificate (JSON)", "FILE" },
		{ "log", 0, 0, G_OPTION_ARG_FILENAME, &o.log, "a whole log, saved by aparte ledger save", "FILE" },
		{ "consistency", 0, 0, G_OPTION_ARG_FILENAME, &o.consistency, "a proof by aparte ledger consistency", "FILE" },
		{ "vkey", 0, 0, G_OPTION_ARG_STRING, &o.vkey, "the log's verifier key, known from elsewhere", "KEY" },
		{ "statement", 0, 0, G_OPTION_ARG_FILENAME, &o.statement, "one's own statement: the receipt must be of it", "FILE" },
		{ "older", 0, 0, G_OPTION_ARG_FILENAME, &o.older, "a checkpoint or receipt kept from before: the log must continue it", "FILE" },
		{ "newer", 0, 0, G_OPTION_ARG_FILENAME, &o.newer, "the checkpoint or receipt that a consistency proof leads to", "FILE" },
		{ "witness", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o.witnesses, "a witness's verifier key that must have cosigned (again for more)", "KEY" },
		{ "quorum", 0, 0, G_OPTION_ARG_INT, &o.quorum, "how many of the witnesses (else all)", "N" },
		{ "json", 0, 0, G_OPTION_ARG_NONE, &o.json, "answer as JSON", NULL },
		{ "help", 0, 0, G_OPTION_ARG_NONE, &help, "this text", NULL },
		G_OPTION_ENTRY_NULL,
	};
	g_set_prgname("aparte ledger");
	g_autoptr(GOptionContext) context = g_option_context_new("verify (--receipt | --log | --consistency) FILE --vkey KEY");
	g_autoptr(GError) error = NULL;
	g_option_context_set_summary(context, "Verifies offline a receipt or certificate, the whole log, or that it was only added to.");
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
	options_clear(&o);
	return status;
}
