/* R11: a password of one's own choosing and an authenticator of one's own, so that who made the login knows neither. */
#include "tests/testlib/staff_site.h"

#include "recorder/access/authenticator.h"
#include "recorder/db/db_staff_user.h"

#include <liboath/oath.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CHOSEN "orage tulipe wagon seize"

struct person {
	struct site s;
	char *given; /* the password the admin was told */
	char *secret;
	size_t secret_len;
};

static struct person person_new(void)
{
	struct person p = {.s = site_new()};
	assert_int_equal(site_call(&p.s, p.s.local, "POST", "/v1/users", "{\"user\":\"ada\",\"role\":\"admin\"}", NULL), 201);
	p.given = site_member(&p.s, "password");
	g_autofree char *text = site_member(&p.s, "totp_secret");
	assert_int_equal(oath_base32_decode(text, strlen(text), &p.secret, &p.secret_len), OATH_OK);
	return p;
}

static void person_free(struct person *p)
{
	g_free(p->given);
	free(p->secret);
	site_free(&p->s);
}

/* The code of the vault's next time step. */
static void next_code(struct person *p, char ret_code[7])
{
	fixture_advance(p->s.f, 30000);
	assert_int_equal(oath_totp_generate(p->secret, p->secret_len, p->s.f->wall_ms / 1000, 30, 0, 6, ret_code), OATH_OK);
}

/* The token, g_free; the status is the site's. */
static char *log_in(struct person *p, const char *password)
{
	char code[7];
	next_code(p, code);
	g_autofree char *json = g_strdup_printf("{\"user\":\"ada\",\"password\":\"%s\",\"totp\":\"%s\"}", password, code);
	site_call(&p->s, p->s.net, "POST", "/v1/login", json, NULL);
	return site_member(&p->s, "token");
}

static unsigned choose(struct person *p, const char *token, const char *password, const char *chosen)
{
	char code[7];
	next_code(p, code);
	g_autofree char *json =
		g_strdup_printf("{\"password\":\"%s\",\"totp\":\"%s\",\"new\":\"%s\"}", password, code, chosen);
	return site_as(&p->s, token, "POST", "/v1/me/password", json);
}

static void a_chosen_password_takes_the_place_of_the_given_one(void **state)
{
	(void)state;
	struct person p = person_new();
	g_autofree char *first = log_in(&p, p.given), *second = log_in(&p, p.given);
	assert_int_equal(choose(&p, first, p.given, CHOSEN), 200);
	g_autofree char *fresh = site_member(&p.s, "token");
	assert_int_equal(site_as(&p.s, fresh, "GET", "/v1/me", NULL), 200);
	assert_int_equal(site_as(&p.s, first, "GET", "/v1/me", NULL), 401); /* all other logins end */
	assert_int_equal(site_as(&p.s, second, "GET", "/v1/me", NULL), 401);
	g_free(log_in(&p, p.given));
	site_expect_problem(&p.s, 401, "credentials");
	g_free(log_in(&p, CHOSEN));
	assert_int_equal(p.s.status, 200);
	assert_true(fixture_count(p.s.f, "SELECT count(*) FROM leaf WHERE body LIKE '%user_password%'") == 1);
	assert_false(fixture_on_disk(p.s.f, CHOSEN, strlen(CHOSEN)));
	person_free(&p);
}

static void both_factors_are_shown_anew(void **state)
{
	(void)state;
	struct person p = person_new();
	g_autofree char *token = log_in(&p, p.given);
	assert_int_equal(choose(&p, token, "not the present one", CHOSEN), 401);
	site_expect_problem(&p.s, 401, "credentials");
	assert_int_equal(choose(&p, token, p.given, "password1234"), 422);
	site_expect_problem(&p.s, 422, "invalid");
	g_autofree char *json = g_strdup_printf("{\"password\":\"%s\",\"totp\":\"000000\",\"new\":\"" CHOSEN "\"}", p.given);
	assert_int_equal(site_as(&p.s, token, "POST", "/v1/me/password", json), 401);
	assert_int_equal(site_call(&p.s, p.s.net, "POST", "/v1/me/password", json, NULL), 401);
	site_expect_problem(&p.s, 401, "token-invalid");
	assert_int_equal(site_as(&p.s, token, "GET", "/v1/me", NULL), 200); /* a failure ends nothing */
	g_free(log_in(&p, p.given));
	assert_int_equal(p.s.status, 200);
	person_free(&p);
}

