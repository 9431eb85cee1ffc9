#include "cli/serve_sockets.h"

#include "cli/serve_config.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 512

static struct ap_result bind_and_listen(int fd, const struct sockaddr *address, socklen_t len)
{
	if (bind(fd, address, len) != 0)
		return errno == EADDRINUSE ?
			       ap_fail(AP_ERR_IO, "listen-taken", "the port is taken by another program") :
			       ap_fail(AP_ERR_IO, "listen-bind", "the address or port cannot be used here");
	if (listen(fd, BACKLOG) != 0)
		return ap_fail(AP_ERR_IO, "listen", "the socket cannot listen");
	return AP_SUCCESS;
}

static struct ap_result open_listener(const struct sockaddr *address, socklen_t len, int *ret_fd)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return ap_fail(AP_ERR_IO, "listen-socket", "no socket could be made");
	int on = 1;
	if (address->sa_family != AF_UNIX && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
		on = 0; /* only costs a wait after a restart */
	struct ap_result r = bind_and_listen(fd, address, len);
	if (!ap_ok(r)) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return AP_SUCCESS;
}

struct ap_result ap_serve_listen_tcp(const char *listen, int *ret_fd)
{
	g_autofree char *host = NULL;
	uint16_t port = 0;
	AP_TRY(ap_serve_config_listen(listen, &host, &port));
	g_autoptr(GSocketAddress) address = g_inet_socket_address_new_from_string(host, port);
	struct sockaddr_storage native;
	if (!address || !g_socket_address_to_native(address, &native, sizeof native, NULL))
		return ap_fail(AP_ERR_PROTOCOL, "listen-address", "listen must be a numeric address and a port");
	return open_listener((const struct sockaddr *)&native, (socklen_t)g_socket_address_get_native_size(address),
			     ret_fd);
}

struct ap_result ap_serve_listen_unix(const char *path, int *ret_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path)
		return ap_fail(AP_ERR_LIMIT, "listen-path", "the path of run/admin.sock is longer than 107 bytes");
	if (g_unlink(path) != 0 && errno != ENOENT)
		return ap_fail(AP_ERR_IO, "listen-path", "a stale run/admin.sock cannot be removed");
	mode_t before = umask(0177);
	struct ap_result r = open_listener((const struct sockaddr *)&address, sizeof address, ret_fd);
	umask(before);
	return r;
}
