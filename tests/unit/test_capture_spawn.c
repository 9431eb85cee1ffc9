/*
 * The vault's hand on its captures, against a zygote and captures that this test plays, honest and lying.
 */
#include "recorder/recording/blob.h"
#include "recorder/recording/capture_spawn.h"

#include <aparte/age.h>
#include <aparte/capture.h>
#include <aparte/webm.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
	GMainContext *context;
	char *directory;
	struct ap_blob *blob;
	struct ap_captures *cs;
	struct ap_capture *capture;
	struct ap_uuid recording;
	int zygote;	    /* the zygote's end */
	int socket;	    /* the capture's end */
	uint32_t id;	    /* the capture's */

	unsigned closed, segments, epochs, firsts, sealed;
	const char *failed;
};

static void on_closed(void *ctx, uint64_t generation)
{
	assert_true(generation == 42);
	((struct world *)ctx)->closed++;
}

static void on_segment(void *ctx, const struct ap_capture_segment *segment)
{
	struct world *w = ctx;
	g_autofree uint8_t *bytes = NULL;
	size_t len = 0;
	assert_true(ap_ok(ap_blob_read(w->blob, &w->recording, segment->role, segment->number, 1 << 20, &bytes, &len)));
	w->segments++;
}

static void on_epoch(void *ctx, const struct ap_capture_epoch *epoch)
{
	assert_int_equal(epoch->file_end_ms, 900);
	((struct world *)ctx)->epochs++;
}

static void on_first(void *ctx, uint64_t generation)
{
	(void)generation;
	((struct world *)ctx)->firsts++;
}

static void on_sealed(void *ctx, const uint64_t duration_ms[2])
{
	assert_int_equal(duration_ms[1], 900);
	((struct world *)ctx)->sealed++;
}

static void on_failed(void *ctx, const char *reason)
{
	((struct world *)ctx)->failed = reason;
}

static const struct ap_capture_events events = { on_closed, on_segment, on_epoch, on_first, on_sealed, on_failed };

/* Lets the vault's side run for a while. */
static void settle(struct world *w, unsigned ms)
{
	int64_t until = g_get_monotonic_time() + ms * 1000;
	while (g_get_monotonic_time() < until)
		if (!g_main_context_iteration(w->context, FALSE))
			g_usleep(500);
}

static void say(int socket, struct ap_capture_message m)
{
	assert_true(ap_ok(ap_capture_send(socket, &m, true)));
}

static struct ap_capture_message hear(struct world *w, int socket, enum ap_capture_type type)
{
	struct ap_capture_message m;
	struct ap_result r = ap_capture_receive(socket, false, &m);
	for (int i = 0; i < 400 && r.err == AP_ERR_LIMIT; i++) {
		settle(w, 2);
		r = ap_capture_receive(socket, false, &m);
	}
	assert_true(ap_ok(r));
	assert_int_equal(m.type, type);
	return m;
}

static void exited(struct world *w)
{
	close(w->socket);
	w->socket = -1;
	say(w->zygote, (struct ap_capture_message){ .type = AP_CAPTURE_EXITED, .fd = -1, .exited = { w->id, 0 } });
	settle(w, 30);
}

static void make_zygote(struct world *w, uint8_t abi)
{
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	w->zygote = ends[1];
	say(ends[1], (struct ap_capture_message){ .type = AP_CAPTURE_HELLO, .fd = -1, .hello = { abi, true } });
	if (w->cs)
		ap_captures_set_zygote(w->cs, ends[0]);
	else
		w->cs = ap_captures_new(ends[0], w->blob, ap_clock_system(), w->context);
	settle(w, 10);
}

static void start(struct world *w)
{
	const struct ap_capture_params params = { .recording = w->recording, .video = AP_CODEC_VP8 };
	assert_true(ap_ok(ap_capture_start(w->cs, &params, &events, w, &w->capture)));
	struct ap_capture_message m = hear(w, w->zygote, AP_CAPTURE_SPAWN);
	w->socket = m.fd;
	w->id = m.spawn_id;
	say(w->socket, (struct ap_capture_message){ .type = AP_CAPTURE_READY, .fd = -1 });
	m = hear(w, w->socket, AP_CAPTURE_START);
	assert_true(m.start.require_sandbox);
}

static void open_epoch(struct world *w)
{
	int gate = memfd_create("gate", 0);
	assert_true(ap_ok(ap_capture_open(w->capture, 42, 1, gate)));
	struct ap_capture_message m = hear(w, w->socket, AP_CAPTURE_OPEN);
	assert_true(m.open.generation == 42);
	close(m.fd);
}

