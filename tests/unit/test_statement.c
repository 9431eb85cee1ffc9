/* Statements: form, what can be saved of broken ones, and the fold of decisions (R3, R6, R7). */
#include "recorder/consent/statement.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define GIVE                                                                                                                 \
	"{\"event\":\"ConsentGiven\",\"event_time\":\"2026-11-22T10:00:00.000Z\",\"indication_method\":\"button\","          \
	"\"pii_principal\":\"p1\",\"presence\":5,\"privacy_notice\":{\"lang\":\"fr\",\"sha256\":\"" HEX64                   \
	"\",\"version\":\"1\"},\"purposes\":[\"recording\",\"supervision\"],\"record_id\":\"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa\"," \
	"\"role\":\"coach\",\"schema_version\":\"1\",\"seal\":\"" HEX64                                                     \
	"\",\"session\":\"00112233-4455-6677-8899-aabbccddeeff\","                                                          \
	"\"share_commitment\":\"V4R-2M7Nx4gnPCCjFFWT-my6sybgpBJw5pce-vKKdXw\"}"

static void a_give_is_read_whole(void **state)
{
	(void)state;
	struct ap_statement s;
	assert_true(ap_ok(ap_statement_parse(GIVE, &s)));
	assert_int_equal(s.event, AP_GIVEN);
	assert_int_equal(s.role, AP_COACH);
	assert_int_equal(s.purposes, AP_PURPOSE_BIT(AP_PURPOSE_RECORDING) | AP_PURPOSE_BIT(AP_PURPOSE_SUPERVISION));
	assert_false(s.unknown_purposes);
	assert_string_equal(s.pii_principal, "p1");
	assert_int_equal(s.presence, 5);
	assert_int_equal(s.event_ms, INT64_C(1795341600000));
	assert_true(ap_statement_gives_recording(&s));
	g_autofree char *commitment = ap_hash_base64url(&s.share_commitment);
	assert_string_equal(commitment, "V4R-2M7Nx4gnPCCjFFWT-my6sybgpBJw5pce-vKKdXw");
	struct ap_hash hash = ap_sha256(GIVE, strlen(GIVE));
	assert_true(ap_hash_equal(&hash, &s.sha256));
	ap_statement_clear(&s);
}

static char *replaced(const char *from, const char *to)
{
	g_auto(GStrv) parts = g_strsplit(GIVE, from, 2);
	assert_non_null(parts[1]);
	return g_strjoinv(to, parts);
}

