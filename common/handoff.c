#include <aparte/buf.h>
#include <aparte/handoff.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union fd_control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

struct ap_result ap_handoff_send(int socket, enum ap_handoff_type type, const char *text, int fd)
{
	char byte = (char)type;
	struct iovec parts[] = { { &byte, 1 }, { (void *)text, text ? strlen(text) : 0 } };
	union fd_control control = { 0 };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	if (parts[1].iov_len >= AP_HANDOFF_TEXT)
		return ap_fail(AP_ERR_LIMIT, "handoff-size", "the message is too long");
	if (fd >= 0) {
		message.msg_control = control.space;
		message.msg_controllen = sizeof control.space;
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof fd);
		ap_copy(CMSG_DATA(header), sizeof fd, &fd, sizeof fd);
	}
	if (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return ap_fail(AP_ERR_IO, "handoff-send", "the other process does not listen any more");
	return AP_SUCCESS;
}

/* Room for more than the one that a message may bring: what came too much is seen, and closed. */
#define MAX_FDS 8

union fds_control {
	struct cmsghdr header;
	char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
};

/* Gives the first descriptor, or -1; closes all others, and returns how many came. */
static size_t take_fds(struct msghdr *message, int *ret_fd)
{
	size_t count = 0;
	*ret_fd = -1;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h; h = CMSG_NXTHDR(message, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (h->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			int fd = -1;
			ap_copy(&fd, sizeof fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
			if (count++ == 0)
				*ret_fd = fd;
			else
				close(fd);
		}
	}
	return count;
}

/* A whole text without a NUL inside, and one descriptor at most. */
static bool is_whole(const struct msghdr *message, const char *text, size_t len, size_t fds)
{
	return !(message->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && fds <= 1 && !memchr(text, '\0', len);
}

struct ap_result ap_handoff_receive(int socket, int timeout_ms, struct ap_handoff *ret_message)
{
	struct pollfd wait = { .fd = socket, .events = POLLIN };
	int ready;
	do
		ready = poll(&wait, 1, timeout_ms);
	while (ready < 0 && errno == EINTR);
	if (ready == 0)
		return ap_fail(AP_ERR_LIMIT, "handoff-timeout", "nothing came in time");

	char byte = 0;
	struct iovec parts[] = { { &byte, 1 }, { ret_message->text, AP_HANDOFF_TEXT - 1 } };
	union fds_control control;
	struct msghdr message = { .msg_iov = parts,
				  .msg_iovlen = 2,
				  .msg_control = control.space,
				  .msg_controllen = sizeof control.space };
	ssize_t n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return ap_fail(AP_ERR_IO, "handoff-eof", "the other process is gone");
	int fd;
	size_t fds = take_fds(&message, &fd);
	if (!is_whole(&message, ret_message->text, (size_t)n - 1, fds)) {
		if (fd >= 0)
			close(fd);
		return ap_fail(AP_ERR_PROTOCOL, "handoff-message", "the other process does not keep to the protocol");
	}
	ret_message->type = (enum ap_handoff_type)byte;
	ret_message->text[n - 1] = '\0';
	ret_message->fd = fd;
	return AP_SUCCESS;
}
