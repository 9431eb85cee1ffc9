/*
 * The gateway's HTTP: whole requests as bytes, through libsoup, routes and handlers, with stand-ins for the vault and
 * the media plane and without sockets. An input is up to four connections, parted by FF FE; each begins with a byte
 * that says how the vault behaves. "$R" and "$E" stand for the coach's media resource and its ETag, which are random.
 *
 * Each connection gets one answer, whole and well-formed, with the headers every answer has, and is closed; it is never
 * "internal" unless the vault spoke nonsense; tokens are never told back; and when a decision that takes recording
 * away reaches the vault, the tap is closed already.
 */
#include "fuzz.h"

#include "common/http_internal.h"
#include "gateway/gateway.h"
#include "gateway/switchboard.h"
#include "tests/testlib/fake_media.h"

#include <aparte/log.h>
#include <sodium.h>
#include <string.h>

#define SESSION "00112233-4455-6677-8899-aabbccddeeff"
#define TOKEN "coach-token"

enum { CONNECTIONS = 4, TURNS = 4000, TRACK_SIZE = 3000 };
/* The low three bits of the byte; then: a tap is open, the media plane takes its time, no one may join any more. */
enum vault { WELL, WELL_TOO, REFUSES, AWAY, NONSENSE, SILENT, CONFLICT, EXPIRED };
enum { TAP_OPEN = 8, MEDIA_SLOW = 16, MAY_NOT_JOIN = 32 };

static struct ap_gateway gw; /* one for all runs; what a run made is taken away after it */
static uint8_t how;
static int64_t now_ns;

/* The vault: calls wait until the connection has nothing more to do, as they would for the link. */

struct waiting {
	char *method, *first; /* owned */
	uint32_t length;      /* TrackRead's */
	ap_vault_answer answer;
	void *ctx;
};

static GQueue waiting = G_QUEUE_INIT;

struct ap_vault_client *ap_vault_client_new(const struct ap_vault_events *events, void *ctx)
{
	(void)events, (void)ctx;
	return NULL;
}

void ap_vault_client_free(struct ap_vault_client *c)
{
	(void)c;
}

bool ap_vault_client_linked(const struct ap_vault_client *c)
{
	(void)c;
	return how % 8 != AWAY;
}

void ap_vault_answer_tap_open(ap_vault_question *question)
{
	(void)question;
}

void ap_vault_answer_tap_close(ap_vault_question *question, uint64_t packets, uint64_t dropped)
{
	(void)question, (void)packets, (void)dropped;
}

void ap_vault_answer_session_close(ap_vault_question *question)
{
	(void)question;
}

void ap_vault_answer_error(ap_vault_question *question, const char *name, const char *detail)
{
	(void)question, (void)name, (void)detail;
}

static struct ap_session *the_session(void)
{
	struct ap_uuid id;
	g_assert_true(ap_uuid_parse(SESSION, &id));
	return ap_sessions_find(gw.sessions, &id);
}

/* Promise: nothing is recorded any more when the vault hears of a withdrawal, a refusal or a pause. */
static void check_decision(const char *method, GVariant *arguments)
{
	const struct ap_session *session = the_session();
	const char *text = "";
	gboolean paused = FALSE;
	if (strcmp(method, "ConsentPut") == 0)
		g_variant_get(arguments, "(&s&s)", NULL, &text);
	else if (strcmp(method, "PauseSet") == 0)
		g_variant_get(arguments, "(&sb)", NULL, &paused);
	else
		return;
	if (session && (paused || (*text && !strstr(text, "ConsentGiven") && !strchr(text, '\\'))))
		g_assert_true(session->tap_open == 0);
}

void ap_vault_call_slow(struct ap_vault_client *c, const char *method, GVariant *arguments, int timeout_ms,
			ap_vault_answer answer, void *ctx)
{
	(void)c, (void)timeout_ms;
	g_autoptr(GVariant) all = g_variant_ref_sink(arguments);
	g_autoptr(GVariant) first = g_variant_get_child_value(all, 0);
	check_decision(method, all);
	if (how % 8 == AWAY) {
		if (answer)
			answer(ctx, ap_problem_by_name("vault-unavailable"), "The vault is away.", NULL);
		return;
	}
	struct waiting *w = g_new0(struct waiting, 1);
	w->method = g_strdup(method);
	w->first = g_variant_is_of_type(first, G_VARIANT_TYPE_STRING) ? g_variant_dup_string(first, NULL) : g_strdup("");
	w->answer = answer;
	w->ctx = ctx;
	if (strcmp(method, "TrackRead") == 0)
		g_variant_get_child(all, 5, "u", &w->length);
	g_queue_push_tail(&waiting, w);
}

