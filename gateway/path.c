#include "gateway/path.h"

#include <aparte/buf.h>
#include <glib.h>

enum { FIRST_SIZE = 64 };

/* UDP only: what identifies a path, without holes, so that it compares and hashes as words. */
struct key {
	uint64_t remote[2], local[2], port;
};

struct slot {
	struct key key;
	struct ap_leg *leg; /* borrowed; NULL: free */
};

struct ap_path_table {
	uint64_t seed;
	size_t size, used; /* size is a power of two */
	struct slot *slots;
};

socklen_t ap_path_remote_len(const struct ap_path *path)
{
	return path->remote.sa.sa_family == AF_INET6 ? sizeof path->remote.v6 : sizeof path->remote.v4;
}

void ap_path_remote(const struct ap_path *path, struct sockaddr_storage *ret_remote)
{
	*ret_remote = (struct sockaddr_storage){0};
	ap_copy(ret_remote, sizeof *ret_remote, &path->remote, ap_path_remote_len(path));
}

static struct key key_of(const struct ap_path *path)
{
	struct key key = {0};
	if (path->remote.sa.sa_family == AF_INET6) {
		ap_copy(key.remote, sizeof key.remote, &path->remote.v6.sin6_addr, 16);
		ap_copy(key.local, sizeof key.local, &path->local.v6, 16);
		key.port = (uint64_t)path->remote.v6.sin6_port | 1u << 16;
	} else {
		key.remote[0] = path->remote.v4.sin_addr.s_addr;
		key.local[0] = path->local.v4.s_addr;
		key.port = path->remote.v4.sin_port;
	}
	return key;
}

static bool same(const struct key *a, const struct key *b)
{
	return ((a->remote[0] ^ b->remote[0]) | (a->remote[1] ^ b->remote[1]) | (a->local[0] ^ b->local[0]) |
		(a->local[1] ^ b->local[1]) | (a->port ^ b->port)) == 0;
}

bool ap_path_equal(const struct ap_path *a, const struct ap_path *b)
{
	if (a->tcp || b->tcp)
		return a->tcp == b->tcp;
	struct key ka = key_of(a), kb = key_of(b);
	return same(&ka, &kb);
}

static uint64_t mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static size_t home(const struct ap_path_table *t, const struct key *key)
{
	uint64_t h = mix(mix(t->seed, key->remote[0]), key->port);
	h = mix(mix(mix(h, key->remote[1]), key->local[0]), key->local[1]);
	return (size_t)(h >> 16) & (t->size - 1);
}

/* Where the key is, or the free slot where it would go. */
static size_t probe(const struct ap_path_table *t, const struct key *key)
{
	size_t i = home(t, key);
	while (t->slots[i].leg && !same(&t->slots[i].key, key))
		i = (i + 1) & (t->size - 1);
	return i;
}

struct ap_path_table *ap_path_table_new(uint64_t seed)
{
	struct ap_path_table *t = g_new0(struct ap_path_table, 1);
	t->seed = seed;
	t->size = FIRST_SIZE;
	t->slots = g_new0(struct slot, t->size);
	return t;
}

void ap_path_table_free(struct ap_path_table *t)
{
	if (!t)
		return;
	g_free(t->slots);
	g_free(t);
}

static void grow(struct ap_path_table *t)
{
	struct slot *old = t->slots;
	size_t old_size = t->size;
	t->size *= 2;
	t->slots = g_new0(struct slot, t->size);
	for (size_t i = 0; i < old_size; i++)
		if (old[i].leg)
			t->slots[probe(t, &old[i].key)] = old[i];
	g_free(old);
}

struct ap_leg *ap_path_table_put(struct ap_path_table *t, const struct ap_path *path, struct ap_leg *leg)
{
	if (t->used * 2 >= t->size)
		grow(t);
	struct key key = key_of(path);
	struct slot *slot = &t->slots[probe(t, &key)];
	struct ap_leg *before = slot->leg;
	t->used += !before;
	*slot = (struct slot){key, leg};
	return before;
}

/* Closes the hole: what probed past it moves back (Knuth 6.4, algorithm R). */
static void close_hole(struct ap_path_table *t, size_t hole)
{
	for (size_t i = (hole + 1) & (t->size - 1); t->slots[i].leg; i = (i + 1) & (t->size - 1)) {
		size_t from_home = (i - home(t, &t->slots[i].key)) & (t->size - 1);
		if (from_home < ((i - hole) & (t->size - 1)))
			continue;
		t->slots[hole] = t->slots[i];
		hole = i;
	}
	t->slots[hole].leg = NULL;
}

void ap_path_table_remove(struct ap_path_table *t, const struct ap_path *path)
{
	struct key key = key_of(path);
	size_t i = probe(t, &key);
	if (!t->slots[i].leg)
		return;
	t->used--;
	close_hole(t, i);
}

struct ap_leg *ap_path_table_find(const struct ap_path_table *t, const struct ap_path *path)
{
	struct key key = key_of(path);
	return t->slots[probe(t, &key)].leg;
}
