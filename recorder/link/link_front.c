#include "recorder/link/link_front.h"

#include "recorder/link/link_message.h"

#include <aparte/buf.h>
#include <aparte/log.h>
#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HANDSHAKE 1024 /* bytes of lines before the messages */
#define MARK (G_BYTE_ORDER == G_LITTLE_ENDIAN ? 'l' : 'B')
#define DESCRIPTORS 4 /* more than any message of ours carries */

struct ap_link_front {
	ap_link_permits permits;
	/* owned */
	int outer, inner;
	GThread *thread;
	/* from the gateway */
	GByteArray *in;
	size_t spoken; /* bytes of handshake so far */
	bool messages; /* the handshake is over */
	unsigned unanswered;
	/* from the vault: a part of one message, or of one line */
	uint8_t out[16384];
	size_t out_len, out_sent;
	bool out_ready;	   /* what is in `out` can be sent */
	uint64_t out_left; /* bytes of the message that are not read yet, beyond `out` */
	int fds[DESCRIPTORS];
	size_t fd_count;
	int64_t deaf_since_us; /* 0: it reads */
};

/* ---- from the gateway ---- */

static bool pass_in(struct ap_link_front *f, size_t len)
{
	while (len > 0) {
		ssize_t n = send(f->inner, f->in->data, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return false;
		guint sent = n > 0 ? (guint)n : 0;
		g_byte_array_remove_range(f->in, 0, sent);
		len -= sent;
	}
	return true;
}

static bool refuse(const char *why)
{
	ap_log(AP_LOG_ERROR, "link_broken", "reason=%s", why);
	return false;
}

/* One line of the handshake, if it is whole; *ret_more when it was. */
static bool take_line(struct ap_link_front *f, bool *ret_more)
{
	static const char last[] = "BEGIN\r\n";
	const uint8_t *end = memchr(f->in->data, '\n', f->in->len);
	size_t len = end ? (size_t)(end - f->in->data) + 1 : 0;
	*ret_more = end != NULL;
	if (f->spoken + (end ? len : f->in->len) > HANDSHAKE)
		return refuse("handshake");
	f->spoken += len;
	f->messages = len == sizeof last - 1 && memcmp(f->in->data, last, len) == 0;
	return pass_in(f, len);
}

static bool may_pass(struct ap_link_front *f, size_t len)
{
	struct ap_link_message m;
	return ap_ok(ap_link_message_read(f->in->data, len, &m)) && (m.kind != AP_LINK_CALL || f->permits(m.member, m.signature));
}

static bool take_message(struct ap_link_front *f, bool *ret_more)
{
	*ret_more = false;
	if (f->in->len < AP_LINK_HEAD)
		return true;
	size_t len = ap_link_message_size(f->in->data);
	if (len == 0)
		return refuse("message");
	if (f->in->len < len || f->unanswered >= AP_LINK_UNANSWERED)
		return true;
	if (!may_pass(f, len))
		return refuse("message");
	f->unanswered += f->in->data[1] == AP_LINK_CALL;
	*ret_more = true;
	return pass_in(f, len);
}

static bool take_all(struct ap_link_front *f)
{
	bool more = true, good = true;
	while (good && more && f->in->len > 0)
		good = f->messages ? take_message(f, &more) : take_line(f, &more);
	return good;
}

/* Without room for control messages the kernel drops descriptors that come along. */
static bool read_outer(struct ap_link_front *f)
{
	uint8_t part[16384];
	ssize_t n = recv(f->outer, part, sizeof part, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	g_byte_array_append(f->in, part, (guint)n);
	return n > 0 && take_all(f);
}

/* ---- from the vault ---- */

static void keep_fds(struct ap_link_front *f, struct msghdr *message)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h; h = CMSG_NXTHDR(message, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		f->fd_count = MIN((h->cmsg_len - CMSG_LEN(0)) / sizeof(int), DESCRIPTORS);
		ap_copy(f->fds, sizeof f->fds, CMSG_DATA(h), f->fd_count * sizeof(int));
	}
}

static void drop_fds(struct ap_link_front *f)
{
	while (f->fd_count > 0)
		close(f->fds[--f->fd_count]);
}

/* Never beyond the message's end: a descriptor belongs to the message whose first byte it came with. */
static size_t wanted(const struct ap_link_front *f)
{
	if (f->out_left > 0)
		return MIN(f->out_left, sizeof f->out);
	return f->out_len > 0 && f->out[0] == MARK ? AP_LINK_HEAD - f->out_len : 1;
}

/* Of a message of the vault's own: what follows its first AP_LINK_HEAD bytes. */
static uint64_t rest_of(const struct ap_link_front *f)
{
	uint32_t body, serial, fields;
	struct ap_reader r = ap_reader_over(f->out, AP_LINK_HEAD);
	ap_read_skip(&r, 4);
	ap_read_bytes(&r, &body, sizeof body);
	ap_read_bytes(&r, &serial, sizeof serial);
	ap_read_bytes(&r, &fields, sizeof fields);
	return ((uint64_t)fields + 7) / 8 * 8 + body;
}

/* Is there something whole to send: a line, or a message's beginning, or any part of its rest? */
static bool complete(struct ap_link_front *f, size_t n)
{
	if (f->out_left > 0) {
		f->out_left -= n;
		return true;
	}
	if (f->out[0] != MARK)
		return f->out[f->out_len - 1] == '\n' || f->out_len == sizeof f->out;
	if (f->out_len < AP_LINK_HEAD)
		return false;
	f->out_left = rest_of(f);
	if (f->out[1] != AP_LINK_CALL && f->unanswered > 0)
		f->unanswered--;
	return true;
}

static bool flush(struct ap_link_front *f)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof f->fds)];
	} control = { 0 };
	struct iovec part = { f->out + f->out_sent, f->out_len - f->out_sent };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	if (f->fd_count > 0) {
		message.msg_control = control.space;
		message.msg_controllen = CMSG_SPACE(f->fd_count * sizeof(int));
		control.header = (struct cmsghdr){ CMSG_LEN(f->fd_count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		ap_copy(CMSG_DATA(&control.header), sizeof f->fds, f->fds, f->fd_count * sizeof(int));
	}
	ssize_t n = sendmsg(f->outer, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	drop_fds(f);
	f->deaf_since_us = 0;
	f->out_sent += (size_t)n;
	if (f->out_sent < f->out_len)
		return true;
	f->out_len = f->out_sent = 0;
	f->out_ready = false;
	return true;
}

static bool read_inner(struct ap_link_front *f)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof f->fds)];
	} control;
	struct iovec part = { f->out + f->out_len, wanted(f) };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space
	};
	ssize_t n = recvmsg(f->inner, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	keep_fds(f, &message);
	f->out_len += (size_t)n;
	if (n == 0)
		return false;
	f->out_ready = complete(f, (size_t)n);
	/* An answer makes room for a call that waits. */
	return !f->out_ready || (flush(f) && take_all(f));
}

