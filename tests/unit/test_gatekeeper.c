/* The live gate against a real vault over a temporary directory, with a faked capture and gateway (R1, R7, R31). */
#include "recorder/db/db_recording.h"
#include "recorder/db/db_session.h"
#include "tests/testlib/fake_capture.h"
#include "tests/testlib/vault_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

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

static enum ap_gate_phase phase(struct world *w)
{
	return ap_gatekeeper_phase(world_keeper(w));
}

static unsigned reasons(struct world *w)
{
	return ap_gatekeeper_reasons(world_keeper(w));
}

static void nothing_opens_before_both_consents(void **state)
{
	struct world *w = *state;
	ap_gatekeepers_link(w->keepers, true);
	world_enrol(w, &w->coach);
	world_enrol(w, &w->coachee);
	ap_gatekeeper_leg(world_keeper(w), AP_COACH, true);
	ap_gatekeeper_leg(world_keeper(w), AP_COACHEE, true);
	world_pass(w, 2000);
	assert_int_equal(reasons(w), AP_GATE_REASON(CONSENT_MISSING));
	world_give(w, &w->coach);
	world_pass(w, 2000);
	assert_int_equal(phase(w), AP_PHASE_CLOSED);
	assert_int_equal(w->told.taps_opened, 0);
	assert_int_equal(fake_captures()->started, 0);
	assert_int_equal(world_count(w, "SELECT count(*) FROM recording"), 0);
	world_give(w, &w->coachee);
	assert_int_equal(phase(w), AP_PHASE_OPENING);
}

