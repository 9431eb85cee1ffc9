#include "gateway/net_state.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <linux/filter.h>
#include <netinet/udp.h>
#include <unistd.h>

enum { SOCKET_BUFFER = 4 * 1024 * 1024, LISTEN_QUEUE = 128 };

static socklen_t bound_len(const struct ap_net_end *end)
{
	return end->bound.sa.sa_family == AF_INET6 ? sizeof end->bound.v6 : sizeof end->bound.v4;
}

static int family_of(const char *address)
{
	struct in6_addr any;
	return inet_pton(AF_INET, address, &any) == 1    ? AP_IPV4
	       : inet_pton(AF_INET6, address, &any) == 1 ? AP_IPV6
							 : -1;
}

/* The one advertised address of the family, or NULL when there are several (then *ret_count tells). */
static const char *only_address(const char *const *advertised, enum ap_family family, unsigned *ret_count)
{
	const char *first = NULL;
	*ret_count = 0;
	for (size_t i = 0; advertised[i]; i++) {
		if (family_of(advertised[i]) != (int)family)
			continue;
		first = first ? first : advertised[i];
		++*ret_count;
	}
	return *ret_count == 1 ? first : NULL;
}

static void set_bound(struct ap_net_end *end, enum ap_family family, const char *address, uint16_t port)
{
	end->fixed = address != NULL;
	if (family == AP_IPV4) {
		end->bound.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
		if (address)
			inet_pton(AF_INET, address, &end->bound.v4.sin_addr);
	} else {
		end->bound.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
		if (address)
			inet_pton(AF_INET6, address, &end->bound.v6.sin6_addr);
	}
}

static void set_option(int fd, int level, int name, int value)
{
	/* A refused buffer size or hint leaves a working socket with its default. */
	(void)!setsockopt(fd, level, name, &value, sizeof value);
}

static int new_socket(enum ap_family family, int type)
{
	int fd = socket(family == AP_IPV4 ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && family == AP_IPV6)
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	return fd;
}

static int open_udp(const struct ap_net_end *end, enum ap_family family, bool join)
{
	int fd = new_socket(family, SOCK_DGRAM);
	if (fd < 0)
		return -1;
	set_option(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
	set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER);
	set_option(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
	set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER);
	if (!end->fixed && family == AP_IPV4)
		set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
	else if (!end->fixed)
		set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	if (join)
		set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (bind(fd, &end->bound.sa, bound_len(end)) == 0)
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

/*
 * Media come in by a socket of their own, told apart by the kernel before anything is queued (first byte 128 to 191, RFC
 * 7983), so that a flood of checks or handshakes fills another queue than a call's. A kernel that refuses leaves one socket
 * for all. The second socket joins the first one's port only now, so that a port that is taken is still noticed.
 */
static int open_control(const struct ap_net_end *end, enum ap_family family, int media)
{
	struct sock_filter classify[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 128, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 191, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, AP_DOOR_MEDIA),
		BPF_STMT(BPF_RET | BPF_K, AP_DOOR_CONTROL),
	};
	const struct sock_fprog program = {G_N_ELEMENTS(classify), classify};
	set_option(media, SOL_SOCKET, SO_REUSEPORT, 1);
	int fd = open_udp(end, family, true);
	if (fd < 0 || setsockopt(media, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) == 0)
		return fd;
	close(fd);
	return -1;
}

static struct ap_result open_end(struct ap_net_end *end, enum ap_family family, const char *const *advertised,
				 uint16_t port)
{
	unsigned count = 0;
	const char *only = only_address(advertised, family, &count);
	if (count == 0)
		return AP_SUCCESS;
	set_bound(end, family, only, port);
	int media = open_udp(end, family, false);
	if (media < 0 && only && errno == EADDRNOTAVAIL) { /* advertised, but behind address translation */
		set_bound(end, family, NULL, port);
		media = open_udp(end, family, false);
	}
	if (media < 0)
		return ap_fail(AP_ERR_IO, "media-port", "a media port is taken or not allowed");
	end->fds[AP_DOOR_MEDIA] = media;
	end->fds[AP_DOOR_CONTROL] = open_control(end, family, media);
	end->cuts = setsockopt(media, SOL_UDP, UDP_SEGMENT, &(int){0}, sizeof(int)) == 0;
	end->held = ap_net_held_new(media);
	return AP_SUCCESS;
}

struct ap_result ap_net_open(const char *const *advertised, uint16_t port, struct ap_counters *counters,
			     struct ap_net **ret_net)
{
	struct ap_net *net = g_new0(struct ap_net, 1);
	struct ap_result result = AP_SUCCESS;
	net->counters = counters;
	for (int f = 0; f < AP_FAMILIES; f++)
		net->ends[f].fds[AP_DOOR_MEDIA] = net->ends[f].fds[AP_DOOR_CONTROL] = -1;
	for (int f = 0; f < AP_FAMILIES && ap_ok(result); f++)
		result = open_end(&net->ends[f], (enum ap_family)f, advertised, port);
	if (ap_ok(result) && net->ends[AP_IPV4].fds[AP_DOOR_MEDIA] < 0 && net->ends[AP_IPV6].fds[AP_DOOR_MEDIA] < 0)
		result = ap_fail(AP_ERR_IO, "media-address", "gateway.advertise names no usable address");
	if (ap_ok(result))
		*ret_net = net;
	else
		ap_net_close(net);
	return result;
}

void ap_net_close(struct ap_net *net)
{
	if (!net)
		return;
	for (int f = 0; f < AP_FAMILIES; f++) {
		for (int door = 0; door < AP_DOORS; door++)
			if (net->ends[f].fds[door] >= 0)
				close(net->ends[f].fds[door]);
		ap_net_held_free(net->ends[f].held);
	}
	g_free(net);
}

int ap_net_fd(const struct ap_net *net, enum ap_family family, enum ap_door door)
{
	return net->ends[family].fds[door];
}

int ap_net_listen(const struct ap_net *net, enum ap_family family)
{
	const struct ap_net_end *end = &net->ends[family];
	int fd = end->fds[AP_DOOR_MEDIA] < 0 ? -1 : new_socket(family, SOCK_STREAM);
	if (fd < 0)
		return -1;
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, &end->bound.sa, bound_len(end)) == 0 && listen(fd, LISTEN_QUEUE) == 0)
		return fd;
	close(fd);
	return -1;
}
