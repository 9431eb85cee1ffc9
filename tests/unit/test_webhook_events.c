/*
 * What platforms are told and what not: R34, R41. The gate, consents and captures are the vault's own (fakes for gateway and
 * capture); the queue is the real one, read as a platform would receive it.
 */
#include "tests/testlib/fake_capture.h"
#include "tests/testlib/vault_world.h"

#include "recorder/consent/session_end.h"
#include "recorder/db/db_session.h"
#include "recorder/webhook/webhook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static struct ap_rights rights;

static void use_queue(struct world *w)
{
	rights = *ap_vault_rights(w->v);
	rights.webhook_enqueue = ap_webhook_queue;
	ap_vault_set_rights(w->v, &rights);
}

static struct world *world_told(void)
{
	struct world *w = world_new(NULL);
	g_autofree char *answer = NULL;
	use_queue(w);
	assert_true(ap_ok(ap_webhook_put(w->v, w->tenant, "all", "{\"url\":\"https://example.org/\",\"events\":[\"*\"]}", &answer)));
	return w;
}

/* Every delivery in the order it was queued, one a line, without times; ids as "session" and "r1", "r2", …. */
static char *stream(struct world *w)
{
	g_autoptr(GString) all = g_string_new(NULL);
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	char session[AP_UUID_TEXT];
	ap_uuid_text(&w->session, session);
	struct ap_rows *rows = ap_db_query(ap_vault_db(w->v), "SELECT body FROM webhook_delivery ORDER BY created_ms, event", AP_NO_VALUES);
	while (ap_rows_next(rows)) {
		g_autoptr(JsonNode) node = json_from_string(ap_row_text(rows, 0), NULL);
		JsonObject *o = json_node_get_object(node);
		g_autofree char *data = json_to_string(json_object_get_member(o, "data"), FALSE);
		g_string_append_printf(all, "%s %s\n", json_object_get_string_member(o, "type"), data);
	}
	assert_true(ap_ok(ap_rows_end(rows)));
	g_string_replace(all, session, "session", 0);
	g_autoptr(GRegex) uuid = g_regex_new("[0-9a-f]{8}-[0-9a-f-]{27}", 0, 0, NULL);
	for (;;) {
		g_autoptr(GMatchInfo) match = NULL;
		g_autofree char *name = g_strdup_printf("r%u", ids->len + 1);
		if (!g_regex_match(uuid, all->str, 0, &match))
			break;
		g_ptr_array_add(ids, g_match_info_fetch(match, 0));
		g_string_replace(all, g_ptr_array_index(ids, ids->len - 1), name, 0);
	}
	return g_string_free(g_steal_pointer(&all), FALSE);
}

static void say(struct world *w, struct person *p, const char *event, const char *purposes)
{
	world_pass(w, 100);
	g_autofree char *body = world_statement(w, p, event, purposes, NULL, NULL);
	assert_string_equal(world_put(w, p, body, NULL), "ok");
	world_settle(w);
}

static void joined(struct world *w)
{
	world_enrol(w, &w->coach);
	world_enrol(w, &w->coachee);
	ap_gatekeepers_link(w->keepers, true);
	ap_gatekeeper_leg(world_keeper(w), AP_COACH, true);
	ap_gatekeeper_leg(world_keeper(w), AP_COACHEE, true);
}

/* The gateway and the capture have their ends. */
static void opened(struct world *w)
{
	ap_gatekeepers_tap_opened(w->keepers, &w->session, w->told.generation, true);
	world_pass(w, 100);
}

static void leave(struct world *w)
{
	world_pass(w, 1000);
	ap_gatekeeper_leg(world_keeper(w), AP_COACHEE, false);
	world_pass(w, 1000);
}

/* ---- R34: two sessions, one with a refusal, one without a word; told alike ---- */

typedef void (*part)(struct world *w);

static void compare(part before, part refusal, part after)
{
	char *streams[2] = {NULL, NULL};
	for (int i = 0; i < 2; i++) {
		struct world *w = world_told();
		before(w);
		if (i == 1)
			refusal(w);
		after(w);
		streams[i] = stream(w);
		world_free(w);
	}
	assert_string_equal(streams[0], streams[1]);
	g_free(streams[0]);
	g_free(streams[1]);
}

static void one_gives(struct world *w)
{
	joined(w);
	world_give(w, &w->coach);
	world_pass(w, 500);
}

static void coachee_refuses(struct world *w)
{
	say(w, &w->coachee, "ConsentRefused", "recording,supervision");
}

static void R34_a_refusal_and_no_answer_are_told_alike(void **state)
{
	(void)state;
	compare(joined, coachee_refuses, leave);
	compare(one_gives, coachee_refuses, leave);
}

static void both_give(struct world *w)
{
	joined(w);
	world_give(w, &w->coach);
	world_give(w, &w->coachee);
	opened(w);
}

/* It closes the gate for a moment, in everyone's sight but the platform's. */
static void refuses_another_purpose(struct world *w)
{
	say(w, &w->coachee, "ConsentRefused", "supervision,quality");
	assert_int_equal(ap_gatekeeper_phase(world_keeper(w)), AP_PHASE_OPENING);
	opened(w);
	assert_int_equal(ap_gatekeeper_phase(world_keeper(w)), AP_PHASE_OPEN);
}

static void R34_a_purpose_refused_while_recording_is_told_no_more_than_silence(void **state)
{
	(void)state;
	compare(both_give, refuses_another_purpose, leave);
}