static void opening_hands_out_a_one_way_pair(void **state)
{
	struct world *w = *state;
	world_open(w);
	struct ap_capture *c = fake_captures()->last;
	assert_int_equal(c->open_generation, w->told.generation);
	assert_int_equal(c->open_epoch, 1);
	assert_int_equal(send(w->told.tap, "x", 1, MSG_NOSIGNAL), 1);
	char byte;
	assert_int_equal(recv(c->gate, &byte, 1, 0), 1);
	assert_int_equal(send(c->gate, "x", 1, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(world_count(w, "SELECT count(*) FROM epoch WHERE closed_ms IS NULL"), 1);
	assert_int_equal(world_count(w, "SELECT count(*) FROM recording WHERE state = 'recording'"), 1);
	assert_non_null(strstr(w->told.events->str, "coachee gate {\"epoch\":1"));
	assert_non_null(strstr(w->told.events->str, "both recording"));
}

static void a_disconnection_flushes_and_a_reconnection_goes_on(void **state)
{
	struct world *w = *state;
	world_open(w);
	uint64_t first = w->told.generation;
	ap_gatekeeper_leg(world_keeper(w), AP_COACHEE, false);
	assert_int_equal(phase(w), AP_PHASE_CLOSING);
	assert_int_equal(ap_gate_visible(phase(w)), AP_GATE_CLOSED);
	assert_false(fake_captures()->last->discarded);
	world_settle(w);
	assert_int_equal(phase(w), AP_PHASE_CLOSED);
	assert_int_equal(reasons(w), AP_GATE_REASON(DISCONNECTED));
	ap_gatekeeper_leg(world_keeper(w), AP_COACHEE, true);
	assert_int_equal(phase(w), AP_PHASE_OPENING);
	assert_true(w->told.generation != first);
	assert_int_equal(fake_captures()->started, 1);
	assert_int_equal(fake_captures()->last->open_epoch, 2);
	assert_int_equal(world_count(w, "SELECT count(*) FROM recording"), 1);
}

static void withdrawing_discards_and_orders_erasure(void **state)
{
	struct world *w = *state;
	char *receipt = NULL;
	world_open(w);
	g_autofree char *body = world_statement(w, &w->coachee, "ConsentWithdrawn", "recording", NULL, NULL);
	struct ap_capture *c = fake_captures()->last;
	int gate = c->gate;
	assert_string_equal(world_put(w, &w->coachee, body, &receipt), "ok");
	char byte;
	assert_int_equal(recv(gate, &byte, 1, 0), -1);
	assert_int_equal(send(w->told.tap, "x", 1, MSG_NOSIGNAL), -1);
	assert_null(strstr(receipt, "\"evidence\":\"unsigned\","));
	assert_int_equal(fake_captures()->freed, 1);
	assert_int_equal(w->erasures_ordered, 1);
	assert_int_equal(reasons(w), AP_GATE_REASON(CONSENT_MISSING));
	assert_int_equal(world_count(w, "SELECT count(*) FROM recording WHERE state = 'sealed'"), 1);
	assert_int_equal(world_count(w, "SELECT count(*) FROM epoch WHERE closed_leaf IS NULL"), 0);
	world_settle(w);
	assert_int_equal(w->kicks, 3);
	g_free(receipt);
}

/* R9: with keys of its own. */
static void consenting_again_makes_a_new_recording(void **state)
{
	struct world *w = *state;
	world_open(w);
	struct ap_capture_params first = fake_captures()->last->params;
	g_autofree char *body = world_statement(w, &w->coach, "ConsentWithdrawn", "recording", NULL, NULL);
	assert_string_equal(world_put(w, &w->coach, body, NULL), "ok");
	randombytes_buf(w->coach.share, 32);
	world_give(w, &w->coach);
	assert_int_equal(phase(w), AP_PHASE_OPENING);
	struct ap_capture_params second = fake_captures()->last->params;
	assert_false(ap_uuid_equal(&first.recording, &second.recording));
	assert_memory_not_equal(first.recipient[0], second.recipient[0], 32);
	assert_memory_not_equal(second.recipient[0], second.recipient[1], 32);
}

static void only_an_open_gate_is_renewed(void **state)
{
	struct world *w = *state;
	world_open(w);
	struct ap_capture *c = fake_captures()->last;
	world_pass(w, 1000);
	unsigned renewed = c->renewed;
	assert_true(renewed > 0);
	fake_captures()->mute = true;
	ap_gatekeeper_leg(world_keeper(w), AP_COACH, false);
	world_pass(w, 100);
	assert_int_equal(c->renewed, renewed);
}

/* Its thread hung: the capture has closed by itself, and says so when it is heard again. */
static void a_gate_that_was_not_renewed_is_closed_and_opens_anew(void **state)
{
	struct world *w = *state;
	world_open(w);
	struct ap_capture *c = fake_captures()->last;
	uint64_t first = w->told.generation;
	unsigned taps = w->told.taps_closed;
	c->closing = true;
	fake_capture_ack();
	assert_int_equal(phase(w), AP_PHASE_CLOSED);
	assert_int_equal(w->told.taps_closed, taps + 1);
	assert_int_equal(world_count(w, "SELECT count(*) FROM epoch WHERE closed_leaf IS NULL"), 0);
	world_pass(w, 2000);
	assert_int_equal(phase(w), AP_PHASE_OPENING);
	assert_true(w->told.generation != first);
	assert_int_equal(fake_captures()->started, 1);
}

static void a_capture_that_does_not_obey_is_killed(void **state)
{
	struct world *w = *state;
	world_open(w);
	fake_captures()->mute = true;
	g_autofree char *body = world_statement(w, &w->coach, "ConsentWithdrawn", "recording", NULL, NULL);
	int64_t before = w->mono_ns;
	assert_string_equal(world_put(w, &w->coach, body, NULL), "ok");
	assert_true(w->mono_ns - before <= 600000000);
	assert_int_equal(fake_captures()->freed, 1);
}

static void either_pauses_and_both_must_resume(void **state)
{
	struct world *w = *state;
	world_open(w);
	struct ap_db *db = ap_vault_db(w->v);
	assert_true(ap_ok(ap_db_session_set_paused(db, &w->session, 3)));
	ap_gatekeeper_reload(world_keeper(w));
	world_settle(w);
	assert_int_equal(reasons(w), AP_GATE_REASON(PAUSED));
	assert_true(ap_ok(ap_db_session_set_paused(db, &w->session, 2)));
	ap_gatekeeper_reload(world_keeper(w));
	assert_int_equal(phase(w), AP_PHASE_CLOSED);
	assert_true(ap_ok(ap_db_session_set_paused(db, &w->session, 0)));
	ap_gatekeeper_reload(world_keeper(w));
	assert_int_equal(phase(w), AP_PHASE_OPENING);
}

static void with_presence(JsonObject *statement, void *data)
{
	(void)data;
	json_object_set_int_member(statement, "presence", 5);
}

static void lost_presence_closes_and_its_return_opens(void **state)
{
	struct world *w = *state;
	ap_gatekeepers_link(w->keepers, true);
	world_enrol(w, &w->coach);
	world_enrol(w, &w->coachee);
	g_autofree char *body = world_statement(w, &w->coach, "ConsentGiven", "recording", with_presence, NULL);
	assert_string_equal(world_put(w, &w->coach, body, NULL), "ok");
	world_give(w, &w->coachee);
	struct ap_gatekeeper *k = world_keeper(w);
	ap_gatekeeper_leg(k, AP_COACH, true);
	ap_gatekeeper_leg(k, AP_COACHEE, true);
	ap_gatekeepers_tap_opened(w->keepers, &w->session, w->told.generation, true);
	for (uint64_t i = 1; i <= 4; i++) {
		world_pass(w, 5000);
		struct ap_presence p = world_presence(w, &w->coach, w->told.generation, i);
		assert_true(ap_ok(ap_gatekeeper_presence(k, AP_COACH, &p)));
		assert_int_equal(phase(w), AP_PHASE_OPEN);
	}
	struct ap_presence again = world_presence(w, &w->coach, w->told.generation, 4);
	assert_string_equal(ap_gatekeeper_presence(k, AP_COACH, &again).name, "conflict");
	struct ap_presence other = world_presence(w, &w->coach, w->told.generation + 1, 9);
	assert_string_equal(ap_gatekeeper_presence(k, AP_COACH, &other).name, "conflict");
	struct ap_presence forged = world_presence(w, &w->coachee, w->told.generation, 9);
	assert_string_equal(ap_gatekeeper_presence(k, AP_COACH, &forged).name, "statement-signature");
	world_pass(w, 11800);
	assert_int_equal(phase(w), AP_PHASE_OPEN);
	world_pass(w, 400);
	assert_int_equal(phase(w), AP_PHASE_CLOSED);
	assert_int_equal(reasons(w), AP_GATE_REASON(PRESENCE));
	struct ap_presence back = world_presence(w, &w->coach, w->told.generation, 10);
	assert_true(ap_ok(ap_gatekeeper_presence(k, AP_COACH, &back)));
	assert_int_equal(phase(w), AP_PHASE_OPENING);
}

static void another_device_closes_until_it_gives(void **state)
{
	struct world *w = *state;
	world_open(w);
	crypto_sign_keypair(w->coach.public, w->coach.secret);
	w->wall_ms += 5;
	world_enrol(w, &w->coach);
	world_settle(w);
	assert_int_equal(reasons(w), AP_GATE_REASON(DEVICE));
	world_give(w, &w->coach);
	assert_int_equal(phase(w), AP_PHASE_OPENING);
}

static void a_crash_ends_the_recording_and_is_told(void **state)
{
	struct world *w = *state;
	world_open(w);
	fake_capture_segment(AP_COACH, 0, 2048);
	fake_capture_segment(AP_COACH, 1, 9000);
	g_string_truncate(w->told.events, 0);
	fake_capture_fail("capture-died");
	assert_int_equal(reasons(w), AP_GATE_REASON(VAULT));
	assert_non_null(strstr(w->told.events->str, "coach gate"));
	assert_non_null(strstr(w->told.events->str, "\"reasons\":[\"vault\"]"));
	assert_int_equal(world_count(w, "SELECT count(*) FROM recording WHERE state = 'sealed' AND manifest IS NOT NULL"), 1);
	world_pass(w, 700);
	assert_int_equal(phase(w), AP_PHASE_OPENING);
	assert_int_equal(world_count(w, "SELECT count(*) FROM recording"), 2);
}

static void a_capture_that_never_starts_backs_off_on_one_recording(void **state)
{
	struct world *w = *state;
	fake_captures()->refuse_start = true;
	ap_gatekeepers_link(w->keepers, true);
	world_enrol(w, &w->coach);
	world_enrol(w, &w->coachee);
	world_give(w, &w->coach);
	world_give(w, &w->coachee);
	ap_gatekeeper_leg(world_keeper(w), AP_COACH, true);
	ap_gatekeeper_leg(world_keeper(w), AP_COACHEE, true);
	world_pass(w, 4000);
	assert_int_equal(world_count(w, "SELECT count(*) FROM recording"), 1);
	assert_in_range(world_count(w, "SELECT count(*) FROM epoch"), 2, 5);
	assert_int_equal(world_count(w, "SELECT count(*) FROM epoch WHERE closed_leaf IS NULL"), 0);
	fake_captures()->refuse_start = false;
	world_pass(w, 8000);
	assert_int_equal(phase(w), AP_PHASE_OPENING);
}

static void the_link_and_the_sandbox_are_conditions(void **state)
{
	struct world *w = *state;
	world_open(w);
	ap_gatekeepers_link(w->keepers, false);
	world_settle(w);
	assert_int_equal(reasons(w), AP_GATE_REASON(DISCONNECTED) | AP_GATE_REASON(VAULT));
	ap_gatekeepers_link(w->keepers, true);
	fake_captures()->ready = false;
	ap_gatekeeper_leg(world_keeper(w), AP_COACH, true);
	ap_gatekeeper_leg(world_keeper(w), AP_COACHEE, true);
	assert_int_equal(reasons(w), AP_GATE_REASON(SANDBOX));
	fake_captures()->ready = true;
	world_pass(w, 100);
	assert_int_equal(phase(w), AP_PHASE_OPENING);
}

static void lockdown_and_a_lost_tap_close(void **state)
{
	struct world *w = *state;
	world_open(w);
	ap_gatekeeper_tap_lost(world_keeper(w), w->told.generation + 1);
	assert_int_equal(phase(w), AP_PHASE_OPEN);
	ap_gatekeeper_tap_lost(world_keeper(w), w->told.generation);
	world_settle(w);
	assert_int_equal(reasons(w), AP_GATE_REASON(VAULT));
	world_pass(w, 700);
	ap_gatekeepers_tap_opened(w->keepers, &w->session, w->told.generation, true);
	assert_int_equal(phase(w), AP_PHASE_OPEN);
	assert_true(ap_ok(ap_vault_set_lockdown(w->v, true)));
	ap_gatekeepers_look(w->keepers);
	world_settle(w);
	assert_true(reasons(w) & AP_GATE_REASON(LOCKDOWN));
	assert_true(ap_ok(ap_vault_set_lockdown(w->v, false)));
	ap_gatekeepers_look(w->keepers);
	assert_int_equal(phase(w), AP_PHASE_OPENING);
}

static void count_done(void *data)
{
	++*(unsigned *)data;
}

static void finishing_flushes_and_seals(void **state)
{
	struct world *w = *state;
	unsigned done = 0;
	world_open(w);
	fake_capture_segment(AP_COACH, 0, 2048);
	assert_true(ap_ok(ap_db_session_set_state(ap_vault_db(w->v), &w->session, AP_SESSION_ENDED, w->wall_ms)));
	ap_gatekeeper_reload(world_keeper(w));
	ap_gatekeeper_finish(world_keeper(w), AP_GATE_REASON(ENDED), count_done, &done);
	assert_int_equal(done, 0);
	world_settle(w);
	assert_int_equal(done, 1);
	assert_int_equal(world_count(w, "SELECT count(*) FROM recording WHERE state = 'sealed' AND sealed_leaf IS NOT NULL"
					" AND manifest_signature IS NOT NULL AND duration_ms = 1000"),
			 1);
	assert_int_equal(world_count(w, "SELECT expires_ms - sealed_ms FROM recording"), INT64_C(30) * 86400000);
	ap_gatekeeper_finish(world_keeper(w), 0, count_done, &done);
	assert_int_equal(done, 2);
}

static void a_held_recording_is_sealed_not_erased(void **state)
{
	struct world *w = *state;
	world_open(w);
	w->hold_erasures = true;
	g_autofree char *body = world_statement(w, &w->coach, "ConsentWithdrawn", "recording", NULL, NULL);
	assert_string_equal(world_put(w, &w->coach, body, NULL), "ok");
	assert_int_equal(world_count(w, "SELECT count(*) FROM recording WHERE state = 'sealed' AND manifest IS NOT NULL"), 1);
	assert_int_equal(world_count(w, "SELECT count(*) FROM erasure"), 0);
}

static void a_recording_both_left_is_sealed(void **state)
{
	struct world *w = *state;
	struct ap_uuid session;
	world_open(w);
	ap_gatekeeper_leg(world_keeper(w), AP_COACH, false);
	ap_gatekeeper_leg(world_keeper(w), AP_COACHEE, false);
	assert_true(ap_ok(ap_config_set(w->config, "vault.seal_idle_minutes", "1")));
	world_pass(w, 59000);
	assert_int_equal(world_count(w, "SELECT count(*) FROM recording WHERE state = 'recording'"), 1);
	world_pass(w, 2000);
	assert_int_equal(world_count(w, "SELECT count(*) FROM recording WHERE state = 'sealed'"), 1);
	assert_false(ap_gatekeepers_overdue(w->keepers, &session));
	ap_gatekeeper_leg(world_keeper(w), AP_COACH, true);
	ap_gatekeeper_leg(world_keeper(w), AP_COACHEE, true);
	assert_int_equal(phase(w), AP_PHASE_OPENING);
	assert_int_equal(world_count(w, "SELECT count(*) FROM recording"), 2);
	assert_true(ap_ok(ap_config_set(w->config, "gateway.max_session_minutes", "1")));
	assert_true(ap_gatekeepers_overdue(w->keepers, &session));
	assert_true(ap_uuid_equal(&session, &w->session));
}

/* The longest time of a session counts from the first connection, whatever restarts meanwhile. */
static void its_time_counts_on_over_a_restart(void **state)
{
	struct world *w = *state;
	struct ap_uuid session;
	assert_true(ap_ok(ap_config_set(w->config, "gateway.max_session_minutes", "2")));
	ap_gatekeeper_leg(world_keeper(w), AP_COACH, true);
	world_pass(w, 60000);
	world_crash(w);
	ap_gatekeeper_leg(world_keeper(w), AP_COACH, true);
	world_pass(w, 59000);
	assert_false(ap_gatekeepers_overdue(w->keepers, &session));
	world_pass(w, 2000);
	assert_true(ap_gatekeepers_overdue(w->keepers, &session));
}

static void an_open_gate_without_media_is_told(void **state)
{
	struct world *w = *state;
	world_open(w);
	g_string_truncate(w->told.events, 0);
	world_pass(w, 900);
	assert_null(strstr(w->told.events->str, "recording"));
	world_pass(w, 200);
	assert_non_null(strstr(w->told.events->str, "\"media\":false"));
	g_string_truncate(w->told.events, 0);
	fake_captures()->last->events->first_frame(fake_captures()->last->ctx, w->told.generation);
	assert_non_null(strstr(w->told.events->str, "\"media\":true"));
}

static void shutting_down_seals_everything(void **state)
{
	struct world *w = *state;
	unsigned done = 0;
	world_open(w);
	ap_gatekeepers_shut_down(w->keepers, count_done, &done);
	world_settle(w);
	assert_int_equal(done, 1);
	assert_int_equal(phase(w), AP_PHASE_CLOSED);
	assert_int_equal(world_count(w, "SELECT count(*) FROM recording WHERE state = 'sealed'"), 1);
}

static void run_sql(struct world *w, const char *sql)
{
	assert_true(ap_ok(ap_db_run(ap_vault_db(w->v), sql, AP_VALUES(AP_V_UUID(&w->session)))));
	ap_gatekeeper_reload(world_keeper(w));
	world_settle(w);
}

/* Frozen is not to grow (R20): not by the recording under way either. */
static void a_restriction_closes_and_keeps_closed(void **state)
{
	struct world *w = *state;
	world_open(w);
	run_sql(w, "INSERT INTO request (id, session, role, type, detail, state, created_ms, due_ms, leaf)"
		   " VALUES (?1, ?1, 1, 'restriction', '', 'done', 1, 2, 1)");
	assert_int_equal(phase(w), AP_PHASE_CLOSED);
	assert_int_equal(reasons(w), AP_GATE_REASON(POLICY));
	ap_gatekeeper_leg(world_keeper(w), AP_COACH, false);
	ap_gatekeeper_leg(world_keeper(w), AP_COACH, true);
	world_pass(w, 2000);
	assert_int_equal(phase(w), AP_PHASE_CLOSED);
	run_sql(w, "UPDATE request SET state = 'refused' WHERE session = ?1");
	assert_int_equal(phase(w), AP_PHASE_OPENING);
}

/* Who promises presence while the gate is open has the whole time to be heard for the first time. */
static void a_promise_made_while_open_begins_then(void **state)
{
	struct world *w = *state;
	world_open(w);
	world_pass(w, 20000);
	randombytes_buf(w->coach.share, sizeof w->coach.share);
	g_autofree char *body = world_statement(w, &w->coach, "ConsentGiven", "recording", with_presence, NULL);
	assert_string_equal(world_put(w, &w->coach, body, NULL), "ok");
	world_pass(w, 11800);
	assert_int_equal(phase(w), AP_PHASE_OPEN);
	assert_int_equal(w->told.taps_opened, 1);
	world_pass(w, 400);
	assert_int_equal(phase(w), AP_PHASE_CLOSED);
	assert_int_equal(reasons(w), AP_GATE_REASON(PRESENCE));
}

/* A withdrawal throws away what waits in its own gate, not what a later one recorded. */
static void a_withdrawal_from_a_closed_gate_discards_nothing_later(void **state)
{
	struct world *w = *state;
	world_open(w);
	ap_gatekeeper_leg(world_keeper(w), AP_COACHEE, false);
	world_settle(w);
	g_autofree char *body = world_statement(w, &w->coach, "ConsentWithdrawn", "recording", NULL, NULL);
	assert_string_equal(world_put(w, &w->coach, body, NULL), "ok");
	randombytes_buf(w->coach.share, sizeof w->coach.share);
	world_give(w, &w->coach);
	ap_gatekeeper_leg(world_keeper(w), AP_COACHEE, true);
	ap_gatekeepers_tap_opened(w->keepers, &w->session, w->told.generation, true);
	assert_int_equal(phase(w), AP_PHASE_OPEN);
	ap_gatekeeper_leg(world_keeper(w), AP_COACHEE, false);
	assert_int_equal(phase(w), AP_PHASE_CLOSING);
	assert_false(fake_captures()->last->discarded);
}

/* R31: what the disk did not take is written when it does, and outlives a crash after that. */
static void a_pause_that_could_not_be_kept_is_kept_later(void **state)
{
	struct world *w = *state;
	struct ap_db *blocker = NULL;
	g_autofree char *path = g_build_filename(w->home, "vault", "vault.db", NULL);
	world_open(w);
	assert_true(ap_ok(ap_db_open(path, ap_schema_vault, &blocker)));
	ap_db_set_patience(ap_vault_db(w->v), 1);
	assert_true(ap_ok(ap_db_begin(blocker)));
	ap_gatekeeper_pause(world_keeper(w), 3, 0);
	world_pass(w, 1500);
	assert_int_equal(phase(w), AP_PHASE_CLOSED);
	ap_db_rollback(blocker);
	ap_db_close(blocker);
	world_pass(w, 1500);
	assert_int_equal(world_count(w, "SELECT count(*) FROM session WHERE paused = 3"), 1);
	world_crash(w);
	assert_true(reasons(w) & AP_GATE_REASON(PAUSED));
}

static void a_keeper_that_nothing_depends_on_is_let_go(void **state)
{
	struct world *w = *state;
	ap_gatekeepers_link(w->keepers, true);
	world_enrol(w, &w->coach);
	world_give(w, &w->coach);
	assert_true(ap_gatekeepers_watch(w->keepers, &w->session));
	world_pass(w, 599000);
	assert_true(ap_gatekeepers_watch(w->keepers, &w->session));
	world_pass(w, 2000);
	assert_false(ap_gatekeepers_watch(w->keepers, &w->session));
	assert_int_equal(reasons(w), AP_GATE_REASON(CONSENT_MISSING) | AP_GATE_REASON(DISCONNECTED));
	world_enrol(w, &w->coachee);
	world_give(w, &w->coachee); /* what was given before counts */
	ap_gatekeeper_leg(world_keeper(w), AP_COACH, true);
	ap_gatekeeper_leg(world_keeper(w), AP_COACHEE, true);
	assert_int_equal(phase(w), AP_PHASE_OPENING);
}

/* Its end, a day later, is told by its keeper; a pause that vault.db lacks, and who withdrew meanwhile, too. */
static void a_keeper_that_knows_more_than_the_database_stays(void **state)
{
	struct world *w = *state;
	struct ap_gatekeeper *k = world_keeper(w);
	ap_gatekeepers_link(w->keepers, true);
	ap_gatekeeper_block(k, AP_COACH, true);
	world_pass(w, 700000);
	assert_true(ap_gatekeepers_watch(w->keepers, &w->session));
	ap_gatekeeper_block(k, AP_COACH, false);
	ap_gatekeeper_leg(k, AP_COACH, true);
	ap_gatekeeper_leg(k, AP_COACH, false);
	world_pass(w, 700000);
	assert_true(ap_gatekeepers_watch(w->keepers, &w->session));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_opens_before_both_consents),
		TEST(opening_hands_out_a_one_way_pair),
		TEST(a_disconnection_flushes_and_a_reconnection_goes_on),
		TEST(withdrawing_discards_and_orders_erasure),
		TEST(consenting_again_makes_a_new_recording),
		TEST(only_an_open_gate_is_renewed),
		TEST(a_gate_that_was_not_renewed_is_closed_and_opens_anew),
		TEST(a_capture_that_does_not_obey_is_killed),
		TEST(either_pauses_and_both_must_resume),
		TEST(lost_presence_closes_and_its_return_opens),
		TEST(another_device_closes_until_it_gives),
		TEST(a_crash_ends_the_recording_and_is_told),
		TEST(a_capture_that_never_starts_backs_off_on_one_recording),
		TEST(the_link_and_the_sandbox_are_conditions),
		TEST(lockdown_and_a_lost_tap_close),
		TEST(finishing_flushes_and_seals),
		TEST(a_held_recording_is_sealed_not_erased),
		TEST(a_recording_both_left_is_sealed),
		TEST(its_time_counts_on_over_a_restart),
		TEST(an_open_gate_without_media_is_told),
		TEST(shutting_down_seals_everything),
		TEST(a_restriction_closes_and_keeps_closed),
		TEST(a_promise_made_while_open_begins_then),
		TEST(a_withdrawal_from_a_closed_gate_discards_nothing_later),
		TEST(a_pause_that_could_not_be_kept_is_kept_later),
		TEST(a_keeper_that_nothing_depends_on_is_let_go),
		TEST(a_keeper_that_knows_more_than_the_database_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
