/* What a vault that died in the midst of something leaves behind, and what the next start makes of it. */
#include "recorder/db/db_consent.h"
#include "recorder/db/db_session.h"
#include "recorder/recording/recording.h"
#include "recorder/consent/session_end.h"
#include "tests/testlib/fake_capture.h"
#include "tests/testlib/vault_world.h"

#include <aparte/buf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

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

static void run_sql(struct world *w, const char *sql)
{
	assert_true(ap_ok(ap_db_run(ap_vault_db(w->v), sql, AP_NO_VALUES)));
}

static void start_again(struct world *w)
{
	world_crash(w);
	assert_true(ap_ok(ap_recording_recover(w->v, ap_vault_db(w->v))));
}

static void give(struct world *w, struct person *p)
{
	world_enrol(w, p);
	world_give(w, p);
}

static struct ap_uuid give_of(struct world *w, enum ap_role role)
{
	struct ap_give give;
	bool found = false;
	assert_true(ap_ok(ap_db_consent_give(ap_vault_db(w->v), &w->session, role, &found, &give)));
	assert_true(found);
	struct ap_uuid id = give.record_id;
	ap_give_clear(&give);
	return id;
}

static bool has_share(struct world *w, const struct ap_uuid *owner, enum ap_slot slot)
{
	struct ap_wrapped wrapped;
	return ap_ok(ap_db_keys_peek(ap_vault_keys(w->v), owner, slot, &wrapped));
}

/* The rows of keys.db's table of seal keys, by a connection of our own. */
static int64_t seal_keys(struct world *w)
{
	struct ap_db *db = NULL;
	int64_t n = -1;
	g_autofree char *path = g_build_filename(w->home, "vault", "keys.db", NULL);
	assert_true(ap_ok(ap_db_open(path, ap_schema_keys, &db)));
	assert_true(ap_ok(ap_db_count(db, "SELECT count(*) FROM seal", AP_NO_VALUES, &n)));
	ap_db_close(db);
	return n;
}

/* One of a notice that nobody has answered yet. */
static void show_notice(struct world *w)
{
	uint8_t public[32];
	assert_true(ap_ok(ap_db_keys_seal(ap_vault_keys(w->v), &w->session, AP_COACH, public)));
	assert_int_equal(seal_keys(w), 1);
}

/* ---- a session that ended, and its vault with it before it had cleared up ---- */

static void a_session_that_ended_leaves_no_keys(void **state)
{
	struct world *w = *state;
	give(w, &w->coach);
	give(w, &w->coachee);
	struct ap_uuid coach = give_of(w, AP_COACH), coachee = give_of(w, AP_COACHEE);
	show_notice(w);
	assert_true(ap_ok(ap_db_session_set_state(ap_vault_db(w->v), &w->session, AP_SESSION_ENDED, w->wall_ms)));
	start_again(w);
	assert_false(has_share(w, &coach, AP_SLOT_COACH));
	assert_false(has_share(w, &coachee, AP_SLOT_COACHEE));
	assert_int_equal(seal_keys(w), 0);
	assert_int_equal(world_count(w, "SELECT count(*) FROM party WHERE token_expires_ms IS NULL"), 0);
}

static void a_living_sessions_keys_stay(void **state)
{
	struct world *w = *state;
	give(w, &w->coach);
	struct ap_uuid coach = give_of(w, AP_COACH);
	show_notice(w);
	start_again(w);
	assert_true(has_share(w, &coach, AP_SLOT_COACH));
	assert_int_equal(seal_keys(w), 1);
	assert_int_equal(world_count(w, "SELECT count(*) FROM party WHERE token_expires_ms IS NOT NULL"), 0);
}

