#include "tests/testlib/staff_fixture.h"

#include "recorder/access/user.h"
#include "recorder/erasure/erasure.h"
#include "recorder/erasure/incident.h"
#include "recorder/keys/lockdown.h"
#include "recorder/recording/playback.h"
#include "recorder/keys/turnover.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define YEAR (365LL * 86400000)

struct admin {
	struct ap_actor actor;
	char passphrase[32];
};

struct scene {
	struct fixture *f;
	struct ap_lockdown *l;
	struct admin admin[3];
	struct ap_uuid session, recording;
};

static void enrol(struct scene *s, struct admin *a)
{
	struct ap_escrow_admin public = {.method = ap_escrow_method_new(true)};
	struct ap_secret *passphrase = ap_secret_from(a->passphrase, strlen(a->passphrase)), *private = NULL;
	assert_ok(ap_escrow_pair(&public.method, passphrase, public.public, &private));
	assert_ok(ap_lockdown_enrol(s->f->v, &a->actor, &public));
	ap_secret_free(passphrase);
	ap_secret_free(private);
}

/* A recording, three admins, of whom `enrolled` have a passphrase. */
static struct scene *new_scene(int enrolled)
{
	static const char *const names[] = {"ana", "bob", "eve"};
	struct scene *s = g_new0(struct scene, 1);
	s->f = fixture_new();
	s->session = fixture_consented(s->f, "[\"recording\"]");
	s->recording = fixture_recording(s->f, &s->session, YEAR);
	s->l = ap_lockdown_new(s->f->v);
	for (int i = 0; i < 3; i++) {
		s->admin[i].actor = fixture_user(s->f, names[i], "admin", NULL);
		g_snprintf(s->admin[i].passphrase, sizeof s->admin[i].passphrase, "passphrase of %s", names[i]);
		if (i < enrolled)
			enrol(s, &s->admin[i]);
	}
	return s;
}

static void restart(struct scene *s)
{
	ap_lockdown_free(s->l);
	fixture_restart(s->f);
	assert_ok(ap_lockdown_resume(s->f->v));
	s->l = ap_lockdown_new(s->f->v);
}

static void free_scene(struct scene *s)
{
	ap_lockdown_free(s->l);
	fixture_free(s->f);
	g_free(s);
}

static bool plays(struct scene *s)
{
	struct ap_playback_reader *reader = NULL;
	bool good = ap_ok(ap_playback_open(s->f->v, &s->recording, AP_COACH, &reader));
	ap_playback_close(reader);
	return good;
}

static bool there(struct scene *s, const char *name)
{
	g_autofree char *path = g_build_filename(s->f->home, "vault", name, NULL);
	return access(path, F_OK) == 0;
}

/* What the command line sends for this admin. */
static JsonObject *word_of(struct scene *s, const struct admin *a)
{
	JsonNode *kept;
	JsonObject *body = json_object_new();
	JsonArray *list = json_array_new();
	struct ap_escrow_admin admin;
	struct ap_secret *passphrase = ap_secret_from(a->passphrase, strlen(a->passphrase)), *private = NULL;
	uint8_t public[AP_ESCROW_PUBLIC];
	assert_ok(ap_lockdown_halves(s->f->v, &a->actor, &kept));
	JsonObject *o = json_node_get_object(kept);
	JsonArray *halves = json_object_get_array_member(o, "halves");
	assert_ok(ap_escrow_admin_parse(json_object_get_object_member(o, "admin"), &admin));
	assert_ok(ap_escrow_pair(&admin.method, passphrase, public, &private));
	for (guint i = 0; i < json_array_get_length(halves); i++) {
		struct ap_escrow_half half;
		struct ap_secret *opened = NULL;
		assert_ok(ap_escrow_half_parse(json_array_get_object_element(halves, i), &half));
		assert_ok(ap_escrow_open(&half, public, private, &opened));
		g_autofree char *text = ap_base64url(ap_secret_bytes(opened), ap_secret_len(opened));
		JsonObject *one = json_object_new();
		json_object_set_string_member(one, "with", half.with);
		json_object_set_string_member(one, "half", text);
		json_array_add_object_element(list, one);
		ap_secret_free(opened);
	}
	json_object_set_array_member(body, "halves", list);
	json_node_unref(kept);
	ap_secret_free(passphrase);
	ap_secret_free(private);
	return body;
}

static struct ap_result lift(struct scene *s, const struct admin *a, bool halves)
{
	g_autoptr(JsonNode) answer = NULL;
	g_autoptr(JsonObject) body = halves ? word_of(s, a) : json_object_new();
	return ap_lockdown_lift(s->l, &a->actor, body, &answer);
}

