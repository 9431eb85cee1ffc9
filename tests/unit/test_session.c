/* Sessions, tokens, API keys, devices and notices (R4, R26, R37). */
#include "recorder/consent/session.h"
#include "recorder/db/db_session.h"
#include "recorder/consent/notice.h"
#include "recorder/api/session_api.h"
#include "recorder/consent/token.h"
#include "tests/testlib/vault_world.h"

#include <aparte/buf.h>
#include <aparte/jcs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#define PEOPLE "\"coach\":{\"id\":\"a\",\"locale\":\"fr\"},\"coachee\":{\"id\":\"b\",\"locale\":\"en\"}"

static int set_up(void **state)
{
	*state = world_new(NULL);
	return 0;
}

static int tear_down(void **state)
{
	world_free(*state);
	return 0;
}

static const char *create(struct world *w, const char *key, const char *json, char **ret_json)
{
	return ap_vault_session_create(w->v, w->tenant, key, json, ret_json).name;
}

static void the_same_key_gives_the_same_answer(void **state)
{
	struct world *w = *state;
	g_autofree char *first = NULL, *again = NULL, *other = NULL, *clash = NULL;
	assert_string_equal(create(w, "k1", "{\"reference\":\"r\"," PEOPLE "}", &first), "ok");
	assert_string_equal(create(w, "k1", "{\"reference\":\"r\"," PEOPLE "}", &again), "ok");
	assert_string_equal(first, again);
	assert_string_equal(create(w, "k2", "{\"reference\":\"r\"," PEOPLE "}", &other), "ok");
	assert_string_not_equal(first, other);
	assert_string_equal(create(w, "k1", "{\"reference\":\"s\"," PEOPLE "}", &clash), "conflict");
}

static void wrong_sessions_are_refused(void **state)
{
	struct world *w = *state;
	static const char *const wrong[][2] = {
		{ "", "malformed" },
		{ "[]", "malformed" },
		{ "{}", "invalid" },
		{ "{\"coach\":{\"id\":\"a\"}}", "invalid" },
		{ "{" PEOPLE ",\"sensitivity\":\"secret\"}", "invalid" },
		{ "{" PEOPLE ",\"policy\":\"none\"}", "invalid" },
		{ "{" PEOPLE ",\"e2ee\":\"on\"}", "invalid" },
		{ "{\"coach\":{\"id\":\"a\",\"key\":\"short\"},\"coachee\":{\"id\":\"b\"}}", "invalid" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		char *json = NULL;
		assert_string_equal(create(w, "", wrong[i][0], &json), wrong[i][1]);
		assert_null(json);
	}
}

static const char *token_error(struct world *w, const char *token)
{
	struct ap_party p = { 0 };
	struct ap_result r = ap_party_by_token(ap_vault_db(w->v), token, w->wall_ms, &p);
	ap_party_clear(&p);
	return r.name;
}

static void a_renewed_token_replaces_the_old(void **state)
{
	struct world *w = *state;
	char old_hash[65];
	g_autofree char *answer = NULL;
	struct ap_hash hash = ap_token_hash(w->coach.token);
	g_autofree char *expected = ap_hash_hex(&hash);
	assert_string_equal(token_error(w, w->coach.token), "ok");
	assert_true(ap_ok(ap_session_renew_token(w->v, &w->session, AP_COACH, old_hash, &answer)));
	assert_string_equal(old_hash, expected);
	assert_string_equal(token_error(w, w->coach.token), "token-invalid");
	assert_string_equal(token_error(w, w->coachee.token), "ok");
	g_autoptr(JsonNode) node = json_from_string(answer, NULL);
	const char *fresh = json_object_get_string_member(json_node_get_object(node), "token");
	assert_string_equal(token_error(w, fresh), "ok");
	assert_non_null(strstr(json_object_get_string_member(json_node_get_object(node), "join_url"), "/join#"));
}

static void tokens_end(void **state)
{
	struct world *w = *state;
	assert_true(ap_ok(ap_db_party_expire(ap_vault_db(w->v), &w->session, w->wall_ms + 10)));
	assert_string_equal(token_error(w, w->coach.token), "ok");
	w->wall_ms += 10;
	assert_string_equal(token_error(w, w->coach.token), "token-expired");
	g_autofree char *much = g_strnfill(5000, 'a');
	assert_string_equal(token_error(w, much), "token-invalid");
	assert_string_equal(token_error(w, ""), "token-invalid");
}

static void tokens_differ_in_every_part(void **state)
{
	(void)state;
	struct ap_secret *key = ap_secret_random(32);
	struct ap_uuid one = ap_uuid_random(), two = ap_uuid_random();
	char a[AP_TOKEN_TEXT], b[AP_TOKEN_TEXT];
	ap_token_derive(key, &one, AP_COACH, 0, a);
	ap_token_derive(key, &one, AP_COACH, 0, b);
	assert_string_equal(a, b);
	ap_token_derive(key, &one, AP_COACH, 1, b);
	assert_string_not_equal(a, b);
	ap_token_derive(key, &one, AP_COACHEE, 0, b);
	assert_string_not_equal(a, b);
	ap_token_derive(key, &two, AP_COACH, 0, b);
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), 43);
	ap_secret_free(key);
}

