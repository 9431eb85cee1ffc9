/* What a leaving platform takes along: whose it is, what is not in it, and for how long it is there. */
#include "tests/testlib/desk_fixture.h"

#include "recorder/access/grant.h"
#include "recorder/access/note.h"
#include "recorder/erasure/request.h"
#include "recorder/keys/lockdown.h"
#include "recorder/offboard/db_offboard.h"
#include "recorder/offboard/hand_over.h"
#include "recorder/offboard/offboard.h"
#include "recorder/proof/proof.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NOTE "she paused before the word father"

/* All entries of the zip that only the leaver's identity opens, one after the other. */
static char *opened(const struct desk *d, const char *path)
{
	g_autofree char *file = NULL;
	gsize len;
	uint8_t *plain = NULL, piece[65536];
	size_t plain_len;
	GString *all = g_string_new(NULL);
	struct archive *zip = archive_read_new();
	struct archive_entry *entry;
	assert_true(g_file_get_contents(path, &file, &len, NULL));
	assert_ok(ap_age_decrypt(d->identity, file, len, &plain, &plain_len));
	archive_read_support_format_zip(zip);
	assert_int_equal(archive_read_open_memory(zip, plain, plain_len), ARCHIVE_OK);
	while (archive_read_next_header(zip, &entry) == ARCHIVE_OK) {
		g_string_append_printf(all, "\n== %s\n", archive_entry_pathname(entry));
		for (la_ssize_t n; (n = archive_read_data(zip, piece, sizeof piece)) > 0;)
			g_string_append_len(all, (const char *)piece, n);
	}
	archive_read_free(zip);
	g_free(plain);
	return g_string_free(all, FALSE);
}

/* A viewer's note on the first recording. */
static void note(struct desk *d)
{
	struct ap_access access;
	struct ap_actor sam = fixture_user(d->f, "sam", "supervisor", NULL);
	g_autoptr(JsonNode) granted = NULL, noted = NULL;
	g_autoptr(JsonObject) body = desk_object("{\"at_ms\":1000,\"text\":\"" NOTE "\"}");
	const struct ap_grant_wish wish = {d->first, "sam", "supervision", d->f->wall_ms + DAY};
	assert_ok(ap_grant_add(d->f->v, &d->ada, &wish, &granted));
	assert_ok(ap_access_begin(d->f->v, &sam, &d->first, "supervision", "review", &access));
	assert_ok(ap_note_add(d->f->v, &sam, &(struct ap_note_place){d->first, access.id}, body, &noted));
}

/* Where the data lie, made or not: `suffix` is ".age" or ".part". */
static char *place_of(struct desk *d, const char *suffix)
{
	char id[AP_UUID_TEXT];
	struct ap_offboarding o;
	assert_ok(ap_offboard_find(d->f->v, "platform", &o));
	ap_uuid_text(&o.id, id);
	g_autofree char *name = g_strconcat(id, suffix, NULL);
	return g_build_filename(d->f->home, "vault/offboard", name, NULL);
}

static void assert_no_data(struct desk *d)
{
	g_autofree char *whole = place_of(d, ".age"), *part = place_of(d, ".part");
	assert_false(g_file_test(whole, G_FILE_TEST_EXISTS));
	assert_false(g_file_test(part, G_FILE_TEST_EXISTS));
}

static void begin_data(struct desk *d)
{
	g_autoptr(JsonNode) begun = NULL;
	fixture_advance(d->f, 1000);
	assert_ok(ap_hand_over_data(d->f->v, "platform", &begun));
}

static char *put_together(struct desk *d)
{
	g_autofree char *path = place_of(d, ".age");
	begin_data(d);
	desk_settle();
	return opened(d, path);
}

static struct ap_result read_data(struct desk *d)
{
	g_autofree uint8_t *bytes = NULL;
	size_t len;
	return ap_hand_over_read(d->f->v, "platform", 0, &bytes, &len);
}

static void ask(struct desk *d, const struct ap_uuid *session, const char *json)
{
	struct ap_actor coachee = fixture_party(session, AP_COACHEE);
	g_autofree char *answer = NULL;
	fixture_advance(d->f, 1000);
	assert_ok(ap_request_create(d->f->v, &coachee, json, &answer));
}

/* R7, R30: what was put together before a withdrawal, an erasure or a restriction is handed out no more; put together
 * anew, it has no note on a recording that was withdrawn. */
