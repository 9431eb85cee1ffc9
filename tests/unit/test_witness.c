/* Witnesses as the vault knows them (R6): the configuration, what is kept of them, and what that does to log and gate. The
 * posting itself is integration/witness. */
#include "recorder/ledger/receipt.h"
#include "recorder/ledger/witness_list.h"
#include "tests/testlib/vault_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#define KEY_1 "witness.example/w1+404cc68d+BDMuvo0ny3Mjs6QBwcE7XdZLzMDhDs2hwrXRGgN3moXl"
#define KEY_2 "witness.example/w2+add77ac6+BBvudLuPUT8bU1e8R3yIatlpSdBHQMzROiL5Eu3wDf4n"
#define LINE_1 "\xe2\x80\x94 witness.example/w1 QEzGjQAAAAB\n"
#define LINE_2 "\xe2\x80\x94 witness.example/w2 rdd6xgAAAAB\n"
#define DAY_MS 86400000LL

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

static void set(struct ap_config *c, const char *key, const char *value)
{
	assert_true(ap_ok(ap_config_set(c, key, value)));
}

/* ---- configuration ---- */

static void the_list_is_read(void **state)
{
	(void)state;
	static const struct {
		const char *list, *http, *quorum;
		int count; /* -1: refused */
	} rows[] = {
		{ "", "false", "0", 0 },
		{ KEY_1 " https://w.example", "false", "1", 1 },
		{ KEY_1 " https://w.example/; " KEY_2 "  https://v.example/a/b//", "false", "2", 2 },
		{ KEY_1 " http://127.0.0.1:7", "true", "0", 1 },
		{ KEY_1 " http://127.0.0.1:7", "false", "0", -1 },
		{ KEY_1 " https://w.example", "false", "2", -1 }, /* a quorum out of reach */
		{ KEY_1, "false", "0", -1 },
		{ KEY_1 " w.example", "false", "0", -1 },
		{ KEY_1 " ftp://w.example", "true", "0", -1 },
		{ KEY_1 " https://user@w.example", "false", "0", -1 },
		{ KEY_1 " https://w.example?x", "false", "0", -1 },
		{ "https://w.example " KEY_1, "false", "0", -1 },
		{ KEY_1 " https://w.example; " KEY_1 " https://v.example", "false", "0", -1 },
		{ KEY_1 " https://w.example; " KEY_2 " https://w.example", "false", "0", -1 },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct ap_config *c = ap_config_new();
		struct ap_witness_list list = { 0 };
		set(c, "witness.list", rows[i].list);
		set(c, "witness.allow_http", rows[i].http);
		set(c, "witness.quorum", rows[i].quorum);
		struct ap_result r = ap_witness_list_parse(c, &list);
		assert_string_equal(r.name, rows[i].count < 0 ? "witness-list" : "ok");
		assert_int_equal(list.count, MAX(rows[i].count, 0));
		for (size_t k = 0; k < list.count; k++)
			assert_false(g_str_has_suffix(list.at[k].prefix, "/"));
		ap_witness_list_clear(&list);
		ap_config_free(c);
	}
}

/* ---- checkpoints and receipts ---- */

static uint64_t append(struct world *w)
{
	struct ap_db *db = ap_vault_db(w->v);
	uint64_t index = 0;
	assert_true(ap_ok(ap_db_begin(db)));
	assert_true(ap_ok(ap_db_finish(db, ap_ledger_append(ap_vault_ledger(w->v), db, AP_LEAF_OTHER, json_object_new(), &index))));
	return index;
}

/* Signs the log as it is, and has these cosign it. */
static void cosign(struct world *w, uint64_t size, const char *key, const char *line)
{
	g_autofree char *note = NULL;
	struct ap_db *db = ap_vault_db(w->v);
	assert_true(ap_ok(ap_ledger_checkpoint(ap_vault_ledger(w->v), db, &note)));
	assert_true(ap_ok(ap_db_witness_cosigned(db, ap_ledger_origin(ap_vault_ledger(w->v)), key, size, line, w->wall_ms)));
}

static uint64_t receipt_size(struct world *w, uint64_t leaf, bool cosigned)
{
	g_autofree char *json = NULL;
	assert_true(ap_ok(ap_ledger_receipt(ap_vault_ledger(w->v), ap_vault_db(w->v), leaf, &json)));
	g_autoptr(JsonNode) node = json_from_string(json, NULL);
	JsonObject *o = json_node_get_object(node);
	assert_int_equal(strstr(json_object_get_string_member(o, "checkpoint"), "witness.example") != NULL, cosigned);
	return (uint64_t)json_object_get_int_member(o, "tree_size");
}

static void a_receipt_stands_under_what_witnesses_saw(void **state)
{
	struct world *w = *state;
	uint64_t first = append(w);
	assert_int_equal(receipt_size(w, first, false), first + 1);
	cosign(w, first + 1, KEY_1, LINE_1);
	uint64_t second = append(w);
	append(w);
	assert_int_equal(receipt_size(w, first, true), first + 1);
	assert_int_equal(receipt_size(w, second, false), second + 2); /* nobody outside saw it yet */
	cosign(w, second + 2, KEY_1, LINE_1);
	cosign(w, second + 2, KEY_2, LINE_2);
	assert_int_equal(receipt_size(w, first, true), second + 2);
	g_autofree char *shown = NULL, *old = NULL;
	uint64_t size = 0;
	assert_true(ap_ok(ap_ledger_shown(ap_vault_ledger(w->v), ap_vault_db(w->v), &shown)));
	assert_true(g_str_has_suffix(shown, LINE_1 LINE_2));
	ap_ledger_set_quorum(ap_vault_ledger(w->v), 2);
	assert_true(ap_ok(ap_ledger_cosigned(ap_vault_ledger(w->v), ap_vault_db(w->v), 0, &size, &old)));
	assert_int_equal(size, second + 2);
}