static void api_keys_are_hashed_and_revocable(void **state)
{
	struct world *w = *state;
	struct ap_db *db = ap_vault_db(w->v);
	int64_t tenant = 0, stored = 0;
	g_autofree char *second = NULL;
	assert_true(ap_ok(ap_api_key_check(db, w->api_key, &tenant)));
	assert_int_equal(tenant, w->tenant);
	assert_true(ap_ok(ap_db_count(db, "SELECT count(*) FROM api_key WHERE hash = ?1",
				      AP_VALUES(AP_V_BLOB(w->api_key, strlen(w->api_key))), &stored)));
	assert_int_equal(stored, 0);
	assert_true(ap_ok(ap_api_key_add(db, w->tenant, "two", w->wall_ms, &second)));
	assert_true(ap_ok(ap_api_key_revoke(db, w->tenant, "k", w->wall_ms)));
	assert_string_equal(ap_api_key_check(db, w->api_key, &tenant).name, "token-invalid");
	assert_true(ap_ok(ap_api_key_check(db, second, &tenant)));
	assert_string_equal(ap_api_key_revoke(db, w->tenant, "k", w->wall_ms).name, "not-found");
	assert_string_equal(ap_tenant_add(db, "t", "default", w->wall_ms, &tenant).name, "conflict");
}

static void another_tenant_finds_nothing(void **state)
{
	struct world *w = *state;
	struct ap_db *db = ap_vault_db(w->v);
	struct ap_session s;
	int64_t other = 0;
	char id[AP_UUID_TEXT];
	ap_uuid_text(&w->session, id);
	assert_true(ap_ok(ap_tenant_add(db, "other", "default", w->wall_ms, &other)));
	assert_true(ap_ok(ap_session_of_tenant(db, w->tenant, id, &s)));
	ap_session_clear(&s);
	assert_string_equal(ap_session_of_tenant(db, other, id, &s).name, "not-found");
	assert_string_equal(ap_session_of_tenant(db, w->tenant, "nonsense", &s).name, "not-found");
}

static void the_newest_device_counts(void **state)
{
	struct world *w = *state;
	struct ap_db *db = ap_vault_db(w->v);
	uint8_t current[32];
	bool found = true;
	assert_true(ap_ok(ap_db_device_current(db, &w->session, AP_COACH, current, &found)));
	assert_false(found);
	world_enrol(w, &w->coach);
	uint8_t first[32], second[32] = { 7 };
	ap_copy(first, 32, w->coach.public, 32);
	assert_true(ap_ok(ap_db_device_enrol(db, &w->session, AP_COACH, second, w->wall_ms + 1)));
	assert_true(ap_ok(ap_db_device_current(db, &w->session, AP_COACH, current, &found)));
	assert_memory_equal(current, second, 32);
	assert_true(ap_ok(ap_db_device_enrol(db, &w->session, AP_COACH, first, w->wall_ms + 2)));
	assert_true(ap_ok(ap_db_device_current(db, &w->session, AP_COACH, current, &found)));
	assert_memory_equal(current, first, 32);
}

