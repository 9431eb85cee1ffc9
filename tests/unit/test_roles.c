/*
 * R10: least privilege. Every row of the staff API's table is tried by every role, over HTTP, and compared with
 * docs/ROLES.md, which reviewers read. The rows come from the table itself, so a new one cannot be forgotten.
 */
#include "tests/testlib/staff_site.h"

#include "recorder/api/api.h"
#include "recorder/db/db_staff_user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const enum ap_staff_role roles[] = {AP_STAFF_PLATFORM, AP_STAFF_COACH,	AP_STAFF_SUPERVISOR,
					   AP_STAFF_SPONSOR,  AP_STAFF_AUDITOR, AP_STAFF_ADMIN};

struct table {
	const struct ap_api_route *rows[300];
	size_t count;
};

static void take(void *ctx, const struct ap_api_route *row)
{
	struct table *t = ctx;
	assert_true(t->count < G_N_ELEMENTS(t->rows));
	t->rows[t->count++] = row;
}

static struct table all_rows(struct site *s)
{
	struct table t = {0};
	const struct ap_http_options options = {.max_connections = 1};
	struct ap_api api = {.v = s->f->v, .http = ap_http_new(&options), .bound = g_ptr_array_new_with_free_func(g_free)};
	ap_api_add_all(&api);
	ap_api_each(&api, take, &t);
	ap_http_free(api.http);
	g_ptr_array_unref(api.bound);
	return t;
}

static struct site site_of_all_roles(void)
{
	struct site s = site_new();
	for (size_t i = 0; i < G_N_ELEMENTS(roles); i++) {
		const char *role = ap_staff_role_text(roles[i]);
		site_user(&s, role, role, "coach-1"); /* the token is the name */
	}
	return s;
}

/* The row's path with something in its places; g_free. */
static char *path_of(const struct ap_api_route *row)
{
	g_auto(GStrv) parts = g_strsplit(row->path, "/", -1);
	for (char **part = parts; *part; part++)
		if ((*part)[0] == '{' || (*part)[0] == '*') {
			g_free(*part);
			*part = g_strdup("00000000-0000-4000-8000-000000000000");
		}
	return g_strjoinv("/", parts);
}

/* A change comes with a body that no handler gets to see, since who may do it is asked before it is read. */
static bool refused(struct site *s, const struct ap_api_route *row, const char *token)
{
	g_autofree char *path = path_of(row);
	bool get = strcmp(row->method, "GET") == 0;
	site_as(s, token, row->method, path, get ? NULL : "{");
	if (!get)
		assert_true(s->status >= 400);
	g_autofree char *detail = s->status == 403 ? site_member(s, "detail") : NULL;
	return detail && (strstr(detail, "your role may not") || strstr(detail, "on the vault's own machine"));
}

static void every_role_meets_its_row(void **state)
{
	(void)state;
	struct site s = site_of_all_roles();
	struct table t = all_rows(&s);
	assert_true(t.count > 50);
	for (size_t i = 0; i < t.count; i++)
		for (size_t r = 0; r < G_N_ELEMENTS(roles); r++) {
			unsigned may = t.rows[i]->may;
			bool wanted = !(may & AP_ONLY_SOCKET) && (may & (AP_MAY_ANYONE | 1u << roles[r]));
			if (refused(&s, t.rows[i], ap_staff_role_text(roles[r])) == wanted)
				fail_msg("%s %s by %s: %u", t.rows[i]->method, t.rows[i]->path,
					 ap_staff_role_text(roles[r]), s.status);
		}
	site_free(&s);
}

/* R10, R41: a coach's or coachee's own token opens nothing here, nor does none. */
static void tokens_of_persons_open_nothing(void **state)
{
	(void)state;
	struct site s = site_of_all_roles();
	struct table t = all_rows(&s);
	for (size_t i = 0; i < t.count; i++) {
		g_autofree char *path = path_of(t.rows[i]);
		if (t.rows[i]->may & AP_MAY_ANYONE)
			continue;
		unsigned status = site_as(&s, "a-party-token", t.rows[i]->method, path,
					  strcmp(t.rows[i]->method, "GET") == 0 ? NULL : "{}");
		if (status != 401 && !(status == 403 && (t.rows[i]->may & AP_ONLY_SOCKET)))
			fail_msg("%s %s: %u", t.rows[i]->method, path, status);
	}
	site_free(&s);
}

