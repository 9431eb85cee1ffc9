#include "recorder/access/note.h"

#include "tests/testlib/staff_fixture.h"

#include "recorder/erasure/erasure.h"
#include "recorder/access/grant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY 86400000LL
#define WORDS "she paused for long before the word father"

struct scene {
	struct fixture *f;
	struct ap_uuid session, recording;
	struct ap_actor ada, sam, eve;
	struct ap_note_place sams, eves;
};

static void let(struct scene *s, const struct ap_actor *who, struct ap_note_place *place)
{
	JsonNode *answer;
	struct ap_access access;
	struct ap_grant_wish wish = {s->recording, who->name, "supervision", s->f->wall_ms + DAY};
	assert_ok(ap_grant_add(s->f->v, &s->ada, &wish, &answer));
	json_node_unref(answer);
	assert_ok(ap_access_begin(s->f->v, who, &s->recording, "supervision", "review", &access));
	*place = (struct ap_note_place){s->recording, access.id};
}

static struct scene scene_new(void)
{
	struct scene s = {.f = fixture_new()};
	s.session = fixture_consented(s.f, "[\"recording\",\"supervision\"]");
	s.recording = fixture_recording(s.f, &s.session, 300 * DAY);
	s.ada = fixture_user(s.f, "ada", "admin", NULL);
	s.sam = fixture_user(s.f, "sam", "supervisor", NULL);
	s.eve = fixture_user(s.f, "eve", "supervisor", NULL);
	let(&s, &s.sam, &s.sams);
	let(&s, &s.eve, &s.eves);
	return s;
}

static JsonObject *wish(const char *text, int64_t at_ms)
{
	JsonObject *o = json_object_new();
	json_object_set_string_member(o, "text", text);
	json_object_set_int_member(o, "at_ms", at_ms);
	return o;
}

static struct ap_result add(struct scene *s, const char *text, int64_t at_ms, struct ap_uuid *ret_id)
{
	g_autoptr(JsonObject) body = wish(text, at_ms);
	g_autoptr(JsonNode) answer = NULL;
	AP_TRY(ap_note_add(s->f->v, &s->sam, &s->sams, body, &answer));
	assert_true(ap_uuid_parse(json_object_get_string_member(json_node_get_object(answer), "id"), ret_id));
	return AP_SUCCESS;
}

/* What is listed, as JSON; g_free. */
static char *listed(struct scene *s, const struct ap_actor *who, const struct ap_note_place *place)
{
	g_autoptr(JsonNode) answer = NULL;
	assert_ok(ap_note_list(s->f->v, who, place, &answer));
	return json_to_string(answer, FALSE);
}

/* Supervisor's notes: sealed with the recording's key, read by their author alone. */
static void a_note_is_its_authors_and_never_in_clear_on_disk(void **state)
{
	(void)state;
	struct scene s = scene_new();
	struct ap_uuid id;
	JsonNode *answer;
	assert_ok(add(&s, WORDS, 12000, &id));
	assert_false(fixture_on_disk(s.f, "father", 6));
	assert_true(fixture_on_disk(s.f, "age-encryption.org/v1", 21));
	g_autofree char *own = listed(&s, &s.sam, &s.sams), *others = listed(&s, &s.eve, &s.eves);
	assert_non_null(strstr(own, WORDS));
	assert_non_null(strstr(own, "12000"));
	assert_null(strstr(others, "father"));
	assert_refused(ap_note_list(s.f->v, &s.ada, &s.sams, &answer), "access-reason-required");
	assert_refused(ap_note_list(s.f->v, &s.eve, &s.sams, &answer), "access-reason-required");
	g_autoptr(JsonObject) body = wish("mine now", 1);
	assert_refused(ap_note_change(s.f->v, &s.eve, &s.eves, &id, body, &answer), "not-found");
	assert_refused(ap_note_delete(s.f->v, &s.eve, &s.eves, &id), "not-found");
	fixture_free(s.f);
}