static void too_few_witnesses_vouch_for_nothing(void **state)
{
	struct world *w = *state;
	g_autofree char *text = NULL;
	uint64_t first = append(w), size;
	cosign(w, first + 1, KEY_1, LINE_1);
	ap_ledger_set_quorum(ap_vault_ledger(w->v), 2);
	struct ap_result r = ap_ledger_cosigned(ap_vault_ledger(w->v), ap_vault_db(w->v), 0, &size, &text);
	assert_string_equal(r.name, "not-found");
}

static void old_cosignatures_are_thinned_to_one_a_day(void **state)
{
	struct world *w = *state;
	uint64_t next = append(w) + 1;
	for (int i = 0; i < 6; i++) {
		w->wall_ms += DAY_MS / 2;
		cosign(w, next, KEY_1, LINE_1);
		next = append(w) + 1;
	}
	assert_int_equal(world_count(w, "SELECT count(*) FROM cosignature"), 6);
	assert_true(ap_ok(ap_db_cosigned_thin_out(ap_vault_db(w->v), w->wall_ms - DAY_MS)));
	int64_t days = world_count(w, "SELECT count(DISTINCT seen_ms / 86400000) FROM cosignature");
	assert_in_range(days, 3, 4);
	assert_int_equal(world_count(w, "SELECT max(size) FROM cosignature"), next - 1);
	assert_in_range(world_count(w, "SELECT count(*) FROM cosignature"), days, 5);
}

/* ---- doubt ---- */

static struct ap_vault *reopened(struct world *w)
{
	struct ap_vault *v = NULL;
	struct ap_vault_setup setup = { .config = w->config, .clock = &w->clock, .home = w->home };
	assert_true(ap_ok(ap_vault_open(&setup, &v)));
	return v;
}

static void expect_stopped(struct world *w, const char *list, bool stopped)
{
	set(w->config, "witness.list", list);
	struct ap_vault *v = reopened(w);
	assert_int_equal(ap_ledger_stopped(ap_vault_ledger(v)), stopped);
	ap_vault_free(v);
}

/* What a witness told at run time binds the next start, until it signs, or is no witness of ours any more. */
static void r6_start_up_refuses_a_log_that_a_witness_knows_more_of(void **state)
{
	struct world *w = *state;
	struct ap_db *db = ap_vault_db(w->v);
	const char *origin = ap_ledger_origin(ap_vault_ledger(w->v)), *both = KEY_1 " https://w.example;" KEY_2 " https://v.example";
	uint64_t first = append(w);
	expect_stopped(w, both, false);
	assert_true(ap_ok(ap_db_witness_doubt(db, origin, KEY_1, "ahead", first + 5, w->wall_ms)));
	expect_stopped(w, both, true);
	expect_stopped(w, KEY_2 " https://v.example", false);
	expect_stopped(w, "", false);
	assert_true(ap_ok(ap_db_witness_trouble(db, origin, KEY_1, "unreachable", w->wall_ms)));
	expect_stopped(w, both, true); /* that it is away now takes nothing back */
	assert_true(ap_ok(ap_db_witness_doubt(db, origin, KEY_1, "other", first, w->wall_ms)));
	expect_stopped(w, both, true);
	cosign(w, first + 1, KEY_1, LINE_1);
	expect_stopped(w, both, false);
	assert_true(ap_ok(ap_db_witness_doubt(db, "another.example/log/1", KEY_1, "ahead", 1000, w->wall_ms)));
	expect_stopped(w, both, false); /* of another name of the log */
}

/* Fail closed for the recording; a withdrawal is taken and kept. */
static void a_doubt_closes_the_gate_and_takes_a_withdrawal(void **state)
{
	struct world *w = *state;
	world_open(w);
	ap_ledger_doubt(ap_vault_ledger(w->v), true);
	world_pass(w, 1000);
	assert_int_equal(w->told.taps_closed, 1);
	assert_non_null(strstr(w->told.events->str, "\"ledger\""));
	g_autofree char *withdraw = world_statement(w, &w->coach, "ConsentWithdrawn", "recording", NULL, NULL);
	assert_string_equal(world_put(w, &w->coach, withdraw, NULL), "ok");
	world_settle(w);
	assert_int_equal(world_count(w, "SELECT count(*) FROM consent WHERE event = 'ConsentWithdrawn'"), 1);
	assert_int_equal(w->erasures_ordered, 1);
	assert_int_equal(w->told.taps_opened, 1);
}

static void a_doubt_that_ends_lets_the_gate_open_again(void **state)
{
	struct world *w = *state;
	world_open(w);
	ap_ledger_doubt(ap_vault_ledger(w->v), true);
	world_pass(w, 1000);
	assert_int_equal(w->told.taps_closed, 1);
	ap_ledger_doubt(ap_vault_ledger(w->v), false);
	world_pass(w, 3000);
	assert_int_equal(w->told.taps_opened, 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_list_is_read),
		TEST(a_receipt_stands_under_what_witnesses_saw),
		TEST(too_few_witnesses_vouch_for_nothing),
		TEST(old_cosignatures_are_thinned_to_one_a_day),
		TEST(r6_start_up_refuses_a_log_that_a_witness_knows_more_of),
		TEST(a_doubt_closes_the_gate_and_takes_a_withdrawal),
		TEST(a_doubt_that_ends_lets_the_gate_open_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