static bool says(struct scene *s, const char *name)
{
	g_autoptr(JsonNode) answer = NULL;
	assert_ok(ap_lockdown_show(s->l, &answer));
	return json_object_get_boolean_member(json_node_get_object(answer), name);
}

static struct ap_secret *read_kek(struct scene *s)
{
	struct ap_secret *kek = NULL;
	g_autofree char *path = g_build_filename(s->f->home, "vault", "kek", NULL);
	assert_ok(ap_kek_load(AP_KEK_FILE, path, false, &kek));
	return kek;
}

/* R28: gates, viewings, logins, key; and through a restart. */
static void everything_is_shut_and_stays_so(void **state)
{
	(void)state;
	struct scene *s = new_scene(2);
	struct fixture *f = s->f;
	struct ap_actor coach = fixture_party(&s->session, AP_COACH);
	struct ap_access viewing, another;
	struct ap_secret *kek = read_kek(s);
	assert_ok(ap_access_begin(f->v, &coach, &s->recording, "recording", "own viewing", &viewing));
	fixture_run(f, "INSERT INTO login (token_hash, user, created_ms, expires_ms) SELECT zeroblob(32), id, 1, 9000000000000 FROM user_ LIMIT 1");
	assert_true(plays(s) && says(s, "covered") && !says(s, "locked"));
	assert_ok(ap_lockdown_begin(f->v, &s->admin[2].actor, "laptop stolen"));
	assert_true(says(s, "locked") && says(s, "sealed"));
	assert_true(ap_vault_locked_down(f->v)); /* what every gate asks: unit/gatekeeper */
	assert_refused(ap_access_check(f->v, &coach, &viewing.id, &s->recording), "lockdown");
	assert_refused(ap_access_begin(f->v, &coach, &s->recording, "recording", "own viewing", &another), "lockdown");
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM access WHERE ended_ms IS NULL"), 0);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM login"), 0);
	assert_false(plays(s));
	assert_false(there(s, "kek"));
	assert_false(fixture_on_disk(f, ap_secret_bytes(kek), AP_KEK));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM incident WHERE lockdown = 1 AND due_ms - aware_ms = 72 * 3600000"), 1);
	assert_ok(ap_lockdown_begin(f->v, &s->admin[2].actor, "again"));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM incident"), 1);
	restart(s);
	assert_true(ap_vault_locked_down(s->f->v) && says(s, "sealed"));
	assert_false(plays(s));
	assert_refused(ap_access_begin(s->f->v, &coach, &s->recording, "recording", "own viewing", &another), "lockdown");
	ap_secret_free(kek);
	free_scene(s);
}

/* R18 R19 R28: an erasure destroys wrapped shares and needs no key; its certificate names the key it waits for. */
static void erasures_go_on(void **state)
{
	(void)state;
	struct scene *s = new_scene(2);
	struct ap_kek_id id;
	g_autofree char *certificate = NULL;
	assert_ok(ap_db_keys_kek_id(ap_vault_keys(s->f->v), &id));
	g_autofree char *hex = ap_hex(id.b, sizeof id.b);
	assert_ok(ap_lockdown_begin(s->f->v, &s->admin[0].actor, "drill"));
	restart(s);
	assert_ok(ap_erasure_now(s->f->v, &s->recording, AP_ERASE_WITHDRAWAL, &certificate));
	assert_non_null(strstr(certificate, hex));
	assert_int_equal(fixture_files(s->f, &s->recording), 0);
	bool more = false;
	assert_ok(ap_turnover_check(s->f->v)); /* and nothing tries to turn over a key that is not there */
	assert_ok(ap_turnover_work(s->f->v, &more));
	assert_false(more);
	free_scene(s);
}

/* R28: one is not enough, the same one twice neither; two are, and the key that they typed in is turned over. */
static void two_passphrases_bring_it_back(void **state)
{
	(void)state;
	struct scene *s = new_scene(3);
	struct ap_secret *old = read_kek(s);
	assert_ok(ap_lockdown_begin(s->f->v, &s->admin[0].actor, "drill"));
	restart(s);
	assert_ok(lift(s, &s->admin[2], true));
	assert_ok(lift(s, &s->admin[2], true));
	assert_true(ap_vault_locked_down(s->f->v));
	assert_ok(lift(s, &s->admin[1], true));
	assert_false(ap_vault_locked_down(s->f->v));
	assert_true(plays(s));
	for (bool more = true; more;)
		assert_ok(ap_turnover_work(s->f->v, &more));
	assert_int_equal(fixture_count(s->f, "SELECT count(*) FROM turnover WHERE cause = 'lockdown' AND leaf IS NOT NULL"), 1);
	assert_false(fixture_on_disk(s->f, ap_secret_bytes(old), AP_KEK));
	restart(s);
	assert_true(plays(s) && says(s, "covered")); /* the halves are fresh, for the fresh key */
	assert_ok(ap_lockdown_begin(s->f->v, &s->admin[0].actor, "once more"));
	assert_ok(lift(s, &s->admin[0], true));
	assert_ok(lift(s, &s->admin[2], true));
	assert_true(plays(s));
	ap_secret_free(old);
	free_scene(s);
}

