#include "recorder/link/link.h"

#include <aparte/log.h>
#include <gio/gunixfdlist.h>
#include <unistd.h>

#define GATEWAY_PATH "/fr/aparte"
#define GATEWAY_INTERFACE "fr.aparte.Gateway1"
#define ANSWER_MS 5000

struct ap_link {
	/* borrowed */
	const struct ap_link_events *events;
	void *ctx;
	/* owned */
	GDBusConnection *connection; /* NULL while down */
	struct ap_link_front *front; /* of the connection */
	GCancellable *starting;	     /* of the connection being set up */
	struct ap_link_front *starting_front;
	GDBusAuthObserver *observer;
	unsigned asked;		     /* questions whose answer has not come */
};

static void on_closed(GDBusConnection *connection, gboolean remote, GError *error, void *data)
{
	struct ap_link *l = data;
	(void)remote;
	(void)error;
	if (l->connection != connection)
		return;
	g_clear_object(&l->connection);
	g_clear_pointer(&l->front, ap_link_front_free);
	ap_log(AP_LOG_WARN, "link_down", "side=gateway");
	l->events->down(l->ctx);
	if (!l->starting)
		l->events->over(l->ctx);
}

static void drop(struct ap_link *l)
{
	if (!l->connection)
		return;
	GDBusConnection *old = g_steal_pointer(&l->connection);
	g_signal_handlers_disconnect_by_data(old, l);
	g_dbus_connection_close(old, NULL, NULL, NULL);
	g_object_unref(old);
	g_clear_pointer(&l->front, ap_link_front_free);
	l->events->down(l->ctx);
}

static void on_started(GObject *source, GAsyncResult *result, void *data)
{
	g_autoptr(GError) error = NULL;
	GDBusConnection *connection = g_dbus_connection_new_finish(result, &error);
	struct ap_link *l = data;
	(void)source;
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return; /* the link may be gone */
	g_clear_object(&l->starting);
	if (!connection) {
		ap_log(AP_LOG_WARN, "link_failed", "side=gateway");
		g_clear_pointer(&l->starting_front, ap_link_front_free);
		l->events->over(l->ctx);
		return;
	}
	drop(l);
	l->connection = connection;
	l->front = g_steal_pointer(&l->starting_front);
	g_dbus_connection_set_exit_on_close(connection, FALSE);
	g_signal_connect(connection, "closed", G_CALLBACK(on_closed), l);
	l->events->up(l->ctx, connection);
	g_dbus_connection_start_message_processing(connection);
}

/* That it holds the socket pair's other end says who the gateway is; no user's name adds to it. */
static gboolean on_mechanism(GDBusAuthObserver *observer, const char *mechanism, void *data)
{
	(void)observer;
	(void)data;
	return g_strcmp0(mechanism, "ANONYMOUS") == 0;
}

static void stop_starting(struct ap_link *l)
{
	if (l->starting)
		g_cancellable_cancel(l->starting);
	g_clear_object(&l->starting);
	g_clear_pointer(&l->starting_front, ap_link_front_free);
}

struct ap_link *ap_link_new(const struct ap_link_events *events, void *ctx)
{
	struct ap_link *l = g_new0(struct ap_link, 1);
	l->events = events;
	l->ctx = ctx;
	l->observer = g_dbus_auth_observer_new();
	g_signal_connect(l->observer, "allow-mechanism", G_CALLBACK(on_mechanism), NULL);
	return l;
}

void ap_link_free(struct ap_link *l)
{
	if (!l)
		return;
	stop_starting(l);
	drop(l);
	while (l->asked > 0) /* a closed connection answers them all with an error, soon */
		g_main_context_iteration(g_main_context_get_thread_default(), TRUE);
	g_object_unref(l->observer);
	g_free(l);
}

struct ap_result ap_link_set_socket(struct ap_link *l, int fd)
{
	int inner;
	stop_starting(l);
	AP_TRY(ap_link_front_new(fd, l->events->permits, &l->starting_front, &inner));
	g_autoptr(GSocket) socket = g_socket_new_from_fd(inner, NULL);
	if (!socket) {
		close(inner);
		g_clear_pointer(&l->starting_front, ap_link_front_free);
		return ap_fail(AP_ERR_IO, "link", "the link's socket cannot be used");
	}
	g_autoptr(GSocketConnection) stream = g_socket_connection_factory_create_connection(socket);
	g_autofree char *guid = g_dbus_generate_guid();
	l->starting = g_cancellable_new();
	g_dbus_connection_new(G_IO_STREAM(stream), guid,
			      G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
				      G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_ALLOW_ANONYMOUS |
				      G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
			      l->observer, l->starting, on_started, l);
	return AP_SUCCESS;
}

