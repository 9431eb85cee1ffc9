#include "capture_spawn.h"

#include "capture_files.h"
#include "capture_report.h"

#include <aparte/capture.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define START_MS 5000 /* from the order to fork to READY */
/*
 * Reports that may come: so many at first, for each order, and per second. An honest capture says about two a second
 * and ten around an order; one that says more keeps the gates' thread and the disk busy.
 */
#define REPORT_US 50000 /* one takes so long to earn */
#define REPORTS_SPARE 64
#define REPORTS_ORDER 24
#define REPORTS_AT_ONCE 16 /* before others have their turn */
#define RENEW_US 1000000
#define SLACK_MS 1000	   /* media times may be so far beyond the time that the gate was open */

struct ap_captures {
	const struct ap_clock *clock; /* borrowed */
	GMainContext *context;	      /* owned reference */

	struct ap_files *files;
	GHashTable *running; /* id -> struct ap_capture, whose process may still run */
	int zygote;	     /* -1: none */
	GSource *zygote_source;

	uint32_t next_id;
	uint32_t composer; /* the one that may still run; 0: none */
	struct ap_capture_hello hello; /* of this zygote; zeroes before it came */
	bool allow_unconfined;
};

struct ap_capture {
	struct ap_captures *cs; /* borrowed */
	struct ap_capture_params params;
	struct ap_capture_events events;
	void *ctx; /* borrowed; the owner's */

	unsigned refs; /* the owner, the process, each job */
	uint32_t id;
	int socket; /* -1: closed */
	GSource *source, *timer;

	int gate; /* our copy of the gate's reading end, which we never read; -1: closed */
	int64_t opened_us, open_us; /* of the last opening; in all, up to the last closing */
	int64_t renewed_us;
	int64_t credit_us, credited_us; /* for reports; when it was reckoned last */

	struct ap_report_state report;
	uint64_t duration_ms[2];
	const char *failing; /* why it is being killed; NULL: it is not */
	bool owned;	     /* the owner still listens */
	bool orphan;	     /* its zygote is gone: nobody tells of its end but its socket */
	bool eof, gone;
	bool refused; /* a segment was not as reported: none after it is taken */
};

static struct ap_capture *ref(struct ap_capture *c)
{
	c->refs++;
	return c;
}

static void drop_gate(struct ap_capture *c)
{
	if (c->gate >= 0)
		close(c->gate);
	c->gate = -1;
}

/* Nothing enters from here on, whatever the capture does with its own copy. What lies in it can still be read. */
static void shut_gate(struct ap_capture *c)
{
	if (c->gate >= 0)
		shutdown(c->gate, SHUT_RD);
}

static void unref(struct ap_capture *c)
{
	if (--c->refs > 0)
		return;
	drop_gate(c);
	if (c->socket >= 0)
		close(c->socket);
	g_free(c);
}

static void stop_source(GSource **source)
{
	if (!*source)
		return;
	g_source_destroy(*source);
	g_clear_pointer(source, g_source_unref);
}

