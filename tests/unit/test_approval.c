#include "recorder/access/approval.h"

#include "tests/testlib/staff_fixture.h"

#include "recorder/access/grant.h"
#include "recorder/access/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY 86400000LL

/* A recording with a supervisor's grant, and everybody who may have a say. */
struct scene {
	struct fixture *f;
	struct ap_uuid session, recording;
	struct ap_actor ada, bob, sam, carla, other; /* admins, supervisor, its coach, another coach */
};

static struct scene scene_new(const char *change)
{
	struct scene s = {.f = fixture_new()};
	JsonNode *answer;
	s.session = fixture_consented(s.f, "[\"recording\",\"supervision\"]");
	s.recording = fixture_recording(s.f, &s.session, 300 * DAY);
	fixture_run(s.f, change);
	s.ada = fixture_user(s.f, "ada", "admin", NULL);
	s.bob = fixture_user(s.f, "bob", "admin", NULL);
	s.sam = fixture_user(s.f, "sam", "supervisor", NULL);
	s.carla = fixture_user(s.f, "carla", "coach", "coach-1");
	s.other = fixture_user(s.f, "other", "coach", "coach-2");
	struct ap_grant_wish wish = {s.recording, "sam", "supervision", s.f->wall_ms + 100 * DAY};
	assert_ok(ap_grant_add(s.f->v, &s.ada, &wish, &answer));
	json_node_unref(answer);
	return s;
}

#define PROTECTED "UPDATE session SET sensitivity = 'protected'"
#define ARCHIVED "UPDATE recording SET state = 'archived'"

static struct ap_access ask_for(struct scene *s, const struct ap_actor *who, const char *reason)
{
	struct ap_access access;
	assert_ok(ap_access_begin(s->f->v, who, &s->recording, "supervision", reason, &access));
	return access;
}

static struct ap_access ask(struct scene *s, const struct ap_actor *who)
{
	return ask_for(s, who, "case review");
}

static struct ap_result decide(struct scene *s, const struct ap_actor *by, const struct ap_uuid *id, bool approve, int64_t ms)
{
	JsonNode *answer = NULL;
	struct ap_approval_answer wanted = {approve, ms ? s->f->wall_ms + ms : 0};
	struct ap_result r = ap_approval_decide(s->f->v, by, id, &wanted, &answer);
	if (answer)
		json_node_unref(answer);
	return r;
}

static struct ap_result check(struct scene *s, const struct ap_access *access)
{
	return ap_access_check(s->f->v, &s->sam, &access->id, &s->recording);
}

/* R14: a protected recording opens on a second person's word alone: the coach's or another admin's, never one's own. */
static void protected_needs_a_second_person(void **state)
{
	(void)state;
	struct scene s = scene_new(PROTECTED);
	struct ap_access first = ask(&s, &s.sam);
	assert_true(first.pending);
	assert_int_equal(fixture_last_leaf(s.f), AP_LEAF_GRANT);
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM access"), 0);
	assert_refused(check(&s, &first), "access-reason-required");
	struct ap_access again = ask(&s, &s.sam);
	assert_true(again.pending && ap_uuid_equal(&again.approval, &first.approval)); /* asked once */
	assert_refused(decide(&s, &s.sam, &first.approval, true, 0), "not-found");
	assert_refused(decide(&s, &s.other, &first.approval, true, 0), "not-found");
	assert_refused(decide(&s, &s.carla, &first.approval, true, 8 * DAY), "invalid");
	assert_ok(decide(&s, &s.carla, &first.approval, true, 3600000));
	assert_refused(decide(&s, &s.bob, &first.approval, true, 0), "conflict");
	struct ap_access access = ask(&s, &s.sam);
	assert_false(access.pending);
	assert_true(access.approved);
	assert_int_equal(access.expires_ms, s.f->wall_ms + 3600000); /* no longer than the approval */
	assert_ok(check(&s, &access));
	fixture_advance(s.f, 3600000);
	assert_false(ap_ok(check(&s, &access)));
	assert_true(ask(&s, &s.sam).pending);
	fixture_free(s.f);
}

static void who_asks_does_not_approve(void **state)
{
	(void)state;
	struct scene s = scene_new(PROTECTED);
	struct ap_access own = ask(&s, &s.carla); /* a coach, to their own session, for supervision (R15) */
	assert_true(own.pending);
	assert_refused(decide(&s, &s.carla, &own.approval, true, 0), "role");
	assert_ok(decide(&s, &s.bob, &own.approval, true, 0));
	assert_false(ask(&s, &s.carla).pending);
	assert_true(ask(&s, &s.sam).pending); /* somebody else's approval serves nobody */
	fixture_free(s.f);
}

static void a_denial_ends_what_was_approved(void **state)
{
	(void)state;
	struct scene s = scene_new(PROTECTED);
	struct ap_access pending = ask(&s, &s.sam);
	assert_ok(decide(&s, &s.ada, &pending.approval, true, 0));
	struct ap_access access = ask(&s, &s.sam);
	assert_ok(check(&s, &access));
	assert_ok(decide(&s, &s.bob, &pending.approval, false, 0));
	assert_refused(check(&s, &access), "role");
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM access WHERE ended_ms IS NULL"), 0);
	assert_true(ask(&s, &s.sam).pending);
	fixture_free(s.f);
}

/* R17: after its current use an admin's word alone opens a recording. */
static void archived_needs_an_admin(void **state)
{
	(void)state;
	struct scene s = scene_new(ARCHIVED);
	struct ap_access pending = ask(&s, &s.sam);
	assert_true(pending.pending);
	assert_refused(decide(&s, &s.carla, &pending.approval, true, 0), "role");
	assert_ok(decide(&s, &s.ada, &pending.approval, true, 0));
	assert_false(ask(&s, &s.sam).pending);
	fixture_free(s.f);
}

