/* A recording whose capture or vault died is finished from what was reported, without reading media (docs/FORMAT.md). */
#include "recorder/recording/recording.h"
#include "recorder/db/db_consent.h"
#include "recorder/recording/manifest.h"
#include "tests/testlib/fake_capture.h"
#include "tests/testlib/vault_world.h"

#include <aparte/age.h>
#include <aparte/buf.h>
#include <aparte/webm.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#define CLUSTERS 3

static int set_up(void **state)
{
	struct world *w = world_new(NULL);
	world_open(w);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	world_free(*state);
	return 0;
}

#define LASTS 340 /* ms of media in the last cluster of a segment, of the 1000 that it might have */

/* Puts plaintext on disk as the capture would, and reports it. */
static void put(struct world *w, enum ap_role role, uint32_t number, const void *plain, size_t len,
		const struct ap_capture_cluster *clusters, size_t count)
{
	const struct ap_capture_params *params = &fake_captures()->last->params;
	struct ap_age_recipient recipient;
	uint8_t *file = NULL;
	size_t file_len = 0;
	int fd = -1;
	ap_copy(recipient.b, 32, params->recipient[role - AP_COACH], 32);
	assert_true(ap_ok(ap_age_encrypt(&recipient, plain, len, &file, &file_len)));
	assert_true(ap_ok(ap_blob_create(ap_vault_blob(w->v), &params->recording, role, number, &fd)));
	assert_int_equal(write(fd, file, file_len), file_len);
	close(fd);
	assert_true(ap_ok(ap_blob_commit(ap_vault_blob(w->v), &params->recording, role, number)));
	struct ap_hash hash = ap_sha256(file, file_len);
	struct ap_capture_segment segment = { .role = role,
					      .number = number,
					      .epoch = 1,
					      .size = file_len,
					      .plain_size = len,
					      .end_ms = count ? clusters[count - 1].time_ms + LASTS : 0,
					      .clusters = clusters,
					      .cluster_count = count };
	ap_copy(segment.sha256, 32, hash.b, 32);
	fake_captures()->last->events->segment(fake_captures()->last->ctx, &segment);
	g_free(file);
}

/* A header and three clusters of 1 s for each person. */
static void record(struct world *w)
{
	for (int role = AP_COACH; role <= AP_COACHEE; role++) {
		uint8_t header[AP_WEBM_HEADER];
		struct ap_webm_header h = { .tracks = { { .codec = AP_WEBM_OPUS, .channels = 2 },
							{ .codec = AP_WEBM_VP8, .width = 640, .height = 480 } } };
		assert_true(ap_ok(ap_webm_header_write(&h, header)));
		put(w, (enum ap_role)role, 0, header, sizeof header, NULL, 0);
		uint64_t offset = sizeof header;
		for (uint32_t i = 0; i < CLUSTERS; i++) {
			g_autoptr(GByteArray) cluster = g_byte_array_new();
			struct ap_capture_cluster c = { .offset = offset, .time_ms = i * 1000, .keyframe = true };
			ap_webm_cluster_begin(cluster, c.time_ms);
			ap_webm_block(cluster, AP_WEBM_CAMERA, 0, true, "frame", 5);
			ap_webm_cluster_end(cluster);
			put(w, (enum ap_role)role, i + 1, cluster->data, cluster->len, &c, 1);
			offset += cluster->len;
		}
	}
}

static struct ap_recording only_recording(struct world *w, struct ap_db *db)
{
	GArray *list = NULL;
	assert_true(ap_ok(ap_db_recording_list(db, &w->session, &list)));
	assert_int_equal(list->len, 1);
	struct ap_recording r = g_array_index(list, struct ap_recording, 0);
	g_array_unref(list);
	return r;
}

