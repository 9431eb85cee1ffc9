#include "recorder/api/webhook.h"

#include "recorder/api/body.h"
#include "recorder/api/answer.h"
#include "recorder/db/db_staff_webhook.h"
#include "recorder/vault.h"
#include "recorder/api/webhook_url.h"

#include <aparte/jcs.h>
#include <aparte/limits.h>
#include <aparte/log.h>
#include <libsoup/soup.h>
#include <string.h>

#define ATTEMPTS 14 /* the last one about a day after the first */
#define FIRST_WAIT_MS 5000
#define LONGEST_WAIT_MS (4LL * 3600 * 1000)

struct ap_webhooks {
	/* borrowed */
	struct ap_vault *v;
	/* owned */
	SoupSession *session;
	GSource *timer;
	GCancellable *cancel;
	/* state */
	bool busy; /* one at a time keeps them in order */
};

/* ---- what is stored ---- */

/* Derived, so that nothing secret is stored and the same name has the same secret. */
static struct ap_result secret_of(struct ap_vault *v, int64_t tenant, const char *name, struct ap_secret **ret_secret)
{
	struct ap_secret *root;
	AP_TRY(ap_db_keys_server(ap_vault_keys(v), "webhook", &root));
	g_autofree char *info = g_strdup_printf("aparte/webhook/v1/%lld/%s", (long long)tenant, name);
	*ret_secret = ap_hkdf(root, NULL, 0, info, strlen(info), 32);
	ap_secret_free(root);
	return AP_SUCCESS;
}

static bool events_fit(JsonObject *o)
{
	JsonNode *node = json_object_get_member(o, "events");
	if (!node || !JSON_NODE_HOLDS_ARRAY(node))
		return false;
	JsonArray *events = json_node_get_array(node);
	for (guint i = 0; i < json_array_get_length(events); i++)
		if (json_node_get_value_type(json_array_get_element(events, i)) != G_TYPE_STRING)
			return false;
	return json_array_get_length(events) > 0 && json_array_get_length(events) <= 50;
}

static struct ap_result parse_wish(const char *json, JsonNode **ret_node)
{
	g_autoptr(JsonNode) node = NULL;
	AP_TRY(ap_json_parse(json, strlen(json), AP_MAX_BODY, &node));
	if (!JSON_NODE_HOLDS_OBJECT(node))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "the body is an object with url and events");
	JsonObject *o = json_node_get_object(node);
	const char *url = ap_body_text_or_empty(o, "url");
	if (!ap_webhook_url_fits(url))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "url is an https address that the internet can reach");
	if (!events_fit(o))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "events is a list of event names");
	*ret_node = g_steal_pointer(&node);
	return AP_SUCCESS;
}

static char *told_secret(const struct ap_secret *secret)
{
	g_autofree char *base64 = ap_base64(ap_secret_bytes(secret), ap_secret_len(secret));
	JsonObject *o = json_object_new();
	g_autofree char *text = g_strconcat("whsec_", base64, NULL);
	ap_answer_text(o, "secret", text);
	return ap_answer_take_text(ap_answer_object(o));
}

struct ap_result ap_webhook_put(struct ap_vault *v, int64_t tenant, const char *name, const char *json, char **ret_json)
{
	g_autoptr(JsonNode) wish = NULL;
	struct ap_secret *secret;
	if (!name[0] || strlen(name) > 64)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "a webhook's name has 1 to 64 bytes");
	AP_TRY(parse_wish(json, &wish));
	JsonObject *o = json_node_get_object(wish);
	g_autofree char *events = json_to_string(json_object_get_member(o, "events"), FALSE);
	AP_TRY(ap_db_webhook_put(ap_vault_db(v), tenant, name, json_object_get_string_member(o, "url"), events));
	AP_TRY(secret_of(v, tenant, name, &secret));
	*ret_json = told_secret(secret);
	ap_secret_free(secret);
	return AP_SUCCESS;
}

/* Standard Webhooks' payload: {"type","timestamp","data"}. */
static char *payload(const char *event, int64_t now_ms, const char *data_json)
{
	JsonObject *o = json_object_new();
	ap_answer_text(o, "type", event);
	ap_answer_time(o, "timestamp", now_ms);
	ap_answer_json(o, "data", data_json);
	return ap_answer_take_text(ap_answer_object(o));
}

struct ap_result ap_webhook_queue(struct ap_vault *v, struct ap_db *db, int64_t tenant, const char *event,
				  const char *data_json)
{
	g_autoptr(GPtrArray) names = NULL;
	int64_t now_ms = ap_wall_ms(ap_vault_clock(v));
	AP_TRY(ap_db_webhook_wanting(db, tenant, event, &names));
	if (names->len == 0)
		return AP_SUCCESS;
	g_autofree char *body = payload(event, now_ms, data_json);
	for (guint i = 0; i < names->len; i++)
		AP_TRY(ap_db_delivery_insert(db, tenant, g_ptr_array_index(names, i), event, body, ap_vault_believed_ms(v)));
	return AP_SUCCESS;
}

/* ---- delivery ---- */

