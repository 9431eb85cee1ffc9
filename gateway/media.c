#include "gateway/media.h"

#include "gateway/addresses.h"
#include "gateway/media_queue.h"
#include "gateway/srtp.h"
#include "gateway/worker.h"

#include <glib-unix.h>
#include <unistd.h>

struct ap_media {
	struct ap_media_events events;
	void *ctx;                         /* borrowed */
	struct ap_dtls_identity *identity; /* owned, as what follows */
	struct ap_outbox *outbox;
	GSource *reports;
	char **advertised;
	uint16_t port;
	unsigned count;
	struct ap_worker *workers[AP_WORKERS_MAX];
};

static void deliver(struct ap_media *m, const struct ap_report *r)
{
	switch (r->type) {
	case AP_REPORT_LEG:
		if (m->events.leg)
			m->events.leg(m->ctx, &r->session, r->role, r->leg_id, r->event);
		break;
	case AP_REPORT_TAP_LOST:
		if (m->events.tap_lost)
			m->events.tap_lost(m->ctx, &r->session, r->generation);
		break;
	case AP_REPORT_DONE:
		if (r->done)
			r->done(r->ctx);
		break;
	case AP_REPORT_TAP_CLOSED:
		if (r->tap_closed)
			r->tap_closed(r->ctx, r->packets, r->dropped);
		break;
	}
}

static gboolean on_reports(int fd, GIOCondition condition, void *media)
{
	struct ap_media *m = media;
	struct ap_report *report;
	(void)fd;
	(void)condition;
	ap_outbox_awake(m->outbox);
	while ((report = ap_outbox_take(m->outbox))) {
		deliver(m, report);
		g_free(report);
	}
	return G_SOURCE_CONTINUE;
}

static void attach(struct ap_media *m, GMainContext *context)
{
	m->reports = g_unix_fd_source_new(ap_outbox_fd(m->outbox), G_IO_IN);
	g_source_set_callback(m->reports, G_SOURCE_FUNC(on_reports), m, NULL);
	g_source_attach(m->reports, context);
}

static unsigned count_workers(const struct ap_config *config)
{
	int64_t wanted = ap_config_int(config, "gateway.workers");
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	if (wanted == 0)
		wanted = cores > 0 ? cores : 1;
	return (unsigned)MIN(wanted, AP_WORKERS_MAX);
}

static struct ap_result start_workers(struct ap_media *m, const struct ap_config *config, const struct ap_clock *clock)
{
	unsigned count = count_workers(config);
	int64_t handshakes = ap_config_int(config, "gateway.max_handshakes");
	struct ap_worker_settings settings = {.advertised = (const char *const *)m->advertised,
					      .idle_seconds = ap_config_int(config, "gateway.idle_seconds"),
					      .max_handshakes = (unsigned)(handshakes + count - 1) / count,
					      .gather_ns = 1000 * ap_config_int(config, "gateway.gather_us"),
					      .clock = clock,
					      .identity = m->identity,
					      .outbox = m->outbox};
	for (; m->count < count; m->count++) {
		settings.index = m->count;
		settings.port = (uint16_t)(m->port + m->count);
		AP_TRY(ap_worker_start(&settings, &m->workers[m->count]));
	}
	return AP_SUCCESS;
}

static struct ap_result set_up(struct ap_media *m, const struct ap_config *config, const struct ap_clock *clock,
			       GMainContext *context)
{
	AP_TRY(ap_srtp_start());
	AP_TRY(ap_dtls_identity_new(&m->identity));
	AP_TRY(ap_outbox_new(&m->outbox));
	attach(m, context);
	return start_workers(m, config, clock);
}

struct ap_result ap_media_new(const struct ap_config *config, const struct ap_clock *clock, GMainContext *context,
			      const struct ap_media_events *events, void *ctx, struct ap_media **ret_media)
{
	struct ap_media *m = g_new0(struct ap_media, 1);
	m->events = *events;
	m->ctx = ctx;
	m->port = (uint16_t)ap_config_int(config, "gateway.media_port");
	m->advertised = ap_addresses(ap_config_list(config, "gateway.advertise"));
	struct ap_result result = set_up(m, config, clock, context);
	if (!ap_ok(result)) {
		ap_media_free(m);
		return result;
	}
	*ret_media = m;
	return AP_SUCCESS;
}

