#include "recorder/capture/mux.h"
#include "recorder/capture/opus.h"
#include "recorder/capture/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* What came out: clusters' times, keyframe marks and blocks by track. */
struct seen {
	struct ap_mux *mux;
	unsigned clusters, keyed, blocks[AP_WEBM_TRACKS + 1];
	uint64_t cluster_ms[256], last_ms[AP_WEBM_TRACKS + 1];
	bool rising, fail;
};

static void see_block(struct seen *s, struct ap_reader block, uint64_t cluster_ms)
{
	unsigned track = ap_read_u8(&block) & 0x7F;
	uint64_t at = cluster_ms + ap_read_u16(&block);
	assert_in_range(track, 1, AP_WEBM_TRACKS);
	s->rising = s->rising && (s->blocks[track] == 0 || at > s->last_ms[track]);
	s->last_ms[track] = at;
	s->blocks[track]++;
}

/* Clusters have an 8-byte size; blocks here are short enough for sizes of one or two bytes. */
static struct ap_result sink(void *ctx, const struct ap_mux_cluster *cluster)
{
	struct seen *s = ctx;
	struct ap_reader r = ap_reader_over(cluster->bytes, cluster->len);
	if (s->fail)
		return ap_fail(AP_ERR_IO, "segment-write", "");
	ap_read_skip(&r, 12);
	assert_int_equal(ap_read_u8(&r), 0xE7);
	ap_read_skip(&r, ap_read_u8(&r) & 0x7F);
	while (ap_reader_left(&r) > 0) {
		assert_int_equal(ap_read_u8(&r), 0xA3);
		size_t size = ap_read_u8(&r);
		size = size & 0x80 ? size & 0x7F : (size & 0x3F) << 8 | ap_read_u8(&r);
		see_block(s, ap_read_sub(&r, size), cluster->time_ms);
	}
	assert_false(r.bad);
	/* Behind all blocks so far, and no further than a cluster and one frame of sound. */
	for (int track = 1; track <= AP_WEBM_TRACKS; track++)
		assert_true(s->last_ms[track] <= cluster->end_ms);
	assert_in_range(cluster->end_ms, cluster->time_ms + 1, cluster->time_ms + 1000 + 120);
	s->cluster_ms[s->clusters++ % 256] = cluster->time_ms;
	s->keyed += cluster->keyframe;
	return AP_SUCCESS;
}

static int set_up(void **state)
{
	static const uint8_t uid[16] = { 1 };
	struct seen *s = g_new0(struct seen, 1);
	s->rising = true;
	s->mux = ap_mux_new(uid, AP_WEBM_VP8, sink, s);
	ap_mux_begin(s->mux, 0);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct seen *s = *state;
	ap_mux_free(s->mux);
	g_free(s);
	return 0;
}

/* `first`: the packet's first byte, which tells the length of the sound in it. */
static void push_sized(struct seen *s, enum ap_line line, int64_t time_ms, bool keyframe, uint8_t first)
{
	const uint8_t packet[] = { first, 1, 2, 3 };
	struct ap_frame f = { .role = AP_COACH, .line = line, .keyframe = keyframe, .width = 320, .height = 240,
			      .data = g_bytes_new(packet, sizeof packet) };
	ap_mux_push(s->mux, &f, time_ms);
	assert_null(f.data);
}

static void push(struct seen *s, enum ap_line line, int64_t time_ms, bool keyframe)
{
	push_sized(s, line, time_ms, keyframe, 0x78); /* 20 ms */
}

static void ok(struct ap_result r)
{
	assert_true(ap_ok(r));
}

static void nothing_at_all_still_lasts_its_time(void **state)
{
	struct seen *s = *state;
	ok(ap_mux_end(s->mux, 10000, false));
	assert_int_equal(s->blocks[AP_WEBM_AUDIO], 500);
	assert_int_equal(s->clusters, 10);
	assert_int_equal(s->last_ms[AP_WEBM_AUDIO], 9980);
	assert_int_equal(ap_mux_header(s->mux)->tracks[AP_WEBM_CAMERA - 1].codec, AP_WEBM_NONE);
	assert_int_equal(ap_mux_line(s->mux, AP_LINE_AUDIO).frames, 0);
}

static void holes_in_the_sound_are_filled_and_no_more(void **state)
{
	struct seen *s = *state;
	for (int ms = 1000; ms < 3000; ms += 20)
		if (ms < 1500 || ms >= 2103) /* DTX, and a start that is not a multiple */
			push(s, AP_LINE_AUDIO, ms + (ms >= 2103 ? 3 : 0), true);
	ok(ap_mux_end(s->mux, 4000, false));
	assert_true(s->rising);
	assert_in_range(s->blocks[AP_WEBM_AUDIO], 198, 200);
	assert_true(ap_mux_line(s->mux, AP_LINE_AUDIO).frames < 80);
	assert_int_equal(ap_mux_line(s->mux, AP_LINE_AUDIO).first_ms, 1000);
}

