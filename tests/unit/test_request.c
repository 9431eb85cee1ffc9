#include "tests/testlib/staff_fixture.h"

#include "recorder/erasure/erasure.h"
#include "recorder/db/db_staff_metrics.h"
#include "recorder/erasure/request.h"
#include "recorder/erasure/request_clock.h"
#include "recorder/vault_port.h"

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

/* What an admin's call is answered with; the body is JSON. */
static struct ap_result try_decide(struct fixture *f, const struct ap_actor *by, const struct ap_uuid *id,
				   const char *action, const char *json)
{
	g_autoptr(JsonNode) body = json_from_string(json, NULL), answer = NULL;
	return ap_request_decide(f->v, by, id, action, json_node_get_object(body), &answer);
}

static void decide(struct fixture *f, const struct ap_actor *by, const struct ap_uuid *id, const char *action,
		   const char *state)
{
	JsonNode *answer;
	g_autoptr(JsonNode) body = json_from_string("{\"reason\":\"because\",\"article\":\"art. 12(5)\"}", NULL);
	assert_ok(ap_request_decide(f->v, by, id, action, json_node_get_object(body), &answer));
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
	assert_refused(try_decide(f, &admin, &id, "execute", "{}"), "held");
	assert_int_equal(fixture_files(f, &recording), 2 * FIXTURE_SEGMENTS);
	fixture_run(f, "UPDATE hold SET lifted_ms = 1");
	assert_ok(ap_request_work(f->v));
	assert_int_equal(fixture_files(f, &recording), 0);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM request WHERE state = 'done'"), 1);
	fixture_free(f);
}

/* R23: what was not erased here need not be elsewhere: its checklist is neither due nor counted. */
static void a_refused_erasure_owes_no_checklist(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]"),
		       recording = fixture_recording(f, &session, 60 * DAY);
	struct ap_actor coach = fixture_party(&session, AP_COACH), admin = fixture_user(f, "ada", "admin", NULL);
	struct ap_staff_counts counts;
	g_autoptr(JsonArray) due = NULL;
	(void)recording;
	fixture_run(
		f,
		"INSERT INTO hold (id, recording, ground, reason, proposed_by, confirmed_by, created_ms, ends_ms)"
		" SELECT x'00112233445566778899aabbccddeeff', id, 'g', 'r', 'a', 'b', 0, 9000000000000 FROM recording");
	struct ap_uuid id = ask(f, &coach, "{\"type\":\"erasure\"}", "open");
	assert_ok(ap_db_staff_counts(ap_vault_db(f->v), f->wall_ms, &counts));
	assert_int_equal(counts.checklists_open, 1);
	decide(f, &admin, &id, "refuse", "refused");
	fixture_advance(f, 31 * DAY);
	assert_ok(ap_request_list(f->v, &admin, true, NULL, 1000, &due));
	assert_int_equal(json_array_get_length(due), 0);
	assert_ok(ap_db_staff_counts(ap_vault_db(f->v), f->wall_ms, &counts));
	assert_int_equal(counts.checklists_open, 0);
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
	/* Art. 18(3): told first, lifted then, and only then. */
	decide(f, &admin, &id, "lift", "done");
	assert_refused(try_decide(f, &admin, &id, "lift", "{\"reason\":\"again\"}"), "conflict");
	assert_refused(ap_access_begin(f->v, &coach, &recording, "recording", "own viewing", &access), "restricted");
	fixture_advance(f, 3 * DAY - 1000);
	assert_ok(ap_request_work(f->v));
	assert_refused(ap_access_begin(f->v, &coach, &recording, "recording", "own viewing", &access), "restricted");
	fixture_advance(f, 1000);
	assert_ok(ap_request_work(f->v));
	assert_ok(ap_access_begin(f->v, &coach, &recording, "recording", "own viewing", &access));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM request WHERE state = 'lifted'"), 1);
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
	g_autofree char *json = NULL, *text = NULL;
	struct ap_uuid id = ask(f, &coachee, "{\"type\":\"access\",\"detail\":\"all of it\"}", "open");
	assert_int_equal(fixture_count(f, "SELECT due_ms - created_ms FROM request"), 30 * DAY);
	assert_refused(try_decide(f, &admin, &id, "extend", "{}"), "invalid");
	decide(f, &admin, &id, "extend", "extended");
	assert_int_equal(fixture_count(f, "SELECT due_ms FROM request"), ap_request_add_months(f->wall_ms, 3));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM request WHERE extension = 'because'"), 1);
	assert_refused(try_decide(f, &admin, &id, "extend", "{\"reason\":\"again\"}"), "conflict");
	assert_refused(try_decide(f, &admin, &id, "refuse", "{\"reason\":\"no\"}"), "invalid"); /* no article */
	decide(f, &admin, &id, "refuse", "refused");
	assert_refused(try_decide(f, &admin, &id, "execute", "{}"), "conflict");
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM leaf WHERE hex(substr(leaf, 2, 1)) = '09'"), 3);
	/* Visible to the person with its reason, and to nobody else. */
	char id_text[AP_UUID_TEXT];
	ap_uuid_text(&id, id_text);
	assert_ok(ap_request_get(f->v, &coachee, id_text, &json));
	assert_non_null(strstr(json, "\"reason\":\"because\""));
	assert_non_null(strstr(json, "\"article\":\"art. 12(5)\""));
	assert_refused(ap_request_get(f->v, &coach, id_text, &text), "not-found");
	fixture_free(f);
}

