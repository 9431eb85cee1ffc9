/*
 * Owned captures that lie to the vault, each in its own way, all at once, and honest ones beside them from the same
 * zygote: real sandbox, real media, the vault's own hand on its captures. A lie ends its recording with a reason; what
 * was accepted before stays what it was; the others are whole and playable.
 */
#include "tests/attack/owned.h"
#include "tests/integration/capture_media.h"
#include "tests/integration/capture_zygote.h"

#include "recorder/recording/blob.h"
#include "recorder/recording/capture_spawn.h"

#include <aparte/age.h>
#include <errno.h>
#include <gst/gst.h>
#include <setjmp.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SECONDS 6
#define OPEN_MS 500
#define CLOSE_MS 5500
#define LAST_MS 20000 /* nothing is waited for longer */
#define MS INT64_C(1000000)
#define MAX_SEGMENT (80u << 20)

struct recording {
	const char *name;
	enum owned_lie lie;
	const char *ends; /* the reason it is to end with; NULL: sealed */
	const char *or_ends; /* another, when the disk was slow */

	struct ap_uuid id;
	struct ap_capture *capture;
	struct ap_secret *identity[2];
	uint64_t generation;
	int gate; /* writing end; -1 */
	GArray *segments; /* of struct ap_capture_segment, as accepted */
	const char *failed;
	bool sealed, done, cut; /* cut: once closed, the gate takes nothing */
};

static struct recording recordings[] = {
	{ .name = "honest" },
	{ .name = "honest again" },
	{ .name = "no lie" , .lie = LIE_NONE },
	{ .name = "a size that is not the file's", .lie = LIE_SIZE, .ends = "capture-report" },
	{ .name = "a size that does not fit", .lie = LIE_PLAIN_SIZE, .ends = "capture-report" },
	{ .name = "another hash", .lie = LIE_HASH, .ends = "capture-report" },
	{ .name = "no clusters", .lie = LIE_CLUSTER_COUNT, .ends = "capture-report" },
	{ .name = "a number again", .lie = LIE_NUMBER_AGAIN, .ends = "capture-report" },
	{ .name = "a number ahead", .lie = LIE_NUMBER_AHEAD, .ends = "capture-report" },
	{ .name = "an epoch before", .lie = LIE_EPOCH_BACK, .ends = "capture-report" },
	{ .name = "a segment it did not write", .lie = LIE_UNWRITTEN, .ends = "capture-report" },
	{ .name = "a closed segment overwritten", .lie = LIE_OVERWRITE, .ends = "capture-report" },
	{ .name = "closed, and nobody asked", .lie = LIE_CLOSED_EARLY, .ends = "capture-report" },
	{ .name = "never closed", .lie = LIE_NEVER_CLOSES, .ends = "capture-stuck" },
	{ .name = "closed, and it reads on", .lie = LIE_GOES_ON },
	{ .name = "sealed before its end", .lie = LIE_SEALED_EARLY, .ends = "capture-report" },
	{ .name = "an epoch that lasted an hour more", .lie = LIE_EPOCH_LONGER, .ends = "capture-report" },
	{ .name = "more after the end", .lie = LIE_AFTER_SEAL, .ends = "capture-report" },
	{ .name = "garbage", .lie = LIE_GARBAGE, .ends = "capture-report" },
	{ .name = "a message too large", .lie = LIE_OVERSIZED, .ends = "capture-report" },
	{ .name = "an unknown message", .lie = LIE_UNKNOWN_TYPE, .ends = "capture-report" },
	{ .name = "an order as report", .lie = LIE_ORDER, .ends = "capture-report" },
	{ .name = "each segment twice", .lie = LIE_TWICE, .ends = "capture-report" },
	{ .name = "a descriptor with a report", .lie = LIE_DESCRIPTOR, .ends = "capture-report" },
	{ .name = "250 descriptors", .lie = LIE_MANY_DESCRIPTORS, .ends = "capture-report" },
	{ .name = "a flood of reports", .lie = LIE_FLOOD, .ends = "capture-report" },
	{ .name = "a segment without end", .lie = LIE_ENDLESS, .ends = "segment-write", .or_ends = "capture-stuck" },
	{ .name = "nothing but spinning", .lie = LIE_SPINS, .ends = "capture-stuck" },
};

