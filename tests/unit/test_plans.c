/*
 * How SQLite answers: what lists, retention, the requests' clocks, playback and the log ask of the tables that grow, it finds
 * by index. The vault's own code runs, then the plan of every statement that it prepared is read.
 */
#include "tests/testlib/staff_fixture.h"

#include "recorder/access/approval.h"
#include "recorder/access/grant.h"
#include "recorder/db/db_staff_metrics.h"
#include "recorder/erasure/erasure.h"
#include "recorder/erasure/request.h"
#include "recorder/erasure/retention.h"
#include "recorder/recording/playback.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY 86400000LL

/* What there will be many thousands of. The others hold what staff or platforms set up by hand. */
static const char *const growing[] = { "session", "party",   "device",	"leaf",	   "node",     "checkpoint",   "consent",	      "recording", "epoch",
				       "segment", "grant_",  "access",	"erasure", "request",  "request_item", "webhook_delivery", "term",	 "note",
				       "approval", "session_rule", "revoked_token", NULL };

struct reading {
	struct ap_db *db;
	unsigned statements, scans;
};

/* Is `name` one of the growing tables in this statement, by itself or as another's name for it? */
static const char *table_of(const char *sql, const char *name)
{
	for (const char *const *table = growing; *table; table++) {
		g_autofree char *alias = g_strdup_printf("\\b%s(\\s+(AS\\s+)?%s)?\\b", *table, name);
		g_autofree char *meant = g_strdup_printf("\\b%s\\s+(AS\\s+)?%s\\b", *table, name);
		if (strcmp(*table, name) == 0 ? g_regex_match_simple(alias, sql, 0, 0) : g_regex_match_simple(meant, sql, 0, 0))
			return *table;
	}
	return NULL;
}

/* An index of a few rows alone: gone through whole, it is a search. */
static bool is_partial(struct ap_db *db, const char *detail)
{
	const char *index = strstr(detail, "INDEX ");
	int64_t n = 0;
	if (index)
		assert_ok(ap_db_count(db, "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND name = ?1 AND sql LIKE '%WHERE%'",
				      AP_VALUES(AP_V_TEXT(index + strlen("INDEX "))), &n));
	return n > 0;
}

static void read_step(struct reading *r, const char *sql, const char *detail)
{
	g_auto(GStrv) words = g_strsplit(detail, " ", 3);
	if (!g_str_has_prefix(detail, "SCAN ") || !words[1] || !table_of(sql, words[1]) || is_partial(r->db, detail))
		return;
	print_error("%s\n    %s\n", sql, detail);
	r->scans++;
}

static void read_plan(struct reading *r, const char *sql)
{
	static const char *const verbs[] = { "SELECT", "UPDATE", "DELETE", "INSERT", "WITH" };
	bool asks = false;
	for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++)
		asks |= g_str_has_prefix(sql, verbs[i]);
	if (!asks || strstr(sql, "sqlite_master"))
		return;
	g_autofree char *explained = g_strconcat("EXPLAIN QUERY PLAN ", sql, NULL);
	struct ap_rows *rows = ap_db_query(r->db, explained, AP_NO_VALUES);
	while (ap_rows_next(rows))
		read_step(r, sql, ap_row_text(rows, 3));
	assert_ok(ap_rows_end(rows));
	r->statements++;
}

static void keep(void *ctx, const char *sql)
{
	g_ptr_array_add(ctx, g_strdup(sql));
}

static void expect_no_scan(struct fixture *f, unsigned at_least)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);
	struct reading r = { .db = ap_vault_db(f->v) };
	ap_db_each_statement(r.db, keep, all);
	for (guint i = 0; i < all->len; i++)
		read_plan(&r, all->pdata[i]);
	assert_true(r.statements >= at_least);
	assert_int_equal(r.scans, 0);
}

/* The reader sees a scan: else the tests below could not fail. */
static void a_scan_is_seen(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct reading r = { .db = ap_vault_db(f->v) };
	read_plan(&r, "SELECT id FROM recording WHERE duration_ms = ?1");
	read_plan(&r, "SELECT r.id FROM session s JOIN recording r ON r.session = s.id WHERE s.video_codec = ?1");
	assert_int_equal(r.scans, 2);
	read_plan(&r, "SELECT id FROM recording WHERE session = ?1");
	read_plan(&r, "SELECT id FROM access WHERE ended_ms IS NULL");
	read_plan(&r, "SELECT name FROM tenant");
	assert_int_equal(r.scans, 2);
	fixture_free(f);
}

/* ---- what runs ---- */

static struct ap_uuid granted(struct fixture *f, const struct ap_actor *admin)
{
	struct ap_uuid session = fixture_consented(f, "[\"recording\",\"supervision\"]");
	struct ap_uuid recording = fixture_recording(f, &session, 40 * DAY);
	struct ap_grant_wish wish = { recording, "sam", "supervision", f->wall_ms + 30 * DAY };
	JsonNode *answer;
	assert_ok(ap_grant_add(f->v, admin, &wish, &answer));
	json_node_unref(answer);
	return recording;
}

