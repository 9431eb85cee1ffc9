#include "limiter.h"

#include <arpa/inet.h>
#include <glib.h>
#include <string.h>

#define MAX_KEYS 65536
#define SECOND_NS 1000000000.0

struct bucket {
	double left; /* requests */
	int64_t at_ns;
};

struct ap_limiter {
	GHashTable *buckets; /* owned: key -> struct bucket */
	double capacity, per_ns;
};

struct ap_limiter *ap_limiter_new(unsigned per_minute)
{
	struct ap_limiter *l = g_new0(struct ap_limiter, 1);
	l->buckets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	l->capacity = per_minute;
	l->per_ns = per_minute / (60 * SECOND_NS);
	return l;
}

void ap_limiter_free(struct ap_limiter *l)
{
	if (!l)
		return;
	g_hash_table_unref(l->buckets);
	g_free(l);
}

size_t ap_limiter_keys(const struct ap_limiter *l)
{
	return g_hash_table_size(l->buckets);
}

static void refill(const struct ap_limiter *l, struct bucket *b, int64_t now_ns)
{
	b->left = MIN(l->capacity, b->left + (double)MAX(now_ns - b->at_ns, 0) * l->per_ns);
	b->at_ns = now_ns;
}

static void make_room(struct ap_limiter *l, int64_t now_ns)
{
	GHashTableIter iter;
	void *value;
	g_hash_table_iter_init(&iter, l->buckets);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		refill(l, value, now_ns);
		if (((struct bucket *)value)->left >= l->capacity)
			g_hash_table_iter_remove(&iter);
	}
	if (ap_limiter_keys(l) >= MAX_KEYS)
		g_hash_table_remove_all(l->buckets);
}

static struct bucket *bucket_of(struct ap_limiter *l, const char *key, int64_t now_ns)
{
	struct bucket *b = g_hash_table_lookup(l->buckets, key);
	if (b)
		return b;
	if (ap_limiter_keys(l) >= MAX_KEYS)
		make_room(l, now_ns);
	b = g_new0(struct bucket, 1);
	b->left = l->capacity;
	b->at_ns = now_ns;
	g_hash_table_insert(l->buckets, g_strdup(key), b);
	return b;
}

bool ap_limiter_take(struct ap_limiter *l, const char *key, int64_t now_ns, unsigned *ret_retry_after)
{
	struct bucket *b = bucket_of(l, key, now_ns);
	refill(l, b, now_ns);
	if (b->left >= 1) {
		b->left -= 1;
		return true;
	}
	*ret_retry_after = 1 + (unsigned)((1 - b->left) / l->per_ns / SECOND_NS);
	return false;
}

void ap_limiter_address_key(const char *address, char ret_key[48])
{
	struct in6_addr six;
	if (inet_pton(AF_INET6, address, &six) == 1) {
		memset(six.s6_addr + 8, 0, 8);
		inet_ntop(AF_INET6, &six, ret_key, 48);
		return;
	}
	g_strlcpy(ret_key, address, 48);
}
