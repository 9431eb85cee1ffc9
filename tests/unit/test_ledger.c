/* The log in vault.db: leaves, proofs, checkpoints, and what happens when it is behind or different (R6). */
#include "recorder/ledger/ledger.h"
#include "recorder/ledger/receipt.h"
#include "tests/testlib/vault_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static int set_up(void **state)
{
	*state = world_new(NULL);
	return 0;
}

static int tear_down(void **state)
{
	world_free(*state);
	return 0;
}

static uint64_t append(struct world *w, const char *event)
{
	struct ap_db *db = ap_vault_db(w->v);
	JsonObject *body = json_object_new();
	uint64_t index = 0;
	json_object_set_string_member(body, "event", event);
	assert_true(ap_ok(ap_db_begin(db)));
	assert_true(ap_ok(ap_db_finish(db, ap_ledger_append(ap_vault_ledger(w->v), db, AP_LEAF_OTHER, body, &index))));
	return index;
}

static void leaves_carry_the_vaults_time(void **state)
{
	struct world *w = *state;
	struct ap_ledger *l = ap_vault_ledger(w->v);
	struct ap_db *db = ap_vault_db(w->v);
	uint64_t first = append(w, "one");
	char *receipt = NULL;
	struct ap_log_key key;
	struct ap_receipt_facts facts;
	assert_int_equal(append(w, "two"), first + 1);
	assert_true(ap_ok(ap_ledger_receipt(l, db, first, &receipt)));
	assert_true(ap_ok(ap_log_key_parse(ap_ledger_vkey(l), &key)));
	assert_true(ap_ok(ap_receipt_verify(receipt, strlen(receipt), &key, NULL, 0, &facts)));
	assert_string_equal(facts.body, "{\"event\":\"one\",\"time\":\"2026-09-21T14:13:20.000Z\"}");
	ap_receipt_facts_clear(&facts);
	g_free(receipt);
}

static void a_leaf_needs_a_transaction(void **state)
{
	struct world *w = *state;
	uint64_t index = 99;
	struct ap_result r = ap_ledger_append(ap_vault_ledger(w->v), ap_vault_db(w->v), AP_LEAF_OTHER, json_object_new(), &index);
	assert_int_equal(r.err, AP_ERR_INTERNAL);
	assert_int_equal(index, 99);
}

static void a_rolled_back_leaf_never_was(void **state)
{
	struct world *w = *state;
	struct ap_db *db = ap_vault_db(w->v);
	uint64_t first = append(w, "kept"), index = 0;
	assert_true(ap_ok(ap_db_begin(db)));
	assert_true(ap_ok(ap_ledger_append(ap_vault_ledger(w->v), db, AP_LEAF_OTHER, json_object_new(), &index)));
	ap_db_rollback(db);
	assert_int_equal(append(w, "next"), first + 1);
}

