#include "confined_child.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WAIT_MS 20000

void child_say(int socket, const struct ap_capture_message *m)
{
	struct ap_result r = ap_capture_send(socket, m, true);
	if (!ap_ok(r))
		fail_msg("%s: %s", r.name, r.detail);
}

bool child_await(int socket, enum ap_capture_type type, struct ap_capture_message *ret_m)
{
	int64_t until = g_get_monotonic_time() + WAIT_MS * 1000;
	while (g_get_monotonic_time() < until) {
		struct pollfd wait = {.fd = socket, .events = POLLIN};
		struct ap_result r = poll(&wait, 1, 100) > 0 ? ap_capture_receive(socket, false, ret_m) :
							       ap_fail(AP_ERR_LIMIT, "", "");
		if (r.err == AP_ERR_IO)
			return false;
		if (ap_ok(r) && ret_m->type == type)
			return true;
	}
	fail_msg("no message of type %d came", type);
	return false;
}

void child_await_exit(const struct test_zygote *zygote, uint32_t spawn_id)
{
	struct ap_capture_message m;
	do
		assert_true(child_await(zygote->link, AP_CAPTURE_EXITED, &m));
	while (m.exited.id != spawn_id);
}

pid_t child_newest(const struct test_zygote *zygote)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/children", (int)zygote->pid, (int)zygote->pid);
	g_autofree char *text = NULL;
	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_auto(GStrv) pids = g_strsplit(g_strstrip(text), " ", -1);
	return (pid_t)strtol(pids[g_strv_length(pids) - 1], NULL, 10);
}

bool child_file_has(pid_t pid, const char *name, const char *text)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/%s", (int)pid, name), *contents = NULL;
	return g_file_get_contents(path, &contents, NULL, NULL) && strstr(contents, text);
}

static uint32_t attempt(int socket, enum ap_capture_hook what)
{
	struct ap_capture_message m = {.type = AP_CAPTURE_HOOK, .fd = -1, .hook = {what, 0}};
	child_say(socket, &m);
	assert_true(child_await(socket, AP_CAPTURE_HOOK, &m));
	return m.hook.value;
}

void child_is_confined(int socket, pid_t pid)
{
	assert_true(child_file_has(pid, "status", "NoNewPrivs:\t1"));
	assert_true(child_file_has(pid, "status", "Seccomp:\t2"));
	assert_int_equal(attempt(socket, AP_HOOK_OPEN), EPERM);
	assert_int_equal(attempt(socket, AP_HOOK_SOCKET), EPERM);
	assert_int_equal(attempt(socket, AP_HOOK_PTRACE), EPERM);
	assert_int_equal(attempt(socket, AP_HOOK_EXEC), EPERM);
	assert_int_equal(attempt(socket, AP_HOOK_FORK), EPERM);
}

void child_owns_no_more(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/fd", (int)pid);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	if (!dir) {
		print_message("skipped: /proc/<pid>/fd of an undumpable process is root's to read\n");
		skip();
	}
	for (const char *name; (name = g_dir_read_name(dir));) {
		g_autofree char *link = g_build_filename(path, name, NULL), *to = g_file_read_link(link, NULL);
		long fd = strtol(name, NULL, 10);
		assert_true(fd < 3 ? g_str_equal(to, "/dev/null") : fd == 3 && g_str_has_prefix(to, "socket:"));
	}
}
