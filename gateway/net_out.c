#include "gateway/net_state.h"

#include <errno.h>
#include <glib.h>
#include <netinet/udp.h>

enum { RUN_BYTES = 60000 }; /* of one message's segments; a UDP payload holds 65,507 */
enum { PAUSE = 1000 };      /* a way that is too narrow, or a device that cannot: asked again a fifth of a second later */

static uint32_t way_of(const struct ap_path *path)
{
	if (path->remote.sa.sa_family == AF_INET)
		return path->remote.v4.sin_addr.s_addr ^ (uint32_t)path->remote.v4.sin_port << 16;
	return path->remote.v6.sin6_addr.s6_addr32[3] ^ (uint32_t)path->remote.v6.sin6_port << 16;
}

static bool same_way(const struct ap_net_out *out, size_t a, size_t b)
{
	return out->ways[a] == out->ways[b] && ap_path_equal(&out->paths[a], &out->paths[b]);
}

/* Links the datagram to the last one before it that goes the same way. */
static void follow(struct ap_net_out *out, size_t i)
{
	out->next[i] = AP_BATCH;
	out->follows[i] = false;
	for (size_t before = i; before-- > 0;) {
		if (!same_way(out, before, i))
			continue;
		out->next[before] = (uint8_t)i;
		out->follows[i] = true;
		return;
	}
}

void ap_net_queue(struct ap_net *net, const struct ap_path *path, const uint8_t *data, size_t len)
{
	struct ap_net_out *out = &net->ends[path->remote.sa.sa_family == AF_INET6 ? AP_IPV6 : AP_IPV4].out;
	if (out->count == AP_BATCH)
		ap_net_flush(net);
	size_t i = out->count++;
	out->paths[i] = *path;
	out->ways[i] = way_of(path);
	out->datagrams[i] = (struct iovec){(void *)data, len};
	follow(out, i);
}

static void *add_control(struct msghdr *h, int level, int type, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)(void *)((uint8_t *)h->msg_control + h->msg_controllen);
	*c = (struct cmsghdr){CMSG_LEN(len), level, type};
	h->msg_controllen += CMSG_SPACE(len);
	return CMSG_DATA(c);
}

/* The source address of what we send, unless the socket has but one (the kernel picks the interface), and the length to
 * cut at, if there is a cut. */
static void write_control(const struct ap_net_end *end, struct msghdr *h, union ap_net_control *control,
			  const struct ap_path *path, size_t cut)
{
	h->msg_control = control;
	h->msg_controllen = 0;
	if (!end->fixed && path->remote.sa.sa_family == AF_INET6)
		*(struct in6_pktinfo *)add_control(h, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(struct in6_pktinfo)) =
			(struct in6_pktinfo){.ipi6_addr = path->local.v6};
	else if (!end->fixed)
		*(struct in_pktinfo *)add_control(h, IPPROTO_IP, IP_PKTINFO, sizeof(struct in_pktinfo)) =
			(struct in_pktinfo){.ipi_spec_dst = path->local.v4};
	if (cut)
		*(uint16_t *)add_control(h, SOL_UDP, UDP_SEGMENT, sizeof(uint16_t)) = (uint16_t)cut;
}

/*
 * Collects the run that datagram `first` begins: those that follow it on its way with its length, and one shorter one as
 * the last. Returns their count; *ret_next is the first that is left, AP_BATCH if none.
 */
static size_t take_run(const struct ap_net_out *out, size_t first, bool cuts, struct iovec *parts, size_t *ret_next)
{
	size_t n = 0, bytes = 0, each = out->datagrams[first].iov_len, i = first;
	do {
		size_t len = out->datagrams[i].iov_len;
		if (n > 0 && (!cuts || len > each || bytes + len > RUN_BYTES))
			break;
		parts[n++] = out->datagrams[i];
		bytes += len;
		i = out->next[i];
		if (len < each)
			break;
	} while (i < AP_BATCH);
	*ret_next = i;
	return n;
}

