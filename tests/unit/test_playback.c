#include "tests/testlib/staff_fixture.h"

#include "recorder/recording/playback.h"

#include <aparte/limits.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define YEAR (365LL * 86400000)

struct opened {
	struct fixture *f;
	struct ap_uuid session, recording;
	struct ap_playback_reader *reader;
};

static struct opened open_track(enum ap_role track)
{
	struct opened o = {.f = fixture_new()};
	o.session = fixture_consented(o.f, "[\"recording\"]");
	o.recording = fixture_recording(o.f, &o.session, YEAR);
	assert_ok(ap_playback_open(o.f->v, &o.recording, track, &o.reader));
	return o;
}

static void close_track(struct opened *o)
{
	ap_playback_close(o->reader);
	fixture_free(o->f);
}

static char *segment_path(const struct opened *o, enum ap_role track, unsigned n)
{
	char id[AP_UUID_TEXT];
	ap_uuid_text(&o->recording, id);
	g_autofree char *name = g_strdup_printf("%u.age", n);
	return g_build_filename(o->f->home, "recordings", id, ap_role_text(track), name, NULL);
}

static void check_range(const struct opened *o, enum ap_role track, uint64_t offset, size_t max, size_t expected)
{
	g_autofree uint8_t *bytes = g_malloc0(max + 1);
	size_t len = SIZE_MAX;
	assert_ok(ap_playback_read(o->reader, offset, bytes, max, &len));
	assert_int_equal(len, expected);
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != fixture_byte(track, offset + i))
			fail_msg("byte %zu of range at %llu", i, (unsigned long long)offset);
}

static void any_range_of_a_track_reads_as_recorded(void **state)
{
	(void)state;
	struct opened o = open_track(AP_COACHEE);
	assert_int_equal(ap_playback_size(o.reader), FIXTURE_TRACK);
	check_range(&o, AP_COACHEE, 0, 10, 10);
	check_range(&o, AP_COACHEE, FIXTURE_SEGMENT - 3, 6, 6);
	check_range(&o, AP_COACHEE, 10, 3 * FIXTURE_SEGMENT, 3 * FIXTURE_SEGMENT);
	check_range(&o, AP_COACHEE, FIXTURE_TRACK - 5, 100, 5);
	check_range(&o, AP_COACHEE, FIXTURE_TRACK, 100, 0);
	check_range(&o, AP_COACHEE, FIXTURE_TRACK + 7, 100, 0);
	check_range(&o, AP_COACHEE, 5, 1, 1); /* back again */
	close_track(&o);
}

/* Each segment's hash is compared before a byte of it is decrypted. */
static void an_altered_segment_is_told_and_others_still_read(void **state)
{
	(void)state;
	struct opened o = open_track(AP_COACH);
	g_autofree char *path = segment_path(&o, AP_COACH, 2), *text = NULL;
	gsize len;
	uint8_t byte;
	size_t n;
	assert_true(g_file_get_contents(path, &text, &len, NULL));
	text[len / 2] ^= 1;
	assert_true(g_file_set_contents(path, text, (gssize)len, NULL));
	assert_refused(ap_playback_read(o.reader, 2 * FIXTURE_SEGMENT + 5, &byte, 1, &n), "segment-altered");
	check_range(&o, AP_COACH, 3 * FIXTURE_SEGMENT, 10, 10);
	assert_int_equal(g_unlink(path), 0);
	assert_refused(ap_playback_read(o.reader, 2 * FIXTURE_SEGMENT + 5, &byte, 1, &n), "segment-altered");
	close_track(&o);
}

static void a_track_with_a_gap_in_its_rows_does_not_open(void **state)
{
	(void)state;
	struct opened o = open_track(AP_COACH);
	struct ap_playback_reader *reader;
	fixture_run(o.f, "DELETE FROM segment WHERE role = 1 AND number = 3");
	assert_refused(ap_playback_open(o.f->v, &o.recording, AP_COACH, &reader), "segment-altered");
	close_track(&o);
}

static struct ap_result open_once(const struct opened *o)
{
	struct ap_playback_reader *reader = NULL;
	struct ap_result r = ap_playback_open(o->f->v, &o->recording, AP_COACH, &reader);
	ap_playback_close(reader);
	return r;
}

