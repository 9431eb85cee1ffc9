/* The staff listener and admin.sock as clients see them. */
#include "tests/testlib/staff_site.h"

#include "recorder/access/grant.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define YEAR (365LL * 86400000)

static void check_bytes(struct site *s, uint64_t offset, size_t len)
{
	gsize got;
	const uint8_t *bytes = g_bytes_get_data(s->body, &got);
	assert_int_equal(got, len);
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != fixture_byte(AP_COACH, offset + i))
			fail_msg("byte %zu", i);
}

static unsigned fetch_range(struct site *s, const char *path, const char *range)
{
	return site_call(s, s->net, "GET", path, NULL,
		    (const char *const[]){"Authorization", "Bearer sam", "Range", range, NULL});
}

static void a_supervisor_plays_by_ranges(void **state)
{
	(void)state;
	struct site s = site_new();
	struct ap_uuid grant, recording = site_granted(&s, &grant);
	g_autofree char *bare = site_path(&recording, "/tracks/coach"), *path = NULL;
	assert_int_equal(site_as(&s, "sam", "GET", bare, NULL), 403);
	site_expect_problem(&s, 403, "access-reason-required");
	path = site_begin(&s, &recording);
	assert_int_equal(site_as(&s, "sam", "GET", path, NULL), 200);
	check_bytes(&s, 0, FIXTURE_TRACK);
	assert_string_equal(site_header(&s, "Content-Type"), "video/webm");
	assert_string_equal(site_header(&s, "Cache-Control"), "no-store");
	assert_int_equal(fetch_range(&s, path, "bytes=100-299"), 206);
	check_bytes(&s, 100, 200);
	assert_string_equal(site_header(&s, "Content-Range"), "bytes 100-299/500000");
	assert_int_equal(fetch_range(&s, path, "bytes=499990-999999"), 206);
	check_bytes(&s, 499990, 10);
	assert_int_equal(fetch_range(&s, path, "bytes=-5"), 206);
	check_bytes(&s, FIXTURE_TRACK - 5, 5);
	assert_int_equal(fetch_range(&s, path, "bytes=500000-"), 416);
	assert_int_equal(site_as(&s, "ada", "GET", path, NULL), 403);
	assert_int_equal(site_call(&s, s.net, "GET", path, NULL, NULL), 401);
	assert_ok(ap_grant_revoke(
		s.f->v, &(struct ap_actor){.kind = AP_ACTOR_STAFF, .staff = AP_STAFF_ADMIN, .name = "ada"}, &grant));
	assert_int_equal(fetch_range(&s, path, "bytes=0-9"), 403);
	site_free(&s);
}

static void an_erased_recording_answers_erased(void **state)
{
	(void)state;
	struct site s = site_new();
	struct ap_uuid grant, recording = site_granted(&s, &grant);
	char id[AP_UUID_TEXT];
	g_autofree char *path = site_begin(&s, &recording), *accesses = site_path(&recording, "/accesses");
	g_autofree char *export = site_path(&recording, "/export");
	ap_uuid_text(&recording, id);
	g_autofree char *json = g_strdup_printf("{\"recording\":\"%s\"}", id);
	assert_int_equal(site_as(&s, "sam", "POST", "/v1/erasures", json), 403);
	assert_int_equal(site_as(&s, "ada", "POST", "/v1/erasures", json), 201);
	g_autofree char *checkpoint = site_member(&s, "checkpoint");
	assert_true(strlen(checkpoint) > 0);
	assert_int_equal(fetch_range(&s, path, "bytes=0-9"), 410);
	assert_int_equal(site_as(&s, "sam", "POST", accesses, "{\"purpose\":\"supervision\",\"reason\":\"review\"}"), 410);
	site_expect_problem(&s, 410, "erased");
	assert_int_equal(site_call(&s, s.local, "POST", export, "{\"reason\":\"r\"}",
			      (const char *const[]){"Aparte-Admin", "ada", NULL}),
			 410);
	site_expect_problem(&s, 410, "erased");
	site_free(&s);
}

