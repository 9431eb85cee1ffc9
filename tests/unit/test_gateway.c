/* What the gateway says over HTTP, with a fake vault and a fake media plane: see tests/testlib/world.h. */
#include "testlib/world.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

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
		{ "POST", "/v1/media", "coach-token", TYPE_SDP, "v=0\r\nnonsense", 422, "sdp-malformed" },
		{ "POST", "/v1/media", "coach-token", TYPE_SDP, "{}", 422, "sdp-malformed" },
		{ "POST", "/v1/media", "coach-token", TYPE_SDP, no_codec->str, 422, "no-common-codec" },
		{ "POST", "/v1/media", "coach-token", TYPE_JSON, chromium, 415, "media-type" },
		{ "POST", "/v1/media", "coach-token", TYPE_SDP, long_sdp, 413, "too-large" },
		{ "POST", "/v1/media", "coach-token", TYPE_SDP, huge, 413, "too-large" },
		{ "POST", "/v1/media", "wrong", TYPE_SDP, chromium, 401, "token-invalid" },
		{ "POST", "/v1/media", NULL, TYPE_SDP, chromium, 401, "token-invalid" },
		{ "POST", "/v1/media", "sp ace", TYPE_SDP, chromium, 401, "token-invalid" },
		{ "POST", "/v1/media", long_token, TYPE_SDP, chromium, 401, "token-invalid" },
		{ "POST", "/v1/sessions", "key", TYPE_JSON, "{", 400, "malformed" },
		{ "POST", "/v1/sessions", "key", TYPE_JSON, "[]", 400, "malformed" },
		{ "POST", "/v1/sessions", "key", TYPE_JSON, deep, 400, "malformed" },
		{ "POST", "/v1/sessions", "key", TYPE_JSON, "{\"a\":\"\xff\"}", 400, "malformed" },
		{ "POST", "/v1/sessions", "key", "text/plain", "{}", 415, "media-type" },
		{ "POST", "/v1/sessions", "key", TYPE_JSON, long_json, 413, "too-large" },
		{ "POST", "/v1/sessions", NULL, TYPE_JSON, "{}", 401, "token-invalid" },
		{ "POST", "/v1/sessions", "key", TYPE_JSON, "{}", 201, "" },
		{ "PUT", "/v1/party/device", "coach-token", TYPE_JSON, "nope", 400, "malformed" },
		{ "POST", "/v1/party/messages", "coach-token", "text/plain", long_json, 413, "too-large" },
		{ "GET", "/v1/nothing", NULL, NULL, NULL, 404, "not-found" },
		{ "GET", "/v1/ledger/secrets", NULL, NULL, NULL, 404, "not-found" },
		{ "PUT", "/v1/media", "coach-token", TYPE_SDP, "x", 405, "about:blank" },
		{ "GET", "/web/missing.js", NULL, NULL, NULL, 404, "not-found" },
		{ "GET", "/web/.hidden", NULL, NULL, NULL, 404, "not-found" },
		{ "GET", "/web/..%2f..%2fetc%2fpasswd", NULL, NULL, NULL, 400, "malformed" },
		{ "GET", "/web/%ff", NULL, NULL, NULL, 400, "malformed" },
		{ "POST", "/v1/sessions/x/parties/sponsor/token", "key", NULL, NULL, 404, "not-found" },
		{ "GET", "/v1/party", "coach-token", NULL, NULL, 200, "" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		world_expect(w, cases[i].method, cases[i].path, cases[i].token, cases[i].type, cases[i].body,
			     cases[i].status, cases[i].problem);
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
		{ "POST", "/v1/party/recordings/r/passages", "coach-token", "{}", 202, "PassageErase " },
		{ "POST", "/v1/party/requests", "coach-token", "{}", 201, "RequestCreate " },
		{ "GET", "/v1/party/requests", "coach-token", NULL, 200, "RequestGet " },
		{ "GET", "/v1/party/requests/r", "coach-token", NULL, 200, "RequestGet " },
		{ "GET", "/v1/party/requests/r/copy?format=markdown", "coach-token", NULL, 200, "RequestCopy " },
		{ "POST", "/v1/party/requests/r/archive", "coach-token", "{\"recipient\":\"age1x\"}", 202, "ArchiveMake " },
		{ "HEAD", "/v1/party/requests/r/archive", "coach-token", NULL, 200, "ArchiveOpen " },
		{ "GET", "/v1/ledger/checkpoint", NULL, NULL, 200, "LedgerGet " },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		fake_vault_clear_calls(w->vault);
		world_expect(w, cases[i].method, cases[i].path, cases[i].token, cases[i].body ? TYPE_JSON : NULL,
			     cases[i].body, cases[i].status, "");
		assert_string_equal(fake_vault_calls(w->vault), cases[i].call);
	}
}

