#include "gateway/ice.h"

#include <aparte/buf.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <stun/usages/ice.h>

#include <cmocka.h>

static const char PWD[] = "0123456789abcdef0123456789abcdef";

struct request {
	uint8_t bytes[600];
	size_t len;
};

static struct request make(const char *username, const char *pwd, bool nominate, bool controlling)
{
	struct request r;
	StunAgent agent;
	StunMessage message;
	stun_agent_init(&agent, (const uint16_t[]){0}, STUN_COMPATIBILITY_RFC5389,
			STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	r.len = stun_usage_ice_conncheck_create(&agent, &message, r.bytes, sizeof r.bytes, (const uint8_t *)username,
						strlen(username), (const uint8_t *)pwd, strlen(pwd), nominate,
						controlling, 123456, 42, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
	assert_true(r.len > 0);
	return r;
}

static struct ap_ice_check answer(const struct request *r)
{
	struct ap_ice *ice = ap_ice_new();
	struct ap_ice_check check;
	struct sockaddr_storage from = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&from;
	*v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(5000), .sin_addr = {htonl(0x7f000001)}};
	ap_ice_answer(ice, r->bytes, r->len, PWD, &from, sizeof *v4, &check);
	ap_ice_free(ice);
	return check;
}

static int error_code(const struct ap_ice_check *check)
{
	StunMessage message = {.buffer = (uint8_t *)check->answer, .buffer_len = check->len};
	int code = 0;
	assert_int_equal(stun_message_find_error(&message, &code), STUN_MESSAGE_RETURN_SUCCESS);
	return code;
}

static void a_username_is_read_without_any_key(void **state)
{
	(void)state;
	struct request r = make("aLocal:theirs", PWD, true, true);
	struct ap_ice_username u;
	assert_true(ap_ice_read_username(r.bytes, r.len, &u));
	assert_string_equal(u.local, "aLocal");
	assert_int_equal(u.remote_len, 6);
	assert_memory_equal(u.remote, "theirs", 6);
}

static void usernames_that_cannot_be_ours_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"nocolon", ":theirs", "muchlongerthantwelve:theirs"};
	struct ap_ice_username u;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct request r = make(bad[i], PWD, true, true);
		assert_false(ap_ice_read_username(r.bytes, r.len, &u));
	}
	struct request r = make("a:b", PWD, true, true);
	for (size_t n = 0; n < r.len; n++)
		assert_false(ap_ice_read_username(r.bytes, n, &u));
	r.bytes[0] = 1; /* a response */
	r.bytes[1] = 1;
	assert_false(ap_ice_read_username(r.bytes, r.len, &u));
}

static void an_authentic_check_is_answered_with_its_address(void **state)
{
	(void)state;
	struct request r = make("aLocal:theirs", PWD, true, true);
	struct ap_ice_check check = answer(&r);
	assert_true(check.valid);
	assert_true(check.nominated);
	assert_int_equal(check.priority, 123456);
	StunMessage message = {.buffer = check.answer, .buffer_len = check.len};
	struct sockaddr_storage mapped;
	socklen_t len = sizeof mapped;
	assert_int_equal(stun_message_get_class(&message), STUN_RESPONSE);
	assert_int_equal(stun_message_find_xor_addr(&message, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &mapped, &len),
			 STUN_MESSAGE_RETURN_SUCCESS);
	assert_int_equal(((struct sockaddr_in *)&mapped)->sin_port, htons(5000));
	assert_true(stun_message_has_attribute(&message, STUN_ATTRIBUTE_MESSAGE_INTEGRITY));
	r = make("aLocal:theirs", PWD, false, true);
	check = answer(&r);
	assert_true(check.valid);
	assert_false(check.nominated);
}

static void wrong_credentials_are_answered_401(void **state)
{
	(void)state;
	struct request r = make("aLocal:theirs", "another password, quite as long!!", true, true);
	struct ap_ice_check check = answer(&r);
	assert_false(check.valid);
	assert_false(check.nominated);
	assert_int_equal(error_code(&check), 401);
}

static void a_role_conflict_is_answered_487_and_is_no_nomination(void **state)
{
	(void)state;
	struct request r = make("aLocal:theirs", PWD, false, false);
	struct ap_ice_check check = answer(&r);
	assert_false(check.valid);
	assert_int_equal(error_code(&check), 487);
}

static void every_flipped_byte_is_noticed(void **state)
{
	(void)state;
	struct request r = make("aLocal:theirs", PWD, true, true);
	for (size_t i = 0; i < r.len; i++) {
		struct request bad = r;
		bad.bytes[i] ^= 0x40;
		assert_false(answer(&bad).valid);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_username_is_read_without_any_key),
		cmocka_unit_test(usernames_that_cannot_be_ours_are_refused),
		cmocka_unit_test(an_authentic_check_is_answered_with_its_address),
		cmocka_unit_test(wrong_credentials_are_answered_401),
		cmocka_unit_test(a_role_conflict_is_answered_487_and_is_no_nomination),
		cmocka_unit_test(every_flipped_byte_is_noticed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