static int set_up(void **state)
{
	struct world *w = g_new0(struct world, 1);
	w->context = g_main_context_new();
	w->directory = g_dir_make_tmp("aparte-spawn-XXXXXX", NULL);
	w->recording = ap_uuid_random();
	w->socket = -1;
	*state = w;
	if (!ap_ok(ap_blob_open(w->directory, &w->blob)))
		return -1;
	make_zygote(w, 7);
	start(w);
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	ap_capture_free(w->capture);
	ap_captures_free(w->cs);
	AP_IGNORE(ap_blob_erase(w->blob, &w->recording)); /* some tests left nothing */
	ap_blob_free(w->blob);
	rmdir(w->directory);
	close(w->zygote);
	if (w->socket >= 0)
		close(w->socket);
	g_main_context_unref(w->context);
	g_free(w->directory);
	g_free(w);
	return 0;
}

static uint8_t filled_hash[32]; /* of the file filled last */

/* Asks for a descriptor and fills it with one age file of `plain` bytes. */
static uint64_t fill(struct world *w, uint32_t number, size_t plain)
{
	struct ap_age_recipient r = { { 9 } };
	g_autofree uint8_t *bytes = g_malloc0(plain), *file = NULL;
	size_t len = 0;
	say(w->socket, (struct ap_capture_message){ .type = AP_CAPTURE_WANT, .fd = -1, .want = { AP_COACH, number } });
	struct ap_capture_message m = hear(w, w->socket, AP_CAPTURE_SEGMENT);
	assert_int_equal(m.want.number, number);
	assert_true(ap_ok(ap_age_encrypt(&r, bytes, plain, &file, &len)));
	assert_int_equal(write(m.fd, file, len), (ssize_t)len);
	crypto_hash_sha256(filled_hash, file, len);
	close(m.fd);
	return len;
}

static struct ap_capture_message segment_done(uint32_t number, uint64_t size, uint64_t plain)
{
	struct ap_capture_message m = { .type = AP_CAPTURE_SEGMENT_DONE, .fd = -1 };
	m.segment = (struct ap_capture_segment_done){ .role = AP_COACH, .number = number, .epoch = 1, .size = size,
						      .plain_size = plain, .cluster_count = number > 0 };
	m.segment.clusters[0].offset = AP_WEBM_HEADER;
	ap_copy(m.segment.sha256, 32, filled_hash, 32);
	return m;
}

static void write_first_segments(struct world *w)
{
	say(w->socket, segment_done(0, fill(w, 0, AP_WEBM_HEADER), AP_WEBM_HEADER));
	say(w->socket, segment_done(1, fill(w, 1, 1000), 1000));
}

static void close_epoch(struct world *w)
{
	ap_capture_close(w->capture, 42, false);
	hear(w, w->socket, AP_CAPTURE_CLOSE);
	say(w->socket, (struct ap_capture_message){ .type = AP_CAPTURE_CLOSED, .fd = -1, .generation = 42 });
	settle(w, 10);
}

static struct ap_capture_message epoch_report(void)
{
	struct ap_capture_message m = { .type = AP_CAPTURE_EPOCH, .fd = -1 };
	m.epoch = (struct ap_capture_epoch_report){ .generation = 42, .epoch = 1, .file_end_ms = 900 };
	return m;
}

static void a_recording_goes_its_way(void **state)
{
	struct world *w = *state;
	open_epoch(w);
	say(w->socket, (struct ap_capture_message){ .type = AP_CAPTURE_FIRST_FRAME, .fd = -1, .generation = 42 });
	write_first_segments(w);
	close_epoch(w);
	assert_int_equal(w->closed, 1);
	say(w->socket, epoch_report());
	ap_capture_seal(w->capture);
	hear(w, w->socket, AP_CAPTURE_SEAL);
	say(w->socket, (struct ap_capture_message){ .type = AP_CAPTURE_SEALED, .fd = -1, .duration_ms = { 900, 900 } });
	settle(w, 30);
	assert_int_equal(w->sealed, 0); /* not before its process has ended */
	exited(w);
	assert_int_equal(w->firsts, 1);
	assert_int_equal(w->segments, 2);
	assert_int_equal(w->epochs, 1);
	assert_int_equal(w->sealed, 1);
	assert_null(w->failed);
}

