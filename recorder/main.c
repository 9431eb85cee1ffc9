/*
 * aparte-recorder, the vault: equipped by the launcher over descriptor 3 (include/aparte/handoff.h). Secrets and
 * databases are opened first, then the file system is closed but for what the vault keeps, then come the gate thread,
 * the staff side, and the first byte from outside. `aparte-recorder restore` is the exception: run by `aparte restore`.
 */
#include "recorder/backup/restore_main.h"
#include "recorder/core.h"
#include "recorder/api/staff.h"
#include "recorder/proof/proof.h"

#include <aparte/handoff.h>
#include <aparte/log.h>
#include <aparte/sandbox.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct process {
	/* owned */
	struct ap_config *config;
	struct ap_vault *vault;
	struct ap_core *core;
	struct ap_staff *staff;
	GMainLoop *loop;
	char *home, *web;
	/* state */
	uid_t operator_uid;
	unsigned link_number;
	int http, admin, link, zygote; /* -1: not handed over, or handed on */
	int certificate, key;	       /* -1 without TLS, or read */
};

/* "home=…\nweb=…\n": one value a line; NULL when absent. */
static char *value_of(const char *text, const char *name)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++)
		if (g_str_has_prefix(*line, name) && (*line)[strlen(name)] == '=')
			return g_strdup(*line + strlen(name) + 1);
	return NULL;
}

static struct ap_result configure(struct process *p, const struct ap_handoff *message)
{
	char *where = NULL;
	g_autofree char *uid = value_of(message->text, "admin_uid");
	struct ap_result r = ap_config_load_fd(message->fd, &p->config, &where);
	g_free(where);
	close(message->fd);
	p->home = value_of(message->text, "home");
	p->web = value_of(message->text, "web");
	p->operator_uid = uid ? (uid_t)g_ascii_strtoull(uid, NULL, 10) : (uid_t)-1;
	if (ap_ok(r) && !p->home)
		return ap_fail(AP_ERR_PROTOCOL, "handoff", "the launcher named no home");
	return r;
}

/* Keeps a handed descriptor; an older one that was not handed on is closed. */
static void keep(int *slot, int fd)
{
	if (*slot >= 0)
		close(*slot);
	*slot = fd;
}

static struct ap_result take(struct process *p, const struct ap_handoff *message)
{
	switch (message->type) {
	case AP_HANDOFF_CONFIG:
		return configure(p, message);
	case AP_HANDOFF_LINK:
		keep(&p->link, message->fd);
		p->link_number = (unsigned)g_ascii_strtoull(message->text, NULL, 10);
		return AP_SUCCESS;
	case AP_HANDOFF_ZYGOTE:
		keep(&p->zygote, message->fd);
		return AP_SUCCESS;
	case AP_HANDOFF_ADMIN:
		keep(&p->admin, message->fd);
		return AP_SUCCESS;
	case AP_HANDOFF_HTTP:
		keep(&p->http, message->fd);
		return AP_SUCCESS;
	case AP_HANDOFF_CERTIFICATE:
		keep(&p->certificate, message->fd);
		return AP_SUCCESS;
	case AP_HANDOFF_KEY:
		keep(&p->key, message->fd);
		return AP_SUCCESS;
	default:
		return ap_fail(AP_ERR_PROTOCOL, "handoff", "the launcher sent something unknown");
	}
}

static struct ap_result receive_equipment(struct process *p)
{
	struct ap_handoff message;
	for (;;) {
		AP_TRY(ap_handoff_receive(AP_HANDOFF_FD, -1, &message));
		if (message.type == AP_HANDOFF_GO)
			return p->config ? AP_SUCCESS : ap_fail(AP_ERR_PROTOCOL, "handoff", "no configuration came");
		AP_TRY(take(p, &message));
	}
}

/* A directory that the configuration names, absolute; g_free. */
static char *configured(const struct process *p, const char *key)
{
	const char *path = ap_config_text(p->config, key);
	return *path ? g_canonicalize_filename(path, p->home) : g_strdup("/nonexistent");
}

/* From here on only the instance, the pages and the system's libraries and settings can be reached. */
static void confine(struct process *p)
{
	g_autofree char *vault = g_build_filename(p->home, "vault", NULL);
	g_autofree char *recordings = g_build_filename(p->home, "recordings", NULL);
	g_autofree char *backup = configured(p, "backup.directory"), *journal = configured(p, "backup.journal");
	const struct ap_sandbox_path paths[] = {
		{ backup, AP_SANDBOX_WRITE, true },
		{ journal, AP_SANDBOX_WRITE, true },
		{ vault, AP_SANDBOX_WRITE, false },
		{ recordings, AP_SANDBOX_WRITE, false },
		{ p->web ? p->web : "/nonexistent", AP_SANDBOX_READ, true },
		{ "/usr", AP_SANDBOX_EXECUTE, true },
		{ "/lib", AP_SANDBOX_EXECUTE, true },
		{ "/lib64", AP_SANDBOX_EXECUTE, true },
		{ "/etc", AP_SANDBOX_READ, true },
		{ "/proc", AP_SANDBOX_READ, true },
		{ "/run/systemd/resolve", AP_SANDBOX_READ, true },
		{ "/dev/null", AP_SANDBOX_WRITE, true },
		{ "/dev/urandom", AP_SANDBOX_READ, true },
	};
	const struct ap_sandbox_rules rules = { paths, G_N_ELEMENTS(paths), .network = true, .signals = true };
	struct ap_result r = ap_sandbox_no_new_privs();
	if (ap_ok(r))
		r = ap_sandbox_landlock(&rules, NULL);
	if (!ap_ok(r)) /* the vault trusts itself; it is the captures that must not run unconfined */
		ap_log(AP_LOG_WARN, "unconfined", "reason=%s", r.name);
}