static void r07_the_data_do_not_outlive_a_withdrawal(void **state)
{
	(void)state;
	struct desk d = desk_new();
	note(&d);
	desk_order(&d);
	g_autofree char *before = put_together(&d);
	assert_non_null(strstr(before, NOTE));
	assert_ok(read_data(&d));
	fixture_withdraw(d.f, &d.session, AP_COACHEE, "[\"recording\"]"); /* and kept by a hold: it is sealed */
	assert_refused(read_data(&d), "erased");
	assert_no_data(&d);
	g_autofree char *after = put_together(&d);
	assert_null(strstr(after, NOTE));
	assert_ok(read_data(&d));
	assert_ok(ap_offboard_work(d.f->v));
	assert_ok(read_data(&d)); /* nothing happened: the timer leaves it */
	ask(&d, &d.session, "{\"type\":\"erasure\",\"detail\":\"please\"}");
	assert_ok(ap_offboard_work(d.f->v));
	assert_no_data(&d); /* nobody had to ask for it */
	begin_data(&d);
	g_main_context_iteration(NULL, FALSE);
	fixture_withdraw(d.f, &d.session, AP_COACHEE, "[\"supervision\"]"); /* while they are being made */
	desk_settle();
	assert_no_data(&d);
	g_autofree char *last = put_together(&d);
	assert_ok(read_data(&d));
	ask(&d, &d.session, "{\"type\":\"restriction\",\"detail\":\"wait\"}");
	assert_refused(read_data(&d), "erased");
	desk_free(&d);
}

/* R34, R41: nor does the leaver learn who withdrew, who objected or asked for anything, or why a recording is gone. */
static void r34_the_data_do_not_say_who_withdrew_or_asked(void **state)
{
	(void)state;
	struct desk d = desk_new();
	static const char *const never[] = {"ithdraw", "objection", "I do not trust them", "because", "\"cause\"",
					    "\"request\"", "\"requests\"", "erasure_of_mine", "party:"};
	ask(&d, &d.session, "{\"type\":\"objection\",\"detail\":\"I do not trust them\",\"purposes\":[\"supervision\"]}");
	ask(&d, &d.session, "{\"type\":\"erasure\",\"detail\":\"erasure_of_mine\"}");
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM erasure WHERE certificate IS NOT NULL"), 1);
	fixture_run(d.f, "INSERT INTO access (id, recording, actor, purpose, reason, begun_ms, begun_leaf, expires_ms)"
			 " SELECT randomblob(16), id, 'party:coachee', 'share_copy', 'x', 1, 1, 2 FROM recording");
	desk_order(&d);
	g_autofree char *all = put_together(&d);
	for (size_t i = 0; i < G_N_ELEMENTS(never); i++)
		if (strstr(all, never[i]))
			fail_msg("the data say %s: %.200s", never[i], strstr(all, never[i]) - 100);
	assert_non_null(strstr(all, "\"erased_at\"")); /* that it is gone, and which leaf says so */
	assert_non_null(strstr(all, "\"erased_leaf\""));
	desk_free(&d);
}

/* R28: a lockdown ends the making, and nothing of it is handed out until it is lifted. */
static void r28_a_lockdown_stops_the_hand_over(void **state)
{
	(void)state;
	struct desk d = desk_new();
	g_autoptr(JsonNode) list = NULL, listed = NULL;
	desk_order(&d);
	begin_data(&d);
	g_main_context_iteration(NULL, FALSE);
	assert_ok(ap_lockdown_begin(d.f->v, &d.ada, "laptop stolen"));
	assert_no_data(&d); /* before anything else could end it */
	desk_settle();
	assert_no_data(&d);
	desk_free(&d);
	d = desk_new();
	desk_order(&d);
	g_autofree char *all = put_together(&d);
	assert_ok(read_data(&d));
	assert_ok(ap_hand_over_recordings(d.f->v, "platform", &list));
	assert_ok(ap_lockdown_begin(d.f->v, &d.ada, "laptop stolen"));
	assert_refused(read_data(&d), "lockdown");
	assert_refused(ap_hand_over_recordings(d.f->v, "platform", &listed), "lockdown");
	desk_free(&d);
}

/* R30, R34: the data are put together under the leaver's key, and nowhere in clear: of decisions what was given, and
 * viewers' notes; nothing of another tenant. */
