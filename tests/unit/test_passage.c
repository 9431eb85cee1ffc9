/* R32: a passage is erased from a recording, both see it, and nothing that lives opens what it was in. */
#include "tests/testlib/staff_fixture.h"

#include "recorder/db/db_recording.h"
#include "recorder/erasure/erasure.h"
#include "recorder/erasure/passage.h"
#include "recorder/keys/lockdown.h"
#include "recorder/recording/playback.h"
#include "recorder/recording/recording.h"
#include "recorder/erasure/request.h"

#include <aparte/age.h>
#include <aparte/buf.h>
#include <aparte/webm.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY 86400000LL
#define SECONDS 12
#define FRAME 3000

struct cut {
	struct fixture *f;
	struct ap_uuid session, recording;
	struct ap_actor coach, coachee;
};

/* A second of sound whose bytes tell person and second: found again, or not, as bytes. */
static GByteArray *second(enum ap_role role, int n)
{
	GByteArray *cluster = g_byte_array_new();
	uint8_t frame[FRAME];
	memset(frame, 0x40 + (int)role * 32 + n, sizeof frame);
	ap_webm_cluster_begin(cluster, (uint64_t)n * 1000);
	ap_webm_block(cluster, AP_WEBM_AUDIO, 0, true, frame, sizeof frame);
	ap_webm_cluster_end(cluster);
	return cluster;
}

static void put_track(struct fixture *f, const struct ap_recording *rec, enum ap_role role)
{
	struct ap_webm_header h = {.tracks[AP_WEBM_AUDIO - 1] = {.codec = AP_WEBM_OPUS, .channels = 2}};
	uint8_t header[AP_WEBM_HEADER];
	struct ap_capture_segment s = {.role = role, .number = 0, .epoch = 1};
	uint64_t at = AP_WEBM_HEADER;
	assert_ok(ap_webm_header_write(&h, header));
	assert_ok(ap_recording_put_segment(f->v, ap_vault_db(f->v), rec, &s, header, sizeof header));
	for (int n = 0; n < SECONDS; n += 3) { /* three clusters a segment */
		g_autoptr(GByteArray) plain = g_byte_array_new();
		struct ap_capture_cluster clusters[3];
		for (int i = 0; i < 3; i++) {
			g_autoptr(GByteArray) cluster = second(role, n + i);
			clusters[i] = (struct ap_capture_cluster){at + plain->len, (uint64_t)(n + i) * 1000, true};
			g_byte_array_append(plain, cluster->data, cluster->len);
		}
		s = (struct ap_capture_segment){.role = role, .number = s.number + 1, .epoch = 1, .clusters = clusters,
						.cluster_count = 3};
		assert_ok(ap_recording_put_segment(f->v, ap_vault_db(f->v), rec, &s, plain->data, plain->len));
		at += plain->len;
	}
}

static struct cut cut_new(void)
{
	struct cut c = {.f = fixture_new()};
	struct ap_recording rec;
	struct ap_db *db = ap_vault_db(c.f->v);
	c.session = fixture_consented(c.f, "[\"recording\"]");
	assert_ok(ap_db_begin(db));
	assert_ok(ap_db_finish(db, ap_recording_begin(c.f->v, db, &c.session, &rec)));
	assert_ok(ap_recording_confirm(c.f->v, &rec));
	put_track(c.f, &rec, AP_COACH);
	put_track(c.f, &rec, AP_COACHEE);
	assert_ok(ap_recording_seal(c.f->v, db, &rec.id, false, 0));
	c.recording = rec.id;
	c.coach = fixture_party(&c.session, AP_COACH);
	c.coachee = fixture_party(&c.session, AP_COACHEE);
	return c;
}

static struct ap_result order(struct cut *c, const struct ap_actor *who, int from_ms, int to_ms)
{
	char id[AP_UUID_TEXT];
	g_autofree char *answer = NULL, *json = g_strdup_printf("{\"from_ms\":%d,\"to_ms\":%d}", from_ms, to_ms);
	ap_uuid_text(&c->recording, id);
	return ap_passage_order(c->f->v, who, id, json, &answer);
}

/* On a context of its own: other tests' sources may lie on the default one. */
static GMainContext *begin_context(void)
{
	GMainContext *context = g_main_context_new();
	g_main_context_push_thread_default(context);
	return context;
}

static void end_context(GMainContext *context)
{
	while (g_main_context_iteration(context, FALSE))
		;
	g_main_context_pop_thread_default(context);
	g_main_context_unref(context);
}

static void erase_passage(struct cut *c, const struct ap_actor *who, int from_ms, int to_ms)
{
	GMainContext *context = begin_context();
	assert_ok(order(c, who, from_ms, to_ms));
	end_context(context);
}