static void a_word_is_old_after_a_quarter_of_an_hour(void **state)
{
	(void)state;
	struct scene *s = new_scene(2);
	assert_ok(ap_lockdown_begin(s->f->v, &s->admin[0].actor, "drill"));
	assert_ok(lift(s, &s->admin[0], true));
	fixture_advance(s->f, AP_LOCKDOWN_LIFT_MS + 1000);
	assert_ok(lift(s, &s->admin[1], true));
	assert_true(ap_vault_locked_down(s->f->v));
	assert_ok(lift(s, &s->admin[0], true));
	assert_false(ap_vault_locked_down(s->f->v));
	free_scene(s);
}

/* Halves that are made up, and words without halves, lift nothing. */
static void false_halves_are_noticed(void **state)
{
	(void)state;
	struct scene *s = new_scene(2);
	assert_ok(ap_lockdown_begin(s->f->v, &s->admin[0].actor, "drill"));
	g_autoptr(JsonNode) body = json_from_string(
		"{\"halves\":[{\"with\":\"ana\",\"half\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}", NULL), answer = NULL;
	assert_ok(lift(s, &s->admin[0], true));
	assert_refused(ap_lockdown_lift(s->l, &s->admin[1].actor, json_node_get_object(body), &answer), "conflict");
	assert_true(ap_vault_locked_down(s->f->v));
	assert_ok(lift(s, &s->admin[0], false));
	assert_refused(lift(s, &s->admin[1], false), "conflict");
	assert_true(ap_vault_locked_down(s->f->v) && !plays(s) && !there(s, "kek"));
	assert_ok(lift(s, &s->admin[0], true));
	assert_ok(lift(s, &s->admin[1], true));
	assert_true(plays(s));
	free_scene(s);
}

/* With too few enrolled the file must stay, or everything were lost; it says so, and two words lift it. */
static void what_nobody_can_bring_back_is_not_destroyed(void **state)
{
	(void)state;
	struct scene *s = new_scene(1);
	assert_false(says(s, "covered"));
	assert_ok(ap_lockdown_begin(s->f->v, &s->admin[0].actor, "drill"));
	assert_true(there(s, "kek") && says(s, "locked") && !says(s, "sealed"));
	assert_false(plays(s));
	restart(s);
	assert_false(plays(s));
	assert_ok(lift(s, &s->admin[1], false));
	assert_true(ap_vault_locked_down(s->f->v));
	assert_ok(lift(s, &s->admin[2], false));
	assert_false(ap_vault_locked_down(s->f->v));
	assert_true(plays(s));
	free_scene(s);
}

/* R28: locked down between two keys: both come back, and the turnover goes on. */
static void a_lockdown_in_the_midst_of_a_turnover(void **state)
{
	(void)state;
	struct scene *s = new_scene(2);
	struct ap_uuid id;
	assert_ok(ap_turnover_begin(s->f->v, AP_TURN_ADMIN, NULL, NULL, &id));
	assert_true(there(s, "kek.next"));
	assert_ok(ap_lockdown_begin(s->f->v, &s->admin[0].actor, "drill"));
	assert_false(there(s, "kek") || there(s, "kek.next"));
	restart(s);
	assert_ok(lift(s, &s->admin[0], true));
	assert_ok(lift(s, &s->admin[1], true));
	assert_true(plays(s));
	restart(s);
	assert_true(plays(s));
	for (bool more = true; more;)
		assert_ok(ap_turnover_work(s->f->v, &more));
	assert_true(plays(s) && !there(s, "kek.next"));
	assert_int_equal(fixture_count(s->f, "SELECT count(*) FROM turnover WHERE leaf IS NOT NULL"), 1);
	free_scene(s);
}

/* The vault died after the key's file was gone and before the database knew why: shut, not broken. */
static void a_missing_key_is_a_lockdown(void **state)
{
	(void)state;
	struct scene *s = new_scene(2);
	assert_ok(ap_lockdown_begin(s->f->v, &s->admin[0].actor, "drill"));
	fixture_run(s->f, "DELETE FROM setting WHERE name = 'lockdown'");
	restart(s);
	assert_true(ap_vault_locked_down(s->f->v) && !plays(s));
	assert_ok(lift(s, &s->admin[0], true));
	assert_ok(lift(s, &s->admin[1], true));
	assert_true(plays(s));
	free_scene(s);
}