static void r30_the_data_are_the_leavers_alone(void **state)
{
	(void)state;
	struct desk d = desk_new();
	char id[AP_UUID_TEXT];
	uint8_t *bytes = NULL;
	size_t len = 0;
	note(&d);
	fixture_withdraw(d.f, &d.session, AP_COACHEE, "[\"quality\"]");
	struct ap_uuid archived = fixture_consented(d.f, "[\"supervision\"]");
	struct ap_proofs proofs = {0};
	assert_ok(ap_proof_scan(d.f->v, &proofs)); /* nothing was recorded: its consents lie in the archive */
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM proof"), 1);
	desk_order(&d);
	assert_refused(ap_hand_over_read(d.f->v, "platform", 0, &bytes, &len), "not-found");
	g_autofree char *path = place_of(&d, ".age"), *all = put_together(&d);
	ap_uuid_text(&archived, id);
	g_autofree char *receipt = g_strdup_printf("== sessions/%s/receipts/", id);
	assert_non_null(strstr(all, receipt));
	ap_uuid_text(&d.others_session, id);
	assert_non_null(strstr(all, NAME));
	assert_non_null(strstr(all, NOTE));
	assert_non_null(strstr(all, "ConsentGiven"));
	assert_null(strstr(all, "ConsentWithdrawn"));
	assert_null(strstr(all, id));
	assert_ok(ap_hand_over_read(d.f->v, "platform", 0, &bytes, &len));
	assert_true(len > 1000);
	assert_memory_equal(bytes, "age-encryption.org/v1", 21);
	g_free(bytes);
	assert_false(fixture_on_disk(d.f, "capacity_of_operator", 20)); /* a word of its texts */
	assert_ok(desk_report(&d, &d.ada));
	assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
	assert_refused(desk_erase(&d, &d.ada, "{}"), "role"); /* who exported does not say that it may go */
	desk_assert_state(&d, "exported");
	desk_free(&d);
}

static struct ap_result take(struct desk *d, const struct ap_actor *by, const struct ap_uuid *recording,
			     JsonNode **ret_answer)
{
	return ap_hand_over_recording(d->f->v, by, "platform", recording, ret_answer);
}

static void assert_opens(const struct desk *d, JsonNode *answer)
{
	JsonObject *o = json_node_get_object(answer);
	gsize len;
	g_autofree guchar *file = g_base64_decode(json_object_get_string_member(o, "identities"), &len);
	uint8_t *plain = NULL;
	size_t plain_len;
	assert_ok(ap_age_decrypt(d->identity, file, len, &plain, &plain_len));
	g_autofree char *text = g_strndup((const char *)plain, plain_len);
	g_free(plain);
	assert_non_null(strstr(text, "# coachee's track\nAGE-SECRET-KEY-1"));
	assert_int_equal(json_array_get_length(
				 json_object_get_array_member(json_object_get_object_member(o, "segments"), "coach")),
			 FIXTURE_SEGMENTS);
}

/* R30, R14: each recording taken along is an access with its leaf; a protected one by one of the two alone, whose
 * other's word counts; a frozen one is left out and named; another tenant's is not there. */
static void r30_recordings_are_taken_along_with_a_leaf_each(void **state)
{
	(void)state;
	struct desk d = desk_new();
	g_autoptr(JsonNode) answer = NULL, protected = NULL, none = NULL, list = NULL;
	struct ap_actor eve = fixture_user(d.f, "eve", "admin", NULL);
	desk_order(&d);
	assert_refused(take(&d, &d.ada, &d.others, &none), "not-found");
	assert_ok(take(&d, &d.ada, &d.first, &answer));
	assert_opens(&d, answer);
	assert_int_equal(fixture_last_leaf(d.f), AP_LEAF_ACCESS_BEGUN);
	fixture_run(d.f, "UPDATE session SET sensitivity = 'protected' WHERE tenant = 1");
	assert_refused(take(&d, &eve, &d.second, &none), "role");
	assert_ok(take(&d, &d.bob, &d.second, &protected));
	assert_opens(&d, protected);
	assert_int_equal(
		fixture_count(d.f, "SELECT count(*) FROM approval WHERE approved = 1 AND decided_by = 'user:ada'"), 1);
	fixture_run(
		d.f,
		"UPDATE recording SET state = 'restricted' WHERE session IN (SELECT id FROM session WHERE tenant = 1)"
		" AND id = (SELECT max(id) FROM recording WHERE session IN (SELECT id FROM session WHERE tenant = 1))");
	assert_ok(ap_hand_over_recordings(d.f->v, "platform", &list));
	JsonObject *o = json_node_get_object(list);
	assert_int_equal(json_array_get_length(json_object_get_array_member(o, "recordings")), 1);
	JsonArray *left = json_object_get_array_member(o, "left_out");
	assert_int_equal(json_array_get_length(left), 1);
	assert_string_equal(json_object_get_string_member(json_array_get_object_element(left, 0), "why"), "restricted");
	desk_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(r30_the_data_are_the_leavers_alone),
		cmocka_unit_test(r07_the_data_do_not_outlive_a_withdrawal),
		cmocka_unit_test(r34_the_data_do_not_say_who_withdrew_or_asked),
		cmocka_unit_test(r28_a_lockdown_stops_the_hand_over),
		cmocka_unit_test(r30_recordings_are_taken_along_with_a_leaf_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
