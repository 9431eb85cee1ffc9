/* Sponsors: whoever pays gets what the coachee disclosed, and nothing else. */
#include "recorder/access/access.h"

#include "tests/testlib/staff_fixture.h"

#include "recorder/access/grant.h"
#include "recorder/access/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY 86400000LL

static struct ap_result disclose(struct fixture *f, const struct ap_actor *by, const struct ap_uuid *recording,
				 const char *to, const char *purpose)
{
	JsonNode *answer = NULL;
	struct ap_grant_wish wish = {*recording, to, purpose, f->wall_ms + 10 * DAY};
	struct ap_result r = ap_grant_add(f->v, by, &wish, &answer);
	if (answer)
		json_node_unref(answer);
	return r;
}

static guint sees(struct fixture *f, const struct ap_actor *who)
{
	g_autoptr(JsonNode) answer = NULL;
	assert_ok(ap_access_list(f->v, who, &(struct ap_library_wish){.to_ms = INT64_MAX, .limit = 1000}, &answer));
	return json_array_get_length(json_object_get_array_member(json_node_get_object(answer), "recordings"));
}

/* R8, R10: nothing without the coachee's disclosure; with it, what a grant names; until it is withdrawn. */
static void a_sponsor_sees_what_was_disclosed_until_withdrawn(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid closed = fixture_consented(f, "[\"recording\",\"supervision\"]"), first = fixture_recording(f, &closed, 90 * DAY);
	struct ap_uuid session = fixture_consented(f, "[\"recording\",\"disclosure\"]"), recording = fixture_recording(f, &session, 90 * DAY);
	struct ap_actor ada = fixture_user(f, "ada", "admin", NULL), hr = fixture_user(f, "hr", "sponsor", NULL);
	struct ap_access access;
	assert_int_equal(sees(f, &hr), 0);
	assert_refused(disclose(f, &ada, &first, "hr", "disclosure"), "role"); /* not given there */
	assert_refused(ap_access_begin(f->v, &hr, &recording, "disclosure", "report", &access), "not-found");
	assert_ok(disclose(f, &ada, &recording, "hr", "disclosure"));
	assert_int_equal(sees(f, &hr), 1);
	assert_ok(ap_access_begin(f->v, &hr, &recording, "disclosure", "report", &access));
	assert_refused(ap_access_begin(f->v, &hr, &recording, "recording", "report", &access), "role");
	assert_refused(ap_access_begin(f->v, &hr, &first, "disclosure", "report", &access), "not-found");
	fixture_withdraw(f, &session, AP_COACHEE, "[\"disclosure\"]");
	assert_refused(ap_access_check(f->v, &hr, &access.id, &recording), "role");
	assert_ok(ap_grant_sweep(f->v, &session));
	assert_int_equal(sees(f, &hr), 0);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM access WHERE ended_ms IS NULL"), 0);
	fixture_free(f);
}

/* R8: disclosed by the coachee alone or the coach alone is not disclosed. */
static void one_persons_word_discloses_nothing(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_actor ada = fixture_user(f, "ada", "admin", NULL);
	fixture_user(f, "hr", "sponsor", NULL);
	for (enum ap_role only = AP_COACH; only <= AP_COACHEE; only++) {
		struct ap_uuid session = fixture_consented(f, "[\"recording\"]"), recording = fixture_recording(f, &session, 90 * DAY);
		fixture_give(f, &session, only, "[\"disclosure\"]");
		assert_refused(disclose(f, &ada, &recording, "hr", "disclosure"), "role");
	}
	fixture_free(f);
}

/* A sponsor bound to one coachee's programme sees that programme. */
static void a_programme_ends_at_its_coachee_and_tenant(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\",\"disclosure\",\"supervision\"]");
	struct ap_uuid recording = fixture_recording(f, &session, 90 * DAY);
	struct ap_actor ada = fixture_user(f, "ada", "admin", NULL);
	struct ap_access access;
	fixture_user(f, "other", "sponsor", "coachee-2");
	fixture_user(f, "sam", "supervisor", NULL);
	struct ap_actor hr = fixture_user(f, "hr", "sponsor", "coachee-1");
	assert_refused(disclose(f, &ada, &recording, "other", "disclosure"), "not-found");
	assert_refused(disclose(f, &ada, &recording, "hr", "supervision"), "not-found");
	assert_refused(disclose(f, &ada, &recording, "sam", "disclosure"), "not-found");
	assert_ok(disclose(f, &ada, &recording, "sam", "supervision"));
	assert_ok(disclose(f, &ada, &recording, "hr", "disclosure"));
	assert_ok(ap_access_begin(f->v, &hr, &recording, "disclosure", "report", &access));
	fixture_run(f, "UPDATE user_ SET party_id = 'coachee-2' WHERE name = 'hr'");
	assert_refused(ap_access_check(f->v, &hr, &access.id, &recording), "not-found");
	assert_int_equal(sees(f, &hr), 0);
	fixture_free(f);
}

static void a_sponsor_belongs_to_a_tenant(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_actor operator= {.kind = AP_ACTOR_STAFF, .staff = AP_STAFF_ADMIN, .name = "operator"};
	struct ap_user_wish wish = {.name = "hr", .role = "sponsor"};
	g_autoptr(JsonNode) answer = NULL;
	assert_refused(ap_user_add(f->v, &operator, &wish, &answer), "invalid");
	wish.tenant = "platform";
	assert_ok(ap_user_add(f->v, &operator, &wish, &answer));
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sponsor_sees_what_was_disclosed_until_withdrawn),
		cmocka_unit_test(one_persons_word_discloses_nothing),
		cmocka_unit_test(a_programme_ends_at_its_coachee_and_tenant),
		cmocka_unit_test(a_sponsor_belongs_to_a_tenant),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