static void a_recordings_keys_outlive_its_session(void **state)
{
	struct world *w = *state;
	world_open(w);
	struct ap_uuid coach = give_of(w, AP_COACH), coachee = give_of(w, AP_COACHEE);
	show_notice(w);
	assert_true(ap_ok(ap_db_session_set_state(ap_vault_db(w->v), &w->session, AP_SESSION_ENDED, w->wall_ms)));
	start_again(w);
	assert_true(has_share(w, &coach, AP_SLOT_COACH));
	assert_true(has_share(w, &coachee, AP_SLOT_COACHEE));
	assert_int_equal(seal_keys(w), 0);
	assert_int_equal(world_count(w, "SELECT count(*) FROM party WHERE token_expires_ms IS NOT NULL"), 0);
	struct ap_uuid owner;
	struct ap_rows *rows = ap_db_query(ap_vault_db(w->v), "SELECT id FROM recording", AP_NO_VALUES);
	assert_true(ap_rows_next(rows));
	owner = ap_row_uuid(rows, 0);
	assert_true(ap_ok(ap_rows_end(rows)));
	assert_true(has_share(w, &owner, AP_SLOT_VAULT));
}

static void count_up(void *data, struct ap_result r)
{
	assert_true(ap_ok(r));
	(*(int *)data)++;
}

/* Its only recording was erased while it ran: the year begins with the end. */
static void tokens_end_when_all_was_erased_before(void **state)
{
	struct world *w = *state;
	int ended = 0;
	world_open(w);
	run_sql(w, "UPDATE recording SET state = 'erased'");
	struct ap_link *link = ap_link_new(&(struct ap_link_events){ 0 }, NULL);
	ap_session_end(w->v, w->keepers, link, &w->session, count_up, &ended);
	fake_capture_fail("capture-died");
	world_pass(w, 500);
	assert_int_equal(ended, 1);
	assert_int_equal(world_count(w, "SELECT count(*) FROM party WHERE token_expires_ms IS NULL"), 0);
	ap_link_free(link);
}

/* ---- a withdrawal that was committed, and no more ---- */

static void a_withdrawn_gives_share_goes(void **state)
{
	struct world *w = *state;
	give(w, &w->coach);
	struct ap_uuid coach = give_of(w, AP_COACH);
	run_sql(w, "INSERT INTO consent (session, role, event, purposes, event_ms, received_ms, evidence)"
		   " SELECT session, role, 'ConsentWithdrawn', '[\"recording\"]', event_ms, received_ms, 'unsigned' FROM consent");
	start_again(w);
	assert_false(has_share(w, &coach, AP_SLOT_COACH));
}

/* Its answer was lost, so its person gave once more. */
static void a_replaced_gives_share_goes(void **state)
{
	struct world *w = *state;
	give(w, &w->coach);
	struct ap_uuid first = give_of(w, AP_COACH);
	world_give(w, &w->coach);
	struct ap_uuid second = give_of(w, AP_COACH);
	assert_false(ap_uuid_equal(&first, &second));
	assert_false(has_share(w, &first, AP_SLOT_COACH));
	assert_true(has_share(w, &second, AP_SLOT_COACH));
}

/* ---- the bytes of what was deleted ---- */

static bool is_in_keys(struct world *w, const struct ap_wrapped *wrapped)
{
	static const char *const names[] = { "keys.db", "keys.db-wal" };
	bool found = false;
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(w->home, "vault", names[i], NULL), *bytes = NULL;
		gsize len = 0;
		if (g_file_get_contents(path, &bytes, &len, NULL))
			found = found || memmem(bytes, len, wrapped->bytes, sizeof wrapped->bytes);
	}
	return found;
}

