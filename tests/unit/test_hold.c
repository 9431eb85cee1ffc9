#include "tests/testlib/staff_fixture.h"

#include "recorder/api/answer.h"
#include "recorder/erasure/erasure.h"
#include "recorder/erasure/hold.h"
#include "recorder/erasure/proposal.h"
#include "recorder/erasure/request.h"
#include "recorder/policy/terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY 86400000LL

struct desk {
	struct fixture *f;
	struct ap_uuid session, recording;
	struct ap_actor ada, bob;
};

static struct desk desk_new(void)
{
	struct desk d = {.f = fixture_new()};
	d.session = fixture_consented(d.f, "[\"recording\"]");
	d.recording = fixture_recording(d.f, &d.session, 10 * DAY);
	d.ada = fixture_user(d.f, "ada", "admin", NULL);
	d.bob = fixture_user(d.f, "bob", "admin", NULL);
	return d;
}

static JsonObject *wish(const struct desk *d, const char *ground, int64_t ms)
{
	char id[AP_UUID_TEXT], ends[AP_TIME_TEXT];
	JsonObject *o = json_object_new();
	ap_uuid_text(&d->recording, id);
	ap_time_text(d->f->wall_ms + ms, ends);
	json_object_set_string_member(o, "recording", id);
	json_object_set_string_member(o, "ground", ground);
	json_object_set_string_member(o, "reason", "a complaint");
	json_object_set_string_member(o, "ends", ends);
	return o;
}

/* Takes the body; the "proposal" or "id" member of the answer. */
static char *post(const struct desk *d, const struct ap_actor *by, JsonObject *body, unsigned expected,
		  const char *member)
{
	unsigned status;
	JsonNode *answer;
	assert_ok(ap_hold_post(d->f->v, by, body, &status, &answer));
	json_object_unref(body);
	assert_int_equal(status, expected);
	char *text = g_strdup(json_object_get_string_member(json_node_get_object(answer), member));
	json_node_unref(answer);
	return text;
}

static JsonObject *confirmation(const char *proposal)
{
	JsonObject *o = json_object_new();
	json_object_set_string_member(o, "proposal", proposal);
	return o;
}

/* R20: says why and until when; two hands make it, two lift it. */
static void two_admins_make_and_lift_a_hold(void **state)
{
	(void)state;
	struct desk d = desk_new();
	unsigned status;
	JsonNode *answer;
	struct ap_uuid hold;
	g_autofree char *certificate = NULL;
	g_autofree char *proposal = post(&d, &d.ada, wish(&d, "art. 17(3)(e)", DAY), 202, "proposal");
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM hold"), 0);
	g_autoptr(JsonObject) own = confirmation(proposal);
	assert_refused(ap_hold_post(d.f->v, &d.ada, own, &status, &answer), "role");
	g_autofree char *id = post(&d, &d.bob, confirmation(proposal), 201, "id");
	assert_int_equal(fixture_last_leaf(d.f), AP_LEAF_HOLD);
	assert_refused(ap_erasure_now(d.f->v, &d.recording, AP_ERASE_ADMIN, &certificate), "held");
	assert_refused(ap_hold_post(d.f->v, &d.bob, own, &status, &answer), "not-found"); /* used up */
	assert_true(ap_uuid_parse(id, &hold));
	assert_ok(ap_hold_delete(d.f->v, &d.bob, &hold, "", &status, &answer));
	assert_int_equal(status, 202);
	json_node_unref(answer);
	assert_refused(ap_hold_delete(d.f->v, &d.bob, &hold, "", &status, &answer), "role");
	assert_refused(ap_erasure_now(d.f->v, &d.recording, AP_ERASE_ADMIN, &certificate), "held");
	assert_ok(ap_hold_delete(d.f->v, &d.ada, &hold, "", &status, &answer));
	assert_int_equal(status, 204);
	assert_ok(ap_erasure_now(d.f->v, &d.recording, AP_ERASE_ADMIN, &certificate));
	fixture_free(d.f);
}

/* R7: nothing is kept for a purpose not both still give, save under a hold; when it is lifted, it goes. */
static void what_was_withdrawn_under_a_hold_goes_when_it_is_lifted(void **state)
{
	(void)state;
	struct desk d = desk_new();
	unsigned status;
	JsonNode *answer;
	struct ap_uuid hold;
	g_autofree char *proposal = post(&d, &d.ada, wish(&d, "g", DAY), 202, "proposal");
	g_autofree char *id = post(&d, &d.bob, confirmation(proposal), 201, "id");
	fixture_withdraw(d.f, &d.session, AP_COACH, "[\"recording\"]");
	assert_true(ap_uuid_parse(id, &hold));
	assert_ok(ap_hold_delete(d.f->v, &d.ada, &hold, "", &status, &answer));
	json_node_unref(answer);
	assert_int_equal(fixture_files(d.f, &d.recording), 2 * FIXTURE_SEGMENTS);
	assert_ok(ap_hold_delete(d.f->v, &d.bob, &hold, "", &status, &answer));
	assert_int_equal(fixture_files(d.f, &d.recording), 0);
	fixture_free(d.f);
}

