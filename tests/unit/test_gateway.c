/* The whole gateway over real HTTP, with a fake vault and a fake media plane: see tests/testlib/world.h. */
#include "testlib/world.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define SDP "application/sdp"
#define FRAGMENT "application/trickle-ice-sdpfrag"
#define JSON "application/json"

static int begin(void **state)
{
	struct world *w = g_new0(struct world, 1);
	world_begin(w, "gateway.rate_per_minute=100000");
	*state = w;
	return 0;
}

static int end(void **state)
{
	world_end(*state);
	g_free(*state);
	return 0;
}

/* Status and problem of one request. */
static void expect(struct world *w, const char *method, const char *path, const char *token, const char *type,
		   const char *body, unsigned status, const char *problem)
{
	struct answer a = world_ask(w, method, path, token, type, body, NULL);
	if (a.status != status || strcmp(answer_problem(&a), problem) != 0)
		print_error("%s %s: %u %s, wanted %u %s\n", method, path, a.status, answer_problem(&a), status, problem);
	assert_int_equal(a.status, status);
	assert_string_equal(answer_problem(&a), problem);
	answer_clear(&a);
}

static struct answer join(struct world *w, const char *token, const char *page)
{
	g_autofree char *offer = world_read("sdp/chromium-av.sdp");
	g_autofree char *headers = page ? g_strconcat("Aparte-Page: ", page, NULL) : NULL;
	struct answer a = world_ask(w, "POST", "/v1/media", token, SDP, offer, headers);
	assert_int_equal(a.status, 201);
	return a;
}

static void join_only(struct world *w, const char *token)
{
	struct answer a = join(w, token, NULL);
	answer_clear(&a);
}

/* Opens a gate as the vault would; returns the reading end. */
static int open_gate(struct world *w, uint64_t generation)
{
	int pair[2], done = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	fake_vault_tap_open(w->vault, generation, pair[1], &done);
	close(pair[1]);
	world_wait(&done);
	assert_int_equal(done, 1);
	return pair[0];
}

