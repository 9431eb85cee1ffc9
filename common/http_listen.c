/*
 * Accepting connections ourselves instead of soup_server_listen_socket(): libsoup 3.2 stops listening for good when
 * accept() fails once (out of descriptors), and it has no cap on connections and no time limits.
 */
#include "http_internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTION "aparte-connection"

static void connection_free(void *data)
{
	struct ap_http_connection *connection = data;
	if (connection->http)
		g_ptr_array_remove_fast(connection->http->connections, connection);
	ap_http_connection_deadline(connection, 0);
	g_object_unref(connection->socket);
	g_free(connection);
}

void ap_http_connection_cut(struct ap_http_connection *connection)
{
	/* libsoup then fails to read or write, and clears up in its own order. Shutting down would not do: Linux goes on
	 * taking in what the client sends. */
	g_socket_close(connection->socket, NULL);
}

void ap_http_connection_reset(struct ap_http_connection *connection)
{
	/* A close with a linger of no time sends RST instead of what waits (tcp(7), SO_LINGER in socket(7)). */
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };
	(void)setsockopt(g_socket_get_fd(connection->socket), SOL_SOCKET, SO_LINGER, &now, sizeof now);
	ap_http_connection_cut(connection);
}

void ap_http_connection_keep_little(struct ap_http_connection *connection)
{
	/* A Unix socket has no such option, and no slow reader that is a stranger. */
	g_socket_set_option(connection->socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, AP_HTTP_UNSENT, NULL);
}

static gboolean deadline_passed(void *data)
{
	struct ap_http_connection *connection = data;
	g_clear_pointer(&connection->deadline, g_source_unref);
	ap_http_connection_cut(connection);
	return G_SOURCE_REMOVE;
}

void ap_http_connection_deadline(struct ap_http_connection *connection, unsigned seconds)
{
	if (connection->deadline) {
		g_source_destroy(connection->deadline);
		g_clear_pointer(&connection->deadline, g_source_unref);
	}
	if (seconds == 0)
		return;
	connection->deadline = g_timeout_source_new_seconds(seconds);
	g_source_set_callback(connection->deadline, deadline_passed, connection, NULL);
	g_source_attach(connection->deadline, g_main_context_get_thread_default());
}

/* An IPv4 client of an IPv6 socket is the same client. */
static void name_client(struct ap_http_connection *connection, GSocketAddress *remote)
{
	g_strlcpy(connection->client, "unix", sizeof connection->client);
	if (!G_IS_INET_SOCKET_ADDRESS(remote))
		return;
	GInetAddress *address = g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(remote));
	g_autofree char *text = g_inet_address_to_string(address);
	const char *plain = g_str_has_prefix(text, "::ffff:") && strchr(text, '.') ? text + strlen("::ffff:") : text;
	g_strlcpy(connection->client, plain, sizeof connection->client);
}

/* The connection hangs on the address object, which libsoup keeps exactly as long as its own connection. */
static struct ap_http_connection *track(struct ap_http *http, GSocket *socket, GSocketAddress *remote)
{
	struct ap_http_connection *connection = g_new0(struct ap_http_connection, 1);
	connection->http = http;
	connection->socket = g_object_ref(socket);
	connection->since_us = g_get_monotonic_time();
	name_client(connection, remote);
	g_ptr_array_add(http->connections, connection);
	g_object_set_data_full(G_OBJECT(remote), CONNECTION, connection, connection_free);
	ap_http_connection_deadline(connection, http->options.idle_seconds);
	return connection;
}

struct ap_http_connection *ap_http_connection_of(SoupServerMessage *msg)
{
	GSocketAddress *remote = soup_server_message_get_remote_address(msg);
	return remote ? g_object_get_data(G_OBJECT(remote), CONNECTION) : NULL;
}

static void serve_stream(struct ap_http *http, GIOStream *stream, GSocketAddress *local, GSocketAddress *remote)
{
	g_autoptr(GIOStream) looked_at = ap_http_head_stream(stream);
	soup_server_accept_iostream(http->server, looked_at, local, remote, NULL);
}

struct handshake {
	struct ap_http_connection *connection; /* borrowed: lives while remote does */
	GSocketAddress *local, *remote;	       /* owned */
};