static char *notice(struct world *w, const struct person *p, const char *lang, const char *sha256)
{
	struct ap_party party = world_party(w, p);
	char *text = NULL;
	struct ap_result r = ap_notice_answer(w->v, ap_vault_db(w->v), &party, lang, sha256, &text);
	ap_party_clear(&party);
	return ap_ok(r) ? text : g_strdup(r.name);
}

static void the_notice_hashes_as_promised(void **state)
{
	struct world *w = *state;
	g_autofree char *text = notice(w, &w->coach, "fr", "");
	g_autoptr(JsonNode) node = json_from_string(text, NULL);
	JsonObject *o = json_node_get_object(node);
	g_autofree char *claimed = g_strdup(json_object_get_string_member(o, "sha256")), *canonical = NULL;
	json_object_remove_member(o, "sha256");
	json_object_remove_member(o, "seal");
	assert_true(ap_ok(ap_jcs_from_object(o, &canonical)));
	struct ap_hash hash = ap_sha256(canonical, strlen(canonical));
	g_autofree char *computed = ap_hash_hex(&hash);
	assert_string_equal(claimed, computed);
	static const char *const members[] = { "version", "lang",	"text",	      "purposes", "controller", "dpo",
					       "rights",  "complaint", "recipients", "log_key" };
	for (size_t i = 0; i < G_N_ELEMENTS(members); i++)
		assert_true(json_object_has_member(o, members[i]));
}

static void old_notices_are_kept_and_new_ones_differ(void **state)
{
	struct world *w = *state;
	g_autofree char *fr = notice(w, &w->coach, "", ""), *en = notice(w, &w->coachee, "de", "");
	assert_non_null(strstr(fr, "\"lang\":\"fr\""));
	assert_non_null(strstr(en, "\"lang\":\"en\""));
	g_autoptr(JsonNode) node = json_from_string(fr, NULL);
	const char *old = json_object_get_string_member(json_node_get_object(node), "sha256");
	assert_true(ap_ok(ap_config_set(w->config, "operator.dpo", "somebody new")));
	g_autofree char *now = notice(w, &w->coach, "fr", ""), *then = notice(w, &w->coach, "", old);
	assert_null(strstr(now, old));
	assert_string_equal(then, fr);
	g_autofree char *unknown = notice(w, &w->coach, "", "00"), *none = g_strnfill(64, 'a');
	assert_string_equal(unknown, "invalid");
	g_autofree char *missing = notice(w, &w->coach, "", none);
	assert_string_equal(missing, "not-found");
}

static void a_seal_key_is_the_persons_own(void **state)
{
	struct world *w = *state;
	g_autofree char *a = notice(w, &w->coach, "en", ""), *again = notice(w, &w->coach, "en", "");
	g_autofree char *b = notice(w, &w->coachee, "en", "");
	assert_string_equal(a, again);
	assert_string_not_equal(a, b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_same_key_gives_the_same_answer),
		TEST(wrong_sessions_are_refused),
		TEST(a_renewed_token_replaces_the_old),
		TEST(tokens_end),
		TEST(tokens_differ_in_every_part),
		TEST(api_keys_are_hashed_and_revocable),
		TEST(another_tenant_finds_nothing),
		TEST(the_newest_device_counts),
		TEST(the_notice_hashes_as_promised),
		TEST(old_notices_are_kept_and_new_ones_differ),
		TEST(a_seal_key_is_the_persons_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