/* The whole track in clear, every segment's hash checked. */
static GByteArray *track(struct ap_vault *v, struct ap_db *db, const struct ap_recording *r, enum ap_role role)
{
	GByteArray *whole = g_byte_array_new();
	GArray *segments = NULL;
	struct ap_secret *identity = NULL;
	assert_true(ap_ok(ap_recording_identity(v, db, r, (enum ap_key_use)role, &identity)));
	assert_true(ap_ok(ap_db_segment_list(db, &r->id, role, &segments)));
	for (guint i = 0; i < segments->len; i++) {
		const struct ap_segment_row *s = &g_array_index(segments, struct ap_segment_row, i);
		uint8_t *file = NULL, *plain = NULL;
		size_t len = 0, plain_len = 0;
		assert_true(ap_ok(ap_blob_read(ap_vault_blob(v), &r->id, role, s->number, 1 << 20, &file, &len)));
		struct ap_hash hash = ap_sha256(file, len);
		assert_memory_equal(hash.b, s->sha256, 32);
		assert_true(ap_ok(ap_age_decrypt(identity, file, len, &plain, &plain_len)));
		assert_int_equal(whole->len, s->plain_offset);
		assert_int_equal(plain_len, s->plain_size);
		g_byte_array_append(whole, plain, (guint)plain_len);
		g_free(file);
		g_free(plain);
	}
	ap_secret_free(identity);
	g_array_unref(segments);
	return whole;
}

static void expect_finished(struct world *w, struct ap_vault *v)
{
	struct ap_db *db = ap_vault_db(v);
	struct ap_recording r = only_recording(w, db);
	assert_string_equal(r.state, "sealed");
	assert_int_equal(r.duration_ms, 2 * 1000 + LASTS);
	for (int role = AP_COACH; role <= AP_COACHEE; role++) {
		g_autoptr(GByteArray) whole = track(v, db, &r, (enum ap_role)role);
		struct ap_webm_header h;
		assert_true(ap_ok(ap_webm_header_read(whole->data, AP_WEBM_HEADER, &h)));
		assert_int_equal(h.duration_ms, r.duration_ms);
		static const uint8_t cues[] = { 0x1c, 0x53, 0xbb, 0x6b };
		assert_non_null(memmem(whole->data + AP_WEBM_HEADER, whole->len - AP_WEBM_HEADER, cues, sizeof cues));
	}
}

static char *manifest_of(struct ap_db *db, uint8_t ret_signature[64])
{
	struct ap_rows *rows = ap_db_query(db, "SELECT manifest, manifest_signature FROM recording", AP_NO_VALUES);
	assert_true(ap_rows_next(rows));
	char *text = ap_row_text_dup(rows, 0);
	assert_true(ap_row_bytes(rows, 1, ret_signature, 64));
	assert_true(ap_ok(ap_rows_end(rows)));
	return text;
}

static void a_dead_captures_tracks_are_finished(void **state)
{
	struct world *w = *state;
	record(w);
	fake_capture_fail("capture-died");
	expect_finished(w, w->v);
}

static void a_dead_vaults_recordings_are_finished(void **state)
{
	struct world *w = *state;
	struct ap_vault *v = NULL;
	struct ap_vault_setup setup = { .config = w->config, .clock = &w->clock, .home = w->home };
	record(w);
	assert_true(ap_ok(ap_vault_open(&setup, &v))); /* the next process finds what this one left */
	assert_true(ap_ok(ap_recording_recover(v, ap_vault_db(v))));
	expect_finished(w, v);
	int64_t open = -1;
	assert_true(ap_ok(ap_db_count(ap_vault_db(v), "SELECT count(*) FROM epoch WHERE closed_leaf IS NULL", AP_NO_VALUES, &open)));
	assert_int_equal(open, 0);
	assert_true(ap_ok(ap_recording_recover(v, ap_vault_db(v))));
	expect_finished(w, v);
	ap_vault_free(v);
}