/* R39: restriction by one freezes the whole; one of the two lifted, the other's still stands. */
static void each_persons_restriction_stands_by_itself(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]"),
		       recording = fixture_recording(f, &session, 10 * DAY);
	struct ap_actor coach = fixture_party(&session, AP_COACH), coachee = fixture_party(&session, AP_COACHEE);
	struct ap_actor admin = fixture_user(f, "ada", "admin", NULL);
	struct ap_access access;
	struct ap_uuid one = ask(f, &coach, "{\"type\":\"restriction\"}", "done");
	ask(f, &coachee, "{\"type\":\"restriction\"}", "done");
	decide(f, &admin, &one, "lift", "done");
	fixture_advance(f, 4 * DAY);
	assert_ok(ap_request_work(f->v));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM request WHERE state = 'lifted'"), 1);
	assert_refused(ap_access_begin(f->v, &coach, &recording, "recording", "own viewing", &access), "restricted");
	fixture_free(f);
}

/* R23: what lies outside the system is on the erasure request, and a named person ticks it, with the date. */
static void an_erasure_carries_the_checklist(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	fixture_recording(f, &session, 10 * DAY);
	struct ap_actor coach = fixture_party(&session, AP_COACH), admin = fixture_user(f, "ada", "admin", NULL);
	struct ap_actor operator= {.kind = AP_ACTOR_STAFF, .staff = AP_STAFF_ADMIN};
	struct ap_uuid id = ask(f, &coach, "{\"type\":\"erasure\"}", "done");
	g_autoptr(JsonNode) body = json_from_string("{\"note\":\"shredded\"}", NULL), answer = NULL, none = NULL;
	JsonObject *o = json_node_get_object(body);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM request_item WHERE ticked_ms IS NULL"), 4);
	assert_refused(ap_request_tick(f->v, &operator, &id, 1, o, &none), "role");
	assert_refused(ap_request_tick(f->v, &admin, &id, 9, o, &none), "not-found");
	assert_ok(ap_request_tick(f->v, &admin, &id, 1, o, &answer));
	JsonArray *items = json_object_get_array_member(json_node_get_object(answer), "checklist");
	JsonObject *first = json_array_get_object_element(items, 0);
	assert_string_equal(json_object_get_string_member(first, "item"), "paper_notes");
	assert_string_equal(json_object_get_string_member(first, "ticked_by"), "user:ada");
	assert_true(json_object_has_member(first, "ticked"));
	assert_refused(ap_request_tick(f->v, &admin, &id, 1, o, &none), "conflict");
	fixture_free(f);
}

