#include "network_call.h"

#include "capture_zygote.h"
#include "network_recording.h"

#include "recorder/recording/capture_spawn.h"
#include "tests/testlib/numbered.h"

#include <aparte/age.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECT_MS = 25000, QUEUE_BYTES = 1 << 20, GENERATION = 4711, RENEW_MS = 500, LATER_MS = 1000, SETTLE_MS = 1500, AFTER_MS = 300, LATE_MS = 300 };
enum { FRAME_DELAY_MS = 40 };
#define MS INT64_C(1000000)
#define GATEWAY_V4 "10.98.0.1"
#define CLIENT_V4 "10.98.0.2"
#define GATEWAY_V6 "fd98::1"
#define CLIENT_V6 "fd98::2"

static struct {
	enum network_place place;
	int gateway_ns, client_ns;
} world;

struct call {
	const struct network_scenario *s;
	struct ap_media_fixture f;
	struct ap_lossy *lossy[2];
	struct ap_numbered *numbered[2];
	struct ap_blob *blob;
	struct ap_captures *captures;
	struct ap_capture *capture;
	struct ap_secret *identity[2];
	struct ap_uuid recording;
	int64_t opened_ns, closed_ns;
	bool talks[2], closed, sealed, tap_open, tap_closed;
	uint64_t duration_ms[2], tap_dropped;
	const char *failed;
};

static int64_t now_ns(void)
{
	return g_get_monotonic_time() * 1000;
}

/* ---- the place ---- */

static bool run(const char *format, ...) G_GNUC_PRINTF(1, 2);
static bool run(const char *format, ...)
{
	va_list list;
	va_start(list, format);
	g_autofree char *command = g_strdup_vprintf(format, list);
	va_end(list);
	return system(command) == 0;
}

/* A fresh namespace, which this thread is in from now on. -1: not possible here. */
static int fresh_namespace(void)
{
	return unshare(CLONE_NEWNET) == 0 && run("ip link set lo up") ? open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC) : -1;
}

static bool be_in(int ns)
{
	return setns(ns, CLONE_NEWNET) == 0;
}

static bool connect_namespaces(void)
{
	int mtu = world.place == PLACE_MTU_1280 ? 1280 : 1500;
	bool six = world.place == PLACE_IPV6;
	return run("ip link add client mtu %d type veth peer name gateway mtu %d", mtu, mtu) &&
	       run("ip link set gateway netns /proc/%d/fd/%d", (int)getpid(), world.gateway_ns) &&
	       run("ip addr add %s dev client && ip link set client up", six ? CLIENT_V6 "/64 nodad" : CLIENT_V4 "/24") &&
	       be_in(world.gateway_ns) &&
	       run("ip addr add %s dev gateway && ip link set gateway up", six ? GATEWAY_V6 "/64 nodad" : GATEWAY_V4 "/24") &&
	       (world.place != PLACE_NO_UDP ||
		run("nft 'add table inet wall; add chain inet wall in { type filter hook input priority 0; };"
		    " add rule inet wall in meta l4proto udp drop'"));
}

/* Clients and gateway in two namespaces with one real link between them. */
bool network_enter(enum network_place place)
{
	world.place = place;
	if (place == PLACE_LOOPBACK)
		return true;
	world.gateway_ns = fresh_namespace();
	world.client_ns = world.gateway_ns >= 0 ? fresh_namespace() : -1;
	return world.client_ns >= 0 && connect_namespaces();
}

static const char *gateway_address(void)
{
	return world.place == PLACE_LOOPBACK ? "127.0.0.1" : world.place == PLACE_IPV6 ? GATEWAY_V6 : GATEWAY_V4;
}

static const char *client_address(void)
{
	return world.place == PLACE_LOOPBACK ? "127.0.0.1" : world.place == PLACE_IPV6 ? CLIENT_V6 : CLIENT_V4;
}

/* ---- the call ---- */

static void make_lossy(struct call *c, int side, uint64_t seed)
{
	struct ap_lossy_options o = {.address = "127.0.0.1",
				     .gateway_address = "127.0.0.1",
				     .gateway_port = (uint16_t)(c->f.port + c->f.worker),
				     .seed = seed + (uint64_t)side};
	for (int way = 0; way < AP_LOSSY_WAYS; way++)
		g_assert_true(ap_lossy_parse(c->s->way, &o.paths[way]));
	c->lossy[side] = ap_lossy_new(&o);
	g_assert_nonnull(c->lossy[side]);
	c->f.sides[side].dial_port = ap_lossy_port(c->lossy[side]);
}

