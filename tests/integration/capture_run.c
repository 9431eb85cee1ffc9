/*
 * Real RTP through the real capture: the zygote's executable, driven by the vault's capture_spawn, fed on gate
 * descriptors in real time. All scenarios run at once; then a script decrypts each track with the stock `age` tool and
 * looks at it with ffmpeg, ffprobe and mkvinfo.
 */
#include "capture_sender.h"
#include "capture_zygote.h"

#include "recorder/recording/blob.h"
#include "recorder/recording/capture_spawn.h"

#include <aparte/age.h>
#include <gst/gst.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MS SENDER_MS
#define MAX_EPOCHS 5
#define KEPT_MS (AP_SEGMENT_MS + 400) /* what a kill may cost: by the design 4 s; the rest for a busy machine */
#define OPENING_MS 150 /* of an epoch may be missed: packets on their way, or lost; the rest for a busy machine */

struct scenario {
	const char *name, *codec;
	struct sender senders[2];
	int epochs[MAX_EPOCHS][2]; /* open and close, ms after the media begin; from a close on: once it is confirmed */
	/* what to expect of it */
	bool skipped;

	struct ap_uuid recording;
	struct ap_capture *capture;
	struct ap_secret *identity[2];
	uint64_t generation;
	int next_epoch, epochs_reported;
	int gate; /* writing end; by `lock` */
	int64_t opened_us, file_us; /* this epoch's opening, and the length of those before */
	int64_t lasted_us[MAX_EPOCHS]; /* how long each was open */
	int64_t most_missed_ms;	       /* of an epoch's beginning, at worst */
	int64_t most_unkept_ms;	    /* media that was not durable yet, at worst */
	int64_t closed_us; /* when the close was ordered */
	int64_t slowest_close_us;
	bool sealed, closing;
	const char *failed;
	uint64_t duration_ms[2], packets, lost;
};

static struct scenario scenarios[] = {
	{ .name = "plain", .codec = "VP8", .senders = { { .delay_ms = 10 }, { .delay_ms = 40, .jitter_ms = 30 } },
	  .epochs = { { 500, 7500 } } },
	{ .name = "clock", .codec = "VP8",
	  .senders = { { .delay_ms = 20, .ntp_offset_s = 5, .drift_ppm = 100 },
		       { .delay_ms = 20, .ntp_offset_s = -300, .drift_ppm = -100, .jitter_ms = 20 } },
	  .epochs = { { 0, 7500 } } },
	{ .name = "loss", .codec = "VP8",
	  .senders = { { .loss_percent = 2, .jitter_ms = 10 }, { .reorder_percent = 5 } }, .epochs = { { 300, 7300 } } },
	{ .name = "ssrc", .codec = "VP8", .senders = { { .ssrc_change_ms = 3500 }, { 0 } }, .epochs = { { 0, 7000 } } },
	{ .name = "resize", .codec = "VP8", .senders = { { .resize = true }, { .screen = true } },
	  .epochs = { { 0, 7500 } } },
	{ .name = "muted", .codec = "VP8",
	  .senders = { { .no_camera = true }, { .camera_to_ms = 2500 } }, .epochs = { { 0, 6000 } } },
	{ .name = "dtx", .codec = "VP8", .senders = { { .dtx = true }, { .no_audio = true } }, .epochs = { { 0, 6500 } } },
	{ .name = "late", .codec = "VP8",
	  .senders = { { .audio_from_ms = 3000 }, { .camera_from_ms = 4000, .camera_to_ms = 8000 } },
	  .epochs = { { 0, 7000 } } },
	{ .name = "pause", .codec = "VP8", .senders = { { .delay_ms = 15 }, { 0 } },
	  .epochs = { { 200, 3200 }, { 4500, 7700 } } },
	{ .name = "short", .codec = "VP8",
	  .senders = { { .loss_percent = 10 }, { .loss_percent = 10, .jitter_ms = 30 } },
	  .epochs = { { 0, 1500 }, { 1500, 1700 }, { 1700, 2000 }, { 2000, 3000 }, { 3000, 7500 } } },
	{ .name = "vp9", .codec = "VP9", .senders = { { 0 }, { .loss_percent = 1 } }, .epochs = { { 0, 6000 } } },
	{ .name = "h264", .codec = "H264", .senders = { { 0 }, { .reorder_percent = 3 } }, .epochs = { { 0, 6000 } } },
	{ .name = "silent", .codec = "VP8",
	  .senders = { { .no_camera = true, .no_audio = true }, { .no_camera = true } }, .epochs = { { 0, 5000 } } },
};