#define RUNNING                                                                                                       \
	"SELECT count(*) FROM incident WHERE lockdown AND closed_ms IS NULL AND due_ms = aware_ms + 72 * 3600000"

/* A log that is stopped signs nothing, and is no way to open what was shut. */
static void without_a_log_it_is_shut_all_the_same(void **state)
{
	(void)state;
	struct scene *s = new_scene(0);
	struct ap_hash root = {{1}};
	assert_ok(ap_db_keys_known_set(ap_vault_keys(s->f->v), 1000000, &root));
	restart(s);
	assert_true(ap_ledger_stopped(ap_vault_ledger(s->f->v)));
	int64_t leaves = fixture_count(s->f, "SELECT count(*) FROM leaf");
	assert_ok(ap_lockdown_begin(s->f->v, &s->admin[0].actor, "the log was put back"));
	assert_true(ap_vault_locked_down(s->f->v) && !plays(s));
	assert_int_equal(fixture_count(s->f, RUNNING), 1); /* R28: the 72 hours are counted */
	assert_int_equal(fixture_count(s->f, "SELECT count(*) FROM leaf"), leaves);
	assert_int_equal(fixture_count(s->f, "SELECT count(*) FROM leaf_owed WHERE body LIKE '%\"lockdown\"%'"), 2);
	restart(s);
	assert_true(ap_vault_locked_down(s->f->v) && !plays(s));
	free_scene(s);
}

/* R28: the clock that could not be started with the first order is with the next; one that runs is enough. */
static void a_second_order_starts_the_clock_that_failed(void **state)
{
	(void)state;
	struct scene *s = new_scene(0);
	fixture_run(s->f, "CREATE TRIGGER full BEFORE INSERT ON incident BEGIN SELECT RAISE(ABORT, 'full'); END");
	assert_false(ap_ok(ap_lockdown_begin(s->f->v, &s->admin[0].actor, "drill")));
	assert_true(ap_vault_locked_down(s->f->v));
	fixture_run(s->f, "DROP TRIGGER full");
	for (int i = 0; i < 2; i++) {
		assert_ok(ap_lockdown_begin(s->f->v, &s->admin[0].actor, "drill"));
		assert_int_equal(fixture_count(s->f, RUNNING), 1);
	}
	free_scene(s);
}

/* Who was disabled lifts nothing from the next turnover on; who was dismissed, at once. */
static void who_left_is_left_out(void **state)
{
	(void)state;
	struct scene *s = new_scene(3);
	JsonNode *kept;
	assert_ok(ap_lockdown_dismiss(s->f->v, &s->admin[0].actor, "bob"));
	assert_refused(ap_lockdown_dismiss(s->f->v, &s->admin[0].actor, "bob"), "not-found");
	g_autofree char *leaf = g_strdup_printf("SELECT count(*) FROM leaf WHERE body LIKE '%%\"by\":%d,\"event\":\"lockdown_dismissed\"%%'"
						" AND body LIKE '%%\"user\":%d%%'",
						(int)s->admin[0].actor.user, (int)s->admin[1].actor.user);
	assert_int_equal(fixture_count(s->f, leaf), 1);
	assert_refused(ap_lockdown_halves(s->f->v, &s->admin[1].actor, &kept), "not-found");
	fixture_run(s->f, "UPDATE user_ SET disabled_ms = 1 WHERE name = 'eve'");
	assert_ok(ap_turnover_run(s->f->v, AP_TURN_ADMIN));
	assert_refused(ap_lockdown_halves(s->f->v, &s->admin[2].actor, &kept), "not-found");
	assert_false(says(s, "covered"));
	free_scene(s);
}

/* An admin who is disabled is left out at once; a database that cannot be read leaves nobody out. */
static void a_disabled_admin_is_left_out_at_once(void **state)
{
	(void)state;
	struct scene *s = new_scene(3);
	g_autoptr(JsonNode) kept = NULL, none = NULL;
	fixture_run(s->f, "ALTER TABLE user_ RENAME TO elsewhere");
	assert_refused(ap_lockdown_refresh(s->f->v), "database");
	fixture_run(s->f, "ALTER TABLE elsewhere RENAME TO user_");
	assert_ok(ap_lockdown_halves(s->f->v, &s->admin[2].actor, &kept));
	assert_ok(ap_user_disable(s->f->v, &s->admin[0].actor, "eve", true));
	assert_refused(ap_lockdown_halves(s->f->v, &s->admin[2].actor, &none), "not-found");
	assert_true(says(s, "covered")); /* ana and bob */
	free_scene(s);
}