static struct {
	GMainContext *context;
	GMutex lock; /* of the gates */
	char *directory;
	struct ap_blob *blob;
	struct ap_captures *captures;
	GArray *video, *audio;
	int64_t start_ns;
	unsigned pending;
	gint stop;
} run;

static int64_t now_ns(void)
{
	return g_get_monotonic_time() * 1000;
}

/* ---- the gateway's part ---- */

static void send_packet(struct recording *r, enum ap_line line, uint16_t seq, const struct media_packet *m)
{
	uint8_t bytes[AP_GATE_DATAGRAM];
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	const struct ap_gate_header h = { AP_GATE_RTP, AP_COACH, line, r->generation, (uint64_t)now_ns() };
	gsize len;
	const void *payload = g_bytes_get_data(m->payload, &len);
	ap_gate_header_write(&w, &h);
	ap_write_u8(&w, 0x80);
	ap_write_u8(&w, (uint8_t)((m->marker ? 0x80 : 0) | (line == AP_LINE_AUDIO ? AP_GATE_PT_AUDIO : AP_GATE_PT_VIDEO)));
	ap_write_u16(&w, seq);
	ap_write_u32(&w, m->rtp);
	ap_write_u32(&w, 7 + (uint32_t)line);
	ap_write_bytes(&w, payload, len);
	send(r->gate, bytes, w.len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void send_to_all(enum ap_line line, uint16_t seq, const struct media_packet *m)
{
	g_mutex_lock(&run.lock);
	for (size_t i = 0; i < G_N_ELEMENTS(recordings); i++)
		if (recordings[i].gate >= 0)
			send_packet(&recordings[i], line, seq, m);
	g_mutex_unlock(&run.lock);
}

static gpointer send_media(gpointer data)
{
	guint at[2] = { 0 };
	GArray *media[2] = { run.audio, run.video };
	(void)data;
	while (!g_atomic_int_get(&run.stop)) {
		int line = -1;
		for (int i = 0; i < 2; i++)
			if (at[i] < media[i]->len &&
			    (line < 0 || g_array_index(media[i], struct media_packet, at[i]).time_ns <
						 g_array_index(media[line], struct media_packet, at[line]).time_ns))
				line = i;
		if (line < 0)
			return NULL;
		const struct media_packet *m = &g_array_index(media[line], struct media_packet, at[line]);
		int64_t wait = run.start_ns + m->time_ns - now_ns();
		if (wait > 0)
			g_usleep((gulong)(wait / 1000));
		send_to_all(line ? AP_LINE_CAMERA : AP_LINE_AUDIO, (uint16_t)at[line]++, m);
	}
	return NULL;
}

/* ---- the vault's part ---- */

static void end(struct recording *r)
{
	ap_capture_free(r->capture);
	r->capture = NULL;
	r->done = true;
	run.pending--;
	g_mutex_lock(&run.lock);
	if (r->gate >= 0)
		close(r->gate);
	r->gate = -1;
	g_mutex_unlock(&run.lock);
}

static void on_closed(void *ctx, uint64_t generation)
{
	struct recording *r = ctx;
	assert_true(generation == r->generation);
	g_mutex_lock(&run.lock);
	r->cut = send(r->gate, "late", 4, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EPIPE;
	g_mutex_unlock(&run.lock);
	ap_capture_seal(r->capture);
}

static void on_segment(void *ctx, const struct ap_capture_segment *segment)
{
	struct recording *r = ctx;
	for (guint i = 0; segment->replaces && i < r->segments->len; i++) {
		struct ap_capture_segment *old = &g_array_index(r->segments, struct ap_capture_segment, i);
		if (old->role == segment->role && old->number == segment->number) {
			*old = *segment;
			return;
		}
	}
	g_array_append_val(r->segments, *segment);
}

static void on_epoch(void *ctx, const struct ap_capture_epoch *epoch)
{
	(void)ctx;
	(void)epoch;
}

static void on_first(void *ctx, uint64_t generation)
{
	(void)ctx;
	(void)generation;
}

static void on_sealed(void *ctx, const uint64_t duration_ms[2])
{
	struct recording *r = ctx;
	r->sealed = true;
	assert_in_range(duration_ms[0], CLOSE_MS - OPEN_MS - 1000, CLOSE_MS - OPEN_MS + 3000);
	end(r);
}

static void on_failed(void *ctx, const char *reason)
{
	struct recording *r = ctx;
	r->failed = reason;
	end(r);
}

static const struct ap_capture_events events = { on_closed, on_segment, on_epoch, on_first, on_sealed, on_failed };

static void begin(struct recording *r)
{
	struct ap_capture_params params = { .session = ap_uuid_random(), .video = AP_CODEC_VP8 };
	r->id = ap_uuid_random();
	if (r->lie != LIE_NONE || strcmp(r->name, "no lie") == 0) {
		memcpy(r->id.b, OWNED_MARK, 3);
		r->id.b[3] = OWNED_LIES;
		r->id.b[4] = (uint8_t)r->lie;
	}
	params.recording = r->id;
	r->gate = -1;
	r->segments = g_array_new(FALSE, FALSE, sizeof(struct ap_capture_segment));
	for (int i = 0; i < 2; i++) {
		r->identity[i] = ap_secret_random(AP_AGE_KEY);
		struct ap_age_recipient recipient = ap_age_identity_recipient(r->identity[i]);
		ap_copy(params.recipient[i], 32, recipient.b, 32);
	}
	assert_true(ap_ok(ap_capture_start(run.captures, &params, &events, r, &r->capture)));
	run.pending++;
}

static void open_one(struct recording *r)
{
	int pair[2];
	if (r->done)
		return;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	shutdown(pair[0], SHUT_WR);
	g_mutex_lock(&run.lock);
	r->generation = ((uint64_t)g_random_int() << 31 | g_random_int()) | 1;
	r->gate = pair[1];
	g_mutex_unlock(&run.lock);
	assert_true(ap_ok(ap_capture_open(r->capture, r->generation, 1, pair[0])));
}

static gboolean open_all(gpointer data)
{
	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(recordings); i++)
		open_one(&recordings[i]);
	return G_SOURCE_REMOVE;
}

static gboolean close_all(gpointer data)
{
	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(recordings); i++)
		if (!recordings[i].done)
			ap_capture_close(recordings[i].capture, recordings[i].generation, false);
	return G_SOURCE_REMOVE;
}

/* As the gatekeeper does while all holds. */
static gboolean tick(gpointer data)
{
	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(recordings); i++)
		if (recordings[i].capture)
			ap_capture_renew(recordings[i].capture, recordings[i].generation);
	return G_SOURCE_CONTINUE;
}

