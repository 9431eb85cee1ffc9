#include "tests/testlib/slow_reader.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define FIRST_US 5000000
#define STEADY_US 400000

static int connect_slowly(unsigned port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static short polled(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLRDHUP};
	(void)!poll(&p, 1, 0);
	return p.revents;
}

static bool run_until(int fd, short events, int64_t us)
{
	for (int64_t end = g_get_monotonic_time() + us; g_get_monotonic_time() < end;) {
		while (g_main_context_iteration(NULL, FALSE))
			;
		if (polled(fd) & events)
			return true;
		g_usleep(2000);
	}
	return false;
}

int slow_reader_begin(unsigned port, const char *path, const char *token)
{
	char first[64];
	int fd = connect_slowly(port);
	g_autofree char *request = g_strdup_printf("GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
						   "Range: bytes=0-\r\n\r\n",
						   path, token);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	assert_true(run_until(fd, POLLIN, FIRST_US));
	assert_int_equal(read(fd, first, sizeof first), sizeof first);
	assert_memory_equal(first, "HTTP/1.1 206", 12);
	assert_false(run_until(fd, POLLHUP | POLLERR | POLLRDHUP, STEADY_US));
	return fd;
}

bool slow_reader_reset_within(int fd, int64_t us)
{
	return run_until(fd, POLLHUP | POLLERR, us);
}

size_t slow_reader_drain(int fd)
{
	char bytes[8192];
	size_t all = 0;
	ssize_t n;
	while ((n = read(fd, bytes, sizeof bytes)) > 0)
		all += (size_t)n;
	assert_int_equal(n, -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
	return all;
}
