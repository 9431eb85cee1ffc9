/* The library: search, filters and pages, for each role; every page in bounded work. */
#include "tests/testlib/staff_fixture.h"

#include "recorder/access/grant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY 86400000LL
#define YEAR (365 * DAY)

/* Recordings a, b, c of a session each, a day apart from the oldest to the newest; Ana coaches the first two, Bob the third. */
struct shelf {
	struct fixture *f;
	struct ap_uuid session[3], id[3];
	struct ap_actor ada, ana, sam;
};

static void set_text(struct shelf *s, int i, const char *sql, const char *text)
{
	assert_ok(ap_db_run(ap_vault_db(s->f->v), sql, AP_VALUES(AP_V_UUID(&s->session[i]), AP_V_TEXT(text))));
}

static void fill(struct shelf *s)
{
	static const char *const references[] = {"Spring-1", "spring-2", "autumn-1"}, *const coaches[] = {"ana", "ana", "bob"},
					*const coachees[] = {"cy", "dee", "cy"}, *const names[] = {"Claire Faure", "Denis Roy", "claire f."};
	for (int i = 0; i < 3; i++) {
		s->session[i] = fixture_consented(s->f, "[\"recording\",\"supervision\"]");
		s->id[i] = fixture_recording(s->f, &s->session[i], YEAR);
		set_text(s, i, "UPDATE session SET reference = ?2 WHERE id = ?1", references[i]);
		set_text(s, i, "UPDATE party SET pii_principal = ?2 WHERE session = ?1 AND role = 1", coaches[i]);
		set_text(s, i, "UPDATE party SET pii_principal = ?2 WHERE session = ?1 AND role = 2", coachees[i]);
		set_text(s, i, "UPDATE party SET name = ?2 WHERE session = ?1 AND role = 2", names[i]);
		fixture_advance(s->f, DAY);
	}
}

static void give(struct shelf *s, int i)
{
	JsonNode *answer;
	struct ap_grant_wish wish = {s->id[i], "sam", "supervision", s->f->wall_ms + 10 * DAY};
	assert_ok(ap_grant_add(s->f->v, &s->ada, &wish, &answer));
	json_node_unref(answer);
}

static struct shelf shelf_new(void)
{
	struct shelf s = {.f = fixture_new()};
	fill(&s);
	s.ada = fixture_user(s.f, "ada", "admin", NULL);
	s.ana = fixture_user(s.f, "ana", "coach", "ana");
	s.sam = fixture_user(s.f, "sam", "supervisor", NULL);
	give(&s, 0);
	give(&s, 2);
	return s;
}

static struct ap_library_wish anything(void)
{
	return (struct ap_library_wish){.to_ms = INT64_MAX, .limit = 100};
}

/* What is found as letters, newest first: "cba"; with "+" when there is more. */
static char *found(const struct shelf *s, const struct ap_actor *who, const struct ap_library_wish *wish)
{
	g_autoptr(JsonNode) answer = NULL;
	GString *letters = g_string_new(NULL);
	assert_ok(ap_access_list(s->f->v, who, wish, &answer));
	JsonObject *o = json_node_get_object(answer);
	JsonArray *list = json_object_get_array_member(o, "recordings");
	for (guint i = 0; i < json_array_get_length(list); i++) {
		struct ap_uuid id;
		JsonObject *one = json_array_get_object_element(list, i);
		assert_true(ap_uuid_parse(json_object_get_string_member(one, "id"), &id));
		assert_int_equal(json_object_has_member(one, "tenant"), who->staff == AP_STAFF_ADMIN);
		for (int k = 0; k < 3; k++)
			if (ap_uuid_equal(&id, &s->id[k]))
				g_string_append_c(letters, (char)('a' + k));
	}
	if (json_object_has_member(o, "next"))
		g_string_append_c(letters, '+');
	if (wish->count)
		g_string_append_printf(letters, " of %d", (int)json_object_get_int_member(o, "total"));
	return g_string_free(letters, FALSE);
}

static void expect(const struct shelf *s, const struct ap_actor *who, struct ap_library_wish wish, const char *letters)
{
	g_autofree char *got = found(s, who, &wish);
	assert_string_equal(got, letters);
}

static void each_role_finds_what_it_sees(void **state)
{
	(void)state;
	struct shelf s = shelf_new();
	expect(&s, &s.ada, anything(), "cba");
	expect(&s, &s.ana, anything(), "ba");
	expect(&s, &s.sam, anything(), "ca");
	fixture_advance(s.f, 11 * DAY); /* the grants are over */
	expect(&s, &s.sam, anything(), "");
	fixture_free(s.f);
}

