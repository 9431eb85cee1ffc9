#include "recorder/db/group.h"

#define SETTLE_US 150 /* nobody came for so long: nobody is on the way */

/* One that waits, and what became of it. */
struct entry {
	struct ap_group_item item;
	struct ap_result r;
};

struct ap_group {
	struct ap_db *db;	     /* borrowed */
	struct ap_group_hooks hooks; /* borrowed */
	GArray *waiting;	     /* owned: struct entry */
	GSource *turn;		     /* owned: ready while somebody waits */
	/* state; times are monotonic */
	gint64 first_us, last_us; /* the first and the last of those who wait came */
	gint64 took_us;		  /* the last commit */
	gint64 crowded_until_us;  /* it had several callers: until then they may be back */
	bool committing;
};

/* ---- the source ---- */

struct turn {
	GSource source;
	struct ap_group *g;
};

/* Who was answered a moment ago is waited for while they keep coming. */
static bool more_may_come(const struct ap_group *g, gint64 now_us)
{
	gint64 most_us = MIN(g->took_us / 4, AP_GROUP_WAIT_MOST_US);
	return g->waiting->len < AP_GROUP_MOST && now_us < g->crowded_until_us && now_us < g->last_us + SETTLE_US &&
	       now_us < g->first_us + most_us;
}

static gboolean on_turn(GSource *source, GSourceFunc unused, void *data)
{
	struct ap_group *g = ((struct turn *)source)->g;
	(void)unused, (void)data;
	if (!more_may_come(g, g_get_monotonic_time())) /* else the loop goes round once more, and takes in who came */
		ap_group_commit(g);
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs turn_funcs = { .dispatch = on_turn };

/* Behind all that is ready by then: what came in meanwhile is to be in the group. */
static GSource *turn_new(struct ap_group *g)
{
	GSource *source = g_source_new(&turn_funcs, sizeof(struct turn));
	((struct turn *)source)->g = g;
	g_source_set_priority(source, G_PRIORITY_DEFAULT + 1);
	g_source_attach(source, g_main_context_get_thread_default());
	return source;
}

/* ---- the commit ---- */

/* A failure of the item is its own; one of what makes it a part is everybody's. */
static struct ap_result write_one(struct ap_group *g, struct entry *e)
{
	AP_TRY(ap_db_part_begin(g->db));
	e->r = e->item.write(e->item.data, g->db);
	struct ap_result finished = ap_db_part_finish(g->db, e->r);
	if (ap_ok(e->r))
		return finished;
	return ap_db_in_transaction(g->db) ? AP_SUCCESS : e->r; /* undone with all the others */
}

/* "ok" when the transaction lives; what of each became stands with it. */
static struct ap_result write_all(struct ap_group *g, GArray *entries, guint *ret_written)
{
	*ret_written = 0;
	for (guint i = 0; i < entries->len; i++) {
		struct entry *e = &g_array_index(entries, struct entry, i);
		AP_TRY(write_one(g, e));
		*ret_written += ap_ok(e->r);
	}
	return *ret_written > 0 && g->hooks.before ? g->hooks.before(g->hooks.ctx) : AP_SUCCESS;
}

static struct ap_result commit_all(struct ap_group *g, GArray *entries)
{
	guint written;
	AP_TRY(ap_db_begin(g->db));
	struct ap_result r = write_all(g, entries, &written);
	if (ap_ok(r) && written == 0) {
		ap_db_rollback(g->db);
		return AP_SUCCESS; /* each knows why */
	}
	return ap_db_finish(g->db, r);
}

static void tell(GArray *entries, struct ap_result all)
{
	for (guint i = 0; i < entries->len; i++) {
		struct entry *e = &g_array_index(entries, struct entry, i);
		e->item.done(e->item.data, ap_ok(all) ? e->r : all);
	}
}

static GArray *entries_new(void)
{
	return g_array_new(FALSE, FALSE, sizeof(struct entry));
}

/* The first of those who wait; the others stay. */
static GArray *take_some(struct ap_group *g)
{
	GArray *entries = entries_new();
	guint n = MIN(g->waiting->len, AP_GROUP_MOST);
	g_array_append_vals(entries, g->waiting->data, n);
	g_array_remove_range(g->waiting, 0, n);
	return entries;
}

static void commit_some(struct ap_group *g)
{
	g_autoptr(GArray) entries = take_some(g);
	gint64 begun_us = g_get_monotonic_time();
	g->committing = true;
	struct ap_result r = commit_all(g, entries);
	if (g->hooks.after)
		g->hooks.after(g->hooks.ctx, r);
	g->committing = false;
	gint64 now_us = g_get_monotonic_time();
	g->took_us = now_us - begun_us;
	g->crowded_until_us = entries->len > 1 ? now_us + 2 * g->took_us : 0;
	tell(entries, r);
}

void ap_group_commit(struct ap_group *g)
{
	guint left = g->committing ? 0 : g->waiting->len; /* who is added by those told is for the next turn */
	while (left > 0 && g->waiting->len > 0) {
		left -= MIN(left, AP_GROUP_MOST);
		commit_some(g);
	}
	if (g->waiting->len == 0)
		g_source_set_ready_time(g->turn, -1);
}

/* ---- coming and going ---- */

struct ap_group *ap_group_new(const struct ap_group_hooks *hooks)
{
	struct ap_group *g = g_new0(struct ap_group, 1);
	if (hooks)
		g->hooks = *hooks;
	g->waiting = entries_new();
	g->turn = turn_new(g);
	return g;
}

void ap_group_free(struct ap_group *g)
{
	if (!g)
		return;
	g_source_destroy(g->turn);
	g_source_unref(g->turn);
	tell(g->waiting, ap_fail(AP_ERR_IO, "vault-unavailable", "the vault is stopping; try again"));
	g_array_unref(g->waiting);
	g_free(g);
}

void ap_group_connect(struct ap_group *g, struct ap_db *db)
{
	g->db = db;
}

void ap_group_add(struct ap_group *g, const struct ap_group_item *item)
{
	const struct entry e = { *item, AP_SUCCESS };
	g->last_us = g_get_monotonic_time();
	if (g->waiting->len == 0)
		g->first_us = g->last_us;
	g_array_append_val(g->waiting, e);
	g_source_set_ready_time(g->turn, 0);
}

unsigned ap_group_waiting(const struct ap_group *g)
{
	return g->waiting->len;
}