/* As docs/ROLES.md has it: | method | path | roles | where |; g_free. */
static char *line_of(const struct ap_api_route *row)
{
	g_autoptr(GString) who = g_string_new(NULL);
	for (size_t r = 0; r < G_N_ELEMENTS(roles); r++)
		if (row->may & 1u << roles[r])
			g_string_append_printf(who, "%s%s", who->len ? ", " : "", ap_staff_role_text(roles[r]));
	if ((row->may & AP_MAY_ALL_STAFF) == AP_MAY_ALL_STAFF)
		g_string_assign(who, "all staff");
	if (row->may & AP_MAY_OPERATOR)
		g_string_append_printf(who, "%soperator", who->len ? ", " : "");
	if (row->may & AP_MAY_ANYONE)
		g_string_assign(who, "anyone");
	return g_strdup_printf("| %s | `%s` | %s | %s |\n", row->method, row->path, who->str,
			       row->may & AP_ONLY_SOCKET ? "admin.sock" : "");
}

static void the_document_says_the_same(void **state)
{
	(void)state;
	struct site s = site_new();
	struct table t = all_rows(&s);
	g_autofree char *text = NULL;
	g_autoptr(GString) missing = g_string_new(NULL);
	size_t lines = 0;
	assert_true(g_file_get_contents(AP_ROLES_FILE, &text, NULL, NULL));
	for (size_t i = 0; i < t.count; i++) {
		g_autofree char *line = line_of(t.rows[i]);
		if (!strstr(text, line))
			g_string_append(missing, line);
	}
	for (const char *at = text; (at = strstr(at, " | `/")); at++)
		lines++;
	fputs(missing->str, stderr); /* longer than a message of cmocka's; to be pasted there */
	if (missing->len)
		fail_msg("docs/ROLES.md lacks the rows above");
	assert_int_equal(lines, t.count); /* and has no row that is gone */
	site_free(&s);
}

/* R41: platform staff reach no content and no metadata of recordings; admins read metadata without the persons' names. */
static void platform_staff_see_nothing_and_admins_no_names(void **state)
{
	(void)state;
	struct site s = site_of_all_roles();
	struct ap_uuid grant, recording = site_granted(&s, &grant);
	struct table t = all_rows(&s);
	fixture_run(s.f, "UPDATE party SET name = 'Claire Delorme'");
	for (size_t i = 0; i < t.count; i++)
		if (t.rows[i]->may & AP_MAY(PLATFORM) && !g_str_has_prefix(t.rows[i]->path, "/v1/log") &&
		    !g_str_has_prefix(t.rows[i]->path, "/v1/conduct") && !g_str_has_prefix(t.rows[i]->path, "/v1/me"))
			fail_msg("%s is open to platform staff", t.rows[i]->path);
	assert_int_equal(site_as(&s, "admin", "GET", "/v1/recordings", NULL), 200);
	g_autofree char *list = site_text(&s), *path = site_path(&recording, "");
	assert_non_null(strstr(list, "\"reference\""));
	assert_null(strstr(list, "Delorme"));
	assert_null(strstr(list, "coach-1"));
	assert_int_equal(site_as(&s, "admin", "GET", path, NULL), 200);
	g_autofree char *one = site_text(&s);
	assert_null(strstr(one, "Delorme"));
	assert_null(strstr(one, "tracks"));
	assert_int_equal(site_as(&s, "sam", "GET", path, NULL), 200); /* who views it may know whom they watch */
	g_autofree char *viewers = site_text(&s);
	assert_non_null(strstr(viewers, "Delorme"));
	site_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_role_meets_its_row),
		cmocka_unit_test(tokens_of_persons_open_nothing),
		cmocka_unit_test(the_document_says_the_same),
		cmocka_unit_test(platform_staff_see_nothing_and_admins_no_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
