#include "recorder/recording/vouched.h"

#include <string.h>

#define MOST 16 /* tracks: a third of a MiB each for an hour */

struct entry {
	struct ap_uuid recording;
	enum ap_role role;
	char *manifest; /* owned */
	GBytes *signature, *segments;
};

struct ap_vouched {
	GMutex lock;
	GQueue entries; /* owned: struct entry, the last asked for first */
};

static void entry_free(void *data)
{
	struct entry *e = data;
	g_free(e->manifest);
	g_bytes_unref(e->signature);
	g_bytes_unref(e->segments);
	g_free(e);
}

struct ap_vouched *ap_vouched_new(void)
{
	struct ap_vouched *m = g_new0(struct ap_vouched, 1);
	g_mutex_init(&m->lock);
	g_queue_init(&m->entries);
	return m;
}

void ap_vouched_free(struct ap_vouched *m)
{
	if (!m)
		return;
	g_queue_clear_full(&m->entries, entry_free);
	g_mutex_clear(&m->lock);
	g_free(m);
}

static bool same_bytes(GBytes *kept, const void *bytes, size_t len)
{
	gsize n;
	const void *data = g_bytes_get_data(kept, &n);
	return n == len && (len == 0 || memcmp(data, bytes, len) == 0);
}

static size_t length_of(const GArray *segments)
{
	return segments->len * sizeof(struct ap_segment_row);
}

static bool is_same(const struct entry *e, const struct ap_vouched_track *t)
{
	return same_bytes(e->signature, t->signature, 64) && same_bytes(e->segments, t->segments->data, length_of(t->segments)) &&
	       strcmp(e->manifest, t->manifest) == 0;
}

static GList *find(struct ap_vouched *m, const struct ap_vouched_track *t)
{
	for (GList *at = m->entries.head; at; at = at->next) {
		const struct entry *e = at->data;
		if (e->role == t->role && ap_uuid_equal(&e->recording, t->recording))
			return at;
	}
	return NULL;
}

bool ap_vouched_holds(struct ap_vouched *m, const struct ap_vouched_track *track)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&m->lock);
	GList *at = find(m, track);
	if (!at || !is_same(at->data, track))
		return false;
	g_queue_unlink(&m->entries, at);
	g_queue_push_head_link(&m->entries, at);
	return true;
}

void ap_vouched_note(struct ap_vouched *m, const struct ap_vouched_track *track)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&m->lock);
	struct entry *e = g_new0(struct entry, 1);
	*e = (struct entry){ .recording = *track->recording,
			     .role = track->role,
			     .manifest = g_strdup(track->manifest),
			     .signature = g_bytes_new(track->signature, 64),
			     .segments = g_bytes_new(track->segments->data, length_of(track->segments)) };
	GList *old = find(m, track);
	if (!old && m->entries.length >= MOST)
		old = m->entries.tail;
	if (old) {
		entry_free(old->data);
		g_queue_delete_link(&m->entries, old);
	}
	g_queue_push_head(&m->entries, e);
}