/* Changes by cookie come as JSON from our own pages; a bearer token needs neither. */
static void cookies_change_nothing_from_elsewhere(void **state)
{
	(void)state;
	struct site s = site_new();
	site_user(&s, "ada", "admin", NULL);
	g_autofree char *cookie = g_strdup_printf("aparte_vault_%u=ada", s.port);
	g_autofree char *own = g_strdup_printf("http://127.0.0.1:%u", s.port);
	const char *json = "{\"session\":\"00112233-4455-4677-8899-aabbccddeeff\"}";
	assert_int_equal(site_call(&s, s.net, "GET", "/v1/me", NULL, (const char *const[]){"Cookie", cookie, NULL}), 200);
	assert_int_equal(site_call(&s, s.net, "POST", "/v1/erasures", json, (const char *const[]){"Cookie", cookie, NULL}),
			 403);
	site_expect_problem(&s, 403, "csrf");
	assert_int_equal(site_call(&s, s.net, "POST", "/v1/erasures", json,
			      (const char *const[]){"Cookie", cookie, "Origin", "http://evil.example", NULL}),
			 403);
	assert_int_equal(site_call(&s, s.net, "POST", "/v1/logout", NULL,
			      (const char *const[]){"Cookie", cookie, "Origin", own, NULL}),
			 403); /* no content type */
	assert_int_equal(site_call(&s, s.net, "POST", "/v1/erasures", json,
			      (const char *const[]){"Cookie", cookie, "Origin", own, NULL}),
			 201);
	assert_int_equal(site_as(&s, "ada", "POST", "/v1/erasures", json), 201);
	assert_int_equal(site_call(&s, s.net, "POST", "/v1/logout", "{}",
			      (const char *const[]){"Cookie", cookie, "Origin", own, NULL}),
			 204);
	assert_int_equal(site_call(&s, s.net, "GET", "/v1/me", NULL, (const char *const[]){"Cookie", cookie, NULL}), 401);
	site_free(&s);
}

static void setting_up_is_for_the_socket(void **state)
{
	(void)state;
	struct site s = site_new();
	const char *json = "{\"user\":\"ada\",\"role\":\"admin\"}";
	const char *const ada[] = {"Aparte-Admin", "ada", NULL}, *const eve[] = {"Aparte-Admin", "eve", NULL};
	assert_int_equal(site_call(&s, s.net, "POST", "/v1/users", json, NULL), 403);
	assert_int_equal(site_call(&s, s.local, "POST", "/v1/users", json, ada), 201); /* the first admin, named or not */
	g_autofree char *secret = site_member(&s, "totp_secret"), *password = site_member(&s, "password");
	assert_int_equal(strlen(secret), 32);
	assert_true(strlen(password) >= 24);
	assert_int_equal(site_call(&s, s.local, "POST", "/v1/users", "{\"user\":\"bob\",\"role\":\"admin\"}", eve), 403);
	assert_int_equal(site_call(&s, s.local, "POST", "/v1/users", "{\"user\":\"bob\",\"role\":\"admin\"}", ada), 201);
	assert_int_equal(site_call(&s, s.local, "GET", "/v1/requests", NULL, NULL), 200); /* unnamed: as the first admin */
	assert_int_equal(site_call(&s, s.local, "GET", "/v1/requests", NULL, ada), 200);
	assert_int_equal(site_call(&s, s.local, "POST", "/v1/tenants", "{\"name\":\"acme\"}", NULL), 201);
	assert_int_equal(site_call(&s, s.local, "POST", "/v1/tenants", "{\"name\":\"acme\"}", NULL), 409);
	assert_int_equal(site_call(&s, s.local, "POST", "/v1/tenants/acme/keys", "{\"label\":\"one\"}", NULL), 201);
	assert_int_equal(site_call(&s, s.local, "DELETE", "/v1/tenants/acme/keys/one", NULL, NULL), 204);
	assert_int_equal(site_call(&s, s.local, "GET", "/v1/doctor", NULL, NULL), 200);
	site_free(&s);
}

