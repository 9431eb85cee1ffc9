#include "capture_zygote.h"

#include <aparte/handoff.h>
#include <glib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void become_capture(int control)
{
	dup2(control, AP_HANDOFF_FD);
	for (int fd = AP_HANDOFF_FD + 1; fd < 256; fd++)
		close(fd);
	execl(AP_CAPTURE_BIN, "aparte-capture", NULL);
	_exit(127);
}

static void must(struct ap_result r)
{
	if (!ap_ok(r))
		g_error("%s: %s", r.name, r.detail);
}

struct test_zygote test_zygote_start(void)
{
	int control[2], link[2];
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control), ==, 0);
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link), ==, 0);
	struct test_zygote z = { .pid = fork(), .control = control[0], .link = link[0] };
	if (z.pid == 0)
		become_capture(control[1]);
	close(control[1]);
	must(ap_handoff_send(z.control, AP_HANDOFF_CONFIG, "", -1));
	must(ap_handoff_send(z.control, AP_HANDOFF_ZYGOTE, "", link[1]));
	must(ap_handoff_send(z.control, AP_HANDOFF_GO, "", -1));
	close(link[1]);
	struct ap_handoff m;
	must(ap_handoff_receive(z.control, 10000, &m));
	g_assert_cmpint(m.type, ==, AP_HANDOFF_READY);
	return z;
}

int test_zygote_stop(struct test_zygote *z)
{
	int status = -1;
	AP_IGNORE(ap_handoff_send(z->control, AP_HANDOFF_STOP, "", -1)); /* it may be dead, as the test wants it */
	waitpid(z->pid, &status, 0);
	close(z->control);
	return status;
}
