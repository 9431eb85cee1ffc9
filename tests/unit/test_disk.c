/* A disk that fails, as the gate sees it: shown as `storage`, no hole in a recording, nothing made after its erasure. */
#include "tests/testlib/fake_capture.h"
#include "tests/testlib/vault_world.h"

#include "recorder/gate/disk_watch.h"
#include "recorder/recording/recording.h"

#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int set_up(void **state)
{
	*state = world_new(NULL);
	return 0;
}

static int tear_down(void **state)
{
	world_free(*state);
	return 0;
}

static unsigned reasons(struct world *w)
{
	return ap_gatekeeper_reasons(world_keeper(w));
}

static void sql(struct world *w, const char *statement)
{
	assert_true(ap_ok(ap_db_run(ap_vault_db(w->v), statement, AP_NO_VALUES)));
}

static void what_the_disk_refuses_is_shown_as_storage(void **state)
{
	static const char *const words[] = { "segment-write", "segment-fsync", "storage" };
	struct world *w = *state;
	world_open(w);
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
		g_string_truncate(w->told.events, 0);
		fake_capture_fail(words[i]);
		assert_int_equal(reasons(w), AP_GATE_REASON(STORAGE));
		assert_non_null(strstr(w->told.events->str, "coach gate"));
		assert_non_null(strstr(w->told.events->str, "\"reasons\":[\"storage\"]"));
		world_pass(w, 17000);
		assert_non_null(fake_captures()->last);
	}
}

/* The gateway notices that its end broke before the capture's word is read. */
static void the_gateways_word_does_not_hide_the_disks(void **state)
{
	struct world *w = *state;
	world_open(w);
	ap_gatekeeper_tap_lost(world_keeper(w), ap_gatekeeper_generation(world_keeper(w)));
	fake_capture_fail("segment-write");
	assert_int_equal(reasons(w), AP_GATE_REASON(STORAGE));
}

/* Openings that never keep a segment come ever more rarely, though each of them opens. */
static void a_disk_that_stays_bad_is_left_alone_for_longer_and_longer(void **state)
{
	struct world *w = *state;
	world_open(w);
	for (int i = 0; i < 6; i++) {
		fake_capture_fail("segment-write");
		for (int ms = 0; !fake_captures()->last && ms < 20000; ms += 100)
			world_pass(w, 100);
		ap_gatekeepers_tap_opened(w->keepers, &w->session, ap_gatekeeper_generation(world_keeper(w)), true);
	}
	unsigned before = fake_captures()->started;
	fake_capture_fail("segment-write");
	world_pass(w, 8000);
	assert_int_equal(fake_captures()->started, before);
}

static void a_segment_that_was_not_kept_ends_its_recording(void **state)
{
	struct world *w = *state;
	world_open(w);
	fake_capture_segment(AP_COACH, 0, 2048);
	fake_capture_segment(AP_COACH, 1, 9000);
	sql(w, "CREATE TRIGGER full BEFORE INSERT ON segment BEGIN SELECT RAISE(ABORT, 'no room'); END");
	fake_capture_segment(AP_COACH, 2, 9000);
	sql(w, "DROP TRIGGER full");
	assert_null(fake_captures()->last);
	assert_int_equal(reasons(w), AP_GATE_REASON(STORAGE));
	assert_int_equal(world_count(w, "SELECT count(*) FROM recording WHERE state = 'sealed' AND manifest IS NOT NULL"), 1);
	world_pass(w, 1000);
	assert_non_null(fake_captures()->last);
	fake_capture_segment(AP_COACH, 0, 2048);
	assert_int_equal(world_count(w, "SELECT count(*) FROM recording"), 2);
	assert_int_equal(world_count(w, "SELECT count(*) FROM (SELECT count(*) n, max(number) m FROM segment GROUP BY recording, role)"
					" WHERE n <> m + 1"), 0);
}

static void a_recording_whose_erasure_was_ordered_is_not_sealed(void **state)
{
	struct world *w = *state;
	struct ap_uuid id;
	world_open(w);
	struct ap_rows *row = ap_db_query(ap_vault_db(w->v), "SELECT id FROM recording", AP_NO_VALUES);
	assert_true(ap_rows_next(row));
	id = ap_row_uuid(row, 0);
	assert_true(ap_ok(ap_rows_end(row)));
	sql(w, "UPDATE recording SET state = 'sealed', sealed_ms = 1");
	sql(w, "INSERT INTO erasure (id, recording, cause, step, ordered_ms, ordered_leaf)"
	       " SELECT zeroblob(16), id, 'withdrawal', 'ordered', 1, 0 FROM recording");
	assert_string_equal(ap_recording_seal(w->v, ap_vault_db(w->v), &id, true, 0).name, "erased");
	assert_int_equal(world_count(w, "SELECT count(*) FROM recording WHERE manifest IS NOT NULL"), 0);
}

static void nothing_is_made_for_an_erased_recording(void **state)
{
	struct world *w = *state;
	struct ap_blob *blob = ap_vault_blob(w->v);
	struct ap_uuid gone = ap_uuid_random(), other = ap_uuid_random();
	int fd = -1;
	assert_true(ap_ok(ap_blob_create(blob, &gone, AP_COACH, 0, &fd)));
	close(fd);
	assert_true(ap_ok(ap_blob_erase(blob, &gone)));
	assert_string_equal(ap_blob_create(blob, &gone, AP_COACH, 1, &fd).name, "erased");
	assert_true(ap_ok(ap_blob_create(blob, &other, AP_COACH, 1, &fd)));
	close(fd);
}

/* Until the look that was asked for is over. */
static struct ap_disk_state looked(struct ap_disk_watch *w, bool wanted)
{
	struct ap_disk_state now = { 0 };
	for (int i = 0; i < 100; i++) {
		ap_disk_watch_ask(w);
		g_usleep(50000);
		now = ap_disk_watch_state(w);
		if (now.storage == wanted)
			break;
	}
	return now;
}

static void the_watch_sees_the_floor_and_a_directory_that_is_gone(void **state)
{
	struct world *w = *state;
	g_autofree char *vault = g_build_filename(w->home, "vault", NULL);
	struct ap_disk_setup setup = { vault, ap_vault_blob(w->v), ap_clock_system(), 0 };
	struct ap_disk_watch *good = ap_disk_watch_new(&setup);
	setup.floor = UINT64_MAX;
	struct ap_disk_watch *full = ap_disk_watch_new(&setup);
	assert_false(ap_disk_watch_state(full).storage);
	assert_string_equal(ap_disk_watch_trouble(full), "floor");
	assert_true(looked(good, true).log);
	assert_true(looked(full, false).log);
	ap_disk_watch_free(full);
	ap_disk_watch_free(good);
	setup.vault = "/nonexistent";
	struct ap_disk_watch *lost = ap_disk_watch_new(&setup);
	assert_false(ap_disk_watch_state(lost).log);
	ap_disk_watch_free(lost);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_the_disk_refuses_is_shown_as_storage),
		TEST(the_gateways_word_does_not_hide_the_disks),
		TEST(a_disk_that_stays_bad_is_left_alone_for_longer_and_longer),
		TEST(a_segment_that_was_not_kept_ends_its_recording),
		TEST(a_recording_whose_erasure_was_ordered_is_not_sealed),
		TEST(nothing_is_made_for_an_erased_recording),
		TEST(the_watch_sees_the_floor_and_a_directory_that_is_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
