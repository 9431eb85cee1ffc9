/*
 * How long the offline verification of a whole log takes: a saved log of made-up leaves, verified as `aparte ledger verify
 * --log` does, once as it is and once against an older checkpoint, then with one bit changed, which must be noticed.
 *
 *     bench_ledger [--leaves N] [--directory DIR] [--keep FILE]
 *
 * --keep leaves the good log there, for the command itself. Exit 1 when anything verifies that should not, or the reverse.
 */
#include <glib.h>
#include <glib/gstdio.h>
#include <recorder/ledger/leaf.h>
#include <recorder/ledger/log_file.h>
#include <string.h>

#define ORIGIN "bench.example/aparte/log/1"

struct bench {
	struct ap_secret *seed;
	struct ap_log_key key;
	char *path;
	gint64 leaves;
};

static struct ap_leaf leaf_at(guint64 i)
{
	struct ap_leaf leaf = { .b = { AP_LEAF_VERSION, (uint8_t)(1 + i % 15) } };
	struct ap_hash hash = ap_sha256(&i, sizeof i);
	memcpy(leaf.b + 2, hash.b, AP_HASH);
	return leaf;
}

static struct ap_checkpoint checkpoint_at(const struct ap_frontier *tree)
{
	struct ap_checkpoint c = { .size = tree->size, .root = ap_frontier_root(tree) };
	g_strlcpy(c.origin, ORIGIN, sizeof c.origin);
	return c;
}

/* The checkpoint stands before the leaves, so these are gone through twice. */
static bool write_log(const struct bench *b, struct ap_checkpoint *ret_older)
{
	struct ap_frontier tree = { 0 };
	for (gint64 i = 0; i < b->leaves; i++) {
		struct ap_leaf leaf = leaf_at((guint64)i);
		struct ap_hash hash = ap_leaf_hash(&leaf);
		ap_frontier_add(&tree, &hash);
		if (i == b->leaves / 3)
			*ret_older = checkpoint_at(&tree);
	}
	struct ap_checkpoint c = checkpoint_at(&tree);
	g_autofree char *note = NULL, *vkey = ap_log_key_text(&b->key);
	FILE *out = fopen(b->path, "wb");
	bool ok = out && ap_ok(ap_checkpoint_sign(&c, b->seed, &note)) && ap_ok(ap_log_file_begin(out, vkey, note));
	for (gint64 i = 0; ok && i < b->leaves; i++) {
		struct ap_leaf leaf = leaf_at((guint64)i);
		ok = fwrite(leaf.b, 1, AP_LEAF, out) == AP_LEAF;
	}
	return (!out || fclose(out) == 0) && ok;
}

static bool flip_a_bit(const struct bench *b)
{
	FILE *f = fopen(b->path, "r+b");
	bool ok = f && fseek(f, -(long)(b->leaves / 2 * AP_LEAF) - 5, SEEK_END) == 0;
	int byte = ok ? fgetc(f) : EOF;
	ok = ok && byte != EOF && fseek(f, -1, SEEK_CUR) == 0 && fputc(byte ^ 4, f) != EOF;
	return (!f || fclose(f) == 0) && ok;
}

static bool time_one(const struct bench *b, const char *what, const struct ap_checkpoint *older, const char *expected)
{
	struct ap_log_file *file = NULL;
	struct ap_checkpoint c;
	gint64 begun = g_get_monotonic_time();
	struct ap_result r = ap_log_file_open(b->path, &file);
	if (ap_ok(r))
		r = ap_log_file_verify(file, &b->key, older, &c, NULL);
	ap_log_file_close(file);
	g_print("%-38s %" G_GINT64_FORMAT " leaves  %6.2f s  %s\n", what, b->leaves, (double)(g_get_monotonic_time() - begun) / 1e6, r.name);
	return strcmp(r.name, expected) == 0;
}

static int run(struct bench *b, bool keep)
{
	struct ap_checkpoint older = { 0 };
	if (!write_log(b, &older)) {
		g_printerr("%s cannot be written\n", b->path);
		return 1;
	}
	bool ok = time_one(b, "verify a whole log offline", NULL, "ok");
	ok &= time_one(b, "and that it continues an older one", &older, "ok");
	older.root.b[0] ^= 1;
	ok &= time_one(b, "which it does not", &older, "log-older");
	if (!keep)
		ok &= flip_a_bit(b) && time_one(b, "with one bit changed in the middle", NULL, "log-root");
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct bench b = { .leaves = 1000000 };
	g_autofree char *directory = NULL, *keep = NULL;
	const GOptionEntry entries[] = {
		{ "leaves", 0, 0, G_OPTION_ARG_INT64, &b.leaves, "how many (else a million)", "N" },
		{ "directory", 0, 0, G_OPTION_ARG_FILENAME, &directory, "where (else the temporary directory)", "DIR" },
		{ "keep", 0, 0, G_OPTION_ARG_FILENAME, &keep, "leave the log in this file", "FILE" },
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_option_context_add_main_entries(context, entries, NULL);
	uint8_t bytes[32];
	memset(bytes, 7, sizeof bytes);
	if (!g_option_context_parse(context, &argc, &argv, NULL) || b.leaves < 10 || !ap_ok(ap_secret_init()))
		return 2;
	b.seed = ap_secret_from(bytes, sizeof bytes);
	if (!ap_ok(ap_log_key_from_seed(ORIGIN, b.seed, &b.key)))
		return 2;
	b.path = keep ? g_strdup(keep) : g_build_filename(directory ? directory : g_get_tmp_dir(), "aparte-bench-ledger", NULL);
	int status = run(&b, keep != NULL);
	if (!keep)
		(void)g_unlink(b.path);
	g_free(b.path);
	ap_secret_free(b.seed);
	return status;
}