static struct {
	GMainContext *context;
	GMutex lock;
	int64_t start_ns;
	GArray *events;
	unsigned pending;
	char *directory;
	struct ap_captures *captures;
} run;

static int64_t now_ns(void)
{
	return ap_mono_ns(ap_clock_system());
}

static int by_time(const void *a, const void *b)
{
	const struct sender_event *x = a, *y = b;
	return (x->due_ns > y->due_ns) - (x->due_ns < y->due_ns);
}

static void send_event(const struct sender_event *e)
{
	struct scenario *s = e->owner;
	g_mutex_lock(&run.lock);
	if (s->gate >= 0) {
		struct ap_writer times = ap_writer_over(e->datagram + 4, 16);
		ap_write_u64(&times, s->generation);
		ap_write_u64(&times, (uint64_t)now_ns());
		send(s->gate, e->datagram, e->len, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	g_mutex_unlock(&run.lock);
}

static gpointer send_all(gpointer data)
{
	(void)data;
	for (guint i = 0; i < run.events->len; i++) {
		const struct sender_event *e = &g_array_index(run.events, struct sender_event, i);
		int64_t wait = run.start_ns + e->due_ns - now_ns();
		if (wait > 0)
			g_usleep((gulong)(wait / 1000));
		send_event(e);
		g_free(e->datagram);
	}
	return NULL;
}

/* ---- the vault's part ---- */

static void done(struct scenario *s)
{
	ap_capture_free(s->capture);
	s->capture = NULL;
	run.pending--;
	g_main_context_wakeup(run.context);
}

static gboolean open_gate(gpointer data)
{
	struct scenario *s = data;
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	shutdown(pair[0], SHUT_WR);
	g_mutex_lock(&run.lock);
	s->generation = ((uint64_t)g_random_int() << 32 | g_random_int()) | 1;
	s->gate = pair[1];
	g_mutex_unlock(&run.lock);
	s->opened_us = g_get_monotonic_time();
	assert_true(ap_ok(ap_capture_open(s->capture, s->generation, (uint32_t)s->next_epoch + 1, pair[0])));
	return G_SOURCE_REMOVE;
}

static bool has_epoch(const struct scenario *s, int i)
{
	return i < MAX_EPOCHS && s->epochs[i][1] > 0;
}

static bool follows_at_once(const struct scenario *s, int i)
{
	return i > 0 && has_epoch(s, i) && s->epochs[i][0] == s->epochs[i - 1][1];
}

static void on_closed(void *ctx, uint64_t generation)
{
	struct scenario *s = ctx;
	int64_t took = g_get_monotonic_time() - s->closed_us;
	assert_true(generation == s->generation);
	s->slowest_close_us = MAX(s->slowest_close_us, took);
	if (!has_epoch(s, s->next_epoch))
		ap_capture_seal(s->capture);
	else if (follows_at_once(s, s->next_epoch))
		open_gate(s);
}

/* Until this moment all that came since the segment's beginning would have been lost with the process. */
static void note_unkept(struct scenario *s, const struct ap_capture_segment *segment)
{
	int64_t at_us = s->file_us + g_get_monotonic_time() - s->opened_us;
	if (s->gate >= 0 && segment->cluster_count > 0)
		s->most_unkept_ms = MAX(s->most_unkept_ms, at_us / 1000 - (int64_t)segment->clusters[0].time_ms);
}

static void on_segment(void *ctx, const struct ap_capture_segment *segment)
{
	note_unkept(ctx, segment);
	for (size_t i = 1; i < segment->cluster_count; i++)
		assert_true(segment->clusters[i].time_ms - segment->clusters[i - 1].time_ms <= AP_CLUSTER_MS + 40);
	if (segment->cluster_count > 0)
		assert_true(segment->clusters[segment->cluster_count - 1].time_ms - segment->clusters[0].time_ms <= AP_SEGMENT_MS);
	if (segment->cluster_count > 0)
		assert_in_range(segment->end_ms, segment->clusters[segment->cluster_count - 1].time_ms + 1,
				segment->clusters[segment->cluster_count - 1].time_ms + AP_CLUSTER_MS + 120);
}

/* Of the beginning: what the file lacks of the time the gate was open, and who speaks all the time is not in it yet. */
static void note_missed(struct scenario *s, const struct ap_capture_epoch *epoch)
{
	int64_t lasts_ms = (int64_t)(epoch->file_end_ms - epoch->file_start_ms);
	int64_t missed_ms = s->lasted_us[s->epochs_reported] / 1000 - lasts_ms;
	for (int p = 0; p < 2; p++) {
		const struct ap_capture_line_stats *sound = &epoch->lines[p][AP_LINE_AUDIO];
		int64_t silent_ms = sound->frames > 0 ? (int64_t)(sound->first_ms - epoch->file_start_ms) : lasts_ms;
		if (!s->senders[p].no_audio && !s->senders[p].dtx && s->senders[p].audio_from_ms == 0)
			missed_ms = MAX(missed_ms, silent_ms);
	}
	s->most_missed_ms = MAX(s->most_missed_ms, missed_ms);
}

static void on_epoch(void *ctx, const struct ap_capture_epoch *epoch)
{
	struct scenario *s = ctx;
	note_missed(s, epoch);
	s->epochs_reported++;
	for (int p = 0; p < 2; p++)
		for (int l = 0; l < AP_LINES; l++) {
			s->packets += epoch->lines[p][l].packets;
			s->lost += epoch->lines[p][l].lost;
			assert_int_equal(epoch->lines[p][l].malformed, 0);
		}
}

static void on_first(void *ctx, uint64_t generation)
{
	assert_true(generation == ((struct scenario *)ctx)->generation);
}

static void on_sealed(void *ctx, const uint64_t duration_ms[2])
{
	struct scenario *s = ctx;
	s->sealed = true;
	s->duration_ms[0] = duration_ms[0];
	s->duration_ms[1] = duration_ms[1];
	done(s);
}

static void on_failed(void *ctx, const char *reason)
{
	struct scenario *s = ctx;
	s->failed = reason;
	done(s);
}

static const struct ap_capture_events events = { on_closed, on_segment, on_epoch, on_first, on_sealed, on_failed };

static gboolean close_gate(gpointer data)
{
	struct scenario *s = data;
	g_mutex_lock(&run.lock);
	close(s->gate);
	s->gate = -1;
	g_mutex_unlock(&run.lock);
	s->closed_us = g_get_monotonic_time();
	s->lasted_us[s->next_epoch++] = s->closed_us - s->opened_us;
	s->file_us += s->closed_us - s->opened_us;
	ap_capture_close(s->capture, s->generation, false);
	return G_SOURCE_REMOVE;
}

/* As the gatekeeper does while all holds. */
static gboolean renew_all(gpointer data)
{
	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(scenarios); i++)
		if (scenarios[i].capture)
			ap_capture_renew(scenarios[i].capture, scenarios[i].generation);
	return G_SOURCE_CONTINUE;
}

static void at(int64_t ms, GSourceFunc f, struct scenario *s)
{
	GSource *source = g_timeout_source_new((guint)((run.start_ns - now_ns()) / MS + ms));
	g_source_set_callback(source, f, s, NULL);
	g_source_attach(source, run.context);
	g_source_unref(source);
}

static void begin(struct scenario *s)
{
	struct ap_capture_params params = { .recording = ap_uuid_random(), .session = ap_uuid_random() };
	params.video = strcmp(s->codec, "VP8") == 0   ? AP_CODEC_VP8
		       : strcmp(s->codec, "VP9") == 0 ? AP_CODEC_VP9
						      : AP_CODEC_H264;
	s->recording = params.recording;
	s->gate = -1;
	for (int i = 0; i < 2; i++) {
		s->identity[i] = ap_secret_random(AP_AGE_KEY);
		struct ap_age_recipient r = ap_age_identity_recipient(s->identity[i]);
		ap_copy(params.recipient[i], 32, r.b, 32);
	}
	assert_true(ap_ok(ap_capture_start(run.captures, &params, &events, s, &s->capture)));
	run.pending++;
	for (int i = 0; has_epoch(s, i); i++) {
		if (!follows_at_once(s, i))
			at(s->epochs[i][0], open_gate, s);
		at(s->epochs[i][1], close_gate, s);
	}
}

/* ---- looking at the result ---- */

static void write_identities(const struct scenario *s, const char *path)
{
	for (int i = 0; i < 2; i++) {
		struct ap_secret *text = ap_age_identity_text(s->identity[i]);
		g_autofree char *file = g_strdup_printf("%s/%s.key", path, ap_role_text((enum ap_role)(AP_COACH + i)));
		assert_true(g_file_set_contents(file, (const char *)ap_secret_bytes(text), -1, NULL));
		ap_secret_free(text);
	}
}

static double expected_seconds(const struct scenario *s)
{
	int ms = 0;
	for (int i = 0; i < MAX_EPOCHS; i++)
		ms += s->epochs[i][1] - s->epochs[i][0];
	return ms / 1000.0;
}

static char *expectations(const struct scenario *s, int person)
{
	const struct sender *p = &s->senders[person];
	return g_strdup_printf("{\"camera\":%d,\"screen\":%d,\"audio\":%d,\"codec\":\"%s\",\"losing\":%d,\"delay\":%d}",
			       !p->no_camera, p->screen, !p->no_audio, s->codec, p->loss_percent > 0, p->delay_ms);
}

static bool check(const struct scenario *s)
{
	char id[AP_UUID_TEXT], seconds[G_ASCII_DTOSTR_BUF_SIZE];
	ap_uuid_text(&s->recording, id);
	g_autofree char *path = g_build_filename(run.directory, id, NULL);
	g_autofree char *coach = expectations(s, 0), *coachee = expectations(s, 1);
	write_identities(s, path);
	g_ascii_dtostr(seconds, sizeof seconds, expected_seconds(s));
	const char *argv[] = { "python3", AP_SOURCE_DIR "/tests/integration/capture_check.py", s->name, path, seconds,
			       coach, coachee, NULL };
	int status = -1;
	return g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL) &&
	       status == 0;
}