static void watch(struct ap_captures *cs, GSource **slot, int fd, GUnixFDSourceFunc callback, void *data)
{
	*slot = g_unix_fd_source_new(fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
	g_source_set_callback(*slot, G_SOURCE_FUNC(callback), data, NULL);
	g_source_attach(*slot, cs->context);
}

/* ---- the end of a capture ---- */

static void give(struct ap_capture *c, enum ap_file_job_type type, const struct ap_capture_want *want,
		 const struct ap_capture_message *m)
{
	struct ap_file_job job = { .type = type, .owner = ref(c), .recording = c->params.recording, .fd = -1 };
	if (want)
		job.want = *want;
	if (m)
		job.message = *m;
	ap_files_give(c->cs->files, &job);
}

/* Files that were made for it and not filled. */
static void discard_spares(struct ap_capture *c)
{
	for (int i = 0; i < 2; i++) {
		const struct ap_report_track *t = &c->report.tracks[i];
		struct ap_capture_want want = { (enum ap_role)(AP_COACH + i), 0 };
		if (t->header_wanted)
			give(c, AP_FILE_DISCARD, &want, NULL);
		for (want.number = t->done; want.number < t->wanted; want.number++)
			give(c, AP_FILE_DISCARD, &want, NULL);
	}
}

static void read_reports(struct ap_capture *c, unsigned most);

/* The process is dead, its descriptors closed: what it said before is read, then the owner is told. */
static void on_gone(struct ap_capture *c)
{
	if (c->gone)
		return;
	ref(c);
	read_reports(c, UINT_MAX);
	c->gone = true;
	drop_gate(c);
	stop_source(&c->source);
	stop_source(&c->timer);
	if (c->report.open && c->owned)
		c->events.closed(c->ctx, c->report.generation);
	c->report.open = false;
	discard_spares(c);
	const struct ap_capture_message last = { .type = AP_CAPTURE_EXITED, .fd = -1 };
	give(c, AP_FILE_PASS, NULL, &last);
	if (g_hash_table_remove(c->cs->running, GUINT_TO_POINTER(c->id)))
		unref(c);
	unref(c);
}

static void kill_process(struct ap_capture *c)
{
	const struct ap_capture_message m = { .type = AP_CAPTURE_KILL, .fd = -1, .spawn_id = c->id };
	if (c->gone)
		return;
	if (!c->orphan && c->cs->zygote >= 0 && ap_ok(ap_capture_send(c->cs->zygote, &m, false)))
		return; /* EXITED follows */
	shutdown(c->socket, SHUT_RDWR); /* its zygote is gone, and it with it */
	on_gone(c);
}

static void fail(struct ap_capture *c, const char *reason)
{
	if (c->failing)
		return;
	c->failing = reason; /* of one that is gone too: its last files come back after it */
	if (c->gone)
		return;
	shut_gate(c);
	stop_source(&c->source);
	kill_process(c);
}

static void tell(struct ap_capture *c, const struct ap_capture_message *m)
{
	if (c->gone || c->eof || c->failing)
		return;
	if (!ap_ok(ap_capture_send(c->socket, m, false)))
		fail(c, "capture-link");
}

/* ---- timers ---- */

static gboolean on_late(gpointer data)
{
	struct ap_capture *c = data;
	stop_source(&c->timer);
	fail(c, c->report.ready ? "capture-stuck" : "capture-start");
	return G_SOURCE_REMOVE;
}

static void set_timer(struct ap_capture *c, unsigned ms)
{
	stop_source(&c->timer);
	c->timer = g_timeout_source_new(ms);
	g_source_set_priority(c->timer, G_PRIORITY_HIGH);
	g_source_set_callback(c->timer, on_late, c, NULL);
	g_source_attach(c->timer, c->cs->context);
}

/* ---- reports ---- */

static void on_failed(struct ap_capture *c, const char *word)
{
	static const char *const known[] = { "sandbox",	      "segment-write", "segment-fsync",
					     "capture-message", "gstreamer",	 "webm-header" };
	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (strcmp(word, known[i]) == 0) {
			fail(c, known[i]);
			return;
		}
	fail(c, "capture-failed");
}

static void on_closed(struct ap_capture *c, uint64_t generation)
{
	stop_source(&c->timer);
	c->open_us += g_get_monotonic_time() - c->opened_us;
	drop_gate(c);
	if (c->owned)
		c->events.closed(c->ctx, generation);
}

/* What is told at once; the rest waits for the files before it. */
static void on_report(struct ap_capture *c, const struct ap_capture_message *m)
{
	const struct ap_capture_want done = { m->segment.role, m->segment.number };
	switch (m->type) {
	case AP_CAPTURE_READY:
		if (!c->report.closing)
			stop_source(&c->timer);
		return;
	case AP_CAPTURE_CLOSED:
	case AP_CAPTURE_LAPSED:
		on_closed(c, m->generation);
		return;
	case AP_CAPTURE_FIRST_FRAME:
		if (c->owned)
			c->events.first_frame(c->ctx, m->generation);
		return;
	case AP_CAPTURE_WANT:
		give(c, AP_FILE_CREATE, &m->want, m);
		return;
	case AP_CAPTURE_SEGMENT_DONE:
		give(c, AP_FILE_COMMIT, &done, m);
		return;
	case AP_CAPTURE_SEALED:
		c->duration_ms[0] = m->duration_ms[0];
		c->duration_ms[1] = m->duration_ms[1];
		return;
	case AP_CAPTURE_FAILED:
		on_failed(c, m->word);
		return;
	default:
		give(c, AP_FILE_PASS, NULL, m);
	}
}

/* Reports earn their right to be read. */
static bool affords(struct ap_capture *c)
{
	int64_t now = g_get_monotonic_time(), most = MAX(c->credit_us, REPORTS_SPARE * REPORT_US);
	c->credit_us = MIN(c->credit_us + now - c->credited_us, most) - REPORT_US;
	c->credited_us = now;
	return c->credit_us >= 0;
}

/* A capture cannot have recorded longer than its gate was open. */
static bool fits_time(const struct ap_capture *c, const struct ap_capture_message *m)
{
	int64_t open_us = c->open_us + (c->report.open ? g_get_monotonic_time() - c->opened_us : 0);
	uint64_t most = (uint64_t)open_us / 1000 + SLACK_MS;
	if (m->type == AP_CAPTURE_EPOCH)
		return m->epoch.file_end_ms <= most;
	return m->type != AP_CAPTURE_SEGMENT_DONE || m->segment.cluster_count == 0 ||
	       m->segment.clusters[m->segment.cluster_count - 1].time_ms <= most;
}

/* Messages that wait; notes the end of the link. */
static void read_reports(struct ap_capture *c, unsigned most)
{
	struct ap_capture_message m;
	for (; most > 0 && !c->eof && !c->failing && !c->gone; most--) {
		struct ap_result result = ap_capture_receive(c->socket, false, &m);
		if (result.err == AP_ERR_LIMIT)
			return;
		if (result.err == AP_ERR_IO) {
			c->eof = true;
			return;
		}
		if (ap_ok(result) && affords(c) && ap_report_check(&c->report, &m) && fits_time(c, &m))
			on_report(c, &m);
		else
			fail(c, "capture-report");
	}
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
	(void)fd;
	(void)condition;
	struct ap_capture *c = ref(data);
	read_reports(c, REPORTS_AT_ONCE);
	if (c->eof) {
		stop_source(&c->source); /* EXITED follows, unless nobody is left to send it */
		if (c->orphan || c->cs->zygote < 0)
			on_gone(c);
	}
	unref(c);
	return G_SOURCE_CONTINUE;
}

/* ---- what comes back from the files' thread ---- */

static void hand_over(struct ap_capture *c, struct ap_file_job *job)
{
	const struct ap_capture_message m = { .type = AP_CAPTURE_SEGMENT, .fd = job->fd, .want = job->want };
	tell(c, &m);
	close(job->fd);
}

static void told_segment(struct ap_capture *c, const struct ap_capture_segment_done *s)
{
	struct ap_capture_cluster clusters[AP_CAPTURE_CLUSTERS];
	const struct ap_capture_segment segment = ap_report_segment(s, clusters);
	c->events.segment(c->ctx, &segment);
}

static void told_epoch(struct ap_capture *c, const struct ap_capture_epoch_report *r)
{
	const struct ap_capture_epoch epoch = ap_report_epoch(r);
	c->events.epoch(c->ctx, &epoch);
}

static void told_end(struct ap_capture *c)
{
	if (c->report.sealed && !c->failing)
		c->events.sealed(c->ctx, c->duration_ms);
	else
		c->events.failed(c->ctx, c->failing ? c->failing : "capture-died");
}

static void on_file(void *ctx, struct ap_file_job *job)
{
	(void)ctx;
	struct ap_capture *c = job->owner;
	if (job->type == AP_FILE_CREATE && job->fd >= 0)
		hand_over(c, job);
	if (!ap_ok(job->result) && job->type == AP_FILE_COMMIT)
		c->refused = true;
	if (!ap_ok(job->result) && job->type != AP_FILE_DISCARD)
		fail(c, job->result.err == AP_ERR_PROTOCOL ? "capture-report" : "storage");
	else if (job->type == AP_FILE_COMMIT && c->owned && !c->refused)
		told_segment(c, &job->message.segment);
	else if (job->type == AP_FILE_PASS && job->message.type == AP_CAPTURE_EPOCH && c->owned)
		told_epoch(c, &job->message.epoch);
	else if (job->type == AP_FILE_PASS && job->message.type == AP_CAPTURE_EXITED && c->owned)
		told_end(c);
	unref(c);
}

/* ---- the zygote ---- */

static void lose_zygote(struct ap_captures *cs)
{
	if (cs->zygote < 0)
		return;
	stop_source(&cs->zygote_source);
	close(cs->zygote);
	cs->zygote = -1;
	cs->hello = (struct ap_capture_hello){ 0 };
	cs->composer = 0;
	g_autoptr(GList) all = g_hash_table_get_values(cs->running);
	for (GList *l = all; l; l = l->next)
		((struct ap_capture *)l->data)->orphan = true;
	for (GList *l = all; l; l = l->next) {
		struct ap_capture *c = l->data;
		shutdown(c->socket, SHUT_WR); /* the kernel kills it with its zygote; if not, this ends it */
		if (c->eof || c->failing)
			on_gone(c);
	}
}

static bool take_zygote_message(struct ap_captures *cs, const struct ap_capture_message *m)
{
	if (m->type == AP_CAPTURE_HELLO) {
		cs->hello = m->hello;
		return true;
	}
	if (m->type != AP_CAPTURE_EXITED)
		return false;
	if (m->exited.id == cs->composer)
		cs->composer = 0;
	struct ap_capture *c = g_hash_table_lookup(cs->running, GUINT_TO_POINTER(m->exited.id));
	if (c && !c->orphan)
		on_gone(c);
	return true;
}

static gboolean on_zygote(gint fd, GIOCondition condition, gpointer data)
{
	(void)condition;
	struct ap_captures *cs = data;
	struct ap_capture_message m;
	struct ap_result result = ap_capture_receive(fd, false, &m);
	if (result.err == AP_ERR_LIMIT)
		return G_SOURCE_CONTINUE;
	if (!ap_ok(result) || !take_zygote_message(cs, &m))
		lose_zygote(cs);
	return G_SOURCE_CONTINUE;
}

void ap_captures_set_zygote(struct ap_captures *cs, int zygote)
{
	lose_zygote(cs);
	cs->zygote = zygote;
	if (zygote >= 0)
		watch(cs, &cs->zygote_source, zygote, on_zygote, cs);
}

struct ap_captures *ap_captures_new(int zygote, struct ap_blob *blob, const struct ap_clock *clock, GMainContext *context)
{
	struct ap_captures *cs = g_new0(struct ap_captures, 1);
	cs->clock = clock;
	cs->context = context ? g_main_context_ref(context) : g_main_context_ref(g_main_context_default());
	cs->running = g_hash_table_new(NULL, NULL);
	cs->zygote = -1;
	cs->next_id = 1;
	cs->files = ap_files_new(blob, cs->context, on_file, cs);
	ap_captures_set_zygote(cs, zygote);
	return cs;
}

void ap_captures_allow_unconfined(struct ap_captures *cs, bool allow)
{
	cs->allow_unconfined = allow;
}

bool ap_captures_ready(const struct ap_captures *cs)
{
	return cs->zygote >= 0 && cs->hello.seccomp && (cs->hello.landlock_abi > 0 || cs->allow_unconfined);
}

void ap_captures_free(struct ap_captures *cs)
{
	if (!cs)
		return;
	lose_zygote(cs);
	g_autoptr(GList) all = g_hash_table_get_values(cs->running);
	for (GList *l = all; l; l = l->next)
		on_gone(l->data);
	ap_files_free(cs->files);
	g_hash_table_unref(cs->running);
	g_main_context_unref(cs->context);
	g_free(cs);
}

/* ---- a composer: no recording of ours, and whoever has its link hears of its end there ---- */

static void kill_composer(struct ap_captures *cs)
{
	const struct ap_capture_message m = { .type = AP_CAPTURE_KILL, .fd = -1, .spawn_id = cs->composer };
	if (cs->composer != 0 && cs->zygote >= 0)
		AP_IGNORE(ap_capture_send(cs->zygote, &m, false)); /* its link is closed too */
	cs->composer = 0;
}

void ap_captures_compose(struct ap_captures *cs, int link)
{
	kill_composer(cs);
	if (link < 0 || !ap_captures_ready(cs))
		return;
	const struct ap_capture_message m = { .type = AP_CAPTURE_COMPOSE, .fd = link, .spawn_id = cs->next_id };
	if (ap_ok(ap_capture_send(cs->zygote, &m, false)))
		cs->composer = cs->next_id++;
}

/* ---- the owner's orders ---- */

static struct ap_result spawn(struct ap_capture *c)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return ap_fail(AP_ERR_IO, "capture-start", "no socket for a capture");
	const struct ap_capture_message m = { .type = AP_CAPTURE_SPAWN, .fd = ends[1], .spawn_id = c->id };
	struct ap_result result = ap_capture_send(c->cs->zygote, &m, false);
	close(ends[1]);
	c->socket = ends[0];
	return result;
}

