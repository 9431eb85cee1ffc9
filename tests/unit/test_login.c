#include "tests/testlib/staff_fixture.h"

#include "recorder/access/auth.h"
#include "recorder/access/login.h"
#include "recorder/access/user.h"

#include <liboath/oath.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct staff {
	struct fixture *f;
	struct ap_logins *logins;
	struct ap_actor operator;
	char *password;
	char *secret; /* raw TOTP secret */
	size_t secret_len;
};

static void take_credentials(struct staff *s, JsonNode *answer)
{
	JsonObject *o = json_node_get_object(answer);
	g_free(s->password);
	free(s->secret);
	s->password = g_strdup(json_object_get_string_member(o, "password"));
	const char *text = json_object_get_string_member(o, "totp_secret");
	assert_int_equal(oath_base32_decode(text, strlen(text), &s->secret, &s->secret_len), OATH_OK);
	json_node_unref(answer);
}

static struct staff staff_new(void)
{
	struct staff s = {.f = fixture_new(),
			  .operator= {.kind = AP_ACTOR_STAFF, .staff = AP_STAFF_ADMIN, .name = "operator"} };
	JsonNode *answer;
	s.logins = ap_logins_new(s.f->v);
	struct ap_user_wish wish = {.name = "sam", .role = "supervisor", .tenant = "platform"};
	assert_ok(ap_user_add(s.f->v, &s.operator, & wish, &answer));
	take_credentials(&s, answer);
	return s;
}

static void staff_free(struct staff *s)
{
	ap_logins_free(s->logins);
	g_free(s->password);
	free(s->secret);
	fixture_free(s->f);
}

static void code_at(const struct staff *s, int64_t wall_ms, char ret_code[7])
{
	assert_int_equal(oath_totp_generate(s->secret, s->secret_len, wall_ms / 1000, 30, 0, 6, ret_code), OATH_OK);
}

struct outcome {
	bool done;
	char name[32];
	char token[64];
	int64_t expires_ms;
};

static void on_login(void *ctx, struct ap_result result, const struct ap_login *login)
{
	struct outcome *o = ctx;
	o->done = true;
	g_strlcpy(o->name, result.name, sizeof o->name);
	if (login) {
		g_strlcpy(o->token, login->token, sizeof o->token);
		o->expires_ms = login->expires_ms;
	}
}

static struct outcome try_login(struct staff *s, const char *user, const char *password, const char *code)
{
	struct outcome o = {0};
	ap_login_begin(s->logins, user, password, code, on_login, &o);
	while (!o.done)
		g_main_context_iteration(NULL, TRUE);
	return o;
}

static struct outcome log_in(struct staff *s)
{
	char code[7];
	code_at(s, s->f->wall_ms, code);
	return try_login(s, "sam", s->password, code);
}

/* R11: two factors; a code works once; the token is only a hash on disk. */
static void a_login_needs_both_factors_and_a_fresh_code(void **state)
{
	(void)state;
	struct staff s = staff_new();
	struct ap_actor actor;
	char code[7];
	code_at(&s, s.f->wall_ms, code);
	assert_string_equal(try_login(&s, "sam", "wrong password", code).name, "credentials");
	assert_string_equal(try_login(&s, "sam", s.password, "000000").name, "credentials");
	assert_string_equal(try_login(&s, "nobody", s.password, code).name, "credentials");
	struct outcome o = log_in(&s);
	assert_string_equal(o.name, "ok");
	assert_string_equal(log_in(&s).name, "totp-replayed");
	assert_ok(ap_login_actor(s.f->v, o.token, &actor, NULL));
	assert_string_equal(actor.name, "sam");
	assert_false(fixture_on_disk(s.f, o.token, strlen(o.token)));
	assert_false(fixture_on_disk(s.f, s.password, strlen(s.password)));
	assert_refused(ap_login_actor(s.f->v, "another", &actor, NULL), "token-invalid");
	staff_free(&s);
}

static void a_login_ends(void **state)
{
	(void)state;
	struct staff s = staff_new();
	struct ap_actor actor;
	struct outcome o = log_in(&s);
	assert_int_equal(o.expires_ms, s.f->wall_ms + ap_config_int(s.f->config, "vault.login_minutes") * 60000);
	fixture_advance(s.f, o.expires_ms - s.f->wall_ms - 1);
	assert_ok(ap_login_actor(s.f->v, o.token, &actor, NULL));
	fixture_advance(s.f, 1);
	assert_refused(ap_login_actor(s.f->v, o.token, &actor, NULL), "token-expired");
	fixture_advance(s.f, 60000);
	o = log_in(&s);
	assert_ok(ap_login_end(s.f->v, o.token));
	assert_refused(ap_login_actor(s.f->v, o.token, &actor, NULL), "token-invalid");
	staff_free(&s);
}

static void wrong_logins_lock_known_and_unknown_alike(void **state)
{
	(void)state;
	struct staff s = staff_new();
	static const char *const names[] = {"sam", "nobody"};
	for (size_t n = 0; n < 2; n++) {
		for (int i = 0; i < AP_AUTH_FREE_FAILURES; i++)
			assert_string_equal(try_login(&s, names[n], "wrong password", "000000").name, "credentials");
		assert_string_equal(try_login(&s, names[n], "wrong password", "000000").name, "rate");
	}
	assert_string_equal(log_in(&s).name, "rate"); /* the right ones too */
	fixture_advance(s.f, 30000);
	assert_string_equal(log_in(&s).name, "ok");
	assert_string_equal(try_login(&s, "sam", "wrong password", "000000").name, "credentials"); /* counted anew */
	staff_free(&s);
}