static void bad_input_gets_a_clear_problem(void **state)
{
	struct world *w = *state;
	g_autofree char *chromium = world_read("sdp/chromium-av.sdp");
	g_autoptr(GString) no_codec = g_string_new(chromium);
	g_string_replace(no_codec, "VP8/90000", "VP7/90000", 0);
	g_autofree char *long_json = g_strnfill(20000, ' '), *long_sdp = g_strnfill(70000, 'x');
	g_autofree char *deep = g_strnfill(8000, '['), *long_token = g_strnfill(200, 'a'), *huge = g_strnfill(200000, 'y');
	const struct {
		const char *method, *path, *token, *type, *body;
		unsigned status;
		const char *problem;
	} cases[] = {
		{ "POST", "/v1/media", "coach-token", SDP, "v=0\r\nnonsense", 422, "sdp-malformed" },
		{ "POST", "/v1/media", "coach-token", SDP, "{}", 422, "sdp-malformed" },
		{ "POST", "/v1/media", "coach-token", SDP, no_codec->str, 422, "no-common-codec" },
		{ "POST", "/v1/media", "coach-token", JSON, chromium, 415, "media-type" },
		{ "POST", "/v1/media", "coach-token", SDP, long_sdp, 413, "too-large" },
		{ "POST", "/v1/media", "coach-token", SDP, huge, 413, "too-large" },
		{ "POST", "/v1/media", "wrong", SDP, chromium, 401, "token-invalid" },
		{ "POST", "/v1/media", NULL, SDP, chromium, 401, "token-invalid" },
		{ "POST", "/v1/media", "sp ace", SDP, chromium, 401, "token-invalid" },
		{ "POST", "/v1/media", long_token, SDP, chromium, 401, "token-invalid" },
		{ "POST", "/v1/sessions", "key", JSON, "{", 400, "malformed" },
		{ "POST", "/v1/sessions", "key", JSON, "[]", 400, "malformed" },
		{ "POST", "/v1/sessions", "key", JSON, deep, 400, "malformed" },
		{ "POST", "/v1/sessions", "key", JSON, "{\"a\":\"\xff\"}", 400, "malformed" },
		{ "POST", "/v1/sessions", "key", "text/plain", "{}", 415, "media-type" },
		{ "POST", "/v1/sessions", "key", JSON, long_json, 413, "too-large" },
		{ "POST", "/v1/sessions", NULL, JSON, "{}", 401, "token-invalid" },
		{ "POST", "/v1/sessions", "key", JSON, "{}", 201, "" },
		{ "PUT", "/v1/party/device", "coach-token", JSON, "nope", 400, "malformed" },
		{ "POST", "/v1/party/messages", "coach-token", "text/plain", long_json, 413, "too-large" },
		{ "GET", "/v1/nothing", NULL, NULL, NULL, 404, "not-found" },
		{ "GET", "/v1/ledger/secrets", NULL, NULL, NULL, 404, "not-found" },
		{ "PUT", "/v1/media", "coach-token", SDP, "x", 405, "about:blank" },
		{ "GET", "/web/missing.js", NULL, NULL, NULL, 404, "not-found" },
		{ "GET", "/web/.hidden", NULL, NULL, NULL, 404, "not-found" },
		{ "GET", "/web/..%2f..%2fetc%2fpasswd", NULL, NULL, NULL, 400, "malformed" },
		{ "GET", "/web/%ff", NULL, NULL, NULL, 400, "malformed" },
		{ "POST", "/v1/sessions/x/parties/sponsor/token", "key", NULL, NULL, 404, "not-found" },
		{ "GET", "/v1/party", "coach-token", NULL, NULL, 200, "" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		expect(w, cases[i].method, cases[i].path, cases[i].token, cases[i].type, cases[i].body, cases[i].status,
		       cases[i].problem);
	assert_int_equal(fake_media_log()->puts, 0);
}

static void every_route_reaches_the_vault(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *method, *path, *token, *body;
		unsigned status;
		const char *call;
	} cases[] = {
		{ "POST", "/v1/sessions", "key", "{}", 201, "SessionCreate " },
		{ "GET", "/v1/sessions/" FAKE_SESSION, "key", NULL, 200, "SessionGet " },
		{ "DELETE", "/v1/sessions/" FAKE_SESSION, "key", NULL, 204, "SessionEnd " },
		{ "POST", "/v1/sessions/" FAKE_SESSION "/parties/coach/token", "key", NULL, 201, "TokenRenew " },
		{ "PUT", "/v1/webhooks/w", "key", "{}", 200, "WebhookPut " },
		{ "GET", "/v1/party", "coach-token", NULL, 200, "PartyGet " },
		{ "PUT", "/v1/party/device", "coach-token", "{}", 204, "DevicePut " },
		{ "GET", "/v1/notice?lang=fr", "coach-token", NULL, 200, "NoticeGet " },
		{ "POST", "/v1/party/presence", "coach-token", "{}", 204, "PresencePut " },
		{ "POST", "/v1/party/pause", "coach-token", NULL, 200, "PartyOpen PauseSet " },
		{ "DELETE", "/v1/party/pause", "coach-token", NULL, 200, "PauseSet " },
		{ "GET", "/v1/party/recordings", "coach-token", NULL, 200, "PartyRecordings " },
		{ "GET", "/v1/party/accesses", "coach-token", NULL, 200, "PartyAccesses " },
		{ "GET", "/v1/party/receipts", "coach-token", NULL, 200, "PartyReceipts " },
		{ "POST", "/v1/party/requests", "coach-token", "{}", 201, "RequestCreate " },
		{ "GET", "/v1/party/requests", "coach-token", NULL, 200, "RequestGet " },
		{ "GET", "/v1/party/requests/r", "coach-token", NULL, 200, "RequestGet " },
		{ "GET", "/v1/ledger/checkpoint", NULL, NULL, 200, "LedgerGet " },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		fake_vault_clear_calls(w->vault);
		expect(w, cases[i].method, cases[i].path, cases[i].token, cases[i].body ? JSON : NULL, cases[i].body,
		       cases[i].status, "");
		assert_string_equal(fake_vault_calls(w->vault), cases[i].call);
	}
}

static void whip_from_offer_to_hang_up(void **state)
{
	struct world *w = *state;
	struct answer a = join(w, "coach-token", NULL);
	assert_string_equal(a.type, SDP);
	assert_true(g_str_has_prefix(a.location, "/v1/media/"));
	assert_true(g_str_has_prefix(a.etag, "\""));
	assert_non_null(strstr(a.body, "a=candidate:1 1 udp"));
	assert_non_null(strstr(a.body, "tcptype passive"));
	assert_int_equal(fake_media_log()->puts, 1);
	assert_int_equal(fake_media_log()->last_leg.local_ufrag[0], 'a');
	const uint32_t ssrc = fake_media_log()->last_leg.lines[AP_LINE_CAMERA].local_ssrc;

	static const char trickle[] = "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n";
	static const char restart[] = "a=ice-ufrag:wxyz\r\na=ice-pwd:0123456789012345678901\r\n";
	g_autofree char *match = g_strconcat("If-Match: ", a.etag, NULL);
	const struct {
		const char *headers, *body;
		unsigned status;
	} cases[] = { { NULL, trickle, 428 },		 { "If-Match: \"old\"", trickle, 412 }, { match, trickle, 204 },
		      { match, "junk", 422 },		 { "If-Match: *", trickle, 422 },	{ "If-Match: *", restart, 200 },
		      { match, trickle, 412 },		 { "If-Match: \"*\"", restart, 200 } };
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct answer p = world_ask(w, "PATCH", a.location, "coach-token", FRAGMENT, cases[i].body,
					    cases[i].headers);
		assert_int_equal(p.status, cases[i].status);
		if (p.status == 200) {
			assert_string_equal(p.type, FRAGMENT);
			assert_string_not_equal(p.etag, a.etag);
			assert_non_null(strstr(p.body, fake_media_log()->last_leg.local_ufrag));
			assert_string_equal(fake_media_log()->last_leg.remote_ufrag, "wxyz");
		}
		answer_clear(&p);
	}
	assert_int_equal(fake_media_log()->restarts, 2);
	expect(w, "DELETE", a.location, "coachee-token", NULL, NULL, 404, "not-found");

	/* A new offer replaces the leg, with the same outgoing SSRCs; the old resource is gone. */
	struct answer b = join(w, "coach-token", NULL);
	assert_true(fake_media_log()->last_leg.lines[AP_LINE_CAMERA].local_ssrc == ssrc);
	expect(w, "DELETE", a.location, "coach-token", NULL, NULL, 404, "not-found");
	expect(w, "DELETE", b.location, "coach-token", NULL, NULL, 200, "");
	assert_int_equal(fake_media_log()->drops, 1);
	answer_clear(&a);
	answer_clear(&b);
}