/* Killed between the deletion and the rewriting of the file: the write-ahead log still has the row. */
static void a_purge_cut_short_is_done_again(void **state)
{
	struct world *w = *state;
	struct ap_wrapped wrapped;
	struct ap_db *other = NULL;
	g_autofree char *path = g_build_filename(w->home, "vault", "keys.db", NULL);
	give(w, &w->coach);
	struct ap_uuid coach = give_of(w, AP_COACH);
	assert_true(ap_ok(ap_db_keys_peek(ap_vault_keys(w->v), &coach, AP_SLOT_COACH, &wrapped)));
	assert_true(ap_ok(ap_db_open(path, ap_schema_keys, &other)));
	assert_true(ap_ok(ap_db_run(other, "DELETE FROM share", AP_NO_VALUES)));
	assert_true(is_in_keys(w, &wrapped));
	start_again(w); /* the other connection keeps SQLite from tidying up by itself, as a kill would */
	assert_false(is_in_keys(w, &wrapped));
	ap_db_close(other);
}

/* ---- files and rows of recordings ---- */

static char *segment_path(struct world *w, const char *role, const char *name)
{
	char id[AP_UUID_TEXT];
	ap_uuid_text(&fake_captures()->last->params.recording, id);
	return g_build_filename(w->home, "recordings", id, role, name, NULL);
}

static void leave_file(struct world *w, uint32_t number, bool committed)
{
	const struct ap_uuid *recording = &fake_captures()->last->params.recording;
	int fd = -1;
	assert_true(ap_ok(ap_blob_create(ap_vault_blob(w->v), recording, AP_COACH, number, &fd)));
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	if (committed)
		assert_true(ap_ok(ap_blob_commit(ap_vault_blob(w->v), recording, AP_COACH, number)));
}

/* Renamed, and the vault died before it had noted that; or far ahead of what was reported. */
static void files_that_were_never_noted_go(void **state)
{
	struct world *w = *state;
	world_open(w);
	leave_file(w, 1, true);
	leave_file(w, 2, true);
	leave_file(w, 9, false);
	g_autofree char *one = segment_path(w, "coach", "1.age"), *two = segment_path(w, "coach", "2.age");
	g_autofree char *nine = segment_path(w, "coach", "9.age.tmp");
	assert_true(access(one, F_OK) == 0 && access(two, F_OK) == 0 && access(nine, F_OK) == 0);
	start_again(w);
	assert_int_equal(world_count(w, "SELECT count(*) FROM recording WHERE state = 'sealed' AND manifest IS NOT NULL"), 1);
	assert_true(access(one, F_OK) != 0 && access(two, F_OK) != 0 && access(nine, F_OK) != 0);
}

/* A withdrawal stopped it, a hold kept it from erasure, and the vault died before it was sealed. */
static void a_stopped_recording_that_is_kept_is_sealed(void **state)
{
	struct world *w = *state;
	world_open(w);
	run_sql(w, "UPDATE recording SET state = 'sealed', sealed_ms = 1");
	start_again(w);
	assert_int_equal(world_count(w, "SELECT count(*) FROM recording WHERE state = 'sealed' AND manifest IS NOT NULL"), 1);
}

static void one_that_is_to_be_erased_is_not(void **state)
{
	struct world *w = *state;
	world_open(w);
	run_sql(w, "UPDATE recording SET state = 'sealed', sealed_ms = 1");
	run_sql(w, "INSERT INTO erasure (id, recording, cause, step, ordered_ms, ordered_leaf)"
		   " SELECT zeroblob(16), id, 'withdrawal', 'ordered', 1, 1 FROM recording");
	start_again(w);
	assert_int_equal(world_count(w, "SELECT count(*) FROM recording WHERE manifest IS NOT NULL"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_session_that_ended_leaves_no_keys),
		TEST(a_living_sessions_keys_stay),
		TEST(a_recordings_keys_outlive_its_session),
		TEST(tokens_end_when_all_was_erased_before),
		TEST(a_withdrawn_gives_share_goes),
		TEST(a_replaced_gives_share_goes),
		TEST(a_purge_cut_short_is_done_again),
		TEST(files_that_were_never_noted_go),
		TEST(a_stopped_recording_that_is_kept_is_sealed),
		TEST(one_that_is_to_be_erased_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