/* Guesses sent together are no more than guesses sent one after the other, whoever they are for. */
static void guesses_at_once_count_before_they_are_compared(void **state)
{
	(void)state;
	struct staff s = staff_new();
	static const char *const names[] = {"sam", "nobody"};
	enum { GUESSES = 20 };
	for (size_t n = 0; n < 2; n++) {
		struct outcome all[GUESSES] = {0};
		unsigned compared = 0;
		for (int i = 0; i < GUESSES; i++)
			ap_login_begin(s.logins, names[n], "wrong password", "000000", on_login, &all[i]);
		for (int i = 0; i < GUESSES; i++) {
			while (!all[i].done)
				g_main_context_iteration(NULL, TRUE);
			compared += strcmp(all[i].name, "credentials") == 0;
			assert_true(strcmp(all[i].name, "credentials") == 0 || strcmp(all[i].name, "rate") == 0);
		}
		assert_int_equal(compared, AP_AUTH_FREE_FAILURES);
	}
	/* The lock is over, the free ones are spent: one at a time. */
	fixture_advance(s.f, 30000);
	struct outcome first = {0}, second = {0};
	ap_login_begin(s.logins, "sam", "wrong password", "000000", on_login, &first);
	ap_login_begin(s.logins, "sam", "wrong password", "000000", on_login, &second);
	assert_string_equal(second.name, "rate");
	while (!first.done)
		g_main_context_iteration(NULL, TRUE);
	assert_string_equal(first.name, "credentials");
	fixture_advance(s.f, 60000);
	assert_string_equal(log_in(&s).name, "ok");
	staff_free(&s);
}

/* R11: access can be revoked at once. */
static void a_disabled_user_is_out_at_once(void **state)
{
	(void)state;
	struct staff s = staff_new();
	struct ap_actor actor;
	struct outcome o = log_in(&s);
	assert_ok(ap_user_disable(s.f->v, &s.operator, "sam", true));
	assert_refused(ap_login_actor(s.f->v, o.token, &actor, NULL), "token-invalid");
	fixture_advance(s.f, 60000);
	assert_string_equal(log_in(&s).name, "credentials");
	assert_ok(ap_user_disable(s.f->v, &s.operator, "sam", false));
	fixture_advance(s.f, 60000);
	assert_string_equal(log_in(&s).name, "ok");
	staff_free(&s);
}

static void a_reset_ends_logins_and_old_credentials(void **state)
{
	(void)state;
	struct staff s = staff_new();
	struct ap_actor actor;
	JsonNode *answer;
	struct outcome o = log_in(&s);
	g_autofree char *old = g_strdup(s.password);
	assert_ok(ap_user_reset(s.f->v, &s.operator, "sam", &answer));
	take_credentials(&s, answer);
	assert_refused(ap_login_actor(s.f->v, o.token, &actor, NULL), "token-invalid");
	char code[7];
	code_at(&s, s.f->wall_ms, code);
	assert_string_equal(try_login(&s, "sam", old, code).name, "credentials");
	assert_string_equal(log_in(&s).name, "ok");
	staff_free(&s);
}

static void users_are_made_only_as_they_should(void **state)
{
	(void)state;
	struct staff s = staff_new();
	struct ap_actor admin = s.operator;
	JsonNode *answer;
	const struct {
		struct ap_user_wish wish;
		const char *word;
	} rows[] = {
		{{.name = "sam", .role = "admin"}, "conflict"},
		{{.name = "a b", .role = "admin"}, "invalid"},
		{{.name = "", .role = "admin"}, "invalid"},
		{{.name = "operator", .role = "admin"}, "invalid"},
		{{.name = "x", .role = "king"}, "invalid"},
		{{.name = "x", .role = "coach"}, "invalid"},
		{{.name = "x", .role = "coach", .tenant = "nowhere", .party_id = "c"}, "not-found"},
		{{.name = "x", .role = "admin", .password = "short"}, "invalid"},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		assert_refused(ap_user_add(s.f->v, &admin, &rows[i].wish, &answer), rows[i].word);
	admin.tenant = s.f->tenant;
	struct ap_user_wish everywhere = {.name = "x", .role = "auditor"};
	assert_refused(ap_user_add(s.f->v, &admin, &everywhere, &answer), "role");
	assert_string_equal(log_in(&s).name, "ok"); /* the clash did not touch sam's secret */
	staff_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_login_needs_both_factors_and_a_fresh_code),
		cmocka_unit_test(a_login_ends),
		cmocka_unit_test(wrong_logins_lock_known_and_unknown_alike),
		cmocka_unit_test(guesses_at_once_count_before_they_are_compared),
		cmocka_unit_test(a_disabled_user_is_out_at_once),
		cmocka_unit_test(a_reset_ends_logins_and_old_credentials),
		cmocka_unit_test(users_are_made_only_as_they_should),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
