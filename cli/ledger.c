/*
 * aparte ledger: the log's key and checkpoints, who witnesses it, and its verification. Offline is what ledger_verify.c
 * holds; here is what is asked of the running instance or, with --url, of anybody's.
 */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/ledger_offline.h"
#include "cli/ledger_save.h"
#include "cli/ledger_source.h"
#include "cli/ledger_verify.h"

#include <recorder/ledger/consistency.h>
#include <recorder/ledger/frontier.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
	"key | checkpoint | cosigned | witnesses | save FILE | consistency --older FILE | verify [--vkey KEY] | "
	"verify (--receipt | --log | --consistency) FILE --vkey KEY …";

struct asked {
	/* borrowed */
	const struct ap_client_options *options;
	struct ap_ledger_source *source;
	/* owned */
	char *vkey, *url, *older;
	char **witnesses;
	/* as they are */
	int quorum;
};

static int failed(const char *why)
{
	fprintf(stderr, "The log does not verify: %s\n", why);
	return AP_EXIT_FAILED;
}

/* The key given, else the one that is shown; g_free. */
static char *key_for(const struct asked *a)
{
	char *shown = a->vkey ? g_strdup(a->vkey) : ap_ledger_source_text(a->source, "key");
	return shown ? g_strstrip(shown) : NULL;
}

static int verify_log(const struct asked *a)
{
	struct ap_ledger_pins pins;
	struct ap_checkpoint checkpoint;
	struct ap_frontier tree = { 0 };
	g_autofree char *vkey = key_for(a);
	if (!vkey || ap_ledger_pins_parse(vkey, a->witnesses, a->quorum, &pins) != AP_EXIT_OK)
		return AP_EXIT_FAILED;
	g_autofree char *note = ap_ledger_source_text(a->source, pins.quorum > 0 ? "cosigned" : "checkpoint");
	if (!note)
		return AP_EXIT_FAILED;
	struct ap_result r = ap_checkpoint_verify(note, strlen(note), &pins.key, &checkpoint);
	if (!ap_ok(r))
		return failed(r.detail);
	if (!ap_ledger_fetch_leaves(a->source, checkpoint.size, &tree, NULL))
		return failed("leaves are missing");
	struct ap_hash root = ap_frontier_root(&tree);
	if (!ap_hash_equal(&root, &checkpoint.root))
		return failed("the leaves give another root than the checkpoint");
	return ap_ledger_pins_hold(&pins, note) ? ap_ledger_tell(&checkpoint, NULL, note, &pins, a->options->json) : AP_EXIT_FAILED;
}

static bool read_hashes(JsonNode *answer, struct ap_hash *ret_hashes, size_t *ret_count)
{
	JsonNode *node = json_object_get_member(json_node_get_object(answer), "hashes");
	JsonArray *list = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
	if (!list || json_array_get_length(list) > AP_MERKLE_MAX)
		return false;
	*ret_count = json_array_get_length(list);
	for (guint i = 0; i < *ret_count; i++)
		if (!ap_base64_exact(json_array_get_string_element(list, i), ret_hashes[i].b, AP_HASH))
			return false;
	return true;
}

/* From a checkpoint or receipt that was kept to the log's newest: one text, which verifies offline. */
static int prove(const struct asked *a)
{
	struct ap_ledger_pins pins;
	struct ap_checkpoint older, newer;
	struct ap_hash hashes[AP_MERKLE_MAX];
	struct ap_consistency checked;
	size_t count = 0;
	g_autofree char *vkey = key_for(a), *old_note = NULL;
	if (!vkey || ap_ledger_pins_parse(vkey, NULL, 0, &pins) != AP_EXIT_OK ||
	    !ap_ledger_read_checkpoint(a->older, &pins.key, &older, &old_note))
		return AP_EXIT_FAILED;
	g_autofree char *note = ap_ledger_source_text(a->source, "checkpoint");
	if (!note || !ap_ok(ap_checkpoint_verify(note, strlen(note), &pins.key, &newer)))
		return failed("the newest checkpoint is not signed by its key");
	g_autofree char *what = g_strdup_printf("consistency?from=%" G_GUINT64_FORMAT "&to=%" G_GUINT64_FORMAT, older.size, newer.size);
	g_autoptr(JsonNode) answer = ap_ledger_source_object(a->source, what);
	if (!answer || !read_hashes(answer, hashes, &count))
		return failed("there is no proof from that checkpoint to the newest");
	g_autofree char *text = ap_consistency_build(old_note, note, hashes, count, vkey);
	struct ap_result r = ap_consistency_verify(text, strlen(text), &pins.key, &checked);
	if (!ap_ok(r))
		return failed(r.detail);
	ap_consistency_clear(&checked);
	puts(text);
	return AP_EXIT_OK;
}

