/* R22: backups in three parts, incremental, encrypted, proved, and their key parts' end. */
#include "recorder/backup/key_part.h"
#include "recorder/backup/part.h"
#include "recorder/backup/release.h"
#include "recorder/api/doctor.h"
#include "recorder/erasure/erasure.h"
#include "recorder/consent/notice.h"
#include "recorder/keys/lockdown.h"
#include "recorder/keys/turnover.h"
#include "tests/testlib/backup_fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY (86400LL * 1000)
#define YEAR (365 * DAY)

static struct ap_uuid record(struct backup_fixture *x)
{
	struct ap_uuid session = fixture_consented(x->f, "[\"recording\"]");
	return fixture_recording(x->f, &session, YEAR);
}

static int64_t number(struct backup_fixture *x, const char *member, const char *name)
{
	g_autoptr(JsonObject) o = backup_fixture_note(x, member);
	return json_object_get_int_member(o, name);
}

static guint parts(struct backup_fixture *x, enum ap_part_kind kind)
{
	g_autoptr(GArray) list = NULL;
	assert_ok(ap_part_list(x->directory, kind, &list));
	return list->len;
}

static void R22_what_is_there_is_not_copied_again_and_what_was_erased_is_removed(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid first = record(x), second = record(x);
	char id[AP_UUID_TEXT];
	g_autofree char *certificate = NULL;
	backup_fixture_backup(x);
	assert_int_equal(number(x, "last", "files_copied"), 4 * FIXTURE_SEGMENTS);
	assert_int_equal(number(x, "proof", "living"), 2);
	backup_fixture_backup(x);
	assert_int_equal(number(x, "last", "files_copied"), 0);
	assert_int_equal(number(x, "last", "files_kept"), 4 * FIXTURE_SEGMENTS);
	assert_ok(ap_erasure_now(x->f->v, &first, AP_ERASE_ADMIN, &certificate));
	backup_fixture_backup(x);
	assert_int_equal(number(x, "last", "recordings_removed"), 1);
	assert_int_equal(number(x, "proof", "living"), 1);
	ap_uuid_text(&first, id);
	g_autofree char *gone = g_build_filename(x->directory, "recordings", id, NULL);
	ap_uuid_text(&second, id);
	g_autofree char *kept = g_build_filename(x->directory, "recordings", id, "coach", "0.age", NULL);
	assert_false(g_file_test(gone, G_FILE_TEST_EXISTS));
	assert_true(g_file_test(kept, G_FILE_TEST_EXISTS));
	backup_fixture_free(x);
}

static void R22_nothing_readable_lies_in_a_backup(void **state)
{
	(void)state;
	static const char *const clear[] = { "coach-1", "coachee-1", "SQLite format 3", "ConsentGiven" };
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid recording = record(x);
	struct ap_secret *seed = NULL;
	(void)recording;
	backup_fixture_backup(x);
	assert_ok(ap_db_keys_server(ap_vault_keys(x->f->v), "log", &seed));
	for (size_t i = 0; i < G_N_ELEMENTS(clear); i++)
		assert_int_equal(backup_fixture_search(x->directory, clear[i], strlen(clear[i])), 0);
	assert_int_equal(backup_fixture_search(x->directory, ap_secret_bytes(seed), ap_secret_len(seed)), 0);
	assert_true(backup_fixture_search(x->f->home, "coach-1", 7) > 0); /* the search finds */
	ap_secret_free(seed);
	backup_fixture_free(x);
}

static void R22_without_a_recipient_or_a_directory_it_says_what_to_set(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	assert_ok(ap_config_set(x->f->config, "backup.recipient", ""));
	struct ap_result r = ap_backups_make(x->b);
	assert_string_equal(r.name, "backup");
	assert_non_null(strstr(r.detail, "backup.recipient"));
	assert_refused(ap_key_part_write(x->f->v), "backup");
	assert_ok(ap_config_set(x->f->config, "backup.recipient", "age1nonsense"));
	assert_refused(ap_backups_make(x->b), "backup");
	assert_int_equal(parts(x, AP_PART_KEYS) + parts(x, AP_PART_VAULT), 0);
	assert_ok(ap_config_set(x->f->config, "backup.directory", ""));
	assert_non_null(strstr(ap_backups_make(x->b).detail, "backup.directory"));
	assert_ok(ap_key_part_write(x->f->v)); /* none are made, so none is missing */
	backup_fixture_free(x);
}