/* A viewing that needed nobody's word is over once it would need one. */
static void archiving_ends_a_viewing_begun_before(void **state)
{
	(void)state;
	struct scene s = scene_new("SELECT 1");
	struct ap_access access = ask(&s, &s.sam);
	assert_false(access.pending);
	assert_ok(check(&s, &access));
	fixture_run(s.f, ARCHIVED);
	assert_refused(check(&s, &access), "role");
	assert_ok(ap_access_sweep(s.f->v, &s.recording));
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM access WHERE ended_ms IS NULL"), 0);
	fixture_free(s.f);
}

static void what_is_not_answered_lapses(void **state)
{
	(void)state;
	struct scene s = scene_new(PROTECTED);
	struct ap_access pending = ask(&s, &s.sam);
	fixture_advance(s.f, AP_APPROVAL_LAPSES_MS);
	assert_refused(decide(&s, &s.ada, &pending.approval, true, 0), "not-found");
	struct ap_access again = ask(&s, &s.sam);
	assert_true(again.pending);
	assert_false(ap_uuid_equal(&again.approval, &pending.approval));
	fixture_free(s.f);
}

/* R14: an admin's export of a protected recording needs another admin too. */
static void an_export_needs_a_second_admin(void **state)
{
	(void)state;
	struct scene s = scene_new(PROTECTED);
	struct ap_access access;
	assert_ok(ap_access_begin_export(s.f->v, &s.ada, &s.recording, "court order", &access));
	assert_true(access.pending);
	assert_refused(decide(&s, &s.ada, &access.approval, true, 0), "role");
	assert_ok(decide(&s, &s.bob, &access.approval, true, 0));
	assert_ok(ap_access_begin_export(s.f->v, &s.ada, &s.recording, "court order", &access));
	assert_false(access.pending);
	assert_ok(ap_access_check(s.f->v, &s.ada, &access.id, &s.recording));
	fixture_free(s.f);
}

/* R38: the two speakers need nobody's word for their own. */
static void speakers_need_no_approval(void **state)
{
	(void)state;
	struct scene s = scene_new(PROTECTED);
	fixture_run(s.f, ARCHIVED);
	struct ap_actor coachee = fixture_party(&s.session, AP_COACHEE);
	struct ap_access access;
	assert_ok(ap_access_begin(s.f->v, &coachee, &s.recording, "recording", "own viewing", &access));
	assert_false(access.pending);
	fixture_free(s.f);
}

static unsigned listed(struct scene *s, const struct ap_actor *who, const char *state)
{
	g_autoptr(JsonArray) list = NULL;
	assert_ok(ap_approval_list(s->f->v, who, NULL, 1000, &list));
	for (guint i = 0; i < json_array_get_length(list); i++)
		assert_string_equal(json_object_get_string_member(json_array_get_object_element(list, i), "state"), state);
	return json_array_get_length(list);
}

static void each_sees_what_concerns_them(void **state)
{
	(void)state;
	struct scene s = scene_new(PROTECTED);
	struct ap_actor eve = fixture_user(s.f, "eve", "supervisor", NULL);
	struct ap_access pending = ask(&s, &s.sam);
	assert_int_equal(listed(&s, &s.ada, "pending"), 1);
	assert_int_equal(listed(&s, &s.carla, "pending"), 1);
	assert_int_equal(listed(&s, &s.sam, "pending"), 1);
	assert_int_equal(listed(&s, &s.other, "pending"), 0);
	assert_int_equal(listed(&s, &eve, "pending"), 0);
	assert_ok(decide(&s, &s.ada, &pending.approval, false, 0));
	assert_int_equal(listed(&s, &s.sam, "denied"), 1);
	fixture_free(s.f);
}

/* R14: what was approved is a reason; with another one it is asked for anew. */
static void an_approval_serves_its_reason_alone(void **state)
{
	(void)state;
	struct scene s = scene_new(PROTECTED);
	struct ap_access first = ask(&s, &s.sam), second = ask_for(&s, &s.sam, "curiosity");
	assert_true(second.pending && !ap_uuid_equal(&first.approval, &second.approval));
	assert_ok(decide(&s, &s.ada, &first.approval, true, 0));
	assert_true(ask_for(&s, &s.sam, "curiosity").pending);
	assert_false(ask_for(&s, &s.sam, " case review ").pending);
	fixture_free(s.f);
}

/* R14, R11: with the approver goes the approval, and what is viewed under it. */
static void an_approval_ends_with_its_approver(void **state)
{
	(void)state;
	struct scene s = scene_new(PROTECTED);
	struct ap_access pending = ask(&s, &s.sam);
	assert_ok(decide(&s, &s.ada, &pending.approval, true, 0));
	struct ap_access access = ask(&s, &s.sam);
	assert_ok(check(&s, &access));
	assert_ok(ap_user_disable(s.f->v, &s.bob, "ada", true));
	assert_refused(check(&s, &access), "role");
	assert_true(ask(&s, &s.sam).pending);
	fixture_free(s.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(protected_needs_a_second_person),
		cmocka_unit_test(who_asks_does_not_approve),
		cmocka_unit_test(a_denial_ends_what_was_approved),
		cmocka_unit_test(archived_needs_an_admin),
		cmocka_unit_test(archiving_ends_a_viewing_begun_before),
		cmocka_unit_test(what_is_not_answered_lapses),
		cmocka_unit_test(an_export_needs_a_second_admin),
		cmocka_unit_test(speakers_need_no_approval),
		cmocka_unit_test(each_sees_what_concerns_them),
		cmocka_unit_test(an_approval_serves_its_reason_alone),
		cmocka_unit_test(an_approval_ends_with_its_approver),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