/* ---- the run ---- */

static double cpu_us(void)
{
	struct rusage u;
	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void prepare(struct sender_media *m)
{
	*m = sender_media_make();
	run.events = g_array_new(FALSE, FALSE, sizeof(struct sender_event));
	for (size_t i = 0; i < G_N_ELEMENTS(scenarios); i++) {
		GArray *video = sender_video(m, scenarios[i].codec);
		scenarios[i].skipped = !video;
		for (int p = 0; p < 2 && video; p++)
			sender_add(run.events, &scenarios[i], &scenarios[i].senders[p], (enum ap_role)(AP_COACH + p), m,
				   video);
	}
	g_array_sort(run.events, by_time);
}

/* Private dirty memory of the zygote's first child, KiB. */
static long private_kib(pid_t zygote)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/children", (int)zygote, (int)zygote);
	g_autofree char *children = NULL, *rollup = NULL;
	if (!g_file_get_contents(path, &children, NULL, NULL) || !children[0])
		return -1;
	g_autofree char *smaps = g_strdup_printf("/proc/%ld/smaps_rollup", strtol(children, NULL, 10));
	if (!g_file_get_contents(smaps, &rollup, NULL, NULL))
		return -1;
	const char *line = strstr(rollup, "Private_Dirty:");
	return line ? strtol(line + 14, NULL, 10) : -1;
}

