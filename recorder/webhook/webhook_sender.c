#include "recorder/webhook/webhook_sender.h"

#include "recorder/vault.h"
#include "recorder/webhook/webhook.h"
#include "recorder/webhook/webhook_message.h"

#include <aparte/log.h>

#define ATTEMPTS 18 /* the last one about a day after the first */
#define FIRST_WAIT_MS 5000
#define DEAD_KEPT_MS (30 * 86400LL * 1000)
#define LANES_MAX 64	/* deliveries under way at once */
#define ANSWER_BY_MS 15000 /* all of it, however slowly its bytes come */
#define SILENCE_S 10
#define PURGE_EVERY_S 3600

struct ap_webhooks {
	/* borrowed */
	struct ap_vault *v;
	/* owned */
	SoupSession *session;
	GSource *timer;
	GHashTable *lanes; /* "<tenant>/<name>" -> struct sending *, borrowed */
	/* state */
	unsigned ticks;
};

struct sending {
	struct ap_webhooks *w; /* NULL once the owner is gone */
	char *lane;
	struct ap_delivery d;
	SoupMessage *message;
	GCancellable *cancel;
	GSource *deadline;
	const char *problem; /* literal; NULL: none known yet */
};

static void sending_free(struct sending *s)
{
	ap_delivery_clear(&s->d);
	g_clear_object(&s->message);
	g_clear_object(&s->cancel);
	if (s->deadline)
		g_source_destroy(s->deadline);
	g_clear_pointer(&s->deadline, g_source_unref);
	g_free(s->lane);
	g_free(s);
}

static void give_up(struct sending *s, const char *problem)
{
	if (!s->problem)
		s->problem = problem;
	g_cancellable_cancel(s->cancel);
}

/* ---- what came of it ---- */

static struct ap_result disable(struct ap_webhooks *w, const struct ap_delivery *d, int64_t now)
{
	struct ap_db *db = ap_vault_db(w->v);
	ap_log(AP_LOG_WARN, "webhook_gone", "tenant=%lld", (long long)d->tenant);
	AP_TRY(ap_db_begin(db));
	return ap_db_finish(db, ap_db_webhook_disable(db, d->tenant, d->name, now));
}

static struct ap_result note_failure(struct ap_webhooks *w, const struct sending *s, const char *problem)
{
	int64_t now = ap_vault_believed_ms(w->v), asked = 0;
	int64_t wait = MIN((int64_t)FIRST_WAIT_MS << MIN(s->d.attempts, 20), AP_WEBHOOK_LONGEST_WAIT_MS);
	if (s->message && soup_message_get_status(s->message) == SOUP_STATUS_GONE)
		return disable(w, &s->d, now);
	if (s->d.attempts + 1 >= ATTEMPTS)
		return ap_db_delivery_dead(ap_vault_db(w->v), &s->d.id, now, problem);
	if (s->message)
		asked = ap_webhook_asked_wait_ms(s->message, ap_wall_ms(ap_vault_clock(w->v)));
	return ap_db_delivery_failed(ap_vault_db(w->v), &s->d.id, now + MAX(wait, asked), problem);
}

/* A word of ours, never the receiver's. */
static char *problem_of(const struct sending *s, const GError *error)
{
	if (s->problem)
		return g_strdup(s->problem);
	if (!error)
		return g_strdup_printf("status %u", soup_message_get_status(s->message));
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
		return g_strdup("timeout");
	return g_strdup(error->domain == G_TLS_ERROR ? "tls" : "unreachable");
}

static void send_due(struct ap_webhooks *w);

static void conclude(struct sending *s, bool delivered, const GError *error)
{
	struct ap_webhooks *w = s->w;
	g_autofree char *problem = delivered ? NULL : problem_of(s, error);
	struct ap_result r = delivered ? ap_db_delivery_done(ap_vault_db(w->v), &s->d.id) : note_failure(w, s, problem);
	if (!ap_ok(r))
		ap_log(AP_LOG_WARN, "webhook_not_noted", "reason=%s", r.name);
	g_hash_table_remove(w->lanes, s->lane);
	if (delivered && ap_ok(r)) /* after a failure the lane rests until the next look */
		send_due(w);
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer data)
{
	struct sending *s = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(GInputStream) body = soup_session_send_finish(SOUP_SESSION(source), result, &error);
	if (s->w)
		conclude(s, body && SOUP_STATUS_IS_SUCCESSFUL(soup_message_get_status(s->message)), error);
	sending_free(s);
}

/* ---- the address ---- */

static bool leads_inward(GSocketAddress *address)
{
	if (!address || !G_IS_INET_SOCKET_ADDRESS(address))
		return true;
	return !ap_webhook_address_fits(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address)));
}

/* Before the first packet goes out: a socket that is closed connects to nothing, while a cancellation alone would come
 * after the connection. */