static struct ap_uuid living(struct cut *c)
{
	struct ap_rows *rows = ap_db_query(ap_vault_db(c->f->v), "SELECT id FROM recording WHERE state <> 'erased'",
					   AP_NO_VALUES);
	assert_true(ap_rows_next(rows));
	struct ap_uuid id = ap_row_uuid(rows, 0);
	assert_false(ap_rows_next(rows)); /* one alone */
	assert_ok(ap_rows_end(rows));
	return id;
}

static GByteArray *read_track(struct cut *c, const struct ap_uuid *recording, enum ap_role role)
{
	struct ap_playback_reader *reader;
	GByteArray *all = g_byte_array_new();
	size_t len;
	assert_ok(ap_playback_open(c->f->v, recording, role, &reader));
	g_byte_array_set_size(all, (guint)ap_playback_size(reader));
	assert_ok(ap_playback_read(reader, 0, all->data, all->len, &len));
	assert_int_equal(len, all->len);
	ap_playback_close(reader);
	return all;
}

static bool holds_second(const GByteArray *track, enum ap_role role, int n)
{
	g_autoptr(GByteArray) cluster = second(role, n);
	return memmem(track->data, track->len, cluster->data, cluster->len) != NULL;
}

/* R32: gone from both tracks, and only that; the rest plays as a WebM that the signed manifest vouches for. */
static void the_passage_goes_from_both_tracks_and_the_rest_stays(void **state)
{
	(void)state;
	struct cut c = cut_new();
	erase_passage(&c, &c.coachee, 4200, 6500);
	struct ap_uuid rest = living(&c);
	assert_false(ap_uuid_equal(&rest, &c.recording));
	for (enum ap_role role = AP_COACH; role <= AP_COACHEE; role++) {
		g_autoptr(GByteArray) track = read_track(&c, &rest, role);
		struct ap_webm_header header;
		for (int n = 0; n < SECONDS; n++)
			assert_int_equal(holds_second(track, role, n), n < 4 || n > 6);
		assert_ok(ap_webm_header_read(track->data, AP_WEBM_HEADER, &header));
		assert_memory_equal(header.uid, rest.b, sizeof rest.b);
		assert_int_equal(header.duration_ms, SECONDS * 1000); /* the time stays: a hole, no shift */
	}
	assert_int_equal(fixture_count(c.f, "SELECT count(*) FROM recording WHERE state = 'sealed' AND manifest LIKE"
					    " '%\"erased\":[{\"from_ms\":4200,\"to_ms\":6500}]%'"), 1);
	fixture_free(c.f);
}

/* R32, R19: the old recording is erased with a certificate; its segments open with nothing that lives. */
static void copies_of_the_old_segments_open_no_more(void **state)
{
	(void)state;
	struct cut c = cut_new();
	uint8_t *copy, *plain;
	size_t len, plain_len;
	struct ap_recording rec;
	struct ap_secret *identity;
	assert_ok(ap_playback_ciphertext(c.f->v, &c.recording, AP_COACH, 2, &copy, &len)); /* as a backup has it */
	erase_passage(&c, &c.coach, 4000, 5000);
	assert_int_equal(fixture_count(c.f, "SELECT count(*) FROM erasure WHERE cause = 'passage' AND certificate NOT NULL"), 1);
	assert_int_equal(fixture_files(c.f, &c.recording), 0);
	assert_ok(ap_db_recording_load(ap_vault_db(c.f->v), &c.recording, &rec));
	assert_refused(ap_recording_identity(c.f->v, ap_vault_db(c.f->v), &rec, AP_KEY_COACH, &identity), "erased");
	struct ap_uuid rest = living(&c);
	assert_ok(ap_db_recording_load(ap_vault_db(c.f->v), &rest, &rec));
	assert_ok(ap_recording_identity(c.f->v, ap_vault_db(c.f->v), &rec, AP_KEY_COACH, &identity));
	assert_refused(ap_age_decrypt(identity, copy, len, &plain, &plain_len), "age-no-match");
	ap_secret_free(identity);
	g_free(copy);
	fixture_free(c.f);
}

