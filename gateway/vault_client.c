#include "vault_client.h"

#include <aparte/log.h>
#include <aparte/uuid.h>
#include <gio/gunixfdlist.h>
#include <string.h>
#include <unistd.h>
#include <vault_dbus.h>

#define PATH "/fr/aparte"
#define INTERFACE "fr.aparte.Vault1"
#define VERSION 1
#define TIMEOUT_MS 5000

struct ap_vault_client {
	const struct ap_vault_events events;
	void *ctx;		     /* borrowed */
	ApDbusGateway1 *gateway;     /* owned: our side of the contract */
	GDBusConnection *connection; /* owned, NULL without a link */
	char id[AP_UUID_TEXT];
	unsigned long closed_handler;
	uint64_t serial; /* of the link: late answers of an older one are ignored */
	bool linked;
};

struct pending {
	ap_vault_answer answer;
	void *ctx;
};

static void drop_link(struct ap_vault_client *c)
{
	bool was = c->linked;
	if (!c->connection)
		return;
	c->linked = false;
	c->serial++;
	g_signal_handler_disconnect(c->connection, c->closed_handler);
	g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(c->gateway));
	g_dbus_connection_close(c->connection, NULL, NULL, NULL);
	g_clear_object(&c->connection);
	if (was)
		c->events.unlinked(c->ctx);
}

static void on_closed(GDBusConnection *connection, gboolean remote, GError *error, struct ap_vault_client *c)
{
	(void)connection, (void)remote, (void)error;
	ap_log(AP_LOG_WARN, "vault_link_lost", "linked=%d", c->linked);
	drop_link(c);
}

/* What the vault asks. */

static gboolean on_tap_open(ApDbusGateway1 *gateway, GDBusMethodInvocation *question, GUnixFDList *fds,
			    const char *session, uint64_t generation, unsigned epoch, GVariant *handle,
			    struct ap_vault_client *c)
{
	(void)gateway, (void)epoch;
	int gate = fds ? g_unix_fd_list_get(fds, g_variant_get_handle(handle), NULL) : -1;
	if (gate < 0)
		ap_vault_answer_error(question, "malformed", "TapOpen needs a descriptor.");
	else
		c->events.tap_open(c->ctx, session, generation, gate, question);
	return TRUE;
}

static gboolean on_tap_close(ApDbusGateway1 *gateway, GDBusMethodInvocation *question, const char *session,
			     uint64_t generation, struct ap_vault_client *c)
{
	(void)gateway;
	c->events.tap_close(c->ctx, session, generation, question);
	return TRUE;
}

static gboolean on_event(ApDbusGateway1 *gateway, GDBusMethodInvocation *question, const char *session,
			 const char *role, const char *event, const char *json, struct ap_vault_client *c)
{
	c->events.event(c->ctx, session, role, event, json);
	ap_dbus_gateway1_complete_event(gateway, question);
	return TRUE;
}

static gboolean on_session_close(ApDbusGateway1 *gateway, GDBusMethodInvocation *question, const char *session,
				 const char *reason, struct ap_vault_client *c)
{
	(void)gateway;
	c->events.session_close(c->ctx, session, reason, question);
	return TRUE;
}

static gboolean on_token_revoked(ApDbusGateway1 *gateway, GDBusMethodInvocation *question, const char *token_hash,
				 struct ap_vault_client *c)
{
	c->events.token_revoked(c->ctx, token_hash);
	ap_dbus_gateway1_complete_token_revoked(gateway, question);
	return TRUE;
}

void ap_vault_answer_tap_open(ap_vault_question *question)
{
	g_dbus_method_invocation_return_value(question, NULL);
}

void ap_vault_answer_tap_close(ap_vault_question *question, uint64_t packets, uint64_t dropped)
{
	g_dbus_method_invocation_return_value(question, g_variant_new("(tt)", packets, dropped));
}

void ap_vault_answer_session_close(ap_vault_question *question)
{
	g_dbus_method_invocation_return_value(question, NULL);
}

void ap_vault_answer_error(ap_vault_question *question, const char *name, const char *detail)
{
	g_dbus_method_invocation_return_dbus_error(question, ap_problem_by_name(name)->dbus, detail);
}

/* What we ask. */

static const struct ap_problem *unavailable(void)
{
	return ap_problem_by_name("vault-unavailable");
}

/* Our contract's errors by name; everything else (timeout, closed link, no such method yet) is a vault that is away. */
static void answer_error(const struct pending *p, GError *error)
{
	g_autofree char *name = g_dbus_error_get_remote_error(error);
	if (name && g_str_has_prefix(name, "fr.aparte.Error.")) {
		g_dbus_error_strip_remote_error(error);
		p->answer(p->ctx, ap_problem_by_dbus(name), error->message, NULL);
		return;
	}
	ap_log(AP_LOG_WARN, "vault_call_failed", "error=%s", name ? name : g_quark_to_string(error->domain));
	p->answer(p->ctx, unavailable(), "The vault did not answer; try again.", NULL);
}