/* A key that took another's place has its label. */
static void keys_of_one_label_are_paged_through(void **state)
{
	(void)state;
	struct site s = site_new();
	static const char *const labels[] = {"a", "a", "a", "b"};
	g_autofree char *next = g_strdup("");
	g_autoptr(GString) seen = g_string_new(NULL);
	assert_int_equal(site_call(&s, s.local, "POST", "/v1/tenants", "{\"name\":\"acme\"}", NULL), 201);
	for (size_t i = 0; i < G_N_ELEMENTS(labels); i++) {
		g_autofree char *body = g_strdup_printf("{\"label\":\"%s\"}", labels[i]);
		fixture_advance(s.f, i == 1 ? 0 : 1000);
		site_call(&s, s.local, "DELETE", "/v1/tenants/acme/keys/a", NULL, NULL);
		assert_int_equal(site_call(&s, s.local, "POST", "/v1/tenants/acme/keys", body, NULL), 201);
	}
	for (unsigned pages = 0; next && pages < 6; pages++) {
		g_autofree char *path = g_strconcat("/v1/tenants/acme/keys?limit=1", *next ? "&after=" : "", next, NULL);
		assert_int_equal(site_call(&s, s.local, "GET", path, NULL, NULL), 200);
		g_autofree char *text = site_text(&s);
		g_autoptr(JsonNode) page = json_from_string(text, NULL);
		JsonObject *o = json_node_get_object(page);
		JsonArray *keys = json_object_get_array_member(o, "keys");
		assert_int_equal(json_array_get_length(keys), 1);
		g_string_append(seen, json_object_get_string_member(json_array_get_object_element(keys, 0), "label"));
		g_free(next);
		next = g_strdup(json_object_get_string_member_with_default(o, "next", NULL));
	}
	assert_string_equal(seen->str, "aaab");
	site_free(&s);
}

static void a_login_over_http_sets_a_strict_cookie(void **state)
{
	(void)state;
	struct site s = site_new();
	assert_int_equal(site_call(&s, s.local, "POST", "/v1/users",
			      "{\"user\":\"ada\",\"role\":\"admin\",\"password\":\"four unlike words here\"}", NULL),
			 201);
	assert_int_equal(site_call(&s, s.net, "POST", "/v1/login", "{\"user\":\"ada\"}", NULL), 400);
	const char *json = "{\"user\":\"ada\",\"password\":\"four unlike words here\",\"totp\":\"000000\"}";
	assert_int_equal(site_call(&s, s.net, "POST", "/v1/login", json,
			      (const char *const[]){"Origin", "http://evil.example", NULL}),
			 403);
	assert_int_equal(site_call(&s, s.net, "POST", "/v1/login", json, NULL), 401);
	site_expect_problem(&s, 401, "credentials");
	assert_int_equal(site_call(&s, s.net, "POST", "/v1/login", "user=ada", NULL), 400);
	site_free(&s);
}

static void what_is_public_needs_no_login(void **state)
{
	(void)state;
	struct site s = site_new();
	struct ap_uuid grant;
	site_granted(&s, &grant);
	assert_int_equal(site_call(&s, s.net, "GET", "/healthz", NULL, NULL), 200);
	assert_int_equal(site_call(&s, s.net, "GET", "/v1/ledger/key", NULL, NULL), 200);
	assert_int_equal(site_call(&s, s.net, "GET", "/v1/ledger/checkpoint", NULL, NULL), 200);
	assert_int_equal(site_call(&s, s.net, "GET", "/v1/ledger/proof?leaf=0&size=2", NULL, NULL), 200);
	assert_int_equal(site_call(&s, s.net, "GET", "/metrics", NULL, NULL), 200);
	g_autofree char *text = site_text(&s);
	assert_non_null(strstr(text, "aparte_recordings{state=\"sealed\"} 1\n"));
	assert_null(strstr(text, "coach-1"));
	assert_int_equal(site_call(&s, s.net, "GET", "/v1/recordings", NULL, NULL), 401);
	assert_int_equal(site_as(&s, "nobody", "GET", "/v1/recordings", NULL), 401);
	site_free(&s);
}

static ssize_t receive(int fd, char *ret_bytes, size_t cap)
{
	ssize_t n = -1;
	int64_t until = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
	while (n < 0 && g_get_monotonic_time() < until) {
		g_main_context_iteration(NULL, FALSE);
		n = recv(fd, ret_bytes, cap, MSG_DONTWAIT);
	}
	return n;
}

/* What an answer says about its connection is true, and many that come and leave wear nothing out. */
static void a_connection_ends_with_its_answer(void **state)
{
	(void)state;
	struct site s = site_new();
	static const char request[] = "GET /healthz HTTP/1.1\r\nHost: v\r\n\r\n";
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)s.port)};
	for (int i = 0; i < 300; i++) {
		char answer[2048] = "";
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
		assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
		assert_true(receive(fd, answer, sizeof answer - 1) > 0);
		assert_memory_equal(answer, "HTTP/1.1 200", 12);
		assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
		if (i % 2 == 0) /* every other client leaves first */
			assert_int_equal(receive(fd, answer, sizeof answer), 0);
		close(fd);
	}
	site_free(&s);
}

