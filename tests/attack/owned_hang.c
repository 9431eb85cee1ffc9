/*
 * Processes that stand still. A vault that hangs can neither check presence nor close a gate: its captures stop taking
 * media by themselves, and go on when it wakes. A capture that stood still for a while is late, not a liar.
 */
#include "tests/integration/capture_media.h"
#include "tests/integration/capture_zygote.h"

#include "recorder/recording/blob.h"
#include "recorder/recording/capture_spawn.h"

#include <aparte/age.h>
#include <aparte/capture.h>
#include <errno.h>
#include <gst/gst.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_RECORDINGS 6
#define SECOND INT64_C(1000000) /* of g_get_monotonic_time */
#define WAIT_S 20

/* Between the test and its vault, a process of its own so that it can be stopped. */
struct shared {
	unsigned count;
	int gates[MAX_RECORDINGS][2][2]; /* [recording][epoch][reading, writing] */
	char directory[128];
	atomic_uint opened, lapsed, sealed, failed;
	atomic_bool close_now, stop;
	atomic_int zygote;
	char reason[64];
};

static struct shared *shared;
static GArray *video, *audio;

/* ---- the vault ---- */

struct recording {
	unsigned index;
	struct ap_capture *capture;
	uint64_t generation; /* of its epoch: 1, 2 */
	bool closing;
};

static struct recording recordings[MAX_RECORDINGS];

static void open_epoch(struct recording *r)
{
	uint64_t generation = ++r->generation;
	if (ap_ok(ap_capture_open(r->capture, generation, (uint32_t)generation, dup(shared->gates[r->index][generation - 1][0]))))
		atomic_fetch_add(&shared->opened, 1);
}

static void on_closed(void *ctx, uint64_t generation)
{
	struct recording *r = ctx;
	if (r->closing) {
		ap_capture_seal(r->capture);
		return;
	}
	atomic_fetch_add(&shared->lapsed, 1);
	if (generation == 1)
		open_epoch(r);
}

static void on_segment(void *ctx, const struct ap_capture_segment *segment)
{
	(void)ctx;
	(void)segment;
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
	(void)ctx;
	(void)duration_ms;
	atomic_fetch_add(&shared->sealed, 1);
}

static void on_failed(void *ctx, const char *reason)
{
	(void)ctx;
	g_strlcpy(shared->reason, reason, sizeof shared->reason);
	atomic_fetch_add(&shared->failed, 1);
}

static const struct ap_capture_events events = { on_closed, on_segment, on_epoch, on_first, on_sealed, on_failed };

static gboolean tick(gpointer data)
{
	(void)data;
	for (unsigned i = 0; i < shared->count; i++) {
		struct recording *r = &recordings[i];
		ap_capture_renew(r->capture, r->generation);
		if (atomic_load(&shared->close_now) && !r->closing) {
			r->closing = true;
			ap_capture_close(r->capture, r->generation, false);
		}
	}
	return G_SOURCE_CONTINUE;
}

static void start(struct ap_captures *captures, unsigned i)
{
	struct ap_capture_params params = { .recording = ap_uuid_random(), .video = AP_CODEC_VP8 };
	struct ap_secret *identity = ap_secret_random(AP_AGE_KEY);
	for (int p = 0; p < 2; p++)
		ap_copy(params.recipient[p], 32, ap_age_identity_recipient(identity).b, 32);
	ap_secret_free(identity);
	recordings[i].index = i;
	if (!ap_ok(ap_capture_start(captures, &params, &events, &recordings[i], &recordings[i].capture)))
		_exit(2);
	open_epoch(&recordings[i]);
}

static G_NORETURN void be_vault(void)
{
	struct ap_blob *blob = NULL;
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	struct test_zygote zygote = test_zygote_start();
	atomic_store(&shared->zygote, zygote.pid);
	GMainContext *context = g_main_context_new();
	if (!ap_ok(ap_blob_open(shared->directory, &blob)))
		_exit(2);
	struct ap_captures *captures = ap_captures_new(zygote.link, blob, ap_clock_system(), context);
	while (!ap_captures_ready(captures))
		g_main_context_iteration(context, TRUE);
	for (unsigned i = 0; i < shared->count; i++)
		start(captures, i);
	GSource *source = g_timeout_source_new(100);
	g_source_set_callback(source, tick, NULL, NULL);
	g_source_attach(source, context);
	while (!atomic_load(&shared->stop))
		g_main_context_iteration(context, TRUE);
	test_zygote_stop(&zygote);
	_exit(0);
}

