#include "gateway/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOCKET_BUFFER = 4 * 1024 * 1024, LISTEN_QUEUE = 128 };

union control {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct out {
	size_t count;
	struct ap_path paths[AP_BATCH];
	struct iovec parts[AP_BATCH];
	union control control[AP_BATCH];
	struct mmsghdr messages[AP_BATCH];
};

struct end {
	int fds[AP_DOORS]; /* owned; -1: family not used, or no door of its own for control */
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} bound;
	struct out out;
};

struct ap_net {
	struct ap_counters *counters; /* borrowed */
	struct end ends[AP_FAMILIES];
	struct iovec parts[AP_BATCH]; /* for receiving */
	union control control[AP_BATCH];
	struct mmsghdr messages[AP_BATCH];
};

static socklen_t bound_len(const struct end *end)
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

static void set_bound(struct end *end, enum ap_family family, const char *address, uint16_t port)
{
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

static int open_udp(const struct end *end, enum ap_family family, bool join)
{
	int fd = new_socket(family, SOCK_DGRAM);
	if (fd < 0)
		return -1;
	set_option(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
	set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER);
	set_option(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
	set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER);
	if (family == AP_IPV4)
		set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
	else
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
static int open_control(const struct end *end, enum ap_family family, int media)
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

static struct ap_result open_end(struct end *end, enum ap_family family, const char *const *advertised, uint16_t port)
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
	return AP_SUCCESS;
}

static void prepare_receive(struct ap_net *net)
{
	for (size_t i = 0; i < AP_BATCH; i++) {
		net->messages[i].msg_hdr.msg_iov = &net->parts[i];
		net->messages[i].msg_hdr.msg_iovlen = 1;
		net->messages[i].msg_hdr.msg_control = &net->control[i];
	}
}

struct ap_result ap_net_open(const char *const *advertised, uint16_t port, struct ap_counters *counters,
			     struct ap_net **ret_net)
{
	struct ap_net *net = g_new0(struct ap_net, 1);
	struct ap_result result = AP_SUCCESS;
	net->counters = counters;
	prepare_receive(net);
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
	for (int f = 0; f < AP_FAMILIES; f++)
		for (int door = 0; door < AP_DOORS; door++)
			if (net->ends[f].fds[door] >= 0)
				close(net->ends[f].fds[door]);
	g_free(net);
}

int ap_net_fd(const struct ap_net *net, enum ap_family family, enum ap_door door)
{
	return net->ends[family].fds[door];
}

int ap_net_listen(const struct ap_net *net, enum ap_family family)
{
	const struct end *end = &net->ends[family];
	int fd = end->fds[AP_DOOR_MEDIA] < 0 ? -1 : new_socket(family, SOCK_STREAM);
	if (fd < 0)
		return -1;
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, &end->bound.sa, bound_len(end)) == 0 && listen(fd, LISTEN_QUEUE) == 0)
		return fd;
	close(fd);
	return -1;
}

static void read_local(struct msghdr *message, struct ap_path *path)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			path->local.v4 = ((const struct in_pktinfo *)CMSG_DATA(c))->ipi_addr;
		else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			path->local.v6 = ((const struct in6_pktinfo *)CMSG_DATA(c))->ipi6_addr;
	}
}

static void accept_datagram(struct ap_net *net, struct mmsghdr *m, struct ap_packet *p)
{
	p->path.tcp = NULL;
	p->len = m->msg_hdr.msg_flags & MSG_TRUNC ? 0 : m->msg_len;
	read_local(&m->msg_hdr, &p->path);
	ap_count_add(net->counters, AP_COUNT_BYTES_IN, m->msg_len);
}