static void handshake_done(GObject *stream, GAsyncResult *result, void *data)
{
	struct handshake *h = data;
	bool ok = g_tls_connection_handshake_finish(G_TLS_CONNECTION(stream), result, NULL);
	if (ok && h->connection->http)
		serve_stream(h->connection->http, G_IO_STREAM(stream), h->local, h->remote);
	g_object_unref(h->local);
	g_object_unref(h->remote);
	g_free(h);
}

static void start_tls(struct ap_http *http, GIOStream *plain, GSocketAddress *local, GSocketAddress *remote)
{
	static const char *const protocols[] = { "http/1.1", NULL };
	g_autoptr(GIOStream) tls = g_tls_server_connection_new(plain, http->certificate, NULL);
	if (!tls)
		return;
	g_tls_connection_set_advertised_protocols(G_TLS_CONNECTION(tls), protocols);
	g_tls_connection_set_require_close_notify(G_TLS_CONNECTION(tls), FALSE);
	struct handshake *h = g_new0(struct handshake, 1);
	h->connection = g_object_get_data(G_OBJECT(remote), CONNECTION);
	h->local = g_object_ref(local);
	h->remote = g_object_ref(remote);
	g_tls_connection_handshake_async(G_TLS_CONNECTION(tls), G_PRIORITY_DEFAULT, NULL, handshake_done, h);
}

/* Full: who has waited longest without asking for anything makes room. Honest requests take no time to arrive. */
static bool make_room(struct ap_http *http)
{
	struct ap_http_connection *oldest = NULL;
	for (unsigned i = 0; i < http->connections->len; i++) {
		struct ap_http_connection *c = http->connections->pdata[i];
		if (!c->asked && !g_socket_is_closed(c->socket) && (!oldest || c->since_us < oldest->since_us))
			oldest = c;
	}
	if (oldest)
		ap_http_connection_cut(oldest);
	return oldest != NULL;
}

/* What a socket that was not listened to yet takes at once. */
static void turn_away(const struct ap_http *http, GSocket *socket)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
				   "Connection: close\r\n\r\n";
	if (!http->certificate)
		(void)!send(g_socket_get_fd(socket), busy, sizeof busy - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void accepted(struct ap_http *http, GSocket *socket)
{
	g_autoptr(GSocketAddress) local = g_socket_get_local_address(socket, NULL);
	g_autoptr(GSocketAddress) remote = g_socket_get_remote_address(socket, NULL);
	if (!local || !remote)
		return;
	if (http->connections->len >= http->max_connections && !make_room(http)) {
		turn_away(http, socket);
		return;
	}
	track(http, socket, remote);
	if (g_socket_get_family(socket) != G_SOCKET_FAMILY_UNIX)
		g_socket_set_option(socket, IPPROTO_TCP, TCP_NODELAY, TRUE, NULL);
	g_autoptr(GSocketConnection) plain = g_socket_connection_factory_create_connection(socket);
	if (http->certificate)
		start_tls(http, G_IO_STREAM(plain), local, remote);
	else
		serve_stream(http, G_IO_STREAM(plain), local, remote);
}

/* Takes what waits, a few at a time; a failing accept (no descriptors left) is tried again at the next turn. */
static gboolean incoming(GSocket *listener, GIOCondition condition, void *data)
{
	(void)condition;
	for (int i = 0; i < 16; i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(GSocket) socket = g_socket_accept(listener, NULL, &error);
		if (socket) {
			accepted(data, socket);
			continue;
		}
		if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
			g_usleep(1000);
		break;
	}
	return G_SOURCE_CONTINUE;
}

struct ap_result ap_http_listen(struct ap_http *http, int fd)
{
	g_autoptr(GSocket) listener = g_socket_new_from_fd(fd, NULL);
	if (!listener) {
		close(fd);
		return ap_fail(AP_ERR_IO, "listen", "the descriptor handed over is not a socket");
	}
	g_socket_set_blocking(listener, FALSE);
	g_autoptr(GSocketAddress) local = g_socket_get_local_address(listener, NULL);
	if (G_IS_INET_SOCKET_ADDRESS(local) && http->port == 0)
		http->port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(local));
	GSource *source = g_socket_create_source(listener, G_IO_IN, NULL);
	g_source_set_callback(source, G_SOURCE_FUNC(incoming), http, NULL);
	g_source_attach(source, g_main_context_get_thread_default());
	g_ptr_array_add(http->listeners, source);
	return AP_SUCCESS;
}