static void on_answer(GObject *connection, GAsyncResult *result, void *data)
{
	struct pending *p = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) answer = g_dbus_connection_call_finish(G_DBUS_CONNECTION(connection), result, &error);
	if (p->answer && answer)
		p->answer(p->ctx, NULL, "", answer);
	else if (p->answer)
		answer_error(p, error);
	g_free(p);
}

static void send(struct ap_vault_client *c, const char *method, GVariant *arguments, int timeout_ms,
		 ap_vault_answer answer, void *ctx)
{
	struct pending *p = g_new0(struct pending, 1);
	p->answer = answer;
	p->ctx = ctx;
	g_dbus_connection_call(c->connection, NULL, PATH, INTERFACE, method, arguments, NULL, G_DBUS_CALL_FLAGS_NONE,
			       timeout_ms, NULL, on_answer, p);
}

void ap_vault_call_slow(struct ap_vault_client *c, const char *method, GVariant *arguments, int timeout_ms,
			ap_vault_answer answer, void *ctx)
{
	if (c->linked) {
		send(c, method, arguments, timeout_ms, answer, ctx);
		return;
	}
	g_variant_unref(g_variant_ref_sink(arguments));
	if (answer)
		answer(ctx, unavailable(), "The vault is away; try again in a moment.", NULL);
}

void ap_vault_call(struct ap_vault_client *c, const char *method, GVariant *arguments, ap_vault_answer answer, void *ctx)
{
	ap_vault_call_slow(c, method, arguments, TIMEOUT_MS, answer, ctx);
}

/* The link. */

struct hello {
	struct ap_vault_client *client; /* borrowed: checked against serial before use */
	uint64_t serial;
};

static void on_hello(void *ctx, const struct ap_problem *problem, const char *detail, GVariant *answer)
{
	g_autofree struct hello *hello = ctx;
	struct ap_vault_client *c = hello->client;
	if (hello->serial != c->serial)
		return;
	if (problem) {
		ap_log(AP_LOG_ERROR, "vault_hello_refused", "error=%s detail=%s", problem->name, detail);
		drop_link(c);
		return;
	}
	const char *settings = "{}";
	if (g_variant_is_of_type(answer, G_VARIANT_TYPE("(s)")))
		g_variant_get(answer, "(&s)", &settings);
	c->linked = true;
	ap_log(AP_LOG_INFO, "vault_linked", "gateway=%s", c->id);
	c->events.linked(c->ctx, settings);
}

static void on_connected(GObject *source, GAsyncResult *result, void *data)
{
	(void)source;
	g_autofree struct hello *hello = data;
	struct ap_vault_client *c = hello->client;
	g_autoptr(GError) error = NULL;
	g_autoptr(GDBusConnection) connection = g_dbus_connection_new_finish(result, &error);
	if (hello->serial != c->serial)
		return;
	if (!connection) {
		ap_log(AP_LOG_ERROR, "vault_link_failed", "code=%d", error->code);
		return;
	}
	c->connection = g_steal_pointer(&connection);
	c->closed_handler = g_signal_connect(c->connection, "closed", G_CALLBACK(on_closed), c);
	if (!g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(c->gateway), c->connection, PATH, &error)) {
		drop_link(c);
		return;
	}
	send(c, "Hello", g_variant_new("(us)", VERSION, c->id), TIMEOUT_MS, on_hello, g_steal_pointer(&hello));
}

void ap_vault_client_link(struct ap_vault_client *c, int fd)
{
	drop_link(c);
	g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, NULL);
	if (!socket) {
		close(fd);
		return;
	}
	g_autoptr(GSocketConnection) stream = g_socket_connection_factory_create_connection(socket);
	struct hello *hello = g_new0(struct hello, 1);
	hello->client = c;
	hello->serial = ++c->serial;
	g_dbus_connection_new(G_IO_STREAM(stream), NULL, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL,
			      on_connected, hello);
}

bool ap_vault_client_linked(const struct ap_vault_client *c)
{
	return c->linked;
}

struct ap_vault_client *ap_vault_client_new(const struct ap_vault_events *events, void *ctx)
{
	struct ap_vault_client init = { .events = *events, .ctx = ctx };
	struct ap_vault_client *c = g_memdup2(&init, sizeof init);
	struct ap_uuid id = ap_uuid_random();
	ap_uuid_text(&id, c->id);
	c->gateway = ap_dbus_gateway1_skeleton_new();
	g_signal_connect(c->gateway, "handle-tap-open", G_CALLBACK(on_tap_open), c);
	g_signal_connect(c->gateway, "handle-tap-close", G_CALLBACK(on_tap_close), c);
	g_signal_connect(c->gateway, "handle-event", G_CALLBACK(on_event), c);
	g_signal_connect(c->gateway, "handle-session-close", G_CALLBACK(on_session_close), c);
	g_signal_connect(c->gateway, "handle-token-revoked", G_CALLBACK(on_token_revoked), c);
	return c;
}

void ap_vault_client_free(struct ap_vault_client *c)
{
	if (!c)
		return;
	drop_link(c);
	g_clear_object(&c->gateway);
	g_free(c);
}
