/* What administrators and auditors look at first: counts, what is being recorded, what ends when. */
#include "tests/testlib/staff_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY 86400000LL
#define YEAR (365 * DAY)

/* The last answer, parsed: json_node_unref. */
static JsonNode *answer(struct site *s)
{
	g_autofree char *text = site_text(s);
	JsonNode *node = json_from_string(text, NULL);
	assert_non_null(node);
	return node;
}

static JsonNode *get(struct site *s, const char *who, const char *path)
{
	if (site_as(s, who, "GET", path, NULL) != 200) {
		g_autofree char *text = site_text(s);
		fail_msg("%s: %u %s", path, s->status, text);
	}
	return answer(s);
}

static int64_t number(JsonNode *node, const char *name)
{
	return json_object_get_int_member(json_node_get_object(node), name);
}

static JsonArray *list(JsonNode *node, const char *name)
{
	return json_object_get_array_member(json_node_get_object(node), name);
}

static JsonObject *at(JsonArray *array, guint i)
{
	return json_array_get_object_element(array, i);
}

static char *day_of(struct site *s, int64_t days)
{
	char text[AP_TIME_TEXT];
	ap_time_text(s->f->wall_ms + days * DAY, text);
	return g_strndup(text, 10);
}

/* Three of one session: two end tomorrow, one in three years. */
static struct site site_with_three(void)
{
	struct site s = site_new();
	struct ap_uuid session = fixture_consented(s.f, "[\"recording\"]");
	fixture_recording(s.f, &session, DAY);
	fixture_recording(s.f, &session, DAY);
	fixture_recording(s.f, &session, 3 * YEAR);
	site_user(&s, "ada", "admin", NULL);
	site_user(&s, "ida", "auditor", NULL);
	return s;
}

static void days_count_what_ends_on_them(void **state)
{
	(void)state;
	struct site s = site_with_three();
	g_autoptr(JsonNode) year = get(&s, "ada", "/v1/expiries");
	g_autofree char *tomorrow = day_of(&s, 1);
	JsonArray *days = list(year, "days");
	assert_int_equal(json_array_get_length(days), 1);
	assert_string_equal(json_object_get_string_member(at(days, 0), "day"), tomorrow);
	assert_string_equal(json_object_get_string_member(at(days, 0), "policy"), "default");
	assert_int_equal(json_object_get_int_member(at(days, 0), "count"), 2);
	assert_int_equal(json_object_get_int_member(at(days, 0), "held"), 0);
	assert_int_equal(number(year, "after"), 1);
	assert_int_equal(number(year, "before") + number(year, "without"), 0);
	/* One that should have ended and is frozen; one that is still being made. */
	fixture_run(s.f, "UPDATE recording SET state = 'restricted', expires_ms = expires_ms - 864000000 WHERE id IN"
			 " (SELECT id FROM recording WHERE state = 'sealed' ORDER BY expires_ms LIMIT 1)");
	fixture_run(s.f, "UPDATE recording SET state = 'recording', expires_ms = NULL WHERE expires_ms ="
			 " (SELECT max(expires_ms) FROM recording)");
	g_autoptr(JsonNode) later = get(&s, "ida", "/v1/expiries");
	assert_int_equal(number(later, "before"), 1);
	assert_int_equal(number(later, "without"), 1);
	assert_int_equal(number(later, "after"), 0);
	g_autoptr(JsonNode) kept = get(&s, "ida", "/v1/expiries/before");
	assert_int_equal(json_array_get_length(list(kept, "recordings")), 1);
	assert_true(json_object_get_boolean_member(at(list(kept, "recordings"), 0), "held"));
	site_free(&s);
}

