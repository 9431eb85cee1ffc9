/*
 * How long a page of the library takes with many recordings in it: for each role, plain, searched, filtered, further on.
 *
 *     bench_library [--recordings 10000] [--directory DIR]
 *
 * One line of JSON: {"bench":"library","recordings","page":100,"<role>_<what>_ms":…,"worst","worst_ms"}: the median of nine, in
 * processor time, of what the staff API answers with, without HTTP. `count`: the number of all that match, asked for beside the page.
 */
#include "tests/testlib/staff_fixture.h"

#include "recorder/access/grant.h"

#include <aparte/log.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define TIMES 9
#define YEAR (365LL * 86400000)

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Of this thread: what others do with the processors does not count. Nothing is waited for but reads of cached pages. */
static double cpu_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double page_ms(struct fixture *f, const struct ap_actor *who, const struct ap_library_wish *wish, struct ap_uuid *ret_last)
{
	double took[TIMES];
	for (int i = 0; i < TIMES; i++) {
		g_autoptr(JsonNode) answer = NULL;
		double begun = cpu_ms();
		assert_ok(ap_access_list(f->v, who, wish, &answer));
		took[i] = cpu_ms() - begun;
		const char *next = json_object_get_string_member_with_default(json_node_get_object(answer), "next", NULL);
		if (next && ret_last)
			assert_true(ap_uuid_parse(next, ret_last));
	}
	qsort(took, TIMES, sizeof took[0], compare);
	return took[TIMES / 2];
}

/* Sessions of forty coaches and as many coachees, one recording each, a minute apart; sam has a grant for every one of them. */
static void fill(struct fixture *f, int recordings)
{
	g_autofree char *numbers = g_strdup_printf("WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < %d)", recordings);
	static const char *const rows[] = {
		"INSERT INTO session (id, tenant, reference, policy, policy_version, sensitivity, video_codec, state, created_ms) %s"
		" SELECT CAST(printf('%%016d', i) AS BLOB), (SELECT id FROM tenant), printf('programme-%%05d', i), 'default', 1, 'standard', 'VP8',"
		" 'ended', 1700000000000 + i * 60000 FROM n",
		"INSERT INTO party (session, role, pii_principal, name, locale, token_hash) %s SELECT CAST(printf('%%016d', i) AS BLOB), role,"
		" printf('%%s-%%d', role, i %% 40), printf('Name %%d', i %% 40), 'fr', randomblob(32) FROM n, (SELECT 1 AS role UNION SELECT 2)",
		"INSERT INTO consent (record_id, session, role, event, purposes, event_ms, received_ms, evidence, leaf) %s SELECT randomblob(16),"
		" CAST(printf('%%016d', i) AS BLOB), role, 'ConsentGiven', '[\"recording\",\"supervision\"]', 1, 1, 'signed', i FROM n,"
		" (SELECT 1 AS role UNION SELECT 2)",
		"INSERT INTO recording (id, session, state, created_ms, sealed_ms, expires_ms, coach_consent, coachee_consent, coach_record,"
		" coachee_record, coach_recipient, coachee_recipient, duration_ms) %s SELECT CAST(printf('%%016d', i + 1000000) AS BLOB),"
		" CAST(printf('%%016d', i) AS BLOB), CASE i %% 100 WHEN 0 THEN 'archived' ELSE 'sealed' END, 1700000000000 + i * 60000, 1, 4000000000000,"
		" 1, 2, randomblob(16), randomblob(16), zeroblob(32), zeroblob(32), 3600000 FROM n",
		"INSERT INTO grant_ (id, recording, supervisor, purpose, expires_ms, created_by, created_ms, leaf) %s SELECT randomblob(16),"
		" CAST(printf('%%016d', i + 1000000) AS BLOB), (SELECT id FROM user_ WHERE name = 'sam'), 'supervision', 4000000000000, 'user:ada', i, i"
		" FROM n",
	};
	assert_ok(ap_db_begin(ap_vault_db(f->v)));
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		g_autofree char *sql = g_strdup_printf(rows[i], numbers);
#pragma GCC diagnostic pop
		fixture_run(f, sql);
	}
	assert_ok(ap_db_commit(ap_vault_db(f->v)));
}

static int measure(int recordings)
{
	struct fixture *f = fixture_new();
	struct ap_actor ada = fixture_user(f, "ada", "admin", NULL), sam = fixture_user(f, "sam", "supervisor", NULL),
			coach = fixture_user(f, "carla", "coach", "1-7");
	fill(f, recordings);
	struct ap_uuid last;
	const struct {
		const char *name;
		const struct ap_actor *who;
		struct ap_library_wish wish;
	} asked[] = {
		{ "admin_plain", &ada, { .to_ms = INT64_MAX } },
		{ "admin_count", &ada, { .to_ms = INT64_MAX, .count = true } },
		{ "admin_words", &ada, { .to_ms = INT64_MAX, .words = "programme-00" } },
		{ "admin_person", &ada, { .to_ms = INT64_MAX, .person = "2-7" } },
		{ "admin_state", &ada, { .to_ms = INT64_MAX, .state = "archived" } },
		{ "admin_rare", &ada, { .to_ms = INT64_MAX, .state = "erased" } },
		{ "admin_days", &ada, { .from_ms = 1700000000000, .to_ms = 1700086400000 } },
		{ "supervisor_plain", &sam, { .to_ms = INT64_MAX } },
		{ "supervisor_count", &sam, { .to_ms = INT64_MAX, .count = true } },
		{ "supervisor_words", &sam, { .to_ms = INT64_MAX, .words = "name 1" } },
		{ "supervisor_further", &sam, { .to_ms = INT64_MAX, .after = &last } },
		{ "coach_plain", &coach, { .to_ms = INT64_MAX } },
	};
	double worst = 0;
	const char *of = "";
	printf("{\"bench\":\"library\",\"recordings\":%d,\"page\":100", recordings);
	for (size_t i = 0; i < G_N_ELEMENTS(asked); i++) {
		struct ap_library_wish wish = asked[i].wish;
		wish.limit = 100;
		double ms = page_ms(f, asked[i].who, &wish, &last);
		printf(",\"%s_ms\":%.1f", asked[i].name, ms);
		if (ms > worst) {
			worst = ms;
			of = asked[i].name;
		}
	}
	printf(",\"worst\":\"%s\",\"worst_ms\":%.1f}\n", of, worst);
	fixture_free(f);
	return 0;
}

int main(int argc, char **argv)
{
	gint recordings = 10000;
	g_autofree char *directory = NULL;
	const GOptionEntry entries[] = {
		{ "recordings", 0, 0, G_OPTION_ARG_INT, &recordings, "how many (10000)", "N" },
		{ "directory", 0, 0, G_OPTION_ARG_FILENAME, &directory, "on the disk to measure (the temporary directory)", "DIR" },
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- pages of a large library, timed");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, NULL) || recordings < 200)
		return 2;
	g_autofree char *absolute = directory ? g_canonicalize_filename(directory, NULL) : NULL;
	if (absolute)
		g_setenv("TMPDIR", absolute, TRUE);
	ap_log_init("bench", AP_LOG_ERROR);
	return measure(recordings);
}
