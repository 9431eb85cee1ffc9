#include <aparte/uuid.h>

#include <sodium.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void text_and_bytes_agree(void **state)
{
	(void)state;
	struct ap_uuid id;
	char text[AP_UUID_TEXT];
	assert_true(ap_uuid_parse("00112233-4455-6677-8899-AABBCCDDEEFF", &id));
	assert_int_equal(id.b[0], 0x00);
	assert_int_equal(id.b[15], 0xff);
	ap_uuid_text(&id, text);
	assert_string_equal(text, "00112233-4455-6677-8899-aabbccddeeff");
}

static void other_forms_are_refused(void **state)
{
	(void)state;
	const char *const wrong[] = { "", "00112233445566778899aabbccddeeff", "{00112233-4455-6677-8899-aabbccddeeff}",
				      "00112233-4455-6677-8899-aabbccddeefg", "00112233-4455-6677-8899-aabbccddeef",
				      "00112233-4455-6677-8899-aabbccddeeff0", "001122334-455-6677-8899-aabbccddeeff" };
	struct ap_uuid id = { { 7 } };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(ap_uuid_parse(wrong[i], &id));
	assert_false(ap_uuid_parse(NULL, &id));
	assert_int_equal(id.b[0], 7);
}

static void random_ones_are_version_4_and_differ(void **state)
{
	(void)state;
	struct ap_uuid a = ap_uuid_random(), b = ap_uuid_random();
	assert_int_equal(a.b[6] >> 4, 4);
	assert_int_equal(a.b[8] >> 6, 2);
	assert_false(ap_uuid_equal(&a, &b));
}

static void roles_have_one_name_each(void **state)
{
	(void)state;
	enum ap_role role = AP_COACH;
	assert_true(ap_role_parse("coachee", &role));
	assert_int_equal(role, AP_COACHEE);
	assert_string_equal(ap_role_text(ap_role_peer(role)), "coach");
	assert_false(ap_role_parse("Coach", &role));
	assert_false(ap_role_parse(NULL, &role));
	assert_int_equal(role, AP_COACHEE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_and_bytes_agree),
		cmocka_unit_test(other_forms_are_refused),
		cmocka_unit_test(random_ones_are_version_4_and_differ),
		cmocka_unit_test(roles_have_one_name_each),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
