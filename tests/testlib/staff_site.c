#include "tests/testlib/staff_site.h"

#include "recorder/db/db_staff_user.h"
#include "recorder/access/grant.h"

#include <gio/gunixsocketaddress.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define YEAR (365LL * 86400000)

static int listen_tcp(unsigned *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static int listen_unix(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_strlcpy(address.sun_path, path, sizeof address.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

struct site site_new(void)
{
	struct site s = {.f = fixture_new()};
	g_autofree char *path = g_build_filename(s.f->home, "admin.sock", NULL);
	struct ap_staff_sockets sockets = {
		.http = listen_tcp(&s.port), .admin = listen_unix(path), .operator_uid = (uid_t)-1};
	assert_ok(ap_staff_start(s.f->v, &sockets, &s.staff));
	g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
	s.net = soup_session_new();
	s.local = soup_session_new_with_options("remote-connectable", address, NULL);
	return s;
}

static void drop_answer(struct site *s)
{
	g_clear_object(&s->message);
	g_clear_pointer(&s->body, g_bytes_unref);
}

void site_free(struct site *s)
{
	drop_answer(s);
	soup_session_abort(s->net);
	soup_session_abort(s->local);
	g_object_unref(s->net);
	g_object_unref(s->local);
	ap_staff_stop(s->staff);
	fixture_free(s->f);
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer data)
{
	struct site *s = data;
	s->body = soup_session_send_and_read_finish(SOUP_SESSION(source), result, NULL);
	s->status = soup_message_get_status(s->message);
	if (!s->body)
		s->body = g_bytes_new_static("", 0);
}

/* headers: name, value pairs, NULL-terminated. */
unsigned site_call(struct site *s, SoupSession *session, const char *method, const char *path, const char *json,
		     const char *const *headers)
{
	g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u%s", s->port, path);
	drop_answer(s);
	s->message = soup_message_new(method, url);
	if (json) {
		g_autoptr(GBytes) body = g_bytes_new(json, strlen(json));
		soup_message_set_request_body_from_bytes(s->message, "application/json", body);
	}
	for (; headers && headers[0]; headers += 2)
		soup_message_headers_replace(soup_message_get_request_headers(s->message), headers[0], headers[1]);
	soup_session_send_and_read_async(session, s->message, G_PRIORITY_DEFAULT, NULL, on_answer, s);
	while (!s->body)
		g_main_context_iteration(NULL, TRUE);
	return s->status;
}

unsigned site_as(struct site *s, const char *token, const char *method, const char *path, const char *json)
{
	g_autofree char *bearer = g_strconcat("Bearer ", token, NULL);
	return site_call(s, s->net, method, path, json, (const char *const[]){"Authorization", bearer, NULL});
}

char *site_text(struct site *s)
{
	gsize len;
	const char *data = g_bytes_get_data(s->body, &len);
	return g_strndup(data, len);
}

char *site_member(struct site *s, const char *name)
{
	g_autofree char *text = site_text(s);
	g_autoptr(JsonNode) node = json_from_string(text, NULL);
	return g_strdup(json_object_get_string_member_with_default(json_node_get_object(node), name, ""));
}

void site_expect_problem(struct site *s, unsigned status, const char *name)
{
	g_autofree char *type = site_member(s, "type"), *expected = g_strconcat("urn:aparte:error:", name, NULL);
	assert_string_equal(type, expected);
	assert_int_equal(s->status, status);
}

const char *site_header(struct site *s, const char *name)
{
	return soup_message_headers_get_one(soup_message_get_response_headers(s->message), name);
}

struct ap_actor site_user(struct site *s, const char *name, const char *role, const char *party_id)
{
	struct ap_actor actor = fixture_user(s->f, name, role, party_id);
	struct ap_hash hash = ap_sha256(name, strlen(name)); /* the token is the name */
	assert_ok(ap_db_login_insert(ap_vault_db(s->f->v), &hash, actor.user, s->f->wall_ms, s->f->wall_ms + 3600000));
	return actor;
}

/* A recording that sam may see for supervision. */
struct ap_uuid site_granted(struct site *s, struct ap_uuid *ret_grant)
{
	struct ap_uuid session = fixture_consented(s->f, "[\"recording\",\"supervision\"]");
	struct ap_uuid recording = fixture_recording(s->f, &session, YEAR);
	struct ap_actor admin = site_user(s, "ada", "admin", NULL);
	JsonNode *answer;
	site_user(s, "sam", "supervisor", NULL);
	struct ap_grant_wish wish = {recording, "sam", "supervision", s->f->wall_ms + YEAR};
	assert_ok(ap_grant_add(s->f->v, &admin, &wish, &answer));
	assert_true(ap_uuid_parse(json_object_get_string_member(json_node_get_object(answer), "id"), ret_grant));
	json_node_unref(answer);
	return recording;
}

char *site_path(const struct ap_uuid *recording, const char *rest)
{
	char id[AP_UUID_TEXT];
	ap_uuid_text(recording, id);
	return g_strconcat("/v1/recordings/", id, rest, NULL);
}

/* The path of sam's access to the coach's track. */
char *site_begin(struct site *s, const struct ap_uuid *recording)
{
	g_autofree char *path = site_path(recording, "/accesses");
	assert_int_equal(site_as(s, "sam", "POST", path, "{\"purpose\":\"supervision\",\"reason\":\"review\"}"), 201);
	g_autofree char *access = site_member(s, "id"), *rest = g_strconcat("/tracks/coach?access=", access, NULL);
	return site_path(recording, rest);
}
