#include "recorder/access/conduct.h"

#include "tests/testlib/staff_fixture.h"

#include "recorder/access/grant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY 86400000LL

struct scene {
	struct fixture *f;
	struct ap_uuid session, recording;
	struct ap_actor ada, sam;
};

static struct scene scene_new(void)
{
	struct scene s = {.f = fixture_new()};
	JsonNode *answer;
	s.session = fixture_consented(s.f, "[\"recording\",\"supervision\"]");
	s.recording = fixture_recording(s.f, &s.session, 300 * DAY);
	s.ada = fixture_user(s.f, "ada", "admin", NULL);
	s.sam = fixture_user(s.f, "sam", "supervisor", NULL);
	struct ap_grant_wish wish = {s.recording, "sam", "supervision", s.f->wall_ms + DAY};
	assert_ok(ap_grant_add(s.f->v, &s.ada, &wish, &answer));
	json_node_unref(answer);
	fixture_run(s.f, "UPDATE user_ SET code_of_conduct = 0");
	return s;
}

static struct ap_result begin(struct scene *s)
{
	struct ap_access access;
	return ap_access_begin(s->f->v, &s->sam, &s->recording, "supervision", "case review", &access);
}

static JsonObject *shown(struct scene *s, const char *lang)
{
	g_autoptr(JsonNode) answer = NULL;
	assert_ok(ap_conduct_show(s->f->v, &s->sam, lang, &answer));
	return json_object_ref(json_node_get_object(answer));
}

/* As the page does: the version and hash that were shown, and answers. */
static struct ap_result acknowledge(struct scene *s, const char *answers)
{
	g_autoptr(JsonObject) text = shown(s, "fr"), body = json_object_new();
	JsonNode *answer = NULL;
	json_object_set_int_member(body, "version", json_object_get_int_member(text, "version"));
	json_object_set_string_member(body, "sha256", json_object_get_string_member(text, "sha256"));
	json_object_set_member(body, "answers", json_from_string(answers, NULL));
	struct ap_result r = ap_conduct_acknowledge(s->f->v, &s->sam, body, &answer);
	if (answer)
		json_node_unref(answer);
	return r;
}

static void set_version(struct scene *s, const char *questions)
{
	g_autofree char *text = g_strdup_printf("{\"documents\":[{\"lang\":\"fr\",\"title\":\"T\",\"text\":[\"un\"],\"questions\":%s},"
						"{\"lang\":\"en\",\"title\":\"T\",\"text\":[\"one\"],\"questions\":%s}]}",
						questions, questions);
	g_autoptr(JsonNode) body = json_from_string(text, NULL), answer = NULL;
	struct ap_actor all = s->ada;
	all.tenant = 0;
	assert_ok(ap_conduct_set(s->f->v, &all, json_node_get_object(body), &answer));
}

/* R13: nobody begins an access before they acknowledged the code in force, and a new version asks again. */
static void no_access_before_the_code_in_force(void **state)
{
	(void)state;
	struct scene s = scene_new();
	struct ap_access access;
	assert_refused(begin(&s), "role");
	assert_non_null(strstr(begin(&s).detail, "code of conduct"));
	assert_refused(ap_access_begin_export(s.f->v, &s.ada, &s.recording, "court", &access), "role");
	assert_ok(acknowledge(&s, "[]"));
	assert_int_equal(fixture_last_leaf(s.f), AP_LEAF_OTHER);
	assert_ok(begin(&s));
	set_version(&s, "[]");
	assert_refused(begin(&s), "role");
	assert_ok(acknowledge(&s, "[]"));
	assert_ok(begin(&s));
	assert_int_equal(fixture_count(s.f, "SELECT code_of_conduct FROM user_ WHERE name = 'sam'"), 2);
	fixture_free(s.f);
}

#define QUESTIONS                                                                                                      \
	"[{\"text\":\"q\",\"choices\":[\"a\",\"b\"],\"right\":1},{\"text\":\"r\",\"choices\":[\"a\",\"b\"],\"right\":0}]"

