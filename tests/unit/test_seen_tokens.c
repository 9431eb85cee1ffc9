/* The tokens remembered for withdrawals without a database are not remembered for ever (R7). */
#include "recorder/link/rpc_private.h"
#include "recorder/consent/token.h"
#include "tests/testlib/vault_world.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define STRANGERS 10000

static void see(const struct ap_rpc_env *env, const struct person *p)
{
	struct ap_party party = { 0 };
	assert_true(ap_ok(ap_rpc_party(env, p->token, &party)));
	ap_party_clear(&party);
}

/* One whose session nobody watches any more. */
static void remember_stranger(GHashTable *seen)
{
	struct ap_hash hash;
	struct ap_party *party = g_new0(struct ap_party, 1);
	randombytes_buf(hash.b, sizeof hash.b);
	party->session = ap_uuid_random();
	g_hash_table_insert(seen, g_memdup2(&hash, sizeof hash), party);
}

static void only_those_watched_outlast_many(void **state)
{
	struct world *w = world_new(NULL);
	g_autoptr(GHashTable) seen = ap_rpc_seen_new();
	struct ap_rpc_env env = { .v = w->v, .keepers = w->keepers, .consents = w->consents, .seen_tokens = seen };
	struct ap_hash coach = ap_token_hash(w->coach.token);
	(void)state;
	(void)world_keeper(w);
	see(&env, &w->coach);
	for (unsigned i = 0; i < STRANGERS; i++)
		remember_stranger(seen);
	see(&env, &w->coachee);
	assert_int_equal(g_hash_table_size(seen), 2);
	assert_true(g_hash_table_contains(seen, &coach));
	see(&env, &w->coach);
	assert_int_equal(g_hash_table_size(seen), 2);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(only_those_watched_outlast_many) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