static void everything_is_recorded(void **state)
{
	(void)state;
	struct sender_media media;
	struct ap_blob *blob = NULL;
	prepare(&media);
	struct test_zygote z = test_zygote_start();
	run.context = g_main_context_new();
	assert_true(ap_ok(ap_blob_open(run.directory, &blob)));
	run.captures = ap_captures_new(z.link, blob, ap_clock_system(), run.context);
	while (!ap_captures_ready(run.captures))
		g_main_context_iteration(run.context, TRUE);
	run.start_ns = now_ns() + 1000 * MS;
	for (size_t i = 0; i < G_N_ELEMENTS(scenarios); i++)
		if (!scenarios[i].skipped)
			begin(&scenarios[i]);
	g_autoptr(GSource) renewing = g_timeout_source_new(500);
	g_source_set_callback(renewing, renew_all, NULL, NULL);
	g_source_attach(renewing, run.context);
	GThread *sender = g_thread_new("sender", send_all, NULL);
	long memory = -1;
	while (run.pending > 0) {
		g_main_context_iteration(run.context, TRUE);
		if (memory < 0 && now_ns() - run.start_ns > 5500 * MS)
			memory = private_kib(z.pid);
	}
	g_thread_join(sender);
	ap_captures_free(run.captures);
	assert_int_equal(test_zygote_stop(&z), 0);
	ap_blob_free(blob);
	g_source_destroy(renewing);
	sender_media_clear(&media);
	g_array_unref(run.events);
	g_main_context_unref(run.context);
	uint64_t packets = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(scenarios); i++)
		packets += scenarios[i].packets;
	print_message("[ figures  ] %.1f us of CPU a packet, %ld KiB private dirty memory in one capture\n",
		      cpu_us() / (double)packets, memory);
}