static enum ap_log_level level_of(const struct ap_config *config)
{
	static const char *const words[] = { "error", "warn", "info", "debug" };
	for (int i = 0; i < (int)G_N_ELEMENTS(words); i++)
		if (strcmp(words[i], ap_config_text(config, "log.level")) == 0)
			return (enum ap_log_level)i;
	return AP_LOG_INFO;
}

static struct ap_result open_vault(struct process *p)
{
	struct ap_vault_setup setup = { .config = p->config, .clock = ap_clock_system(), .home = p->home, .web = p->web };
	ap_log_init("vault", level_of(p->config));
#ifdef AP_TEST_CLOCK
	g_autofree char *test_clock = g_build_filename(p->home, "vault", "test-clock", NULL);
	ap_clock_test_file(test_clock);
#endif
	return ap_vault_open(&setup, &p->vault);
}

static void hand_on(struct process *p)
{
	if (p->link >= 0)
		ap_core_set_link(p->core, p->link, p->link_number);
	if (p->zygote >= 0)
		ap_core_set_zygote(p->core, p->zygote);
	p->link = p->zygote = -1;
}

/* Only the launcher can give us and the gateway another. */
static void on_link_over(unsigned number)
{
	g_autofree char *text = g_strdup_printf("%u", number);
	AP_IGNORE(ap_handoff_send(AP_HANDOFF_FD, AP_HANDOFF_UNLINKED, text, -1)); /* a launcher that is gone shows as EOF */
}

static struct ap_result serve(struct process *p)
{
	struct ap_staff_sockets sockets = { .http = p->http,
					    .admin = p->admin,
					    .certificate = p->certificate,
					    .key = p->key,
					    .operator_uid = p->operator_uid };
	ap_proof_start(p->vault);
	AP_TRY(ap_core_start(p->vault, &p->core));
	ap_core_on_link_over(p->core, on_link_over);
	AP_TRY(ap_staff_start(p->vault, &sockets, &p->staff));
	keep(&p->certificate, -1);
	keep(&p->key, -1);
	hand_on(p);
	return ap_handoff_send(AP_HANDOFF_FD, AP_HANDOFF_READY, "", -1);
}

static gboolean on_launcher(int fd, GIOCondition condition, void *data)
{
	struct process *p = data;
	struct ap_handoff message;
	(void)condition;
	if (!ap_ok(ap_handoff_receive(fd, 0, &message)) || message.type == AP_HANDOFF_STOP) {
		g_main_loop_quit(p->loop);
		return G_SOURCE_REMOVE;
	}
	if (message.type == AP_HANDOFF_LINK || message.type == AP_HANDOFF_ZYGOTE)
		AP_IGNORE(take(p, &message)); /* these two cannot fail */
	else if (message.fd >= 0)
		close(message.fd);
	hand_on(p);
	return G_SOURCE_CONTINUE;
}

static gboolean on_term(void *data)
{
	struct process *p = data;
	g_main_loop_quit(p->loop);
	return G_SOURCE_CONTINUE;
}

static struct ap_result run(struct process *p)
{
	AP_TRY(ap_secret_init());
	AP_TRY(receive_equipment(p));
	AP_TRY(open_vault(p));
	confine(p);
	p->loop = g_main_loop_new(NULL, FALSE);
	g_unix_signal_add(SIGTERM, on_term, p);
	g_unix_signal_add(SIGINT, on_term, p);
	AP_TRY(serve(p));
	g_unix_fd_add(AP_HANDOFF_FD, G_IO_IN | G_IO_HUP, on_launcher, p);
	g_main_loop_run(p->loop);
	return AP_SUCCESS;
}

/* Gates first: what is recorded is sealed before anything else ends. */
static void clear(struct process *p)
{
	ap_core_stop(p->core);
	ap_staff_stop(p->staff);
	ap_vault_free(p->vault);
	ap_config_free(p->config);
	if (p->loop)
		g_main_loop_unref(p->loop);
	g_free(p->home);
	g_free(p->web);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "restore") == 0)
		return ap_restore_main(argc - 1, argv + 1);
	struct process p = { .http = -1, .admin = -1, .link = -1, .zygote = -1, .certificate = -1, .key = -1,
			     .operator_uid = (uid_t)-1 };
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	struct ap_result r = run(&p);
	if (!ap_ok(r)) {
		g_autofree char *why = g_strconcat(r.name, ": ", r.detail, NULL);
		ap_log(AP_LOG_ERROR, "vault_failed", "reason=%s advice=%s", r.name, r.detail);
		AP_IGNORE(ap_handoff_send(AP_HANDOFF_FD, AP_HANDOFF_FAILED, why, -1)); /* the exit status says it too */
	}
	clear(&p);
	return ap_ok(r) ? EXIT_SUCCESS : EXIT_FAILURE;
}