static struct ap_capture_message start_message(const struct ap_capture *c)
{
	struct ap_capture_message m = { .type = AP_CAPTURE_START, .fd = -1 };
	m.start.recording = c->params.recording;
	m.start.video = (enum ap_capture_codec)c->params.video;
	m.start.require_sandbox = !c->cs->allow_unconfined;
	for (int i = 0; i < 2; i++)
		ap_copy(m.start.recipient[i], sizeof m.start.recipient[i], c->params.recipient[i],
			sizeof c->params.recipient[i]);
	return m;
}

struct ap_result ap_capture_start(struct ap_captures *cs, const struct ap_capture_params *params,
				  const struct ap_capture_events *events, void *ctx, struct ap_capture **ret_capture)
{
	if (!ap_captures_ready(cs))
		return ap_fail(AP_ERR_DENIED, "sandbox", "no capture process that can be confined is there");
	struct ap_capture *c = g_new0(struct ap_capture, 1);
	*c = (struct ap_capture){ .cs = cs, .params = *params, .events = *events, .ctx = ctx, .refs = 1,
				  .id = cs->next_id++, .socket = -1, .gate = -1, .owned = true,
				  .credit_us = REPORTS_SPARE * REPORT_US, .credited_us = g_get_monotonic_time(), .report = ap_report_state_new() };
	struct ap_result result = spawn(c);
	if (!ap_ok(result)) {
		unref(c);
		return result;
	}
	g_hash_table_insert(cs->running, GUINT_TO_POINTER(c->id), ref(c));
	watch(cs, &c->source, c->socket, on_readable, c);
	set_timer(c, START_MS);
	const struct ap_capture_message start = start_message(c);
	tell(c, &start);
	*ret_capture = c;
	return AP_SUCCESS;
}