void ap_vault_call(struct ap_vault_client *c, const char *method, GVariant *arguments, ap_vault_answer answer, void *ctx)
{
	ap_vault_call_slow(c, method, arguments, 5000, answer, ctx);
}

static GVariant *answer_to(const struct waiting *w)
{
	static const char *const empty[] = {"DevicePut", "PresencePut", "SessionEnd", "LegState", "TapLost", NULL};
	bool may_join = !(how & MAY_NOT_JOIN);
	if (how % 8 == NONSENSE)
		return g_variant_new("(u)", 7);
	if (strcmp(w->method, "PartyOpen") == 0)
		return g_variant_new("(ssbs)", SESSION, strcmp(w->first, TOKEN) ? "coachee" : "coach", may_join, "VP8");
	if (strcmp(w->method, "PartyGet") == 0)
		return g_variant_new("(s)", "{\"gate\":{\"state\":\"closed\"},\"peer\":{\"connected\":false}}");
	if (strcmp(w->method, "TrackOpen") == 0)
		return g_variant_new("(st)", "access", (uint64_t)TRACK_SIZE);
	if (strcmp(w->method, "TrackRead") == 0) {
		g_autofree uint8_t *bytes = g_malloc0(w->length);
		return g_variant_new("(@ay)", g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bytes, w->length, 1));
	}
	if (strcmp(w->method, "LedgerGet") == 0)
		return g_variant_new("(ss)", "text/plain; charset=utf-8", "checkpoint\n");
	return g_strv_contains(empty, w->method) ? g_variant_new("()") : g_variant_new("(s)", "{}");
}

static const char *problem_of(const struct waiting *w)
{
	static const char *const known[] = {TOKEN, "coachee-token", "key", NULL};
	static const char *const answers[] = {[REFUSES] = "token-invalid", [SILENT] = "vault-unavailable",
					      [CONFLICT] = "conflict", [EXPIRED] = "token-expired"};
	const char *name = how % 8 < G_N_ELEMENTS(answers) ? answers[how % 8] : NULL;
	if (!name && strcmp(w->method, "LedgerGet") != 0 && strcmp(w->method, "LegState") != 0 &&
	    strcmp(w->method, "TapLost") != 0 && !g_strv_contains(known, w->first))
		name = "token-invalid";
	return name;
}

static void answer_one(struct waiting *w)
{
	const char *problem = problem_of(w);
	g_autoptr(GVariant) answer = problem ? NULL : g_variant_ref_sink(answer_to(w));
	if (w->answer)
		w->answer(w->ctx, problem ? ap_problem_by_name(problem) : NULL, problem ? "as the test wants" : "", answer);
	g_free(w->method);
	g_free(w->first);
	g_free(w);
}

/* GIO closes what has no way to close without waiting on a thread; nothing here waits, and threads cost the most. */

void g_output_stream_close_async(GOutputStream *stream, int priority, GCancellable *stop, GAsyncReadyCallback done, void *ctx)
{
	(void)priority;
	GError *error = NULL;
	g_autoptr(GTask) task = g_task_new(stream, stop, done, ctx);
	if (g_output_stream_close(stream, stop, &error))
		g_task_return_boolean(task, TRUE);
	else
		g_task_return_error(task, error);
}

gboolean g_output_stream_close_finish(GOutputStream *stream, GAsyncResult *result, GError **error)
{
	(void)stream;
	return g_task_propagate_boolean(G_TASK(result), error);
}

/* The answer, read as a stranger would. */

struct answer {
	unsigned status;
	const char *headers, *body; /* within the text */
	size_t body_len;
};

static const char *next_line(const struct answer *a, const char *at)
{
	const char *end = memchr(at, '\r', (size_t)(a->body - at));
	g_assert_true(end && end[1] == '\n');
	return end + 2;
}

static const char *header_of(const struct answer *a, const char *name)
{
	const char *at = a->headers;
	size_t n = strlen(name);
	for (; at < a->body - 2; at = next_line(a, at))
		if (g_ascii_strncasecmp(at, name, n) == 0 && at[n] == ':')
			return at + n + 2;
	return NULL;
}

static bool header_is(const struct answer *a, const char *name, const char *value)
{
	const char *at = header_of(a, name);
	return at && g_str_has_prefix(at, value) && at[strlen(value)] == '\r';
}

