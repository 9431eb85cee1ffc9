#include "recorder/gate/disk_watch.h"

#include <fcntl.h>
#include <glib.h>
#include <unistd.h>

#define EVERY_NS INT64_C(500000000)
#define SLOW_NS INT64_C(3000000000)
#define PROBE ".probe"

enum part { RECORDINGS, VAULT, PARTS };

struct look {
	bool good[PARTS];
	const char *trouble;
};

struct ap_disk_watch {
	struct ap_disk_setup setup;
	int vault; /* owned: its directory; -1 if it could not be opened */
	GThread *thread;

	GMutex lock; /* of what follows */
	GCond wake;
	bool wanted, end;
	int64_t begun_ns;	   /* of the last look */
	int64_t part_ns[PARTS];	   /* when its part of the look under way began; 0: not, or done */
	struct look last;
};

static int64_t now_ns(const struct ap_disk_watch *w)
{
	return ap_mono_ns(w->setup.clock);
}

/* ---- a look ---- */

static bool probe_vault(const struct ap_disk_watch *w)
{
	static const char bytes[512];
	int fd = openat(w->vault, PROBE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	bool good = write(fd, bytes, sizeof bytes) == sizeof bytes && fsync(fd) == 0;
	close(fd);
	return unlinkat(w->vault, PROBE, 0) == 0 && good;
}

static bool probe(const struct ap_disk_watch *w, enum part part, const char **trouble)
{
	uint64_t free_bytes = 0;
	bool good = part == VAULT ? probe_vault(w) : ap_ok(ap_blob_probe(w->setup.blob));
	if (!good)
		*trouble = "write";
	if (part == VAULT)
		return good;
	bool room = ap_ok(ap_blob_free_bytes(w->setup.blob, &free_bytes)) && free_bytes >= w->setup.floor;
	if (!room)
		*trouble = "floor";
	return good && room;
}

static void look(struct ap_disk_watch *w)
{
	struct look found = { .trouble = "none" };
	for (enum part part = RECORDINGS; part < PARTS; part++) {
		g_mutex_lock(&w->lock);
		int64_t begun = w->part_ns[part] = now_ns(w);
		g_mutex_unlock(&w->lock);
		bool good = probe(w, part, &found.trouble);
		g_mutex_lock(&w->lock);
		bool quick = now_ns(w) - begun < SLOW_NS;
		w->part_ns[part] = 0;
		g_mutex_unlock(&w->lock);
		found.good[part] = good && quick;
		if (!quick)
			found.trouble = "slow";
	}
	g_mutex_lock(&w->lock);
	w->last = found;
	g_mutex_unlock(&w->lock);
}

static gpointer run(gpointer data)
{
	struct ap_disk_watch *w = data;
	g_mutex_lock(&w->lock);
	while (!w->end) {
		if (!w->wanted) {
			g_cond_wait(&w->wake, &w->lock);
			continue;
		}
		g_mutex_unlock(&w->lock);
		look(w);
		g_mutex_lock(&w->lock);
		w->wanted = false;
	}
	g_mutex_unlock(&w->lock);
	return NULL;
}

/* ---- who asks ---- */

struct ap_disk_watch *ap_disk_watch_new(const struct ap_disk_setup *setup)
{
	struct ap_disk_watch *w = g_new0(struct ap_disk_watch, 1);
	uint64_t free_bytes = 0;
	w->setup = *setup;
	w->vault = open(setup->vault, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool room = ap_ok(ap_blob_free_bytes(setup->blob, &free_bytes)) && free_bytes >= setup->floor;
	w->last = (struct look){ { room, w->vault >= 0 }, room ? "none" : "floor" };
	g_mutex_init(&w->lock);
	g_cond_init(&w->wake);
	w->thread = g_thread_new("disk", run, w);
	return w;
}

void ap_disk_watch_free(struct ap_disk_watch *w)
{
	if (!w)
		return;
	g_mutex_lock(&w->lock);
	w->end = true;
	g_cond_signal(&w->wake);
	g_mutex_unlock(&w->lock);
	g_thread_join(w->thread);
	if (w->vault >= 0)
		close(w->vault);
	g_cond_clear(&w->wake);
	g_mutex_clear(&w->lock);
	g_free(w);
}

void ap_disk_watch_ask(struct ap_disk_watch *w)
{
	g_mutex_lock(&w->lock);
	if (!w->wanted && (w->begun_ns == 0 || now_ns(w) - w->begun_ns >= EVERY_NS)) {
		w->wanted = true;
		w->begun_ns = now_ns(w);
		g_cond_signal(&w->wake);
	}
	g_mutex_unlock(&w->lock);
}

/* With the lock held. */
static bool is_stuck(const struct ap_disk_watch *w, enum part part)
{
	return w->part_ns[part] && now_ns(w) - w->part_ns[part] >= SLOW_NS;
}

struct ap_disk_state ap_disk_watch_state(struct ap_disk_watch *w)
{
	g_mutex_lock(&w->lock);
	struct ap_disk_state state = { .storage = w->last.good[RECORDINGS] && !is_stuck(w, RECORDINGS),
				       .log = w->last.good[VAULT] && !is_stuck(w, VAULT) };
	g_mutex_unlock(&w->lock);
	return state;
}

const char *ap_disk_watch_trouble(struct ap_disk_watch *w)
{
	g_mutex_lock(&w->lock);
	bool stuck = is_stuck(w, RECORDINGS) || is_stuck(w, VAULT);
	const char *trouble = stuck ? "slow" : w->last.trouble;
	g_mutex_unlock(&w->lock);
	return trouble;
}
