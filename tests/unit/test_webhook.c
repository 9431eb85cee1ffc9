#include "tests/testlib/staff_fixture.h"

#include "recorder/erasure/erasure.h"
#include "recorder/keys/turnover.h"
#include "recorder/webhook/db_webhook.h"
#include "recorder/webhook/webhook.h"
#include "recorder/webhook/webhook_sender.h"

#include <libsoup/soup.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* A platform that refuses the first `refuse` deliveries, by `status`. */
struct platform {
	SoupServer *server;
	unsigned port, refuse, seen, status;
	const char *retry_after;
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
	if (p->retry_after)
		soup_message_headers_replace(soup_server_message_get_response_headers(message), "Retry-After", p->retry_after);
	soup_server_message_set_status(message, p->seen++ < p->refuse ? p->status : 204, NULL);
}

static struct platform *platform_new(unsigned refuse)
{
	struct platform *p = g_new0(struct platform, 1);
	p->refuse = refuse;
	p->status = 503;
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

static struct fixture *fixture_open(void)
{
	struct fixture *f = fixture_new();
	assert_ok(ap_config_set(f->config, "webhooks.allow_http", "true"));
	assert_ok(ap_config_set(f->config, "webhooks.private_hosts", "127.0.0.1"));
	return f;
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
		(delivered && fixture_count(f, "SELECT count(*) FROM webhook_delivery WHERE dead_ms IS NULL"))) &&
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
	struct fixture *f = fixture_open();
	struct platform *p = platform_new(0);
	g_autofree char *secret = put(f, p->port), *again = put(f, p->port);
	assert_string_equal(secret, again);
	queue(f, "recording.erased");
	queue(f, "session.created"); /* not asked for */
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM webhook_delivery"), 1);
	struct ap_webhooks *w = ap_webhooks_new(f->v);
	ap_webhooks_look(w);
	wait_for(f, p, 1, true);
	check_signature(p, secret);
	assert_non_null(strstr(p->body, "\"type\":\"recording.erased\""));
	assert_non_null(strstr(p->body, "\"data\":{\"recording\":\"r\"}"));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM webhook_delivery"), 0); /* ids of what may be erased later */
	ap_webhooks_free(w);
	platform_free(p);
	fixture_free(f);
}

static void a_refused_delivery_is_kept_and_tried_again(void **state)
{
	(void)state;
	struct fixture *f = fixture_open();
	struct platform *p = platform_new(1);
	int64_t waiting, dead;
	g_autofree char *secret = put(f, p->port);
	queue(f, "recording.erased");
	struct ap_webhooks *w = ap_webhooks_new(f->v);
	ap_webhooks_look(w);
	wait_for(f, p, 1, false);
	while (!fixture_count(f, "SELECT attempts FROM webhook_delivery"))
		g_main_context_iteration(NULL, TRUE);
	g_autofree char *first = g_strdup(p->id);
	assert_int_equal(fixture_count(f, "SELECT next_ms - created_ms FROM webhook_delivery"), 5000);
	ap_webhooks_free(w);
	fixture_restart(f); /* the queue outlives the process */
	fixture_advance(f, 5000);
	w = ap_webhooks_new(f->v);
	ap_webhooks_look(w);
	wait_for(f, p, 2, true);
	assert_string_equal(p->id, first);
	assert_ok(ap_webhook_counts(f->v, &waiting, &dead));
	assert_int_equal(waiting + dead, 0);
	ap_webhooks_free(w);
	platform_free(p);
	fixture_free(f);
}

static void try_once(struct fixture *f, struct ap_webhooks **w, int64_t attempts)
{
	g_autofree char *sql = g_strdup_printf("SELECT count(*) FROM webhook_delivery WHERE attempts = %d", (int)attempts);
	int64_t until = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
	if (!*w)
		*w = ap_webhooks_new(f->v);
	ap_webhooks_look(*w);
	while (!fixture_count(f, sql) && g_get_monotonic_time() < until)
		g_main_context_iteration(NULL, TRUE);
	assert_int_equal(fixture_count(f, sql), 1);
}

