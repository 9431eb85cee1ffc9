#include "cli/serve.h"

#include "cli/commands.h"
#include "cli/pidfile.h"
#include "cli/serve_config.h"
#include "cli/serve_tls.h"

#include <aparte/log.h>

#include <errno.h>
#include <fcntl.h>
#include <libsoup/soup.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DETACH_MS 30000
#define STOP_MS 40000 /* more than all processes together may take */
#define LOG_TAIL 25   /* lines */

struct serve_options {
	char *home; /* owned */
	gboolean detach, stop, demo;
};

struct starter {
	const struct ap_instance *instance; /* borrowed */
	const struct ap_config *config;	    /* borrowed */
	gboolean demo;
	int notify; /* owned: tells the waiting parent; -1 in the foreground */
};

/* The detached launcher leaves the demo to its parent, which has the terminal. */
static void tell_ready(void *ctx)
{
	struct starter *starter = ctx;
	g_autofree char *gateway = ap_serve_config_url(starter->config, "gateway");
	g_autofree char *vault = ap_serve_config_url(starter->config, "vault");
	ap_log(AP_LOG_INFO, "serving", "gateway=%s vault=%s", gateway, vault);
	if (starter->notify >= 0) {
		(void)!write(starter->notify, "R", 1);
		close(starter->notify);
		starter->notify = -1;
	} else if (starter->demo) {
		g_autofree char *self = g_build_filename(starter->instance->bin, "aparte", NULL);
		char *argv[] = { self, (char *)"demo", (char *)"--home", starter->instance->home, NULL };
		if (!g_spawn_async(NULL, argv, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL, NULL))
			ap_log(AP_LOG_ERROR, "demo_failed", "command=demo");
	}
}

static struct ap_result run_here(const struct ap_instance *i, const struct ap_config *config, gboolean demo, int notify)
{
	struct starter starter = { .instance = i, .config = config, .demo = demo, .notify = notify };
	int pidfile = -1;
	bool after_crash;
	AP_TRY(ap_pidfile_take(i, &pidfile, &after_crash));
	struct ap_result r = ap_serve_run(i, config, after_crash, tell_ready, &starter);
	ap_pidfile_release(pidfile);
	return r;
}

static bool answers_ready(SoupSession *session, const struct ap_instance *i, const struct ap_config *config,
			  const char *section)
{
	g_autofree char *base = ap_serve_config_near_url(config, section);
	g_autofree char *url = g_strconcat(base, "/readyz", NULL);
	g_autoptr(SoupMessage) message = soup_message_new("GET", url);
	if (!message)
		return false;
	ap_serve_tls_expect_own(i, config, section, message);
	g_autoptr(GBytes) body = soup_session_send_and_read(session, message, NULL, NULL);
	return body && soup_message_get_status(message) == SOUP_STATUS_OK;
}

static bool both_answer(const struct ap_instance *i, const struct ap_config *config, gint64 deadline_us)
{
	g_autoptr(SoupSession) session = soup_session_new_with_options("timeout", 2u, NULL);
	do {
		if (answers_ready(session, i, config, "gateway") && answers_ready(session, i, config, "vault"))
			return true;
		g_usleep(50000);
	} while (g_get_monotonic_time() < deadline_us);
	return false;
}

static void print_log_tail(const struct ap_instance *i)
{
	g_autofree char *path = ap_instance_path(i, "run/aparte.log");
	g_autofree char *text = NULL;
	if (!g_file_get_contents(path, &text, NULL, NULL))
		return;
	g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);
	guint count = g_strv_length(lines);
	g_printerr("The last lines of %s:\n", path);
	for (guint l = count > LOG_TAIL ? count - LOG_TAIL : 0; l < count; l++)
		g_printerr("%s\n", lines[l]);
}

/* stdin from nowhere, stdout and stderr to the log. */
static bool redirect(const struct ap_instance *i)
{
	g_autofree char *path = ap_instance_path(i, "run/aparte.log");
	int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	bool done = log >= 0 && null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(log, STDOUT_FILENO) >= 0 &&
		    dup2(log, STDERR_FILENO) >= 0;
	if (log > STDERR_FILENO)
		close(log);
	if (null > STDERR_FILENO)
		close(null);
	return done;
}

G_NORETURN static void run_detached(const struct ap_instance *i, const struct ap_config *config, int notify)
{
	setsid();
	if (!redirect(i))
		_exit(AP_EXIT_FAILED);
	struct ap_result r = run_here(i, config, FALSE, notify);
	if (!ap_ok(r))
		ap_log(AP_LOG_ERROR, "serve_failed", "why=\"%s\"", r.detail);
	_exit(ap_ok(r) ? AP_EXIT_OK : AP_EXIT_FAILED);
}