static void events_tell_what_happens(void **state)
{
	struct world *w = *state;
	struct listener *coach = world_listen(w, "coach-token", "page-1");
	struct listener *coachee = world_listen(w, "coachee-token", "page-2");
	listener_expect(coach, "event: gate\ndata: {\"state\":\"closed\",\"reasons\":[\"consent_missing\"]}\n\n");
	listener_expect(coach, "event: peer\ndata: {\"name\":\"P\",\"connected\":false}\n\n");
	listener_expect(coachee, "event: peer\n");
	join_only(w, "coach-token");
	fake_media_report(AP_COACH, AP_LEG_CONNECTED);
	listener_expect(coachee, "event: peer\ndata: {\"connected\":true}\n\n");
	fake_media_report(AP_COACH, AP_LEG_DISCONNECTED);
	listener_expect(coachee, "event: peer\ndata: {\"connected\":false}\n\n");
	assert_non_null(strstr(fake_vault_calls(w->vault), "LegState(coach,1) LegState(coach,0) "));
	assert_null(strstr(coach->text->str, "\"connected\":true"));

	expect(w, "POST", "/v1/party/messages", "coach-token", "text/plain", "hello\nevent: end", 204, "");
	listener_expect(coachee, "event: peer\ndata: hello\ndata: event: end\n\n");
	assert_null(strstr(coach->text->str, "hello"));

	fake_vault_event(w->vault, "coach", "consent", "{\"a\":1}");
	listener_expect(coach, "event: consent\ndata: {\"a\":1}\n\n");
	fake_vault_event(w->vault, "", "recording", "{\"b\":2}");
	listener_expect(coach, "event: recording\ndata: {\"b\":2}\n\n");
	listener_expect(coachee, "event: recording\ndata: {\"b\":2}\n\n");
	assert_null(strstr(coachee->text->str, "event: consent"));
	ap_events_heartbeat(w->gw.events);
	listener_expect(coach, ": still here\n\n");
	listener_free(coach);
	for (int i = 0; i < 1000 && ap_events_count(w->gw.events) != 1; i++)
		world_run(2);
	assert_int_equal(ap_events_count(w->gw.events), 1); /* a reader that left is noticed at once */
	listener_free(coachee);
}

