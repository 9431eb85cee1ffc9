#include "world.h"

#include "gateway/switchboard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static gboolean expire(void *data)
{
	*(int *)data = 1;
	return G_SOURCE_REMOVE;
}

void world_wait(const int *flag)
{
	int late = 0;
	unsigned timer = g_timeout_add(3000, expire, &late);
	while (!*flag && !late)
		g_main_context_iteration(NULL, TRUE);
	if (!late)
		g_source_remove(timer);
	assert_false(late);
}

void world_run(unsigned ms)
{
	int over = 0;
	g_timeout_add(ms, expire, &over);
	while (!over)
		g_main_context_iteration(NULL, TRUE);
}

static int listen_loopback(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof any), 0);
	assert_int_equal(listen(fd, 64), 0);
	return fd;
}

static struct ap_config *make_config(const char *settings)
{
	struct ap_config *config = ap_config_new();
	g_auto(GStrv) lines = g_strsplit(settings ? settings : "", "\n", -1);
	for (char **line = lines; *line; line++) {
		g_auto(GStrv) pair = g_strsplit(*line, "=", 2);
		if (pair[0] && pair[1])
			assert_true(ap_ok(ap_config_set(config, pair[0], pair[1])));
	}
	return config;
}

void world_link_vault(struct world *w)
{
	int fd;
	w->vault = fake_vault_new(&fd);
	ap_vault_client_link(w->gw.vault, fd);
	for (int i = 0; i < 3000 && !ap_vault_client_linked(w->gw.vault); i++)
		world_run(1);
	assert_true(ap_vault_client_linked(w->gw.vault));
}

void world_lose_vault(struct world *w)
{
	fake_vault_free(w->vault);
	w->vault = NULL;
	for (int i = 0; i < 3000 && ap_vault_client_linked(w->gw.vault); i++)
		world_run(1);
	assert_false(ap_vault_client_linked(w->gw.vault));
}

void world_begin(struct world *w, const char *settings)
{
	*w = (struct world){ 0 };
	const struct ap_static_options options = { .camera = true };
	ap_gateway_init(&w->gw, make_config(settings), ap_clock_system());
	assert_true(ap_ok(ap_turn_new(w->gw.config, &w->gw.turn)));
	assert_true(ap_ok(ap_static_files_load(AP_SOURCE_DIR "/tests/vectors/pages", &options, &w->gw.files)));
	ap_gateway_serve(&w->gw);
	assert_true(ap_ok(ap_media_new(w->gw.config, w->gw.clock, NULL, &ap_switchboard_media, &w->gw, &w->gw.media)));
	assert_true(ap_ok(ap_http_listen(w->gw.http, listen_loopback())));
	w->client = soup_session_new_with_options("max-conns", 32, "max-conns-per-host", 32, NULL);
	world_link_vault(w);
}

void world_end(struct world *w)
{
	soup_session_abort(w->client);
	g_object_unref(w->client);
	world_run(20);
	ap_switchboard_shut(&w->gw);
	fake_vault_free(w->vault);
	world_run(20);
	ap_gateway_clear(&w->gw);
	world_run(20);
}

int world_set_up(void **state)
{
	struct world *w = g_new0(struct world, 1);
	world_begin(w, "gateway.rate_per_minute=100000");
	*state = w;
	return 0;
}

int world_tear_down(void **state)
{
	world_end(*state);
	g_free(*state);
	return 0;
}

/* Requests. */

static SoupMessage *make_message(struct world *w, const char *method, const char *path, const char *token)
{
	g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u%s", ap_http_port(w->gw.http), path);
	SoupMessage *message = soup_message_new(method, url);
	assert_non_null(message);
	if (token) {
		g_autofree char *value = g_strconcat("Bearer ", token, NULL);
		soup_message_headers_replace(soup_message_get_request_headers(message), "Authorization", value);
	}
	return message;
}

static void add_headers(SoupMessage *message, const char *headers)
{
	g_auto(GStrv) lines = g_strsplit(headers ? headers : "", "\n", -1);
	for (char **line = lines; *line; line++) {
		g_auto(GStrv) pair = g_strsplit(*line, ": ", 2);
		if (pair[0] && pair[1])
			soup_message_headers_append(soup_message_get_request_headers(message), pair[0], pair[1]);
	}
}

struct asking {
	GBytes *body;
	int done;
};

static void on_done(GObject *session, GAsyncResult *result, void *data)
{
	struct asking *asking = data;
	asking->body = soup_session_send_and_read_finish(SOUP_SESSION(session), result, NULL);
	asking->done = 1;
}

static char *header(SoupMessageHeaders *headers, const char *name)
{
	return g_strdup(soup_message_headers_get_one(headers, name));
}