static void what_is_typed_is_found(void **state)
{
	(void)state;
	struct shelf s = shelf_new();
	char recording[AP_UUID_TEXT], session[AP_UUID_TEXT];
	ap_uuid_text(&s.id[1], recording);
	ap_uuid_text(&s.session[2], session);
	const struct {
		const char *words, *ada, *ana, *sam;
	} rows[] = {
		{"SPRING", "ba", "ba", "a"}, {"spring-2", "b", "b", ""},  {"pring", "", "", ""},
		{"cy", "ca", "a", "ca"},     {"c", "", "a", "ca"},	  {"CLAIRE", "", "a", "ca"},
		{"claire f", "", "a", "ca"}, {"Denis", "", "b", ""},	  {recording, "b", "b", ""},
		{session, "c", "", "c"},     {"%", "", "", ""},		  {"' OR 1 --", "", "", ""},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct ap_library_wish wish = anything();
		wish.words = rows[i].words;
		expect(&s, &s.ada, wish, rows[i].ada);
		expect(&s, &s.ana, wish, rows[i].ana);
		expect(&s, &s.sam, wish, rows[i].sam);
	}
	fixture_free(s.f);
}

static void filters_must_all_hold(void **state)
{
	(void)state;
	struct shelf s = shelf_new();
	int64_t first = fixture_count(s.f, "SELECT min(created_ms) FROM recording");
	fixture_run(s.f, "UPDATE recording SET state = 'archived' WHERE session = (SELECT id FROM session WHERE reference = 'spring-2')");
	fixture_run(s.f, "INSERT INTO erasure (id, recording, cause, step, ordered_ms, ordered_leaf) SELECT zeroblob(16), r.id, 'admin',"
			 " 'ordered', 1, 0 FROM recording r JOIN session s ON s.id = r.session WHERE s.reference = 'autumn-1'");
	fixture_run(s.f, "UPDATE recording SET expires_ms = created_ms + 5 * 86400000");
	const struct {
		struct ap_library_wish wish;
		const char *letters;
	} rows[] = {
		{{.person = "cy"}, "ca"},
		{{.person = "ana"}, "ba"},
		{{.person = "ana", .words = "cy"}, "a"},
		{{.person = "an"}, ""},
		{{.tenant = "platform"}, "cba"},
		{{.tenant = "other"}, ""},
		{{.state = "sealed"}, "a"},
		{{.state = "archived"}, "b"},
		{{.state = "erased"}, "c"},
		{{.state = "erased", .person = "ana"}, ""},
		{{.from_ms = first + DAY}, "cb"},
		{{.from_ms = first + DAY, .to_ms = first + 2 * DAY}, "b"},
		{{.to_ms = first}, ""},
		{{.person = "cy", .count = true}, "ca of 2"},
		{{.expires_before_ms = first + 5 * DAY}, ""},
		{{.expires_before_ms = first + 5 * DAY + 1}, "a"},
		{{.expires_before_ms = first + 100 * DAY, .count = true}, "ba of 2"},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct ap_library_wish wish = rows[i].wish;
		wish.limit = 100;
		wish.to_ms = wish.to_ms ? wish.to_ms : INT64_MAX;
		expect(&s, &s.ada, wish, rows[i].letters);
	}
	struct ap_actor elsewhere = s.ada;
	elsewhere.tenant = s.f->tenant + 1;
	expect(&s, &elsewhere, anything(), "");
	fixture_free(s.f);
}

static void pages_join_without_a_gap(void **state)
{
	(void)state;
	struct shelf s = shelf_new();
	const struct ap_uuid nothing = ap_uuid_random();
	struct ap_library_wish wish = anything();
	fixture_run(s.f, "UPDATE recording SET created_ms = 7"); /* all at once: the id tells them apart */
	wish.limit = 3;
	g_autofree char *all = found(&s, &s.ada, &wish);
	assert_int_equal(strlen(all), 3);
	wish.limit = 1;
	wish.count = true;
	for (int i = 0; i < 3; i++) {
		g_autofree char *expected = g_strdup_printf("%c%s of 3", all[i], i < 2 ? "+" : "");
		expect(&s, &s.ada, wish, expected);
		wish.after = &s.id[all[i] - 'a'];
	}
	wish.count = false;
	expect(&s, &s.ada, wish, "");
	wish.after = &nothing;
	expect(&s, &s.ada, wish, "");
	fixture_free(s.f);
}

/* Somebody with a great many grants is answered another way, by the same rules. */
static void many_grants_find_the_same(void **state)
{
	(void)state;
	struct shelf s = shelf_new();
	struct ap_library_wish typed = anything(), counted = anything();
	fixture_run(s.f, "INSERT INTO grant_ (id, recording, supervisor, purpose, expires_ms, created_by, created_ms, leaf)"
			 " WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 1500) SELECT randomblob(16),"
			 " (SELECT r.id FROM recording r JOIN session s ON s.id = r.session WHERE s.reference = 'Spring-1'),"
			 " (SELECT id FROM user_ WHERE name = 'sam'), 'supervision', 4000000000000, 'user:ada', i, i FROM n");
	typed.words = "spring";
	counted.count = true;
	expect(&s, &s.sam, anything(), "ca");
	expect(&s, &s.sam, typed, "a");
	expect(&s, &s.sam, counted, "ca of 2");
	fixture_run(s.f, "UPDATE grant_ SET revoked_ms = 1");
	expect(&s, &s.sam, anything(), "");
	fixture_free(s.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_role_finds_what_it_sees),
		cmocka_unit_test(what_is_typed_is_found),
		cmocka_unit_test(filters_must_all_hold),
		cmocka_unit_test(pages_join_without_a_gap),
		cmocka_unit_test(many_grants_find_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
