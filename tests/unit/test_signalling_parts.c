/* The small parts of signalling by themselves: limiter, TURN credentials, sessions, pages. */
#include "gateway/limiter.h"
#include "gateway/session.h"
#include "gateway/turn.h"

#include <aparte/static_files.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND ((int64_t)1000000000)

static void a_bucket_empties_and_fills(void **state)
{
	(void)state;
	struct ap_limiter *l = ap_limiter_new(60);
	unsigned wait = 0;
	for (int i = 0; i < 60; i++)
		assert_true(ap_limiter_take(l, "a", 0, &wait));
	assert_false(ap_limiter_take(l, "a", 0, &wait));
	assert_in_range(wait, 1, 2);
	assert_true(ap_limiter_take(l, "b", 0, &wait)); /* others are not touched */
	assert_true(ap_limiter_take(l, "a", SECOND, &wait));
	assert_false(ap_limiter_take(l, "a", SECOND, &wait));
	assert_false(ap_limiter_take(l, "a", 0, &wait)); /* a clock that goes back gives nothing */
	for (int i = 0; i < 60; i++)
		assert_true(ap_limiter_take(l, "a", 1000 * SECOND, &wait));
	assert_false(ap_limiter_take(l, "a", 1000 * SECOND, &wait));
	ap_limiter_free(l);
}

static void keys_are_bounded(void **state)
{
	(void)state;
	struct ap_limiter *l = ap_limiter_new(10);
	unsigned wait;
	for (unsigned i = 0; i < 70000; i++) {
		g_autofree char *key = g_strdup_printf("k%u", i);
		ap_limiter_take(l, key, i * SECOND, &wait);
	}
	assert_in_range(ap_limiter_keys(l), 1, 65536);
	ap_limiter_free(l);
}

static void one_client_is_a_64(void **state)
{
	(void)state;
	char a[48], b[48], c[48];
	ap_limiter_address_key("2001:db8:1:2:3:4:5:6", a);
	ap_limiter_address_key("2001:db8:1:2:ffff::1", b);
	ap_limiter_address_key("192.0.2.1", c);
	assert_string_equal(a, b);
	assert_string_equal(c, "192.0.2.1");
}

