/*
 * The staff API over a vault with a recording: each input is a request, its first line "<listener><who> METHOD target",
 * headers, an empty line, the body. Listener `n` is the private one, `l` admin.sock; who is a digit: nobody, an admin, a
 * supervisor, a coach, an auditor. "$r", "$s", "$g", "$a", "$e" stand for ids of recording, session, grant, access, request.
 * A caller gets what their row of the table lets them have and nothing else; every request is answered once, in the
 * form it says; and none of them is "something went wrong here".
 */
#include "fuzz.h"

#include "tests/fuzz/fake_http.h"
#include "tests/testlib/staff_fixture.h"

#include <aparte/jcs.h>
#include <aparte/log.h>
#include <recorder/api/api.h>
#include <recorder/db/db_staff_user.h>
#include <recorder/access/grant.h>
#include <recorder/api/staff.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define YEAR (365LL * 86400000)
#define CHANGES 100 /* before the vault is made anew */

/* ---- Argon2id takes a fifth of a second on purpose ---- */

int crypto_pwhash_str_alg(char out[crypto_pwhash_STRBYTES], const char *const password, unsigned long long len,
			  unsigned long long ops, size_t memory, int alg)
{
	(void)password, (void)len, (void)ops, (void)memory, (void)alg;
	g_strlcpy(out, "$argon2id$v=19$m=1,t=1,p=1$none$none", crypto_pwhash_STRBYTES);
	return 0;
}

int crypto_pwhash_str_verify(const char str[crypto_pwhash_STRBYTES], const char *const password, unsigned long long len)
{
	(void)str;
	return len == 5 && memcmp(password, "right", 5) == 0 ? 0 : -1;
}

/* ---- the vault ---- */

static const char *const names[] = { NULL, "ada", "sam", "carl", "aude" };
static const char *const roles[] = { NULL, "admin", "supervisor", "coach", "auditor" };

enum { NET, LOCAL }; /* the two listeners, in the order in which they are opened */

struct site {
	struct fixture *f;
	struct ap_staff *staff;
	struct ap_http_connection peer; /* of admin.sock */
	char ids[5][AP_UUID_TEXT];	/* r s g a e */
	bool in[G_N_ELEMENTS(names)];	/* is logged in: who was disabled is not */
	unsigned changes;
};

/* Listening is not: what is served there is asked here. */
static struct ap_http *listeners[2];
static unsigned listening;

struct ap_result __wrap_ap_http_listen(struct ap_http *http, int fd);
struct ap_result __wrap_ap_http_listen(struct ap_http *http, int fd)
{
	g_assert_cmpuint(listening, <, G_N_ELEMENTS(listeners));
	listeners[listening++] = http;
	close(fd);
	return AP_SUCCESS;
}

static int loopback_socket(void)
{
	const struct sockaddr_in any_port = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_assert_true(fd >= 0 && bind(fd, (const struct sockaddr *)&any_port, sizeof any_port) == 0);
	return fd;
}

/* As the product does it: by the time that the vault believes, and for as long as a login lasts. */
static void log_everybody_in(struct site *s)
{
	struct ap_db *db = ap_vault_db(s->f->v);
	int64_t now_ms = ap_vault_believed_ms(s->f->v);
	int64_t end_ms = now_ms + ap_config_int(s->f->config, "vault.login_minutes") * 60000;
	for (size_t i = 1; i < G_N_ELEMENTS(names); i++) {
		struct ap_actor actor;
		struct ap_hash hash = ap_sha256(names[i], strlen(names[i])); /* the token is the name */
		AP_IGNORE(ap_db_login_delete(db, &hash)); /* may be gone */
		s->in[i] = ap_ok(ap_db_user_actor(db, names[i], &actor));
		if (s->in[i])
			assert_ok(ap_db_login_insert(db, &hash, actor.user, now_ms, end_ms));
	}
}