static void R22_a_damaged_backup_is_no_proof(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid recording = record(x);
	char id[AP_UUID_TEXT];
	ap_uuid_text(&recording, id);
	backup_fixture_backup(x);
	g_autofree char *path = g_build_filename(x->directory, "recordings", id, "coachee", "3.age", NULL);
	assert_true(g_file_set_contents(path, "x", 1, NULL));
	assert_ok(ap_backups_prove(x->b));
	ap_backups_wait(x->b);
	g_autoptr(JsonObject) o = backup_fixture_note(x, "proof");
	assert_false(json_object_get_boolean_member(o, "ok"));
	JsonArray *problems = json_object_get_array_member(o, "problems");
	assert_int_equal(json_array_get_length(problems), 1);
	assert_non_null(strstr(json_array_get_string_element(problems, 0), id));
	backup_fixture_free(x);
}

/* A segment of the backup that can be read only once somebody opens it to write: the proof waits there. */
static char *make_obstacle(struct backup_fixture *x, const struct ap_uuid *recording)
{
	char id[AP_UUID_TEXT];
	ap_uuid_text(recording, id);
	char *path = g_build_filename(x->directory, "recordings", id, "coach", "0.age", NULL);
	assert_int_equal(g_unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	return path;
}

struct obstacle {
	char *path;
	GAsyncQueue *there; /* something is in it once the proof is */
};

static void *let_go(void *obstacle)
{
	struct obstacle *o = obstacle;
	int fd = open(o->path, O_WRONLY); /* waits for the proof to be there */
	g_async_queue_push(o->there, o);
	g_usleep(300000);
	close(fd);
	return NULL;
}

/* R28: a proof under way has a copy of the key; a lockdown has it back before it answers, and so has a turnover. */
static void R28_a_proof_gives_its_key_back(void **state)
{
	(void)state;
	for (int turnover = 0; turnover <= 1; turnover++) {
		struct backup_fixture *x = backup_fixture_new();
		struct ap_uuid recording = record(x);
		struct ap_actor admin = fixture_user(x->f, "ana", "admin", NULL);
		backup_fixture_backup(x);
		g_autoptr(JsonObject) before = backup_fixture_note(x, "proof");
		struct obstacle obstacle = {make_obstacle(x, &recording), g_async_queue_new()};
		fixture_advance(x->f, 1000);
		assert_ok(ap_backups_prove(x->b));
		GThread *helper = g_thread_new("let go", let_go, &obstacle);
		assert_non_null(g_async_queue_timeout_pop(obstacle.there, 60 * G_USEC_PER_SEC));
		if (turnover)
			assert_ok(ap_turnover_run(x->f->v, AP_TURN_ADMIN));
		else
			assert_ok(ap_lockdown_begin(x->f->v, &admin, "drill"));
		assert_true(ap_db_keys_lent(ap_vault_keys(x->f->v)) == 0);
		g_thread_join(helper);
		g_async_queue_unref(obstacle.there);
		g_free(obstacle.path);
		ap_backups_wait(x->b);
		g_autoptr(JsonObject) after = backup_fixture_note(x, "proof"); /* a proof that was stopped says nothing */
		assert_string_equal(json_object_get_string_member(after, "at"), json_object_get_string_member(before, "at"));
		backup_fixture_free(x);
	}
}

static void R22_what_a_killed_run_left_is_removed_at_the_next_start(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	g_autofree char *vault = g_build_filename(x->f->home, "vault", NULL);
	g_autofree char *place = g_build_filename(vault, "proof", ".restoring", "vault", NULL);
	g_autofree char *keys = g_build_filename(place, "keys.db", NULL), *copy = g_build_filename(vault, "backup.db", NULL);
	assert_int_equal(g_mkdir_with_parents(place, 0700), 0);
	assert_true(g_file_set_contents(keys, "wrapped", -1, NULL) && g_file_set_contents(copy, "names", -1, NULL));
	ap_backups_free(x->b);
	x->b = ap_backups_new(x->f->v);
	assert_false(g_file_test(keys, G_FILE_TEST_EXISTS) || g_file_test(copy, G_FILE_TEST_EXISTS));
	backup_fixture_backup(x);
	assert_false(g_file_test(place, G_FILE_TEST_EXISTS) || g_file_test(copy, G_FILE_TEST_EXISTS));
	backup_fixture_free(x);
}

static int64_t undestroyed(struct backup_fixture *x)
{
	return fixture_count(x->f, "SELECT count(*) FROM key_part WHERE destroyed_ms IS NULL");
}

static void R22_key_parts_are_destroyed_after_the_horizon(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	backup_fixture_backup(x);
	fixture_advance(x->f, DAY);
	backup_fixture_backup(x);
	assert_int_equal(parts(x, AP_PART_KEYS), 2);
	assert_int_equal(fixture_count(x->f, "SELECT max(destroy_by_ms - made_ms) FROM key_part"), 7 * DAY);
	fixture_advance(x->f, 6 * DAY);
	assert_ok(ap_key_part_prune(x->f->v));
	assert_int_equal(parts(x, AP_PART_KEYS), 1);
	assert_int_equal(parts(x, AP_PART_VAULT), 1);
	assert_int_equal(undestroyed(x), 1);
	fixture_advance(x->f, YEAR); /* the newest one stays, as long as its key is in use */
	assert_ok(ap_key_part_prune(x->f->v));
	assert_int_equal(parts(x, AP_PART_KEYS), 1);
	backup_fixture_free(x);
}

static void R22_a_turnover_brings_a_key_part_and_an_end_for_the_old_ones(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid erased = record(x), living = record(x);
	g_autofree char *certificate = NULL;
	(void)living;
	backup_fixture_backup(x);
	int64_t made = fixture_count(x->f, "SELECT max(made_ms) FROM key_part");
	assert_ok(ap_erasure_now(x->f->v, &erased, AP_ERASE_ADMIN, &certificate));
	fixture_advance(x->f, DAY);
	assert_ok(ap_turnover_run(x->f->v, AP_TURN_SCHEDULE));
	assert_int_equal(parts(x, AP_PART_KEYS), 2);
	assert_int_equal(fixture_count(x->f, "SELECT unrecoverable_ms FROM erasure"), made + 7 * DAY);
	fixture_advance(x->f, 7 * DAY);
	assert_ok(ap_key_part_prune(x->f->v));
	assert_int_equal(parts(x, AP_PART_KEYS), 1);
	fixture_advance(x->f, 1000);
	assert_ok(ap_backups_work(x->b)); /* a backup follows the turnover by itself */
	ap_backups_wait(x->b);
	assert_ok(ap_backups_work(x->b));
	ap_backups_wait(x->b);
	assert_int_equal(number(x, "proof", "living"), 1);
	backup_fixture_free(x);
}

/* Its disk is away: nothing may be dated until it is destroyed. */
static void R22_a_key_part_that_cannot_be_destroyed_dates_nothing(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid erased = record(x);
	g_autofree char *certificate = NULL, *away = g_strconcat(x->directory, ".away", NULL);
	backup_fixture_backup(x);
	assert_ok(ap_erasure_now(x->f->v, &erased, AP_ERASE_ADMIN, &certificate));
	assert_int_equal(g_rename(x->directory, away), 0);
	fixture_advance(x->f, 8 * DAY);
	int64_t overdue = 0;
	assert_refused(ap_turnover_run(x->f->v, AP_TURN_SCHEDULE), "backup-overdue");
	assert_ok(ap_key_part_overdue(x->f->v, &overdue));
	assert_int_equal(overdue, 1);
	g_autoptr(JsonNode) examined = NULL;
	assert_ok(ap_doctor_examine(x->f->v, x->b, false, &examined));
	g_autofree char *told = json_to_string(examined, FALSE);
	assert_non_null(strstr(told, "\"check\":\"key_parts\",\"state\":\"bad\""));
	assert_int_equal(fixture_count(x->f, "SELECT count(*) FROM erasure WHERE unrecoverable_ms IS NOT NULL"), 0);
	assert_int_equal(g_rename(away, x->directory), 0);
	assert_ok(ap_turnover_run(x->f->v, AP_TURN_SCHEDULE));
	assert_int_equal(fixture_count(x->f, "SELECT unrecoverable_ms FROM erasure"), x->f->wall_ms);
	assert_ok(ap_key_part_overdue(x->f->v, &overdue));
	assert_int_equal(overdue, 0);
	backup_fixture_free(x);
}

/* A directory that is another one, or an empty mount point, tells nothing about the parts on the one that is away. */
static void R22_key_parts_elsewhere_do_not_count_as_destroyed(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid erased = record(x);
	g_autofree char *certificate = NULL, *away = g_strconcat(x->directory, ".away", NULL);
	backup_fixture_backup(x);
	int64_t made = fixture_count(x->f, "SELECT max(made_ms) FROM key_part");
	assert_ok(ap_erasure_now(x->f->v, &erased, AP_ERASE_ADMIN, &certificate));
	assert_int_equal(g_rename(x->directory, away), 0);
	assert_int_equal(g_mkdir(x->directory, 0700), 0);
	assert_ok(ap_key_part_prune(x->f->v));
	assert_int_equal(undestroyed(x), 1);
	fixture_advance(x->f, DAY);
	assert_ok(ap_turnover_run(x->f->v, AP_TURN_SCHEDULE)); /* writes a part of its own there */
	assert_int_equal(fixture_count(x->f, "SELECT unrecoverable_ms FROM erasure"), made + 7 * DAY);
	assert_ok(ap_key_part_prune(x->f->v));
	assert_int_equal(undestroyed(x), 2);
	fixture_advance(x->f, 8 * DAY);
	int64_t overdue = 0;
	assert_ok(ap_key_part_overdue(x->f->v, &overdue));
	assert_int_equal(overdue, 1);
	backup_fixture_free(x);
}

/* What was removed by hand from the directory that is there is gone. */
static void R22_a_key_part_removed_by_hand_is_gone(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	g_autoptr(GArray) list = NULL;
	backup_fixture_backup(x);
	assert_ok(ap_part_list(x->directory, AP_PART_KEYS, &list));
	assert_ok(ap_part_destroy(x->directory, &g_array_index(list, struct ap_part, 0)));
	assert_ok(ap_key_part_prune(x->f->v));
	assert_int_equal(undestroyed(x), 0);
	backup_fixture_free(x);
}

/* What certificates were told holds, whatever the horizon is by now. */
static void R22_a_longer_horizon_spares_no_part_made_before(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	backup_fixture_backup(x);
	fixture_advance(x->f, DAY);
	backup_fixture_backup(x);
	assert_ok(ap_config_set(x->f->config, "backup.key_horizon", "30"));
	fixture_advance(x->f, 6 * DAY);
	assert_ok(ap_key_part_prune(x->f->v));
	assert_int_equal(parts(x, AP_PART_KEYS), 1);
	assert_int_equal(undestroyed(x), 1);
	backup_fixture_free(x);
}

static char *rights_in(struct backup_fixture *x, const struct ap_uuid *session, const char *lang)
{
	struct ap_session loaded;
	struct ap_hash hash;
	g_autofree char *document = NULL;
	assert_ok(ap_session_load(ap_vault_db(x->f->v), session, &loaded));
	assert_ok(ap_notice_current(x->f->v, ap_vault_db(x->f->v), &loaded, lang, &document, &hash));
	ap_session_clear(&loaded);
	g_autoptr(JsonNode) node = json_from_string(document, NULL);
	return g_strdup(json_object_get_string_member(json_node_get_object(node), "rights"));
}

/* A day for the turnover that follows an erasure, then the horizon; without backups the turnover alone. */
static void R22_the_notice_says_when_no_copy_can_bring_it_back(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid session = fixture_session(x->f, "coach-1", "coachee-1");
	g_autofree char *en = rights_in(x, &session, "en"), *fr = rights_in(x, &session, "fr");
	assert_non_null(strstr(en, "at most 8 days after"));
	assert_non_null(strstr(fr, "8 jours au plus"));
	assert_ok(ap_config_set(x->f->config, "backup.key_horizon", "30"));
	g_autofree char *longer = rights_in(x, &session, "en");
	assert_non_null(strstr(longer, "at most 31 days after"));
	assert_ok(ap_config_set(x->f->config, "backup.directory", ""));
	g_autofree char *none = rights_in(x, &session, "en");
	assert_non_null(strstr(none, "at most 1 day after"));
	backup_fixture_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(R22_what_is_there_is_not_copied_again_and_what_was_erased_is_removed),
		cmocka_unit_test(R22_nothing_readable_lies_in_a_backup),
		cmocka_unit_test(R22_without_a_recipient_or_a_directory_it_says_what_to_set),
		cmocka_unit_test(R22_a_damaged_backup_is_no_proof),
		cmocka_unit_test(R22_what_a_killed_run_left_is_removed_at_the_next_start),
		cmocka_unit_test(R28_a_proof_gives_its_key_back),
		cmocka_unit_test(R22_key_parts_are_destroyed_after_the_horizon),
		cmocka_unit_test(R22_key_parts_elsewhere_do_not_count_as_destroyed),
		cmocka_unit_test(R22_a_key_part_removed_by_hand_is_gone),
		cmocka_unit_test(R22_a_longer_horizon_spares_no_part_made_before),
		cmocka_unit_test(R22_a_turnover_brings_a_key_part_and_an_end_for_the_old_ones),
		cmocka_unit_test(R22_a_key_part_that_cannot_be_destroyed_dates_nothing),
		cmocka_unit_test(R22_the_notice_says_when_no_copy_can_bring_it_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