static void whip_from_offer_to_hang_up(void **state)
{
	struct world *w = *state;
	struct answer a = world_join(w, "coach-token", NULL);
	assert_string_equal(a.type, TYPE_SDP);
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
		struct answer p = world_ask(w, "PATCH", a.location, "coach-token", TYPE_FRAGMENT, cases[i].body,
					    cases[i].headers);
		assert_int_equal(p.status, cases[i].status);
		if (p.status == 200) {
			assert_string_equal(p.type, TYPE_FRAGMENT);
			assert_string_not_equal(p.etag, a.etag);
			assert_non_null(strstr(p.body, fake_media_log()->last_leg.local_ufrag));
			assert_string_equal(fake_media_log()->last_leg.remote_ufrag, "wxyz");
		}
		answer_clear(&p);
	}
	assert_int_equal(fake_media_log()->restarts, 2);
	world_expect(w, "DELETE", a.location, "coachee-token", NULL, NULL, 404, "not-found");

	/* A new offer replaces the leg, with the same outgoing SSRCs; the old resource is gone. */
	struct answer b = world_join(w, "coach-token", NULL);
	assert_true(fake_media_log()->last_leg.lines[AP_LINE_CAMERA].local_ssrc == ssrc);
	world_expect(w, "DELETE", a.location, "coach-token", NULL, NULL, 404, "not-found");
	world_expect(w, "DELETE", b.location, "coach-token", NULL, NULL, 200, "");
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
	world_join_only(w, "coach-token");
	fake_media_report(AP_COACH, AP_LEG_CONNECTED);
	listener_expect(coachee, "event: peer\ndata: {\"connected\":true}\n\n");
	fake_media_report(AP_COACH, AP_LEG_DISCONNECTED);
	listener_expect(coachee, "event: peer\ndata: {\"connected\":false}\n\n");
	/* The page may know before the vault's end of the link was read. */
	for (int i = 0; i < 1000 && !strstr(fake_vault_calls(w->vault), "LegState(coach,0)"); i++)
		world_run(2);
	assert_non_null(strstr(fake_vault_calls(w->vault), "LegState(coach,1) LegState(coach,0) "));
	assert_null(strstr(coach->text->str, "\"connected\":true"));

	world_expect(w, "POST", "/v1/party/messages", "coach-token", "text/plain", "hello\nevent: end", 204, "");
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
	struct answer a = world_join(w, "coach-token", "page-1");
	struct answer b = world_join(w, "coach-token", "page-1"); /* the same page again */
	world_run(50);
	assert_null(strstr(old->text->str, "replaced"));
	listener_expect(unnamed, "event: end\ndata: {\"reason\":\"replaced\",\"media\":\"");
	listener_expect(unnamed, a.location);
	struct listener *new = world_listen(w, "coach-token", "page-3");
	listener_expect(new, "event: peer");
	struct answer c = world_join(w, "coach-token", "page-3");
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
	world_expect(w, "GET", "/v1/party/recordings/x/tracks/coach", "wrong", NULL, NULL, 401, "token-invalid");
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
	struct answer e = world_ask(w, "PUT", "/v1/media", NULL, TYPE_SDP, "x", NULL);
	assert_string_equal(e.allow, "POST, OPTIONS");
	assert_string_equal(header_of(&a, "Access-Control-Allow-Origin"), "");
	answer_clear(&a);
	answer_clear(&b);
	answer_clear(&c);
	answer_clear(&d);
	answer_clear(&e);
}