static void make_client(struct call *c, int side)
{
	const struct network_person *p = &c->s->persons[side];
	ap_fixture_make(&c->f, side,
			&(struct ap_peer_options){.address = client_address(),
						  .patient = p->rebind_ms == 0,
						  .tcp = p->tcp || world.place == PLACE_NO_UDP});
	for (int i = 0; i < AP_LINES && p->no_rtx; i++) {
		c->f.sides[side].leg.lines[i].rtx_pt = 0;
		c->f.sides[side].leg.lines[i].local_rtx_ssrc = 0;
	}
}

static void make_person(struct call *c, int side, uint64_t seed)
{
	const struct network_person *p = &c->s->persons[side];
	make_client(c, side);
	if (world.place == PLACE_LOOPBACK)
		make_lossy(c, side, seed);
	c->numbered[side] = ap_numbered_new(&(struct ap_numbered_options){.fixture = &c->f,
									   .side = side,
									   .no_rtx = p->no_rtx,
									   .ntp_offset_s = p->ntp_offset_s,
									   .drift_ppm = p->drift_ppm,
									   .frame_delay_ms = FRAME_DELAY_MS,
									   .patience_ms = c->s->patience_ms});
}

static bool is_ready(const struct call *c, int side)
{
	const struct ap_side_fixture *s = &c->f.sides[side];
	return s->connected > s->disconnected && ap_peer_ready(s->peer);
}

static bool both_ready(const struct call *c)
{
	return is_ready(c, 0) && is_ready(c, 1);
}

/* Each sends from its own connection on, as clients do: a silent one is taken for gone. */
static bool both_talk(void *call)
{
	struct call *c = call;
	for (int side = 0; side < 2; side++)
		if (!c->talks[side] && is_ready(c, side)) {
			ap_numbered_start(c->numbered[side]);
			c->talks[side] = true;
		}
	return both_ready(c) && c->talks[0] && c->talks[1];
}

static void on_closed(void *call, uint64_t generation)
{
	(void)generation;
	((struct call *)call)->closed = true;
}

static void on_segment(void *call, const struct ap_capture_segment *segment)
{
	(void)call;
	(void)segment;
}

static void on_epoch(void *call, const struct ap_capture_epoch *epoch)
{
	(void)call;
	for (int i = 0; i < 4 && getenv("APARTE_NETWORK_LIST"); i++) {
		const struct ap_capture_line_stats *l = &epoch->lines[i / 2][i % 2];
		printf("  side %d line %d: packets %llu lost %llu late %llu malformed %llu frames %llu\n", i / 2, i % 2,
		       (unsigned long long)l->packets, (unsigned long long)l->lost, (unsigned long long)l->late,
		       (unsigned long long)l->malformed, (unsigned long long)l->frames);
	}
}

static void on_first(void *call, uint64_t generation)
{
	(void)call;
	(void)generation;
}

static void on_sealed(void *call, const uint64_t duration_ms[2])
{
	struct call *c = call;
	c->sealed = true;
	c->duration_ms[0] = duration_ms[0];
	c->duration_ms[1] = duration_ms[1];
}

static void on_failed(void *call, const char *reason)
{
	((struct call *)call)->failed = reason;
}

static const struct ap_capture_events capture_events = {on_closed, on_segment, on_epoch, on_first, on_sealed, on_failed};

static bool captures_ready(void *call)
{
	return ap_captures_ready(((struct call *)call)->captures);
}

static void start_capture(struct call *c, int link, const char *directory)
{
	struct ap_capture_params params = {.recording = ap_uuid_random(), .session = c->f.sides[0].leg.session, .video = AP_CODEC_VP8};
	c->recording = params.recording;
	g_assert_true(ap_ok(ap_blob_open(directory, &c->blob)));
	c->captures = ap_captures_new(link, c->blob, ap_clock_system(), c->f.context);
	g_assert_true(ap_peer_wait(c->f.context, captures_ready, c, 5000));
	for (int i = 0; i < 2; i++) {
		c->identity[i] = ap_secret_random(AP_AGE_KEY);
		struct ap_age_recipient r = ap_age_identity_recipient(c->identity[i]);
		ap_copy(params.recipient[i], sizeof params.recipient[i], r.b, sizeof r.b);
	}
	g_assert_true(ap_ok(ap_capture_start(c->captures, &params, &capture_events, c, &c->capture)));
}

static void on_tap_open(void *call)
{
	((struct call *)call)->tap_open = true;
}

static void on_tap_closed(void *call, uint64_t packets, uint64_t dropped)
{
	struct call *c = call;
	(void)packets;
	c->tap_dropped = dropped;
	c->tap_closed = true;
}