/* R32: both see it, who asked and when; dates do not move; a second passage leaves both holes. */
static void both_see_every_passage_and_no_date_moves(void **state)
{
	(void)state;
	struct cut c = cut_new();
	int64_t expires = fixture_count(c.f, "SELECT expires_ms FROM recording"),
		created = fixture_count(c.f, "SELECT created_ms FROM recording");
	fixture_advance(c.f, 3 * DAY);
	erase_passage(&c, &c.coachee, 1000, 2000);
	c.recording = living(&c);
	erase_passage(&c, &c.coach, 8000, 9000);
	struct ap_uuid rest = living(&c);
	const struct ap_actor *both[] = {&c.coach, &c.coachee};
	for (int i = 0; i < 2; i++) {
		g_autofree char *json = NULL;
		assert_ok(ap_access_party_recordings(c.f->v, both[i], &json));
		assert_non_null(strstr(json, "\"passages\":[{\"from_ms\":1000,\"to_ms\":2000,\"by\":\"coachee\",\"state\":\"done\""));
		assert_non_null(strstr(json, "{\"from_ms\":8000,\"to_ms\":9000,\"by\":\"coach\",\"state\":\"done\""));
	}
	g_autoptr(GByteArray) track = read_track(&c, &rest, AP_COACH);
	assert_false(holds_second(track, AP_COACH, 1));
	assert_false(holds_second(track, AP_COACH, 8));
	assert_int_equal(fixture_count(c.f, "SELECT expires_ms FROM recording WHERE state = 'sealed'"), expires);
	assert_int_equal(fixture_count(c.f, "SELECT created_ms FROM recording WHERE state = 'sealed'"), created);
	fixture_free(c.f);
}

static void what_cannot_be_erased_is_named(void **state)
{
	(void)state;
	struct cut c = cut_new();
	struct ap_actor stranger = fixture_party(&(struct ap_uuid){{1}}, AP_COACH);
	g_autofree char *answer = NULL;
	char id[AP_UUID_TEXT];
	ap_uuid_text(&c.recording, id);
	assert_refused(order(&c, &stranger, 0, 1000), "not-found");
	assert_refused(order(&c, &c.coach, 2000, 2000), "invalid");
	assert_refused(order(&c, &c.coach, -1, 2000), "invalid");
	assert_refused(order(&c, &c.coach, 99000, 99500), "invalid");
	assert_refused(order(&c, &c.coach, 0, 99000), "invalid"); /* all of it */
	assert_refused(ap_passage_order(c.f->v, &c.coach, id, "{}", &answer), "malformed");
	fixture_run(c.f, "INSERT INTO hold (id, recording, ground, reason, proposed_by, confirmed_by, created_ms, ends_ms)"
			 " SELECT x'00112233445566778899aabbccddeeff', id, 'g', 'r', 'a', 'b', 0, 9000000000000 FROM recording");
	assert_refused(order(&c, &c.coach, 1000, 2000), "held"); /* R20 */
	fixture_run(c.f, "DELETE FROM hold");
	fixture_run(c.f, "UPDATE recording SET state = 'restricted'");
	assert_refused(order(&c, &c.coach, 1000, 2000), "restricted");
	fixture_run(c.f, "UPDATE recording SET state = 'sealed'");
	fixture_withdraw(c.f, &c.session, AP_COACHEE, "[\"recording\"]");
	assert_refused(order(&c, &c.coach, 1000, 2000), "erased");
	fixture_free(c.f);
}

/* A kill in the middle: the half of it goes, and it is begun again. */
static void one_that_was_cut_short_is_begun_again(void **state)
{
	(void)state;
	struct cut c = cut_new();
	GMainContext *context = begin_context();
	assert_ok(order(&c, &c.coach, 4000, 5000));
	for (int i = 0; i < 4; i++)
		g_main_context_iteration(context, FALSE);
	assert_refused(order(&c, &c.coachee, 7000, 8000), "conflict");
	ap_passage_stop();
	end_context(context);
	assert_int_equal(fixture_count(c.f, "SELECT count(*) FROM passage WHERE state = 'making'"), 1);
	fixture_restart(c.f);
	assert_ok(ap_recording_recover(c.f->v, ap_vault_db(c.f->v)));
	assert_ok(ap_passage_recover(c.f->v));
	context = begin_context();
	assert_ok(ap_passage_work(c.f->v));
	end_context(context);
	struct ap_uuid rest = living(&c);
	g_autoptr(GByteArray) track = read_track(&c, &rest, AP_COACHEE);
	for (int n = 0; n < SECONDS; n++)
		assert_int_equal(holds_second(track, AP_COACHEE, n), n != 4);
	fixture_free(c.f);
}

/* A withdrawal while it is made wins: nothing of either stays. */
static void an_erasure_under_way_takes_the_remainder_too(void **state)
{
	(void)state;
	struct cut c = cut_new();
	g_autofree char *answer = NULL;
	GMainContext *context = begin_context();
	assert_ok(order(&c, &c.coach, 4000, 5000));
	for (int i = 0; i < 4; i++)
		g_main_context_iteration(context, FALSE);
	assert_ok(ap_request_create(c.f->v, &c.coachee, "{\"type\":\"erasure\"}", &answer));
	end_context(context);
	context = begin_context();
	assert_ok(ap_request_work(c.f->v));
	assert_ok(ap_request_work(c.f->v));
	end_context(context);
	assert_int_equal(fixture_count(c.f, "SELECT count(*) FROM recording WHERE state <> 'erased'"), 0);
	assert_int_equal(fixture_count(c.f, "SELECT count(*) FROM request WHERE state = 'done'"), 1);
	fixture_free(c.f);
}