/* R20: the person reads why their erasure waits, and until when. */
static void the_person_reads_what_holds_their_erasure(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	fixture_recording(f, &session, 10 * DAY);
	struct ap_actor coach = fixture_party(&session, AP_COACH);
	char text[AP_UUID_TEXT];
	g_autofree char *json = NULL;
	fixture_run(f, "INSERT INTO hold (id, recording, ground, reason, proposed_by, confirmed_by, created_ms, ends_ms)"
		       " SELECT x'00112233445566778899aabbccddeeff', id, 'art. 17(3)(e)', 'claim 7', 'a', 'b', 0,"
		       " 1900000000000 FROM recording");
	struct ap_uuid id = ask(f, &coach, "{\"type\":\"erasure\"}", "open");
	ap_uuid_text(&id, text);
	assert_ok(ap_request_get(f->v, &coach, text, &json));
	assert_non_null(strstr(json, "\"waits_for\":[{\"why\":\"held\",\"ground\":\"art. 17(3)(e)\",\"reason\":\"claim 7\","
				     "\"until\":\"2030-03-17T17:46:40.000Z\"}]"));
	fixture_free(f);
}

/* R21: name and locale follow in all the person's sessions; what they signed stays as it was. */
static void a_rectification_changes_details_not_statements(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE), admin = fixture_user(f, "ada", "admin", NULL);
	int64_t statements = fixture_count(f, "SELECT sum(length(text)) FROM consent");
	assert_refused(try_decide(f, &admin, &session, "execute", "{}"), "not-found");
	struct ap_uuid id = ask(f, &coachee, "{\"type\":\"rectification\",\"detail\":\"my name\"}", "open");
	assert_refused(try_decide(f, &admin, &id, "execute", "{\"reason\":\"x\"}"), "invalid"); /* what to? */
	assert_refused(try_decide(f, &admin, &id, "execute", "{\"changes\":{\"pii_principal\":\"x\"}}"), "invalid");
	assert_ok(try_decide(f, &admin, &id, "execute",
			     "{\"reason\":\"done\",\"changes\":{\"name\":\"Nadia Roche\",\"locale\":\"en\"}}"));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM party WHERE role = 2 AND name = 'Nadia Roche'"
					  " AND locale = 'en'"), 1);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM party WHERE role = 1 AND name = 'Nadia Roche'"), 0);
	assert_int_equal(fixture_count(f, "SELECT sum(length(text)) FROM consent"), statements);
	/* Nor does the log learn the name. */
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM leaf WHERE body LIKE '%Nadia%'"), 0);
	fixture_free(f);
}

static struct fixture *objecting;

static void take_withdrawal(void *ctx, const struct ap_uuid *session, enum ap_role role, const char *body)
{
	(void)ctx;
	assert_non_null(strstr(body, "\"event\":\"ConsentWithdrawn\""));
	assert_non_null(strstr(body, "[\"quality\"]"));
	fixture_withdraw(objecting, session, role, "[\"quality\"]");
}

static void ignore_closing(void *ctx, const struct ap_uuid *session, unsigned reason, ap_vault_call done, void *data)
{
	(void)ctx, (void)session, (void)reason, (void)done, (void)data;
}

static void ignore_event(void *ctx, const struct ap_uuid *session, enum ap_role role, const char *event,
			 const char *json)
{
	(void)ctx, (void)session, (void)role, (void)event, (void)json;
}

static void ignore_change(void *ctx)
{
	(void)ctx;
}

/* R21: consent is the basis, so to object is to withdraw, and the purpose ends. */
static void an_objection_ends_the_purpose(void **state)
{
	(void)state;
	static const struct ap_vault_port port = {.close_gate = ignore_closing,
						  .event = ignore_event,
						  .withdraw = take_withdrawal,
						  .conditions_changed = ignore_change};
	struct fixture *f = objecting = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\",\"quality\"]");
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE);
	g_autofree char *json = NULL;
	g_autoptr(GMainContext) gate = g_main_context_new();
	ap_vault_set_port(f->v, gate, &port, NULL);
	assert_refused(ap_request_create(f->v, &coachee, "{\"type\":\"objection\",\"purposes\":[\"fun\"]}", &json),
		       "invalid");
	ask(f, &coachee, "{\"type\":\"objection\",\"purposes\":[\"quality\"]}", "open");
	while (g_main_context_iteration(gate, FALSE))
		;
	assert_ok(ap_request_work(f->v));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM request WHERE state = 'done'"), 1);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM consent WHERE event = 'ConsentWithdrawn'"), 1);
	ap_vault_set_port(f->v, NULL, NULL, NULL);
	fixture_free(f);
}