static void list_all(struct fixture *f, const struct ap_actor *who, const struct ap_uuid *one)
{
	static const struct ap_library_wish wishes[] = {
		{ .to_ms = INT64_MAX },
		{ .to_ms = INT64_MAX, .words = "x" },
		{ .to_ms = INT64_MAX, .person = "x" },
		{ .to_ms = INT64_MAX, .state = "sealed" },
		{ .to_ms = INT64_MAX, .words = "x", .state = "sealed", .tenant = "platform", .from_ms = 1 },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(wishes); i++) {
		g_autoptr(JsonNode) answer = NULL;
		struct ap_library_wish wish = wishes[i];
		wish.limit = 10;
		wish.after = i % 2 ? one : NULL;
		assert_ok(ap_access_list(f->v, who, &wish, &answer));
	}
}

static void pages_of(struct fixture *f, const struct ap_actor *who, const struct ap_uuid *after)
{
	g_autoptr(JsonArray) grants = NULL, approvals = NULL;
	assert_ok(ap_grant_page(f->v, who, after, 10, &grants));
	assert_ok(ap_approval_list(f->v, who, after, 10, &approvals));
}

static void lists_search(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	const struct ap_uuid nothing = ap_uuid_random();
	struct ap_actor ada = fixture_user(f, "ada", "admin", NULL), sam = fixture_user(f, "sam", "supervisor", NULL),
			carla = fixture_user(f, "carla", "coach", "coach-1"), hr = fixture_user(f, "hr", "sponsor", NULL);
	struct ap_uuid recording = granted(f, &ada);
	const struct ap_actor *const all[] = { &ada, &sam, &carla, &hr };
	for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
		JsonNode *answer = NULL;
		list_all(f, all[i], &recording);
		pages_of(f, all[i], i % 2 ? &nothing : NULL);
		if (ap_ok(ap_access_show(f->v, all[i], &recording, &answer)))
			json_node_unref(answer);
	}
	for (int due = 0; due < 2; due++) {
		g_autoptr(JsonArray) requests = NULL, accesses = NULL;
		assert_ok(ap_request_list(f->v, &ada, due, NULL, 10, &requests));
		assert_ok(ap_access_log(f->v, 0, due ? &nothing : NULL, 10, &accesses));
	}
	expect_no_scan(f, 40);
	fixture_free(f);
}

static void watching_searches(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_actor ada = fixture_user(f, "ada", "admin", NULL);
	fixture_user(f, "sam", "supervisor", NULL);
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]"), recording = fixture_recording(f, &session, 40 * DAY), access;
	struct ap_actor coach = fixture_party(&session, AP_COACH);
	g_autofree char *recordings = NULL, *accesses = NULL, *receipt = NULL, *proof = NULL, *consistency = NULL, *leaves = NULL;
	uint64_t size;
	uint8_t *bytes;
	size_t len;
	granted(f, &ada);
	assert_ok(ap_playback_track_open(f->v, &coach, &recording, AP_COACH, &access, &size));
	assert_ok(ap_playback_track_read(f->v, &coach, &access, &recording, AP_COACH, 5, 100, &bytes, &len));
	g_free(bytes);
	assert_ok(ap_access_end(f->v, &access));
	assert_ok(ap_access_party_recordings(f->v, &coach, &recordings));
	assert_ok(ap_access_party_accesses(f->v, &coach, &accesses));
	assert_ok(ap_ledger_receipt(ap_vault_ledger(f->v), ap_vault_db(f->v), 1, &receipt));
	assert_ok(ap_ledger_proof(ap_vault_ledger(f->v), ap_vault_db(f->v), 1, 3, &proof));
	assert_ok(ap_ledger_consistency(ap_vault_ledger(f->v), ap_vault_db(f->v), 1, 3, &consistency));
	assert_ok(ap_ledger_leaves(ap_vault_ledger(f->v), ap_vault_db(f->v), 0, 3, &leaves));
	expect_no_scan(f, 25);
	fixture_free(f);
}

static void retention_and_clocks_search(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_actor ada = fixture_user(f, "ada", "admin", NULL);
	struct ap_staff_counts counts;
	fixture_user(f, "sam", "supervisor", NULL);
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE);
	struct ap_retention *r = ap_retention_new(f->v, "boot");
	g_autofree char *asked = NULL;
	fixture_recording(f, &session, 1000);
	granted(f, &ada);
	assert_ok(ap_request_create(f->v, &coachee, "{\"type\":\"access\"}", &asked));
	for (int i = 0; i < 3; i++) {
		fixture_advance(f, 20 * DAY);
		assert_ok(ap_retention_confirm(r, "ada"));
		assert_ok(ap_retention_scan(r));
	}
	assert_true(fixture_count(f, "SELECT count(*) FROM recording WHERE state = 'erased'") > 0);
	assert_ok(ap_db_staff_counts(ap_vault_db(f->v), f->wall_ms, &counts));
	expect_no_scan(f, 60);
	ap_retention_free(r);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scan_is_seen),
		cmocka_unit_test(lists_search),
		cmocka_unit_test(watching_searches),
		cmocka_unit_test(retention_and_clocks_search),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