static void check_head(const struct answer *a)
{
	static const char *const all[][2] = {{"X-Content-Type-Options", "nosniff"},
					     {"Referrer-Policy", "no-referrer"},
					     {"Cross-Origin-Resource-Policy", "same-origin"},
					     {"Connection", "close"}};
	for (const char *at = a->headers; at < a->body - 2; at = next_line(a, at)) {
		size_t name = strcspn(at, ":\r\n");
		g_assert_true(name > 0 && at[name] == ':' && at[name + 1] == ' ');
		for (const char *c = at; *c != '\r'; c++)
			g_assert_true((uint8_t)*c >= 0x20 && *c != 0x7f);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
		g_assert_true(header_is(a, all[i][0], all[i][1]));
	g_assert_true(header_of(a, "Cache-Control") && header_of(a, "Content-Security-Policy"));
}

static void check_problem(const struct answer *a)
{
	g_autoptr(JsonNode) root = NULL;
	g_autofree char *text = g_strndup(a->body, a->body_len);
	root = json_from_string(text, NULL);
	g_assert_true(root && JSON_NODE_HOLDS_OBJECT(root));
	JsonObject *problem = json_node_get_object(root);
	g_assert_true(*json_object_get_string_member_with_default(problem, "type", ""));
	g_assert_true(a->status == 500 || *json_object_get_string_member_with_default(problem, "detail", ""));
}

/* What libsoup refuses by itself has its own status line and the body we prepared; it asks us nothing. */
static bool is_libsoups(const struct answer *a)
{
	return a->status >= 400 && !header_of(a, "X-Content-Type-Options");
}

static void check_body(const struct answer *a, bool head)
{
	const char *length = header_of(a, "Content-Length");
	bool chunked = header_is(a, "Transfer-Encoding", "chunked");
	if (head || a->status == 204) {
		g_assert_true(a->body_len == 0);
		return;
	}
	g_assert_true(chunked != (length != NULL));
	g_assert_true(chunked || g_ascii_strtoull(length, NULL, 10) == a->body_len);
	g_assert_true(!chunked || (a->body_len >= 5 && memcmp(a->body + a->body_len - 5, "0\r\n\r\n", 5) == 0));
}

static void check_answer(const char *text, size_t len, bool head)
{
	struct answer a = {0};
	if (len == 0)
		return; /* a request that did not end */
	g_assert_true(g_str_has_prefix(text, "HTTP/1.") && len > 13);
	a.status = (unsigned)g_ascii_strtoull(text + 9, NULL, 10);
	if (a.status == 100) { /* "go on", before the answer proper */
		const char *end = memmem(text, len, "\r\n\r\n", 4);
		g_assert_nonnull(end);
		check_answer(end + 4, len - (size_t)(end + 4 - text), head);
		return;
	}
	a.headers = memmem(text, len, "\r\n", 2);
	a.body = memmem(text, len, "\r\n\r\n", 4);
	g_assert_true(a.status >= 200 && a.status < 600 && a.headers && a.body);
	a.headers += 2;
	a.body += 4;
	a.body_len = len - (size_t)(a.body - text);
	g_assert_true(a.status != 500 || how % 8 == NONSENSE);
	if (is_libsoups(&a))
		return;
	check_head(&a);
	check_body(&a, head);
	if (header_is(&a, "Content-Type", "application/problem+json") && !head)
		check_problem(&a);
	g_assert_null(memmem(text, len, TOKEN, strlen(TOKEN)));
}

/* The world. */

static int64_t fake_ms(void *ctx)
{
	(void)ctx;
	return 1800000000000 + now_ns / 1000000;
}

static int64_t fake_ns(void *ctx)
{
	(void)ctx;
	return now_ns;
}

static void stream_gone(void *ctx, const struct ap_uuid *id)
{
	(void)ctx;
	struct ap_session *session = ap_sessions_find(gw.sessions, id);
	if (session)
		session->streams -= session->streams > 0;
}

/* No descriptor matters here: what is ready shows by itself. */
static int poll_nothing(GPollFD *fds, unsigned count, int timeout_ms)
{
	(void)fds, (void)count, (void)timeout_ms;
	return 0;
}

static void make_gateway(void)
{
	static const struct ap_clock clock = {fake_ms, fake_ns, NULL};
	const struct ap_static_options options = {.camera = true};
	struct ap_config *config = ap_config_new();
	g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR);
	g_main_context_set_poll_func(NULL, poll_nothing);
	g_assert_true(sodium_init() >= 0);
	ap_log_init("fuzz", AP_LOG_ERROR);
	g_assert_true(ap_ok(ap_config_set(config, "gateway.rate_per_minute", "1000000")));
	g_assert_true(ap_ok(ap_config_set(config, "gateway.cors_origins", "https://platform.example")));
	ap_gateway_init(&gw, config, &clock);
	for (size_t i = 0; i < G_N_ELEMENTS(gw.timers); i++)
		g_source_remove(gw.timers[i]);
	g_assert_true(ap_ok(ap_static_files_load(AP_SOURCE_DIR "/tests/vectors/pages", &options, &gw.files)));
	ap_gateway_serve(&gw);
	g_assert_true(ap_ok(ap_media_new(config, &clock, NULL, &ap_switchboard_media, &gw, &gw.media)));
}