/* How many leaves' bodies hold this text. */
static int64_t leaves_with(const struct desk *d, const char *text)
{
	int64_t n;
	assert_ok(ap_db_count(ap_vault_db(d->f->v), "SELECT count(*) FROM leaf WHERE body LIKE '%' || ?1 || '%'",
			      AP_VALUES(AP_V_TEXT(text)), &n));
	return n;
}

/* R20: a hold ends on its date, says so in the log, and what was asked for meanwhile is done. */
static void a_hold_ends_on_its_date_and_the_erasure_follows(void **state)
{
	(void)state;
	struct desk d = desk_new();
	struct ap_actor coachee = fixture_party(&d.session, AP_COACHEE);
	g_autofree char *proposal = post(&d, &d.ada, wish(&d, "art. 17(3)(e)", DAY), 202, "proposal");
	g_autofree char *id = post(&d, &d.bob, confirmation(proposal), 201, "id"), *made = NULL;
	assert_ok(ap_request_create(d.f->v, &coachee, "{\"type\":\"erasure\"}", &made));
	fixture_advance(d.f, DAY - 1000);
	assert_ok(ap_hold_work(d.f->v));
	assert_ok(ap_request_work(d.f->v));
	assert_int_equal(fixture_files(d.f, &d.recording), 2 * FIXTURE_SEGMENTS);
	assert_int_equal(leaves_with(&d, "hold_ended"), 0);
	fixture_advance(d.f, 1000);
	assert_ok(ap_hold_work(d.f->v));
	assert_ok(ap_hold_work(d.f->v));
	assert_ok(ap_request_work(d.f->v));
	assert_int_equal(fixture_files(d.f, &d.recording), 0);
	assert_int_equal(leaves_with(&d, "hold_ended"), 1);
	fixture_free(d.f);
}

/* R20: staff see state and reason, a second admin what waits for them, the persons why and until when. */
static void who_may_see_a_hold_sees_why_and_until_when(void **state)
{
	(void)state;
	struct desk d = desk_new();
	struct ap_actor coach = fixture_party(&d.session, AP_COACH);
	struct ap_uuid hold;
	unsigned status;
	g_autofree char *first = NULL, *second = NULL, *third = NULL, *mine = NULL;
	JsonNode *answer;
	g_autofree char *proposal = post(&d, &d.ada, wish(&d, "art. 17(3)(e)", DAY), 202, "proposal");
	assert_ok(ap_hold_list(d.f->v, &d.bob, &answer));
	first = ap_answer_take_text(answer);
	assert_non_null(strstr(first, "\"holds\":[]"));
	assert_non_null(strstr(first, "\"proposed_by\":\"user:ada\""));
	g_autofree char *id = post(&d, &d.bob, confirmation(proposal), 201, "id");
	assert_ok(ap_access_party_recordings(d.f->v, &coach, &mine));
	assert_non_null(strstr(mine, "\"holds\":[{\"ground\":\"art. 17(3)(e)\",\"reason\":\"a complaint\",\"until\":"));
	assert_ok(ap_hold_list(d.f->v, &d.bob, &answer));
	second = ap_answer_take_text(answer);
	assert_non_null(strstr(second, "\"state\":\"in_force\""));
	assert_non_null(strstr(second, "\"proposals\":[]"));
	assert_true(ap_uuid_parse(id, &hold));
	assert_ok(ap_hold_delete(d.f->v, &d.ada, &hold, "settled", &status, &answer));
	json_node_unref(answer);
	assert_ok(ap_hold_delete(d.f->v, &d.bob, &hold, "settled in court", &status, &answer));
	assert_ok(ap_hold_list(d.f->v, &d.bob, &answer));
	third = ap_answer_take_text(answer);
	assert_non_null(strstr(third, "\"state\":\"lifted\""));
	assert_non_null(strstr(third, "\"lift_reason\":\"settled in court\""));
	/* Both leaves say which hold, on what ground and until when; neither says the reason. */
	assert_int_equal(leaves_with(&d, "\"event\":\"hold_lifted\",\"ground\":\"art. 17(3)(e)\""), 1);
	assert_int_equal(leaves_with(&d, "art. 17(3)(e)"), 2);
	assert_int_equal(leaves_with(&d, "a complaint"), 0);
	fixture_free(d.f);
}

static void a_hold_needs_a_ground_and_a_future_end(void **state)
{
	(void)state;
	struct desk d = desk_new();
	unsigned status;
	JsonNode *answer;
	g_autoptr(JsonObject) no_ground = wish(&d, "", DAY), past = wish(&d, "g", -1), empty = json_object_new();
	assert_refused(ap_hold_post(d.f->v, &d.ada, no_ground, &status, &answer), "invalid");
	assert_refused(ap_hold_post(d.f->v, &d.ada, past, &status, &answer), "invalid");
	assert_refused(ap_hold_post(d.f->v, &d.ada, empty, &status, &answer), "malformed");
	fixture_free(d.f);
}