static int print_text(const struct asked *a, const char *what)
{
	g_autofree char *text = ap_ledger_source_text(a->source, what);
	if (!text)
		return AP_EXIT_FAILED;
	fputs(text, stdout);
	return AP_EXIT_OK;
}

static int list_witnesses(const struct asked *a)
{
	static const char *const columns[] = { "name", "size", "at", "key", NULL };
	g_autoptr(JsonNode) answer = ap_ledger_source_object(a->source, "witnesses");
	if (!answer)
		return AP_EXIT_FAILED;
	ap_client_print_table(a->options, answer, "witnesses", columns);
	return AP_EXIT_OK;
}

static int run(const struct asked *a, int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	if (argc == 3 && strcmp(verb, "save") == 0)
		return ap_ledger_save(a->source, argv[2], a->vkey, a->options->json);
	if (argc == 2 && strcmp(verb, "verify") == 0)
		return verify_log(a);
	if (argc == 2 && strcmp(verb, "consistency") == 0 && a->older)
		return prove(a);
	if (argc == 2 && strcmp(verb, "witnesses") == 0)
		return list_witnesses(a);
	if (argc == 2 && (strcmp(verb, "key") == 0 || strcmp(verb, "checkpoint") == 0 || strcmp(verb, "cosigned") == 0))
		return print_text(a, verb);
	fprintf(stderr, "usage: aparte ledger %s\n", usage);
	return AP_EXIT_USAGE;
}

/* Proofs in files are verified without asking anyone. */
static bool is_offline(int argc, char **argv)
{
	static const char *const files[] = { "--receipt", "--log", "--consistency" };
	for (int i = 2; i < argc; i++)
		for (size_t k = 0; k < G_N_ELEMENTS(files); k++)
			if (g_str_has_prefix(argv[i], files[k]))
				return true;
	return false;
}

int ap_cmd_ledger(int argc, char **argv)
{
	struct ap_client_options options = { 0 };
	struct asked a = { .options = &options, .quorum = -1 };
	const GOptionEntry entries[] = {
		{ "vkey", 0, 0, G_OPTION_ARG_STRING, &a.vkey, "the log's key as you know it (else the one it shows)", "KEY" },
		{ "url", 0, 0, G_OPTION_ARG_STRING, &a.url, "ask a gateway or vault elsewhere, as outsiders do", "https://HOST" },
		{ "older", 0, 0, G_OPTION_ARG_FILENAME, &a.older, "consistency: a checkpoint or receipt kept from before", "FILE" },
		{ "witness", 0, 0, G_OPTION_ARG_STRING_ARRAY, &a.witnesses, "verify: a witness's key that must have cosigned (again for more)", "KEY" },
		{ "quorum", 0, 0, G_OPTION_ARG_INT, &a.quorum, "verify: how many of the witnesses (else all)", "N" },
		{ NULL, 0, 0, 0, NULL, NULL, NULL },
	};
	if (argc > 1 && strcmp(argv[1], "verify") == 0 && is_offline(argc, argv))
		return ap_cmd_ledger_verify(argc - 1, argv + 1);
	int status = ap_client_parse(&options, usage, "The log: its key, its checkpoints, its witnesses, and whether it holds together.",
				     entries, &argc, &argv);
	if (status < 0) {
		a.source = ap_ledger_source_new(&options, a.url);
		status = run(&a, argc, argv);
		ap_ledger_source_free(a.source);
	}
	g_free(a.vkey);
	g_free(a.url);
	g_free(a.older);
	g_strfreev(a.witnesses);
	ap_client_options_clear(&options);
	return status;
}