static void one_that_does_not_close_is_killed(void **state)
{
	struct world *w = *state;
	open_epoch(w);
	int64_t before = g_get_monotonic_time();
	ap_capture_close(w->capture, 42, true);
	hear(w, w->socket, AP_CAPTURE_CLOSE);
	struct ap_capture_message m = hear(w, w->zygote, AP_CAPTURE_KILL);
	assert_in_range(g_get_monotonic_time() - before, 190000, 260000);
	assert_int_equal(m.spawn_id, w->id);
	assert_int_equal(w->closed, 0); /* the process may still read */
	exited(w);
	assert_int_equal(w->closed, 1);
	assert_string_equal(w->failed, "capture-stuck");
}

static void one_that_dies_is_told_with_what_it_had(void **state)
{
	struct world *w = *state;
	open_epoch(w);
	write_first_segments(w);
	exited(w);
	assert_int_equal(w->closed, 1);
	assert_int_equal(w->segments, 2);
	assert_string_equal(w->failed, "capture-died");
}

static void a_lost_zygote_ends_its_captures(void **state)
{
	struct world *w = *state;
	open_epoch(w);
	close(w->zygote);
	settle(w, 20);
	assert_false(ap_captures_ready(w->cs));
	assert_int_equal(w->closed, 0);
	close(w->socket); /* as the kernel does: they die with it */
	w->socket = -1;
	settle(w, 30);
	assert_int_equal(w->closed, 1);
	assert_string_equal(w->failed, "capture-died");
	make_zygote(w, 7);
	assert_true(ap_captures_ready(w->cs));
}

static void without_landlock_nothing_starts_unless_allowed(void **state)
{
	struct world *w = *state;
	const struct ap_capture_params params = { .recording = w->recording, .video = AP_CODEC_VP8 };
	struct ap_capture *none = NULL;
	close(w->zygote);
	make_zygote(w, 0);
	assert_false(ap_captures_ready(w->cs));
	assert_string_equal(ap_capture_start(w->cs, &params, &events, w, &none).name, "sandbox");
	ap_captures_allow_unconfined(w->cs, true);
	assert_true(ap_captures_ready(w->cs));
}

static void unused_files_do_not_stay(void **state)
{
	struct world *w = *state;
	char id[AP_UUID_TEXT];
	fill(w, 1, 10);
	exited(w);
	ap_uuid_text(&w->recording, id);
	g_autofree char *path = g_build_filename(w->directory, id, "coach", "1.age.tmp", NULL);
	assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
	assert_string_equal(w->failed, "capture-died");
}

static void after_free_nothing_is_called(void **state)
{
	struct world *w = *state;
	open_epoch(w);
	ap_capture_free(w->capture);
	w->capture = NULL;
	hear(w, w->zygote, AP_CAPTURE_KILL);
	exited(w);
	assert_int_equal(w->closed, 0);
	assert_null(w->failed);
}

/* Its process ends well before the disk said what became of its last segment. */
static void a_segment_lost_at_the_end_is_no_whole_recording(void **state)
{
	struct world *w = *state;
	open_epoch(w);
	write_first_segments(w);
	close_epoch(w);
	say(w->socket, epoch_report());
	ap_capture_seal(w->capture);
	hear(w, w->socket, AP_CAPTURE_SEAL);
	struct ap_capture_message last = segment_done(2, fill(w, 2, 500), 500);
	last.segment.clusters[0].offset = AP_WEBM_HEADER + 1000;
	assert_true(ap_ok(ap_blob_discard(w->blob, &w->recording, AP_COACH, 2)));
	say(w->socket, last);
	say(w->socket, (struct ap_capture_message){ .type = AP_CAPTURE_SEALED, .fd = -1, .duration_ms = { 900, 900 } });
	exited(w);
	assert_int_equal(w->sealed, 0);
	assert_string_equal(w->failed, "storage");
}

/* ---- lies: each is answered by a kill and "capture-report" ---- */

static void assert_caught(struct world *w)
{
	hear(w, w->zygote, AP_CAPTURE_KILL);
	exited(w);
	assert_string_equal(w->failed, "capture-report");
}

static void lie(struct world *w, struct ap_capture_message m)
{
	say(w->socket, m);
	settle(w, 20);
	assert_caught(w);
}

static void a_number_out_of_order(void **state)
{
	struct world *w = *state;
	lie(w, (struct ap_capture_message){ .type = AP_CAPTURE_WANT, .fd = -1, .want = { AP_COACH, 2 } });
}