/* Two notes of one recording are sealed for the same identity; each opens in its own row alone. */
static void a_note_opens_in_its_own_row_alone(void **state)
{
	(void)state;
	struct scene s = scene_new();
	struct ap_uuid first, second;
	JsonNode *answer;
	assert_ok(add(&s, WORDS, 12000, &first));
	assert_ok(add(&s, "nothing of the kind", 13000, &second));
	fixture_run(s.f, "UPDATE note SET sealed = (SELECT sealed FROM note WHERE at_ms = 12000)");
	assert_refused(ap_note_list(s.f->v, &s.sam, &s.sams, &answer), "segment-altered");
	fixture_free(s.f);
}

static void a_note_is_changed_and_deleted(void **state)
{
	(void)state;
	struct scene s = scene_new();
	struct ap_uuid id;
	g_autoptr(JsonNode) answer = NULL;
	g_autoptr(JsonObject) body = wish("another thought", 500);
	assert_ok(add(&s, WORDS, 12000, &id));
	assert_ok(ap_note_change(s.f->v, &s.sam, &s.sams, &id, body, &answer));
	g_autofree char *text = listed(&s, &s.sam, &s.sams);
	assert_non_null(strstr(text, "another thought"));
	assert_null(strstr(text, "father"));
	assert_ok(ap_note_delete(s.f->v, &s.sam, &s.sams, &id));
	assert_refused(ap_note_delete(s.f->v, &s.sam, &s.sams, &id), "not-found");
	assert_refused(add(&s, "  \n", 1, &id), "invalid");
	assert_refused(add(&s, "beyond its end", 30001, &id), "invalid"); /* 20 s, and some for the player's clock */
	assert_refused(add(&s, "before its start", -1, &id), "invalid");
	g_autofree char *huge = g_strnfill(AP_NOTE_TEXT + 1, 'x');
	assert_refused(add(&s, huge, 1, &id), "invalid");
	fixture_free(s.f);
}

/* R10: until the grant ends, one's own notes too. */
static void a_note_is_out_of_reach_with_the_grant(void **state)
{
	(void)state;
	struct scene s = scene_new();
	struct ap_uuid id;
	JsonNode *answer;
	assert_ok(add(&s, WORDS, 12000, &id));
	fixture_advance(s.f, DAY);
	assert_refused(ap_note_list(s.f->v, &s.sam, &s.sams, &answer), "role");
	assert_refused(add(&s, "more", 1, &id), "role");
	fixture_free(s.f);
}

/* R19: erased with the recording: the rows are gone, and what was copied before opens no more. */
static void notes_are_erased_with_the_recording(void **state)
{
	(void)state;
	struct scene s = scene_new();
	struct ap_uuid id;
	g_autofree char *certificate = NULL;
	JsonArray *notes;
	assert_ok(add(&s, WORDS, 12000, &id));
	assert_ok(ap_erasure_now(s.f->v, &s.recording, AP_ERASE_REQUEST, &certificate));
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM note"), 0);
	assert_refused(ap_note_export(s.f->v, &s.recording, &notes), "erased");
	fixture_free(s.f);
}

/* R21, R39: the persons get what is held on them, without the staff's names. */
static void the_persons_may_have_them(void **state)
{
	(void)state;
	struct scene s = scene_new();
	struct ap_uuid id;
	JsonArray *notes;
	assert_ok(add(&s, WORDS, 12000, &id));
	assert_ok(ap_note_export(s.f->v, &s.recording, &notes));
	g_autoptr(JsonNode) node = json_node_init_array(json_node_alloc(), notes);
	g_autofree char *text = json_to_string(node, FALSE);
	json_array_unref(notes);
	assert_non_null(strstr(text, WORDS));
	assert_non_null(strstr(text, "\"role\":\"supervisor\""));
	assert_null(strstr(text, "sam"));
	fixture_free(s.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_note_is_its_authors_and_never_in_clear_on_disk),
		cmocka_unit_test(a_note_opens_in_its_own_row_alone),
		cmocka_unit_test(a_note_is_changed_and_deleted),
		cmocka_unit_test(a_note_is_out_of_reach_with_the_grant),
		cmocka_unit_test(notes_are_erased_with_the_recording),
		cmocka_unit_test(the_persons_may_have_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
