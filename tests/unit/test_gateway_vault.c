/*
 * What the gateway does with the vault beside it: taps closed before a decision is told, a vault away or slow, sessions
 * and tokens it ends. Fake vault and fake media plane: see tests/testlib/world.h.
 */
#include "gateway/switchboard.h"
#include "testlib/world.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define GIVE "{\"statement\":\"{\\\"event\\\":\\\"ConsentGiven\\\"}\"}"
#define WITHDRAW "{\"statement\":\"{\\\"event\\\":\\\"ConsentWithdrawn\\\"}\"}"

static void a_give_leaves_the_tap_alone(void **state)
{
	struct world *w = *state;
	world_join_only(w, "coach-token");
	int gate = world_open_gate(w, 5);
	world_expect(w, "POST", "/v1/consents", "coach-token", TYPE_JSON, GIVE, 201, "");
	assert_true(fake_media_log()->tap_fd >= 0);
	close(gate);
}

static const char *const against[] = { WITHDRAW,
				       "{\"statement\":\"{\\\"event\\\":\\\"ConsentRefused\\\"}\"}",
				       "{\"statement\":\"{\\\"event\\\":\\\"consentgiven\\\"}\"}",
				       "{\"statement\":\"not json\"}",
				       "{\"statement\":7}",
				       "not json at all" };

/* Whatever is not clearly a give: the tap is closed and confirmed closed before the vault hears of it. */
static void everything_else_drops_the_tap_first(void **state)
{
	struct world *w = *state;
	world_join_only(w, "coach-token");
	for (size_t i = 0; i < G_N_ELEMENTS(against); i++) {
		int gate = world_open_gate(w, 10 + i);
		unsigned closed = fake_media_log()->taps_closed;
		fake_vault_clear_calls(w->vault);
		fake_media_hold();
		g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/v1/consents", ap_http_port(w->gw.http));
		g_autoptr(SoupMessage) message = soup_message_new("POST", url);
		g_autoptr(GBytes) body = g_bytes_new_static(against[i], strlen(against[i]));
		soup_message_set_request_body_from_bytes(message, TYPE_JSON, body);
		soup_message_headers_append(soup_message_get_request_headers(message), "Authorization",
					    "Bearer coach-token");
		soup_session_send_and_read_async(w->client, message, 0, NULL, NULL, NULL);
		world_run(60);
		assert_int_equal(fake_media_log()->taps_closed, closed + 1);
		assert_null(strstr(fake_vault_calls(w->vault), "ConsentPut"));
		assert_int_equal(soup_message_get_status(message), 0);
		fake_media_release();
		for (int n = 0; n < 1000 && soup_message_get_status(message) == 0; n++)
			world_run(2);
		assert_non_null(strstr(fake_vault_calls(w->vault), "ConsentPut"));
		assert_int_equal(soup_message_get_status(message), 201);
		close(gate);
	}
	assert_int_equal(fake_media_log()->tap_fd, -1);
}

static void a_refused_statement_still_shows_the_lost_tap(void **state)
{
	struct world *w = *state;
	world_join_only(w, "coach-token");
	int gate = world_open_gate(w, 21), done = 0;
	uint64_t packets = 0;
	fake_vault_refuse(w->vault, "statement-malformed");
	fake_vault_clear_calls(w->vault);
	world_expect(w, "POST", "/v1/consents", "coach-token", TYPE_JSON, against[3], 400, "statement-malformed");
	world_run(30);
	assert_string_equal(fake_vault_calls(w->vault), "ConsentPut TapLost ");
	fake_vault_tap_close(w->vault, 21, &done, &packets);
	world_wait(&done);
	assert_int_equal(packets, 7); /* the counts of the tap we closed ourselves */
	close(gate);
}

static void a_stranger_cannot_drop_a_tap(void **state)
{
	struct world *w = *state;
	world_join_only(w, "coach-token");
	int gate = world_open_gate(w, 6);
	world_expect(w, "POST", "/v1/consents", "wrong", TYPE_JSON, WITHDRAW, 401, "token-invalid");
	world_expect(w, "POST", "/v1/consents", NULL, TYPE_JSON, WITHDRAW, 401, "token-invalid");
	world_expect(w, "GET", "/v1/consents", "coach-token", NULL, NULL, 405, "about:blank");
	assert_true(fake_media_log()->tap_fd >= 0);
	close(gate);
}

static void pausing_drops_the_tap_first(void **state)
{
	struct world *w = *state;
	world_join_only(w, "coachee-token");
	int gate = world_open_gate(w, 8);
	world_expect(w, "POST", "/v1/party/pause", "coachee-token", NULL, NULL, 200, "");
	assert_int_equal(fake_media_log()->tap_fd, -1);
	close(gate);
}