static void every_keyframe_begins_a_cluster(void **state)
{
	struct seen *s = *state;
	for (int ms = 7; ms < 6000; ms += 33)
		push(s, AP_LINE_CAMERA, ms, (ms - 7) / 33 % 50 == 0);
	ok(ap_mux_end(s->mux, 6000, false));
	assert_int_equal(s->keyed, 4);
	assert_true(s->rising);
	for (unsigned i = 1; i < s->clusters; i++)
		assert_in_range(s->cluster_ms[i] - s->cluster_ms[i - 1], 1, 1040);
}

static void keyframes_alone_do_not_make_a_cluster_each(void **state)
{
	struct seen *s = *state;
	for (int ms = 0; ms < 1000; ms += 16)
		push(s, AP_LINE_CAMERA, ms, true);
	ok(ap_mux_end(s->mux, 1000, false));
	assert_in_range(s->clusters, 5, 11);
	assert_int_equal(s->keyed, s->clusters);
}

static void a_track_begins_with_a_keyframe_of_known_size(void **state)
{
	struct seen *s = *state;
	push(s, AP_LINE_CAMERA, 100, false);
	push(s, AP_LINE_SCREEN, 100, false);
	push(s, AP_LINE_CAMERA, 200, true);
	push(s, AP_LINE_CAMERA, 240, false);
	ok(ap_mux_end(s->mux, 400, false));
	assert_int_equal(s->blocks[AP_WEBM_CAMERA], 2);
	assert_int_equal(s->blocks[AP_WEBM_SCREEN], 0);
	assert_int_equal(ap_mux_header(s->mux)->tracks[AP_WEBM_CAMERA - 1].width, 320);
	assert_int_equal(ap_mux_header(s->mux)->tracks[AP_WEBM_SCREEN - 1].codec, AP_WEBM_NONE);
}

static void what_comes_late_keeps_time_rising(void **state)
{
	struct seen *s = *state;
	push(s, AP_LINE_CAMERA, 0, true);
	ok(ap_mux_advance(s->mux, 500));
	push(s, AP_LINE_CAMERA, -50, false); /* moved */
	push(s, AP_LINE_CAMERA, -40, false);
	push(s, AP_LINE_AUDIO, 300, true); /* dropped: silence stands there */
	ok(ap_mux_end(s->mux, 1000, false));
	assert_true(s->rising);
	assert_int_equal(s->blocks[AP_WEBM_CAMERA], 3);
	assert_int_equal(ap_mux_line(s->mux, AP_LINE_AUDIO).frames, 0);
}

static void assert_clusters_in_order(const struct seen *s)
{
	for (unsigned i = 1; i < s->clusters && i < 256; i++)
		assert_true(s->cluster_ms[i] >= s->cluster_ms[i - 1]);
}

/* The capture stood still for 3 s; what waited for it lies before what was written meanwhile. */
static void a_late_keyframe_opens_no_cluster_in_the_past(void **state)
{
	struct seen *s = *state;
	push(s, AP_LINE_CAMERA, 0, true);
	ok(ap_mux_advance(s->mux, 4500));
	push(s, AP_LINE_CAMERA, 1500, true);
	push(s, AP_LINE_CAMERA, 1533, false);
	ok(ap_mux_end(s->mux, 6000, false));
	assert_int_equal(s->blocks[AP_WEBM_CAMERA], 3);
	assert_clusters_in_order(s);
	assert_true(s->rising);
}

/* Short sounds that overlap, and a cluster that a picture began just before they came. */
static void sounds_never_share_a_time(void **state)
{
	struct seen *s = *state;
	for (int ms = 0; ms < 990; ms += 10)
		push_sized(s, AP_LINE_AUDIO, ms, true, 0x70); /* 10 ms each */
	push(s, AP_LINE_CAMERA, 999, true);
	ok(ap_mux_advance(s->mux, 1000));
	push_sized(s, AP_LINE_AUDIO, 982, true, 0x70);
	push_sized(s, AP_LINE_AUDIO, 990, true, 0x70);
	ok(ap_mux_end(s->mux, 2000, false));
	assert_clusters_in_order(s);
	assert_true(s->rising);
}

static guint32 seed_of_tests(void)
{
	const char *text = g_getenv("APARTE_TEST_SEED");
	return text ? (guint32)g_ascii_strtoull(text, NULL, 10) : g_random_int();
}