static void a_segment_nobody_asked_for(void **state)
{
	struct world *w = *state;
	open_epoch(w);
	lie(w, segment_done(1, 1216, 1000));
}

static void sizes_that_do_not_fit_each_other(void **state)
{
	struct world *w = *state;
	open_epoch(w);
	lie(w, segment_done(0, fill(w, 0, AP_WEBM_HEADER) + 1, AP_WEBM_HEADER));
}

static void offsets_that_do_not_rise(void **state)
{
	struct world *w = *state;
	open_epoch(w);
	say(w->socket, segment_done(0, fill(w, 0, AP_WEBM_HEADER), AP_WEBM_HEADER));
	struct ap_capture_message m = segment_done(1, fill(w, 1, 1000), 1000);
	m.segment.cluster_count = 2;
	m.segment.clusters[1].offset = AP_WEBM_HEADER;
	lie(w, m);
}

static void a_close_nobody_ordered(void **state)
{
	struct world *w = *state;
	open_epoch(w);
	lie(w, (struct ap_capture_message){ .type = AP_CAPTURE_CLOSED, .fd = -1, .generation = 42 });
	assert_int_equal(w->closed, 1); /* once its process was dead, not when it said so */
}

static void a_seal_nobody_ordered(void **state)
{
	struct world *w = *state;
	lie(w, (struct ap_capture_message){ .type = AP_CAPTURE_SEALED, .fd = -1 });
}

static void an_epoch_that_was_not(void **state)
{
	struct world *w = *state;
	lie(w, epoch_report());
}

static void an_order_instead_of_a_report(void **state)
{
	struct world *w = *state;
	lie(w, (struct ap_capture_message){ .type = AP_CAPTURE_SEAL, .fd = -1 });
}

/* A vault has one composer at most, and ends the one it has before a next; captures do not notice. */
static void one_composer_at_a_time(void **state)
{
	struct world *w = *state;
	int link = memfd_create("link", 0);
	ap_captures_compose(w->cs, link);
	struct ap_capture_message first = hear(w, w->zygote, AP_CAPTURE_COMPOSE), second, m;
	assert_true(first.fd >= 0 && first.spawn_id != w->id);
	ap_captures_compose(w->cs, link);
	m = hear(w, w->zygote, AP_CAPTURE_KILL);
	assert_int_equal(m.spawn_id, first.spawn_id);
	second = hear(w, w->zygote, AP_CAPTURE_COMPOSE);
	assert_true(second.spawn_id != first.spawn_id);
	say(w->zygote, (struct ap_capture_message){ .type = AP_CAPTURE_EXITED, .fd = -1, .exited = { first.spawn_id, 9 } });
	settle(w, 10);
	ap_captures_compose(w->cs, -1);
	m = hear(w, w->zygote, AP_CAPTURE_KILL);
	assert_int_equal(m.spawn_id, second.spawn_id);
	ap_captures_compose(w->cs, -1); /* none is left */
	settle(w, 10);
	assert_string_equal(ap_capture_receive(w->zygote, false, &m).name, "capture-empty");
	assert_null(w->failed);
	close(w->zygote);
	make_zygote(w, 0); /* one that cannot be confined is not asked for */
	ap_captures_compose(w->cs, link);
	settle(w, 10);
	assert_string_equal(ap_capture_receive(w->zygote, false, &m).name, "capture-empty");
	close(first.fd);
	close(second.fd);
	close(link);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_recording_goes_its_way),
		TEST(one_that_does_not_close_is_killed),
		TEST(one_that_dies_is_told_with_what_it_had),
		TEST(a_lost_zygote_ends_its_captures),
		TEST(without_landlock_nothing_starts_unless_allowed),
		TEST(unused_files_do_not_stay),
		TEST(after_free_nothing_is_called),
		TEST(a_segment_lost_at_the_end_is_no_whole_recording),
		TEST(a_number_out_of_order),
		TEST(a_segment_nobody_asked_for),
		TEST(sizes_that_do_not_fit_each_other),
		TEST(offsets_that_do_not_rise),
		TEST(a_close_nobody_ordered),
		TEST(a_seal_nobody_ordered),
		TEST(an_epoch_that_was_not),
		TEST(an_order_instead_of_a_report),
		TEST(one_composer_at_a_time),
	};
	AP_IGNORE(ap_secret_init()); /* the tests fail soon enough */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
