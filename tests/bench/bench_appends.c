/*
 * Durable appends to the log a second: writers that each wait for the answer to one before they ask for the next, through the
 * vault's own queue, group commit and log, on a disk. Beside it, in the same minute, how often that disk syncs a page.
 *
 *     bench_appends [--writers 16] [--seconds 5] [--directory DIR]
 *
 * One line of JSON: {"bench":"appends","writers","seconds","appends_per_s","alone_per_s","fsyncs_per_s","per_fsync","group",
 * "p50_ms","p99_ms","verified"}. `alone_per_s`: one writer. `group`: leaves in a transaction, on average. `per_fsync`:
 * appends_per_s / fsyncs_per_s. Exit 1 when a leaf that was answered is not there after the vault was opened again, or the
 * tree is not whole.
 */
#include "recorder/db/db_ledger.h"
#include "recorder/db/group.h"
#include "recorder/vault.h"

#include <aparte/log.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WRITERS_MOST 256
#define SYNC_US 1000000 /* how long syncs are counted, before and after */

struct bench {
	struct ap_config *config;
	struct ap_vault *v;
	struct ap_group *group;
	char *home;
	GMainLoop *loop;
	gint stop; /* atomic */
	guint64 groups, written;
};

/* One writer's wish, and its answer. */
struct writer {
	struct bench *b;
	GThread *thread;
	GMutex lock;
	GCond answered;
	bool there;
	struct ap_result r;
	guint64 number, leaf;
	GArray *took_us; /* gint64, of each append */
	GArray *leaves;	 /* guint64, answered */
};

static void must(struct ap_result r, const char *what)
{
	if (ap_ok(r))
		return;
	fprintf(stderr, "bench_appends: %s: %s, %s\n", what, r.name, r.detail);
	exit(1);
}

/* ---- the disk ---- */

static double syncs_per_second(const char *directory)
{
	static const char page[4096];
	g_autofree char *path = g_build_filename(directory, "fsync", NULL);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	gint64 begun = g_get_monotonic_time(), now = begun;
	off_t n = 0;
	for (; now < begun + SYNC_US; n++) {
		if (pwrite(fd, page, sizeof page, n * (off_t)sizeof page) < 0 || fdatasync(fd) != 0)
			must(ap_fail(AP_ERR_IO, "disk", "cannot be written"), path);
		now = g_get_monotonic_time();
	}
	close(fd);
	g_unlink(path);
	return (double)n * 1e6 / (double)(now - begun);
}

/* ---- writing ---- */

static struct ap_result write_leaf(void *data, struct ap_db *db)
{
	struct writer *w = data;
	JsonObject *body = json_object_new();
	json_object_set_string_member(body, "event", "ConsentGiven");
	json_object_set_string_member(body, "record_id", "6f1d0a2e-0c5b-4f62-9c53-0b4a0f2f7a11");
	json_object_set_int_member(body, "number", (gint64)w->number);
	return ap_ledger_append(ap_vault_ledger(w->b->v), db, AP_LEAF_CONSENT, body, &w->leaf);
}

static void on_written(void *data, struct ap_result r)
{
	struct writer *w = data;
	g_mutex_lock(&w->lock);
	w->r = r;
	w->there = true;
	g_cond_signal(&w->answered);
	g_mutex_unlock(&w->lock);
}

static void add(struct ap_vault *v, void *data)
{
	struct writer *w = data;
	(void)v;
	ap_group_add(w->b->group, &(struct ap_group_item){ write_leaf, on_written, w });
}

static void append_one(struct writer *w)
{
	gint64 begun = g_get_monotonic_time();
	w->there = false;
	w->number++;
	ap_vault_on_main(w->b->v, add, w, NULL);
	g_mutex_lock(&w->lock);
	while (!w->there)
		g_cond_wait(&w->answered, &w->lock);
	g_mutex_unlock(&w->lock);
	must(w->r, "an append");
	gint64 took = g_get_monotonic_time() - begun;
	g_array_append_val(w->took_us, took);
	g_array_append_val(w->leaves, w->leaf);
}

static gpointer write_on(gpointer data)
{
	struct writer *w = data;
	while (!g_atomic_int_get(&w->b->stop))
		append_one(w);
	return NULL;
}

static void count_group(void *ctx, struct ap_result r)
{
	struct bench *b = ctx;
	b->groups += ap_ok(r);
}

static gboolean on_time(void *data)
{
	struct bench *b = data;
	g_atomic_int_set(&b->stop, 1);
	return G_SOURCE_REMOVE;
}

/* They wait for this thread's answers: it goes round until all have ended. */
struct ending {
	struct bench *b;
	struct writer *writers;
	gint count;
};

static gpointer await_all(gpointer data)
{
	struct ending *e = data;
	for (gint i = 0; i < e->count; i++)
		g_thread_join(e->writers[i].thread);
	g_main_loop_quit(e->b->loop);
	return NULL;
}

static double run(struct bench *b, struct writer *writers, gint count, double seconds)
{
	struct ending e = { b, writers, count };
	b->stop = 0;
	b->groups = 0;
	gint64 begun = g_get_monotonic_time();
	for (gint i = 0; i < count; i++) {
		struct writer *w = &writers[i];
		*w = (struct writer){ .b = b,
				      .took_us = g_array_new(FALSE, FALSE, sizeof(gint64)),
				      .leaves = g_array_new(FALSE, FALSE, sizeof(guint64)) };
		g_mutex_init(&w->lock);
		g_cond_init(&w->answered);
		w->thread = g_thread_new("writer", write_on, w);
	}
	g_timeout_add((guint)(seconds * 1e3), on_time, b);
	GThread *joiner = g_thread_new("joiner", await_all, &e);
	g_main_loop_run(b->loop);
	g_thread_join(joiner);
	return (double)(g_get_monotonic_time() - begun) / 1e6;
}