static void one_is_right(void **state)
{
	struct scenario *s = *state;
	if (s->skipped) {
		print_message("skipped: no encoder for %s here (gstreamer1.0-plugins-bad)\n", s->codec);
		skip();
	}
	if (s->failed)
		fail_msg("the capture failed: %s", s->failed);
	assert_true(s->sealed);
	assert_int_equal(s->duration_ms[0], s->duration_ms[1]);
	print_message("at most %d ms of media were not durable\n", (int)s->most_unkept_ms);
	assert_true(s->most_unkept_ms <= KEPT_MS);
	assert_true(s->slowest_close_us < AP_CAPTURE_ACK_MS * 1000);
	int epochs = 0;
	while (has_epoch(s, epochs))
		epochs++;
	assert_int_equal(s->epochs_reported, epochs);
	print_message("at most %d ms of an epoch's beginning were missed\n", (int)s->most_missed_ms);
	assert_true(s->most_missed_ms <= OPENING_MS);
	assert_true(check(s));
}

int main(int argc, char **argv)
{
	guint32 seed = argc > 1 ? (guint32)strtoul(argv[1], NULL, 10) : g_random_int();
	g_autoptr(GError) error = NULL;
	gst_init(NULL, NULL);
	AP_IGNORE(ap_secret_init());
	print_message("seed %u\n", seed);
	g_random_set_seed(seed);
	run.directory = g_dir_make_tmp("aparte-capture-XXXXXX", &error);
	struct CMUnitTest tests[G_N_ELEMENTS(scenarios) + 1] = { cmocka_unit_test(everything_is_recorded) };
	for (size_t i = 0; i < G_N_ELEMENTS(scenarios); i++)
		tests[i + 1] = (struct CMUnitTest){ scenarios[i].name, one_is_right, NULL, NULL, &scenarios[i] };
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(scenarios); i++)
		for (int person = 0; person < 2; person++)
			ap_secret_free(scenarios[i].identity[person]);
	if (failed)
		print_message("kept: %s\n", run.directory);
	const char *rm[] = { "rm", "-rf", run.directory, NULL };
	if (!failed)
		g_spawn_sync(NULL, (char **)rm, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
	return failed;
}
