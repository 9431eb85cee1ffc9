#include "gateway/ice_tcp.h"

#include <errno.h>
#include <glib.h>
#include <netinet/tcp.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CHUNK = 4096 };

struct ap_tcp {
	int fd;             /* owned, -1 when closed */
	struct ap_leg *leg; /* borrowed */
	struct ap_path path;
	int64_t since_ns;
	struct ap_reader unread; /* over chunk */
	uint8_t chunk[CHUNK];
	struct ap_framer framer;
	size_t kept;      /* bytes in backlog */
	uint8_t *backlog; /* owned, made when first needed */
};

static bool read_addresses(int fd, struct ap_path *path)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} local = { 0 };
	socklen_t remote_len = sizeof path->remote, local_len = sizeof local;
	if (getpeername(fd, &path->remote.sa, &remote_len) || getsockname(fd, &local.sa, &local_len))
		return false;
	if (local.sa.sa_family == AF_INET6)
		path->local.v6 = local.v6.sin6_addr;
	else
		path->local.v4 = local.v4.sin_addr;
	return true;
}

struct ap_tcp *ap_tcp_accept(int listener, int64_t now_ns)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
	if (fd < 0)
		return NULL;
	/* A frame should leave at once; without this it only leaves later. */
	(void)!setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	struct ap_tcp *tcp = g_new0(struct ap_tcp, 1);
	tcp->fd = fd;
	tcp->since_ns = now_ns;
	tcp->path.tcp = tcp;
	if (read_addresses(fd, &tcp->path))
		return tcp;
	ap_tcp_free(tcp);
	return NULL;
}

void ap_tcp_close(struct ap_tcp *tcp)
{
	if (tcp->fd >= 0)
		close(tcp->fd);
	tcp->fd = -1;
	tcp->leg = NULL;
}

void ap_tcp_free(struct ap_tcp *tcp)
{
	if (!tcp)
		return;
	ap_tcp_close(tcp);
	g_free(tcp->backlog);
	g_free(tcp);
}

bool ap_tcp_closed(const struct ap_tcp *tcp)
{
	return tcp->fd < 0;
}

int ap_tcp_fd(const struct ap_tcp *tcp)
{
	return tcp->fd;
}

const struct ap_path *ap_tcp_path(const struct ap_tcp *tcp)
{
	return &tcp->path;
}

int64_t ap_tcp_since_ns(const struct ap_tcp *tcp)
{
	return tcp->since_ns;
}

struct ap_leg *ap_tcp_leg(const struct ap_tcp *tcp)
{
	return tcp->leg;
}

void ap_tcp_set_leg(struct ap_tcp *tcp, struct ap_leg *leg)
{
	tcp->leg = leg;
}

enum ap_tcp_read ap_tcp_next(struct ap_tcp *tcp, struct ap_reader *ret_packet)
{
	for (;;) {
		if (tcp->fd < 0)
			return AP_TCP_OVER;
		if (ap_reader_left(&tcp->unread) > 0) {
			switch (ap_framer_next(&tcp->framer, &tcp->unread, ret_packet)) {
			case AP_FRAME_READY:
				return AP_TCP_PACKET;
			case AP_FRAME_BROKEN:
				return AP_TCP_OVER;
			case AP_FRAME_MORE:
				break;
			}
		}
		ssize_t n = recv(tcp->fd, tcp->chunk, sizeof tcp->chunk, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return AP_TCP_EMPTY;
		if (n <= 0)
			return AP_TCP_OVER;
		tcp->unread = ap_reader_over(tcp->chunk, (size_t)n);
	}
}

/* Keeps the bytes of header and data from `sent` on; only whole frames are refused, never half of one. */
static bool keep(struct ap_tcp *tcp, const uint8_t header[AP_FRAME_HEADER], const uint8_t *data, size_t len,
		 size_t sent)
{
	if (sent == 0 && AP_FRAME_HEADER + len > AP_TCP_BACKLOG - tcp->kept)
		return false;
	if (!tcp->backlog)
		tcp->backlog = g_malloc(AP_TCP_BACKLOG);
	struct ap_writer w = ap_writer_over(tcp->backlog + tcp->kept, AP_TCP_BACKLOG - tcp->kept);
	for (; sent < AP_FRAME_HEADER; sent++)
		ap_write_u8(&w, header[sent]);
	ap_write_bytes(&w, data + (sent - AP_FRAME_HEADER), len - (sent - AP_FRAME_HEADER));
	tcp->kept += w.len;
	return true;
}

bool ap_tcp_send(struct ap_tcp *tcp, const uint8_t *data, size_t len)
{
	uint8_t header[AP_FRAME_HEADER] = {(uint8_t)(len >> 8), (uint8_t)len};
	if (tcp->fd < 0 || len > AP_FRAME_MAX)
		return false;
	if (tcp->kept > 0)
		return keep(tcp, header, data, len, 0);
	struct iovec parts[2] = {{header, sizeof header}, {(void *)data, len}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t n = sendmsg(tcp->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return false; /* the reading side finds out what is wrong */
	if (n == (ssize_t)(sizeof header + len))
		return true;
	return keep(tcp, header, data, len, n > 0 ? (size_t)n : 0);
}

bool ap_tcp_drain(struct ap_tcp *tcp)
{
	if (tcp->kept == 0 || tcp->fd < 0)
		return true;
	ssize_t n = send(tcp->fd, tcp->backlog, tcp->kept, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0) {
		struct ap_reader rest = ap_reader_over(tcp->backlog, tcp->kept);
		ap_read_skip(&rest, (size_t)n);
		tcp->kept -= (size_t)n;
		for (size_t i = 0; i < tcp->kept; i++) /* forwards over itself */
			tcp->backlog[i] = ap_read_u8(&rest);
	}
	return tcp->kept == 0;
}

bool ap_tcp_backlogged(const struct ap_tcp *tcp)
{
	return tcp->kept > 0;
}
