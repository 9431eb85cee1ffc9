/*
 * For the targets of messages that carry descriptors: one socket pair for all runs, datagrams with any number of
 * descriptors, and whether one was left open.
 */
#pragma once

#include <fcntl.h>
#include <glib.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_FDS 10

struct link {
	int ends[2];
	int idle; /* what is sent along, again and again */
};

static inline const struct link *the_link(void)
{
	static struct link l;
	if (l.idle > 0)
		return &l;
	g_assert_true(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, l.ends) == 0);
	l.idle = open("/dev/null", O_RDONLY | O_CLOEXEC);
	g_assert_true(l.idle > 0);
	return &l;
}

static inline void send_raw(const struct link *l, const uint8_t *bytes, size_t len, unsigned fds)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(MOST_FDS * sizeof(int))];
	} control = { 0 };
	struct iovec part = { (void *)bytes, len };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	if (fds > 0) {
		message.msg_control = control.space;
		message.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		control.header = (struct cmsghdr){ CMSG_LEN(fds * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		for (unsigned i = 0; i < fds; i++)
			((int *)CMSG_DATA(&control.header))[i] = l->idle;
	}
	g_assert_true(sendmsg(l->ends[0], &message, MSG_NOSIGNAL) == (ssize_t)len);
}

/* The lowest free number: another than before when one more is open. */
static inline int lowest_free(const struct link *l)
{
	int fd = dup(l->idle);
	close(fd);
	return fd;
}
