/* Withdrawals while something fails: none is lost, blocked or undone (R7). */
#include "recorder/db/db_consent.h"
#include "recorder/db/db_session.h"
#include "recorder/consent/owed.h"
#include "recorder/consent/session_end.h"
#include "tests/testlib/fake_capture.h"
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

static bool gives(struct world *w, enum ap_role role, enum ap_purpose purpose)
{
	bool given = false;
	assert_true(ap_ok(ap_consent_gives(ap_vault_db(w->v), &w->session, role, purpose, &given)));
	return given;
}

/* Somebody else writes vault.db and does not end. */
static struct ap_db *blocked(struct world *w)
{
	struct ap_db *blocker = NULL;
	g_autofree char *path = g_build_filename(w->home, "vault", "vault.db", NULL);
	assert_true(ap_ok(ap_db_open(path, ap_schema_vault, &blocker)));
	ap_db_set_patience(ap_vault_db(w->v), 1);
	assert_true(ap_ok(ap_db_begin(blocker)));
	return blocker;
}

static void unblock(struct ap_db *blocker)
{
	ap_db_rollback(blocker);
	ap_db_close(blocker);
}

/* Taken while it cannot be kept; vault.db is writable again afterwards. */
static void withdraw_unkept(struct world *w, struct person *p, const char *purposes)
{
	g_autofree char *body = world_statement(w, p, "ConsentWithdrawn", purposes, NULL, NULL);
	struct ap_db *blocker = blocked(w);
	assert_string_equal(world_put(w, p, body, NULL), "ok");
	unblock(blocker);
}

static void put(struct world *w, struct person *p, const char *event, const char *purposes)
{
	g_autofree char *body = world_statement(w, p, event, purposes, NULL, NULL);
	assert_string_equal(world_put(w, p, body, NULL), "ok");
}

static void on_answer(void *data, struct ap_result r, char *receipt)
{
	unsigned *answers = data;
	assert_true(ap_ok(r));
	*answers += 1;
	g_free(receipt);
}

static int64_t leafless_or_unsigned(struct world *w)
{
	int64_t n = -1;
	assert_true(ap_ok(ap_db_count(ap_vault_db(w->v), "SELECT count(*) FROM consent WHERE evidence = 'unsigned'", AP_NO_VALUES, &n)));
	return n;
}

/* A page that sends twice what the gate has not answered yet. */
static void the_same_one_twice_counts_once_and_ends(void **state)
{
	struct world *w = *state;
	unsigned answers = 0;
	world_open(w);
	g_autofree char *body = world_statement(w, &w->coach, "ConsentWithdrawn", "recording", NULL, NULL);
	struct ap_party party = world_party(w, &w->coach);
	fake_captures()->mute = true;
	ap_consents_put(w->consents, &party, body, on_answer, &answers);
	ap_consents_put(w->consents, &party, body, on_answer, &answers);
	ap_party_clear(&party);
	assert_int_equal(answers, 0);
	world_pass(w, 1000);
	assert_int_equal(answers, 2);
	ap_consents_tick(w->consents);
	assert_int_equal(leafless_or_unsigned(w), 1);
	fake_captures()->mute = false;
	world_give(w, &w->coach); /* and nothing of it stands in the way of a new mind */
	assert_int_equal(ap_gatekeeper_phase(world_keeper(w)), AP_PHASE_OPENING);
}

static void it_survives_a_crash(void **state)
{
	struct world *w = *state;
	world_open(w);
	withdraw_unkept(w, &w->coach, "recording");
	world_crash(w);
	assert_true(gives(w, AP_COACH, AP_PURPOSE_RECORDING)); /* vault.db still says so … */
	ap_gatekeeper_leg(world_keeper(w), AP_COACH, true);
	ap_gatekeeper_leg(world_keeper(w), AP_COACHEE, true);
	assert_true(ap_gatekeeper_reasons(world_keeper(w)) & AP_GATE_REASON(CONSENT_MISSING)); /* … and does not decide */
	assert_true(ap_owed_taken(ap_vault_owed(w->v), &w->session) & AP_PURPOSE_BIT(AP_PURPOSE_RECORDING));
	ap_consents_tick(w->consents);
	assert_false(gives(w, AP_COACH, AP_PURPOSE_RECORDING));
	assert_int_equal(w->erasures_ordered, 1);
	assert_int_equal(ap_owed_taken(ap_vault_owed(w->v), &w->session), 0);
	world_crash(w);
	ap_consents_tick(w->consents);
	assert_int_equal(leafless_or_unsigned(w), 1); /* carried over once */
}

