/* What was altered, swapped or taken away on disk or in vault.db is told and never played. */
#include "tests/testlib/staff_fixture.h"

#include "recorder/recording/playback.h"

#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define YEAR (365LL * 86400000)

struct scene {
	struct fixture *f;
	struct ap_uuid recording;
};

static int set_up(void **state)
{
	struct scene *s = g_new0(struct scene, 1);
	s->f = fixture_new();
	struct ap_uuid session = fixture_consented(s->f, "[\"recording\"]");
	s->recording = fixture_recording(s->f, &session, YEAR);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;
	fixture_free(s->f);
	g_free(s);
	return 0;
}

static char *path_of(const struct scene *s, const struct ap_uuid *recording, enum ap_role role, unsigned n)
{
	char id[AP_UUID_TEXT];
	ap_uuid_text(recording, id);
	g_autofree char *name = g_strdup_printf("%u.age", n);
	return g_build_filename(s->f->home, "recordings", id, ap_role_text(role), name, NULL);
}

static void swap(const char *a, const char *b)
{
	g_autofree char *aside = g_strconcat(a, ".aside", NULL);
	assert_int_equal(g_rename(a, aside), 0);
	assert_int_equal(g_rename(b, a), 0);
	assert_int_equal(g_rename(aside, b), 0);
}

/* The name of what reading this one segment of a track gives, "ok" only with the bytes that were recorded. */
static const char *reading(const struct scene *s, enum ap_role role, unsigned n)
{
	struct ap_playback_reader *reader;
	uint8_t bytes[64];
	size_t len = 0;
	struct ap_result r = ap_playback_open(s->f->v, &s->recording, role, &reader);
	if (!ap_ok(r))
		return r.name;
	uint64_t at = (uint64_t)n * FIXTURE_SEGMENT + 17;
	r = ap_playback_read(reader, at, bytes, sizeof bytes, &len);
	ap_playback_close(reader);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(bytes[i], fixture_byte(role, at + i));
	return r.name;
}

static const char *exporting(const struct scene *s, enum ap_role role, unsigned n)
{
	uint8_t *bytes = NULL;
	size_t len;
	struct ap_result r = ap_playback_ciphertext(s->f->v, &s->recording, role, n, &bytes, &len);
	g_free(bytes);
	return r.name;
}

static void an_untouched_recording_plays(void **state)
{
	for (unsigned n = 0; n < FIXTURE_SEGMENTS; n++) {
		assert_string_equal(reading(*state, AP_COACH, n), "ok");
		assert_string_equal(exporting(*state, AP_COACHEE, n), "ok");
	}
	assert_string_equal(exporting(*state, AP_COACH, FIXTURE_SEGMENTS), "not-found");
}

static void segments_swapped_in_a_track_do_not_play(void **state)
{
	struct scene *s = *state;
	g_autofree char *one = path_of(s, &s->recording, AP_COACH, 1), *three = path_of(s, &s->recording, AP_COACH, 3);
	swap(one, three);
	assert_string_equal(reading(s, AP_COACH, 1), "segment-altered");
	assert_string_equal(reading(s, AP_COACH, 3), "segment-altered");
	assert_string_equal(exporting(s, AP_COACH, 3), "segment-altered");
	assert_string_equal(reading(s, AP_COACH, 2), "ok");
}

static void segments_swapped_between_tracks_do_not_play(void **state)
{
	struct scene *s = *state;
	g_autofree char *mine = path_of(s, &s->recording, AP_COACH, 2), *theirs = path_of(s, &s->recording, AP_COACHEE, 2);
	swap(mine, theirs);
	assert_string_equal(reading(s, AP_COACH, 2), "segment-altered");
	assert_string_equal(reading(s, AP_COACHEE, 2), "segment-altered");
	assert_string_equal(exporting(s, AP_COACHEE, 2), "segment-altered");
}

static void segments_swapped_between_recordings_do_not_play(void **state)
{
	struct scene *s = *state;
	struct ap_uuid session = fixture_consented(s->f, "[\"recording\"]");
	struct ap_uuid other = fixture_recording(s->f, &session, YEAR);
	g_autofree char *here = path_of(s, &s->recording, AP_COACH, 1), *there = path_of(s, &other, AP_COACH, 1);
	swap(here, there);
	assert_string_equal(reading(s, AP_COACH, 1), "segment-altered");
	assert_string_equal(exporting(s, AP_COACH, 1), "segment-altered");
}

static void edit(const char *path, void (*change)(GByteArray *bytes))
{
	g_autofree char *text = NULL;
	gsize len;
	assert_true(g_file_get_contents(path, &text, &len, NULL));
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	g_byte_array_append(bytes, (const guint8 *)text, (guint)len);
	change(bytes);
	assert_true(g_file_set_contents(path, (const char *)bytes->data, bytes->len, NULL));
}

static void flip(GByteArray *bytes)
{
	bytes->data[bytes->len - 20] ^= 0x10;
}