static void a_vault_away_costs_only_what_it_does(void **state)
{
	struct world *w = *state;
	struct listener *coach = world_listen(w, "coach-token", NULL);
	listener_expect(coach, "event: peer");
	struct answer a = world_join(w, "coach-token", NULL);
	int gate = world_open_gate(w, 30);
	world_lose_vault(w);
	listener_expect(coach, "event: gate\ndata: {\"state\":\"closed\",\"reasons\":[\"vault\"]}\n\n");
	assert_int_equal(fake_media_log()->tap_fd, -1); /* nothing is recorded without a vault */
	assert_int_equal(fake_media_log()->drops, 0);	/* the call goes on */

	struct answer away = world_ask(w, "GET", "/v1/party", "coach-token", NULL, NULL, NULL);
	assert_int_equal(away.status, 503);
	assert_string_equal(answer_problem(&away), "vault-unavailable");
	assert_non_null(away.retry_after);
	answer_clear(&away);
	world_expect(w, "GET", "/readyz", NULL, NULL, NULL, 503, "vault-unavailable");
	world_expect(w, "GET", "/healthz", NULL, NULL, NULL, 200, "");
	/* Unknown here. */
	world_expect(w, "POST", "/v1/media", "coachee-token", TYPE_SDP, "v=0\r\n", 503, "vault-unavailable");
	struct answer again = world_join(w, "coach-token", NULL); /* known: may reconnect, and restart ICE */
	struct answer patched = world_ask(w, "PATCH", again.location, "coach-token", TYPE_FRAGMENT,
					  "a=ice-ufrag:wxyz\r\na=ice-pwd:0123456789012345678901\r\n", "If-Match: *");
	assert_int_equal(patched.status, 200);
	answer_clear(&patched);
	answer_clear(&again);

	world_expect(w, "POST", "/v1/consents", "coach-token", TYPE_JSON, WITHDRAW, 503, "vault-unavailable");
	fake_media_report(AP_COACH, AP_LEG_CONNECTED);
	world_link_vault(w);
	world_run(50);
	assert_string_equal(fake_vault_calls(w->vault), "Hello ConsentPut LegState(coach,1) "); /* in this order */
	assert_int_equal(w->gw.undelivered.length, 0);
	answer_clear(&a);
	listener_free(coach);
	close(gate);
}

static void a_slow_vault_is_answered_for(void **state)
{
	struct world *w = *state;
	world_join_only(w, "coach-token");
	int gate = world_open_gate(w, 40), done = 0;
	fake_vault_mute(w->vault, true);
	int64_t start = g_get_monotonic_time();
	world_expect(w, "POST", "/v1/consents", "coach-token", TYPE_JSON, WITHDRAW, 503, "vault-unavailable");
	assert_true(g_get_monotonic_time() - start < 6500000);
	assert_int_equal(fake_media_log()->tap_fd, -1);
	assert_int_equal(w->gw.undelivered.length, 1);
	fake_vault_mute(w->vault, false);
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	fake_vault_tap_open(w->vault, 41, pair[1], &done);
	world_wait(&done);
	assert_int_equal(done, 100); /* no tap while a decision waits */
	close(pair[0]);
	close(pair[1]);
	close(gate);
}

static void the_vault_ends_a_session(void **state)
{
	struct world *w = *state;
	struct listener *coach = world_listen(w, "coach-token", NULL);
	listener_expect(coach, "event: peer");
	world_join_only(w, "coach-token");
	int gate = world_open_gate(w, 50), done = 0;
	fake_vault_session_close(w->vault, "ended", &done);
	world_wait(&done);
	assert_int_equal(done, 1);
	listener_expect(coach, "event: end\ndata: {\"reason\":\"ended\"}\n\n");
	world_wait(&coach->closed);
	assert_int_equal(fake_media_log()->drops, 2);
	assert_int_equal(fake_media_log()->tap_fd, -1);
	assert_int_equal(ap_sessions_count(w->gw.sessions), 0);
	listener_free(coach);
	close(gate);
}

static void a_revoked_token_hangs_up(void **state)
{
	struct world *w = *state;
	struct listener *coach = world_listen(w, "coach-token", NULL);
	listener_expect(coach, "event: peer");
	world_join_only(w, "coach-token");
	world_join_only(w, "coachee-token");
	fake_vault_token_revoked(w->vault, "coach-token");
	world_wait(&coach->closed);
	assert_int_equal(fake_media_log()->drops, 1);
	listener_free(coach);
}

static void a_lost_tap_is_reported(void **state)
{
	struct world *w = *state;
	world_join_only(w, "coach-token");
	int gate = world_open_gate(w, 60);
	struct ap_uuid id;
	assert_true(ap_uuid_parse(FAKE_SESSION, &id));
	fake_vault_clear_calls(w->vault);
	ap_switchboard_media.tap_lost(&w->gw, &id, 59); /* an older one: nothing */
	ap_switchboard_media.tap_lost(&w->gw, &id, 60);
	world_run(30);
	assert_string_equal(fake_vault_calls(w->vault), "TapLost ");
	close(gate);
}

int main(void)
{
	assert_true(sodium_init() >= 0);
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_give_leaves_the_tap_alone),
		TEST(everything_else_drops_the_tap_first),
		TEST(a_refused_statement_still_shows_the_lost_tap),
		TEST(a_stranger_cannot_drop_a_tap),
		TEST(pausing_drops_the_tap_first),
		TEST(a_vault_away_costs_only_what_it_does),
		TEST(a_slow_vault_is_answered_for),
		TEST(the_vault_ends_a_session),
		TEST(a_revoked_token_hangs_up),
		TEST(a_lost_tap_is_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