/* Lays the queue out as messages: way by way, each in order. Returns how many. */
static size_t lay_out(struct ap_net_end *end, bool cuts)
{
	struct ap_net_out *out = &end->out;
	size_t messages = 0, parts = 0;
	for (size_t head = 0; head < out->count; head++) {
		for (size_t i = out->follows[head] ? AP_BATCH : head, next; i < AP_BATCH; i = next) {
			struct iovec *run = out->parts + parts;
			size_t n = take_run(out, i, cuts, run, &next);
			struct msghdr *h = &out->messages[messages].msg_hdr;
			*h = (struct msghdr){.msg_name = &out->paths[i].remote,
					     .msg_namelen = ap_path_remote_len(&out->paths[i]),
					     .msg_iov = run,
					     .msg_iovlen = n};
			write_control(end, h, &out->control[messages++], &out->paths[i], n > 1 ? run->iov_len : 0);
			parts += n;
		}
	}
	return messages;
}

static void count_sent(struct ap_net *net, const struct mmsghdr *messages, size_t n)
{
	uint64_t packets = 0, bytes = 0;
	for (size_t i = 0; i < n; i++) {
		packets += messages[i].msg_hdr.msg_iovlen;
		bytes += messages[i].msg_len;
	}
	ap_count_add(net->counters, AP_COUNT_PACKETS_OUT, packets);
	ap_count_add(net->counters, AP_COUNT_BYTES_OUT, bytes);
}

static uint64_t datagrams_in(const struct mmsghdr *messages, size_t n)
{
	uint64_t datagrams = 0;
	for (size_t i = 0; i < n; i++)
		datagrams += messages[i].msg_hdr.msg_iovlen;
	return datagrams;
}

/* A message's name is its path's remote address. */
static const struct ap_path *path_of(const struct ap_net_out *out, const struct msghdr *message)
{
	size_t i = 0;
	while (&out->paths[i].remote != message->msg_name)
		i++;
	return &out->paths[i];
}

/* The datagrams of a message that the kernel does not cut. */
static void send_apart(struct ap_net *net, struct ap_net_end *end, const struct msghdr *message)
{
	union ap_net_control control;
	for (size_t i = 0; i < message->msg_iovlen; i++) {
		struct mmsghdr one = {.msg_hdr = *message};
		one.msg_hdr.msg_iov = &message->msg_iov[i];
		one.msg_hdr.msg_iovlen = 1;
		write_control(end, &one.msg_hdr, &control, path_of(&end->out, message), 0);
		if (sendmmsg(end->fds[AP_DOOR_MEDIA], &one, 1, MSG_DONTWAIT) == 1)
			count_sent(net, &one, 1);
		else
			ap_count(net->counters, AP_COUNT_DROP_SEND);
	}
}

/* Message `at` was not taken. False when the socket is full: media does not wait, so the rest is dropped. */
static bool refused(struct ap_net *net, struct ap_net_end *end, size_t at, size_t messages, int why)
{
	const struct mmsghdr *m = &end->out.messages[at];
	if (why == EAGAIN || why == ENOBUFS) {
		ap_count_add(net->counters, AP_COUNT_DROP_SEND, datagrams_in(m, messages - at));
		return false;
	}
	if (m->msg_hdr.msg_iovlen == 1) {
		ap_count(net->counters, AP_COUNT_DROP_SEND);
		return true;
	}
	end->out.pause = PAUSE;
	send_apart(net, end, &m->msg_hdr);
	return true;
}

static void flush_end(struct ap_net *net, struct ap_net_end *end)
{
	struct mmsghdr *m = end->out.messages;
	size_t messages = lay_out(end, end->cuts && end->out.pause == 0), at = 0;
	end->out.pause -= end->out.pause > 0;
	while (at < messages) {
		int n = sendmmsg(end->fds[AP_DOOR_MEDIA], m + at, (unsigned)(messages - at), MSG_DONTWAIT);
		if (n > 0) {
			count_sent(net, m + at, (size_t)n);
			at += (size_t)n;
		} else if (errno != EINTR && !refused(net, end, at++, messages, errno)) {
			break;
		}
	}
	end->out.count = 0;
}

void ap_net_flush(struct ap_net *net)
{
	for (int f = 0; f < AP_FAMILIES; f++)
		if (net->ends[f].out.count > 0)
			flush_end(net, &net->ends[f]);
}
