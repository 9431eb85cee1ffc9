#include "cli/pidfile.h"

#include "cli/instance.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_file(const struct ap_instance *i, int flags)
{
	g_autofree char *path = ap_instance_path(i, "run/serve.pid");
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* Open-file-description locks live as long as the descriptor, over forks and execs of others. */
static bool locks(int fd, int command)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	return fcntl(fd, command, &lock) == 0 && (command == F_OFD_SETLK || lock.l_type == F_UNLCK);
}

/* Field 22 of /proc/<pid>/stat; the command's name before it may hold spaces and brackets. 0: it does not run, be it
 * that nobody has waited for it yet. */
static guint64 start_time(long pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%ld/stat", pid);
	g_autofree char *text = NULL;
	if (!g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	const char *after = strrchr(text, ')');
	g_auto(GStrv) fields = g_strsplit(after ? after + 1 : "", " ", -1);
	bool runs = g_strv_length(fields) > 20 && strcmp(fields[1], "Z") != 0;
	return runs ? g_ascii_strtoull(fields[20], NULL, 10) : 0;
}

struct ap_result ap_pidfile_take(const struct ap_instance *i, int *ret_fd, bool *ret_after_crash)
{
	struct stat before;
	int fd = open_file(i, O_RDWR | O_CREAT);
	if (fd < 0)
		return ap_fail(AP_ERR_IO, "serve-pid", "run/serve.pid cannot be written: `aparte init` makes an instance");
	if (!locks(fd, F_OFD_SETLK)) {
		close(fd);
		return ap_fail(AP_ERR_DENIED, "serve-running", "it already runs");
	}
	char text[64];
	int len = snprintf(text, sizeof text, "%ld %" G_GUINT64_FORMAT "\n", (long)getpid(), start_time(getpid()));
	bool crashed = fstat(fd, &before) == 0 && before.st_size > 0;
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len) {
		close(fd);
		return ap_fail(AP_ERR_IO, "serve-pid", "run/serve.pid cannot be written");
	}
	*ret_fd = fd;
	*ret_after_crash = crashed;
	return AP_SUCCESS;
}

void ap_pidfile_release(int fd)
{
	(void)!ftruncate(fd, 0); /* costs the next start some patience, no more */
	close(fd);
}

bool ap_pidfile_running(const struct ap_instance *i)
{
	int fd = open_file(i, O_RDWR);
	if (fd < 0)
		return false;
	bool running = !locks(fd, F_OFD_GETLK);
	close(fd);
	return running;
}

/* A pidfd of the recorded process, if it still is the one that was recorded. */
static int recorded(int fd)
{
	char text[64] = "";
	if (pread(fd, text, sizeof text - 1, 0) <= 0)
		return -1;
	long pid = strtol(text, NULL, 10);
	const char *start = strchr(text, ' ');
	int process = pid > 1 && start ? pidfd_open((pid_t)pid, 0) : -1;
	if (process >= 0 && start_time(pid) == g_ascii_strtoull(start, NULL, 10))
		return process;
	if (process >= 0)
		close(process);
	return -1;
}

struct ap_result ap_pidfile_stop(const struct ap_instance *i, int timeout_ms)
{
	int fd = open_file(i, O_RDONLY);
	int process = fd >= 0 ? recorded(fd) : -1;
	if (fd >= 0)
		close(fd);
	if (process < 0)
		return ap_fail(AP_ERR_DENIED, "serve-none", "it does not run");
	struct pollfd ended = { .fd = process, .events = POLLIN };
	bool gone = pidfd_send_signal(process, SIGTERM, NULL, 0) == 0 && poll(&ended, 1, timeout_ms) == 1;
	close(process);
	return gone ? AP_SUCCESS : ap_fail(AP_ERR_LIMIT, "serve-stop", "it was told to stop and has not yet");
}