static void anyone_may_ask(void **state)
{
	struct world *w = *state;
	struct ap_ledger *l = ap_vault_ledger(w->v);
	struct ap_db *db = ap_vault_db(w->v);
	const char *type = NULL;
	for (int i = 0; i < 7; i++)
		append(w, "x");
	const struct {
		const char *what, *query, *error, *contains;
	} asked[] = {
		{ "key", "", "ok", "/aparte/log/1+" },
		{ "checkpoint", NULL, "ok", "\n7\n" },
		{ "proof", "leaf=3&size=7", "ok", "\"leaf_index\":3,\"tree_size\":7" },
		{ "proof", "leaf=7&size=7", "invalid", "" },
		{ "proof", "leaf=0&size=8", "invalid", "" },
		{ "proof", "leaf=x", "invalid", "" },
		{ "consistency", "from=3&to=7", "ok", "\"hashes\":[" },
		{ "consistency", "from=7&to=3", "invalid", "" },
		{ "leaves", "from=5&count=10", "ok", "\"leaves\":[\"" },
		{ "leaves", "from=0&count=1001", "invalid", "" },
		{ "secrets", "", "not-found", "" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(asked); i++) {
		g_autofree char *answer = NULL;
		struct ap_result r = ap_ledger_get(l, db, true, asked[i].what, asked[i].query, &type, &answer);
		assert_string_equal(r.name, asked[i].error);
		assert_true(!ap_ok(r) || strstr(answer, asked[i].contains));
	}
}

/* The vault opened anew over what lies on disk. */
static struct ap_vault *reopened(struct world *w)
{
	struct ap_vault *v = NULL;
	struct ap_vault_setup setup = { .config = w->config, .clock = &w->clock, .home = w->home };
	assert_true(ap_ok(ap_vault_open(&setup, &v)));
	return v;
}

static void sign_now(struct world *w)
{
	g_autofree char *text = NULL;
	assert_true(ap_ok(ap_ledger_checkpoint(ap_vault_ledger(w->v), ap_vault_db(w->v), &text)));
}

static void expect_stopped(struct world *w, bool stopped)
{
	struct ap_vault *v = reopened(w);
	struct ap_db *db = ap_vault_db(v);
	g_autofree char *text = NULL;
	uint64_t index;
	assert_int_equal(ap_ledger_stopped(ap_vault_ledger(v)), stopped);
	assert_int_equal(ap_ledger_healthy(ap_vault_ledger(v)), !stopped);
	assert_string_equal(ap_ledger_checkpoint(ap_vault_ledger(v), db, &text).name, stopped ? "ledger" : "ok");
	assert_true(ap_ok(ap_db_begin(db)));
	struct ap_result r = ap_ledger_append(ap_vault_ledger(v), db, AP_LEAF_OTHER, json_object_new(), &index);
	assert_string_equal(r.name, stopped ? "ledger" : "ok");
	ap_db_rollback(db);
	ap_vault_free(v);
}

static void a_log_that_went_back_is_noticed(void **state)
{
	struct world *w = *state;
	append(w, "one");
	append(w, "two");
	sign_now(w);
	expect_stopped(w, false);
	struct ap_db *db = ap_vault_db(w->v);
	assert_true(ap_ok(ap_db_run(db, "DELETE FROM leaf WHERE idx = 1", AP_NO_VALUES)));
	expect_stopped(w, true);
}

static void a_log_that_was_changed_is_noticed(void **state)
{
	struct world *w = *state;
	append(w, "one");
	append(w, "two");
	sign_now(w);
	assert_true(ap_ok(ap_db_run(ap_vault_db(w->v), "UPDATE node SET hash = zeroblob(32) WHERE level = 0 AND idx = 0",
				    AP_NO_VALUES)));
	assert_true(ap_ok(ap_db_run(ap_vault_db(w->v), "UPDATE node SET hash = zeroblob(32) WHERE level = 1 AND idx = 0",
				    AP_NO_VALUES)));
	expect_stopped(w, true);
}

static void a_failure_makes_it_ill_and_a_probe_well(void **state)
{
	struct world *w = *state;
	struct ap_db *blocker = NULL, *db = ap_vault_db(w->v);
	struct ap_ledger *l = ap_vault_ledger(w->v);
	g_autofree char *path = g_build_filename(w->home, "vault", "vault.db", NULL);
	append(w, "one");
	g_autofree char *text = NULL;
	assert_true(ap_ok(ap_db_open(path, ap_schema_vault, &blocker)));
	ap_db_set_patience(db, 1);
	assert_true(ap_ok(ap_db_begin(blocker)));
	assert_false(ap_ok(ap_ledger_checkpoint(l, db, &text)));
	assert_false(ap_ledger_healthy(l));
	ap_ledger_probe(l, db);
	assert_false(ap_ledger_healthy(l));
	ap_db_rollback(blocker);
	ap_ledger_probe(l, db);
	assert_true(ap_ledger_healthy(l));
	ap_db_close(blocker);
}

static struct ap_result append_type(struct world *w, enum ap_leaf_type type, const char *event)
{
	struct ap_db *db = ap_vault_db(w->v);
	JsonObject *body = json_object_new();
	uint64_t index;
	json_object_set_string_member(body, "event", event);
	assert_true(ap_ok(ap_db_begin(db)));
	return ap_db_finish(db, ap_ledger_append(ap_vault_ledger(w->v), db, type, body, &index));
}

/* A witness's word stops what begins, not what ends. */
static void while_doubted_only_what_ends_something_is_logged(void **state)
{
	struct world *w = *state;
	struct ap_ledger *l = ap_vault_ledger(w->v);
	static const struct {
		enum ap_leaf_type type;
		const char *event;
		bool taken;
	} rows[] = {
		{ AP_LEAF_CONSENT, "ConsentGiven", false },	 { AP_LEAF_CONSENT, "ConsentWithdrawn", true },
		{ AP_LEAF_CONSENT, "ConsentRefused", true },	 { AP_LEAF_GATE_OPENED, "gate_opened", false },
		{ AP_LEAF_GATE_CLOSED, "gate_closed", true },	 { AP_LEAF_ACCESS_BEGUN, "access_begun", false },
		{ AP_LEAF_ACCESS_ENDED, "access_ended", true },	 { AP_LEAF_GRANT, "grant", false },
		{ AP_LEAF_POLICY, "policy", false },		 { AP_LEAF_ERASURE_ORDERED, "erasure_ordered", true },
		{ AP_LEAF_ERASED, "erased", true },		 { AP_LEAF_HOLD, "hold", false },
		{ AP_LEAF_HOLD, "hold_lifted", true },		 { AP_LEAF_HOLD, "hold_ended", true },
		{ AP_LEAF_KEY_TURNOVER, "key_turnover", true },	 { AP_LEAF_OTHER, "proofs_destroyed", true },
		{ AP_LEAF_OTHER, "user_added", false },		 { AP_LEAF_OTHER, "user_enabled", false },
		{ AP_LEAF_OTHER, "user_disabled", true },	 { AP_LEAF_OTHER, "user_logged_out", true },
		{ AP_LEAF_OTHER, "user_reset", true },		 { AP_LEAF_OTHER, "incident_opened", true },
		{ AP_LEAF_GRANT, "granted", false },		 { AP_LEAF_GRANT, "revoked", true },
		{ AP_LEAF_LOG_CONTINUED, "log_continued", false },
	};
	append(w, "before");
	ap_ledger_doubt(l, true);
	assert_true(ap_ledger_stopped(l));
	assert_false(ap_ledger_healthy(l));
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		assert_string_equal(append_type(w, rows[i].type, rows[i].event).name, rows[i].taken ? "ok" : "ledger");
	g_autofree char *text = NULL, *later = NULL;
	assert_string_equal(ap_ledger_checkpoint(l, ap_vault_db(w->v), &text).name, "ledger");
	ap_ledger_doubt(l, false);
	assert_true(ap_ledger_healthy(l));
	assert_true(ap_ok(ap_ledger_checkpoint(l, ap_vault_db(w->v), &later)));
}

static void what_was_found_at_the_start_outlasts_a_doubt(void **state)
{
	struct world *w = *state;
	struct ap_ledger *l = ap_vault_ledger(w->v);
	ap_ledger_stop(l);
	ap_ledger_doubt(l, true);
	ap_ledger_doubt(l, false);
	assert_true(ap_ledger_stopped(l));
	assert_string_equal(append_type(w, AP_LEAF_GATE_CLOSED, "gate_closed").name, "ledger");
}

/* Strangers get their share of time, the operator's own socket is not counted. */
static void strangers_page_only_so_fast(void **state)
{
	struct world *w = *state;
	struct ap_ledger *l = ap_vault_ledger(w->v);
	const char *type;
	unsigned given = 0;
	struct ap_result r = AP_SUCCESS;
	append(w, "one");
	while (ap_ok(r) && given < 1000) {
		g_autofree char *answer = NULL;
		r = ap_ledger_get(l, ap_vault_db(w->v), true, "leaves", "from=0&count=1000", &type, &answer);
		given += ap_ok(r);
	}
	assert_string_equal(r.name, "rate");
	assert_in_range(given, 50, 200);
	g_autofree char *own = NULL, *key = NULL;
	assert_true(ap_ok(ap_ledger_get(l, ap_vault_db(w->v), false, "leaves", "from=0&count=1", &type, &own)));
	assert_true(ap_ok(ap_ledger_get(l, ap_vault_db(w->v), true, "checkpoint", "", &type, &key)));
	w->mono_ns += 1000000000;
	g_autofree char *later = NULL;
	assert_true(ap_ok(ap_ledger_get(l, ap_vault_db(w->v), true, "leaves", "from=0&count=1", &type, &later)));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(leaves_carry_the_vaults_time),
		TEST(a_leaf_needs_a_transaction),
		TEST(a_rolled_back_leaf_never_was),
		TEST(anyone_may_ask),
		TEST(a_log_that_went_back_is_noticed),
		TEST(a_log_that_was_changed_is_noticed),
		TEST(a_failure_makes_it_ill_and_a_probe_well),
		TEST(while_doubted_only_what_ends_something_is_logged),
		TEST(what_was_found_at_the_start_outlasts_a_doubt),
		TEST(strangers_page_only_so_fast),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
