#include "fake_media.h"

#include <string.h>
#include <unistd.h>

struct ap_media {
	struct fake_media_log log;
	const struct ap_media_events *events;
	void *ctx;
	struct ap_leg_desc legs[2];
	bool held;
	ap_media_tap_closed held_done;
	void *held_ctx;
};

static struct ap_media *now;

const struct fake_media_log *fake_media_log(void)
{
	return &now->log;
}

void fake_media_report(enum ap_role role, enum ap_leg_event event)
{
	const struct ap_leg_desc *leg = &now->legs[role == AP_COACHEE];
	now->events->leg(now->ctx, &leg->session, role, leg->id, event);
}

void fake_media_hold(void)
{
	now->held = true;
}

void fake_media_release(void)
{
	now->held = false;
	if (now->held_done)
		now->held_done(now->held_ctx, 7, 1);
	now->held_done = NULL;
}

struct ap_result ap_media_new(const struct ap_config *config, const struct ap_clock *clock, GMainContext *context,
			      const struct ap_media_events *events, void *ctx, struct ap_media **ret_media)
{
	(void)config, (void)clock, (void)context;
	struct ap_media *m = g_new0(struct ap_media, 1);
	m->events = events;
	m->ctx = ctx;
	m->log.tap_fd = -1;
	now = *ret_media = m;
	return AP_SUCCESS;
}

static void close_fd(struct ap_media *m)
{
	if (m->log.tap_fd >= 0)
		close(m->log.tap_fd);
	m->log.tap_fd = -1;
}

void ap_media_free(struct ap_media *m)
{
	if (!m)
		return;
	close_fd(m);
	now = NULL;
	g_free(m);
}

const char *ap_media_fingerprint(const struct ap_media *m)
{
	(void)m;
	return "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";
}

unsigned ap_media_workers(const struct ap_media *m)
{
	(void)m;
	return 1;
}

size_t ap_media_candidates(const struct ap_media *m, unsigned worker, struct ap_media_candidate *ret, size_t max)
{
	(void)m, (void)worker;
	static const struct ap_media_candidate all[] = { { "127.0.0.1", 7000, false },
							 { "::1", 7000, false },
							 { "127.0.0.1", 7000, true } };
	size_t n = MIN(max, G_N_ELEMENTS(all));
	for (size_t i = 0; i < n; i++)
		ret[i] = all[i];
	return n;
}

void ap_media_put_leg(struct ap_media *m, unsigned worker, const struct ap_leg_desc *leg)
{
	(void)worker;
	m->log.puts++;
	m->log.last_leg = m->legs[leg->role == AP_COACHEE] = *leg;
}

void ap_media_restart_leg(struct ap_media *m, unsigned worker, const struct ap_leg_desc *leg)
{
	(void)worker;
	m->log.restarts++;
	m->log.last_leg = m->legs[leg->role == AP_COACHEE] = *leg;
}

void ap_media_drop_leg(struct ap_media *m, unsigned worker, const struct ap_uuid *session, enum ap_role role,
		       ap_media_done done, void *ctx)
{
	(void)worker, (void)session, (void)role;
	m->log.drops++;
	if (done)
		done(ctx);
}

void ap_media_open_tap(struct ap_media *m, unsigned worker, const struct ap_uuid *session, uint64_t generation, int fd,
		       ap_media_done done, void *ctx)
{
	(void)worker, (void)session;
	close_fd(m);
	m->log.taps_opened++;
	m->log.tap_generation = generation;
	m->log.tap_fd = fd;
	if (done)
		done(ctx);
}

void ap_media_close_tap(struct ap_media *m, unsigned worker, const struct ap_uuid *session, uint64_t generation,
			ap_media_tap_closed done, void *ctx)
{
	(void)worker, (void)session, (void)generation;
	m->log.taps_closed++;
	close_fd(m);
	if (m->held) {
		m->held_done = done;
		m->held_ctx = ctx;
	} else if (done) {
		done(ctx, 7, 1);
	}
}

void ap_media_metrics(const struct ap_media *m, GString *out)
{
	(void)m;
	g_string_append(out, "# TYPE aparte_fake gauge\naparte_fake 1\n");
}