static bool is_true(void *flag)
{
	return *(bool *)flag;
}

/* As the vault does it. */
static void open_gate(struct call *c)
{
	int ends[2], size = QUEUE_BYTES;
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), ==, 0);
	(void)setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	shutdown(ends[0], SHUT_WR);
	g_assert_true(ap_ok(ap_capture_open(c->capture, GENERATION, 1, ends[0])));
	c->opened_ns = now_ns();
	ap_media_open_tap(c->f.media, c->f.worker, &c->f.sides[0].leg.session, GENERATION, ends[1], on_tap_open, c);
	g_assert_true(ap_peer_wait(c->f.context, is_true, &c->tap_open, 2000));
}

static void close_gate(struct call *c)
{
	c->closed_ns = now_ns();
	ap_media_close_tap(c->f.media, c->f.worker, &c->f.sides[0].leg.session, GENERATION, on_tap_closed, c);
	g_assert_true(ap_peer_wait(c->f.context, is_true, &c->tap_closed, 2000));
	ap_capture_close(c->capture, GENERATION, false);
	g_assert_true(ap_peer_wait(c->f.context, is_true, &c->closed, 5000));
	ap_capture_seal(c->capture);
	ap_peer_wait(c->f.context, is_true, &c->sealed, 10000);
}

static void reload(struct call *c, int side)
{
	make_client(c, side);
	ap_numbered_reload(c->numbered[side]);
	ap_fixture_put(&c->f, side);
}

static void restart(struct call *c, int side)
{
	ap_fixture_restart(&c->f, side);
}

static void set_way_down(struct call *c, int side, bool dead)
{
	struct ap_lossy_path path = {0};
	g_assert_true(ap_lossy_parse(dead ? "loss=1,spare=1" : c->s->way, &path));
	ap_lossy_set(c->lossy[side], AP_LOSSY_DOWN, &path);
}

/* What is due between the two times happens. */
static void happen(struct call *c, int from_ms, int to_ms)
{
	for (int side = 0; side < 2; side++) {
		const struct network_person *p = &c->s->persons[side];
		if (p->rebind_ms > from_ms && p->rebind_ms <= to_ms)
			ap_lossy_rebind(c->lossy[side]);
		if (p->restart_ms > from_ms && p->restart_ms <= to_ms)
			restart(c, side);
		if (p->reload_ms > from_ms && p->reload_ms <= to_ms)
			reload(c, side);
		if (p->deaf_ms > from_ms && p->deaf_ms <= to_ms)
			set_way_down(c, side, true);
		if (p->deaf_ms + p->deaf_for_ms > from_ms && p->deaf_ms + p->deaf_for_ms <= to_ms)
			set_way_down(c, side, false);
	}
}

static void set_ways(struct call *c, const char *text)
{
	struct ap_lossy_path path = {0};
	g_assert_true(ap_lossy_parse(text, &path));
	for (int i = 0; i < 4; i++)
		ap_lossy_set(c->lossy[i / 2], (enum ap_lossy_way)(i % 2), &path);
}

static void begin_outage(struct call *c)
{
	struct ap_lossy_path dead = {.loss = 1};
	for (int i = 0; i < 4; i++)
		if (!c->s->outage_up || i % 2 == AP_LOSSY_UP)
			ap_lossy_set(c->lossy[i / 2], (enum ap_lossy_way)(i % 2), &dead);
}

/* The ways change, at their times. */
static void change_ways(struct call *c, int from_ms, int to_ms)
{
	int outage_ms = (int)c->s->outage_ms;
	if (outage_ms > from_ms && outage_ms <= to_ms)
		set_ways(c, c->s->way);
	if (c->s->later && from_ms < LATER_MS && to_ms >= LATER_MS)
		set_ways(c, c->s->later);
}

static void talk(struct call *c)
{
	int at_ms = 0;
	if (c->s->outage_ms)
		begin_outage(c);
	open_gate(c);
	for (int now_ms; at_ms < c->s->seconds * 1000; at_ms = now_ms) {
		ap_fixture_run(&c->f, 50);
		now_ms = (int)((now_ns() - c->opened_ns) / MS);
		happen(c, at_ms, now_ms);
		change_ways(c, at_ms, now_ms);
		if (at_ms / RENEW_MS != now_ms / RENEW_MS)
			ap_capture_renew(c->capture, GENERATION);
	}
	close_gate(c);
	for (int side = 0; side < 2; side++)
		ap_numbered_stop(c->numbered[side]);
	ap_fixture_run(&c->f, AFTER_MS);
}

/* ---- what came of it ---- */