static void a_replaced_page_is_told(void **state)
{
	struct world *w = *state;
	struct listener *old = world_listen(w, "coach-token", "page-1");
	struct listener *unnamed = world_listen(w, "coach-token", NULL);
	listener_expect(old, "event: peer");
	listener_expect(unnamed, "event: peer");
	struct answer a = join(w, "coach-token", "page-1");
	struct answer b = join(w, "coach-token", "page-1"); /* the same page again */
	world_run(50);
	assert_null(strstr(old->text->str, "replaced"));
	listener_expect(unnamed, "event: end\ndata: {\"reason\":\"replaced\",\"media\":\"");
	listener_expect(unnamed, a.location);
	struct listener *new = world_listen(w, "coach-token", "page-3");
	listener_expect(new, "event: peer");
	struct answer c = join(w, "coach-token", "page-3");
	listener_expect(old, "event: end\ndata: {\"reason\":\"replaced\",\"media\":\"");
	listener_expect(old, b.location);
	world_run(50);
	assert_null(strstr(new->text->str, "replaced"));
	answer_clear(&a);
	answer_clear(&b);
	answer_clear(&c);
	listener_free(old);
	listener_free(unnamed);
	listener_free(new);
}

#define GIVE "{\"statement\":\"{\\\"event\\\":\\\"ConsentGiven\\\"}\"}"
#define WITHDRAW "{\"statement\":\"{\\\"event\\\":\\\"ConsentWithdrawn\\\"}\"}"