/* Two admins for more than one recording. */
static void bulk_erasure_needs_two_admins(void **state)
{
	(void)state;
	struct site s = site_new();
	struct ap_uuid grant, first = site_granted(&s, &grant);
	struct ap_uuid session = fixture_consented(s.f, "[\"recording\"]"),
		       second = fixture_recording(s.f, &session, YEAR);
	site_user(&s, "bob", "admin", NULL);
	assert_int_equal(site_as(&s, "ada", "POST", "/v1/erasures", "{\"subject\":\"coachee-1\"}"), 202);
	g_autofree char *proposal = site_member(&s, "proposal"), *json = g_strdup_printf("{\"proposal\":\"%s\"}", proposal);
	assert_int_equal(site_as(&s, "ada", "POST", "/v1/erasures", json), 403);
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM erasure"), 0);
	assert_int_equal(site_as(&s, "bob", "POST", "/v1/erasures", json), 201);
	assert_int_equal(fixture_files(s.f, &first) + fixture_files(s.f, &second), 0);
	site_free(&s);
}

static int64_t number_in(struct site *s, const char *name)
{
	g_autofree char *text = site_text(s);
	g_autoptr(JsonNode) node = json_from_string(text, NULL);
	return json_object_get_int_member_with_default(json_node_get_object(node), name, -1);
}

/* R20: what a restriction or a hold keeps is neither erased nor passed over in silence. */
static void R20_bulk_erasure_says_what_it_leaves(void **state)
{
	(void)state;
	struct site s = site_new();
	struct ap_uuid session, recordings[4];
	site_user(&s, "ada", "admin", NULL);
	site_user(&s, "bob", "admin", NULL);
	for (int i = 0; i < 4; i++) {
		session = fixture_consented(s.f, "[\"recording\"]");
		recordings[i] = fixture_recording(s.f, &session, YEAR);
	}
	assert_ok(ap_db_run(ap_vault_db(s.f->v), "UPDATE recording SET state = 'restricted' WHERE id = ?1",
			    AP_VALUES(AP_V_UUID(&recordings[0]))));
	assert_ok(ap_db_run(ap_vault_db(s.f->v),
			    "INSERT INTO hold (id, recording, ground, reason, proposed_by, created_ms, ends_ms)"
			    " VALUES (randomblob(16), ?1, 'g', 'r', 'a', 0, ?2)",
			    AP_VALUES(AP_V_UUID(&recordings[1]), AP_V_INT(s.f->wall_ms + YEAR))));
	assert_int_equal(site_as(&s, "ada", "POST", "/v1/erasures", "{\"subject\":\"coachee-1\"}"), 202);
	assert_int_equal(number_in(&s, "recordings"), 2);
	assert_int_equal(number_in(&s, "kept"), 2);
	g_autofree char *proposal = site_member(&s, "proposal"), *json = g_strdup_printf("{\"proposal\":\"%s\"}", proposal);
	assert_int_equal(site_as(&s, "bob", "POST", "/v1/erasures", json), 201);
	assert_int_equal(number_in(&s, "kept"), 2);
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM recording WHERE state = 'erased'"), 2);
	/* Nothing but what is kept: a refusal that says why, not an empty list of certificates. */
	assert_int_equal(site_as(&s, "ada", "POST", "/v1/erasures", "{\"subject\":\"coachee-1\"}"), 423);
	site_expect_problem(&s, 423, "held");
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM recording WHERE state = 'erased'"), 2);
	site_free(&s);
}

static void plain_http_off_loopback_is_refused(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct ap_staff *staff = NULL;
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	struct ap_staff_sockets sockets = {.http = fd, .admin = -1, .operator_uid = (uid_t)-1};
	assert_refused(ap_staff_start(f->v, &sockets, &staff), "tls");
	assert_null(staff);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_supervisor_plays_by_ranges),
		cmocka_unit_test(an_erased_recording_answers_erased),
		cmocka_unit_test(cookies_change_nothing_from_elsewhere),
		cmocka_unit_test(setting_up_is_for_the_socket),
		cmocka_unit_test(keys_of_one_label_are_paged_through),
		cmocka_unit_test(a_login_over_http_sets_a_strict_cookie),
		cmocka_unit_test(what_is_public_needs_no_login),
		cmocka_unit_test(a_connection_ends_with_its_answer),
		cmocka_unit_test(bulk_erasure_needs_two_admins),
		cmocka_unit_test(R20_bulk_erasure_says_what_it_leaves),
		cmocka_unit_test(plain_http_off_loopback_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