/* ---- the thread ---- */

static bool deaf(struct ap_link_front *f)
{
	int64_t now = g_get_monotonic_time();
	if (f->deaf_since_us == 0)
		f->deaf_since_us = now;
	return now - f->deaf_since_us > AP_LINK_DEAF_MS * INT64_C(1000);
}

static bool turn(struct ap_link_front *f)
{
	bool full = f->in->len >= AP_LINK_MESSAGE || f->unanswered >= AP_LINK_UNANSWERED;
	struct pollfd outer = { .fd = f->outer, .events = (short)((full ? 0 : POLLIN) | (f->out_ready ? POLLOUT : 0)) };
	struct pollfd waits[] = { outer, { .fd = f->out_ready ? -1 : f->inner, .events = POLLIN } };
	if (poll(waits, 2, f->out_ready ? 1000 : -1) < 0)
		return errno == EINTR;
	short at_outer = waits[0].revents, at_inner = waits[1].revents;
	if (f->out_ready && !(at_outer & POLLOUT) && deaf(f))
		return refuse("deaf");
	if (at_outer & POLLHUP && full)
		return false;
	if (at_outer & POLLOUT && !flush(f))
		return false;
	if (at_inner && !read_inner(f))
		return false;
	return !(at_outer & (POLLIN | POLLHUP | POLLERR)) || read_outer(f);
}

static void *run(void *data)
{
	struct ap_link_front *f = data;
	while (turn(f))
		;
	shutdown(f->outer, SHUT_RDWR);
	shutdown(f->inner, SHUT_RDWR);
	return NULL;
}

struct ap_result ap_link_front_new(int outer, ap_link_permits permits, struct ap_link_front **ret_front, int *ret_inner)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
		close(outer);
		return ap_fail(AP_ERR_IO, "link", "no socket pair could be made");
	}
	struct ap_link_front *f = g_new0(struct ap_link_front, 1);
	f->outer = outer;
	f->inner = ends[0];
	f->permits = permits;
	f->in = g_byte_array_new();
	f->thread = g_thread_new("link", run, f);
	*ret_front = f;
	*ret_inner = ends[1];
	return AP_SUCCESS;
}

void ap_link_front_free(struct ap_link_front *f)
{
	if (!f)
		return;
	shutdown(f->outer, SHUT_RDWR);
	shutdown(f->inner, SHUT_RDWR);
	g_thread_join(f->thread);
	drop_fds(f);
	close(f->outer);
	close(f->inner);
	g_byte_array_unref(f->in);
	g_free(f);
}