static void a_period_lists_its_recordings(void **state)
{
	(void)state;
	struct site s = site_with_three();
	g_autofree char *tomorrow = day_of(&s, 1), *today = day_of(&s, 0);
	g_autofree char *day = g_strconcat("/v1/expiries/", tomorrow, NULL),
			*empty = g_strconcat("/v1/expiries/", today, NULL);
	g_autofree char *month = g_strndup(day, strlen("/v1/expiries/2027-01"));
	g_autoptr(JsonNode) of_day = get(&s, "ada", day), of_month = get(&s, "ida", month),
			    of_none = get(&s, "ada", empty);
	assert_int_equal(json_array_get_length(list(of_day, "recordings")), 2);
	assert_int_equal(json_array_get_length(list(of_month, "recordings")), 2);
	assert_int_equal(json_array_get_length(list(of_none, "recordings")), 0);
	assert_false(json_object_has_member(json_node_get_object(of_day), "next"));
	/* The platform's word for a session is for admins. */
	assert_true(json_object_has_member(at(list(of_day, "recordings"), 0), "reference"));
	assert_false(json_object_has_member(at(list(of_month, "recordings"), 0), "reference"));
	/* Behind the first there is one more. */
	g_autofree char *rest = g_strconcat(
		day, "?after=", json_object_get_string_member(at(list(of_day, "recordings"), 0), "id"), NULL);
	g_autoptr(JsonNode) second = get(&s, "ada", rest);
	assert_int_equal(json_array_get_length(list(second, "recordings")), 1);
	static const char *const wrong[] = {"/v1/expiries/2027-13",
					    "/v1/expiries/2027-1-1",
					    "/v1/expiries/now",
					    "/v1/expiries/before?after=x",
					    "/v1/expiries?from=2027-02-30",
					    "/v1/expiries?from=2027-01-02&to=2027-01-02",
					    "/v1/expiries?from=2027-01-01&to=2047-01-01"};
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		assert_int_equal(site_as(&s, "ada", "GET", wrong[i], NULL), 400);
		site_expect_problem(&s, 400, "malformed");
	}
	site_free(&s);
}

/* One that ends on each day of ten years, of a policy of its own. */
static void fill(struct site *s, const char *policy)
{
	(void)fixture_consented(s->f, "[\"recording\"]");
	g_autofree char *named = g_strdup_printf("UPDATE session SET policy = '%s' WHERE policy = 'default'", policy);
	g_autofree char *days = g_strdup_printf(
		"INSERT INTO recording (id, session, state, created_ms, expires_ms, coach_consent, coachee_consent,"
		" coach_record, coachee_record, coach_recipient, coachee_recipient)"
		" WITH RECURSIVE day (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM day WHERE n < 3659)"
		" SELECT randomblob(16), s.id, 'sealed', 1, %lld + n * 86400000, 0, 0, zeroblob(16), zeroblob(16),"
		" zeroblob(32), zeroblob(32) FROM day, session s WHERE s.policy = '%s'",
		(long long)s->f->wall_ms, policy);
	fixture_run(s->f, named);
	fixture_run(s->f, days);
}

/* Ten years of three policies fit; more is refused, never cut. */
static void what_does_not_fit_is_not_left_out_in_silence(void **state)
{
	(void)state;
	struct site s = site_new();
	site_user(&s, "ada", "admin", NULL);
	fill(&s, "one");
	fill(&s, "two");
	fill(&s, "three");
	g_autofree char *from = day_of(&s, 0), *to = day_of(&s, 3660);
	g_autofree char *path = g_strdup_printf("/v1/expiries?from=%s&to=%s", from, to);
	g_autoptr(JsonNode) all = get(&s, "ada", path);
	assert_int_equal(json_array_get_length(list(all, "days")), 3 * 3660);
	fill(&s, "four");
	assert_int_equal(site_as(&s, "ada", "GET", path, NULL), 400);
	site_expect_problem(&s, 400, "malformed");
	g_autoptr(JsonNode) year = get(&s, "ada", "/v1/expiries");
	assert_int_equal(json_array_get_length(list(year, "days")), 4 * 366);
	site_free(&s);
}

/* Ordered erased is no end to come any more; another tenant's is nobody's business. */
static void only_ones_own_and_what_is_to_come(void **state)
{
	(void)state;
	struct site s = site_with_three();
	fixture_run(s.f,
		    "INSERT INTO erasure (id, recording, cause, step, ordered_ms, ordered_leaf)"
		    " SELECT randomblob(16), id, 'admin', 'ordered', 1, 0 FROM recording ORDER BY expires_ms LIMIT 1");
	g_autoptr(JsonNode) year = get(&s, "ada", "/v1/expiries");
	assert_int_equal(json_object_get_int_member(at(list(year, "days"), 0), "count"), 1);
	g_autoptr(JsonNode) seen = get(&s, "ada", "/v1/overview");
	assert_int_equal(number(seen, "erasing"), 1);
	fixture_run(s.f, "INSERT INTO tenant (id, name, created_ms) VALUES (77, 'other', 1)");
	fixture_run(s.f, "UPDATE session SET tenant = 77");
	fixture_run(s.f, "UPDATE user_ SET tenant = (SELECT min(id) FROM tenant)");
	g_autoptr(JsonNode) nothing = get(&s, "ada", "/v1/expiries"), empty = get(&s, "ada", "/v1/overview");
	assert_int_equal(json_array_get_length(list(nothing, "days")), 0);
	assert_int_equal(number(nothing, "after"), 0);
	assert_int_equal(number(empty, "erasing"), 0);
	assert_false(json_object_get_boolean_member(json_node_get_object(empty), "all_tenants"));
	site_free(&s);
}