static void pages_are_compressed_for_who_takes_it(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *path, *accept, *encoding;
	} cases[] = {
		{ "/web/rules.css", "Accept-Encoding: gzip, deflate, br", "gzip" },
		{ "/web/rules.css", "Accept-Encoding: br, GZIP;q=0.5", "gzip" },
		{ "/web/rules.css", "Accept-Encoding: gzip;q=0, identity", "" },
		{ "/web/rules.css", "Accept-Encoding: identity", "" },
		{ "/web/b.css", "Accept-Encoding: gzip", "" }, /* too small to gain by it */
	};
	g_autofree char *rules = world_read("pages/rules.css");
	char *etags[2] = { NULL, NULL };
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct answer a = world_ask(w, "GET", cases[i].path, NULL, NULL, NULL, cases[i].accept);
		bool zipped = cases[i].encoding[0] != '\0';
		assert_int_equal(a.status, 200);
		assert_string_equal(header_of(&a, "Content-Encoding"), cases[i].encoding);
		assert_non_null(strstr(header_of(&a, "Vary"), "Accept-Encoding"));
		if (strcmp(cases[i].path, "/web/rules.css") == 0) {
			assert_string_equal(a.body, rules); /* the client has undone it */
			size_t sent = strtoul(header_of(&a, "Content-Length"), NULL, 10);
			assert_true(zipped ? sent < strlen(rules) / 2 : sent == strlen(rules));
			g_free(etags[zipped]);
			etags[zipped] = g_strdup(a.etag);
		}
		answer_clear(&a);
	}
	assert_string_not_equal(etags[0], etags[1]);
	g_autofree char *other = g_strconcat("Accept-Encoding: identity\nIf-None-Match: ", etags[1], NULL);
	struct answer a = world_ask(w, "GET", "/web/rules.css", NULL, NULL, NULL, other);
	assert_int_equal(a.status, 200); /* what it has is the other form */
	answer_clear(&a);
	g_free(etags[0]);
	g_free(etags[1]);
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
		world_expect(&w, "GET", "/v1/party", "coach-token", NULL, NULL, 200, "");
	struct answer a = world_ask(&w, "GET", "/v1/party", "coach-token", NULL, NULL, NULL);
	assert_int_equal(a.status, 429);
	assert_string_equal(answer_problem(&a), "rate");
	assert_in_range(g_ascii_strtoull(a.retry_after, NULL, 10), 1, 7);
	answer_clear(&a);
	world_expect(&w, "GET", "/join", NULL, NULL, NULL, 200, "");
	world_end(&w);
}

/* R7: whoever else asks from the same address, and whatever this page asked before. */
static void no_limit_holds_a_withdrawal_up(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, "gateway.rate_per_minute=10");
	struct answer a = world_join(&w, "coach-token", NULL); /* from here on its token is known */
	for (int i = 0; i < 9; i++)
		world_expect(&w, "GET", "/v1/party", "coach-token", NULL, NULL, 200, "");
	world_expect(&w, "GET", "/v1/party", "coach-token", NULL, NULL, 429, "rate");
	world_expect(&w, "POST", "/v1/party/presence", "coach-token", TYPE_JSON, "{}", 429, "rate");
	world_expect(&w, "POST", "/v1/party/pause", "coach-token", NULL, NULL, 200, "");
	world_expect(&w, "DELETE", "/v1/party/pause", "coach-token", NULL, NULL, 429, "rate");
	/* Unknown tokens in bulk are held back, and hold back nobody who is known. */
	for (int i = 0; i < 10; i++)
		world_expect(&w, "POST", "/v1/consents", "wrong", TYPE_JSON, "{}", 401, "token-invalid");
	world_expect(&w, "POST", "/v1/consents", "wrong", TYPE_JSON, "{}", 429, "rate");
	fake_vault_clear_calls(w.vault);
	world_expect(&w, "POST", "/v1/consents", "coach-token", TYPE_JSON, "{}", 201, "");
	assert_string_equal(fake_vault_calls(w.vault), "ConsentPut ");
	answer_clear(&a);
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
	struct answer a = world_join(&w, "coach-token", NULL);
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
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(bad_input_gets_a_clear_problem),
		TEST(every_route_reaches_the_vault),
		TEST(whip_from_offer_to_hang_up),
		TEST(events_tell_what_happens),
		TEST(a_replaced_page_is_told),
		TEST(tracks_by_range),
		TEST(pages_and_their_headers),
		TEST(pages_are_compressed_for_who_takes_it),
		cmocka_unit_test(other_origins_only_when_configured),
		cmocka_unit_test(too_many_requests_are_told_when_to_return),
		cmocka_unit_test(no_limit_holds_a_withdrawal_up),
		cmocka_unit_test(turn_credentials_come_with_the_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