/* What an older version recorded does not say where it ends: a second at most after its last cluster began. */
static void without_an_end_the_longest_is_taken(void **state)
{
	struct world *w = *state;
	struct ap_db *db = ap_vault_db(w->v);
	record(w);
	fake_capture_fail("capture-died");
	assert_true(ap_ok(ap_db_run(db, "UPDATE segment SET end_ms = NULL", AP_NO_VALUES)));
	assert_true(ap_ok(ap_db_run(db, "UPDATE recording SET state = 'recording', manifest = NULL", AP_NO_VALUES)));
	assert_true(ap_ok(ap_recording_recover(w->v, db)));
	assert_int_equal(only_recording(w, db).duration_ms, 3000);
}

static void a_finish_cut_short_is_done_again(void **state)
{
	struct world *w = *state;
	struct ap_db *db = ap_vault_db(w->v);
	record(w);
	fake_capture_fail("capture-died");
	/* As if it had died between the Cues and the header: the row of segment 0 is of the old file. */
	assert_true(ap_ok(ap_db_run(db, "UPDATE segment SET sha256 = zeroblob(32) WHERE number = 0", AP_NO_VALUES)));
	assert_true(ap_ok(ap_db_run(db, "UPDATE recording SET state = 'recording', manifest = NULL", AP_NO_VALUES)));
	assert_true(ap_ok(ap_recording_recover(w->v, db)));
	expect_finished(w, w->v);
}

static void the_manifest_is_signed_and_logged(void **state)
{
	struct world *w = *state;
	struct ap_db *db = ap_vault_db(w->v);
	uint8_t signature[64], public[32];
	record(w);
	fake_capture_fail("capture-died");
	g_autofree char *text = manifest_of(db, signature);
	assert_true(ap_ok(ap_manifest_key(w->v, public)));
	assert_int_equal(crypto_sign_verify_detached(signature, (const uint8_t *)text, strlen(text), public), 0);
	assert_non_null(strstr(text, "\"finished_by\":\"vault\""));
	assert_non_null(strstr(text, "\"codecs\":{\"audio\":\"opus\",\"video\":\"VP8\"}"));
	struct ap_hash hash = ap_sha256(text, strlen(text));
	g_autofree char *hex = ap_hash_hex(&hash);
	g_autofree char *like = g_strdup_printf("%%%s%%", hex);
	int64_t leaves = 0;
	assert_true(ap_ok(ap_db_count(db, "SELECT count(*) FROM leaf WHERE body LIKE ?1", AP_VALUES(AP_V_TEXT(like)), &leaves)));
	assert_int_equal(leaves, 1);
}

/* With a report of its last epoch, and without. */
static void the_manifest_says_how_a_capture_failed(void **state)
{
	struct world *w = *state;
	struct ap_db *db = ap_vault_db(w->v);
	uint8_t signature[64];
	record(w);
	fake_capture_fail("capture-report");
	g_autofree char *text = manifest_of(db, signature);
	assert_non_null(strstr(text, "\"capture\":{\"failed\":\"capture-report\"}"));
	assert_non_null(strstr(text, "\"finished_by\":\"vault\""));
}

static void a_failure_stands_beside_the_epochs_report(void **state)
{
	struct world *w = *state;
	struct ap_db *db = ap_vault_db(w->v);
	struct ap_capture_epoch epoch = { .epoch = 1, .generation = w->told.generation, .file_end_ms = 9000 };
	uint8_t signature[64];
	record(w);
	g_autofree char *stats = ap_manifest_epoch_stats(&epoch);
	assert_true(ap_ok(ap_db_epoch_stats(db, w->told.generation, stats)));
	fake_capture_fail("capture-stuck");
	g_autofree char *text = manifest_of(db, signature);
	assert_non_null(strstr(text, "\"failed\":\"capture-stuck\",\"file_end_ms\":9000"));
}