/* RFC 9110 §10.2.3: seconds, or a date; never longer than we would wait ourselves. */
static void a_receiver_may_ask_for_time(void **state)
{
	(void)state;
	static const struct {
		const char *asked;
		int64_t waited_ms;
	} rows[] = {
		{"100", 100000},
		{"2", 5000},		  /* our own back-off is longer */
		{"99999999", 14400000},	  /* four hours */
		{"99999999999999999999", 14400000},
		{"Fri, 15 Jan 2027 08:01:00 GMT", 60000}, /* the fixture's clock stands at 08:00 */
		{"soon", 5000},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct fixture *f = fixture_open();
		struct platform *p = platform_new(1);
		struct ap_webhooks *w = NULL;
		p->retry_after = rows[i].asked;
		g_autofree char *secret = put(f, p->port);
		queue(f, "recording.erased");
		try_once(f, &w, 1);
		assert_int_equal(fixture_count(f, "SELECT next_ms - created_ms FROM webhook_delivery"), rows[i].waited_ms);
		ap_webhooks_free(w);
		platform_free(p);
		fixture_free(f);
	}
}

static JsonArray *list_of(JsonNode *answer, const char *member)
{
	return json_object_get_array_member(json_node_get_object(answer), member);
}

/* 410: it wants no more, until it is set anew. What waited is an admin's matter. */
static void a_receiver_that_is_gone_gets_nothing_more(void **state)
{
	(void)state;
	struct fixture *f = fixture_open();
	struct platform *p = platform_new(1);
	struct ap_actor admin = fixture_user(f, "ann", "admin", NULL);
	struct ap_webhooks *w = NULL;
	g_autoptr(JsonNode) dead = NULL, hooks = NULL, retried = NULL;
	struct ap_uuid id;
	p->status = 410;
	g_autofree char *secret = put(f, p->port);
	queue(f, "recording.erased");
	queue(f, "recording.erased");
	w = ap_webhooks_new(f->v);
	ap_webhooks_look(w);
	while (fixture_count(f, "SELECT count(*) FROM webhook_delivery WHERE dead_ms IS NULL"))
		g_main_context_iteration(NULL, TRUE);
	queue(f, "recording.erased");
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM webhook_delivery"), 2);
	assert_ok(ap_webhook_list(f->v, &admin, &hooks));
	assert_true(json_object_has_member(json_array_get_object_element(list_of(hooks, "webhooks"), 0), "disabled"));
	assert_ok(ap_webhook_dead(f->v, &admin, &dead));
	JsonObject *one = json_array_get_object_element(list_of(dead, "deliveries"), 0);
	assert_string_equal(json_object_get_string_member(one, "problem"), "status 410");
	assert_true(ap_uuid_parse(json_object_get_string_member(one, "id"), &id));
	assert_refused(ap_webhook_retry(f->v, &admin, &id, &retried), "conflict");
	g_autofree char *again = put(f, p->port); /* the platform sets it anew */
	assert_ok(ap_webhook_retry(f->v, &admin, &id, &retried));
	wait_for(f, p, 2, true);
	ap_webhooks_free(w);
	platform_free(p);
	fixture_free(f);
}

static void after_a_day_it_is_given_up_and_an_admin_decides(void **state)
{
	(void)state;
	struct fixture *f = fixture_open();
	struct platform *p = platform_new(1000);
	struct ap_actor admin = fixture_user(f, "ann", "admin", NULL);
	struct ap_webhooks *w = NULL;
	g_autoptr(JsonNode) dead = NULL, retried = NULL, none = NULL;
	int64_t waiting, gone, first_ms = f->wall_ms;
	g_autofree char *secret = put(f, p->port);
	queue(f, "recording.erased");
	for (int n = 1; n <= 18; n++) {
		/* A clock that leaps is not believed at once: it goes by in steps that are. */
		while (fixture_count(f, "SELECT next_ms FROM webhook_delivery") > ap_vault_believed_ms(f->v)) {
			fixture_advance(f, 200000);
			ap_vault_believe(f->v, f->wall_ms, f->mono_ns);
		}
		try_once(f, &w, n);
	}
	assert_in_range(f->wall_ms - first_ms, 24 * 3600000LL, 48 * 3600000LL);
	assert_ok(ap_webhook_counts(f->v, &waiting, &gone));
	assert_int_equal(waiting, 0);
	assert_int_equal(gone, 1);
	assert_ok(ap_webhook_dead(f->v, &admin, &dead));
	JsonObject *one = json_array_get_object_element(list_of(dead, "deliveries"), 0);
	assert_string_equal(json_object_get_string_member(one, "problem"), "status 503");
	assert_string_equal(json_object_get_string_member(one, "event"), "recording.erased");
	p->refuse = 0;
	unsigned seen = p->seen;
	assert_ok(ap_webhook_retry(f->v, &admin, NULL, &retried));
	assert_int_equal(json_object_get_int_member(json_node_get_object(retried), "retried"), 1);
	wait_for(f, p, seen + 1, true);
	ap_webhooks_free(w);
	platform_free(p);
	fixture_free(f);
}