static void on_network_event(SoupMessage *message, GSocketClientEvent event, GIOStream *connection, gpointer data)
{
	(void)message;
	if (event != G_SOCKET_CLIENT_CONNECTING || !G_IS_SOCKET_CONNECTION(connection))
		return;
	g_autoptr(GSocketAddress) address = g_socket_connection_get_remote_address(G_SOCKET_CONNECTION(connection), NULL);
	if (!leads_inward(address))
		return;
	g_socket_close(g_socket_connection_get_socket(G_SOCKET_CONNECTION(connection)), NULL);
	give_up(data, "private-address");
}

/* Once more before the request is written, should the first word not have come. */
static void on_starting(SoupMessage *message, gpointer data)
{
	if (leads_inward(soup_message_get_remote_address(message)))
		give_up(data, "private-address");
}

static void guard_address(struct sending *s)
{
	const struct ap_webhook_reach reach = ap_webhook_reach_of(s->w->v);
	if (ap_webhook_host_is_private(g_uri_get_host(soup_message_get_uri(s->message)), &reach))
		return;
	g_signal_connect(s->message, "network-event", G_CALLBACK(on_network_event), s);
	g_signal_connect(s->message, "starting", G_CALLBACK(on_starting), s);
}

/* ---- sending ---- */

static gboolean on_deadline(gpointer data)
{
	give_up(data, "timeout");
	return G_SOURCE_REMOVE;
}

static void begin(struct sending *s)
{
	s->cancel = g_cancellable_new();
	s->deadline = g_timeout_source_new(ANSWER_BY_MS);
	g_source_set_callback(s->deadline, on_deadline, s, NULL);
	g_source_attach(s->deadline, g_main_context_get_thread_default());
	guard_address(s);
	soup_session_send_async(s->w->session, s->message, G_PRIORITY_LOW, s->cancel, on_answer, s);
}

/* Takes what `d` owns. */
static void send_one(struct ap_webhooks *w, struct ap_delivery *d, char *lane)
{
	struct sending *s = g_new0(struct sending, 1);
	*s = (struct sending){.w = w, .lane = lane, .d = *d};
	*d = (struct ap_delivery){0};
	g_hash_table_insert(w->lanes, s->lane, s);
	struct ap_result r = ap_webhook_message(w->v, &s->d, &s->message);
	if (ap_ok(r)) {
		begin(s);
		return;
	}
	s->problem = r.name;
	conclude(s, false, NULL);
	sending_free(s);
}

static void send_due(struct ap_webhooks *w)
{
	g_autoptr(GPtrArray) due = NULL;
	struct ap_result r = ap_db_delivery_due(ap_vault_db(w->v), ap_vault_believed_ms(w->v), &due);
	for (guint i = 0; ap_ok(r) && i < due->len && g_hash_table_size(w->lanes) < LANES_MAX; i++) {
		struct ap_delivery *d = g_ptr_array_index(due, i);
		char *lane = g_strdup_printf("%lld/%s", (long long)d->tenant, d->name);
		if (g_hash_table_contains(w->lanes, lane))
			g_free(lane);
		else
			send_one(w, d, lane);
	}
}

static void purge(struct ap_webhooks *w)
{
	struct ap_result r = ap_db_delivery_purge(ap_vault_db(w->v), ap_vault_believed_ms(w->v) - DEAD_KEPT_MS);
	if (!ap_ok(r))
		ap_log(AP_LOG_WARN, "webhooks_not_purged", "reason=%s", r.name);
}

void ap_webhooks_look(struct ap_webhooks *w)
{
	send_due(w);
}

static gboolean on_timer(gpointer data)
{
	struct ap_webhooks *w = data;
	if (w->ticks++ % PURGE_EVERY_S == 0)
		purge(w);
	send_due(w);
	return G_SOURCE_CONTINUE;
}

/* ---- life ---- */

struct ap_webhooks *ap_webhooks_new(struct ap_vault *v)
{
	struct ap_webhooks *w = g_new0(struct ap_webhooks, 1);
	w->v = v;
	w->session = soup_session_new_with_options("timeout", SILENCE_S, "user-agent", "Aparte", "proxy-resolver", NULL,
						   "max-conns", LANES_MAX, "max-conns-per-host", LANES_MAX, "idle-timeout", 30, NULL);
	w->lanes = g_hash_table_new(g_str_hash, g_str_equal);
	w->timer = g_timeout_source_new_seconds(1);
	g_source_set_callback(w->timer, on_timer, w, NULL);
	g_source_attach(w->timer, g_main_context_get_thread_default());
	return w;
}

static void orphan(gpointer lane, gpointer value, gpointer data)
{
	struct sending *s = value;
	(void)lane, (void)data;
	s->w = NULL;
	g_cancellable_cancel(s->cancel);
}

void ap_webhooks_free(struct ap_webhooks *w)
{
	if (!w)
		return;
	g_source_destroy(w->timer);
	g_source_unref(w->timer);
	g_hash_table_foreach(w->lanes, orphan, NULL);
	g_hash_table_unref(w->lanes);
	soup_session_abort(w->session);
	g_object_unref(w->session);
	g_free(w);
}
