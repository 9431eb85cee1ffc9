/* R11: access can be revoked at once: a transfer under way ends within a second, also for who reads slowly. */
#include "tests/testlib/slow_reader.h"
#include "tests/testlib/staff_site.h"

#include "recorder/access/grant.h"
#include "recorder/access/user.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SECOND_US 1000000

struct scene {
	struct site s;
	struct ap_uuid grant, recording;
	struct ap_actor admin;
};

static void cut_by(void (*act)(struct scene *scene))
{
	struct scene scene = {.s = site_new()};
	scene.recording = site_granted(&scene.s, &scene.grant);
	scene.admin = (struct ap_actor){.kind = AP_ACTOR_STAFF, .staff = AP_STAFF_ADMIN, .name = "ada"};
	g_autofree char *path = site_begin(&scene.s, &scene.recording);
	int fd = slow_reader_begin(scene.s.port, path, "sam");
	act(&scene);
	assert_true(slow_reader_reset_within(fd, SECOND_US));
	/* What was on its way into the reader's own window may still have come; nothing else. */
	assert_true(slow_reader_drain(fd) < FIXTURE_TRACK / 4);
	site_free(&scene.s);
}

static void end_grant(struct scene *c)
{
	assert_ok(ap_grant_revoke(c->s.f->v, &c->admin, &c->grant));
}

static void disable(struct scene *c)
{
	assert_ok(ap_user_disable(c->s.f->v, &c->admin, "sam", true));
}

static void log_out(struct scene *c)
{
	assert_int_equal(site_as(&c->s, "ada", "DELETE", "/v1/logins/sam", NULL), 204);
}

static void withdraw(struct scene *c)
{
	struct ap_rows *rows = ap_db_query(ap_vault_db(c->s.f->v), "SELECT session FROM recording", AP_NO_VALUES);
	assert_true(ap_rows_next(rows));
	struct ap_uuid session = ap_row_uuid(rows, 0);
	assert_ok(ap_rows_end(rows));
	fixture_withdraw(c->s.f, &session, AP_COACHEE, "[\"supervision\"]");
}

static void restrict_it(struct scene *c)
{
	fixture_run(c->s.f, "UPDATE recording SET state = 'restricted'");
}

static void lock_down(struct scene *c)
{
	assert_ok(ap_vault_set_lockdown(c->s.f->v, true));
}

static void archive(struct scene *c)
{
	fixture_run(c->s.f, "UPDATE recording SET state = 'archived'");
}

static void a_revoked_grant_cuts_a_slow_reader(void **state)
{
	(void)state;
	cut_by(end_grant);
}

static void a_disabled_user_is_cut(void **state)
{
	(void)state;
	cut_by(disable);
}

static void logging_out_everywhere_cuts(void **state)
{
	(void)state;
	cut_by(log_out);
}

/* R7: withdrawing a purpose ends its playbacks at once. */
static void a_withdrawn_purpose_cuts(void **state)
{
	(void)state;
	cut_by(withdraw);
}

/* R20: frozen: nobody can use it. */
static void a_restriction_cuts(void **state)
{
	(void)state;
	cut_by(restrict_it);
}

/* R28. */
static void a_lockdown_cuts(void **state)
{
	(void)state;
	cut_by(lock_down);
}

/* R17: its current use is over: what follows needs an admin's word. */
static void archiving_cuts(void **state)
{
	(void)state;
	cut_by(archive);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_revoked_grant_cuts_a_slow_reader), cmocka_unit_test(a_disabled_user_is_cut),
		cmocka_unit_test(logging_out_everywhere_cuts),	      cmocka_unit_test(a_withdrawn_purpose_cuts),
		cmocka_unit_test(a_restriction_cuts),		      cmocka_unit_test(a_lockdown_cuts),
		cmocka_unit_test(archiving_cuts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