static void at(int64_t ms, GSourceFunc f)
{
	GSource *source = g_timeout_source_new((guint)ms);
	g_source_set_callback(source, f, NULL, NULL);
	g_source_attach(source, run.context);
	g_source_unref(source);
}

static void all_at_once(void **state)
{
	(void)state;
	struct test_zygote zygote = test_zygote_start();
	run.video = media_video("VP8", 320, 240, SECONDS);
	run.audio = media_audio(SECONDS, false);
	run.context = g_main_context_new();
	run.directory = g_dir_make_tmp("aparte-owned-XXXXXX", NULL);
	assert_true(ap_ok(ap_blob_open(run.directory, &run.blob)));
	run.captures = ap_captures_new(zygote.link, run.blob, ap_clock_system(), run.context);
	while (!ap_captures_ready(run.captures))
		g_main_context_iteration(run.context, TRUE);
	for (size_t i = 0; i < G_N_ELEMENTS(recordings); i++)
		begin(&recordings[i]);
	run.start_ns = now_ns();
	at(OPEN_MS, open_all);
	at(CLOSE_MS, close_all);
	at(50, tick);
	GThread *sender = g_thread_new("sender", send_media, NULL);
	while (run.pending > 0 && now_ns() - run.start_ns < LAST_MS * MS)
		g_main_context_iteration(run.context, TRUE);
	g_atomic_int_set(&run.stop, 1);
	g_thread_join(sender);
	assert_int_equal(run.pending, 0);
	assert_int_equal(kill(zygote.pid, 0), 0);
	ap_captures_free(run.captures);
	assert_int_equal(test_zygote_stop(&zygote), 0);
}

