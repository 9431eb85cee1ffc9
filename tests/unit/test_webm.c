#include <aparte/webm.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct ap_webm_header example(void)
{
	struct ap_webm_header h = { .duration_ms = 12345, .uid = { 1, 2, 3 } };
	h.tracks[0] = (struct ap_webm_track_info){ .codec = AP_WEBM_OPUS, .channels = 2 };
	h.tracks[1] = (struct ap_webm_track_info){ .codec = AP_WEBM_VP8, .width = 640, .height = 480 };
	return h;
}

static void a_header_is_read_as_it_was_written(void **state)
{
	(void)state;
	uint8_t bytes[AP_WEBM_HEADER];
	struct ap_webm_header h = example(), back;
	h.tracks[2] = (struct ap_webm_track_info){ .codec = AP_WEBM_H264, .width = 1920, .height = 1080, .frame_ms = 40,
						   .private_len = 3, .private_bytes = { 1, 66, 31 } };
	assert_true(ap_ok(ap_webm_header_write(&h, bytes)));
	assert_true(ap_ok(ap_webm_header_read(bytes, sizeof bytes, &back)));
	assert_memory_equal(back.tracks, h.tracks, sizeof h.tracks);
	assert_memory_equal(back.uid, h.uid, sizeof h.uid);
	assert_int_equal(back.duration_ms, 12345);
	assert_int_equal(ap_webm_cue_track(&back), AP_WEBM_CAMERA);
}

static void no_shortened_or_altered_header_is_trusted(void **state)
{
	(void)state;
	uint8_t bytes[AP_WEBM_HEADER], altered[AP_WEBM_HEADER];
	struct ap_webm_header h = example(), back;
	assert_true(ap_ok(ap_webm_header_write(&h, bytes)));
	assert_false(ap_ok(ap_webm_header_read(bytes, sizeof bytes - 1, &back)));
	assert_false(ap_ok(ap_webm_header_read(bytes, 0, &back)));
	/* Any byte may be anything: it is refused or gives values in range, and never reads outside (ASan watches). */
	for (size_t i = 0; i < 400; i++)
		for (unsigned v = 0; v < 256; v += 15) {
			memcpy(altered, bytes, sizeof bytes);
			altered[i] = (uint8_t)v;
			if (!ap_ok(ap_webm_header_read(altered, sizeof altered, &back)))
				continue;
			for (int t = 0; t < AP_WEBM_TRACKS; t++)
				assert_true(back.tracks[t].codec <= AP_WEBM_H264 &&
					    back.tracks[t].private_len <= AP_WEBM_PRIVATE);
		}
}

static void private_data_that_do_not_fit_are_refused(void **state)
{
	(void)state;
	uint8_t bytes[AP_WEBM_HEADER];
	struct ap_webm_header h = example();
	h.tracks[1].codec = h.tracks[2].codec = AP_WEBM_H264;
	h.tracks[1].private_len = h.tracks[2].private_len = AP_WEBM_PRIVATE;
	assert_string_equal(ap_webm_header_write(&h, bytes).name, "webm-header");
}

static void finishing_makes_cues_of_keyframe_clusters_only(void **state)
{
	(void)state;
	uint8_t bytes[AP_WEBM_HEADER], final[AP_WEBM_HEADER];
	struct ap_webm_header h = example(), back;
	const struct ap_webm_cue cues[] = { { 2048, 0, true }, { 5000, 1000, false }, { 9000, 2000, true } };
	g_autoptr(GByteArray) with = NULL;
	h.duration_ms = 0;
	assert_true(ap_ok(ap_webm_header_write(&h, bytes)));
	assert_true(ap_ok(ap_webm_finish(bytes, sizeof bytes, 3000, 10000, cues, 3, final, &with)));
	assert_true(ap_ok(ap_webm_header_read(final, sizeof final, &back)));
	assert_int_equal(back.duration_ms, 3000);
	unsigned points = 0;
	for (guint i = 0; i + 1 < with->len; i++)
		points += with->data[i] == 0xBB && with->data[i + 2] == 0xB3;
	assert_int_equal(points, 2);
}

static void sound_alone_is_cued_everywhere_and_nothing_has_no_cues(void **state)
{
	(void)state;
	uint8_t bytes[AP_WEBM_HEADER], final[AP_WEBM_HEADER];
	struct ap_webm_header h = example();
	const struct ap_webm_cue cue = { 2048, 0, false };
	g_autoptr(GByteArray) some = NULL, none = NULL, video = NULL;
	assert_true(ap_ok(ap_webm_header_write(&h, bytes)));
	assert_true(ap_ok(ap_webm_finish(bytes, sizeof bytes, 1, 4096, &cue, 1, final, &video)));
	assert_int_equal(video->len, 0);
	h.tracks[1].codec = AP_WEBM_NONE;
	assert_true(ap_ok(ap_webm_header_write(&h, bytes)));
	assert_true(ap_ok(ap_webm_finish(bytes, sizeof bytes, 1, 4096, &cue, 1, final, &some)));
	assert_true(some->len > 0);
	assert_true(ap_ok(ap_webm_finish(bytes, sizeof bytes, 1, 2048, NULL, 0, final, &none)));
	assert_int_equal(none->len, 0);
}

static void clusters_outside_the_file_are_refused(void **state)
{
	(void)state;
	uint8_t bytes[AP_WEBM_HEADER], final[AP_WEBM_HEADER];
	struct ap_webm_header h = example();
	GByteArray *cues = NULL;
	const struct ap_webm_cue before = { 2047, 0, true }, after = { 4096, 0, true };
	assert_true(ap_ok(ap_webm_header_write(&h, bytes)));
	assert_string_equal(ap_webm_finish(bytes, sizeof bytes, 1, 4096, &before, 1, final, &cues).name, "webm-offsets");
	assert_string_equal(ap_webm_finish(bytes, sizeof bytes, 1, 4096, &after, 1, final, &cues).name, "webm-offsets");
	assert_string_equal(ap_webm_finish(bytes, sizeof bytes, 1, 2047, NULL, 0, final, &cues).name, "webm-offsets");
	assert_null(cues);
}

static void a_cluster_says_its_size(void **state)
{
	(void)state;
	g_autoptr(GByteArray) c = g_byte_array_new();
	ap_webm_cluster_begin(c, 0x1234);
	ap_webm_block(c, AP_WEBM_CAMERA, -2, true, "abc", 3);
	ap_webm_cluster_end(c);
	const uint8_t want[] = { 0x1F, 0x43, 0xB6, 0x75, 1, 0, 0, 0, 0, 0, 0, 13, 0xE7, 0x82, 0x12, 0x34,
				 0xA3, 0x87, 0x82, 0xFF, 0xFE, 0x80, 'a', 'b', 'c' };
	assert_int_equal(c->len, sizeof want);
	assert_memory_equal(c->data, want, sizeof want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_is_read_as_it_was_written),
		cmocka_unit_test(no_shortened_or_altered_header_is_trusted),
		cmocka_unit_test(private_data_that_do_not_fit_are_refused),
		cmocka_unit_test(finishing_makes_cues_of_keyframe_clusters_only),
		cmocka_unit_test(sound_alone_is_cued_everywhere_and_nothing_has_no_cues),
		cmocka_unit_test(clusters_outside_the_file_are_refused),
		cmocka_unit_test(a_cluster_says_its_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
