/*
 * aparte-gateway: everything comes from the launcher over descriptor 3 (include/aparte/handoff.h). What needs paths
 * (pages, TURN secret) is read first; then this process locks itself out of the file system; then come
 * threads, the media plane, and the first byte from outside.
 */
#include "gateway/confine.h"
#include "gateway/gateway.h"
#include "gateway/switchboard.h"

#include <aparte/handoff.h>
#include <aparte/log.h>
#include <aparte/secret.h>
#include <glib-unix.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define STOP_MS 500 /* to let hang-ups and last events leave */

struct process {
	struct ap_gateway gateway;
	GMainLoop *loop;
	struct ap_srtp *held; /* owned, see confine.h */
	char *web;	      /* directory of the pages */
	int http, link, certificate, key;
	bool ready, stopping;
};

/* "home=…\nweb=…\n": one value a line. */
static char *value_of(const char *text, const char *name)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++)
		if (g_str_has_prefix(*line, name) && (*line)[strlen(name)] == '=')
			return g_strdup(*line + strlen(name) + 1);
	return NULL;
}

static struct ap_result take(struct process *p, const struct ap_handoff *message, struct ap_config **config)
{
	char *where = NULL;
	struct ap_result r = AP_SUCCESS;
	if (message->type == AP_HANDOFF_CONFIG) {
		r = ap_config_load_fd(message->fd, config, &where);
		g_free(where);
		g_free(p->web);
		p->web = value_of(message->text, "web");
	} else if (message->type == AP_HANDOFF_HTTP) {
		p->http = dup(message->fd);
	} else if (message->type == AP_HANDOFF_LINK) {
		p->link = dup(message->fd);
	} else if (message->type == AP_HANDOFF_CERTIFICATE) {
		p->certificate = dup(message->fd);
	} else if (message->type == AP_HANDOFF_KEY) {
		p->key = dup(message->fd);
	}
	if (message->fd >= 0)
		close(message->fd);
	return r;
}

static struct ap_result receive_equipment(struct process *p, struct ap_config **ret_config)
{
	struct ap_handoff message = { 0 };
	*ret_config = NULL;
	while (message.type != AP_HANDOFF_GO) {
		AP_TRY(ap_handoff_receive(AP_HANDOFF_FD, -1, &message));
		if (message.type == AP_HANDOFF_STOP)
			return ap_fail(AP_ERR_IO, "handoff-eof", "stopped before the start");
		AP_TRY(take(p, &message, ret_config));
	}
	if (!*ret_config || p->http < 0 || !p->web)
		return ap_fail(AP_ERR_PROTOCOL, "handoff", "configuration, pages or listener were not handed over");
	return AP_SUCCESS;
}

static enum ap_log_level level_of(const char *text)
{
	static const char *const words[] = { "error", "warn", "info", "debug" };
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (strcmp(words[i], text) == 0)
			return (enum ap_log_level)i;
	return AP_LOG_INFO;
}

/* Plain HTTP only on loopback: a token that crosses a network in clear is no secret. */
static struct ap_result prepare_http(struct process *p)
{
	struct ap_gateway *gw = &p->gateway;
	bool tls = *ap_config_text(gw->config, "gateway.tls_certificate");
	const char *listen = ap_config_text(gw->config, "gateway.listen");
	bool loopback = g_str_has_prefix(listen, "127.") || g_str_has_prefix(listen, "[::1]") ||
			g_str_has_prefix(listen, "localhost");
	ap_gateway_serve(gw);
	if (tls)
		return ap_http_use_tls(gw->http, p->certificate, p->key);
	return loopback ? AP_SUCCESS :
			  ap_fail(AP_ERR_DENIED, "tls-required", "off loopback gateway.tls_certificate must be set");
}

/* Nobody needs the key's file any more. */
static void close_tls(struct process *p)
{
	if (p->certificate >= 0)
		close(p->certificate);
	if (p->key >= 0)
		close(p->key);
	p->certificate = p->key = -1;
}

static struct ap_result read_files(struct process *p)
{
	struct ap_gateway *gw = &p->gateway;
	struct ap_static_options options = { .frame_ancestors = ap_config_list(gw->config, "gateway.cors_origins"),
					     .camera = true };
	AP_TRY(ap_static_files_load(p->web, &options, &gw->files));
	AP_TRY(ap_turn_new(gw->config, &gw->turn));
	AP_TRY(prepare_http(p));
	close_tls(p);
	return AP_SUCCESS;
}