static void silences_and_closed_times_are_told(void **state)
{
	struct world *w = *state;
	struct ap_db *db = ap_vault_db(w->v);
	struct ap_capture_epoch epoch = { .epoch = 1, .generation = w->told.generation, .file_end_ms = 9000 };
	uint8_t signature[64];
	epoch.lines[0][AP_LINE_AUDIO] = (struct ap_capture_line_stats){ .packets = 10, .lost = 3, .frames = 9, .first_ms = 10, .last_ms = 8990 };
	epoch.lines[0][AP_LINE_CAMERA] = (struct ap_capture_line_stats){ .packets = 5, .frames = 5, .first_ms = 2000, .last_ms = 5000 };
	record(w);
	g_autofree char *stats = ap_manifest_epoch_stats(&epoch);
	assert_true(ap_ok(ap_db_epoch_stats(db, w->told.generation, stats)));
	fake_capture_fail("capture-died");
	g_autofree char *text = manifest_of(db, signature);
	assert_non_null(strstr(text, "{\"epoch\":1,\"from_ms\":0,\"line\":\"camera\",\"role\":\"coach\",\"to_ms\":2000}"));
	assert_non_null(strstr(text, "{\"epoch\":1,\"from_ms\":5000,\"line\":\"camera\",\"role\":\"coach\",\"to_ms\":9000}"));
	assert_null(strstr(text, "\"line\":\"audio\""));
	assert_non_null(strstr(text, "\"lost\":3"));
}

static void a_destroyed_share_opens_nothing(void **state)
{
	struct world *w = *state;
	struct ap_db *db = ap_vault_db(w->v);
	struct ap_secret *identity = NULL;
	record(w);
	struct ap_recording r = only_recording(w, db);
	assert_true(ap_ok(ap_recording_identity(w->v, db, &r, AP_KEY_NOTES, &identity)));
	ap_secret_free(identity);
	struct ap_recording other = r;
	other.recipient[0][0] ^= 1;
	assert_string_equal(ap_recording_identity(w->v, db, &other, AP_KEY_COACH, &identity).name, "share");
	assert_true(ap_ok(ap_db_keys_destroy(ap_vault_keys(w->v), &r.record[1], AP_SLOT_COACHEE)));
	assert_string_equal(ap_recording_identity(w->v, db, &r, AP_KEY_COACH, &identity).name, "erased");
}

static void orphaned_shares_are_swept(void **state)
{
	struct world *w = *state;
	struct ap_wrap_place place = { .slot = AP_SLOT_COACH, .session = w->session, .record_id = ap_uuid_random() };
	struct ap_secret *share = ap_secret_random(AP_SHARE);
	struct ap_pending_share pending[4];
	size_t n = 0;
	struct ap_recording r = only_recording(w, ap_vault_db(w->v));
	assert_true(ap_ok(ap_db_keys_put(ap_vault_keys(w->v), &place, share)));
	ap_secret_free(share);
	assert_true(ap_ok(ap_db_keys_pending(ap_vault_keys(w->v), pending, 4, &n)));
	assert_int_equal(n, 1);
	assert_true(ap_ok(ap_recording_recover(w->v, ap_vault_db(w->v))));
	assert_true(ap_ok(ap_db_keys_pending(ap_vault_keys(w->v), pending, 4, &n)));
	assert_int_equal(n, 0);
	struct ap_wrapped wrapped;
	assert_false(ap_ok(ap_db_keys_peek(ap_vault_keys(w->v), &place.record_id, AP_SLOT_COACH, &wrapped)));
	assert_true(ap_ok(ap_db_keys_peek(ap_vault_keys(w->v), &r.record[0], AP_SLOT_COACH, &wrapped)));
	assert_true(ap_ok(ap_db_keys_peek(ap_vault_keys(w->v), &r.id, AP_SLOT_VAULT, &wrapped)));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_dead_captures_tracks_are_finished),
		TEST(a_dead_vaults_recordings_are_finished),
		TEST(without_an_end_the_longest_is_taken),
		TEST(a_finish_cut_short_is_done_again),
		TEST(the_manifest_is_signed_and_logged),
		TEST(the_manifest_says_how_a_capture_failed),
		TEST(a_failure_stands_beside_the_epochs_report),
		TEST(silences_and_closed_times_are_told),
		TEST(a_destroyed_share_opens_nothing),
		TEST(orphaned_shares_are_swept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