static void every_wrong_form_is_refused(void **state)
{
	(void)state;
	static const char *const changes[][2] = {
		{ "\"schema_version\":\"1\"", "\"schema_version\":\"2\"" },
		{ "\"schema_version\":\"1\"", "\"schema_version\":1" },
		{ "ConsentGiven", "ConsentMaybe" },
		{ "2026-11-22T10:00:00.000Z", "22/11/2026" },
		{ "\"button\"", "\"telepathy\"" },
		{ "\"p1\"", "\"\"" },
		{ "\"coach\"", "\"observer\"" },
		{ "[\"recording\",\"supervision\"]", "[]" },
		{ "[\"recording\",\"supervision\"]", "[\"recording\",\"recording\"]" },
		{ "[\"recording\",\"supervision\"]", "\"recording\"" },
		{ "[\"recording\",\"supervision\"]", "[\"supervision\"]" }, /* a share for nothing */
		{ "\"presence\":5", "\"presence\":0" },
		{ "\"presence\":5", "\"presence\":5.5" },
		{ "\"presence\":5", "\"presence\":null" },
		{ "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "aaaa" },
		{ "\"lang\":\"fr\",", "" },
		{ "{\"event\"", "{ \"event\"" },
		{ "{\"event\":", "{\"event\":\"ConsentGiven\",\"event\":" },
		{ "V4R-2M7N", "V4R_2M7N=" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
		struct ap_statement s = { 0 };
		g_autofree char *text = replaced(changes[i][0], changes[i][1]);
		assert_string_equal(ap_statement_parse(text, &s).name, "statement-malformed");
		assert_null(s.text);
	}
}

static void unknown_members_are_kept(void **state)
{
	(void)state;
	struct ap_statement s;
	g_autofree char *text = replaced("\"session\"", "\"seating\":\"left\",\"session\"");
	assert_true(ap_ok(ap_statement_parse(text, &s)));
	assert_string_equal(s.text, text);
	ap_statement_clear(&s);
}

static void unknown_purposes_are_noted(void **state)
{
	(void)state;
	struct ap_statement s;
	g_autofree char *text = replaced("\"supervision\"", "\"marketing\"");
	assert_true(ap_ok(ap_statement_parse(text, &s)));
	assert_true(s.unknown_purposes);
	ap_statement_clear(&s);
}

static void size_comes_first(void **state)
{
	(void)state;
	struct ap_statement s;
	g_autofree char *much = g_strnfill(AP_MAX_STATEMENT + 1, 'x');
	assert_string_equal(ap_statement_parse(much, &s).name, "too-large");
}

static void what_is_broken_is_still_understood(void **state)
{
	(void)state;
	ap_purposes recording = AP_PURPOSE_BIT(AP_PURPOSE_RECORDING);
	const struct {
		const char *body;
		enum ap_decision event;
		ap_purposes purposes;
	} cases[] = {
		{ "", AP_DECISION_NONE, recording },
		{ "ConsentWithdrawn", AP_WITHDRAWN, recording },
		{ "{\"statement\":\"{\\\"event\\\":\\\"ConsentWithdrawn\\\",\\\"purposes\\\":[\\\"supervision\\\"]}\"}", AP_WITHDRAWN,
		  AP_PURPOSE_BIT(AP_PURPOSE_SUPERVISION) },
		{ "{\"event\":\"ConsentGiven\",\"note\":\"not ConsentWithdrawn\"}", AP_GIVEN, recording },
		{ "{\"event\":\"ConsentGiven\",\"event\":\"ConsentRefused\"", AP_REFUSED, recording },
		{ "{{{ ConsentRefused quality", AP_REFUSED, AP_PURPOSE_BIT(AP_PURPOSE_QUALITY) },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct ap_salvage s = ap_statement_salvage(cases[i].body);
		assert_int_equal(s.event, cases[i].event);
		assert_int_equal(s.purposes, cases[i].purposes);
	}
}

static void the_last_decision_counts(void **state)
{
	(void)state;
	ap_purposes recording = AP_PURPOSE_BIT(AP_PURPOSE_RECORDING), both = recording | AP_PURPOSE_BIT(AP_PURPOSE_SUPERVISION);
	const struct ap_decided give = { AP_GIVEN, both }, no_supervision = { AP_WITHDRAWN, both & ~recording },
				none = { AP_WITHDRAWN, recording }, only_extra = { AP_GIVEN, both & ~recording };
	struct ap_decided list[] = { give, no_supervision, give, none, only_extra };
	const ap_purposes expected[] = { both, recording, both, 0, 0 };
	for (size_t n = 1; n <= G_N_ELEMENTS(list); n++) {
		struct ap_consent_state s = ap_consent_fold(list, n);
		assert_int_equal(ap_consent_given(&s), expected[n - 1]);
	}
	struct ap_consent_state after = ap_consent_fold(list, 4);
	assert_int_equal(after.purpose[AP_PURPOSE_SUPERVISION], AP_WITHDRAWN);
	assert_string_equal(ap_decision_text_for_others(AP_REFUSED), "ConsentUnknown");
	assert_string_equal(ap_decision_text_for_others(AP_WITHDRAWN), "ConsentUnknown");
}

/* After any history, nothing counts as given unless the last word on `recording` was a give. */
static void random_histories_fold_safely(void **state)
{
	(void)state;
	unsigned seed = (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	for (int round = 0; round < 2000; round++) {
		struct ap_consent_state s = { 0 };
		enum ap_decision last = AP_DECISION_NONE;
		for (int i = 0; i < 10; i++) {
			struct ap_decided d = { (enum ap_decision)(1 + rand_r(&seed) % 3),
						(ap_purposes)(1 + rand_r(&seed) % (int)AP_PURPOSE_ALL) };
			ap_consent_fold_one(&s, d);
			if (d.purposes & AP_PURPOSE_BIT(AP_PURPOSE_RECORDING))
				last = d.decision;
			assert_int_equal(ap_consent_given(&s) != 0, last == AP_GIVEN);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_give_is_read_whole),
		cmocka_unit_test(every_wrong_form_is_refused),
		cmocka_unit_test(unknown_members_are_kept),
		cmocka_unit_test(unknown_purposes_are_noted),
		cmocka_unit_test(size_comes_first),
		cmocka_unit_test(what_is_broken_is_still_understood),
		cmocka_unit_test(the_last_decision_counts),
		cmocka_unit_test(random_histories_fold_safely),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