/* An admin opens one on a person's behalf; the person sees it, and who opened it is in the log. */
static void an_admin_opens_one_on_behalf(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE), admin = fixture_user(f, "ada", "admin", NULL);
	g_autoptr(JsonNode) answer = NULL;
	g_autofree char *list = NULL;
	char text[AP_UUID_TEXT];
	ap_uuid_text(&session, text);
	g_autofree char *json = g_strdup_printf("{\"session\":\"%s\",\"party\":\"coachee\",\"type\":\"access\","
						"\"detail\":\"by letter\"}", text);
	g_autoptr(JsonNode) body = json_from_string(json, NULL);
	assert_ok(ap_request_open_for(f->v, &admin, json_node_get_object(body), &answer));
	assert_ok(ap_request_get(f->v, &coachee, "", &list));
	assert_non_null(strstr(list, "\"opened_by\":\"admin\""));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM leaf WHERE body LIKE '%\"by\":\"user:ada\"%'"), 1);
	fixture_free(f);
}

/* R18: staff are reminded a week before and once overdue, each once; the platform learns no person by it. */
static void due_requests_are_told_without_a_person(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE), admin = fixture_user(f, "ada", "admin", NULL);
	g_autoptr(JsonArray) calm = NULL, due = NULL;
	fixture_run(f, "INSERT INTO webhook (tenant, name, url, events) SELECT id, 'w', 'https://x.example/', '[\"request.due\"]'"
		       " FROM tenant");
	ask(f, &coachee, "{\"type\":\"access\"}", "open");
	assert_ok(ap_request_work(f->v));
	assert_ok(ap_request_list(f->v, &admin, true, NULL, 1000, &calm));
	assert_int_equal(json_array_get_length(calm), 0);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM webhook_delivery"), 0);
	f->wall_ms += 40 * DAY; /* a clock that jumped reminds of nothing, or the true reminder would not be told any more */
	assert_ok(ap_request_work(f->v));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM webhook_delivery"), 0);
	f->wall_ms -= 40 * DAY;
	fixture_advance(f, 24 * DAY);
	assert_ok(ap_request_work(f->v));
	assert_ok(ap_request_work(f->v));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM webhook_delivery WHERE body LIKE '%\"overdue\":false%'"), 1);
	assert_ok(ap_request_list(f->v, &admin, true, NULL, 1000, &due));
	assert_int_equal(json_object_get_int_member(json_array_get_object_element(due, 0), "days_left"), 6);
	fixture_advance(f, 7 * DAY);
	assert_ok(ap_request_work(f->v));
	assert_ok(ap_request_work(f->v));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM webhook_delivery"), 2);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM webhook_delivery WHERE body LIKE '%coach%' OR body LIKE"
					  " '%session%'"), 0);
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
		cmocka_unit_test(a_refused_erasure_owes_no_checklist),
		cmocka_unit_test(a_restriction_freezes_until_it_is_lifted),
		cmocka_unit_test(each_persons_restriction_stands_by_itself),
		cmocka_unit_test(an_erasure_carries_the_checklist),
		cmocka_unit_test(the_person_reads_what_holds_their_erasure),
		cmocka_unit_test(a_rectification_changes_details_not_statements),
		cmocka_unit_test(an_objection_ends_the_purpose),
		cmocka_unit_test(an_admin_opens_one_on_behalf),
		cmocka_unit_test(due_requests_are_told_without_a_person),
		cmocka_unit_test(clocks_run_and_are_extended_once),
		cmocka_unit_test(bad_requests_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