/* R13: and pass its quiz, where the policy sets one. */
static void the_quiz_is_passed_where_the_policy_sets_one(void **state)
{
	(void)state;
	struct scene s = scene_new();
	set_version(&s, QUESTIONS);
	g_autoptr(JsonObject) before = shown(&s, "en");
	assert_int_equal(json_array_get_length(json_object_get_array_member(before, "questions")), 0); /* no quiz is set */
	fixture_run(s.f, "UPDATE policy SET document = json_set(document, '$.conduct_pass_percent', 80)");
	g_autoptr(JsonObject) after = shown(&s, "en");
	assert_int_equal(json_array_get_length(json_object_get_array_member(after, "questions")), 2);
	assert_refused(acknowledge(&s, "[]"), "invalid");
	assert_refused(acknowledge(&s, "[1,1]"), "invalid"); /* half is not 80 % */
	assert_refused(begin(&s), "role");
	assert_refused(ap_conduct_record(s.f->v, &s.ada, "sam"), "role"); /* nobody passes it for another */
	assert_ok(acknowledge(&s, "[1,0]"));
	assert_ok(begin(&s));
	fixture_free(s.f);
}

static void only_the_text_that_was_shown_is_acknowledged(void **state)
{
	(void)state;
	struct scene s = scene_new();
	g_autoptr(JsonObject) text = shown(&s, "en"), body = json_object_new();
	JsonNode *answer;
	json_object_set_int_member(body, "version", 1);
	assert_refused(ap_conduct_acknowledge(s.f->v, &s.sam, body, &answer), "conflict");
	json_object_set_string_member(body, "sha256", json_object_get_string_member(text, "sha256"));
	set_version(&s, "[]");
	assert_refused(ap_conduct_acknowledge(s.f->v, &s.sam, body, &answer), "conflict"); /* of the old one */
	json_object_set_int_member(body, "version", 2);
	assert_refused(ap_conduct_acknowledge(s.f->v, &s.sam, body, &answer), "conflict");
	struct ap_actor operator= {.kind = AP_ACTOR_STAFF, .staff = AP_STAFF_ADMIN, .name = "operator"};
	assert_refused(ap_conduct_acknowledge(s.f->v, &operator, body, &answer), "role");
	fixture_free(s.f);
}

static void a_record_on_paper_says_who_recorded_it(void **state)
{
	(void)state;
	struct scene s = scene_new();
	assert_ok(ap_conduct_record(s.f->v, &s.ada, "sam"));
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM leaf WHERE body LIKE '%\"by\":\"user:ada\"%'"
					    " AND body LIKE '%conduct_acknowledged%' AND body LIKE '%recorded%'"),
			 1);
	assert_ok(begin(&s));
	assert_refused(ap_conduct_record(s.f->v, &s.ada, "nobody"), "not-found");
	fixture_free(s.f);
}

static void both_languages_make_a_version(void **state)
{
	(void)state;
	struct scene s = scene_new();
	static const char *const wrong[] = {
		"{}",
		"{\"documents\":[]}",
		"{\"documents\":[{\"lang\":\"fr\",\"title\":\"T\",\"text\":[\"x\"]},{\"lang\":\"fr\",\"title\":\"T\",\"text\":[\"x\"]}]}",
		"{\"documents\":[{\"lang\":\"fr\",\"title\":\"T\",\"text\":[\"x\"],\"questions\":" QUESTIONS
		"},{\"lang\":\"en\",\"title\":\"T\",\"text\":[\"x\"]}]}",
	};
	struct ap_actor all = s.ada;
	all.tenant = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autoptr(JsonNode) body = json_from_string(wrong[i], NULL);
		JsonNode *answer;
		assert_refused(ap_conduct_set(s.f->v, &all, json_node_get_object(body), &answer), "invalid");
	}
	g_autoptr(JsonNode) status = NULL;
	assert_ok(ap_conduct_status(s.f->v, &s.ada, &status));
	assert_int_equal(json_object_get_int_member(json_node_get_object(status), "version"), 1);
	assert_int_equal(json_array_get_length(json_object_get_array_member(json_node_get_object(status), "users")), 2);
	fixture_free(s.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_access_before_the_code_in_force),
		cmocka_unit_test(the_quiz_is_passed_where_the_policy_sets_one),
		cmocka_unit_test(only_the_text_that_was_shown_is_acknowledged),
		cmocka_unit_test(a_record_on_paper_says_who_recorded_it),
		cmocka_unit_test(both_languages_make_a_version),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