static struct ap_result run_in_background(const struct ap_instance *i, const struct ap_config *config)
{
	gint64 deadline_us = g_get_monotonic_time() + DETACH_MS * 1000;
	int notify[2];
	if (pipe2(notify, O_CLOEXEC) != 0)
		return ap_fail(AP_ERR_IO, "serve-detach", "no pipe could be made");
	pid_t child = fork();
	if (child == 0) {
		close(notify[0]);
		run_detached(i, config, notify[1]);
	}
	close(notify[1]);
	struct pollfd wait = { .fd = notify[0], .events = POLLIN };
	char word = 0;
	bool ready = child > 0 && poll(&wait, 1, DETACH_MS) == 1 && read(notify[0], &word, 1) == 1 &&
		     both_answer(i, config, deadline_us);
	close(notify[0]);
	if (ready)
		return AP_SUCCESS;
	print_log_tail(i);
	AP_IGNORE(ap_pidfile_stop(i, STOP_MS)); /* it may never have come up */
	return ap_fail(AP_ERR_IO, "serve-detach", "it did not become ready");
}

static int stop_running(const struct ap_instance *i)
{
	struct ap_result r = ap_pidfile_stop(i, STOP_MS);
	if (ap_ok(r))
		g_print("Stopped.\n");
	else
		g_printerr("aparte serve: %s\n", r.detail);
	return ap_ok(r) || strcmp(r.name, "serve-none") == 0 ? AP_EXIT_OK : AP_EXIT_FAILED;
}

static int run_demo(const struct ap_instance *i)
{
	char *argv[] = { (char *)"demo", (char *)"--home", i->home, NULL };
	return ap_cmd_demo(3, argv);
}

/* One that was killed a moment ago holds its file until it is gone. */
static bool runs_already(const struct ap_instance *i)
{
	bool running = true;
	for (int tries = 0; tries < 20 && (running = ap_pidfile_running(i)); tries++)
		g_usleep(50000);
	return running;
}

static int start(const struct ap_instance *i, const struct serve_options *options)
{
	struct ap_config *config = NULL;
	if (runs_already(i)) {
		g_print("It already runs in %s; --stop ends it.\n", i->home);
		return AP_EXIT_OK;
	}
	struct ap_result r = ap_serve_config_load(i, &config);
	if (ap_ok(r))
		r = ap_serve_tls_check(i, config, "gateway");
	if (ap_ok(r))
		r = ap_serve_tls_check(i, config, "vault");
	if (ap_ok(r) && !i->separate)
		g_print("Not started as root: all processes run as you; separation by Unix users is off.\n");
	if (ap_ok(r))
		r = options->detach ? run_in_background(i, config) : run_here(i, config, options->demo, -1);
	ap_config_free(config);
	if (!ap_ok(r)) {
		g_printerr("aparte serve: %s\n", r.detail);
		return AP_EXIT_FAILED;
	}
	return options->detach && options->demo ? run_demo(i) : AP_EXIT_OK;
}

static bool parse(int argc, char **argv, struct serve_options *ret_options)
{
	const GOptionEntry entries[] = {
		{ "home", 0, 0, G_OPTION_ARG_FILENAME, &ret_options->home, "the instance's directory", "DIR" },
		{ "detach", 0, 0, G_OPTION_ARG_NONE, &ret_options->detach, "return once both listeners answer", NULL },
		{ "stop", 0, 0, G_OPTION_ARG_NONE, &ret_options->stop, "end the one that runs", NULL },
		{ "demo", 0, 0, G_OPTION_ARG_NONE, &ret_options->demo, "then make a demo session and logins", NULL },
		G_OPTION_ENTRY_NULL
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- run gateway, vault and capture");
	g_option_context_add_main_entries(context, entries, NULL);
	g_autoptr(GError) error = NULL;
	if (g_option_context_parse(context, &argc, &argv, &error) && argc == 1)
		return true;
	g_printerr("aparte serve: %s\n", error ? error->message : "no further words are expected");
	return false;
}

int ap_cmd_serve(int argc, char **argv)
{
	struct serve_options options = { 0 };
	struct ap_instance *instance = NULL;
	int status = AP_EXIT_USAGE;
	if (parse(argc, argv, &options)) {
		ap_log_init("serve", AP_LOG_INFO);
		struct ap_result r = ap_instance_open(options.home, false, &instance);
		if (ap_ok(r))
			status = options.stop ? stop_running(instance) : start(instance, &options);
		else {
			g_printerr("aparte serve: %s\n", r.detail);
			status = AP_EXIT_FAILED;
		}
	}
	ap_instance_free(instance);
	g_free(options.home);
	return status;
}