/* ---- what came of it ---- */

static int compare(const void *a, const void *b)
{
	gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;
	return (x > y) - (x < y);
}

static double percentile_ms(GArray *sorted, double share)
{
	return sorted->len ? (double)g_array_index(sorted, gint64, (guint)((double)(sorted->len - 1) * share)) / 1e3 : 0;
}

static GArray *all_of(const struct writer *writers, gint count, bool leaves)
{
	GArray *all = g_array_new(FALSE, FALSE, sizeof(gint64));
	for (gint i = 0; i < count; i++) {
		GArray *part = leaves ? writers[i].leaves : writers[i].took_us;
		if (part->len > 0)
			g_array_append_vals(all, part->data, part->len);
	}
	g_array_sort(all, compare);
	return all;
}

static void open_vault(struct bench *b)
{
	struct ap_vault_setup setup = { .config = b->config, .clock = ap_clock_system(), .home = b->home };
	must(ap_vault_open(&setup, &b->v), "opening the vault");
}

/* Each leaf that was answered lies there once the vault was opened anew, and the tree over them is whole. */
static bool verify(struct bench *b, const GArray *leaves)
{
	uint64_t size = 0;
	bool whole = false;
	ap_vault_free(b->v);
	open_vault(b);
	must(ap_db_ledger_size(ap_vault_db(b->v), &size), "the log's size");
	must(ap_db_ledger_whole(ap_vault_db(b->v), 0, &whole), "the log");
	for (guint i = 1; i < leaves->len; i++)
		whole &= g_array_index(leaves, guint64, i) == g_array_index(leaves, guint64, i - 1) + 1;
	return whole && !ap_ledger_stopped(ap_vault_ledger(b->v)) && leaves->len > 0 &&
	       size == g_array_index(leaves, guint64, leaves->len - 1) + 1;
}

static void forget(struct writer *writers, gint count)
{
	for (gint i = 0; i < count; i++) {
		g_array_unref(writers[i].took_us);
		g_array_unref(writers[i].leaves);
		g_mutex_clear(&writers[i].lock);
		g_cond_clear(&writers[i].answered);
	}
}

static int measure(struct bench *b, gint count, double seconds, const char *directory)
{
	static struct writer writers[WRITERS_MOST];
	const struct ap_group_hooks hooks = { .after = count_group, .ctx = b };
	open_vault(b);
	b->group = ap_group_new(&hooks);
	ap_group_connect(b->group, ap_vault_db(b->v));
	double syncs = syncs_per_second(directory);
	double alone_s = run(b, writers, 1, MIN(seconds, 2)), alone = writers[0].took_us->len / alone_s;
	forget(writers, 1);
	double took = run(b, writers, count, seconds);
	syncs = (syncs + syncs_per_second(directory)) / 2;
	ap_group_free(b->group);
	g_autoptr(GArray) times = all_of(writers, count, false), leaves = all_of(writers, count, true);
	bool good = verify(b, leaves);
	double rate = times->len / took;
	printf("{\"bench\":\"appends\",\"writers\":%d,\"seconds\":%.2f,\"appends_per_s\":%.0f,\"alone_per_s\":%.0f,"
	       "\"fsyncs_per_s\":%.0f,\"per_fsync\":%.1f,\"group\":%.1f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"verified\":%s}\n",
	       count, took, rate, alone, syncs, rate / syncs, (double)times->len / (double)MAX(b->groups, 1),
	       percentile_ms(times, 0.5), percentile_ms(times, 0.99), good ? "true" : "false");
	forget(writers, count);
	ap_vault_free(b->v);
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct bench b = { .config = ap_config_new(), .loop = g_main_loop_new(NULL, FALSE) };
	gint writers = 16;
	gdouble seconds = 5;
	g_autofree char *directory = NULL;
	const GOptionEntry entries[] = {
		{ "writers", 0, 0, G_OPTION_ARG_INT, &writers, "how many ask at once (16)", "N" },
		{ "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &seconds, "for how long (5)", "S" },
		{ "directory", 0, 0, G_OPTION_ARG_FILENAME, &directory, "on the disk to measure (here)", "DIR" },
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- durable appends to the log, timed");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, NULL) || writers < 1 || writers > WRITERS_MOST)
		return 2;
	must(ap_secret_init(), "libsodium");
	ap_log_init("bench", AP_LOG_ERROR);
	g_autofree char *absolute = g_canonicalize_filename(directory ? directory : ".", NULL);
	g_autofree char *there = g_build_filename(absolute, "bench-appends-XXXXXX", NULL);
	if (!g_mkdtemp(there))
		must(ap_fail(AP_ERR_IO, "directory", "cannot be made"), there);
	b.home = g_build_filename(there, "home", NULL);
	int status = measure(&b, writers, seconds, there);
	g_spawn_sync(NULL, (char *[]){ (char *)"rm", (char *)"-rf", there, NULL }, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
		     NULL, NULL);
	g_main_loop_unref(b.loop);
	g_free(b.home);
	ap_config_free(b.config);
	return status;
}
