#include "tests/testlib/staff_fixture.h"

#include "recorder/erasure.h"
#include "recorder/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY 86400000LL

static struct ap_uuid ask(struct fixture *f, const struct ap_actor *party, const char *json, const char *state)
{
	g_autofree char *answer = NULL;
	struct ap_uuid id;
	assert_ok(ap_request_create(f->v, party, json, &answer));
	g_autoptr(JsonNode) node = json_from_string(answer, NULL);
	JsonObject *o = json_node_get_object(node);
	assert_string_equal(json_object_get_string_member(o, "state"), state);
	assert_true(ap_uuid_parse(json_object_get_string_member(o, "id"), &id));
	return id;
}

static void decide(struct fixture *f, const struct ap_actor *by, const struct ap_uuid *id, const char *action,
		   const char *state)
{
	JsonNode *answer;
	assert_ok(ap_request_decide(f->v, by, id, action, "because", &answer));
	assert_string_equal(json_object_get_string_member(json_node_get_object(answer), "state"), state);
	json_node_unref(answer);
}

/* R18: at once by default; R39: erasure by one erases the whole. */
static void an_erasure_request_erases_at_once(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]"),
		       recording = fixture_recording(f, &session, 10 * DAY);
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE);
	ask(f, &coachee, "{\"type\":\"erasure\",\"detail\":\"please\"}", "done");
	assert_int_equal(fixture_files(f, &recording), 0);
	assert_int_equal(
		fixture_count(f, "SELECT count(*) FROM erasure WHERE cause = 'request' AND certificate IS NOT NULL"),
		1);
	fixture_free(f);
}

static void a_hold_keeps_the_request_open_until_it_ends(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]"),
		       recording = fixture_recording(f, &session, 10 * DAY);
	struct ap_actor coach = fixture_party(&session, AP_COACH), admin = fixture_user(f, "ada", "admin", NULL);
	fixture_run(
		f,
		"INSERT INTO hold (id, recording, ground, reason, proposed_by, confirmed_by, created_ms, ends_ms)"
		" SELECT x'00112233445566778899aabbccddeeff', id, 'g', 'r', 'a', 'b', 0, 9000000000000 FROM recording");
	struct ap_uuid id = ask(f, &coach, "{\"type\":\"erasure\"}", "open");
	JsonNode *answer;
	assert_refused(ap_request_decide(f->v, &admin, &id, "execute", "", &answer), "held");
	assert_int_equal(fixture_files(f, &recording), 2 * FIXTURE_SEGMENTS);
	fixture_run(f, "UPDATE hold SET lifted_ms = 1");
	assert_ok(ap_request_work(f->v));
	assert_int_equal(fixture_files(f, &recording), 0);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM request WHERE state = 'done'"), 1);
	fixture_free(f);
}

/* R20: kept, but nobody can use it; what is sealed later too. */
static void a_restriction_freezes_until_it_is_lifted(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]"),
		       recording = fixture_recording(f, &session, 10 * DAY);
	struct ap_actor coach = fixture_party(&session, AP_COACH), admin = fixture_user(f, "ada", "admin", NULL);
	struct ap_access access;
	assert_ok(ap_access_begin(f->v, &coach, &recording, "recording", "own viewing", &access));
	struct ap_uuid id = ask(f, &coach, "{\"type\":\"restriction\"}", "done");
	assert_refused(ap_access_check(f->v, &coach, &access.id, &recording), "restricted");
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM access WHERE ended_ms IS NULL"), 0);
	g_autofree char *certificate = NULL;
	assert_refused(ap_erasure_now(f->v, &recording, AP_ERASE_ADMIN, &certificate), "restricted");
	struct ap_uuid later = fixture_recording(f, &session, 10 * DAY);
	assert_ok(ap_request_work(f->v));
	assert_refused(ap_access_begin(f->v, &coach, &later, "recording", "own viewing", &access), "restricted");
	decide(f, &admin, &id, "lift", "refused");
	assert_ok(ap_access_begin(f->v, &coach, &recording, "recording", "own viewing", &access));
	fixture_free(f);
}

/* R18: one month, once two more, a reason always. */
static void clocks_run_and_are_extended_once(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE), coach = fixture_party(&session, AP_COACH);
	struct ap_actor admin = fixture_user(f, "ada", "admin", NULL);
	JsonNode *answer;
	g_autofree char *json = NULL, *text = NULL;
	struct ap_uuid id = ask(f, &coachee, "{\"type\":\"access\",\"detail\":\"all of it\"}", "open");
	assert_int_equal(fixture_count(f, "SELECT due_ms - created_ms FROM request"), 30 * DAY);
	assert_refused(ap_request_decide(f->v, &admin, &id, "extend", "", &answer), "invalid");
	decide(f, &admin, &id, "extend", "extended");
	assert_int_equal(fixture_count(f, "SELECT due_ms - created_ms FROM request"), 90 * DAY);
	assert_refused(ap_request_decide(f->v, &admin, &id, "extend", "again", &answer), "conflict");
	decide(f, &admin, &id, "refuse", "refused");
	assert_refused(ap_request_decide(f->v, &admin, &id, "execute", "", &answer), "conflict");
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM leaf WHERE hex(substr(leaf, 2, 1)) = '09'"), 3);
	/* Visible to the person with its reason, and to nobody else. */
	char id_text[AP_UUID_TEXT];
	ap_uuid_text(&id, id_text);
	assert_ok(ap_request_get(f->v, &coachee, id_text, &json));
	assert_non_null(strstr(json, "\"reason\":\"because\""));
	assert_refused(ap_request_get(f->v, &coach, id_text, &text), "not-found");
	fixture_free(f);
}

static void bad_requests_are_named(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	struct ap_actor coach = fixture_party(&session, AP_COACH);
	g_autofree char *json = NULL;
	assert_refused(ap_request_create(f->v, &coach, "{", &json), "malformed");
	assert_refused(ap_request_create(f->v, &coach, "[]", &json), "malformed");
	assert_refused(ap_request_create(f->v, &coach, "{\"type\":7}", &json), "malformed");
	assert_refused(ap_request_create(f->v, &coach, "{\"type\":\"oblivion\"}", &json), "invalid");
	assert_refused(ap_request_get(f->v, &coach, "x", &json), "not-found");
	for (int i = 0; i < 20; i++)
		ask(f, &coach, "{\"type\":\"access\"}", "open");
	assert_refused(ap_request_create(f->v, &coach, "{\"type\":\"access\"}", &json), "rate");
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_erasure_request_erases_at_once),
		cmocka_unit_test(a_hold_keeps_the_request_open_until_it_ends),
		cmocka_unit_test(a_restriction_freezes_until_it_is_lifted),
		cmocka_unit_test(clocks_run_and_are_extended_once),
		cmocka_unit_test(bad_requests_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