/* ---- the test ---- */

static pid_t begin(unsigned count)
{
	*shared = (struct shared){ .count = count };
	g_autofree char *directory = g_dir_make_tmp("aparte-hang-XXXXXX", NULL);
	g_strlcpy(shared->directory, directory, sizeof shared->directory);
	for (unsigned i = 0; i < count; i++)
		for (int e = 0; e < 2; e++) {
			assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, shared->gates[i][e]), 0);
			shutdown(shared->gates[i][e][0], SHUT_WR);
		}
	pid_t vault = fork();
	if (vault == 0)
		be_vault();
	for (unsigned i = 0; i < count; i++)
		for (int e = 0; e < 2; e++) /* which leaves the vault's own copy, that nobody reads */
			close(shared->gates[i][e][0]);
	return vault;
}

static void finish(pid_t vault)
{
	const char *rm[] = { "rm", "-rf", shared->directory, NULL };
	atomic_store(&shared->stop, true);
	waitpid(vault, NULL, 0);
	g_spawn_sync(NULL, (char **)rm, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
	for (unsigned i = 0; i < shared->count; i++)
		for (int e = 0; e < 2; e++)
			close(shared->gates[i][e][1]);
}

static void await(const atomic_uint *value, unsigned wanted)
{
	int64_t until = g_get_monotonic_time() + WAIT_S * SECOND;
	while (atomic_load(value) < wanted && g_get_monotonic_time() < until && !atomic_load(&shared->failed))
		g_usleep(20000);
	if (atomic_load(&shared->failed))
		fail_msg("a recording failed: %s", shared->reason);
	assert_true(atomic_load(value) >= wanted);
}

/* Media goes round and round; one packet of a line to one gate. errno of the sending, 0. */
static int send_one(int gate, uint64_t generation, enum ap_line line, guint n)
{
	GArray *media = line == AP_LINE_AUDIO ? audio : video;
	const struct media_packet *m = &g_array_index(media, struct media_packet, n % media->len);
	uint32_t round = n / media->len * (line == AP_LINE_AUDIO ? 48000u : 90000u) * 2;
	uint8_t bytes[AP_GATE_DATAGRAM];
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	const struct ap_gate_header h = { AP_GATE_RTP, AP_COACH, line, generation, (uint64_t)g_get_monotonic_time() * 1000 };
	gsize len;
	const void *payload = g_bytes_get_data(m->payload, &len);
	ap_gate_header_write(&w, &h);
	ap_write_u8(&w, 0x80);
	ap_write_u8(&w, (uint8_t)((m->marker ? 0x80 : 0) | (line == AP_LINE_AUDIO ? AP_GATE_PT_AUDIO : AP_GATE_PT_VIDEO)));
	ap_write_u16(&w, (uint16_t)n);
	ap_write_u32(&w, m->rtp + round);
	ap_write_u32(&w, 7 + (uint32_t)line);
	ap_write_bytes(&w, payload, len);
	return send(gate, bytes, w.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? errno : 0;
}

static int64_t due_us(enum ap_line line, guint n)
{
	GArray *media = line == AP_LINE_AUDIO ? audio : video;
	return n / media->len * 2 * SECOND + g_array_index(media, struct media_packet, n % media->len).time_ns / 1000;
}

struct feed {
	int64_t start_us;
	guint at[2];
	int broken; /* errno of the last refused packet that was no full queue */
};

/* What is due by now, to all gates of this epoch. */
static void feed(struct feed *f, int epoch)
{
	int64_t passed = g_get_monotonic_time() - f->start_us;
	for (int line = AP_LINE_AUDIO; line <= AP_LINE_CAMERA; line++)
		for (; due_us((enum ap_line)line, f->at[line]) <= passed; f->at[line]++)
			for (unsigned i = 0; i < shared->count; i++) {
				int error = send_one(shared->gates[i][epoch][1], (uint64_t)epoch + 1, (enum ap_line)line, f->at[line]);
				if (error && error != EAGAIN)
					f->broken = error;
			}
	g_usleep(5000);
}

static void feed_for(struct feed *f, int epoch, int64_t us)
{
	for (int64_t until = g_get_monotonic_time() + us; g_get_monotonic_time() < until;)
		feed(f, epoch);
}

static void close_all(void)
{
	atomic_store(&shared->close_now, true);
	await(&shared->sealed, shared->count);
}

/* The gate is held open by its vault, and by nothing else. */
static void a_vault_that_hangs_records_nobody(void **state)
{
	(void)state;
	pid_t vault = begin(2);
	await(&shared->opened, 2);
	struct feed f = { .start_us = g_get_monotonic_time() };
	feed_for(&f, 0, 6 * SECOND); /* longer than a lease: it is renewed */
	assert_int_equal(f.broken, 0);
	assert_int_equal(atomic_load(&shared->lapsed), 0);
	kill(vault, SIGSTOP);
	int64_t stopped = g_get_monotonic_time();
	while (!f.broken && g_get_monotonic_time() - stopped < WAIT_S * SECOND)
		feed(&f, 0);
	int64_t took_ms = (g_get_monotonic_time() - stopped) / 1000;
	feed_for(&f, 0, SECOND / 2);
	assert_int_equal(f.broken, EPIPE);
	print_message("nothing was taken any more %d ms after the vault stopped\n", (int)took_ms);
	assert_in_range(took_ms, AP_CAPTURE_LEASE_MS - 2000, AP_CAPTURE_LEASE_MS + 3000);
	kill(vault, SIGCONT);
	await(&shared->lapsed, 2);
	await(&shared->opened, 4);
	f = (struct feed){ .start_us = g_get_monotonic_time() };
	feed_for(&f, 1, SECOND);
	close_all();
	finish(vault);
}

static uint32_t seed_of_tests(void)
{
	const char *text = g_getenv("APARTE_TEST_SEED");
	return text ? (uint32_t)g_ascii_strtoull(text, NULL, 10) : g_random_int();
}

static void signal_captures(GRand *r, int signal)
{
	int zygote = atomic_load(&shared->zygote);
	g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/children", zygote, zygote), *text = NULL;
	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_auto(GStrv) pids = g_strsplit(g_strstrip(text), " ", -1);
	for (char **pid = pids; *pid; pid++)
		if (!r || g_rand_boolean(r))
			kill((pid_t)strtol(*pid, NULL, 10), signal);
}

static void a_capture_that_stood_still_is_no_liar(void **state)
{
	const char *budget = g_getenv("APARTE_TORTURE_SECONDS");
	int64_t until = g_get_monotonic_time() + (budget ? g_ascii_strtoll(budget, NULL, 10) : 5) * SECOND;
	uint32_t seed = seed_of_tests();
	g_autoptr(GRand) r = g_rand_new_with_seed(seed);
	(void)state;
	print_message("seed %u\n", seed);
	pid_t vault = begin(MAX_RECORDINGS);
	await(&shared->opened, MAX_RECORDINGS);
	struct feed f = { .start_us = g_get_monotonic_time() };
	feed_for(&f, 0, SECOND);
	while (g_get_monotonic_time() < until && !atomic_load(&shared->failed)) {
		signal_captures(r, SIGSTOP);
		feed_for(&f, 0, g_rand_int_range(r, 50, 3500) * (SECOND / 1000));
		signal_captures(NULL, SIGCONT);
		feed_for(&f, 0, g_rand_int_range(r, 50, 1000) * (SECOND / 1000));
	}
	feed_for(&f, 0, SECOND / 2);
	close_all();
	assert_int_equal(atomic_load(&shared->lapsed), 0);
	finish(vault);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vault_that_hangs_records_nobody),
		cmocka_unit_test(a_capture_that_stood_still_is_no_liar),
	};
	gst_init(NULL, NULL);
	AP_IGNORE(ap_secret_init()); /* the tests fail soon enough */
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	video = media_video("VP8", 320, 240, 2);
	audio = media_audio(2, false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