static void truncate_it(GByteArray *bytes)
{
	g_byte_array_set_size(bytes, bytes->len - 1);
}

static void extend(GByteArray *bytes)
{
	g_byte_array_append(bytes, (const guint8 *)"x", 1);
}

static void empty(GByteArray *bytes)
{
	g_byte_array_set_size(bytes, 0);
}

static void a_segment_changed_in_any_way_does_not_play(void **state)
{
	static void (*const changes[])(GByteArray *) = { flip, truncate_it, extend, empty };
	struct scene *s = *state;
	for (unsigned n = 0; n < G_N_ELEMENTS(changes); n++) {
		g_autofree char *path = path_of(s, &s->recording, AP_COACHEE, n);
		edit(path, changes[n]);
		assert_string_equal(reading(s, AP_COACHEE, n), "segment-altered");
		assert_string_equal(exporting(s, AP_COACHEE, n), "segment-altered");
	}
	assert_string_equal(reading(s, AP_COACHEE, 4), "ok");
}

static void a_missing_segment_is_told(void **state)
{
	struct scene *s = *state;
	g_autofree char *path = path_of(s, &s->recording, AP_COACH, 0);
	assert_int_equal(g_unlink(path), 0);
	assert_string_equal(reading(s, AP_COACH, 0), "segment-altered");
	assert_string_equal(exporting(s, AP_COACH, 0), "segment-altered");
}

/* Whoever can write vault.db can make its rows agree with a forged file; the manifest's signature they cannot make. */
static void rows_that_differ_from_the_manifest_do_not_play(void **state)
{
	struct scene *s = *state;
	fixture_run(s->f, "UPDATE segment SET sha256 = zeroblob(32) WHERE role = 1 AND number = 2");
	assert_string_equal(reading(s, AP_COACH, 0), "segment-altered");
	assert_string_equal(exporting(s, AP_COACH, 0), "segment-altered");
	assert_string_equal(reading(s, AP_COACHEE, 0), "ok");
}

static void a_track_cut_short_in_the_rows_does_not_play(void **state)
{
	struct scene *s = *state;
	fixture_run(s->f, "DELETE FROM segment WHERE role = 1 AND number = 4");
	assert_string_equal(reading(s, AP_COACH, 0), "segment-altered");
}

static void a_changed_manifest_does_not_vouch(void **state)
{
	struct scene *s = *state;
	fixture_run(s->f, "UPDATE recording SET manifest = replace(manifest, '\"epoch\":1', '\"epoch\":2')");
	assert_string_equal(reading(s, AP_COACH, 0), "segment-altered");
}

static void a_missing_manifest_or_signature_does_not_vouch(void **state)
{
	struct scene *s = *state;
	fixture_run(s->f, "UPDATE recording SET manifest_signature = zeroblob(64)");
	assert_string_equal(reading(s, AP_COACH, 0), "segment-altered");
	fixture_run(s->f, "UPDATE recording SET manifest = NULL, manifest_signature = NULL");
	assert_string_equal(reading(s, AP_COACH, 0), "segment-altered");
}

static void another_recordings_manifest_does_not_vouch(void **state)
{
	struct scene *s = *state;
	struct ap_uuid session = fixture_consented(s->f, "[\"recording\"]");
	fixture_recording(s->f, &session, YEAR);
	fixture_run(s->f, "CREATE TEMP TABLE old AS SELECT id, manifest, manifest_signature FROM recording");
	fixture_run(s->f, "UPDATE recording SET (manifest, manifest_signature) = (SELECT manifest, manifest_signature FROM"
			  " temp.old WHERE old.id <> recording.id)");
	assert_string_equal(reading(s, AP_COACH, 0), "segment-altered");
}

/* While it is being made there is no manifest yet, but a row that was lost is seen all the same. */
static void a_number_left_out_is_a_hole(void **state)
{
	struct scene *s = *state;
	fixture_run(s->f, "UPDATE recording SET state = 'recording', manifest = NULL, manifest_signature = NULL");
	assert_string_equal(reading(s, AP_COACH, 0), "ok");
	fixture_run(s->f, "UPDATE segment SET number = 5 WHERE role = 1 AND number = 4");
	assert_string_equal(reading(s, AP_COACH, 0), "segment-altered");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_untouched_recording_plays),
		TEST(segments_swapped_in_a_track_do_not_play),
		TEST(segments_swapped_between_tracks_do_not_play),
		TEST(segments_swapped_between_recordings_do_not_play),
		TEST(a_segment_changed_in_any_way_does_not_play),
		TEST(a_missing_segment_is_told),
		TEST(rows_that_differ_from_the_manifest_do_not_play),
		TEST(a_track_cut_short_in_the_rows_does_not_play),
		TEST(a_changed_manifest_does_not_vouch),
		TEST(a_missing_manifest_or_signature_does_not_vouch),
		TEST(another_recordings_manifest_does_not_vouch),
		TEST(a_number_left_out_is_a_hole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
