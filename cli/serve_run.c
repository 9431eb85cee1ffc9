#include "cli/serve.h"

#include "cli/serve_child.h"
#include "cli/serve_config.h"
#include "cli/serve_sockets.h"
#include "cli/serve_tls.h"

#include <aparte/log.h>

#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define LEFTOVERS_MS 20000 /* more than a vault takes to seal and end */
#define STEADY_MS 10000	   /* a link that held this long was a good one: the next wait is the shortest again */

/* In the order in which they are started. */
enum process { VAULT, ZYGOTE, GATEWAY, PROCESSES };

static const struct ap_child_params programs[PROCESSES] = {
	[VAULT] = { "aparte-recorder", AP_ACCOUNT_VAULT, 15000, false },
	[ZYGOTE] = { "aparte-capture", AP_ACCOUNT_CAPTURE, 5000, false },
	[GATEWAY] = { "aparte-gateway", AP_ACCOUNT_GATEWAY, 5000, true },
};

/* The vault seals its captures while the zygote still lives. */
static const enum process stop_order[] = { GATEWAY, VAULT, ZYGOTE };

enum { LINK, CAPTURES, CHANNELS };

/* A pair of sockets between two processes, made anew whenever one of them is. */
struct channel {
	enum ap_handoff_type type;
	int socket_type;
	enum process ends[2];
	int pending[2]; /* owned: the end of a process that does not run yet; -1 without */
	unsigned number; /* of the present pair, from 1 */
	gint64 made_us;
};

struct serve {
	/* borrowed */
	const struct ap_instance *instance;
	const struct ap_config *settings;
	void (*ready)(void *ctx);
	void *ctx;
	/* owned */
	GMainLoop *loop;
	struct ap_child *children[PROCESSES];
	int config, admin, http[PROCESSES]; /* descriptors; -1 without */
	char *greeting;			    /* text of CONFIG */
	/* state */
	struct channel channels[CHANNELS];
	guint relink;	   /* timer: a link was lost, another is due */
	unsigned relinks;  /* in a row */
	unsigned lost;	   /* number of the link that was */
	bool was_ready;
	size_t stopping; /* index in stop_order + 1; 0 while serving */
	struct ap_result verdict;
};