static void a_give_leaves_the_tap_alone(void **state)
{
	struct world *w = *state;
	join_only(w, "coach-token");
	int gate = open_gate(w, 5);
	expect(w, "POST", "/v1/consents", "coach-token", JSON, GIVE, 201, "");
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
	join_only(w, "coach-token");
	for (size_t i = 0; i < G_N_ELEMENTS(against); i++) {
		int gate = open_gate(w, 10 + i);
		unsigned closed = fake_media_log()->taps_closed;
		fake_vault_clear_calls(w->vault);
		fake_media_hold();
		g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/v1/consents", ap_http_port(w->gw.http));
		g_autoptr(SoupMessage) message = soup_message_new("POST", url);
		g_autoptr(GBytes) body = g_bytes_new_static(against[i], strlen(against[i]));
		soup_message_set_request_body_from_bytes(message, JSON, body);
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
	join_only(w, "coach-token");
	int gate = open_gate(w, 21), done = 0;
	uint64_t packets = 0;
	fake_vault_refuse(w->vault, "statement-malformed");
	fake_vault_clear_calls(w->vault);
	expect(w, "POST", "/v1/consents", "coach-token", JSON, against[3], 400, "statement-malformed");
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
	join_only(w, "coach-token");
	int gate = open_gate(w, 6);
	expect(w, "POST", "/v1/consents", "wrong", JSON, WITHDRAW, 401, "token-invalid");
	expect(w, "POST", "/v1/consents", NULL, JSON, WITHDRAW, 401, "token-invalid");
	expect(w, "GET", "/v1/consents", "coach-token", NULL, NULL, 405, "about:blank");
	assert_true(fake_media_log()->tap_fd >= 0);
	close(gate);
}

static void pausing_drops_the_tap_first(void **state)
{
	struct world *w = *state;
	join_only(w, "coachee-token");
	int gate = open_gate(w, 8);
	expect(w, "POST", "/v1/party/pause", "coachee-token", NULL, NULL, 200, "");
	assert_int_equal(fake_media_log()->tap_fd, -1);
	close(gate);
}

static void a_vault_away_costs_only_what_it_does(void **state)
{
	struct world *w = *state;
	struct listener *coach = world_listen(w, "coach-token", NULL);
	listener_expect(coach, "event: peer");
	struct answer a = join(w, "coach-token", NULL);
	int gate = open_gate(w, 30);
	world_lose_vault(w);
	listener_expect(coach, "event: gate\ndata: {\"state\":\"closed\",\"reasons\":[\"vault\"]}\n\n");
	assert_int_equal(fake_media_log()->tap_fd, -1); /* nothing is recorded without a vault */
	assert_int_equal(fake_media_log()->drops, 0);	/* the call goes on */

	struct answer away = world_ask(w, "GET", "/v1/party", "coach-token", NULL, NULL, NULL);
	assert_int_equal(away.status, 503);
	assert_string_equal(answer_problem(&away), "vault-unavailable");
	assert_non_null(away.retry_after);
	answer_clear(&away);
	expect(w, "GET", "/readyz", NULL, NULL, NULL, 503, "vault-unavailable");
	expect(w, "GET", "/healthz", NULL, NULL, NULL, 200, "");
	expect(w, "POST", "/v1/media", "coachee-token", SDP, "v=0\r\n", 503, "vault-unavailable"); /* unknown here */
	struct answer again = join(w, "coach-token", NULL); /* known: may reconnect, and restart ICE */
	struct answer patched = world_ask(w, "PATCH", again.location, "coach-token", FRAGMENT,
					  "a=ice-ufrag:wxyz\r\na=ice-pwd:0123456789012345678901\r\n", "If-Match: *");
	assert_int_equal(patched.status, 200);
	answer_clear(&patched);
	answer_clear(&again);

	expect(w, "POST", "/v1/consents", "coach-token", JSON, WITHDRAW, 503, "vault-unavailable");
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
	join_only(w, "coach-token");
	int gate = open_gate(w, 40), done = 0;
	fake_vault_mute(w->vault, true);
	int64_t start = g_get_monotonic_time();
	expect(w, "POST", "/v1/consents", "coach-token", JSON, WITHDRAW, 503, "vault-unavailable");
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
	join_only(w, "coach-token");
	int gate = open_gate(w, 50), done = 0;
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
	join_only(w, "coach-token");
	join_only(w, "coachee-token");
	fake_vault_token_revoked(w->vault, "coach-token");
	world_wait(&coach->closed);
	assert_int_equal(fake_media_log()->drops, 1);
	listener_free(coach);
}

static void a_lost_tap_is_reported(void **state)
{
	struct world *w = *state;
	join_only(w, "coach-token");
	int gate = open_gate(w, 60);
	struct ap_uuid id;
	assert_true(ap_uuid_parse(FAKE_SESSION, &id));
	fake_vault_clear_calls(w->vault);
	extern const struct ap_media_events ap_switchboard_media;
	ap_switchboard_media.tap_lost(&w->gw, &id, 59); /* an older one: nothing */
	ap_switchboard_media.tap_lost(&w->gw, &id, 60);
	world_run(30);
	assert_string_equal(fake_vault_calls(w->vault), "TapLost ");
	close(gate);
}

static void check_range(struct world *w, const char *range, unsigned status, size_t start, size_t len)
{
	g_autofree char *header = range ? g_strconcat("Range: ", range, NULL) : NULL;
	struct answer a =
		world_ask(w, "GET", "/v1/party/recordings/x/tracks/coach", "coach-token", NULL, NULL, header);
	assert_int_equal(a.status, status);
	assert_int_equal(a.len, len);
	if (status == 206) {
		g_autofree char *told = g_strdup_printf("bytes %zu-%zu/%d", start, start + len - 1, FAKE_TRACK_SIZE);
		assert_string_equal(a.range, told);
	}
	for (size_t i = 0; status != 416 && i < len; i += 997)
		assert_int_equal((uint8_t)a.body[i], (start + i) % 251);
	answer_clear(&a);
}

static void tracks_by_range(void **state)
{
	struct world *w = *state;
	const size_t all = FAKE_TRACK_SIZE;
	check_range(w, NULL, 200, 0, all);
	check_range(w, "bytes=0-", 206, 0, all);
	check_range(w, "bytes=0-99", 206, 0, 100);
	check_range(w, "bytes=599990-700000", 206, 599990, 10);
	check_range(w, "bytes=-5", 206, all - 5, 5);
	check_range(w, "bytes=-9999999", 206, 0, all);
	check_range(w, "bytes=300000-", 206, 300000, 300000);
	check_range(w, "bytes=600000-", 416, 0, 0);
	check_range(w, "bytes=-0", 416, 0, 0);
	check_range(w, "bytes=5-2", 200, 0, all);
	check_range(w, "bytes=0-1,4-5", 200, 0, all);
	check_range(w, "lines=1-2", 200, 0, all);
	struct answer head =
		world_ask(w, "HEAD", "/v1/party/recordings/x/tracks/coach", "coach-token", NULL, NULL, NULL);
	assert_int_equal(head.status, 200);
	assert_int_equal(soup_message_headers_get_content_length(head.headers), FAKE_TRACK_SIZE);
	assert_int_equal(head.len, 0);
	answer_clear(&head);
	expect(w, "GET", "/v1/party/recordings/x/tracks/coach", "wrong", NULL, NULL, 401, "token-invalid");
}

static const char *header_of(const struct answer *a, const char *name)
{
	const char *value = soup_message_headers_get_one(a->headers, name);
	return value ? value : "";
}

static void pages_and_their_headers(void **state)
{
	struct world *w = *state;
	struct answer a = world_ask(w, "GET", "/join", NULL, NULL, NULL, NULL);
	assert_int_equal(a.status, 200);
	assert_string_equal(a.type, "text/html; charset=utf-8");
	assert_non_null(strstr(header_of(&a, "Content-Security-Policy"), "default-src 'none'; script-src 'self'"));
	assert_non_null(strstr(header_of(&a, "Content-Security-Policy"), "frame-ancestors 'none'"));
	assert_string_equal(header_of(&a, "X-Content-Type-Options"), "nosniff");
	assert_string_equal(header_of(&a, "Referrer-Policy"), "no-referrer");
	assert_non_null(strstr(header_of(&a, "Permissions-Policy"), "camera=(self)"));
	g_autofree char *known = g_strconcat("If-None-Match: ", a.etag, NULL);
	struct answer b = world_ask(w, "GET", "/join", NULL, NULL, NULL, known);
	assert_int_equal(b.status, 304);
	assert_int_equal(b.len, 0);
	struct answer c = world_ask(w, "GET", "/web/sub/a.js", NULL, NULL, NULL, NULL);
	assert_string_equal(c.type, "text/javascript; charset=utf-8");
	struct answer d = world_ask(w, "GET", "/metrics", NULL, NULL, NULL, NULL);
	assert_non_null(strstr(d.body, "aparte_vault_linked 1\n"));
	assert_non_null(strstr(d.body, "aparte_fake 1\n"));
	struct answer e = world_ask(w, "PUT", "/v1/media", NULL, SDP, "x", NULL);
	assert_string_equal(e.allow, "POST, OPTIONS");
	assert_string_equal(header_of(&a, "Access-Control-Allow-Origin"), "");
	answer_clear(&a);
	answer_clear(&b);
	answer_clear(&c);
	answer_clear(&d);
	answer_clear(&e);
}

static void other_origins_only_when_configured(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, "gateway.cors_origins=https://platform.example\ngateway.rate_per_minute=10000");
	struct answer a = world_ask(&w, "OPTIONS", "/v1/media", NULL, NULL, NULL, "Origin: https://platform.example");
	assert_int_equal(a.status, 204);
	assert_string_equal(header_of(&a, "Access-Control-Allow-Origin"), "https://platform.example");
	assert_non_null(strstr(header_of(&a, "Access-Control-Allow-Methods"), "POST"));
	assert_string_equal(header_of(&a, "Access-Control-Allow-Credentials"), "");
	struct answer b = world_ask(&w, "OPTIONS", "/v1/media", NULL, NULL, NULL, "Origin: https://evil.example");
	assert_string_equal(header_of(&b, "Access-Control-Allow-Origin"), "");
	answer_clear(&a);
	answer_clear(&b);
	world_end(&w);
}

