#include "recorder/access/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct ap_secret *secret_of(const char *text)
{
	return ap_secret_from(text, strlen(text));
}

static void a_password_fits_its_own_hash_alone(void **state)
{
	(void)state;
	char hash[AP_PASSWORD_HASH], again[AP_PASSWORD_HASH];
	struct ap_secret *right = secret_of("correct horse"), *wrong = secret_of("correct horsf");
	assert_true(ap_ok(ap_auth_hash(right, hash)));
	assert_true(ap_ok(ap_auth_hash(right, again)));
	assert_true(g_str_has_prefix(hash, "$argon2id$v=19$m=65536,t=3"));
	assert_string_not_equal(hash, again);
	assert_true(ap_auth_verify(hash, right));
	assert_false(ap_auth_verify(hash, wrong));
	ap_secret_free(right);
	ap_secret_free(wrong);
}

/* RFC 6238 appendix B, SHA-1, the last six digits. */
static void codes_are_those_of_the_rfc(void **state)
{
	(void)state;
	static const struct {
		int64_t s;
		const char *code;
	} rows[] = {{59, "287082"}, {1111111109, "081804"}, {1234567890, "005924"}, {2000000000, "279037"}};
	struct ap_secret *secret = secret_of("12345678901234567890");
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		int64_t step = -1;
		assert_int_equal(ap_auth_totp(secret, rows[i].code, rows[i].s * 1000, 0, &step), AP_TOTP_RIGHT);
		assert_int_equal(step, rows[i].s / 30);
	}
	ap_secret_free(secret);
}

static void a_code_works_once_and_a_step_to_either_side(void **state)
{
	(void)state;
	struct ap_secret *secret = secret_of("12345678901234567890");
	int64_t step = -1, at = 1111111109000;
	assert_int_equal(ap_auth_totp(secret, "081804", at + 30000, 0, &step), AP_TOTP_RIGHT);
	assert_int_equal(step, 1111111109 / 30);
	assert_int_equal(ap_auth_totp(secret, "081804", at - 30000, 0, &step), AP_TOTP_RIGHT);
	assert_int_equal(ap_auth_totp(secret, "081804", at, step, &step), AP_TOTP_REPLAYED);
	assert_int_equal(ap_auth_totp(secret, "081804", at + 60000, 0, &step), AP_TOTP_WRONG);
	assert_int_equal(ap_auth_totp(secret, "081805", at, 0, &step), AP_TOTP_WRONG);
	assert_int_equal(ap_auth_totp(secret, "81804", at, 0, &step), AP_TOTP_WRONG);
	assert_int_equal(ap_auth_totp(secret, "0818040", at, 0, &step), AP_TOTP_WRONG);
	ap_secret_free(secret);
}

static void apps_read_the_secret(void **state)
{
	(void)state;
	struct ap_secret *secret = secret_of("12345678901234567890");
	g_autofree char *text = ap_auth_totp_text(secret), *uri = ap_auth_totp_uri(secret, "a@b");
	assert_string_equal(text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
	assert_string_equal(
		uri, "otpauth://totp/Aparte:a%40b?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Aparte&algorithm=SHA1"
		     "&digits=6&period=30");
	ap_secret_free(secret);
}

static void locks_grow_and_end(void **state)
{
	(void)state;
	assert_int_equal(ap_auth_lock_ms(4), 0);
	assert_int_equal(ap_auth_lock_ms(5), 30000);
	assert_int_equal(ap_auth_lock_ms(6), 60000);
	assert_int_equal(ap_auth_lock_ms(9), 480000);
	assert_int_equal(ap_auth_lock_ms(10), 900000);
	assert_int_equal(ap_auth_lock_ms(1000000), 900000);
}

static void on_done(void *ctx, bool right)
{
	*(int *)ctx = right;
}

static void workers_answer_on_the_main_context(void **state)
{
	(void)state;
	char hash[AP_PASSWORD_HASH];
	struct ap_auth *auth = ap_auth_new();
	struct ap_secret *password = secret_of("twelve bytes");
	assert_true(ap_ok(ap_auth_hash(password, hash)));
	ap_secret_free(password);
	int known = -1, unknown = -1, wrong = -1;
	assert_true(ap_ok(ap_auth_verify_later(auth, hash, secret_of("twelve bytes"), on_done, &known)));
	assert_true(ap_ok(ap_auth_verify_later(auth, NULL, secret_of("twelve bytes"), on_done, &unknown)));
	assert_true(ap_ok(ap_auth_verify_later(auth, hash, secret_of("other"), on_done, &wrong)));
	assert_int_equal(known, -1);
	ap_auth_free(auth);
	assert_int_equal(known, 1);
	assert_int_equal(unknown, 0);
	assert_int_equal(wrong, 0);
}

static int start(void **state)
{
	(void)state;
	return ap_ok(ap_secret_init()) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_password_fits_its_own_hash_alone),
		cmocka_unit_test(codes_are_those_of_the_rfc),
		cmocka_unit_test(a_code_works_once_and_a_step_to_either_side),
		cmocka_unit_test(apps_read_the_secret),
		cmocka_unit_test(locks_grow_and_end),
		cmocka_unit_test(workers_answer_on_the_main_context),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