static enum process process_of(const struct serve *s, const struct ap_child *child)
{
	for (int p = 0; p < PROCESSES; p++)
		if (s->children[p] == child)
			return (enum process)p;
	g_assert_not_reached();
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void hand_over(struct serve *s, enum process to, enum ap_handoff_type type, int fd)
{
	ap_child_send(s->children[to], type, NULL, fd);
}

static void hand_over_end(struct serve *s, const struct channel *channel, int side)
{
	char number[16];
	g_snprintf(number, sizeof number, "%u", channel->number);
	ap_child_send(s->children[channel->ends[side]], channel->type, number, channel->pending[side]);
}

/* Gives `side` of the channel its end: the one that waits for it, or one of a new pair, whose other end goes to the
 * other process now or when that one runs. */
static void connect_channel(struct serve *s, struct channel *channel, int side)
{
	int other = 1 - side;
	int pair[2];
	if (channel->pending[side] < 0) {
		if (socketpair(AF_UNIX, channel->socket_type | SOCK_CLOEXEC, 0, pair) != 0)
			return;
		close_fd(&channel->pending[other]);
		channel->pending[side] = pair[0];
		channel->pending[other] = pair[1];
		channel->number++;
		channel->made_us = g_get_monotonic_time();
		if (ap_child_alive(s->children[channel->ends[other]])) {
			hand_over_end(s, channel, other);
			close_fd(&channel->pending[other]);
		}
	}
	hand_over_end(s, channel, side);
	close_fd(&channel->pending[side]);
}

/* Opened anew for each start, so that a renewed certificate is in use after one. */
static void hand_over_listener(struct serve *s, enum process p)
{
	int certificate = -1, key = -1;
	struct ap_result r = ap_serve_tls_open(s->instance, s->settings, p == GATEWAY ? "gateway" : "vault", &certificate, &key);
	if (!ap_ok(r)) /* the process, which was told of one, will not start without */
		ap_log(AP_LOG_ERROR, "certificate_unreadable", "program=%s", ap_child_program(s->children[p]));
	hand_over(s, p, AP_HANDOFF_HTTP, s->http[p]);
	if (certificate >= 0)
		hand_over(s, p, AP_HANDOFF_CERTIFICATE, certificate);
	if (key >= 0)
		hand_over(s, p, AP_HANDOFF_KEY, key);
	close_fd(&certificate);
	close_fd(&key);
}

static void on_spawned(void *ctx, struct ap_child *child)
{
	struct serve *s = ctx;
	enum process p = process_of(s, child);
	ap_child_send(child, AP_HANDOFF_CONFIG, s->greeting, s->config);
	if (s->http[p] >= 0)
		hand_over_listener(s, p);
	if (p == VAULT)
		hand_over(s, p, AP_HANDOFF_ADMIN, s->admin);
	for (size_t c = 0; c < CHANNELS; c++)
		for (int side = 0; side < 2; side++)
			if (s->channels[c].ends[side] == p)
				connect_channel(s, &s->channels[c], side);
	hand_over(s, p, AP_HANDOFF_GO, -1);
}

static void on_ready(void *ctx, struct ap_child *child)
{
	struct serve *s = ctx;
	ap_log(AP_LOG_INFO, "process_ready", "program=%s", ap_child_program(child));
	for (int p = 0; p < PROCESSES; p++)
		if (!ap_child_is_ready(s->children[p]))
			return;
	if (!s->was_ready && s->ready)
		s->ready(s->ctx);
	s->was_ready = true;
}

static void stop(struct serve *s)
{
	if (s->stopping)
		return;
	s->stopping = 1;
	ap_child_stop(s->children[stop_order[0]]);
}

static void on_failed(void *ctx, struct ap_child *child, const char *why)
{
	struct serve *s = ctx;
	ap_log(AP_LOG_ERROR, "process_failed", "program=%s why=\"%s\"", ap_child_program(child), why);
	if (s->was_ready)
		return; /* it served before: the back-off gives it time */
	s->verdict = ap_fail(AP_ERR_IO, "serve-start", "a process cannot start; the line above says why");
	stop(s);
}

static void on_ended(void *ctx, struct ap_child *child)
{
	struct serve *s = ctx;
	(void)child;
	if (s->stopping < G_N_ELEMENTS(stop_order))
		ap_child_stop(s->children[stop_order[s->stopping++]]);
	else
		g_main_loop_quit(s->loop);
}

static gboolean on_relink(gpointer data)
{
	struct serve *s = data;
	struct channel *link = &s->channels[LINK];
	s->relink = 0;
	/* A process that was started meanwhile got, or will get, a link by that. */
	if (ap_child_alive(s->children[VAULT]) && ap_child_alive(s->children[GATEWAY]) && link->number == s->lost)
		connect_channel(s, link, 0);
	return G_SOURCE_REMOVE;
}

/* The vault ended the link, or the gateway did. Neither needs to be started again: another link is as good. A gateway that
 * keeps losing links waits longer each time. */
static void on_unlinked(void *ctx, struct ap_child *child, const char *number)
{
	struct serve *s = ctx;
	const struct channel *link = &s->channels[LINK];
	if (child != s->children[VAULT] || g_ascii_strtoull(number, NULL, 10) != link->number || s->stopping ||
	    !ap_child_alive(s->children[GATEWAY]))
		return;
	s->lost = link->number;
	if (s->relink) /* a gateway that was started meanwhile has lost its link too */
		return;
	if (g_get_monotonic_time() - link->made_us > STEADY_MS * 1000)
		s->relinks = 0;
	unsigned wait = ap_child_backoff_ms(s->relinks++);
	ap_log(AP_LOG_WARN, "link_again", "wait_ms=%u", wait);
	s->relink = g_timeout_add(wait, on_relink, s);
}

static gboolean on_signal(gpointer data)
{
	stop(data);
	return G_SOURCE_CONTINUE;
}

static const struct ap_child_events child_events = { on_spawned, on_ready, on_failed, on_ended, on_unlinked };

/* Processes of a launcher that was killed keep their ports until they have ended. */
static struct ap_result listen_patiently(const char *listen, bool after_crash, int *ret_fd)
{
	gint64 deadline_us = g_get_monotonic_time() + (after_crash ? LEFTOVERS_MS * 1000 : 0);
	struct ap_result r = ap_serve_listen_tcp(listen, ret_fd);
	if (!ap_ok(r) && after_crash)
		ap_log(AP_LOG_WARN, "listen_waits", "address=%s", listen);
	while (strcmp(r.name, "listen-taken") == 0 && g_get_monotonic_time() < deadline_us) {
		g_usleep(50000);
		r = ap_serve_listen_tcp(listen, ret_fd);
	}
	return r;
}

static struct ap_result open_sockets(struct serve *s, const struct ap_config *config, bool after_crash)
{
	g_autofree char *admin = ap_instance_path(s->instance, "run/admin.sock");
	static const struct {
		enum process process;
		const char *key;
	} listeners[] = { { GATEWAY, "gateway.listen" }, { VAULT, "vault.listen" } };
	AP_TRY(ap_serve_config_seal(config, &s->config));
	AP_TRY(ap_serve_listen_unix(admin, &s->admin));
	for (size_t l = 0; l < G_N_ELEMENTS(listeners); l++) {
		const char *listen = ap_config_text(config, listeners[l].key);
		struct ap_result r = listen_patiently(listen, after_crash, &s->http[listeners[l].process]);
		if (!ap_ok(r)) {
			ap_log(AP_LOG_ERROR, "listen_failed", "address=%s", listen);
			return r;
		}
	}
	return AP_SUCCESS;
}

/* Many legs need many descriptors; secrets must be locked in memory, whose default limit is small. */
static void raise_limits(void)
{
	struct rlimit files, locked;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)!setrlimit(RLIMIT_NOFILE, &files);
	}
	if (getrlimit(RLIMIT_MEMLOCK, &locked) == 0) {
		locked.rlim_cur = locked.rlim_max;
		(void)!setrlimit(RLIMIT_MEMLOCK, &locked);
	}
}

