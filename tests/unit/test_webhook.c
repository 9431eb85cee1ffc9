#include "tests/testlib/staff_fixture.h"

#include "recorder/api/webhook.h"

#include <libsoup/soup.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* A platform that refuses the first `refuse` deliveries. */
struct platform {
	SoupServer *server;
	unsigned port, refuse, seen;
	char *id, *timestamp, *signature, *body;
};

static void keep(char **field, const char *text)
{
	g_free(*field);
	*field = g_strdup(text);
}

static void on_request(SoupServer *server, SoupServerMessage *message, const char *path, GHashTable *query,
		       gpointer data)
{
	struct platform *p = data;
	SoupMessageHeaders *headers = soup_server_message_get_request_headers(message);
	SoupMessageBody *body = soup_server_message_get_request_body(message);
	(void)server, (void)path, (void)query;
	g_autoptr(GBytes) bytes = soup_message_body_flatten(body);
	gsize len;
	const char *text = g_bytes_get_data(bytes, &len);
	g_autofree char *copy = g_strndup(text, len);
	keep(&p->id, soup_message_headers_get_one(headers, "webhook-id"));
	keep(&p->timestamp, soup_message_headers_get_one(headers, "webhook-timestamp"));
	keep(&p->signature, soup_message_headers_get_one(headers, "webhook-signature"));
	keep(&p->body, copy);
	soup_server_message_set_status(message, p->seen++ < p->refuse ? 503 : 204, NULL);
}

static struct platform *platform_new(unsigned refuse)
{
	struct platform *p = g_new0(struct platform, 1);
	p->refuse = refuse;
	p->server = soup_server_new(NULL, NULL);
	soup_server_add_handler(p->server, NULL, on_request, p, NULL);
	assert_true(soup_server_listen_local(p->server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, NULL));
	GSList *uris = soup_server_get_uris(p->server);
	p->port = (unsigned)g_uri_get_port(uris->data);
	g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
	return p;
}

static void platform_free(struct platform *p)
{
	g_object_unref(p->server);
	g_free(p->id);
	g_free(p->timestamp);
	g_free(p->signature);
	g_free(p->body);
	g_free(p);
}

static char *put(struct fixture *f, unsigned port)
{
	g_autofree char *json =
		g_strdup_printf("{\"url\":\"http://127.0.0.1:%u/hook\",\"events\":[\"recording.erased\"]}", port);
	g_autofree char *answer = NULL;
	assert_ok(ap_webhook_put(f->v, f->tenant, "main", json, &answer));
	g_autoptr(JsonNode) node = json_from_string(answer, NULL);
	return g_strdup(json_object_get_string_member(json_node_get_object(node), "secret"));
}

static void queue(struct fixture *f, const char *event)
{
	struct ap_db *db = ap_vault_db(f->v);
	assert_ok(ap_db_begin(db));
	assert_ok(ap_db_finish(db, ap_webhook_queue(f->v, db, f->tenant, event, "{\"recording\":\"r\"}")));
}

static void wait_for(struct fixture *f, const struct platform *p, unsigned seen, bool delivered)
{
	int64_t until = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
	while ((p->seen < seen ||
		(delivered && fixture_count(f, "SELECT count(*) FROM webhook_delivery WHERE delivered_ms IS NULL"))) &&
	       g_get_monotonic_time() < until)
		g_main_context_iteration(NULL, FALSE);
	assert_int_equal(p->seen, seen);
}

/* Standard Webhooks: HMAC-SHA256 over id.timestamp.body under the decoded secret, checked with GLib's own HMAC. */
static void check_signature(const struct platform *p, const char *secret)
{
	gsize key_len, mac_len = 32;
	guint8 mac[32];
	assert_true(g_str_has_prefix(secret, "whsec_"));
	g_autofree guchar *key = g_base64_decode(secret + 6, &key_len);
	g_autofree char *text = g_strconcat(p->id, ".", p->timestamp, ".", p->body, NULL);
	GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, key, key_len);
	g_hmac_update(hmac, (const guchar *)text, -1);
	g_hmac_get_digest(hmac, mac, &mac_len);
	g_hmac_unref(hmac);
	g_autofree char *base64 = g_base64_encode(mac, mac_len);
	g_autofree char *expected = g_strconcat("v1,", base64, NULL);
	assert_string_equal(p->signature, expected);
}

static void a_delivery_is_signed_and_sent_once_when_taken(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct platform *p = platform_new(0);
	g_autofree char *secret = put(f, p->port), *again = put(f, p->port);
	assert_string_equal(secret, again);
	queue(f, "recording.erased");
	queue(f, "session.created"); /* not asked for */
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM webhook_delivery"), 1);
	struct ap_webhooks *w = ap_webhooks_new(f->v);
	wait_for(f, p, 1, true);
	check_signature(p, secret);
	assert_non_null(strstr(p->body, "\"type\":\"recording.erased\""));
	assert_non_null(strstr(p->body, "\"data\":{\"recording\":\"r\"}"));
	ap_webhooks_free(w);
	platform_free(p);
	fixture_free(f);
}

static void a_refused_delivery_is_kept_and_tried_again(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct platform *p = platform_new(1);
	int64_t waiting, dead;
	g_autofree char *secret = put(f, p->port);
	queue(f, "recording.erased");
	struct ap_webhooks *w = ap_webhooks_new(f->v);
	wait_for(f, p, 1, false);
	while (!fixture_count(f, "SELECT attempts FROM webhook_delivery"))
		g_main_context_iteration(NULL, TRUE);
	g_autofree char *first = g_strdup(p->id);
	assert_int_equal(fixture_count(f, "SELECT next_ms - created_ms FROM webhook_delivery"), 5000);
	ap_webhooks_free(w);
	fixture_restart(f); /* the queue outlives the process */
	fixture_advance(f, 5000);
	w = ap_webhooks_new(f->v);
	wait_for(f, p, 2, true);
	assert_string_equal(p->id, first);
	assert_ok(ap_webhook_counts(f->v, &waiting, &dead));
	assert_int_equal(waiting + dead, 0);
	ap_webhooks_free(w);
	platform_free(p);
	fixture_free(f);
}

static void bad_webhooks_are_named(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	static const struct {
		const char *json, *word;
	} rows[] = {
		{"nonsense", "malformed"},
		{"[]", "malformed"},
		{"{\"url\":\"http://example.org/\",\"events\":[\"a\"]}", "invalid"},
		{"{\"url\":\"https://10.0.0.1/\",\"events\":[\"a\"]}", "invalid"},
		{"{\"url\":\"https://169.254.169.254/\",\"events\":[\"a\"]}", "invalid"},
		{"{\"url\":\"https://user:pass@example.org/\",\"events\":[\"a\"]}", "invalid"},
		{"{\"url\":\"https://localhost/\",\"events\":[\"a\"]}", "invalid"},
		{"{\"url\":\"https://example.org/\"}", "invalid"},
		{"{\"url\":\"https://example.org/\",\"events\":[]}", "invalid"},
		{"{\"url\":\"https://example.org/\",\"events\":[1]}", "invalid"},
	};
	g_autofree char *answer = NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		assert_refused(ap_webhook_put(f->v, f->tenant, "main", rows[i].json, &answer), rows[i].word);
	assert_ok(ap_webhook_put(f->v, f->tenant, "main", "{\"url\":\"https://example.org/h\",\"events\":[\"a\"]}",
				 &answer));
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delivery_is_signed_and_sent_once_when_taken),
		cmocka_unit_test(a_refused_delivery_is_kept_and_tried_again),
		cmocka_unit_test(bad_webhooks_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