static void reset(void)
{
	ap_switchboard_shut(&gw);
	while (!g_queue_is_empty(&waiting))
		answer_one(g_queue_pop_head(&waiting));
	ap_events_free(gw.events);
	ap_sessions_free(gw.sessions);
	gw.sessions = ap_sessions_new(100);
	gw.events = ap_events_new(100, stream_gone, &gw);
}

static void turn(void)
{
	for (int i = 0; i < TURNS && g_main_context_iteration(NULL, FALSE); i++)
		;
}

/* Everything that was asked is answered, whatever that asks in turn. */
static void settle(void)
{
	for (int round = 0; round < 64; round++) {
		turn();
		fake_media_release();
		if (g_queue_is_empty(&waiting))
			break;
		answer_one(g_queue_pop_head(&waiting));
	}
	turn();
}

static void prepare(void)
{
	struct ap_session *session = the_session();
	now_ns += 1000000000;
	if (session && how & TAP_OPEN)
		session->tap_open = 7;
	if (how & MEDIA_SLOW)
		fake_media_hold();
}

static GBytes *request_of(const uint8_t *bytes, size_t len)
{
	struct ap_session *session = the_session();
	const struct ap_session_leg *leg = session ? ap_session_leg(session, AP_COACH) : NULL;
	if (!leg || !leg->present || !memchr(bytes, '$', len) || memchr(bytes, 0, len))
		return g_bytes_new(bytes, len);
	g_autoptr(GString) text = g_string_new_len((const char *)bytes, (gssize)len);
	g_string_replace(text, "$R", leg->resource, 1);
	g_string_replace(text, "$E", leg->etag, 1);
	return g_bytes_new(text->str, text->len);
}

/* Empty lines before a request count for nothing (RFC 9112 section 2.2). */
static bool asks_head_only(const uint8_t *bytes, size_t len)
{
	for (; len > 0 && (*bytes == '\r' || *bytes == '\n'); bytes++)
		len--;
	return len > 5 && memcmp(bytes, "HEAD ", 5) == 0;
}

static void run_connection(const uint8_t *bytes, size_t len)
{
	static GSocketAddress *local, *remote;
	if (!local) {
		local = g_inet_socket_address_new_from_string("127.0.0.1", 80);
		remote = g_inet_socket_address_new_from_string("127.0.0.1", 5000);
	}
	prepare();
	g_autoptr(GBytes) request = request_of(bytes, len);
	g_autoptr(GInputStream) in = g_memory_input_stream_new_from_bytes(request);
	g_autoptr(GOutputStream) out = g_memory_output_stream_new_resizable();
	g_autoptr(GIOStream) memory = g_simple_io_stream_new(in, out);
	g_autoptr(GIOStream) stream = ap_http_head_stream(memory);
	g_assert_true(soup_server_accept_iostream(gw.http->server, stream, local, remote, NULL));
	settle();
	struct ap_session *session = the_session();
	if (session)
		ap_events_end_session(gw.events, &session->id, "over");
	settle();
	g_assert_true(g_io_stream_is_closed(stream) && g_queue_is_empty(&waiting));
	g_autofree char *text = g_strndup(g_memory_output_stream_get_data(G_MEMORY_OUTPUT_STREAM(out)),
					  g_memory_output_stream_get_data_size(G_MEMORY_OUTPUT_STREAM(out)));
	check_answer(text, g_memory_output_stream_get_data_size(G_MEMORY_OUTPUT_STREAM(out)),
		     asks_head_only(bytes, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!gw.http)
		make_gateway();
	for (int i = 0; i < CONNECTIONS && size > 1; i++) {
		const uint8_t *end = memmem(data, size, "\xff\xfe", 2);
		size_t len = end ? (size_t)(end - data) : size;
		how = data[0];
		if (len > 1)
			run_connection(data + 1, len - 1);
		data += len;
		size -= len;
		if (!end)
			break;
		data += 2;
		size -= 2;
	}
	reset();
	return 0;
}