/* ---- what is left of each ---- */

/* The segment as it lies there; fails the test when it is not what was accepted. */
static void append_segment(const struct recording *r, const struct ap_capture_segment *s, GByteArray *webm)
{
	g_autofree uint8_t *file = NULL, *plain = NULL;
	uint8_t hash[32];
	size_t len = 0, plain_len = 0;
	assert_true(ap_ok(ap_blob_read(run.blob, &r->id, s->role, s->number, MAX_SEGMENT, &file, &len)));
	crypto_hash_sha256(hash, file, len);
	assert_int_equal(len, s->size);
	assert_memory_equal(hash, s->sha256, 32);
	assert_true(ap_ok(ap_age_decrypt(r->identity[s->role - AP_COACH], file, len, &plain, &plain_len)));
	assert_int_equal(plain_len, s->plain_size);
	g_byte_array_append(webm, plain, (guint)plain_len);
}

static void assert_plays(const struct recording *r, enum ap_role role, const GByteArray *webm)
{
	g_autofree char *path = g_strdup_printf("%s/%s-%d.webm", run.directory, r->name, (int)role), *complaint = NULL;
	const char *command[] = { "ffmpeg", "-v", "error", "-i", path, "-f", "null", "-", NULL };
	int status = -1;
	assert_true(g_file_set_contents(path, (const char *)webm->data, webm->len, NULL));
	assert_true(g_spawn_sync(NULL, (char **)command, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &complaint, &status, NULL));
	if (status != 0 || complaint[0])
		fail_msg("%s: %s", r->name, complaint);
}

static int by_number(const void *a, const void *b)
{
	const struct ap_capture_segment *x = a, *y = b;
	return x->role != y->role ? (int)x->role - (int)y->role : (int)x->number - (int)y->number;
}

static void it_ends_as_it_must(void **state)
{
	struct recording *r = *state;
	g_array_sort(r->segments, by_number);
	for (enum ap_role role = AP_COACH; role <= AP_COACHEE; role++) {
		g_autoptr(GByteArray) webm = g_byte_array_new();
		for (guint i = 0; i < r->segments->len; i++) {
			const struct ap_capture_segment *s = &g_array_index(r->segments, struct ap_capture_segment, i);
			if (s->role == role)
				append_segment(r, s, webm);
		}
		if (!r->ends)
			assert_plays(r, role, webm);
	}
	if (!r->ends && r->failed)
		fail_msg("ended with %s", r->failed);
	if (r->ends && !r->failed)
		fail_msg("the lie was believed");
	if (r->ends && g_strcmp0(r->failed, r->or_ends) != 0)
		assert_string_equal(r->failed, r->ends);
	assert_true(r->ends || (r->sealed && r->cut));
}

int main(void)
{
	struct CMUnitTest tests[G_N_ELEMENTS(recordings) + 1] = { cmocka_unit_test(all_at_once) };
	gst_init(NULL, NULL);
	AP_IGNORE(ap_secret_init()); /* the tests fail soon enough */
	for (size_t i = 0; i < G_N_ELEMENTS(recordings); i++)
		tests[i + 1] = (struct CMUnitTest){ recordings[i].name, it_ends_as_it_must, NULL, NULL, &recordings[i] };
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	const char *rm[] = { "rm", "-rf", run.directory, NULL };
	g_spawn_sync(NULL, (char **)rm, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
	return failed;
}