static void too_many_requests_are_told_when_to_return(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, "gateway.rate_per_minute=10");
	for (int i = 0; i < 10; i++)
		expect(&w, "GET", "/v1/party", "coach-token", NULL, NULL, 200, "");
	struct answer a = world_ask(&w, "GET", "/v1/party", "coach-token", NULL, NULL, NULL);
	assert_int_equal(a.status, 429);
	assert_string_equal(answer_problem(&a), "rate");
	assert_in_range(g_ascii_strtoull(a.retry_after, NULL, 10), 1, 7);
	answer_clear(&a);
	expect(&w, "GET", "/join", NULL, NULL, NULL, 200, "");
	world_end(&w);
}

static void turn_credentials_come_with_the_answer(void **state)
{
	(void)state;
	struct world w;
	g_autofree char *dir = g_dir_make_tmp("aparte-turn-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "secret", NULL);
	assert_true(g_file_set_contents(path, "north\n", -1, NULL));
	g_autofree char *settings = g_strdup_printf("turn.urls=turn:t.example:3478?transport=udp\nturn.secret_file=%s", path);
	world_begin(&w, settings);
	struct answer a = join(&w, "coach-token", NULL);
	assert_true(g_str_has_prefix(header_of(&a, "Link"),
				     "<turn:t.example:3478?transport=udp>; rel=\"ice-server\"; username=\""));
	answer_clear(&a);
	world_end(&w);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	assert_true(sodium_init() >= 0);
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(bad_input_gets_a_clear_problem),
		TEST(every_route_reaches_the_vault),
		TEST(whip_from_offer_to_hang_up),
		TEST(events_tell_what_happens),
		TEST(a_replaced_page_is_told),
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
		TEST(tracks_by_range),
		TEST(pages_and_their_headers),
		cmocka_unit_test(other_origins_only_when_configured),
		cmocka_unit_test(too_many_requests_are_told_when_to_return),
		cmocka_unit_test(turn_credentials_come_with_the_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