/* A comparison that held is remembered, and worth nothing once anything of it is another. */
static void what_was_vouched_for_is_compared_anew_when_it_changes(void **state)
{
	(void)state;
	struct opened o = open_track(AP_COACH);
	static const char *const changes[][2] = {
		{"UPDATE recording SET manifest = replace(manifest, '\"version\":\"1\"', '\"version\":\"2\"')",
		 "UPDATE recording SET manifest = replace(manifest, '\"version\":\"2\"', '\"version\":\"1\"')"},
		{"UPDATE recording SET manifest_signature = zeroblob(64)", NULL},
		{"UPDATE segment SET sha256 = zeroblob(32) WHERE role = 1 AND number = 1", NULL},
	};
	fixture_run(o.f, "CREATE TABLE kept AS SELECT manifest_signature FROM recording");
	for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
		assert_ok(open_once(&o));
		fixture_run(o.f, changes[i][0]);
		assert_refused(open_once(&o), "segment-altered");
		if (changes[i][1])
			fixture_run(o.f, changes[i][1]);
		fixture_run(o.f, "UPDATE recording SET manifest_signature = (SELECT manifest_signature FROM kept)");
	}
	close_track(&o);
}

/* More tracks than are remembered. */
static void many_recordings_play_in_turn(void **state)
{
	(void)state;
	struct opened o = open_track(AP_COACH);
	struct ap_uuid ids[20];
	g_autoptr(GBytes) track = g_bytes_new("0123456789", 10);
	for (size_t i = 0; i < G_N_ELEMENTS(ids); i++)
		ids[i] = fixture_recording_of(o.f, &o.session, YEAR, track, track);
	for (size_t i = 0; i < 2 * G_N_ELEMENTS(ids); i++) {
		o.recording = ids[i % G_N_ELEMENTS(ids)];
		assert_ok(open_once(&o));
	}
	close_track(&o);
}

static void a_recording_that_never_was_does_not_open(void **state)
{
	(void)state;
	struct opened o = open_track(AP_COACH);
	struct ap_uuid nothing = ap_uuid_random();
	struct ap_playback_reader *reader;
	assert_refused(ap_playback_open(o.f->v, &nothing, AP_COACH, &reader), "not-found");
	close_track(&o);
}

/* R38, through the gateway: an access is begun once and continued, bytes are counted, sizes are bounded. */
static void a_person_watches_through_the_gateway(void **state)
{
	(void)state;
	struct opened o = open_track(AP_COACH);
	struct ap_actor coachee = fixture_party(&o.session, AP_COACHEE);
	struct ap_uuid access, again;
	uint64_t size;
	uint8_t *bytes;
	size_t len;
	assert_ok(ap_playback_track_open(o.f->v, &coachee, &o.recording, AP_COACH, &access, &size));
	assert_int_equal(size, FIXTURE_TRACK);
	assert_ok(ap_playback_track_open(o.f->v, &coachee, &o.recording, AP_COACHEE, &again, &size));
	assert_true(ap_uuid_equal(&access, &again));
	assert_ok(
		ap_playback_track_read(o.f->v, &coachee, &access, &o.recording, AP_COACH, 7, UINT32_MAX, &bytes, &len));
	assert_int_equal(len, FIXTURE_TRACK - 7);
	assert_int_equal(bytes[0], fixture_byte(AP_COACH, 7));
	g_free(bytes);
	assert_int_equal(fixture_count(o.f, "SELECT bytes FROM access"), FIXTURE_TRACK - 7);
	fixture_withdraw(o.f, &o.session, AP_COACH, "[\"recording\"]");
	assert_refused(ap_playback_track_read(o.f->v, &coachee, &access, &o.recording, AP_COACH, 0, 10, &bytes, &len),
		       "role");
	assert_refused(ap_playback_track_open(o.f->v, &coachee, &o.recording, AP_COACH, &access, &size), "role");
	close_track(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_range_of_a_track_reads_as_recorded),
		cmocka_unit_test(an_altered_segment_is_told_and_others_still_read),
		cmocka_unit_test(a_track_with_a_gap_in_its_rows_does_not_open),
		cmocka_unit_test(what_was_vouched_for_is_compared_anew_when_it_changes),
		cmocka_unit_test(many_recordings_play_in_turn),
		cmocka_unit_test(a_recording_that_never_was_does_not_open),
		cmocka_unit_test(a_person_watches_through_the_gateway),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
