#include "gateway/net_state.h"

#include <glib.h>
#include <netinet/udp.h>

enum { MERGED_MAX = 65536 }; /* bytes of one merged message */

struct message {
	struct ap_path path;
	size_t len, cut; /* bytes, and of each datagram in it but the last */
};

/*
 * Merged messages wait here to be cut, and those that came behind them in the same batch, so that none overtakes another.
 * A message's first AP_PACKET_MAX bytes arrive in its packet, where all of it stays unless it is merged; only the rest of
 * a merged one arrives here. Pages that no such message touched cost no memory.
 */
struct ap_net_held {
	size_t count, at, offset; /* messages, the one to be cut next, and where */
	struct message messages[AP_BATCH];
	uint8_t bytes[AP_BATCH][MERGED_MAX];
};

struct ap_net_held *ap_net_held_new(int fd)
{
	return setsockopt(fd, SOL_UDP, UDP_GRO, &(int){1}, sizeof(int)) == 0 ? g_new0(struct ap_net_held, 1) : NULL;
}

void ap_net_held_free(struct ap_net_held *held)
{
	g_free(held);
}

static bool holds(const struct ap_net_held *held)
{
	return held && held->at < held->count;
}

bool ap_net_holds(const struct ap_net *net)
{
	return holds(net->ends[AP_IPV4].held) || holds(net->ends[AP_IPV6].held);
}

static void arm_one(struct ap_net *net, size_t i, struct ap_packet *packet, struct ap_net_held *held)
{
	struct msghdr *h = &net->messages[i].msg_hdr;
	net->parts[i][0] = (struct iovec){packet->buffer + AP_PACKET_ROOM, AP_PACKET_MAX};
	net->parts[i][1] = (struct iovec){held ? held->bytes[i] + AP_PACKET_MAX : NULL,
					  held ? MERGED_MAX - AP_PACKET_MAX : 0};
	*h = (struct msghdr){.msg_name = &packet->path.remote,
			     .msg_namelen = sizeof packet->path.remote,
			     .msg_iov = net->parts[i],
			     .msg_iovlen = held ? 2 : 1,
			     .msg_control = &net->control[i],
			     .msg_controllen = sizeof net->control[i]};
}

/* What the last call did not use is still as it should be, if it was for the same packets and the same socket. */
static void arm(struct ap_net *net, struct ap_packet *packets, size_t max, struct ap_net_held *held)
{
	bool same = net->armed == packets && net->armed_count == max && net->armed_held == held;
	size_t n = same ? net->used : max;
	for (size_t i = 0; i < n; i++)
		arm_one(net, i, &packets[i], held);
	net->armed = packets;
	net->armed_count = max;
	net->armed_held = held;
}

/* Our address that it came to, and the length of its datagrams if it is several. */
static void read_control(struct msghdr *message, struct ap_path *path, size_t *cut)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			path->local.v4 = ((const struct in_pktinfo *)CMSG_DATA(c))->ipi_addr;
		else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			path->local.v6 = ((const struct in6_pktinfo *)CMSG_DATA(c))->ipi6_addr;
		else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
			*cut = (size_t)*(const int *)(const void *)CMSG_DATA(c);
	}
}

static void set_local(const struct ap_net_end *end, struct ap_path *path)
{
	if (end->bound.sa.sa_family == AF_INET6)
		path->local.v6 = end->bound.v6.sin6_addr;
	else
		path->local.v4 = end->bound.v4.sin_addr;
}

/* Returns the length of the datagrams that message `i` was merged of, 0 when it is one. */
static size_t accept_message(struct ap_net *net, const struct ap_net_end *end, size_t i, struct ap_packet *p)
{
	struct mmsghdr *m = &net->messages[i];
	size_t cut = 0;
	p->data = p->buffer + AP_PACKET_ROOM;
	p->path.tcp = NULL;
	if (end->fixed)
		set_local(end, &p->path);
	if (m->msg_hdr.msg_controllen > 0)
		read_control(&m->msg_hdr, &p->path, &cut);
	bool merged = cut > 0 && cut < m->msg_len;
	p->len = !merged && ((m->msg_hdr.msg_flags & MSG_TRUNC) || m->msg_len > AP_PACKET_MAX) ? 0 : m->msg_len;
	return merged ? cut : 0;
}

static void hold(struct ap_net_held *held, size_t i, const struct ap_packet *p, size_t cut)
{
	held->messages[i] = (struct message){.path = p->path, .len = p->len, .cut = cut ? cut : p->len};
	(void)ap_copy(held->bytes[i], MERGED_MAX, p->data, MIN(p->len, AP_PACKET_MAX));
}

/* The next datagram of what is held. */
static void cut_one(struct ap_net_held *held, struct ap_packet *p)
{
	const struct message *m = &held->messages[held->at];
	size_t len = MIN(m->cut, m->len - held->offset);
	p->path = m->path;
	p->data = p->buffer + AP_PACKET_ROOM;
	p->len = ap_copy(p->data, AP_PACKET_MAX, held->bytes[held->at] + held->offset, len) ? len : 0;
	held->offset += len;
	if (held->offset < m->len)
		return;
	held->offset = 0;
	held->at++;
}

static size_t cut_held(struct ap_net_held *held, struct ap_packet *packets, size_t max)
{
	size_t n = 0;
	while (n < max && holds(held))
		cut_one(held, &packets[n++]);
	return n;
}

static size_t receive(struct ap_net *net, struct ap_net_end *end, enum ap_door door, struct ap_packet *packets,
		      size_t max)
{
	struct ap_net_held *held = door == AP_DOOR_MEDIA ? end->held : NULL;
	arm(net, packets, max, held);
	int got = recvmmsg(end->fds[door], net->messages, (unsigned)max, MSG_DONTWAIT, NULL);
	size_t count = got > 0 ? (size_t)got : 0, whole = count;
	net->used = count;
	for (size_t i = 0; i < count; i++) {
		size_t cut = accept_message(net, end, i, &packets[i]);
		if (!held)
			continue;
		if (cut > 0 && whole == count)
			whole = i;
		if (i >= whole)
			hold(held, i, &packets[i], cut);
	}
	if (!held || whole == count)
		return count;
	held->at = whole;
	held->count = count;
	return whole + cut_held(held, packets + whole, max - whole);
}

size_t ap_net_receive(struct ap_net *net, enum ap_family family, enum ap_door door, struct ap_packet *packets,
		      size_t max)
{
	struct ap_net_end *end = &net->ends[family];
	bool left = door == AP_DOOR_MEDIA && holds(end->held);
	size_t n = left ? cut_held(end->held, packets, max) : receive(net, end, door, packets, max);
	uint64_t bytes = 0;
	for (size_t i = 0; i < n; i++)
		bytes += packets[i].len;
	if (n > 0) {
		ap_count_add(net->counters, AP_COUNT_PACKETS_IN, n);
		ap_count_add(net->counters, AP_COUNT_BYTES_IN, bytes);
	}
	return n;
}