size_t ap_net_receive(struct ap_net *net, enum ap_family family, enum ap_door door, struct ap_packet *packets,
		      size_t max)
{
	for (size_t i = 0; i < max; i++) {
		struct msghdr *h = &net->messages[i].msg_hdr;
		packets[i].data = packets[i].buffer + AP_PACKET_ROOM;
		net->parts[i] = (struct iovec){packets[i].data, AP_PACKET_MAX};
		h->msg_name = &packets[i].path.remote;
		h->msg_namelen = sizeof packets[i].path.remote;
		h->msg_controllen = sizeof net->control[i];
	}
	int n = recvmmsg(net->ends[family].fds[door], net->messages, (unsigned)max, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		accept_datagram(net, &net->messages[i], &packets[i]);
	if (n > 0)
		ap_count_add(net->counters, AP_COUNT_PACKETS_IN, (uint64_t)n);
	return n > 0 ? (size_t)n : 0;
}

/* The source address of what we send (the kernel picks the interface). */
static void write_local(struct msghdr *h, union control *control, const struct ap_path *path)
{
	bool v6 = path->remote.sa.sa_family == AF_INET6;
	h->msg_control = control;
	h->msg_controllen = v6 ? CMSG_SPACE(sizeof(struct in6_pktinfo)) : CMSG_SPACE(sizeof(struct in_pktinfo));
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	if (v6) {
		*c = (struct cmsghdr){CMSG_LEN(sizeof(struct in6_pktinfo)), IPPROTO_IPV6, IPV6_PKTINFO};
		*(struct in6_pktinfo *)CMSG_DATA(c) = (struct in6_pktinfo){.ipi6_addr = path->local.v6};
	} else {
		*c = (struct cmsghdr){CMSG_LEN(sizeof(struct in_pktinfo)), IPPROTO_IP, IP_PKTINFO};
		*(struct in_pktinfo *)CMSG_DATA(c) = (struct in_pktinfo){.ipi_spec_dst = path->local.v4};
	}
}

void ap_net_queue(struct ap_net *net, const struct ap_path *path, const uint8_t *data, size_t len)
{
	struct out *out = &net->ends[path->remote.sa.sa_family == AF_INET6 ? AP_IPV6 : AP_IPV4].out;
	if (out->count == AP_BATCH)
		ap_net_flush(net);
	size_t i = out->count++;
	out->paths[i] = *path;
	out->parts[i] = (struct iovec){(void *)data, len};
	struct msghdr *h = &out->messages[i].msg_hdr;
	*h = (struct msghdr){.msg_name = &out->paths[i].remote,
			     .msg_namelen = ap_path_remote_len(path),
			     .msg_iov = &out->parts[i],
			     .msg_iovlen = 1};
	write_local(h, &out->control[i], path);
}

static void count_sent(struct ap_net *net, const struct out *out, size_t from, size_t n)
{
	uint64_t bytes = 0;
	for (size_t i = from; i < from + n; i++)
		bytes += out->parts[i].iov_len;
	ap_count_add(net->counters, AP_COUNT_PACKETS_OUT, n);
	ap_count_add(net->counters, AP_COUNT_BYTES_OUT, bytes);
}

/* A datagram that cannot go (unreachable, too long) is skipped; a full socket drops the rest: media does not wait. */
static void flush_end(struct ap_net *net, struct end *end)
{
	struct out *out = &end->out;
	size_t at = 0;
	while (at < out->count) {
		int n = sendmmsg(end->fds[AP_DOOR_MEDIA], out->messages + at, (unsigned)(out->count - at), MSG_DONTWAIT);
		if (n > 0) {
			count_sent(net, out, at, (size_t)n);
			at += (size_t)n;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			ap_count_add(net->counters, AP_COUNT_DROP_SEND, out->count - at);
			break;
		} else if (errno != EINTR) {
			ap_count(net->counters, AP_COUNT_DROP_SEND);
			at++;
		}
	}
	out->count = 0;
}

void ap_net_flush(struct ap_net *net)
{
	for (int f = 0; f < AP_FAMILIES; f++)
		if (net->ends[f].out.count > 0)
			flush_end(net, &net->ends[f]);
}