/* R19: so does an admin's erasure, at whichever step it comes. */
static void an_admins_erasure_at_any_step_leaves_nothing(void **state)
{
	(void)state;
	int64_t done = 0;
	for (int steps = 0; !done; steps++) {
		struct cut c = cut_new();
		g_autofree char *certificate = NULL;
		GMainContext *context = begin_context();
		assert_in_range(steps, 0, 40);
		assert_ok(order(&c, &c.coach, 4000, 5000));
		for (int i = 0; i < steps; i++)
			g_main_context_iteration(context, FALSE);
		done = fixture_count(c.f, "SELECT count(*) FROM passage WHERE state = 'done'");
		if (!done)
			assert_ok(ap_erasure_now(c.f->v, &c.recording, AP_ERASE_ADMIN, &certificate));
		end_context(context);
		assert_int_equal(fixture_count(c.f, "SELECT count(*) FROM recording WHERE state <> 'erased'"), done);
		fixture_free(c.f);
	}
}

static int64_t in_state(struct cut *c, const char *state)
{
	g_autofree char *sql = g_strdup_printf("SELECT count(*) FROM passage WHERE state = '%s'", state);
	return fixture_count(c->f, sql);
}

/* R28: a lockdown takes the key from the job at once, at whichever step; the original stays whole, and it is begun again. */
static void a_lockdown_at_any_step_damages_nothing(void **state)
{
	(void)state;
	int64_t done = 0;
	for (int steps = 0; !done; steps += 2) {
		struct cut c = cut_new();
		struct ap_actor admin = fixture_user(c.f, "ana", "admin", NULL);
		GMainContext *context = begin_context();
		assert_in_range(steps, 0, 40);
		assert_ok(order(&c, &c.coach, 4000, 5000));
		for (int i = 0; i < steps; i++)
			g_main_context_iteration(context, FALSE);
		done = in_state(&c, "done");
		assert_ok(ap_lockdown_begin(c.f->v, &admin, "drill"));
		assert_ok(ap_passage_work(c.f->v));
		end_context(context);
		assert_int_equal(in_state(&c, "ordered"), 1 - done);
		assert_int_equal(fixture_count(c.f, "SELECT count(*) FROM recording WHERE state <> 'erased'"), 1);
		fixture_run(c.f, "DELETE FROM setting WHERE name = 'lockdown'");
		fixture_restart(c.f);
		context = begin_context();
		assert_ok(ap_passage_work(c.f->v));
		end_context(context);
		struct ap_uuid rest = living(&c);
		g_autoptr(GByteArray) track = read_track(&c, &rest, AP_COACHEE);
		for (int n = 0; n < SECONDS; n++)
			assert_int_equal(holds_second(track, AP_COACHEE, n), n != 4);
		fixture_free(c.f);
	}
}

/* R32: a remainder that cannot be erased right now is not forgotten for that. */
static void what_was_made_of_it_is_known_until_it_is_gone(void **state)
{
	(void)state;
	struct cut c = cut_new();
	GMainContext *context = begin_context();
	assert_ok(order(&c, &c.coach, 4000, 5000));
	for (int i = 0; i < 4; i++)
		g_main_context_iteration(context, FALSE);
	fixture_run(c.f, "CREATE TRIGGER full BEFORE INSERT ON erasure BEGIN SELECT RAISE(ABORT, 'full'); END");
	assert_false(ap_ok(ap_passage_halt(c.f->v)));
	assert_int_equal(fixture_count(c.f, "SELECT count(*) FROM passage WHERE into_ NOT NULL"), 1);
	fixture_run(c.f, "DROP TRIGGER full");
	assert_ok(ap_passage_work(c.f->v));
	end_context(context);
	assert_int_equal(in_state(&c, "done"), 1);
	(void)living(&c); /* one alone */
	fixture_free(c.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_passage_goes_from_both_tracks_and_the_rest_stays),
		cmocka_unit_test(copies_of_the_old_segments_open_no_more),
		cmocka_unit_test(both_see_every_passage_and_no_date_moves),
		cmocka_unit_test(what_cannot_be_erased_is_named),
		cmocka_unit_test(one_that_was_cut_short_is_begun_again),
		cmocka_unit_test(an_erasure_under_way_takes_the_remainder_too),
		cmocka_unit_test(an_admins_erasure_at_any_step_leaves_nothing),
		cmocka_unit_test(a_lockdown_at_any_step_damages_nothing),
		cmocka_unit_test(what_was_made_of_it_is_known_until_it_is_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
