/*
 * The table of paths against a plain list: what was put is found, what was removed is not, whatever collides. Each
 * operation is three bytes: what, remote, local; addresses are few, so that they meet again.
 */
#include "fuzz.h"

#include "gateway/path.h"

#include <arpa/inet.h>

enum { REMOTES = 40, LOCALS = 2 };

/* Never looked into by the table. */
static char legs[8];

static struct ap_path make_path(unsigned remote, unsigned local)
{
	struct ap_path path = {0};
	if (remote & 1) {
		path.remote.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)(remote & 6))};
		path.remote.v6.sin6_addr.s6_addr[15] = (uint8_t)(remote >> 3);
		path.remote.v6.sin6_addr.s6_addr[0] = (uint8_t)(remote >> 4);
		path.local.v6.s6_addr[7] = (uint8_t)local;
	} else {
		path.remote.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)(remote & 6))};
		path.remote.v4.sin_addr.s_addr = htonl(remote >> 3);
		path.local.v4.s_addr = htonl(local);
	}
	return path;
}

static void check_all(struct ap_path_table *t, struct ap_leg *const model[REMOTES][LOCALS])
{
	for (unsigned remote = 0; remote < REMOTES; remote++)
		for (unsigned local = 0; local < LOCALS; local++) {
			struct ap_path path = make_path(remote, local);
			g_assert_true(ap_path_table_find(t, &path) == model[remote][local]);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ap_leg *model[REMOTES][LOCALS];
	struct ap_path_table *t = ap_path_table_new(size ? data[0] : 0);
	for (size_t i = 0; i < REMOTES * LOCALS; i++)
		model[i / LOCALS][i % LOCALS] = NULL;
	for (size_t i = 1; i + 3 <= size; i += 3) {
		unsigned remote = data[i + 1] % REMOTES, local = data[i + 2] % LOCALS;
		struct ap_leg **slot = &model[remote][local];
		struct ap_path path = make_path(remote, local), same = make_path(remote, local);
		g_assert_true(ap_path_equal(&path, &same) && ap_path_table_find(t, &path) == *slot);
		if (data[i] & 8) {
			ap_path_table_remove(t, &path);
			*slot = NULL;
		} else {
			struct ap_leg *leg = (struct ap_leg *)&legs[data[i] & 7];
			g_assert_true(ap_path_table_put(t, &path, leg) == *slot);
			*slot = leg;
		}
	}
	check_all(t, model);
	ap_path_table_free(t);
	return 0;
}