/* The number of processors stands in files that cannot be read any more once we are confined. */
static struct ap_result fix_workers(struct ap_config *config)
{
	g_autofree char *count = g_strdup_printf("%u", CLAMP(g_get_num_processors(), 1, 64));
	return ap_config_int(config, "gateway.workers") > 0 ? AP_SUCCESS :
							      ap_config_set(config, "gateway.workers", count);
}

static struct ap_result start(struct process *p, struct ap_config *config)
{
	struct ap_gateway *gw = &p->gateway;
	AP_TRY(fix_workers(config));
	ap_gateway_init(gw, config, ap_clock_system());
	AP_TRY(read_files(p));
	AP_TRY(ap_confine(&p->held));
	AP_TRY(ap_media_new(config, gw->clock, g_main_context_default(), &ap_switchboard_media, gw, &gw->media));
	(void)!setpriority(PRIO_PROCESS, 0, 0); /* this thread: media alone come before everything else */
	AP_TRY(ap_http_listen(gw->http, p->http));
	if (p->link >= 0)
		ap_vault_client_link(gw->vault, p->link);
	return AP_SUCCESS;
}

static gboolean quit(void *data)
{
	g_main_loop_quit(((struct process *)data)->loop);
	return G_SOURCE_REMOVE;
}

static void stop(struct process *p)
{
	if (p->stopping)
		return;
	p->stopping = true;
	ap_log(AP_LOG_INFO, "stopping", "sessions=%zu", ap_sessions_count(p->gateway.sessions));
	ap_switchboard_shut(&p->gateway);
	g_timeout_add(STOP_MS, quit, p);
}

static gboolean on_signal(void *data)
{
	stop(data);
	return G_SOURCE_CONTINUE;
}

static gboolean on_handoff(int fd, GIOCondition condition, void *data)
{
	struct process *p = data;
	struct ap_handoff message;
	(void)condition;
	if (!ap_ok(ap_handoff_receive(fd, 0, &message)) || message.type == AP_HANDOFF_STOP) {
		stop(p);
		return G_SOURCE_REMOVE;
	}
	if (message.type == AP_HANDOFF_LINK && message.fd >= 0)
		ap_vault_client_link(p->gateway.vault, message.fd);
	else if (message.fd >= 0)
		close(message.fd);
	return G_SOURCE_CONTINUE;
}

/* Ready is when /readyz would say so: the vault has answered Hello. */
static gboolean tell_ready(void *data)
{
	struct process *p = data;
	if (!ap_vault_client_linked(p->gateway.vault))
		return G_SOURCE_CONTINUE;
	AP_IGNORE(ap_handoff_send(AP_HANDOFF_FD, AP_HANDOFF_READY, "", -1)); /* a launcher that is gone shows as EOF */
	return G_SOURCE_REMOVE;
}

static void run(struct process *p)
{
	p->loop = g_main_loop_new(NULL, FALSE);
	g_unix_fd_add(AP_HANDOFF_FD, G_IO_IN | G_IO_HUP, on_handoff, p);
	g_unix_signal_add(SIGTERM, on_signal, p);
	g_unix_signal_add(SIGINT, on_signal, p);
	g_timeout_add(20, tell_ready, p);
	ap_log(AP_LOG_INFO, "serving", "port=%u", ap_http_port(p->gateway.http));
	g_main_loop_run(p->loop);
	g_main_loop_unref(p->loop);
}

int main(void)
{
	struct process p = { .http = -1, .link = -1, .certificate = -1, .key = -1 };
	struct ap_config *config = NULL;
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	ap_log_init("gateway", AP_LOG_INFO);
	struct ap_result r = ap_secret_init();
	if (ap_ok(r))
		r = receive_equipment(&p, &config);
	if (ap_ok(r)) {
		ap_log_init("gateway", level_of(ap_config_text(config, "log.level")));
		r = start(&p, config);
	}
	if (!ap_ok(r)) {
		ap_log(AP_LOG_ERROR, "start_failed", "error=%s detail=%s", r.name, r.detail);
		AP_IGNORE(ap_handoff_send(AP_HANDOFF_FD, AP_HANDOFF_FAILED, r.name, -1)); /* logged already */
		return EXIT_FAILURE;
	}
	run(&p);
	ap_gateway_clear(&p.gateway);
	ap_srtp_free(p.held);
	g_free(p.web);
	return EXIT_SUCCESS;
}