static const struct recorded_item *find(GArray *items, uint32_t number)
{
	for (guint i = 0; i < items->len; i++)
		if (g_array_index(items, struct recorded_item, i).number == number)
			return &g_array_index(items, struct recorded_item, i);
	return NULL;
}

static double file_minus_taken(const struct call *c, const struct recorded_item *r, const struct ap_numbered_item *sent)
{
	return (double)r->time_ms - (double)(sent[r->number].taken_ns - c->opened_ns) / (double)MS;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(GArray *values)
{
	if (values->len == 0)
		return NAN;
	qsort(values->data, values->len, sizeof(double), by_value);
	return g_array_index(values, double, values->len / 2);
}

/* Of the sounds taken within half a second of that time; NAN: none. */
static double sounds_around(const struct call *c, GArray *recorded, const struct ap_numbered_item *sent, int64_t taken_ns,
			    int64_t within_ns)
{
	g_autoptr(GArray) near = g_array_new(FALSE, FALSE, sizeof(double));
	for (guint i = 0; i < recorded->len; i++) {
		const struct recorded_item *r = &g_array_index(recorded, struct recorded_item, i);
		double off = file_minus_taken(c, r, sent);
		if (llabs(sent[r->number].taken_ns - taken_ns) <= within_ns)
			g_array_append_val(near, off);
	}
	return median(near);
}

/* Frames that the other could show while the gate was open and that the recording could have: from the first
 * keyframe after the opening on that came whole. */
static void count_frames(const struct call *c, int side, const struct recorded_track *t, struct network_figures *f)
{
	size_t count;
	const struct ap_numbered_item *sent = ap_numbered_frames(c->numbered[side], &count);
	g_autofree bool *shown = g_new0(bool, count);
	bool begun = false;
	int64_t whole_ns = 0; /* when the frame and those it refers to were there */
	ap_numbered_shown(c->numbered[side], shown);
	for (size_t i = 0; i < count; i++) {
		bool within = sent[i].taken_ns + FRAME_DELAY_MS * MS > c->opened_ns + 20 * MS && sent[i].taken_ns < c->closed_ns;
		begun = begun || (within && sent[i].key && shown[i]);
		whole_ns = sent[i].key ? sent[i].complete_ns : MAX(whole_ns, sent[i].complete_ns);
		f->sent += within;
		if (!within || !begun || !shown[i] || whole_ns >= c->closed_ns)
			continue;
		f->shown++;
		if (!find(t->frames, (uint32_t)i)) {
			f->missing++;
			if (getenv("APARTE_NETWORK_LIST"))
				printf("  side %d: frame %zu%s, %.0f ms after opening, came after %.0f ms\n", side, i,
				       sent[i].key ? " (key)" : "", (double)(sent[i].taken_ns - c->opened_ns) / (double)MS,
				       (double)(sent[i].complete_ns - sent[i].taken_ns) / (double)MS);
		}
	}
	f->recorded = t->frames->len;
	f->first_ms = f->recorded > 0 ? (double)g_array_index(t->frames, struct recorded_item, 0).time_ms : INFINITY;
	if (getenv("APARTE_NETWORK_LIST")) {
		for (size_t i = 0; i < count; i++)
			if (sent[i].key)
				printf("  side %d: key %zu at %.0f ms\n", side, i, (double)(sent[i].taken_ns - c->opened_ns) / 1e6);
		for (guint i = 0; i < t->frames->len; i += 10) {
			const struct recorded_item *r = &g_array_index(t->frames, struct recorded_item, i);
			printf("  side %d: rec %u at %ld ms\n", side, r->number, (long)r->time_ms);
		}
	}
	for (guint i = 0; i < t->frames->len; i++) {
		const struct recorded_item *r = &g_array_index(t->frames, struct recorded_item, i), *before = i ? r - 1 : NULL;
		f->spoilt += r->number >= count || r->size != sent[r->number].size ||
			     (before && (r->number <= before->number || r->time_ms <= before->time_ms));
	}
}

static void count_sounds(const struct call *c, int side, const struct recorded_track *t, struct network_figures *f)
{
	size_t count;
	const struct ap_numbered_item *sent = ap_numbered_sounds(c->numbered[side], &count);
	for (size_t i = 0; i < count; i++) {
		bool in_time = sent[i].complete_ns && sent[i].complete_ns - sent[i].taken_ns <= LATE_MS * MS;
		if (!in_time || sent[i].taken_ns < c->opened_ns + 20 * MS || sent[i].complete_ns >= c->closed_ns)
			continue;
		f->heard++;
		f->heard_missing += find(t->sounds, (uint32_t)i) == NULL;
	}
}

/* The second after a beginning is left out: the smallest delay must be seen first. */
static void measure_sync(const struct call *c, int side, const struct recorded_track *t, struct network_figures *f)
{
	size_t count;
	const struct ap_numbered_item *frames = ap_numbered_frames(c->numbered[side], &count);
	const struct ap_numbered_item *sounds = ap_numbered_sounds(c->numbered[side], &count);
	f->at_ms = sounds_around(c, t->sounds, sounds, 0, INT64_MAX);
	for (guint i = 0; i < t->frames->len; i++) {
		const struct recorded_item *r = &g_array_index(t->frames, struct recorded_item, i);
		int64_t taken = frames[r->number].taken_ns, reload = c->s->persons[side].reload_ms * MS + c->opened_ns;
		double around = sounds_around(c, t->sounds, sounds, taken, 500 * MS);
		double off = fabs(file_minus_taken(c, r, frames) - around);
		bool settled = taken - c->opened_ns > SETTLE_MS * MS && (taken < reload || taken > reload + 2 * SETTLE_MS * MS);
		if (settled && off > f->worst_av_ms)
			f->worst_av_ms = off;
	}
}

static void judge(struct call *c, struct network_result *ret)
{
	double seconds = (double)(c->closed_ns - c->opened_ns) / 1e9;
	for (int side = 0; side < 2; side++) {
		struct network_figures *f = &ret->of[side];
		struct recorded_track t =
			recorded_track_read(c->blob, &c->recording, (enum ap_role)(AP_COACH + side), c->identity[side]);
		count_frames(c, side, &t, f);
		count_sounds(c, side, &t, f);
		measure_sync(c, side, &t, f);
		double off = (double)c->duration_ms[side] / 1000 - seconds, end = (double)t.end_ms / 1000 - seconds;
		f->length_off_s = fabs(off) > fabs(end) ? off : end;
		f->spoilt += t.back;
		recorded_track_clear(&t);
	}
	ret->across_ms = ret->of[0].at_ms - ret->of[1].at_ms;
}

static void tell_sides(struct call *c)
{
	for (int side = 0; side < 2; side++) {
		const struct ap_side_fixture *s = &c->f.sides[side];
		printf("  side %d: connected %d, disconnected %d, failed %d; client: ice %d, ready %d, closed %d\n", side, s->connected,
		       s->disconnected, s->failed, ap_peer_ice_ready(s->peer), ap_peer_ready(s->peer), ap_peer_closed(s->peer));
	}
}

static const char *hold(struct call *c, uint64_t seed, struct network_result *ret)
{
	int64_t began = now_ns();
	for (int side = 0; side < 2; side++)
		make_person(c, side, seed);
	ap_numbered_pair(c->numbered[0], c->numbered[1]);
	for (int side = 0; side < 2; side++)
		ap_fixture_put(&c->f, side);
	if (!ap_peer_wait(c->f.context, both_talk, c, CONNECT_MS)) {
		tell_sides(c);
		return "not connected";
	}
	ret->connect_s = (double)(now_ns() - began) / 1e9;
	ap_fixture_run(&c->f, 700);
	if (c->failed)
		return c->failed;
	talk(c);
	if (c->failed || !c->sealed)
		return c->failed ? c->failed : "not sealed";
	if (!both_ready(c))
		return "a leg was lost";
	return NULL;
}

void network_call(const struct network_scenario *s, uint64_t seed, uint16_t port, struct network_result *ret)
{
	struct call c = {.s = s};
	g_autofree char *directory = g_dir_make_tmp("aparte-network-XXXXXX", NULL);
	struct test_zygote z = test_zygote_start();
	*ret = (struct network_result){0};
	g_assert_true(world.place == PLACE_LOOPBACK || be_in(world.gateway_ns));
	ap_fixture_open(&c.f, port, gateway_address());
	g_assert_true(world.place == PLACE_LOOPBACK || be_in(world.client_ns));
	start_capture(&c, z.link, directory);
	ret->trouble = hold(&c, seed, ret);
	if (!ret->trouble)
		judge(&c, ret);
	ret->tap_dropped = c.tap_dropped;
	ap_capture_free(c.capture);
	ap_captures_free(c.captures);
	for (int side = 0; side < 2; side++)
		ap_numbered_free(c.numbered[side]);
	ap_fixture_close(&c.f);
	for (int side = 0; side < 2; side++)
		ap_lossy_free(c.lossy[side]);
	test_zygote_stop(&z);
	ap_blob_free(c.blob);
	if (!getenv("APARTE_KEEP"))
		run("rm -rf '%s'", directory);
	for (int i = 0; i < 2; i++)
		ap_secret_free(c.identity[i]);
}