/* A recording that sam may see, an access of his, and a request of the coachee. */
static void fill(struct site *s)
{
	struct ap_uuid session = fixture_consented(s->f, "[\"recording\",\"supervision\"]");
	struct ap_uuid recording = fixture_recording(s->f, &session, YEAR);
	struct ap_actor actors[G_N_ELEMENTS(names)];
	struct ap_access access;
	JsonNode *answer;
	/* One that takes effect at once would leave nothing to ask for. */
	const char *waits = "{\"type\":\"access\"}";
	char *request = NULL;
	for (size_t i = 1; i < G_N_ELEMENTS(names); i++)
		actors[i] = fixture_user(s->f, names[i], roles[i], i == 3 ? "coach-1" : NULL);
	struct ap_grant_wish wish = { recording, "sam", "supervision", s->f->wall_ms + YEAR };
	assert_ok(ap_grant_add(s->f->v, &actors[1], &wish, &answer));
	g_strlcpy(s->ids[2], json_object_get_string_member(json_node_get_object(answer), "id"), AP_UUID_TEXT);
	json_node_unref(answer);
	assert_ok(ap_access_begin(s->f->v, &actors[2], &recording, "supervision", "review", &access));
	ap_uuid_text(&recording, s->ids[0]);
	ap_uuid_text(&session, s->ids[1]);
	ap_uuid_text(&access.id, s->ids[3]);
	assert_ok(ap_staff_rights()->request_create(s->f->v, &session, AP_COACHEE, waits, &request));
	g_autoptr(JsonNode) node = json_from_string(request, NULL);
	g_strlcpy(s->ids[4], json_object_get_string_member(json_node_get_object(node), "id"), AP_UUID_TEXT);
	g_free(request);
}