static guint words(struct scene *s)
{
	g_autoptr(JsonNode) answer = NULL;
	assert_ok(ap_lockdown_show(s->l, &answer));
	return json_array_get_length(json_object_get_array_member(json_node_get_object(answer), "given"));
}

/* R28: an opened half does not stay in memory until somebody else gives theirs. */
static void an_old_word_is_wiped_by_itself(void **state)
{
	(void)state;
	struct scene *s = new_scene(2);
	gint64 end_us = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
	assert_ok(ap_lockdown_begin(s->f->v, &s->admin[0].actor, "drill"));
	assert_ok(lift(s, &s->admin[0], true));
	assert_int_equal(words(s), 1);
	fixture_advance(s->f, AP_LOCKDOWN_LIFT_MS + 1000);
	while (words(s) > 0 && g_get_monotonic_time() < end_us)
		g_main_context_iteration(g_main_context_get_thread_default(), TRUE);
	assert_int_equal(words(s), 0);
	free_scene(s);
}

/* R28: the row of a turnover could not be written when it began; what was sealed for both keys opens all the same. */
static void a_turnover_that_could_not_be_noted_loses_no_key(void **state)
{
	(void)state;
	struct scene *s = new_scene(2);
	struct ap_uuid id;
	fixture_run(s->f, "CREATE TRIGGER full BEFORE INSERT ON turnover BEGIN SELECT RAISE(ABORT, 'full'); END");
	assert_false(ap_ok(ap_turnover_begin(s->f->v, AP_TURN_ADMIN, NULL, NULL, &id)));
	fixture_run(s->f, "DROP TRIGGER full");
	assert_true(there(s, "kek.next") && says(s, "covered"));
	assert_ok(ap_lockdown_begin(s->f->v, &s->admin[0].actor, "drill"));
	assert_false(there(s, "kek") || there(s, "kek.next"));
	assert_ok(lift(s, &s->admin[0], true));
	assert_ok(lift(s, &s->admin[1], true));
	assert_true(plays(s));
	for (bool more = true; more;)
		assert_ok(ap_turnover_work(s->f->v, &more));
	restart(s);
	assert_true(plays(s) && !there(s, "kek.next"));
	free_scene(s);
}

/* R28: where the last step of a lift fails, the key is sealed again, on the disk as in memory. */
static void a_lift_that_fails_bares_no_key(void **state)
{
	(void)state;
	struct scene *s = new_scene(2);
	struct ap_secret *kek = read_kek(s);
	assert_ok(ap_lockdown_begin(s->f->v, &s->admin[0].actor, "drill"));
	fixture_run(s->f, "CREATE TRIGGER full BEFORE DELETE ON setting BEGIN SELECT RAISE(ABORT, 'full'); END");
	assert_ok(lift(s, &s->admin[0], true));
	assert_false(ap_ok(lift(s, &s->admin[1], true)));
	assert_true(ap_vault_locked_down(s->f->v) && !plays(s));
	assert_false(there(s, "kek"));
	assert_false(fixture_on_disk(s->f, ap_secret_bytes(kek), AP_KEK));
	fixture_run(s->f, "DROP TRIGGER full");
	assert_ok(lift(s, &s->admin[0], true));
	assert_ok(lift(s, &s->admin[1], true));
	assert_true(plays(s));
	ap_secret_free(kek);
	free_scene(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_shut_and_stays_so),
		cmocka_unit_test(erasures_go_on),
		cmocka_unit_test(two_passphrases_bring_it_back),
		cmocka_unit_test(a_word_is_old_after_a_quarter_of_an_hour),
		cmocka_unit_test(false_halves_are_noticed),
		cmocka_unit_test(what_nobody_can_bring_back_is_not_destroyed),
		cmocka_unit_test(a_lockdown_in_the_midst_of_a_turnover),
		cmocka_unit_test(a_missing_key_is_a_lockdown),
		cmocka_unit_test(without_a_log_it_is_shut_all_the_same),
		cmocka_unit_test(a_second_order_starts_the_clock_that_failed),
		cmocka_unit_test(who_left_is_left_out),
		cmocka_unit_test(a_disabled_admin_is_left_out_at_once),
		cmocka_unit_test(an_old_word_is_wiped_by_itself),
		cmocka_unit_test(a_turnover_that_could_not_be_noted_loses_no_key),
		cmocka_unit_test(a_lift_that_fails_bares_no_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