static void the_overview_says_what_runs_and_waits(void **state)
{
	(void)state;
	struct site s = site_with_three();
	fixture_run(s.f, "UPDATE recording SET state = 'recording', expires_ms = NULL WHERE expires_ms ="
			 " (SELECT max(expires_ms) FROM recording)");
	fixture_run(s.f, "INSERT INTO epoch (generation, session, recording, number, opened_ms, opened_leaf)"
			 " SELECT 5, session, id, 1, 1, 0 FROM recording WHERE state = 'recording'");
	for (int i = -1; i < 2; i++) { /* overdue, soon, later */
		g_autofree char *sql = g_strdup_printf(
			"INSERT INTO request (id, session, role, type, detail, state, created_ms, due_ms, leaf)"
			" SELECT randomblob(16), id, 1, 'access', '', 'open', 1, %lld, 0 FROM session",
			(long long)(s.f->wall_ms + i * 20 * DAY + DAY));
		fixture_run(s.f, sql);
	}
	g_autoptr(JsonNode) seen = get(&s, "ada", "/v1/overview"), audited = get(&s, "ida", "/v1/overview");
	JsonObject *o = json_node_get_object(seen), *states = json_object_get_object_member(o, "recordings");
	assert_int_equal(json_object_get_int_member(states, "sealed"), 2);
	assert_int_equal(json_object_get_int_member(states, "recording"), 1);
	assert_int_equal(json_object_get_int_member(states, "erased"), 0);
	JsonObject *running = at(list(seen, "running"), 0), *requests = json_object_get_object_member(o, "requests");
	assert_true(json_object_get_boolean_member(running, "open"));
	assert_true(json_object_has_member(running, "reference"));
	assert_false(json_object_has_member(at(list(audited, "running"), 0), "reference"));
	assert_int_equal(json_object_get_int_member(requests, "open"), 3);
	assert_int_equal(json_object_get_int_member(requests, "overdue"), 1);
	assert_int_equal(json_object_get_int_member(requests, "soon"), 2);
	assert_true(json_object_get_boolean_member(o, "log_healthy"));
	/* Newer ones than the list holds, none of them open: the count still knows the one that is. */
	fixture_run(s.f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)"
			 " INSERT INTO recording (id, session, state, created_ms, coach_consent, coachee_consent, coach_record,"
			 " coachee_record, coach_recipient, coachee_recipient) SELECT randomblob(16), session, state,"
			 " created_ms + i, coach_consent, coachee_consent, coach_record, coachee_record, coach_recipient,"
			 " coachee_recipient FROM recording, n WHERE state = 'recording'");
	g_autoptr(JsonNode) many = get(&s, "ada", "/v1/overview");
	assert_int_equal(json_array_get_length(list(many, "running")), 50);
	assert_false(json_object_get_boolean_member(at(list(many, "running"), 0), "open"));
	assert_int_equal(number(many, "live"), 1);
	/* A request is known by its platform's word, on the administrator's page. */
	g_autoptr(JsonNode) asked = get(&s, "ada", "/v1/requests");
	JsonObject *first = at(list(asked, "requests"), 0);
	assert_string_equal(json_object_get_string_member(first, "tenant"),
			    json_object_get_string_member(running, "tenant"));
	assert_string_equal(json_object_get_string_member(first, "reference"),
			    json_object_get_string_member(running, "reference"));
	site_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_count_what_ends_on_them),
		cmocka_unit_test(a_period_lists_its_recordings),
		cmocka_unit_test(what_does_not_fit_is_not_left_out_in_silence),
		cmocka_unit_test(only_ones_own_and_what_is_to_come),
		cmocka_unit_test(the_overview_says_what_runs_and_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