bool ap_link_is_up(const struct ap_link *l)
{
	return l->connection != NULL;
}

void ap_link_break(struct ap_link *l, const char *why)
{
	bool was_up = ap_link_is_up(l);
	ap_log(AP_LOG_ERROR, "link_broken", "reason=%s", why);
	drop(l);
	if (was_up && !l->starting)
		l->events->over(l->ctx);
}

/* ---- asking ---- */

struct question {
	struct ap_link *l; /* borrowed: ap_link_free waits for the answers */
	struct ap_uuid session;
	uint64_t generation;
	ap_gate_done done;
	void *data;
};

static void ask(struct ap_link *l, const char *method, GVariant *arguments, GUnixFDList *fds, GAsyncReadyCallback answered,
		void *data)
{
	if (!l->connection) {
		g_variant_unref(g_variant_ref_sink(arguments));
		return;
	}
	l->asked += answered != NULL;
	g_dbus_connection_call_with_unix_fd_list(l->connection, NULL, GATEWAY_PATH, GATEWAY_INTERFACE, method, arguments, NULL,
						 G_DBUS_CALL_FLAGS_NO_AUTO_START, ANSWER_MS, fds, NULL, answered, data);
}

static void on_tap_opened(GObject *source, GAsyncResult *result, void *data)
{
	g_autofree struct question *q = data;
	g_autoptr(GVariant) answer =
		g_dbus_connection_call_with_unix_fd_list_finish(G_DBUS_CONNECTION(source), NULL, result, NULL);
	q->l->asked--;
	if (q->l->connection == G_DBUS_CONNECTION(source))
		q->l->events->tap_opened(q->l->ctx, &q->session, q->generation, answer != NULL);
}

static void tap_open(void *ctx, const struct ap_uuid *session, uint64_t generation, uint32_t epoch, int fd)
{
	struct ap_link *l = ctx;
	char id[AP_UUID_TEXT];
	g_autoptr(GUnixFDList) fds = g_unix_fd_list_new_from_array(&fd, 1); /* owns fd from here on */
	ap_uuid_text(session, id);
	if (!l->connection)
		return;
	struct question *q = g_new0(struct question, 1);
	*q = (struct question){ .l = l, .session = *session, .generation = generation };
	ask(l, "TapOpen", g_variant_new("(stuh)", id, generation, epoch, 0), fds, on_tap_opened, q);
}

static void tap_close(void *ctx, const struct ap_uuid *session, uint64_t generation)
{
	char id[AP_UUID_TEXT];
	ap_uuid_text(session, id);
	ask(ctx, "TapClose", g_variant_new("(st)", id, generation), NULL, NULL, NULL);
}

static void event(void *ctx, const struct ap_uuid *session, enum ap_role role, const char *name, const char *json)
{
	char id[AP_UUID_TEXT];
	ap_uuid_text(session, id);
	ask(ctx, "Event", g_variant_new("(ssss)", id, role ? ap_role_text(role) : "", name, json), NULL, NULL, NULL);
}

const struct ap_gateway ap_link_gateway = { tap_open, tap_close, event };

static void on_session_closed(GObject *source, GAsyncResult *result, void *data)
{
	g_autofree struct question *q = data;
	g_autoptr(GVariant) answer =
		g_dbus_connection_call_with_unix_fd_list_finish(G_DBUS_CONNECTION(source), NULL, result, NULL);
	q->l->asked--;
	q->done(q->data);
}

void ap_link_session_close(struct ap_link *l, const struct ap_uuid *session, const char *reason, ap_gate_done done, void *data)
{
	char id[AP_UUID_TEXT];
	if (!l->connection) {
		done(data);
		return;
	}
	struct question *q = g_new0(struct question, 1);
	*q = (struct question){ .l = l, .done = done, .data = data };
	ap_uuid_text(session, id);
	ask(l, "SessionClose", g_variant_new("(ss)", id, reason), NULL, on_session_closed, q);
}

void ap_link_token_revoked(struct ap_link *l, const char *token_hash)
{
	ask(l, "TokenRevoked", g_variant_new("(s)", token_hash), NULL, NULL, NULL);
}
