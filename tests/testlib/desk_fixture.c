#include "tests/testlib/desk_fixture.h"

#include "recorder/consent/session.h"
#include "recorder/offboard/offboard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct desk desk_new(void)
{
	uint8_t seed[AP_AGE_KEY];
	struct desk d = {.f = fixture_new()};
	d.session = fixture_consented(d.f, "[\"recording\",\"supervision\"]");
	d.first = fixture_recording(d.f, &d.session, 30 * DAY);
	struct ap_uuid again = fixture_consented(d.f, "[\"recording\"]");
	d.second = fixture_recording(d.f, &again, 30 * DAY);
	int64_t leaving = d.f->tenant;
	assert_ok(ap_tenant_add(ap_vault_db(d.f->v), "other", "default", d.f->wall_ms, &d.other));
	d.f->tenant = d.other;
	d.others_session = fixture_consented(d.f, "[\"recording\"]");
	d.others = fixture_recording(d.f, &d.others_session, 30 * DAY);
	d.f->tenant = leaving;
	d.ada = fixture_user(d.f, "ada", "admin", NULL);
	d.bob = fixture_user(d.f, "bob", "admin", NULL);
	fixture_run(d.f,
		    "UPDATE party SET name = '" NAME "' WHERE session IN (SELECT id FROM session WHERE tenant = 1)");
	randombytes_buf(seed, sizeof seed);
	d.identity = ap_secret_from(seed, sizeof seed);
	struct ap_age_recipient recipient = ap_age_identity_recipient(d.identity);
	ap_age_recipient_text(&recipient, d.recipient);
	return d;
}

void desk_free(struct desk *d)
{
	ap_secret_free(d->identity);
	fixture_free(d->f);
}

void desk_settle(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

JsonObject *desk_object(const char *text)
{
	g_autoptr(JsonNode) node = json_from_string(text, NULL);
	return json_object_ref(json_node_get_object(node));
}

struct ap_result desk_post(struct desk *d, const struct ap_actor *by, const char *json, const char *member,
			     char **ret_member)
{
	unsigned status;
	g_autoptr(JsonNode) answer = NULL;
	g_autoptr(JsonObject) body = desk_object(json);
	AP_TRY(ap_offboard_post(d->f->v, by, "platform", body, &status, &answer));
	if (member)
		*ret_member = g_strdup(json_object_get_string_member(json_node_get_object(answer), member));
	return AP_SUCCESS;
}

void desk_order(struct desk *d)
{
	g_autofree char *proposal = NULL;
	g_autofree char *wish = g_strdup_printf("{\"recipient\":\"%s\",\"reason\":\"contract ended\"}", d->recipient);
	assert_ok(desk_post(d, &d->ada, wish, "proposal", &proposal));
	g_autofree char *word = g_strdup_printf("{\"proposal\":\"%s\"}", proposal);
	assert_refused(desk_post(d, &d->ada, word, NULL, NULL), "role");
	assert_ok(desk_post(d, &d->bob, word, NULL, NULL));
	desk_settle();
}

struct ap_result desk_erase(struct desk *d, const struct ap_actor *by, const char *json)
{
	g_autoptr(JsonNode) answer = NULL;
	g_autoptr(JsonObject) body = desk_object(json);
	return ap_offboard_erase(d->f->v, by, "platform", body, &answer);
}

struct ap_result desk_report(struct desk *d, const struct ap_actor *by)
{
	g_autoptr(JsonNode) answer = NULL;
	g_autoptr(JsonObject) body = desk_object("{\"sha256\":\"" SHA "\",\"recordings\":2,\"left_out\":0}");
	return ap_offboard_exported(d->f->v, by, "platform", body, &answer);
}

JsonNode *desk_status(struct desk *d)
{
	JsonNode *answer;
	assert_ok(ap_offboard_show(d->f->v, "platform", &answer));
	return answer;
}

void desk_assert_state(struct desk *d, const char *expected)
{
	g_autoptr(JsonNode) answer = desk_status(d);
	assert_string_equal(json_object_get_string_member(json_node_get_object(answer), "state"), expected);
}