static struct site *site_new(void)
{
	struct site *s = g_new0(struct site, 1);
	struct ap_staff_sockets sockets = { .http = loopback_socket(), .certificate = -1, .key = -1, .operator_uid = (uid_t)-1 };
	int ends[2];
	s->f = fixture_new();
	g_assert_true(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	sockets.admin = ends[1];
	listening = 0;
	assert_ok(ap_staff_start(s->f->v, &sockets, &s->staff));
	s->peer.http = listeners[LOCAL];
	s->peer.socket = g_socket_new_from_fd(ends[0], NULL);
	fill(s);
	log_everybody_in(s);
	return s;
}

/* What the vault posted to itself; nothing of it may outlive the vault. */
static void settle(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static void site_free(struct site *s)
{
	settle();
	g_object_unref(s->peer.socket);
	ap_staff_stop(s->staff);
	fixture_free(s->f);
	g_free(s);
}

/* ---- a request ---- */

static char *with_ids(const struct site *s, const char *text)
{
	static const char marks[] = "rsgae";
	g_autoptr(GString) out = g_string_new(NULL);
	for (; *text && out->len < 8192; text++) {
		const char *which = text[0] == '$' && text[1] ? strchr(marks, text[1]) : NULL;
		if (which)
			g_string_append(out, s->ids[which - marks]);
		else
			g_string_append_c(out, *text);
		text += which != NULL;
	}
	return g_string_free(g_steal_pointer(&out), FALSE);
}

struct row { /* as api.c hangs it on its listener */
	struct ap_api *api;
	const struct ap_api_route *route;
};

/* In a lockdown nobody is logged in, and everybody is told why; nothing else is answered. */
static void check_rights(const struct site *s, const struct fake_answer *a, const struct ap_api *api, unsigned who)
{
	unsigned may = ((const struct row *)a->entry->ctx)->route->may;
	if (a->status == 423 && ap_vault_locked_down(s->f->v))
		return;
	static const unsigned bits[] = { 0, AP_MAY(ADMIN), AP_MAY(SUPERVISOR), AP_MAY(COACH), AP_MAY(AUDITOR) };
	if (may & AP_ONLY_SOCKET && !api->socket)
		g_assert_true(a->status == 403 || a->status == 401);
	if (!(may & AP_MAY_ANYONE) && !api->socket && !(may & bits[who]))
		g_assert_true(a->status == 403 || a->status == 401);
	if (!(may & AP_MAY_ANYONE) && !api->socket && who == 0)
		g_assert_cmpuint(a->status, ==, may & AP_ONLY_SOCKET ? 403 : 401);
}

static void check_form(const struct fake_answer *a)
{
	g_autoptr(JsonNode) node = NULL;
	g_autofree char *text = g_strndup((const char *)a->body->data, a->body->len);
	g_assert_cmpuint(a->answers, ==, 1);
	if (a->status == 500)
		g_error("something went wrong: %s", text);
	g_assert_true(a->status >= 200 && a->status < 600);
	if (a->content_type && strstr(a->content_type, "json"))
		node = json_from_string(text, NULL);
	g_assert_true(node || !a->content_type || !strstr(a->content_type, "json"));
	if (a->status >= 400)
		g_assert_cmpstr(a->content_type, ==, "application/problem+json");
	if (a->content_type && strcmp(a->content_type, "video/webm") == 0 && a->status == 200)
		g_assert_true(a->body->len == FIXTURE_TRACK || a->body->len == 0);
}

/* Whoever is logged in gets past the login's door; nothing behind it is tested otherwise. */
static void check_login(const struct site *s, const struct fake_answer *a, const struct ap_api *api, unsigned who)
{
	unsigned may = ((const struct row *)a->entry->ctx)->route->may;
	g_autofree char *text = g_strndup((const char *)a->body->data, a->body->len);
	if (!api->socket && s->in[who] && !(may & AP_MAY_ANYONE))
		g_assert_true(a->status < 400 || (!strstr(text, "token-expired") && !strstr(text, "log in")));
}

/* What the first line of an input says. */
struct asked {
	const struct ap_api *api;
	unsigned who;
	bool change;
};

/* False when it is no request that could reach a handler. */
static bool put(struct site *s, char *text, struct asked *ret_asked, struct fake_answer *ret_answer)
{
	char *headers = strchr(text, '\n'), *body = headers ? strstr(headers, "\n\n") : NULL;
	if (headers)
		*headers++ = '\0';
	if (body && body >= headers - 1) {
		*body = '\0';
		body += 2;
	}
	g_auto(GStrv) words = g_strsplit(text, " ", 3);
	if (g_strv_length(words) != 3 || strlen(words[0]) != 2 || !g_utf8_validate(words[1], -1, NULL))
		return false;
	unsigned listener = words[0][0] == 'l' ? LOCAL : NET;
	unsigned who = (unsigned char)(words[0][1] - '0') % G_N_ELEMENTS(names);
	g_autofree char *login = who ? g_strconcat("\nAuthorization: Bearer ", names[who], NULL) : NULL;
	g_autofree char *all = g_strconcat("Content-Type: application/json", login ? login : "", "\n", headers ? headers : "", NULL);
	if (headers && (strcasestr(headers, "authorization") || strcasestr(headers, "cookie")))
		return false; /* who it is stands in the first line */
	const struct fake_request request = { .method = words[1], .target = words[2], .headers = all, .body = body,
					      .connection = listener == LOCAL ? &s->peer : NULL };
	if (!fake_http_ask(listeners[listener], &request, ret_answer))
		return false;
	*ret_asked = (struct asked){ ((const struct row *)ret_answer->entry->ctx)->api, who, strcmp(words[1], "GET") != 0 };
	g_assert_true(ret_asked->api->socket == (listener == LOCAL));
	return true;
}

static void ask(struct site *s, char *text)
{
	struct fake_answer answer;
	struct asked asked;
	if (!put(s, text, &asked, &answer))
		return;
	check_form(&answer);
	check_rights(s, &answer, asked.api, asked.who);
	check_login(s, &answer, asked.api, asked.who);
	if (answer.status < 300 && asked.change) {
		/* While it is locked down little can be asked: not for long. */
		s->changes += ap_vault_locked_down(s->f->v) ? CHANGES / 10 : 1;
		settle();
		log_everybody_in(s);
	}
	fake_answer_clear(&answer);
}

/* A site where each role gets what is theirs: were it not so, the inputs would try nothing but its door. */
static void check_site(struct site *s)
{
	static const char *const good[] = { "n1 GET /v1/login", "n2 GET /v1/login", "n3 GET /v1/login", "n4 GET /v1/login",
					    "n1 GET /v1/users", "n2 GET /v1/recordings/$r/tracks/coach?access=$a",
					    "n3 GET /v1/recordings", "n4 GET /v1/accesses", "l1 GET /v1/users" };
	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		struct fake_answer answer;
		struct asked asked;
		g_autofree char *text = with_ids(s, good[i]);
		g_assert_true(put(s, text, &asked, &answer));
		if (answer.status != 200)
			g_error("%s: %u %.*s", good[i], answer.status, (int)answer.body->len, (const char *)answer.body->data);
		fake_answer_clear(&answer);
	}
}

static struct site *the_site(void)
{
	static struct site *s;
	if (!s)
		ap_log_init("fuzz", AP_LOG_ERROR);
	if (s && s->changes > CHANGES)
		g_clear_pointer(&s, site_free);
	if (!s) {
		s = site_new();
		check_site(s);
	}
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct site *s = the_site();
	g_autofree char *text = g_strndup((const char *)data, size), *whole = with_ids(s, text);
	ask(s, whole);
	return 0;
}