/* Both factors as they are now. */
static unsigned offer(struct person *p, const char *token, const char *password)
{
	char code[7];
	next_code(p, code);
	g_autofree char *json = g_strdup_printf("{\"password\":\"%s\",\"totp\":\"%s\"}", password, code);
	return site_as(&p->s, token, "POST", "/v1/me/authenticator", json);
}

/* The secret of the last offer takes the place of the person's in this test. */
static void read_offer(struct person *p)
{
	g_autofree char *text = site_member(&p->s, "totp_secret");
	free(p->secret);
	assert_int_equal(oath_base32_decode(text, strlen(text), &p->secret, &p->secret_len), OATH_OK);
}

static unsigned confirm(struct person *p, const char *token, const char *code)
{
	g_autofree char *json = g_strdup_printf("{\"code\":\"%s\"}", code);
	return site_as(&p->s, token, "POST", "/v1/me/authenticator/confirm", json);
}

static void ones_own_authenticator_takes_the_place_of_the_given_one(void **state)
{
	(void)state;
	struct person p = person_new();
	char code[7], old[7];
	g_autofree char *token = log_in(&p, p.given), *other = log_in(&p, p.given);
	assert_int_equal(offer(&p, token, p.given), 200);
	g_autofree char *text = site_text(&p.s), *given = g_memdup2(p.secret, p.secret_len);
	assert_non_null(strstr(text, "\"qr\":[\"1111111")); /* the finder pattern of its first row */
	read_offer(&p);
	next_code(&p, code);
	assert_int_equal(confirm(&p, token, code), 204);
	assert_int_equal(site_as(&p.s, token, "GET", "/v1/me", NULL), 200);
	assert_int_equal(site_as(&p.s, other, "GET", "/v1/me", NULL), 401); /* all other logins end */
	g_autofree char *again = g_strdup_printf("{\"user\":\"ada\",\"password\":\"%s\",\"totp\":\"%s\"}", p.given, code);
	site_call(&p.s, p.s.net, "POST", "/v1/login", again, NULL);
	site_expect_problem(&p.s, 401, "totp-replayed");
	g_free(log_in(&p, p.given));
	assert_int_equal(p.s.status, 200);
	fixture_advance(p.s.f, 30000);
	assert_int_equal(oath_totp_generate(given, p.secret_len, p.s.f->wall_ms / 1000, 30, 0, 6, old), OATH_OK);
	g_autofree char *before = g_strdup_printf("{\"user\":\"ada\",\"password\":\"%s\",\"totp\":\"%s\"}", p.given, old);
	site_call(&p.s, p.s.net, "POST", "/v1/login", before, NULL);
	site_expect_problem(&p.s, 401, "credentials");
	assert_true(fixture_count(p.s.f, "SELECT count(*) FROM leaf WHERE body LIKE '%user_authenticator%'") == 1);
	person_free(&p);
}

static void an_authenticator_that_nobody_confirmed_changes_nothing(void **state)
{
	(void)state;
	struct person p = person_new();
	g_autofree char *token = log_in(&p, p.given);
	assert_int_equal(confirm(&p, token, "000000"), 409); /* nothing was offered */
	assert_int_equal(offer(&p, token, "not the present one"), 401);
	assert_int_equal(confirm(&p, token, "000000"), 409);
	assert_int_equal(offer(&p, token, p.given), 200);
	g_autofree char *text = site_member(&p.s, "totp_secret");
	for (int i = 0; i < AP_OFFER_TRIES; i++)
		assert_int_equal(confirm(&p, token, "12345"), 401);
	assert_int_equal(confirm(&p, token, "12345"), 409); /* five guesses are all there are */
	assert_int_equal(offer(&p, token, p.given), 200);
	fixture_advance(p.s.f, AP_OFFER_MS);
	assert_int_equal(confirm(&p, token, "12345"), 409); /* it lapsed */
	g_free(log_in(&p, p.given)); /* by the one of before */
	assert_int_equal(p.s.status, 200);
	assert_false(fixture_on_disk(p.s.f, text, strlen(text)));
	person_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chosen_password_takes_the_place_of_the_given_one),
		cmocka_unit_test(both_factors_are_shown_anew),
		cmocka_unit_test(ones_own_authenticator_takes_the_place_of_the_given_one),
		cmocka_unit_test(an_authenticator_that_nobody_confirmed_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
