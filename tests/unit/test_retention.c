#include "tests/testlib/staff_fixture.h"

#include "recorder/access/user.h"
#include "recorder/erasure/retention.h"
#include "recorder/policy/terms.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DAY 86400000LL

static int64_t erased(struct fixture *f)
{
	return fixture_count(f, "SELECT count(*) FROM recording WHERE state = 'erased'");
}

/* A wall clock that is set two hours ahead once the scan has looked at it. */
static int64_t jumping(void *ctx)
{
	struct fixture *f = ctx;
	return f->wall_ms + (++f->number > 3 ? 2 * 3600000 : 0);
}

/* R16, R20: one whose hold is over by the wall clock alone does not keep the others from their end. */
static void one_that_must_wait_holds_up_no_other(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	struct ap_retention *r = ap_retention_new(f->v, "boot");
	fixture_recording(f, &session, 1000);
	fixture_recording(f, &session, 2000);
	fixture_run(f, "INSERT INTO hold (id, recording, ground, reason, proposed_by, confirmed_by, created_ms, ends_ms)"
		       " SELECT x'00112233445566778899aabbccddeeff', id, 'g', 'r', 'a', 'b', 0, expires_ms + 3600000"
		       " FROM recording ORDER BY expires_ms LIMIT 1");
	fixture_advance(f, 3001);
	f->number = 0;
	f->clock.wall_ms = jumping;
	assert_ok(ap_retention_scan(r));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM erasure"), 1);
	ap_retention_free(r);
	fixture_free(f);
}

/* R16: to the second. */
static void a_recording_goes_when_its_time_has_come(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	struct ap_retention *r = ap_retention_new(f->v, "boot");
	fixture_recording(f, &session, 10000);
	fixture_recording(f, &session, DAY);
	fixture_advance(f, 9999);
	assert_ok(ap_retention_scan(r));
	assert_int_equal(erased(f), 0);
	fixture_advance(f, 1);
	assert_ok(ap_retention_scan(r));
	assert_int_equal(erased(f), 1);
	assert_int_equal(
		fixture_count(f, "SELECT count(*) FROM erasure WHERE cause = 'expiry' AND certificate IS NOT NULL"), 1);
	ap_retention_free(r);
	fixture_free(f);
}

static void a_jump_stops_erasing_until_confirmed(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	struct ap_retention *r = ap_retention_new(f->v, "boot");
	fixture_recording(f, &session, DAY);
	assert_ok(ap_retention_scan(r));
	f->wall_ms += 2 * DAY; /* the monotonic clock does not agree */
	assert_ok(ap_retention_scan(r));
	assert_true(ap_retention_frozen(r));
	assert_int_equal(erased(f), 0);
	assert_int_equal(ap_retention_scanned_ms(r), f->wall_ms - 2 * DAY); /* not by the clock that jumped */
	fixture_advance(f, DAY);
	assert_ok(ap_retention_scan(r));
	assert_true(ap_retention_frozen(r));
	assert_ok(ap_retention_confirm(r, "user:ada"));
	assert_int_equal(fixture_last_leaf(f), AP_LEAF_OTHER);
	assert_ok(ap_retention_scan(r));
	assert_false(ap_retention_frozen(r));
	assert_int_equal(ap_retention_scanned_ms(r), f->wall_ms);
	assert_int_equal(erased(f), 1);
	ap_retention_free(r);
	fixture_free(f);
}

static void a_clock_set_right_again_thaws_by_itself(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_retention *r = ap_retention_new(f->v, "boot");
	f->wall_ms -= DAY;
	assert_ok(ap_retention_scan(r));
	assert_true(ap_retention_frozen(r));
	f->wall_ms += DAY;
	assert_ok(ap_retention_scan(r));
	assert_false(ap_retention_frozen(r));
	ap_retention_free(r);
	fixture_free(f);
}

static struct ap_retention *restart(struct fixture *f, struct ap_retention *r, const char *boot)
{
	ap_retention_free(r);
	fixture_restart(f);
	return ap_retention_new(f->v, boot);
}

/* The guard outlives the process; within one boot it is exact, after a reboot it believes a day. */
static void a_restart_does_not_hide_a_jump(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	fixture_recording(f, &session, 3 * DAY);
	struct ap_retention *r = ap_retention_new(f->v, "boot");
	assert_ok(ap_retention_scan(r));
	fixture_advance(f, DAY);
	r = restart(f, r, "boot");
	assert_ok(ap_retention_scan(r));
	assert_false(ap_retention_frozen(r));
	f->wall_ms += 4 * DAY;
	r = restart(f, r, "boot");
	assert_ok(ap_retention_scan(r));
	assert_true(ap_retention_frozen(r));
	r = restart(f, r, "boot");
	assert_ok(ap_retention_scan(r));
	assert_true(ap_retention_frozen(r)); /* not forgotten by restarting twice */
	r = restart(f, r, "another boot");
	assert_ok(ap_retention_scan(r));
	assert_true(ap_retention_frozen(r));
	assert_int_equal(erased(f), 0);
	assert_ok(ap_retention_confirm(r, "user:ada"));
	assert_ok(ap_retention_scan(r));
	assert_int_equal(erased(f), 1);
	ap_retention_free(r);
	fixture_free(f);
}