/* The value is what `openssl dgst -sha1 -hmac north -binary | base64` gives for "1700003600:leg". */
static void turn_credentials(void **state)
{
	(void)state;
	g_autofree char *dir = g_dir_make_tmp("aparte-turn-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "secret", NULL);
	struct ap_config *config = ap_config_new();
	struct ap_turn *turn = NULL;
	assert_true(ap_ok(ap_turn_new(config, &turn)));
	assert_null(turn);
	g_auto(GStrv) none = ap_turn_links(NULL, 0, "x");
	assert_null(none[0]);
	assert_true(ap_ok(ap_config_set(config, "turn.urls", "turn:a.example:3478;turns:b.example")));
	assert_true(ap_ok(ap_config_set(config, "turn.secret_file", path)));
	assert_string_equal(ap_turn_new(config, &turn).name, "turn");
	assert_true(g_file_set_contents(path, "north\n", -1, NULL));
	assert_true(ap_ok(ap_turn_new(config, &turn)));
	g_auto(GStrv) links = ap_turn_links(turn, INT64_C(1700000000000), "leg");
	assert_int_equal(g_strv_length(links), 2);
	assert_string_equal(links[0], "<turn:a.example:3478>; rel=\"ice-server\"; username=\"1700003600:leg\"; "
				      "credential=\"/4+Jisg3dpC6VfRIjCErrue6TZQ=\"; credential-type=\"password\"");
	ap_turn_free(turn);
	ap_config_free(config);
	unlink(path);
	rmdir(dir);
}

static struct ap_party party_of(uint8_t n, enum ap_role role)
{
	struct ap_party p = { .role = role, .may_join = true };
	for (size_t i = 0; i < sizeof p.session.b; i++)
		p.session.b[i] = n;
	p.token[0] = n;
	p.token[1] = (uint8_t)role;
	return p;
}

static void sessions_are_capped_and_keep_their_ssrcs(void **state)
{
	(void)state;
	struct ap_sessions *all = ap_sessions_new(2);
	struct ap_party one = party_of(1, AP_COACH), two = party_of(2, AP_COACH), three = party_of(3, AP_COACH);
	struct ap_session *s, *again;
	assert_true(ap_ok(ap_sessions_ensure(all, &one, 1, 0, &s)));
	assert_true(ap_ok(ap_sessions_ensure(all, &two, 1, 0, &again)));
	assert_string_equal(ap_sessions_ensure(all, &three, 1, 0, &again).name, "rate");
	assert_true(ap_ok(ap_sessions_ensure(all, &one, 1, 5, &again)));
	assert_ptr_equal(s, again);

	struct ap_leg_desc a = { 0 }, b = { 0 }, peer = { 0 };
	a.lines[AP_LINE_CAMERA].rtx_pt = b.lines[AP_LINE_CAMERA].rtx_pt = 97;
	ap_session_dress_leg(s, AP_COACH, &a);
	ap_session_dress_leg(s, AP_COACH, &b);
	ap_session_dress_leg(s, AP_COACHEE, &peer);
	assert_true(a.id != b.id);
	assert_string_not_equal(a.local_pwd, b.local_pwd);
	assert_int_equal(strlen(a.local_ufrag), AP_LOCAL_UFRAG);
	assert_int_equal(a.local_ufrag[0], 'a');
	assert_true(ap_sdp_is_ufrag(a.local_ufrag) && ap_sdp_is_pwd(a.local_pwd));
	for (int line = 0; line < AP_LINES; line++) {
		assert_true(a.lines[line].local_ssrc != 0 && a.lines[line].local_ssrc == b.lines[line].local_ssrc);
		assert_true(a.lines[line].local_ssrc != peer.lines[line].local_ssrc);
	}
	assert_true(a.lines[AP_LINE_CAMERA].local_rtx_ssrc != 0);
	assert_int_equal(a.lines[AP_LINE_SCREEN].local_rtx_ssrc, 0);
	ap_sessions_free(all);
}

enum { WORKERS = 4, LOBBIES = 50 * WORKERS };

/* The worker of lobby `n`, which is opened if it is not yet. */
static unsigned open_lobby(struct ap_sessions *all, uint8_t n)
{
	struct ap_party party = party_of(n, AP_COACH);
	struct ap_session *session;
	assert_true(ap_ok(ap_sessions_ensure(all, &party, WORKERS, 0, &session)));
	return session->worker;
}

static void close_lobby(struct ap_sessions *all, uint8_t n)
{
	struct ap_party party = party_of(n, AP_COACH);
	ap_sessions_remove(all, &party.session);
}

/* Where nobody has a media connection yet, and each person comes again and again. */
static void fifty_sessions_share_a_worker(void **state)
{
	(void)state;
	struct ap_sessions *all = ap_sessions_new(1000);
	for (uint8_t n = 0; n < LOBBIES; n++)
		for (int again = 0; again < 4; again++)
			assert_int_equal(open_lobby(all, n), n / 50);
	for (uint8_t n = 0; n < 8; n++)
		assert_int_equal(open_lobby(all, (uint8_t)(LOBBIES + n)), n % WORKERS);
	assert_int_equal(open_lobby(all, 0), 0); /* as it was */
	ap_sessions_free(all);
}

static void a_session_that_ends_gives_its_place_back(void **state)
{
	(void)state;
	struct ap_sessions *all = ap_sessions_new(1000);
	for (uint8_t n = 0; n < LOBBIES; n++)
		(void)open_lobby(all, n);
	close_lobby(all, 120);
	close_lobby(all, 120); /* is gone already */
	close_lobby(all, 170);
	assert_int_equal(open_lobby(all, LOBBIES), 2);
	assert_int_equal(open_lobby(all, LOBBIES + 1), 3);
	assert_int_equal(open_lobby(all, LOBBIES + 2), 0);
	for (uint8_t n = 0; n < 10; n++) {
		close_lobby(all, n);
		assert_int_equal(open_lobby(all, (uint8_t)(LOBBIES + 10 + n)), 0);
	}
	ap_sessions_free(all);
}

static void tokens_are_remembered_and_forgotten(void **state)
{
	(void)state;
	struct ap_sessions *all = ap_sessions_new(1);
	struct ap_party coach = party_of(1, AP_COACH), coachee = party_of(1, AP_COACHEE), got;
	struct ap_session *s;
	assert_true(ap_ok(ap_sessions_ensure(all, &coach, 1, 0, &s)));
	ap_sessions_remember(all, &coach);
	ap_sessions_remember(all, &coachee);
	assert_true(ap_sessions_recall(all, coachee.token, &got));
	assert_int_equal(got.role, AP_COACHEE);
	ap_sessions_forget_token(all, coach.token);
	assert_false(ap_sessions_recall(all, coach.token, &got));
	ap_sessions_remove(all, &s->id);
	assert_false(ap_sessions_recall(all, coachee.token, &got));
	assert_int_equal(ap_sessions_count(all), 0);
	for (uint8_t n = 0; n < 20; n++) { /* bounded: four a session */
		struct ap_party p = party_of(n, AP_COACH);
		ap_sessions_remember(all, &p);
	}
	struct ap_party last = party_of(19, AP_COACH);
	assert_false(ap_sessions_recall(all, last.token, &got));
	ap_sessions_free(all);
}

static void a_missing_directory_is_told(void **state)
{
	(void)state;
	const struct ap_static_options options = { 0 };
	struct ap_static_files *files = NULL;
	assert_string_equal(ap_static_files_load("/nonexistent", &options, &files).name, "static-files");
	assert_null(files);
}

int main(void)
{
	assert_true(sodium_init() >= 0);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bucket_empties_and_fills),
		cmocka_unit_test(keys_are_bounded),
		cmocka_unit_test(one_client_is_a_64),
		cmocka_unit_test(turn_credentials),
		cmocka_unit_test(sessions_are_capped_and_keep_their_ssrcs),
		cmocka_unit_test(fifty_sessions_share_a_worker),
		cmocka_unit_test(a_session_that_ends_gives_its_place_back),
		cmocka_unit_test(tokens_are_remembered_and_forgotten),
		cmocka_unit_test(a_missing_directory_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