static char *sign(const struct ap_secret *secret, const char *id, const char *timestamp, const char *body)
{
	crypto_auth_hmacsha256_state state;
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	g_autofree char *head = g_strconcat(id, ".", timestamp, ".", NULL);
	crypto_auth_hmacsha256_init(&state, ap_secret_bytes(secret), ap_secret_len(secret));
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)head, strlen(head));
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)body, strlen(body));
	crypto_auth_hmacsha256_final(&state, mac);
	ap_wipe(&state, sizeof state);
	g_autofree char *base64 = ap_base64(mac, sizeof mac);
	return g_strconcat("v1,", base64, NULL);
}

static SoupMessage *request_for(struct ap_webhooks *w, const struct ap_delivery *d)
{
	struct ap_secret *secret;
	char id[AP_UUID_TEXT];
	SoupMessage *message = ap_webhook_url_fits(d->url) ? soup_message_new("POST", d->url) : NULL;
	if (!message || !ap_ok(secret_of(w->v, d->tenant, d->name, &secret)))
		return message;
	ap_uuid_text(&d->id, id);
	g_autofree char *timestamp = g_strdup_printf("%lld", (long long)(ap_wall_ms(ap_vault_clock(w->v)) / 1000));
	g_autofree char *signature = sign(secret, id, timestamp, d->body);
	ap_secret_free(secret);
	SoupMessageHeaders *headers = soup_message_get_request_headers(message);
	soup_message_headers_replace(headers, "webhook-id", id);
	soup_message_headers_replace(headers, "webhook-timestamp", timestamp);
	soup_message_headers_replace(headers, "webhook-signature", signature);
	g_autoptr(GBytes) body = g_bytes_new(d->body, strlen(d->body));
	soup_message_set_request_body_from_bytes(message, "application/json", body);
	soup_message_set_flags(message, SOUP_MESSAGE_NO_REDIRECT);
	return message;
}

struct sending {
	struct ap_webhooks *w; /* NULL once the owner is gone */
	struct ap_delivery d;
	SoupMessage *message;
};

static void sending_free(struct sending *s)
{
	ap_delivery_clear(&s->d);
	g_clear_object(&s->message);
	g_free(s);
}

static void note_result(struct ap_webhooks *w, const struct ap_delivery *d, bool delivered)
{
	int64_t now = ap_vault_believed_ms(w->v);
	int64_t wait = MIN((int64_t)FIRST_WAIT_MS << MIN(d->attempts, 20), LONGEST_WAIT_MS);
	struct ap_result r = delivered ? ap_db_delivery_done(ap_vault_db(w->v), &d->id, now)
				       : ap_db_delivery_failed(ap_vault_db(w->v), &d->id, now + wait);
	if (!ap_ok(r))
		ap_log(AP_LOG_WARN, "webhook_not_noted", "reason=%s", r.name);
}

static void send_next(struct ap_webhooks *w);

static void on_answer(GObject *source, GAsyncResult *result, gpointer data)
{
	struct sending *s = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(GInputStream) body = soup_session_send_finish(SOUP_SESSION(source), result, &error);
	struct ap_webhooks *w = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ? NULL : s->w;
	if (w) {
		note_result(w, &s->d, body && SOUP_STATUS_IS_SUCCESSFUL(soup_message_get_status(s->message)));
		w->busy = false;
		send_next(w);
	}
	sending_free(s);
}

static void send_next(struct ap_webhooks *w)
{
	struct ap_delivery d;
	if (w->busy || !ap_ok(ap_db_delivery_due(ap_vault_db(w->v), ap_vault_believed_ms(w->v), ATTEMPTS, &d)))
		return;
	struct sending *s = g_new0(struct sending, 1);
	*s = (struct sending){.w = w, .d = d, .message = request_for(w, &d)};
	if (!s->message) {
		note_result(w, &d, false);
		sending_free(s);
		return;
	}
	w->busy = true;
	soup_session_send_async(w->session, s->message, G_PRIORITY_LOW, w->cancel, on_answer, s);
}

static gboolean on_timer(gpointer data)
{
	send_next(data);
	return G_SOURCE_CONTINUE;
}

struct ap_webhooks *ap_webhooks_new(struct ap_vault *v)
{
	struct ap_webhooks *w = g_new0(struct ap_webhooks, 1);
	w->v = v;
	w->session = soup_session_new_with_options("timeout", 10, "user-agent", "Aparte", NULL);
	w->cancel = g_cancellable_new();
	w->timer = g_timeout_source_new_seconds(1);
	g_source_set_callback(w->timer, on_timer, w, NULL);
	g_source_attach(w->timer, g_main_context_get_thread_default());
	return w;
}

void ap_webhooks_free(struct ap_webhooks *w)
{
	if (!w)
		return;
	g_source_destroy(w->timer);
	g_source_unref(w->timer);
	g_cancellable_cancel(w->cancel);
	g_object_unref(w->cancel);
	soup_session_abort(w->session);
	g_object_unref(w->session);
	g_free(w);
}

struct ap_result ap_webhook_counts(struct ap_vault *v, int64_t *ret_waiting, int64_t *ret_dead)
{
	return ap_db_delivery_counts(ap_vault_db(v), ATTEMPTS, ret_waiting, ret_dead);
}