static void a_hold_stops_expiry_and_withdrawal_until_it_ends(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	fixture_recording(f, &session, 10 * DAY);
	struct ap_retention *r = ap_retention_new(f->v, "boot");
	assert_ok(ap_retention_scan(r));
	assert_ok(ap_db_run(
		ap_vault_db(f->v),
		"INSERT INTO hold (id, recording, ground, reason, proposed_by, confirmed_by, created_ms, ends_ms)"
		" SELECT x'00112233445566778899aabbccddeeff', id, 'g', 'r', 'a', 'b', 0, ?1 FROM recording",
		AP_VALUES(AP_V_INT(f->wall_ms + 2 * DAY))));
	fixture_withdraw(f, &session, AP_COACHEE, "[\"recording\"]");
	fixture_advance(f, DAY);
	assert_ok(ap_retention_scan(r));
	assert_int_equal(erased(f), 0);
	fixture_advance(f, DAY);
	assert_ok(ap_retention_scan(r));
	assert_int_equal(erased(f), 1);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM erasure WHERE cause = 'withdrawal'"), 1);
	ap_retention_free(r);
	fixture_free(f);
}

static void hold(struct fixture *f, int64_t ends_ms)
{
	assert_ok(ap_db_run(
		ap_vault_db(f->v),
		"INSERT INTO hold (id, recording, ground, reason, proposed_by, confirmed_by, created_ms, ends_ms)"
		" SELECT x'00112233445566778899aabbccddeeff', id, 'g', 'r', 'a', 'b', 0, ?1 FROM recording",
		AP_VALUES(AP_V_INT(ends_ms))));
}

static void a_jump_ends_no_hold(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	fixture_recording(f, &session, 100 * DAY);
	struct ap_retention *r = ap_retention_new(f->v, "boot");
	assert_ok(ap_retention_scan(r));
	hold(f, f->wall_ms + 2 * DAY);
	fixture_withdraw(f, &session, AP_COACHEE, "[\"recording\"]");
	f->wall_ms += 3 * DAY; /* the monotonic clock does not agree */
	assert_ok(ap_retention_scan(r));
	assert_int_equal(erased(f), 0);
	assert_ok(ap_retention_confirm(r, "user:ada"));
	assert_ok(ap_retention_scan(r));
	assert_int_equal(erased(f), 1);
	ap_retention_free(r);
	fixture_free(f);
}

/* A new give is for a new recording: what was withdrawn under a hold goes with it all the same. */
static void a_new_give_does_not_revive_what_was_withdrawn(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	struct ap_uuid recording = fixture_recording(f, &session, 100 * DAY);
	struct ap_actor coach = fixture_party(&session, AP_COACH);
	struct ap_access access;
	struct ap_retention *r = ap_retention_new(f->v, "boot");
	assert_ok(ap_retention_scan(r));
	assert_ok(ap_access_begin(f->v, &coach, &recording, "recording", "own", &access));
	hold(f, f->wall_ms + 2 * DAY);
	fixture_withdraw(f, &session, AP_COACHEE, "[\"recording\"]");
	fixture_give(f, &session, AP_COACHEE, "[\"recording\"]");
	assert_refused(ap_access_begin(f->v, &coach, &recording, "recording", "own", &access), "role");
	fixture_advance(f, 2 * DAY);
	assert_ok(ap_retention_scan(r));
	assert_int_equal(erased(f), 1);
	ap_retention_free(r);
	fixture_free(f);
}

/* A purpose ends at its own term; withdrawing the longest shortens the recording's life, giving it again does not
 * lengthen it. */
static void a_withdrawn_purpose_shortens_the_term(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\",\"supervision\"]");
	fixture_recording(f, &session, 100 * 365 * DAY);
	assert_ok(ap_terms_shorten(f->v, &session));
	int64_t both = fixture_count(f, "SELECT expires_ms - sealed_ms FROM recording");
	fixture_withdraw(f, &session, AP_COACH, "[\"supervision\"]");
	assert_ok(ap_terms_shorten(f->v, &session));
	int64_t alone = fixture_count(f, "SELECT expires_ms - sealed_ms FROM recording");
	assert_int_equal(alone, 30 * DAY);
	assert_true(both > alone);
	fixture_give(f, &session, AP_COACH, "[\"recording\",\"supervision\"]");
	assert_ok(ap_terms_shorten(f->v, &session));
	assert_int_equal(fixture_count(f, "SELECT expires_ms - sealed_ms FROM recording"), alone);
	fixture_free(f);
}

/* R11: what the log owes is logged by itself once it goes on. */
static void what_the_log_owes_is_paid(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_actor ada = fixture_user(f, "ada", "admin", NULL);
	fixture_user(f, "sam", "supervisor", NULL);
	ap_ledger_stop(ap_vault_ledger(f->v));
	assert_ok(ap_user_logout(f->v, &ada, "sam"));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM leaf_owed"), 1);
	fixture_restart(f);
	struct ap_retention *r = ap_retention_new(f->v, "boot");
	assert_ok(ap_retention_scan(r));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM leaf_owed"), 0);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM leaf WHERE body LIKE '%user_logged_out%'"), 1);
	ap_retention_free(r);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_must_wait_holds_up_no_other),
		cmocka_unit_test(what_the_log_owes_is_paid),
		cmocka_unit_test(a_recording_goes_when_its_time_has_come),
		cmocka_unit_test(a_jump_stops_erasing_until_confirmed),
		cmocka_unit_test(a_clock_set_right_again_thaws_by_itself),
		cmocka_unit_test(a_restart_does_not_hide_a_jump),
		cmocka_unit_test(a_hold_stops_expiry_and_withdrawal_until_it_ends),
		cmocka_unit_test(a_jump_ends_no_hold),
		cmocka_unit_test(a_new_give_does_not_revive_what_was_withdrawn),
		cmocka_unit_test(a_withdrawn_purpose_shortens_the_term),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
