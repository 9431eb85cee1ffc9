#include "cli/ledger_save.h"

#include "cli/commands.h"
#include "cli/ledger_offline.h"

#include <glib/gstdio.h>
#include <recorder/ledger/leaf.h>
#include <recorder/ledger/log_file.h>
#include <string.h>
#include <unistd.h>

#define PAGE 1000

struct saving {
	/* borrowed */
	struct ap_ledger_source *source;
	const char *path;
	/* owned */
	char *vkey, *note, *beside; /* beside: the file as it is written */
	/* state */
	struct ap_ledger_pins pins;
	struct ap_checkpoint old, new; /* old.size is 0 without a file */
	struct ap_frontier tree;       /* of what is there already */
};

static int failed(const char *subject, const char *why)
{
	fprintf(stderr, "aparte ledger save: %s: %s\n", subject, why);
	return AP_EXIT_FAILED;
}

/* ---- fetching ---- */

static bool add_page(JsonArray *leaves, uint64_t size, struct ap_frontier *tree, FILE *out)
{
	for (guint i = 0; i < json_array_get_length(leaves) && tree->size < size; i++) {
		struct ap_leaf leaf;
		if (!ap_base64url_exact(json_array_get_string_element(leaves, i), leaf.b, sizeof leaf.b))
			return false;
		struct ap_hash hash = ap_leaf_hash(&leaf);
		ap_frontier_add(tree, &hash);
		if (out && fwrite(leaf.b, 1, AP_LEAF, out) != AP_LEAF)
			return false;
	}
	return true;
}

static JsonArray *leaves_in(JsonNode *answer)
{
	JsonNode *leaves = answer ? json_object_get_member(json_node_get_object(answer), "leaves") : NULL;
	return leaves && JSON_NODE_HOLDS_ARRAY(leaves) ? json_node_get_array(leaves) : NULL;
}

bool ap_ledger_fetch_leaves(struct ap_ledger_source *s, uint64_t size, struct ap_frontier *tree, void *out)
{
	while (tree->size < size) {
		uint64_t before = tree->size;
		g_autofree char *what = g_strdup_printf("leaves?from=%" G_GUINT64_FORMAT "&count=%d", before, PAGE);
		g_autoptr(JsonNode) answer = ap_ledger_source_object(s, what);
		JsonArray *leaves = leaves_in(answer);
		if (!leaves || !add_page(leaves, size, tree, out) || tree->size == before)
			return false;
		ap_client_progress("leaves", tree->size, size);
	}
	return true;
}

/* ---- saving ---- */

/* The file that is there must hold together by itself before it is continued. */
static int read_old(struct saving *s, const char *pinned)
{
	struct ap_log_file *file = NULL;
	struct ap_result r = ap_log_file_open(s->path, &file);
	if (!ap_ok(r))
		return failed(s->path, r.detail);
	s->vkey = g_strdup(pinned ? pinned : ap_log_file_vkey(file));
	int status = ap_ledger_pins_parse(s->vkey, NULL, 0, &s->pins);
	if (status == AP_EXIT_OK) {
		r = ap_log_file_verify(file, &s->pins.key, NULL, &s->old, &s->tree);
		status = ap_ok(r) ? AP_EXIT_OK : failed(s->path, r.detail);
	}
	ap_log_file_close(file);
	return status;
}

static int begin(struct saving *s, const char *pinned)
{
	if (g_file_test(s->path, G_FILE_TEST_EXISTS))
		return read_old(s, pinned);
	g_autofree char *shown = pinned ? g_strdup(pinned) : ap_ledger_source_text(s->source, "key");
	if (!shown)
		return AP_EXIT_FAILED;
	s->vkey = g_strdup(g_strstrip(shown));
	return ap_ledger_pins_parse(s->vkey, NULL, 0, &s->pins);
}

static int fetch_checkpoint(struct saving *s)
{
	s->note = ap_ledger_source_text(s->source, "checkpoint");
	if (!s->note)
		return AP_EXIT_FAILED;
	struct ap_result r = ap_checkpoint_verify(s->note, strlen(s->note), &s->pins.key, &s->new);
	if (!ap_ok(r))
		return failed("the checkpoint shown", r.detail);
	return s->new.size >= s->old.size ? AP_EXIT_OK : failed(s->path, "holds more leaves than the log shows now: it was put back");
}

static bool write_all(struct saving *s, FILE *out)
{
	struct ap_log_file *file = NULL;
	if (!ap_ok(ap_log_file_begin(out, s->vkey, s->note)))
		return false;
	bool ok = true;
	if (s->old.size > 0)
		ok = ap_ok(ap_log_file_open(s->path, &file)) && ap_ok(ap_log_file_copy(file, out, s->old.size));
	ap_log_file_close(file);
	return ok && ap_ledger_fetch_leaves(s->source, s->new.size, &s->tree, out);
}

/* Durable, and the leaves give the root? 1: yes, 0: another root, -1: not written or not all there. */
static int write_beside(struct saving *s)
{
	FILE *out = fopen(s->beside, "wbe");
	if (!out)
		return -1;
	bool written = write_all(s, out);
	written &= fflush(out) == 0 && fsync(fileno(out)) == 0;
	written &= fclose(out) == 0;
	struct ap_hash root = ap_frontier_root(&s->tree);
	return !written ? -1 : ap_hash_equal(&root, &s->new.root);
}

/* The older file's leaves do not lead to what is signed now. All of the log shown now is fetched and kept beside: both are
 * signed, and no tree has both. */
static int refuse(struct saving *s)
{
	g_autofree char *kept = g_strdup_printf("%s.other-%" G_GUINT64_FORMAT, s->path, s->new.size);
	bool forked = s->old.size > 0;
	s->old.size = 0;
	s->tree = (struct ap_frontier){ 0 };
	if (!forked || write_beside(s) != 1 || g_rename(s->beside, kept) != 0)
		return failed(s->beside, "the leaves give another root than the checkpoint");
	fprintf(stderr, "aparte ledger save: %s: the log shown now is not the one saved there: it was rewritten or forked. "
			"Keep both this file and %s.\n", s->path, kept);
	return AP_EXIT_FAILED;
}

static int write_file(struct saving *s)
{
	int fits = write_beside(s);
	if (fits == 0)
		return refuse(s);
	if (fits == 1 && g_rename(s->beside, s->path) == 0)
		return AP_EXIT_OK;
	(void)g_unlink(s->beside); /* the old one is whole */
	return failed(s->path, "leaves are missing, or it cannot be written; what was there is unchanged");
}

int ap_ledger_save(struct ap_ledger_source *source, const char *path, const char *pinned, bool json)
{
	struct saving s = { .source = source, .path = path, .beside = g_strconcat(path, ".new", NULL) };
	int status = begin(&s, pinned);
	if (status == AP_EXIT_OK)
		status = fetch_checkpoint(&s);
	if (status == AP_EXIT_OK)
		status = write_file(&s);
	if (status == AP_EXIT_OK)
		status = ap_ledger_tell(&s.new, s.old.size > 0 ? &s.old : NULL, s.note, &s.pins, json);
	g_free(s.vkey);
	g_free(s.note);
	g_free(s.beside);
	return status;
}