static void serve_init(struct serve *s, const struct ap_instance *i, const struct ap_config *config,
		       void (*ready)(void *ctx), void *ctx)
{
	*s = (struct serve){ .instance = i, .settings = config, .ready = ready, .ctx = ctx, .config = -1, .admin = -1 };
	s->verdict = AP_SUCCESS;
	s->loop = g_main_loop_new(NULL, FALSE);
	s->greeting = g_strdup_printf("home=%s\nweb=%s/web\nadmin_uid=%lu\n", i->home, i->share, (unsigned long)geteuid());
	s->channels[LINK] = (struct channel){ .type = AP_HANDOFF_LINK, SOCK_STREAM, { VAULT, GATEWAY }, { -1, -1 } };
	s->channels[CAPTURES] = (struct channel){ .type = AP_HANDOFF_ZYGOTE, SOCK_SEQPACKET, { VAULT, ZYGOTE }, { -1, -1 } };
	for (int p = 0; p < PROCESSES; p++) {
		s->http[p] = -1;
		s->children[p] = ap_child_new(i, &programs[p], &child_events, s);
	}
}

static void serve_clear(struct serve *s)
{
	for (int p = 0; p < PROCESSES; p++) {
		ap_child_free(s->children[p]);
		close_fd(&s->http[p]);
	}
	if (s->relink)
		g_source_remove(s->relink);
	for (size_t c = 0; c < CHANNELS; c++) {
		close_fd(&s->channels[c].pending[0]);
		close_fd(&s->channels[c].pending[1]);
	}
	close_fd(&s->config);
	close_fd(&s->admin);
	g_main_loop_unref(s->loop);
	g_free(s->greeting);
}

struct ap_result ap_serve_run(const struct ap_instance *i, const struct ap_config *config, bool after_crash,
			      void (*ready)(void *ctx), void *ctx)
{
	struct serve s;
	serve_init(&s, i, config, ready, ctx);
	raise_limits();
	struct ap_result r = open_sockets(&s, config, after_crash);
	if (ap_ok(r)) {
		guint interrupt = g_unix_signal_add(SIGINT, on_signal, &s);
		guint terminate = g_unix_signal_add(SIGTERM, on_signal, &s);
		for (int p = 0; p < PROCESSES && !s.stopping; p++)
			ap_child_start(s.children[p]);
		g_main_loop_run(s.loop);
		g_source_remove(interrupt);
		g_source_remove(terminate);
		r = s.verdict;
	}
	serve_clear(&s);
	return r;
}
