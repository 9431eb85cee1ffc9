#include "cli/serve_child.h"

#include <aparte/log.h>

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <grp.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS 20000	/* a start that takes longer hangs */
#define FIRST_NICE (-10)
#define STEADY_MS 10000 /* having run this long, the next restart is a first one again */

/* GLib's TLS has no other way to say it: TLS 1.3 alone, in our order of ciphers. Under 1.2 a client could renegotiate as
 * often as it liked at the server's expense, and GLib offers nothing to refuse that. */
#define TLS_PRIORITY                                                                                                   \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM:+CHACHA20-POLY1305:-MAC-ALL:+AEAD:%SERVER_PRECEDENCE"

enum state { IDLE, STARTING, READY, WAITING, STOPPING, ENDED, STATES };
enum event { ON_START, ON_READY, ON_EXIT, ON_TIMER, ON_STOP, EVENTS };
enum action { NOTHING, SPAWN, TELL_READY, BACK_OFF, ASK_STOP, KILL, FINISH };

struct step {
	enum state next;
	enum action action;
};

/* An event that means nothing in a state keeps it: { state, NOTHING }. */
static const struct step steps[STATES][EVENTS] = {
	[IDLE] = { { STARTING, SPAWN }, { IDLE, NOTHING }, { IDLE, NOTHING }, { IDLE, NOTHING }, { ENDED, FINISH } },
	[STARTING] = { { STARTING, NOTHING }, { READY, TELL_READY }, { WAITING, BACK_OFF }, { STARTING, KILL },
		       { STOPPING, ASK_STOP } },
	[READY] = { { READY, NOTHING }, { READY, NOTHING }, { WAITING, BACK_OFF }, { READY, NOTHING },
		    { STOPPING, ASK_STOP } },
	[WAITING] = { { WAITING, NOTHING }, { WAITING, NOTHING }, { WAITING, NOTHING }, { STARTING, SPAWN },
		      { ENDED, FINISH } },
	[STOPPING] = { { STOPPING, NOTHING }, { STOPPING, NOTHING }, { ENDED, FINISH }, { STOPPING, KILL },
		       { STOPPING, NOTHING } },
	[ENDED] = { { ENDED, NOTHING }, { ENDED, NOTHING }, { ENDED, NOTHING }, { ENDED, NOTHING }, { ENDED, NOTHING } },
};

struct ap_child {
	/* borrowed */
	const struct ap_instance *instance;
	const struct ap_child_events *events;
	void *ctx;
	/* state */
	struct ap_child_params params;
	enum state state;
	pid_t pid;
	int control; /* owned; -1 without a process */
	int process; /* owned pidfd; -1 without a process */
	guint control_source, process_source, timer;
	unsigned restarts;
	gint64 started_us;
};

static void happen(struct ap_child *c, enum event event);

unsigned ap_child_backoff_ms(unsigned n)
{
	return n >= 9 ? 30000 : MIN(100u << n, 30000u);
}

struct ap_child *ap_child_new(const struct ap_instance *i, const struct ap_child_params *params,
			      const struct ap_child_events *events, void *ctx)
{
	struct ap_child *c = g_new0(struct ap_child, 1);
	*c = (struct ap_child){ .instance = i, .events = events, .ctx = ctx, .params = *params };
	c->control = c->process = -1;
	return c;
}

static void drop_source(guint *source)
{
	if (*source)
		g_source_remove(*source);
	*source = 0;
}

static void drop_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void forget_process(struct ap_child *c)
{
	drop_source(&c->control_source);
	drop_source(&c->process_source);
	drop_source(&c->timer);
	drop_fd(&c->control);
	drop_fd(&c->process);
	c->pid = 0;
}

void ap_child_free(struct ap_child *c)
{
	if (!c)
		return;
	forget_process(c);
	g_free(c);
}

bool ap_child_alive(const struct ap_child *c)
{
	return c->state == STARTING || c->state == READY;
}

bool ap_child_is_ready(const struct ap_child *c)
{
	return c->state == READY;
}

const char *ap_child_program(const struct ap_child *c)
{
	return c->params.program;
}

void ap_child_send(struct ap_child *c, enum ap_handoff_type type, const char *text, int fd)
{
	AP_IGNORE(ap_handoff_send(c->control, type, text, fd));
}

static gboolean on_timer(gpointer data)
{
	struct ap_child *c = data;
	c->timer = 0;
	happen(c, ON_TIMER);
	return G_SOURCE_REMOVE;
}

static void set_timer(struct ap_child *c, unsigned ms)
{
	drop_source(&c->timer);
	if (ms)
		c->timer = g_timeout_add(ms, on_timer, c);
}

static gboolean on_control(gint fd, GIOCondition condition, gpointer data)
{
	struct ap_child *c = data;
	struct ap_handoff message;
	(void)condition;
	if (!ap_ok(ap_handoff_receive(fd, 0, &message))) {
		c->control_source = 0; /* closed: the process is ending, its pidfd will tell; or it talks nonsense */
		return G_SOURCE_REMOVE;
	}
	if (message.fd >= 0)
		close(message.fd);
	if (message.type == AP_HANDOFF_READY)
		happen(c, ON_READY);
	else if (message.type == AP_HANDOFF_FAILED)
		c->events->failed(c->ctx, c, message.text);
	else if (message.type == AP_HANDOFF_UNLINKED)
		c->events->unlinked(c->ctx, c, message.text);
	return G_SOURCE_CONTINUE;
}