/* Frames of all lines, some late by up to 4 s, in steps of any length, with the reader asleep now and then. */
static void one_random_epoch(struct seen *s, GRand *r, int64_t start, int64_t end)
{
	static const uint8_t lengths[] = { 0x60, 0x68, 0x70, 0x78, 0x10, 0x18 }; /* 2.5 to 60 ms */
	for (int64_t now = start; now < end; now += g_rand_int_range(r, 1, g_rand_int_range(r, 2, 300))) {
		int64_t late = g_rand_int_range(r, 0, 20) ? g_rand_int_range(r, 0, 500) : g_rand_int_range(r, 0, 4000);
		push_sized(s, (enum ap_line)g_rand_int_range(r, 0, AP_LINES), now - late, g_rand_int_range(r, 0, 8) == 0,
			   lengths[g_rand_int_range(r, 0, G_N_ELEMENTS(lengths))]);
		int64_t until = now - g_rand_int_range(r, 0, 700);
		if (until > 0 && g_rand_int_range(r, 0, 4) == 0)
			ok(ap_mux_advance(s->mux, (uint64_t)until));
	}
	ok(ap_mux_end(s->mux, (uint64_t)end, g_rand_int_range(r, 0, 4) == 0));
}

static void whatever_comes_times_rise(void **state)
{
	struct seen *s = *state;
	guint32 seed = seed_of_tests();
	g_autoptr(GRand) r = g_rand_new_with_seed(seed);
	print_message("seed %u\n", seed);
	for (int64_t i = 0, at = 0, end; i < 200; i++, at = end) {
		end = at + g_rand_int_range(r, 0, 9000);
		s->clusters = 0;
		ap_mux_begin(s->mux, (uint64_t)at);
		one_random_epoch(s, r, at, end);
		assert_clusters_in_order(s);
		assert_true(s->rising);
		for (unsigned c = 0; c < s->clusters && c < 256; c++)
			assert_in_range(s->cluster_ms[c], at, end);
	}
}

static void a_second_epoch_goes_on_where_the_first_ended(void **state)
{
	struct seen *s = *state;
	push(s, AP_LINE_CAMERA, 0, true);
	ok(ap_mux_end(s->mux, 2000, false));
	ap_mux_begin(s->mux, 2000);
	push(s, AP_LINE_CAMERA, 1990, true);
	ok(ap_mux_end(s->mux, 3000, false));
	assert_true(s->rising);
	assert_int_equal(s->last_ms[AP_WEBM_AUDIO], 2980);
	assert_int_equal(s->last_ms[AP_WEBM_CAMERA], 2000);
	assert_int_equal(ap_mux_line(s->mux, AP_LINE_CAMERA).frames, 1);
}

static void discarding_drops_what_is_held(void **state)
{
	struct seen *s = *state;
	push(s, AP_LINE_CAMERA, 0, true);
	ok(ap_mux_advance(s->mux, 100));
	push(s, AP_LINE_CAMERA, 200, true);
	ok(ap_mux_end(s->mux, 1000, true));
	assert_int_equal(s->blocks[AP_WEBM_CAMERA], 1);
	assert_int_equal(s->last_ms[AP_WEBM_AUDIO], 980);
}

static void a_failing_disk_is_told(void **state)
{
	struct seen *s = *state;
	s->fail = true;
	assert_string_equal(ap_mux_end(s->mux, 1000, false).name, "segment-write");
}

static void opus_packets_tell_their_length(void **state)
{
	(void)state;
	size_t len = 0;
	const uint8_t *silence = ap_opus_silence(&len);
	assert_int_equal(ap_opus_packet_ms(silence, len), 20);
	assert_int_equal(ap_opus_packet_ms((const uint8_t[]){ 0x18 }, 1), 60);	       /* SILK, 60 ms */
	assert_int_equal(ap_opus_packet_ms((const uint8_t[]){ 0x79 }, 1), 40);	       /* two hybrid frames */
	assert_int_equal(ap_opus_packet_ms((const uint8_t[]){ 0x83, 0x04 }, 2), 10);   /* four of 2.5 ms */
	assert_int_equal(ap_opus_packet_ms((const uint8_t[]){ 0xFB }, 1), 0);
	assert_int_equal(ap_opus_packet_ms((const uint8_t[]){ 0x1B, 0x3F }, 2), 0);    /* beyond 120 ms */
	assert_int_equal(ap_opus_packet_ms(NULL, 0), 0);
}

#define NS(ms) (INT64_C(1000000) * (ms))

static enum ap_source_verdict judge(struct ap_source *s, uint32_t ssrc, uint16_t seq, uint32_t rtp, int64_t ms)
{
	const struct ap_source_packet p = { ssrc, seq, rtp, NS(ms) };
	return ap_source_judge(s, &p);
}

