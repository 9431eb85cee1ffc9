/*
 * aparte ledger: the log's key and checkpoint, and its verification. A receipt is verified offline; the whole log is
 * fetched leaf by leaf, its tree built anew and compared with the signed checkpoint.
 */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/ledger_verify.h"

#include <recorder/ledger/checkpoint.h>
#include <recorder/ledger/leaf.h>
#include <recorder/ledger/merkle.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
	"key | checkpoint | verify [--vkey KEY] | verify --receipt FILE --vkey KEY [--statement FILE]";

#define PAGE 1000

/* Roots of the full subtrees that make up the tree so far, largest first: one per bit of `size`. */
struct frontier {
	struct ap_hash roots[AP_MERKLE_MAX];
	size_t count;
	uint64_t size;
};

static void frontier_add(struct frontier *f, struct ap_hash leaf_hash)
{
	for (uint64_t bits = f->size; bits & 1; bits >>= 1)
		leaf_hash = ap_merkle_node_hash(&f->roots[--f->count], &leaf_hash);
	f->roots[f->count++] = leaf_hash;
	f->size++;
}

static struct ap_hash frontier_root(const struct frontier *f)
{
	if (f->count == 0)
		return ap_merkle_empty_root();
	struct ap_hash root = f->roots[f->count - 1];
	for (size_t i = f->count - 1; i > 0; i--)
		root = ap_merkle_node_hash(&f->roots[i - 1], &root);
	return root;
}

static int failed(const char *why)
{
	fprintf(stderr, "The log does not verify: %s\n", why);
	return AP_EXIT_FAILED;
}

static bool add_leaves(struct frontier *f, JsonArray *leaves, uint64_t size)
{
	for (guint i = 0; i < json_array_get_length(leaves) && f->size < size; i++) {
		struct ap_leaf leaf;
		if (!ap_base64url_exact(json_array_get_string_element(leaves, i), leaf.b, sizeof leaf.b))
			return false;
		frontier_add(f, ap_leaf_hash(&leaf));
	}
	return true;
}

static bool fetch_leaves(struct ap_client *c, uint64_t size, struct frontier *f)
{
	while (f->size < size) {
		g_autoptr(JsonNode) answer = NULL;
		uint64_t before = f->size;
		g_autofree char *path =
			g_strdup_printf("/v1/ledger/leaves?from=%llu&count=%d", (unsigned long long)before, PAGE);
		if (!ap_client_call(c, "GET", path, NULL, &answer) ||
		    !add_leaves(f, json_object_get_array_member(json_node_get_object(answer), "leaves"), size) ||
		    f->size == before)
			return false;
		ap_client_progress("leaves", f->size, size);
	}
	return true;
}

static char *fetch_text(struct ap_client *c, const char *path)
{
	g_autoptr(GBytes) bytes = NULL;
	if (!ap_client_fetch(c, path, &bytes))
		return NULL;
	gsize len;
	const char *data = g_bytes_get_data(bytes, &len);
	return g_strndup(data, len);
}

static int tell(const struct ap_client_options *options, const struct ap_checkpoint *checkpoint, const char *vkey)
{
	g_autofree char *root = ap_hash_hex(&checkpoint->root);
	g_autofree char *size = g_strdup_printf("%llu", (unsigned long long)checkpoint->size);
	if (options->json) {
		g_autoptr(JsonNode) node =
			ap_client_object("origin", checkpoint->origin, "root", root, "key", vkey, NULL);
		json_object_set_boolean_member(json_node_get_object(node), "valid", TRUE);
		json_object_set_int_member(json_node_get_object(node), "tree_size", (gint64)checkpoint->size);
		ap_client_print_json(node);
	} else {
		printf("%s: %s leaves, root %s, signed by %s\n", checkpoint->origin, size, root, vkey);
	}
	return AP_EXIT_OK;
}

static int verify_log(struct ap_client *c, const struct ap_client_options *options, const char *pinned)
{
	struct ap_log_key key;
	struct ap_checkpoint checkpoint;
	struct frontier f = {0};
	g_autofree char *vkey = pinned ? g_strdup(pinned) : fetch_text(c, "/v1/ledger/key");
	g_autofree char *note = vkey ? fetch_text(c, "/v1/ledger/checkpoint") : NULL;
	if (!note)
		return AP_EXIT_FAILED;
	struct ap_result r = ap_log_key_parse(g_strstrip(vkey), &key);
	if (ap_ok(r))
		r = ap_checkpoint_verify(note, strlen(note), &key, &checkpoint);
	if (!ap_ok(r))
		return failed(r.detail);
	if (!fetch_leaves(c, checkpoint.size, &f))
		return failed("leaves are missing");
	struct ap_hash root = frontier_root(&f);
	if (!ap_hash_equal(&root, &checkpoint.root))
		return failed("the leaves give another root than the checkpoint");
	return tell(options, &checkpoint, vkey);
}

static int print_text(struct ap_client *c, const char *what)
{
	g_autofree char *path = g_strconcat("/v1/ledger/", what, NULL);
	g_autofree char *text = fetch_text(c, path);
	if (!text)
		return AP_EXIT_FAILED;
	fputs(text, stdout);
	return AP_EXIT_OK;
}

static int run(struct ap_client *c, const struct ap_client_options *options, int argc, char **argv, const char *vkey)
{
	const char *verb = argc == 2 ? argv[1] : "";
	if (strcmp(verb, "verify") == 0)
		return verify_log(c, options, vkey);
	if (strcmp(verb, "key") == 0 || strcmp(verb, "checkpoint") == 0)
		return print_text(c, verb);
	fprintf(stderr, "usage: aparte ledger %s\n", usage);
	return AP_EXIT_USAGE;
}

static bool wants_receipt(int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		if (g_str_has_prefix(argv[i], "--receipt"))
			return true;
	return false;
}

int ap_cmd_ledger(int argc, char **argv)
{
	g_autofree char *vkey = NULL;
	struct ap_client_options options = {0};
	const GOptionEntry entries[] = {
		{"vkey", 0, 0, G_OPTION_ARG_STRING, &vkey, "the log's key as you know it (else the one it shows)",
		 "KEY"},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	if (argc > 1 && strcmp(argv[1], "verify") == 0 && wants_receipt(argc, argv))
		return ap_cmd_ledger_verify(argc - 1, argv + 1);
	int status =
		ap_client_parse(&options, usage, "The log: its key, its checkpoint, and whether it holds together.",
				entries, &argc, &argv);
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, argc, argv, vkey);
		ap_client_free(c);
	}
	ap_client_options_clear(&options);
	return status;
}