static void a_proposal_lapses_after_a_day(void **state)
{
	(void)state;
	struct desk d = desk_new();
	JsonNode *answer;
	struct ap_uuid id;
	g_autofree char *body = NULL, *first = NULL;
	assert_ok(ap_proposal_make(d.f->v, &d.ada, "hold", "{}", &answer));
	assert_true(ap_uuid_parse(json_object_get_string_member(json_node_get_object(answer), "proposal"), &id));
	json_node_unref(answer);
	assert_refused(ap_proposal_load(d.f->v, &d.bob, "erasure", &id, &body, &first), "not-found");
	fixture_advance(d.f, AP_PROPOSAL_MS);
	assert_refused(ap_proposal_load(d.f->v, &d.bob, "hold", &id, &body, &first), "not-found");
	fixture_free(d.f);
}

static guint proposals_for(struct desk *d, const struct ap_actor *who)
{
	g_autoptr(JsonNode) answer = NULL;
	assert_ok(ap_hold_list(d->f->v, who, &answer));
	return json_array_get_length(json_object_get_array_member(json_node_get_object(answer), "proposals"));
}

/* R20: a legal dispute is no other tenant's to read, and what they may not confirm they do not use up. */
static void a_proposal_is_its_tenants_alone(void **state)
{
	(void)state;
	struct desk d = desk_new();
	struct ap_actor here = d.bob, elsewhere = d.bob;
	unsigned status;
	JsonNode *answer;
	fixture_run(d.f, "INSERT INTO tenant (id, name, created_ms) VALUES (77, 'other', 1)");
	here.tenant = d.f->tenant;
	elsewhere.tenant = 77;
	g_autofree char *proposal = post(&d, &d.ada, wish(&d, "art. 17(3)(e)", DAY), 202, "proposal");
	assert_int_equal(proposals_for(&d, &d.bob), 1);
	assert_int_equal(proposals_for(&d, &here), 1);
	assert_int_equal(proposals_for(&d, &elsewhere), 0);
	g_autoptr(JsonObject) strange = confirmation(proposal);
	assert_refused(ap_hold_post(d.f->v, &elsewhere, strange, &status, &answer), "not-found");
	g_autofree char *id = post(&d, &here, confirmation(proposal), 201, "id");
	assert_int_equal(proposals_for(&d, &d.bob), 0);
	fixture_free(d.f);
}

/* A stricter policy is previewed; one that erases at once needs the preview's token; none lengthens. */
static void policies_are_previewed_and_never_lengthen(void **state)
{
	(void)state;
	struct desk d = desk_new();
	JsonNode *answer;
	d.ada.tenant = 0;
	assert_ok(ap_terms_get(d.f->v, "default", 0, &answer));
	JsonObject *document = json_object_get_object_member(json_node_get_object(answer), "document");
	JsonObject *purposes = json_object_get_object_member(document, "purposes");
	JsonObject *recording = json_object_get_object_member(purposes, "recording");
	json_object_remove_member(recording, "days");
	json_object_set_int_member(recording, "seconds", 60);
	g_autofree char *text = json_to_string(json_object_get_member(json_node_get_object(answer), "document"), FALSE);
	json_node_unref(answer);
	fixture_advance(d.f, 120000);
	assert_ok(ap_terms_preview(d.f->v, &d.ada, "default", text, &answer));
	assert_int_equal(json_object_get_int_member(json_node_get_object(answer), "at_once"), 1);
	g_autofree char *token = g_strdup(json_object_get_string_member(json_node_get_object(answer), "token"));
	json_node_unref(answer);
	assert_refused(ap_terms_put(d.f->v, &d.ada, "default", text, NULL, &answer), "conflict");
	assert_refused(ap_terms_put(d.f->v, &d.ada, "other", text, token, &answer), "invalid");
	assert_refused(ap_terms_put(d.f->v, &d.bob, "default", text, token, &answer), "role"); /* one tenant's admin */
	assert_ok(ap_terms_put(d.f->v, &d.ada, "default", text, token, &answer));
	assert_int_equal(json_object_get_int_member(json_node_get_object(answer), "version"), 2);
	json_node_unref(answer);
	assert_int_equal(fixture_last_leaf(d.f), AP_LEAF_POLICY);
	int64_t expires = fixture_count(d.f, "SELECT expires_ms FROM recording");
	assert_true(expires < d.f->wall_ms);
	fixture_free(d.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_admins_make_and_lift_a_hold),
		cmocka_unit_test(what_was_withdrawn_under_a_hold_goes_when_it_is_lifted),
		cmocka_unit_test(a_hold_ends_on_its_date_and_the_erasure_follows),
		cmocka_unit_test(who_may_see_a_hold_sees_why_and_until_when),
		cmocka_unit_test(a_hold_needs_a_ground_and_a_future_end),
		cmocka_unit_test(a_proposal_lapses_after_a_day),
		cmocka_unit_test(a_proposal_is_its_tenants_alone),
		cmocka_unit_test(policies_are_previewed_and_never_lengthen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
