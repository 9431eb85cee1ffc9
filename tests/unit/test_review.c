#include "recorder/access/review.h"

#include "tests/testlib/staff_fixture.h"

#include "recorder/db/db_staff_user.h"
#include "recorder/access/grant.h"
#include "recorder/erasure/retention.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY 86400000LL

static void grant(struct fixture *f, const struct ap_actor *by, const struct ap_uuid *recording, char ret_item[6 + AP_UUID_TEXT])
{
	JsonNode *answer;
	struct ap_grant_wish wish = {*recording, "sam", "supervision", f->wall_ms + 180 * DAY};
	assert_ok(ap_grant_add(f->v, by, &wish, &answer));
	g_snprintf(ret_item, 6 + AP_UUID_TEXT, "grant:%s", json_object_get_string_member(json_node_get_object(answer), "id"));
	json_node_unref(answer);
}

static guint due(struct fixture *f, const struct ap_actor *who, const char *state)
{
	g_autoptr(JsonNode) answer = NULL;
	assert_ok(ap_review_list(f->v, who, &answer));
	JsonArray *items = json_object_get_array_member(json_node_get_object(answer), "items");
	for (guint i = 0; i < json_array_get_length(items); i++)
		assert_string_equal(json_object_get_string_member(json_array_get_object_element(items, i), "state"), state);
	return json_array_get_length(items);
}

static struct ap_result act(struct fixture *f, const struct ap_actor *who, bool confirm, const char *item)
{
	g_autoptr(JsonArray) items = json_array_new();
	json_array_add_string_element(items, item);
	return confirm ? ap_review_confirm(f->v, who, items) : ap_review_expire(f->v, who, items);
}

static int64_t living(struct fixture *f, const char *user)
{
	int64_t n;
	assert_ok(ap_db_count(ap_vault_db(f->v), "SELECT count(*) FROM user_ WHERE disabled_ms IS NULL AND name = ?1",
			      AP_VALUES(AP_V_TEXT(user)), &n));
	return n;
}

/* R11: all accesses reviewed: what nobody confirmed in time is listed, then ends; what was confirmed stays. */
static void what_nobody_confirms_ends(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\",\"supervision\"]");
	struct ap_uuid kept = fixture_recording(f, &session, 300 * DAY), other = fixture_recording(f, &session, 300 * DAY);
	struct ap_actor ada = fixture_user(f, "ada", "admin", NULL), bob = fixture_user(f, "bob", "admin", NULL);
	struct ap_access access;
	char keep[6 + AP_UUID_TEXT], drop[6 + AP_UUID_TEXT];
	fixture_user(f, "sam", "supervisor", NULL);
	fixture_user(f, "old", "auditor", NULL);
	fixture_run(f, "UPDATE user_ SET tenant = NULL WHERE role = 'admin'");
	assert_ok(ap_db_user_actor(ap_vault_db(f->v), "ada", &ada));
	assert_ok(ap_db_user_actor(ap_vault_db(f->v), "bob", &bob));
	grant(f, &ada, &kept, keep);
	grant(f, &ada, &other, drop);
	assert_int_equal(due(f, &ada, ""), 0);
	fixture_advance(f, 90 * DAY);
	assert_int_equal(due(f, &ada, "due"), 6);
	assert_refused(act(f, &ada, true, "user:ada"), "role"); /* one's own */
	assert_refused(act(f, &ada, true, "user:nobody"), "not-found");
	assert_ok(act(f, &bob, true, "user:ada"));
	assert_int_equal(fixture_last_leaf(f), AP_LEAF_OTHER);
	assert_ok(act(f, &ada, true, "user:bob"));
	assert_ok(act(f, &ada, true, "user:sam"));
	assert_ok(act(f, &ada, true, keep));
	struct ap_actor sam;
	assert_ok(ap_db_user_actor(ap_vault_db(f->v), "sam", &sam));
	assert_ok(ap_access_begin(f->v, &sam, &other, "supervision", "review", &access));
	fixture_advance(f, 14 * DAY);
	assert_ok(ap_review_run(f->v));
	assert_int_equal(living(f, "old"), 0);
	assert_int_equal(living(f, "sam"), 1);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM grant_ WHERE revoked_ms IS NULL"), 1);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM access WHERE ended_ms IS NULL"), 0);
	assert_int_equal(due(f, &ada, "due"), 0);
	fixture_free(f);
}

static void the_last_admin_stays(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	int64_t due_count, overdue;
	struct ap_actor ada = fixture_user(f, "ada", "admin", NULL);
	fixture_user(f, "bob", "admin", NULL);
	fixture_run(f, "UPDATE user_ SET tenant = NULL");
	ada.tenant = 0;
	fixture_advance(f, 200 * DAY);
	assert_int_equal(due(f, &ada, "overdue"), 2);
	assert_ok(ap_review_run(f->v));
	assert_int_equal(living(f, "ada") + living(f, "bob"), 1);
	assert_ok(ap_review_run(f->v));
	assert_int_equal(living(f, "ada") + living(f, "bob"), 1);
	assert_ok(ap_review_counts(f->v, &due_count, &overdue));
	assert_int_equal(overdue, 1);
	fixture_free(f);
}

/* Each is sought among all that is due: a body full of them would hold the vault up. */
static void no_more_than_a_thousand_at_once(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_actor ada = fixture_user(f, "ada", "admin", NULL);
	g_autoptr(JsonArray) items = json_array_new();
	for (int i = 0; i < 1001; i++)
		json_array_add_string_element(items, "user:sam");
	assert_refused(ap_review_confirm(f->v, &ada, items), "invalid");
	fixture_free(f);
}

/* An admin of one tenant reviews that tenant. */
static void tenants_do_not_review_each_other(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_actor ada = fixture_user(f, "ada", "admin", NULL);
	fixture_user(f, "sam", "supervisor", NULL);
	fixture_run(f, "UPDATE user_ SET tenant = NULL WHERE name = 'sam'");
	fixture_advance(f, 91 * DAY);
	assert_int_equal(due(f, &ada, "due"), 1);
	assert_refused(act(f, &ada, false, "user:sam"), "not-found");
	assert_int_equal(living(f, "sam"), 1);
	fixture_free(f);
}

/* The retention timer does it, and a clock that jumped ends nothing. */
static void the_timer_ends_it_unless_the_clock_jumped(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	fixture_user(f, "ada", "admin", NULL);
	fixture_user(f, "old", "auditor", NULL);
	struct ap_retention *r = ap_retention_new(f->v, "boot");
	assert_ok(ap_retention_scan(r));
	f->wall_ms += 200 * DAY; /* without the monotonic clock */
	assert_ok(ap_retention_scan(r));
	assert_true(ap_retention_frozen(r));
	assert_int_equal(living(f, "old"), 1);
	assert_ok(ap_retention_confirm(r, "user:ada"));
	assert_ok(ap_retention_scan(r));
	assert_int_equal(living(f, "old"), 0);
	ap_retention_free(r);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_confirms_ends),
		cmocka_unit_test(the_last_admin_stays),
		cmocka_unit_test(no_more_than_a_thousand_at_once),
		cmocka_unit_test(tenants_do_not_review_each_other),
		cmocka_unit_test(the_timer_ends_it_unless_the_clock_jumped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