struct ap_result ap_capture_open(struct ap_capture *c, uint64_t generation, uint32_t epoch, int gate)
{
	struct ap_capture_message m = { .type = AP_CAPTURE_OPEN, .fd = gate, .open = { generation, epoch } };
	bool fits = !c->gone && !c->eof && !c->failing && ap_report_open(&c->report, generation, epoch);
	if (fits) {
		c->gate = fcntl(gate, F_DUPFD_CLOEXEC, 0);
		c->opened_us = g_get_monotonic_time();
		c->credit_us += REPORTS_ORDER * REPORT_US;
		tell(c, &m);
	}
	close(gate);
	return fits ? AP_SUCCESS : ap_fail(AP_ERR_IO, "capture-state", "this capture takes no new epoch");
}

void ap_capture_renew(struct ap_capture *c, uint64_t generation)
{
	int64_t now = g_get_monotonic_time();
	if (!c->report.open || c->report.closing || c->report.generation != generation || now - c->renewed_us < RENEW_US)
		return;
	const struct ap_capture_message m = {
		.type = AP_CAPTURE_RENEW,
		.fd = -1,
		.renew = { generation, (uint64_t)(now + AP_CAPTURE_LEASE_MS * G_TIME_SPAN_MILLISECOND) * 1000 },
	};
	c->renewed_us = now;
	tell(c, &m);
}

void ap_capture_close(struct ap_capture *c, uint64_t generation, bool discard)
{
	if (!c->report.open || c->report.closing || c->report.generation != generation)
		return;
	const struct ap_capture_message m = { .type = AP_CAPTURE_CLOSE, .fd = -1, .close = { generation, discard } };
	c->report.closing = true;
	shut_gate(c);
	set_timer(c, AP_CAPTURE_ACK_MS);
	tell(c, &m);
}

void ap_capture_seal(struct ap_capture *c)
{
	const struct ap_capture_message m = { .type = AP_CAPTURE_SEAL, .fd = -1 };
	if (c->report.sealing)
		return;
	c->report.sealing = true;
	c->credit_us += REPORTS_ORDER * REPORT_US;
	tell(c, &m);
}

void ap_capture_free(struct ap_capture *c)
{
	if (!c)
		return;
	c->owned = false;
	if (!c->failing)
		c->failing = "freed";
	stop_source(&c->source);
	stop_source(&c->timer);
	kill_process(c);
	unref(c);
}