static void a_dead_one_is_dropped_at_will_or_after_a_month(void **state)
{
	(void)state;
	struct fixture *f = fixture_open();
	struct ap_actor admin = fixture_user(f, "ann", "admin", NULL), other = admin;
	struct ap_uuid id;
	g_autoptr(JsonNode) dead = NULL, foreign = NULL;
	g_autofree char *secret = put(f, 9);
	other.tenant = f->tenant + 1;
	queue(f, "recording.erased");
	queue(f, "recording.erased");
	g_autofree char *kill = g_strdup_printf("UPDATE webhook_delivery SET dead_ms = %lld, problem = 'timeout', attempts = 14",
						(long long)f->wall_ms);
	fixture_run(f, kill);
	assert_ok(ap_webhook_dead(f->v, &admin, &dead));
	assert_true(ap_uuid_parse(json_object_get_string_member(json_array_get_object_element(list_of(dead, "deliveries"), 0), "id"),
				  &id));
	assert_ok(ap_webhook_dead(f->v, &other, &foreign));
	assert_int_equal(json_array_get_length(list_of(foreign, "deliveries")), 0);
	assert_refused(ap_webhook_drop(f->v, &other, &id), "not-found");
	assert_refused(ap_webhook_retry(f->v, &other, &id, &foreign), "not-found");
	assert_ok(ap_webhook_drop(f->v, &admin, &id));
	assert_refused(ap_webhook_drop(f->v, &admin, &id), "not-found");
	assert_ok(ap_db_delivery_purge(ap_vault_db(f->v), f->wall_ms));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM webhook_delivery"), 1);
	assert_ok(ap_db_delivery_purge(ap_vault_db(f->v), f->wall_ms + 1));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM webhook_delivery"), 0);
	assert_refused(ap_webhook_remove(f->v, &other, "platform", "main"), "not-found");
	queue(f, "recording.erased");
	assert_ok(ap_webhook_remove(f->v, &admin, "platform", "main"));
	assert_int_equal(fixture_count(f, "SELECT (SELECT count(*) FROM webhook) + (SELECT count(*) FROM webhook_delivery)"), 0);
	assert_refused(ap_webhook_remove(f->v, &admin, "platform", "main"), "not-found");
	fixture_free(f);
}

/* A path or query may be the receiver's secret. */
static void a_list_shows_hosts_alone(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_actor admin = fixture_user(f, "ann", "admin", NULL);
	g_autoptr(JsonNode) hooks = NULL;
	g_autofree char *answer = NULL;
	assert_ok(ap_webhook_put(f->v, f->tenant, "a", "{\"url\":\"https://hooks.example.org/T0KEN?k=S3CRET\",\"events\":[\"*\"]}", &answer));
	assert_ok(ap_webhook_list(f->v, &admin, &hooks));
	g_autofree char *text = json_to_string(hooks, FALSE);
	assert_non_null(strstr(text, "\"host\":\"hooks.example.org\""));
	assert_null(strstr(text, "T0KEN"));
	assert_null(strstr(text, "S3CRET"));
	fixture_free(f);
}

static void a_tenant_has_sixteen_at_most(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	const char *json = "{\"url\":\"https://example.org/\",\"events\":[\"session.created\"]}";
	for (int i = 0; i < 17; i++) {
		g_autofree char *answer = NULL, *name = g_strdup_printf("w%d", i);
		assert_string_equal(ap_webhook_put(f->v, f->tenant, name, json, &answer).name, i < 16 ? "ok" : "invalid");
	}
	g_autofree char *again = NULL;
	assert_ok(ap_webhook_put(f->v, f->tenant, "w3", json, &again));
	fixture_free(f);
}