static void loss_and_reordering_are_the_same_source(void **state)
{
	(void)state;
	struct ap_source s = ap_source_new(90000);
	assert_int_equal(judge(&s, 1, 65530, 0xFFFFFF00, 1000), AP_SOURCE_RESTART);
	assert_int_equal(judge(&s, 1, 65532, 0xFFFFFF00 + 6000, 1066), AP_SOURCE_TAKE);
	assert_int_equal(judge(&s, 1, 65531, 0xFFFFFF00 + 3000, 1300), AP_SOURCE_TAKE); /* repaired late */
	assert_int_equal(judge(&s, 1, 700, 0xFFFFFF00 + 90000, 2000), AP_SOURCE_TAKE);  /* a second was lost */
	assert_int_equal(judge(&s, 1, 701, 0xFFFFFF00 + 990000, 12000), AP_SOURCE_TAKE); /* muted ten seconds */
}

/* An address changed, and five seconds of pictures are asked for again: what comes now lies up to five seconds behind
 * what came last. Taken for another source, it would throw away what waits in the jitter buffer, and the next in time too. */
static void what_is_repaired_after_an_outage_is_the_same_source(void **state)
{
	(void)state;
	struct ap_source s = ap_source_new(90000);
	assert_int_equal(judge(&s, 1, 65300, 0xFFFFFF00, 1000), AP_SOURCE_RESTART);
	assert_int_equal(judge(&s, 1, 264, 0xFFFFFF00 + 450000, 6000), AP_SOURCE_TAKE);
	assert_int_equal(judge(&s, 1, 65301, 0xFFFFFF00 + 3000, 6250), AP_SOURCE_TAKE);
	assert_int_equal(judge(&s, 1, 265, 0xFFFFFF00 + 474000, 6266), AP_SOURCE_TAKE);
	assert_int_equal(judge(&s, 1, 65302, 0xFFFFFF00 + 6000, 9500), AP_SOURCE_TAKE);
	assert_int_equal(judge(&s, 1, 264, 0xFFFFFF00 + 450000, 9600), AP_SOURCE_TAKE); /* twice */
	assert_int_equal(judge(&s, 1, 266, 0xFFFFFF00 + 774000, 9600), AP_SOURCE_TAKE);
}

static void what_lies_behind_in_number_only_starts_anew(void **state)
{
	(void)state;
	struct ap_source s = ap_source_new(90000);
	assert_int_equal(judge(&s, 1, 1000, 90000, 1000), AP_SOURCE_RESTART);
	assert_int_equal(judge(&s, 1, 1001, 93000, 1033), AP_SOURCE_TAKE);
	assert_int_equal(judge(&s, 1, 900, 1u << 30, 2000), AP_SOURCE_RESTART);
	assert_int_equal(judge(&s, 1, 901, (1u << 30) + 3000, 2033), AP_SOURCE_TAKE);
	assert_int_equal(judge(&s, 1, 800, (1u << 30) - 90000 * 60, 3000), AP_SOURCE_RESTART); /* a minute ago */
}

static void another_source_or_a_jump_starts_anew(void **state)
{
	(void)state;
	struct ap_source s = ap_source_new(90000);
	assert_int_equal(judge(&s, 1, 10, 0, 1000), AP_SOURCE_RESTART);
	assert_int_equal(judge(&s, 2, 900, 77, 2000), AP_SOURCE_RESTART);
	assert_int_equal(judge(&s, 1, 11, 3000, 2050), AP_SOURCE_DROP); /* a straggler of the first */
	assert_int_equal(judge(&s, 2, 901, 77 + 3000, 2033), AP_SOURCE_TAKE);
	assert_int_equal(judge(&s, 2, 902, 1u << 31, 3000), AP_SOURCE_RESTART); /* timestamp */
	assert_int_equal(judge(&s, 2, 40000, (1u << 31) + 90000, 4000), AP_SOURCE_RESTART); /* sequence number */
	assert_int_equal(judge(&s, 2, 40001, (1u << 31) + 93000, 4033), AP_SOURCE_TAKE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_at_all_still_lasts_its_time),
		TEST(holes_in_the_sound_are_filled_and_no_more),
		TEST(every_keyframe_begins_a_cluster),
		TEST(keyframes_alone_do_not_make_a_cluster_each),
		TEST(a_track_begins_with_a_keyframe_of_known_size),
		TEST(what_comes_late_keeps_time_rising),
		TEST(a_late_keyframe_opens_no_cluster_in_the_past),
		TEST(sounds_never_share_a_time),
		TEST(whatever_comes_times_rise),
		TEST(a_second_epoch_goes_on_where_the_first_ended),
		TEST(discarding_drops_what_is_held),
		TEST(a_failing_disk_is_told),
		cmocka_unit_test(opus_packets_tell_their_length),
		cmocka_unit_test(loss_and_reordering_are_the_same_source),
		cmocka_unit_test(what_is_repaired_after_an_outage_is_the_same_source),
		cmocka_unit_test(what_lies_behind_in_number_only_starts_anew),
		cmocka_unit_test(another_source_or_a_jump_starts_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
