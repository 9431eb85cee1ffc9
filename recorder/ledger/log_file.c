#include <recorder/ledger/log_file.h>

#include <glib.h>
#include <recorder/ledger/leaf.h>
#include <string.h>

#define FIRST_LINE "aparte-log/v1\n"
#define VKEY_MAX (AP_ORIGIN_MAX + 64)

struct ap_log_file {
	/* owned */
	FILE *in;
	char *vkey;
	char *note;
};

static struct ap_result bad(const char *detail)
{
	return ap_fail(AP_ERR_PROTOCOL, "log-file", detail);
}

/* One line of at most max bytes, its newline taken off; false at the end or when it is longer. */
static bool read_line(FILE *in, char *line, int max)
{
	if (!fgets(line, max, in) || !g_str_has_suffix(line, "\n"))
		return false;
	line[strlen(line) - 1] = '\0';
	return true;
}

static struct ap_result read_head(struct ap_log_file *f)
{
	char first[sizeof FIRST_LINE], vkey[VKEY_MAX], length[24];
	guint64 len = 0;
	if (!fgets(first, sizeof first, f->in) || strcmp(first, FIRST_LINE) != 0)
		return bad("not a saved log");
	if (!read_line(f->in, vkey, sizeof vkey) || !read_line(f->in, length, sizeof length) ||
	    !g_ascii_string_to_unsigned(length, 10, 1, AP_CHECKPOINT_MAX, &len, NULL))
		return bad("the key or the checkpoint's length is missing");
	f->vkey = g_strdup(vkey);
	f->note = g_malloc0(len + 1);
	return fread(f->note, 1, len, f->in) == len ? AP_SUCCESS : bad("cut short in its checkpoint");
}

struct ap_result ap_log_file_open(const char *path, struct ap_log_file **ret_file)
{
	FILE *in = fopen(path, "rbe");
	return in ? ap_log_file_from(in, ret_file) : ap_fail(AP_ERR_IO, "log-file", "cannot be read");
}

struct ap_result ap_log_file_from(FILE *in, struct ap_log_file **ret_file)
{
	struct ap_log_file *f = g_new0(struct ap_log_file, 1);
	f->in = in;
	struct ap_result r = read_head(f);
	if (!ap_ok(r)) {
		ap_log_file_close(f);
		return r;
	}
	*ret_file = f;
	return AP_SUCCESS;
}

void ap_log_file_close(struct ap_log_file *f)
{
	if (!f)
		return;
	if (f->in)
		(void)fclose(f->in); /* only read */
	g_free(f->vkey);
	g_free(f->note);
	g_free(f);
}

const char *ap_log_file_vkey(const struct ap_log_file *f)
{
	return f->vkey;
}

const char *ap_log_file_note(const struct ap_log_file *f)
{
	return f->note;
}

struct ap_result ap_log_file_add(struct ap_log_file *f, struct ap_frontier *tree, uint64_t upto)
{
	struct ap_leaf leaf;
	while (tree->size < upto) {
		if (fread(leaf.b, 1, AP_LEAF, f->in) != AP_LEAF)
			return bad("cut short: leaves are missing");
		struct ap_hash hash = ap_leaf_hash(&leaf);
		ap_frontier_add(tree, &hash);
	}
	return AP_SUCCESS;
}

static struct ap_result pass_older(struct ap_log_file *f, struct ap_frontier *tree, const struct ap_checkpoint *older,
				   uint64_t size)
{
	if (older->size > size)
		return ap_fail(AP_ERR_CRYPTO, "log-older", "the older checkpoint knows more leaves than this log has");
	AP_TRY(ap_log_file_add(f, tree, older->size));
	struct ap_hash root = ap_frontier_root(tree);
	return ap_hash_equal(&root, &older->root)
		       ? AP_SUCCESS
		       : ap_fail(AP_ERR_CRYPTO, "log-older", "not the log that the older checkpoint is of: it was rewritten or forked");
}

struct ap_result ap_log_file_verify(struct ap_log_file *f, const struct ap_log_key *key, const struct ap_checkpoint *older,
				    struct ap_checkpoint *ret_checkpoint, struct ap_frontier *ret_tree)
{
	struct ap_checkpoint c;
	struct ap_frontier tree = { 0 };
	AP_TRY(ap_checkpoint_verify(f->note, strlen(f->note), key, &c));
	if (older)
		AP_TRY(pass_older(f, &tree, older, c.size));
	AP_TRY(ap_log_file_add(f, &tree, c.size));
	if (fgetc(f->in) != EOF)
		return bad("there is more behind its last leaf");
	struct ap_hash root = ap_frontier_root(&tree);
	if (!ap_hash_equal(&root, &c.root))
		return ap_fail(AP_ERR_CRYPTO, "log-root", "the leaves give another root than the checkpoint");
	*ret_checkpoint = c;
	if (ret_tree)
		*ret_tree = tree;
	return AP_SUCCESS;
}

struct ap_result ap_log_file_copy(struct ap_log_file *f, FILE *out, uint64_t leaves)
{
	struct ap_leaf leaf;
	for (uint64_t i = 0; i < leaves; i++) {
		if (fread(leaf.b, 1, AP_LEAF, f->in) != AP_LEAF)
			return bad("cut short: leaves are missing");
		if (fwrite(leaf.b, 1, AP_LEAF, out) != AP_LEAF)
			return ap_fail(AP_ERR_IO, "log-file", "cannot be written");
	}
	return AP_SUCCESS;
}

struct ap_result ap_log_file_begin(FILE *out, const char *vkey, const char *note)
{
	int written = fprintf(out, FIRST_LINE "%s\n%zu\n%s", vkey, strlen(note), note);
	return written > 0 ? AP_SUCCESS : ap_fail(AP_ERR_IO, "log-file", "cannot be written");
}