static void one_carried_over_already_is_not_taken_again(void **state)
{
	struct world *w = *state;
	world_open(w);
	withdraw_unkept(w, &w->coach, "recording");
	g_autoptr(GArray) list = ap_owed_list(ap_vault_owed(w->v));
	struct ap_owed_entry left = g_array_index(list, struct ap_owed_entry, 0);
	ap_consents_tick(w->consents);
	assert_true(ap_ok(ap_owed_put(ap_vault_owed(w->v), &left))); /* as if its slot had not been cleared */
	int64_t before = 0, after = 0;
	assert_true(ap_ok(ap_db_count(ap_vault_db(w->v), "SELECT count(*) FROM consent", AP_NO_VALUES, &before)));
	world_crash(w);
	ap_consents_tick(w->consents);
	assert_true(ap_ok(ap_db_count(ap_vault_db(w->v), "SELECT count(*) FROM consent", AP_NO_VALUES, &after)));
	assert_int_equal(after, before);
	assert_int_equal(ap_owed_taken(ap_vault_owed(w->v), &w->session), 0);
}

static void a_later_one_does_not_free_an_owed_one(void **state)
{
	struct world *w = *state;
	world_open(w);
	put(w, &w->coach, "ConsentGiven", "supervision");
	withdraw_unkept(w, &w->coach, "recording");
	unsigned taps = w->told.taps_opened;
	put(w, &w->coach, "ConsentWithdrawn", "supervision");
	assert_int_equal(ap_gatekeeper_phase(world_keeper(w)), AP_PHASE_CLOSED);
	assert_int_equal(w->told.taps_opened, taps);
	ap_consents_tick(w->consents);
	assert_true(ap_gatekeeper_reasons(world_keeper(w)) & AP_GATE_REASON(CONSENT_MISSING));
	assert_false(gives(w, AP_COACH, AP_PURPOSE_RECORDING));
}

static void an_owed_one_outlives_its_keeper(void **state)
{
	struct world *w = *state;
	world_enrol(w, &w->coach);
	world_give(w, &w->coach);
	put(w, &w->coach, "ConsentGiven", "supervision");
	assert_true(ap_ok(ap_db_session_set_state(ap_vault_db(w->v), &w->session, AP_SESSION_ENDED, w->wall_ms)));
	ap_gatekeeper_reload(world_keeper(w));
	withdraw_unkept(w, &w->coach, "supervision");
	world_pass(w, 500); /* the ended session's keeper is let go */
	ap_consents_tick(w->consents);
	assert_false(gives(w, AP_COACH, AP_PURPOSE_SUPERVISION));
}

static void a_give_comes_after_what_is_owed(void **state)
{
	struct world *w = *state;
	world_open(w);
	withdraw_unkept(w, &w->coach, "recording");
	g_autofree char *early = world_statement(w, &w->coach, "ConsentGiven", "recording", NULL, NULL);
	assert_string_equal(world_put(w, &w->coach, early, NULL), "statement-share"); /* its seal key went with the share */
	assert_false(gives(w, AP_COACH, AP_PURPOSE_RECORDING));
	world_give(w, &w->coach);
	ap_consents_tick(w->consents);
	assert_true(gives(w, AP_COACH, AP_PURPOSE_RECORDING));
	assert_int_equal(w->erasures_ordered, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_same_one_twice_counts_once_and_ends),
		TEST(it_survives_a_crash),
		TEST(one_carried_over_already_is_not_taken_again),
		TEST(a_later_one_does_not_free_an_owed_one),
		TEST(an_owed_one_outlives_its_keeper),
		TEST(a_give_comes_after_what_is_owed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