/* Nor can it tell who withdrew. */
static void withdraws(struct world *w, enum ap_role role)
{
	both_give(w);
	say(w, role == AP_COACH ? &w->coach : &w->coachee, "ConsentWithdrawn", "recording");
	leave(w);
}

static void R34_who_withdrew_is_not_told(void **state)
{
	(void)state;
	char *streams[2] = {NULL, NULL};
	for (int i = 0; i < 2; i++) {
		struct world *w = world_told();
		withdraws(w, i ? AP_COACH : AP_COACHEE);
		streams[i] = stream(w);
		world_free(w);
	}
	assert_string_equal(streams[0], streams[1]);
	assert_non_null(strstr(streams[0], "consent.changed"));
	assert_null(strstr(streams[0], "role"));
	assert_null(strstr(streams[0], "coach"));
	g_free(streams[0]);
	g_free(streams[1]);
}

/* ---- what is told ---- */

static void a_session_is_told_from_end_to_end(void **state)
{
	(void)state;
	struct world *w = world_told();
	both_give(w);
	say(w, &w->coach, "ConsentGiven", "quality");
	say(w, &w->coachee, "ConsentGiven", "quality");
	say(w, &w->coach, "ConsentWithdrawn", "recording");
	g_autofree char *told = stream(w);
	assert_string_equal(told, "consent.changed {\"given\":[\"recording\"],\"session\":\"session\"}\n"
				  "gate.opened {\"recording\":\"r1\",\"session\":\"session\"}\n"
				  "recording.started {\"session\":\"session\",\"recording\":\"r1\"}\n"
				  "consent.changed {\"given\":[\"recording\",\"quality\"],\"session\":\"session\"}\n"
				  "consent.changed {\"given\":[],\"session\":\"session\"}\n"
				  "gate.closed {\"reasons\":[\"consent_missing\"],\"session\":\"session\"}\n");
	world_free(w);
}

static void a_pause_is_told(void **state)
{
	(void)state;
	struct world *w = world_told();
	both_give(w);
	world_pass(w, 1000);
	ap_gatekeeper_pause(world_keeper(w), 0, 0);
	assert_true(ap_ok(ap_db_session_set_paused(ap_vault_db(w->v), &w->session, 1)));
	ap_gatekeeper_reload(world_keeper(w));
	world_pass(w, 300);
	g_autofree char *told = stream(w);
	assert_non_null(strstr(told, "gate.closed {\"reasons\":[\"paused\"],\"session\":\"session\"}\n"));
	world_free(w);
}

/* Whoever was told that it opened is told that it closed, though the vault died in between. */
static void a_crash_while_open_is_told_afterwards(void **state)
{
	(void)state;
	struct world *w = world_told();
	both_give(w);
	world_crash(w);
	use_queue(w);
	world_keeper(w);
	world_pass(w, 200);
	g_autofree char *told = stream(w);
	assert_non_null(strstr(told, "gate.closed {\"reasons\":["));
	world_pass(w, 3000);
	g_autofree char *later = stream(w);
	assert_string_equal(told, later); /* once */
	GArray *ids = NULL;
	assert_true(ap_ok(ap_db_session_gates_told(ap_vault_db(w->v), &ids)));
	assert_int_equal(ids->len, 0);
	g_array_unref(ids);
	world_free(w);
}

/* ---- it stops nothing ---- */

static struct ap_result broken(struct ap_vault *v, struct ap_db *db, int64_t tenant, const char *event, const char *data)
{
	(void)v, (void)db, (void)tenant, (void)event, (void)data;
	return ap_fail(AP_ERR_IO, "database", "broken");
}

static void a_withdrawal_and_a_closing_do_not_fail_for_webhooks(void **state)
{
	(void)state;
	struct world *w = world_told();
	both_give(w);
	rights.webhook_enqueue = broken;
	say(w, &w->coach, "ConsentWithdrawn", "recording");
	assert_int_equal(w->erasures_ordered, 1);
	assert_int_equal(world_count(w, "SELECT count(*) FROM consent WHERE event = 'ConsentWithdrawn'"), 1);
	assert_int_equal(world_count(w, "SELECT count(*) FROM epoch WHERE closed_ms IS NULL"), 0);
	assert_int_equal(ap_gatekeeper_phase(world_keeper(w)), AP_PHASE_CLOSED);
	world_free(w);
}

/* The commit of a decision and what is told of it are one: without the other there is neither. */
static void what_is_told_is_in_the_decisions_own_transaction(void **state)
{
	(void)state;
	struct world *w = world_told();
	joined(w);
	world_give(w, &w->coach);
	rights.webhook_enqueue = broken;
	g_autofree char *body = world_statement(w, &w->coachee, "ConsentGiven", "recording", NULL, NULL);
	assert_string_not_equal(world_put(w, &w->coachee, body, NULL), "ok");
	assert_int_equal(world_count(w, "SELECT count(*) FROM consent"), 1);
	assert_int_equal(world_count(w, "SELECT count(*) FROM webhook_delivery"), 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(R34_a_refusal_and_no_answer_are_told_alike),
		cmocka_unit_test(R34_a_purpose_refused_while_recording_is_told_no_more_than_silence),
		cmocka_unit_test(R34_who_withdrew_is_not_told),
		cmocka_unit_test(a_session_is_told_from_end_to_end),
		cmocka_unit_test(a_pause_is_told),
		cmocka_unit_test(a_crash_while_open_is_told_afterwards),
		cmocka_unit_test(a_withdrawal_and_a_closing_do_not_fail_for_webhooks),
		cmocka_unit_test(what_is_told_is_in_the_decisions_own_transaction),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
