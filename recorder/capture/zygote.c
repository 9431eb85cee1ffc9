#include "zygote.h"

#include "capture.h"
#include "composer.h"

#include <aparte/log.h>
#include <aparte/sandbox.h>
#include <dirent.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CHILDREN 4096
#define LEAVE_MS 12000 /* after its vault is gone; closing what is open takes a capture 10 s at most */

struct child {
	pid_t pid;
	uint32_t id;
	bool told; /* its end is reported: the vault that asked for it is still there */
	gint64 kill_at; /* else, g_get_monotonic_time: one that has not ended by then does not want to */
};

struct ap_zygote {
	int signals; /* borrowed */
	int link;    /* -1: none */
	int null_fd;
	bool landlock;
	GArray *children; /* of struct child */
};

struct ap_zygote *ap_zygote_new(int signals)
{
	struct ap_zygote *z = g_new0(struct ap_zygote, 1);
	z->signals = signals;
	z->link = -1;
	z->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	z->landlock = ap_sandbox_landlock_abi() > 0;
	z->children = g_array_new(FALSE, FALSE, sizeof(struct child));
	return z;
}

static void drop_link(struct ap_zygote *z)
{
	if (z->link >= 0)
		close(z->link);
	z->link = -1;
	for (guint i = 0; i < z->children->len; i++) {
		struct child *child = &g_array_index(z->children, struct child, i);
		if (child->told)
			child->kill_at = g_get_monotonic_time() + LEAVE_MS * G_TIME_SPAN_MILLISECOND;
		child->told = false;
	}
}

int ap_zygote_kill_late(struct ap_zygote *z)
{
	gint64 now = g_get_monotonic_time(), next = G_MAXINT64;
	for (guint i = 0; i < z->children->len; i++) {
		const struct child *child = &g_array_index(z->children, struct child, i);
		if (!child->told && now >= child->kill_at)
			kill(child->pid, SIGKILL);
		else if (!child->told)
			next = MIN(next, child->kill_at);
	}
	return next == G_MAXINT64 ? -1 : (int)((next - now) / G_TIME_SPAN_MILLISECOND) + 1;
}

void ap_zygote_free(struct ap_zygote *z)
{
	if (!z)
		return;
	drop_link(z);
	close(z->null_fd);
	g_array_unref(z->children);
	g_free(z);
}

struct ap_result ap_zygote_link(struct ap_zygote *z, int link)
{
	drop_link(z);
	z->link = link;
	const struct ap_capture_message hello = {
		.type = AP_CAPTURE_HELLO,
		.fd = -1,
		.hello = { .landlock_abi = (uint8_t)MIN(ap_sandbox_landlock_abi(), UINT8_MAX), .seccomp = true },
	};
	return ap_capture_send(link, &hello, false);
}

int ap_zygote_link_fd(const struct ap_zygote *z)
{
	return z->link;
}

unsigned ap_zygote_children(const struct ap_zygote *z)
{
	return z->children->len;
}

static void tell_exited(struct ap_zygote *z, uint32_t id, int status)
{
	const struct ap_capture_message m = { .type = AP_CAPTURE_EXITED, .fd = -1, .exited = { id, status } };
	if (z->link >= 0 && !ap_ok(ap_capture_send(z->link, &m, true)))
		drop_link(z);
}

void ap_zygote_on_child(struct ap_zygote *z)
{
	struct signalfd_siginfo info;
	while (read(z->signals, &info, sizeof info) > 0)
		;
	for (guint i = z->children->len; i-- > 0;) {
		struct child child = g_array_index(z->children, struct child, i);
		int status = 0;
		if (waitpid(child.pid, &status, WNOHANG) != child.pid)
			continue;
		g_array_remove_index_fast(z->children, i);
		if (child.told)
			tell_exited(z, child.id, status);
	}
}

/* A fork copies one thread: another one's locks would stay locked in the child for ever. */
static bool has_one_thread(void)
{
	int count = 0;
	DIR *tasks = opendir("/proc/self/task");
	if (!tasks)
		return false;
	for (const struct dirent *e; (e = readdir(tasks));)
		count += e->d_name[0] != '.';
	closedir(tasks);
	return count == 1;
}

static int be_capture(const struct ap_zygote *z, int socket)
{
	if (!ap_ok(ap_capture_confine(socket, z->null_fd, z->landlock)))
		return 1;
	return ap_capture_run(3, z->landlock);
}

static G_NORETURN void become(const struct ap_zygote *z, enum ap_capture_type order, int socket, pid_t zygote)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* None without its zygote: nobody else could kill it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != zygote)
		_exit(1);
	_exit(order == AP_CAPTURE_COMPOSE ? ap_composer_run(socket, z->null_fd, z->landlock) : be_capture(z, socket));
}

static void spawn(struct ap_zygote *z, enum ap_capture_type order, uint32_t id, int socket)
{
	pid_t self = getpid(), pid = -1;
	if (z->children->len < MAX_CHILDREN && has_one_thread())
		pid = fork();
	if (pid == 0)
		become(z, order, socket, self);
	if (pid < 0) {
		ap_log(AP_LOG_ERROR, "capture_fork", "id=%u", id);
		tell_exited(z, id, W_EXITCODE(1, 0));
		return;
	}
	const struct child child = { pid, id, true, 0 };
	g_array_append_val(z->children, child);
	ap_log(AP_LOG_INFO, order == AP_CAPTURE_COMPOSE ? "composer_started" : "capture_started", "id=%u pid=%d", id, (int)pid);
}

static void kill_child(struct ap_zygote *z, uint32_t id)
{
	for (guint i = 0; i < z->children->len; i++) {
		const struct child *child = &g_array_index(z->children, struct child, i);
		if (child->told && child->id == id)
			kill(child->pid, SIGKILL);
	}
}

void ap_zygote_on_link(struct ap_zygote *z)
{
	struct ap_capture_message m;
	struct ap_result result = ap_capture_receive(z->link, false, &m);
	if (result.err == AP_ERR_LIMIT)
		return;
	bool known = ap_ok(result) &&
		     (m.type == AP_CAPTURE_SPAWN || m.type == AP_CAPTURE_COMPOSE || m.type == AP_CAPTURE_KILL);
	if (!known) {
		ap_log(AP_LOG_WARN, "vault_link_lost", "reason=%s", ap_ok(result) ? "order" : result.name);
		if (ap_ok(result) && m.fd >= 0)
			close(m.fd);
		drop_link(z);
		return;
	}
	if (m.type == AP_CAPTURE_KILL)
		kill_child(z, m.spawn_id);
	else
		spawn(z, m.type, m.spawn_id, m.fd);
	if (m.fd >= 0)
		close(m.fd);
}