struct answer world_ask(struct world *w, const char *method, const char *path, const char *token, const char *type,
			const char *body, const char *headers)
{
	struct asking asking = { 0 };
	g_autoptr(SoupMessage) message = make_message(w, method, path, token);
	add_headers(message, headers);
	if (body) {
		g_autoptr(GBytes) bytes = g_bytes_new(body, strlen(body));
		soup_message_set_request_body_from_bytes(message, type, bytes);
	}
	soup_session_send_and_read_async(w->client, message, 0, NULL, on_done, &asking);
	int late = 0;
	unsigned timer = g_timeout_add(8000, expire, &late);
	while (!asking.done && !late)
		g_main_context_iteration(NULL, TRUE);
	assert_false(late);
	g_source_remove(timer);
	SoupMessageHeaders *got = soup_message_get_response_headers(message);
	struct answer a = { .status = soup_message_get_status(message),
			    .type = header(got, "Content-Type"),
			    .etag = header(got, "ETag"),
			    .location = header(got, "Location"),
			    .allow = header(got, "Allow"),
			    .retry_after = header(got, "Retry-After"),
			    .range = header(got, "Content-Range"),
			    .headers = soup_message_headers_ref(got) };
	if (asking.body) {
		a.len = g_bytes_get_size(asking.body);
		a.body = g_malloc0(a.len + 1);
		ap_copy(a.body, a.len, g_bytes_get_data(asking.body, NULL), a.len);
		g_bytes_unref(asking.body);
	}
	return a;
}

void answer_clear(struct answer *a)
{
	g_free(a->type);
	g_free(a->etag);
	g_free(a->location);
	g_free(a->allow);
	g_free(a->retry_after);
	g_free(a->range);
	g_free(a->body);
	soup_message_headers_unref(a->headers);
}

const char *answer_problem(const struct answer *a)
{
	static char name[64];
	name[0] = '\0';
	g_autoptr(JsonNode) root = a->body && *a->body ? json_from_string(a->body, NULL) : NULL;
	if (root && g_strcmp0(a->type, "application/problem+json") == 0) {
		const char *type = json_object_get_string_member(json_node_get_object(root), "type");
		assert_true(*json_object_get_string_member(json_node_get_object(root), "detail"));
		g_strlcpy(name, g_str_has_prefix(type, "urn:aparte:error:") ? type + 17 : type, sizeof name);
	}
	return name;
}

/* Event streams. */

static void read_on(GInputStream *stream, struct listener *l);

static void on_bytes(GObject *stream, GAsyncResult *result, void *data)
{
	struct listener *l = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) bytes = g_input_stream_read_bytes_finish(G_INPUT_STREAM(stream), result, &error);
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
		g_object_unref(stream);
		return;
	}
	if (!bytes || g_bytes_get_size(bytes) == 0) {
		l->closed = 1;
		g_object_unref(stream);
		return;
	}
	g_string_append_len(l->text, g_bytes_get_data(bytes, NULL), (gssize)g_bytes_get_size(bytes));
	read_on(G_INPUT_STREAM(stream), l);
}

static void read_on(GInputStream *stream, struct listener *l)
{
	g_input_stream_read_bytes_async(stream, 4096, 0, l->stop, on_bytes, l);
}

static void on_stream(GObject *session, GAsyncResult *result, void *data)
{
	GInputStream *stream = soup_session_send_finish(SOUP_SESSION(session), result, NULL);
	struct listener *l = data;
	if (stream)
		read_on(stream, l);
	else
		l->closed = 1;
}

struct listener *world_listen(struct world *w, const char *token, const char *page)
{
	struct listener *l = g_new0(struct listener, 1);
	l->text = g_string_new(NULL);
	l->stop = g_cancellable_new();
	g_autoptr(SoupMessage) message = make_message(w, "GET", "/v1/events", token);
	if (page)
		soup_message_headers_append(soup_message_get_request_headers(message), "Aparte-Page", page);
	soup_session_send_async(w->client, message, 0, l->stop, on_stream, l);
	return l;
}

void listener_free(struct listener *l)
{
	g_cancellable_cancel(l->stop);
	world_run(20);
	g_object_unref(l->stop);
	g_string_free(l->text, TRUE);
	g_free(l);
}

void listener_expect(struct listener *l, const char *text)
{
	for (int i = 0; i < 3000 && !strstr(l->text->str, text); i++)
		world_run(1);
	if (!strstr(l->text->str, text))
		print_error("stream so far:\n%s\nmissing: %s\n", l->text->str, text);
	assert_non_null(strstr(l->text->str, text));
}

void world_expect(struct world *w, const char *method, const char *path, const char *token, const char *type,
		  const char *body, unsigned status, const char *problem)
{
	struct answer a = world_ask(w, method, path, token, type, body, NULL);
	if (a.status != status || strcmp(answer_problem(&a), problem) != 0)
		print_error("%s %s: %u %s, wanted %u %s\n", method, path, a.status, answer_problem(&a), status, problem);
	assert_int_equal(a.status, status);
	assert_string_equal(answer_problem(&a), problem);
	answer_clear(&a);
}

struct answer world_join(struct world *w, const char *token, const char *page)
{
	g_autofree char *offer = world_read("sdp/chromium-av.sdp");
	g_autofree char *headers = page ? g_strconcat("Aparte-Page: ", page, NULL) : NULL;
	struct answer a = world_ask(w, "POST", "/v1/media", token, TYPE_SDP, offer, headers);
	assert_int_equal(a.status, 201);
	return a;
}

void world_join_only(struct world *w, const char *token)
{
	struct answer a = world_join(w, token, NULL);
	answer_clear(&a);
}

int world_open_gate(struct world *w, uint64_t generation)
{
	int pair[2], done = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	fake_vault_tap_open(w->vault, generation, pair[1], &done);
	close(pair[1]);
	world_wait(&done);
	assert_int_equal(done, 1);
	return pair[0];
}

char *world_read(const char *path)
{
	char *text = NULL;
	g_autofree char *full = g_build_filename(AP_SOURCE_DIR, "tests/vectors", path, NULL);
	assert_true(g_file_get_contents(full, &text, NULL, NULL));
	return text;
}