static gboolean on_process_end(gint fd, GIOCondition condition, gpointer data)
{
	struct ap_child *c = data;
	int status = 0;
	(void)fd;
	(void)condition;
	waitpid(c->pid, &status, 0);
	ap_log(c->state == STOPPING ? AP_LOG_INFO : AP_LOG_ERROR, "process_ended", "program=%s exit=%d signal=%d",
	       c->params.program, WIFEXITED(status) ? WEXITSTATUS(status) : -1,
	       WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	c->process_source = 0;
	forget_process(c);
	happen(c, ON_EXIT);
	return G_SOURCE_REMOVE;
}

/* What a process may see of our environment: nothing but where programs are, and a sanitizer's options. TLS_PRIORITY is
 * for the two with an HTTP listener. */
static char **clean_environment(void)
{
	static const char *const kept[] = { "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS",
					    "CREDENTIALS_DIRECTORY" };
	char **env = g_environ_setenv(NULL, "PATH", "/usr/sbin:/usr/bin:/sbin:/bin", TRUE);
	env = g_environ_setenv(env, "LANG", "C.UTF-8", TRUE);
	env = g_environ_setenv(env, "GSETTINGS_BACKEND", "memory", TRUE); /* GIO asks for proxies; nobody here has settings */
	env = g_environ_setenv(env, "G_TLS_GNUTLS_PRIORITY", TLS_PRIORITY, TRUE);
	for (size_t k = 0; k < G_N_ELEMENTS(kept); k++)
		if (g_getenv(kept[k]))
			env = g_environ_setenv(env, kept[k], g_getenv(kept[k]), TRUE);
	return env;
}

/* Before other processes, and as a whole where the kernel divides time by sessions first (sched(7), autogroups). Where
 * this is refused it is one process among others. */
static void come_first(void)
{
	int group = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
	(void)!setpriority(PRIO_PROCESS, 0, FIRST_NICE);
	if (group >= 0) {
		(void)!write(group, G_STRINGIFY(FIRST_NICE), strlen(G_STRINGIFY(FIRST_NICE)));
		close(group);
	}
}

/* In the forked child: only calls that are safe there, up to exec. */
G_NORETURN static void become(const struct ap_child *c, int control, const char *path, char **env, pid_t launcher)
{
	const struct ap_instance_user *user = &c->instance->users[c->params.account];
	char *const argv[] = { (char *)c->params.program, NULL };
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid(); /* Ctrl-C is the launcher's: it stops the processes in order */
	if (c->instance->separate && c->params.first)
		come_first();
	umask(0077);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(126);
	/* control may itself be 3, where dup2 would keep its close-on-exec flag. */
	if (control == AP_HANDOFF_FD ? fcntl(control, F_SETFD, 0) != 0 : dup2(control, AP_HANDOFF_FD) < 0)
		_exit(126);
	if (close_range(AP_HANDOFF_FD + 1, ~0U, 0) != 0)
		_exit(126);
	if (c->instance->separate && (setgroups(0, NULL) || setgid(user->gid) || setuid(user->uid)))
		_exit(126);
	/* After the change of user, which clears it. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != launcher)
		_exit(126);
	execve(path, argv, env);
	_exit(127);
}

static bool fork_process(struct ap_child *c)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	g_autofree char *path = g_build_filename(c->instance->bin, c->params.program, NULL);
	g_auto(GStrv) env = clean_environment();
	pid_t launcher = getpid();
	c->pid = fork();
	if (c->pid == 0)
		become(c, pair[1], path, env, launcher);
	close(pair[1]);
	c->control = pair[0];
	c->process = c->pid > 0 ? pidfd_open(c->pid, 0) : -1;
	return c->process >= 0;
}

static void spawn(struct ap_child *c)
{
	c->started_us = g_get_monotonic_time();
	if (!fork_process(c)) {
		ap_log(AP_LOG_ERROR, "process_not_made", "program=%s errno=%d", c->params.program, errno);
		forget_process(c);
		happen(c, ON_EXIT);
		return;
	}
	c->control_source = g_unix_fd_add(c->control, G_IO_IN | G_IO_HUP, on_control, c);
	c->process_source = g_unix_fd_add(c->process, G_IO_IN, on_process_end, c);
	set_timer(c, READY_MS);
	ap_log(AP_LOG_INFO, "process_started", "program=%s pid=%d", c->params.program, (int)c->pid);
	c->events->spawned(c->ctx, c);
}

static void back_off(struct ap_child *c)
{
	if (g_get_monotonic_time() - c->started_us > STEADY_MS * 1000)
		c->restarts = 0;
	unsigned wait = ap_child_backoff_ms(c->restarts++);
	ap_log(AP_LOG_WARN, "process_restart", "program=%s wait_ms=%u", c->params.program, wait);
	set_timer(c, wait);
}

static void happen(struct ap_child *c, enum event event)
{
	const struct step *step = &steps[c->state][event];
	c->state = step->next;
	switch (step->action) {
	case NOTHING:
		break;
	case SPAWN:
		spawn(c);
		break;
	case TELL_READY:
		set_timer(c, 0);
		c->events->ready(c->ctx, c);
		break;
	case BACK_OFF:
		back_off(c);
		break;
	case ASK_STOP:
		ap_child_send(c, AP_HANDOFF_STOP, NULL, -1);
		set_timer(c, c->params.stop_ms);
		break;
	case KILL:
		ap_log(AP_LOG_ERROR, "process_killed", "program=%s", c->params.program);
		pidfd_send_signal(c->process, SIGKILL, NULL, 0);
		break;
	case FINISH:
		set_timer(c, 0);
		c->events->ended(c->ctx, c);
		break;
	}
}

void ap_child_start(struct ap_child *c)
{
	happen(c, ON_START);
}

void ap_child_stop(struct ap_child *c)
{
	happen(c, ON_STOP);
}
