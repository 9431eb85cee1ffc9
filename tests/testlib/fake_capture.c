#include "tests/testlib/fake_capture.h"

#include <unistd.h>

struct ap_captures {
	int unused;
};

static struct fake_captures fake;

struct fake_captures *fake_captures(void)
{
	return &fake;
}

void fake_captures_reset(void)
{
	fake = (struct fake_captures){ .ready = true };
}

struct ap_captures *ap_captures_new(int zygote, struct ap_blob *blob, const struct ap_clock *clock, GMainContext *context)
{
	(void)blob;
	(void)clock;
	(void)context;
	if (zygote >= 0)
		close(zygote);
	return g_new0(struct ap_captures, 1);
}

void ap_captures_set_zygote(struct ap_captures *cs, int zygote)
{
	(void)cs;
	if (zygote >= 0)
		close(zygote);
}

void ap_captures_allow_unconfined(struct ap_captures *cs, bool allow)
{
	(void)cs;
	(void)allow;
}

bool ap_captures_ready(const struct ap_captures *cs)
{
	(void)cs;
	return fake.ready;
}

void ap_captures_free(struct ap_captures *cs)
{
	g_free(cs);
}

void ap_captures_compose(struct ap_captures *cs, int link)
{
	(void)cs;
	(void)link; /* the caller's; nobody answers on it */
}

struct ap_result ap_capture_start(struct ap_captures *cs, const struct ap_capture_params *params,
				  const struct ap_capture_events *events, void *ctx, struct ap_capture **ret_capture)
{
	(void)cs;
	if (fake.refuse_start)
		return ap_fail(AP_ERR_IO, "capture-start", "refused by the test");
	struct ap_capture *c = g_new0(struct ap_capture, 1);
	*c = (struct ap_capture){ .events = events, .ctx = ctx, .params = *params, .gate = -1 };
	fake.last = c;
	fake.started++;
	*ret_capture = c;
	return AP_SUCCESS;
}

struct ap_result ap_capture_open(struct ap_capture *c, uint64_t generation, uint32_t epoch, int gate)
{
	c->open_generation = generation;
	c->open_epoch = epoch;
	c->gate = gate;
	c->opened++;
	return AP_SUCCESS;
}

void ap_capture_renew(struct ap_capture *c, uint64_t generation)
{
	c->renewed += generation == c->open_generation && !c->closing;
}

void fake_capture_ack(void)
{
	struct ap_capture *c = fake.last;
	if (!c || !c->closing)
		return;
	uint64_t generation = c->open_generation;
	close(c->gate);
	c->gate = -1;
	c->closing = false;
	c->open_generation = 0;
	c->closed++;
	struct ap_capture_epoch epoch = { .epoch = c->open_epoch, .generation = generation, .file_end_ms = 1000 };
	const struct ap_capture_events *events = c->events;
	void *ctx = c->ctx;
	events->closed(ctx, generation);
	if (fake.last == c)
		events->epoch(ctx, &epoch);
}

static gboolean ack_soon(void *data)
{
	(void)data;
	fake_capture_ack();
	return G_SOURCE_REMOVE;
}

/* On the thread's own context, as the real one does: never from inside the call. */
static void soon(GSourceFunc fn)
{
	GSource *source = g_idle_source_new();
	g_source_set_callback(source, fn, NULL, NULL);
	g_source_attach(source, g_main_context_get_thread_default());
	g_source_unref(source);
}

void ap_capture_close(struct ap_capture *c, uint64_t generation, bool discard)
{
	if (generation != c->open_generation)
		return;
	c->closing = true;
	c->discarded = discard;
	if (!fake.mute)
		soon(ack_soon);
}

static gboolean sealed_soon(void *data)
{
	(void)data;
	if (fake.last && fake.last->sealing)
		fake_capture_sealed(1000);
	return G_SOURCE_REMOVE;
}

void ap_capture_seal(struct ap_capture *c)
{
	c->sealing = true;
	if (!fake.mute)
		soon(sealed_soon);
}

void ap_capture_free(struct ap_capture *c)
{
	if (!c)
		return;
	if (c->gate >= 0)
		close(c->gate);
	if (fake.last == c)
		fake.last = NULL;
	fake.freed++;
	g_free(c);
}

void fake_capture_segment(enum ap_role role, uint32_t number, uint64_t plain_size)
{
	struct ap_capture_cluster cluster = { .offset = number * plain_size, .time_ms = number * 1000, .keyframe = true };
	struct ap_capture_segment segment = { .role = role,
					      .number = number,
					      .epoch = fake.last->open_epoch,
					      .size = plain_size + 200,
					      .plain_size = plain_size,
					      .clusters = &cluster,
					      .cluster_count = number > 0 };
	fake.last->events->segment(fake.last->ctx, &segment);
}

void fake_capture_sealed(uint64_t duration_ms)
{
	const uint64_t durations[2] = { duration_ms, duration_ms };
	fake.last->events->sealed(fake.last->ctx, durations);
}

void fake_capture_fail(const char *reason)
{
	fake.last->events->failed(fake.last->ctx, reason);
}