void ap_media_free(struct ap_media *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < m->count; i++)
		ap_worker_stop(m->workers[i]);
	if (m->reports) {
		g_source_destroy(m->reports);
		g_source_unref(m->reports);
	}
	ap_outbox_free(m->outbox);
	ap_dtls_identity_free(m->identity);
	g_strfreev(m->advertised);
	g_free(m);
}

const char *ap_media_fingerprint(const struct ap_media *m)
{
	return ap_dtls_fingerprint(m->identity);
}

unsigned ap_media_workers(const struct ap_media *m)
{
	return m->count;
}

static void add_candidate(const struct ap_media *m, unsigned worker, const char *address, bool tcp,
			  struct ap_media_candidate *ret)
{
	*ret = (struct ap_media_candidate){.port = (uint16_t)(m->port + worker), .tcp = tcp};
	g_strlcpy(ret->address, address, sizeof ret->address);
}

size_t ap_media_candidates(const struct ap_media *m, unsigned worker, struct ap_media_candidate *ret, size_t max)
{
	size_t n = 0;
	bool tcp = ap_worker_has_tcp(m->workers[worker]);
	for (size_t i = 0; m->advertised[i] && n < max; i++)
		add_candidate(m, worker, m->advertised[i], false, &ret[n++]);
	for (size_t i = 0; tcp && m->advertised[i] && n < max; i++)
		add_candidate(m, worker, m->advertised[i], true, &ret[n++]);
	return n;
}

static void push(struct ap_media *m, unsigned worker, const struct ap_command *command)
{
	ap_inbox_push(ap_worker_inbox(m->workers[worker]), command);
}

void ap_media_put_leg(struct ap_media *m, unsigned worker, const struct ap_leg_desc *leg)
{
	push(m, worker, &(struct ap_command){.type = AP_COMMAND_PUT, .leg = g_memdup2(leg, sizeof *leg), .fd = -1});
}

void ap_media_restart_leg(struct ap_media *m, unsigned worker, const struct ap_leg_desc *leg)
{
	push(m, worker, &(struct ap_command){.type = AP_COMMAND_RESTART, .leg = g_memdup2(leg, sizeof *leg), .fd = -1});
}

void ap_media_drop_leg(struct ap_media *m, unsigned worker, const struct ap_uuid *session, enum ap_role role,
		       ap_media_done done, void *ctx)
{
	push(m, worker,
	     &(struct ap_command){
		     .type = AP_COMMAND_DROP, .session = *session, .role = role, .fd = -1, .done = done, .ctx = ctx});
}

void ap_media_open_tap(struct ap_media *m, unsigned worker, const struct ap_uuid *session, uint64_t generation, int fd,
		       ap_media_done done, void *ctx)
{
	push(m, worker,
	     &(struct ap_command){.type = AP_COMMAND_OPEN_TAP,
				  .session = *session,
				  .generation = generation,
				  .fd = fd,
				  .done = done,
				  .ctx = ctx});
}

void ap_media_close_tap(struct ap_media *m, unsigned worker, const struct ap_uuid *session, uint64_t generation,
			ap_media_tap_closed done, void *ctx)
{
	push(m, worker,
	     &(struct ap_command){.type = AP_COMMAND_CLOSE_TAP,
				  .session = *session,
				  .generation = generation,
				  .fd = -1,
				  .tap_closed = done,
				  .ctx = ctx});
}

/* One family of the Prometheus text format: each worker is a label. */
static void write_family(const struct ap_media *m, GString *out, enum ap_counter which, const char *name,
			 const char *help, const char *type)
{
	g_string_append_printf(out, "# HELP aparte_media_%s %s\n# TYPE aparte_media_%s %s\n", name, help, name, type);
	for (unsigned i = 0; i < m->count; i++)
		g_string_append_printf(out, "aparte_media_%s{worker=\"%u\"} %" G_GUINT64_FORMAT "\n", name, i,
				       ap_counter_read(ap_worker_counters(m->workers[i]), which));
}

void ap_media_metrics(const struct ap_media *m, GString *out)
{
#define X(id, name, help) write_family(m, out, AP_COUNT_##id, name, help, "counter");
	AP_MEDIA_COUNTERS(X)
#undef X
#define X(id, name, help) write_family(m, out, AP_GAUGE_##id, name, help, "gauge");
	AP_MEDIA_GAUGES(X)
#undef X
}