static struct ap_uuid erased(struct fixture *f)
{
	g_autofree char *certificate = NULL;
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]"), recording = fixture_recording(f, &session, 86400000);
	assert_ok(ap_erasure_now(f->v, &recording, AP_ERASE_REQUEST, &certificate));
	return recording;
}

/* R34, R41: that it was a person's word, and whose, is not said. R19: told again when nothing brings it back. */
static void erasures_are_told_without_a_cause(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	g_autofree char *answer = NULL;
	assert_ok(ap_webhook_put(f->v, f->tenant, "all", "{\"url\":\"https://example.org/\",\"events\":[\"*\"]}", &answer));
	erased(f);
	erased(f);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM webhook_delivery WHERE event IN ('erasure.ordered', 'recording.erased')"), 4);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM webhook_delivery WHERE body LIKE '%cause%' OR body LIKE '%role%'"), 0);
	assert_ok(ap_turnover_run(f->v, AP_TURN_ADMIN));
	assert_int_equal(fixture_count(f, "SELECT json_array_length(body, '$.data.recordings') FROM webhook_delivery"
					  " WHERE event = 'erasure.unrecoverable'"), 2);
	assert_ok(ap_turnover_run(f->v, AP_TURN_ADMIN)); /* nothing new */
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM webhook_delivery WHERE event = 'erasure.unrecoverable'"), 1);
	fixture_free(f);
}

static void no_erasure_fails_for_a_broken_queue(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	g_autofree char *answer = NULL;
	assert_ok(ap_webhook_put(f->v, f->tenant, "all", "{\"url\":\"https://example.org/\",\"events\":[\"*\"]}", &answer));
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]"), recording = fixture_recording(f, &session, 86400000);
	g_autofree char *certificate = NULL;
	fixture_run(f, "DROP TABLE webhook_delivery");
	assert_ok(ap_erasure_now(f->v, &recording, AP_ERASE_ADMIN, &certificate));
	assert_ok(ap_turnover_run(f->v, AP_TURN_ADMIN));
	assert_int_equal(fixture_files(f, &recording), 0);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM erasure WHERE turnover_leaf IS NOT NULL"), 1);
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
		{"{\"url\":\"http://example.org/\",\"events\":[\"session.created\"]}", "invalid"},
		{"{\"url\":\"https://10.0.0.1/\",\"events\":[\"session.created\"]}", "invalid"},
		{"{\"url\":\"https://169.254.169.254/\",\"events\":[\"session.created\"]}", "invalid"},
		{"{\"url\":\"https://user:pass@example.org/\",\"events\":[\"session.created\"]}", "invalid"},
		{"{\"url\":\"https://localhost/\",\"events\":[\"session.created\"]}", "invalid"},
		{"{\"url\":\"https://[2001::7f00:1]/\",\"events\":[\"session.created\"]}", "invalid"},
		{"{\"url\":\"https://example.org/\"}", "invalid"},
		{"{\"url\":\"https://example.org/\",\"events\":[\"recording.eraesd\"]}", "invalid"},
		{"{\"url\":\"https://example.org/\",\"events\":[\"consent.refused\"]}", "invalid"},
		{"{\"url\":\"https://example.org/\",\"events\":[]}", "invalid"},
		{"{\"url\":\"https://example.org/\",\"events\":[1]}", "invalid"},
	};
	g_autofree char *answer = NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		assert_refused(ap_webhook_put(f->v, f->tenant, "main", rows[i].json, &answer), rows[i].word);
	assert_ok(ap_webhook_put(f->v, f->tenant, "main", "{\"url\":\"https://example.org/h\",\"events\":[\"session.created\"]}",
				 &answer));
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delivery_is_signed_and_sent_once_when_taken),
		cmocka_unit_test(a_refused_delivery_is_kept_and_tried_again),
		cmocka_unit_test(a_receiver_may_ask_for_time),
		cmocka_unit_test(a_receiver_that_is_gone_gets_nothing_more),
		cmocka_unit_test(after_a_day_it_is_given_up_and_an_admin_decides),
		cmocka_unit_test(a_dead_one_is_dropped_at_will_or_after_a_month),
		cmocka_unit_test(a_list_shows_hosts_alone),
		cmocka_unit_test(a_tenant_has_sixteen_at_most),
		cmocka_unit_test(erasures_are_told_without_a_cause),
		cmocka_unit_test(no_erasure_fails_for_a_broken_queue),
		cmocka_unit_test(bad_webhooks_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
