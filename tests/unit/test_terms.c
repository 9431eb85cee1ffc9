/* What policies do to sessions and recordings that exist: previewed, set, explained (R14, R16, R27, R37). */
#include "tests/testlib/staff_fixture.h"

#include "recorder/db/db_policy.h"
#include "recorder/consent/notice.h"
#include "recorder/policy/term.h"
#include "recorder/policy/terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY 86400000LL
#define REASON ",\"reason\":\"r\"}"
#define RECORDING(period) "\"recording\":{" period REASON
#define SUPERVISION(period) "\"supervision\":{" period REASON

struct stage {
	struct fixture *f;
	struct ap_actor ada; /* admin of all tenants */
};

static struct stage stage_new(void)
{
	struct stage s = {.f = fixture_new()};
	s.ada = fixture_user(s.f, "ada", "admin", NULL);
	s.ada.tenant = 0;
	return s;
}

static char *document(const char *name, const char *purposes, const char *more)
{
	return g_strdup_printf("{\"name\":\"%s\",\"reason\":\"r\",\"purposes\":{%s}%s}", name, purposes, more);
}

static JsonObject *object(JsonNode *node)
{
	return json_node_get_object(node);
}

static void put(const struct stage *s, const char *name, const char *text, const char *token)
{
	JsonNode *answer;
	assert_ok(ap_terms_put(s->f->v, &s->ada, name, text, token, &answer));
	json_node_unref(answer);
}

static void put_purposes(const struct stage *s, const char *purposes)
{
	g_autofree char *text = document("default", purposes, "");
	put(s, "default", text, NULL);
}

/* A recording with the terms that sealing gives it. */
static struct ap_uuid seal(const struct stage *s, const struct ap_uuid *session)
{
	struct ap_db *db = ap_vault_db(s->f->v);
	struct ap_uuid id = fixture_recording(s->f, session, 40000 * DAY);
	assert_ok(ap_db_begin(db));
	assert_ok(ap_db_finish(db, ap_term_seal(db, &id)));
	return id;
}

static int64_t life_days(const struct stage *s)
{
	return fixture_count(s->f, "SELECT (expires_ms - sealed_ms) / 86400000 FROM recording");
}

static JsonNode *preview(const struct stage *s, const char *name, const char *text)
{
	JsonNode *answer;
	assert_ok(ap_terms_preview(s->f->v, &s->ada, name, text, &answer));
	return answer;
}

/* R16: which recordings, when, by day. */
static void r16_a_preview_counts_by_day(void **state)
{
	(void)state;
	struct stage s = stage_new();
	struct ap_uuid session = fixture_consented(s.f, "[\"recording\"]");
	seal(&s, &session);
	seal(&s, &session);
	fixture_advance(s.f, 3 * DAY);
	seal(&s, &session);
	g_autofree char *text = document("default", RECORDING("\"days\":2"), "");
	g_autoptr(JsonNode) answer = preview(&s, "default", text);
	JsonObject *o = object(answer);
	assert_int_equal(json_object_get_int_member(o, "total"), 3);
	assert_int_equal(json_object_get_int_member(o, "at_once"), 2);
	JsonArray *days = json_object_get_array_member(o, "days");
	assert_int_equal(json_array_get_length(days), 2);
	char today[AP_TIME_TEXT], later[AP_TIME_TEXT];
	ap_time_text(s.f->wall_ms, today);
	ap_time_text(s.f->wall_ms + 2 * DAY, later);
	today[10] = later[10] = '\0';
	assert_string_equal(json_object_get_string_member(json_array_get_object_element(days, 0), "day"), today);
	assert_int_equal(json_object_get_int_member(json_array_get_object_element(days, 0), "count"), 2);
	assert_string_equal(json_object_get_string_member(json_array_get_object_element(days, 1), "day"), later);
	assert_int_equal(json_object_get_int_member(json_array_get_object_element(days, 1), "count"), 1);
	/* The same three as they end now: two after thirty days from their sealing, one three days later. */
	JsonArray *before = json_object_get_array_member(o, "days_before");
	assert_int_equal(json_array_get_length(before), 2);
	ap_time_text(s.f->wall_ms + 27 * DAY, later);
	later[10] = '\0';
	assert_string_equal(json_object_get_string_member(json_array_get_object_element(before, 0), "day"), later);
	assert_int_equal(json_object_get_int_member(json_array_get_object_element(before, 0), "count"), 2);
	assert_int_equal(json_object_get_int_member(o, "unchanged"), 0);
	JsonArray *changes = json_object_get_array_member(o, "changes");
	assert_true(json_array_get_length(changes) > 1);
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM policy"), 1); /* nothing was set */
	assert_int_equal(life_days(&s), 30);
	fixture_free(s.f);
}

/* What erases at once needs the token of that very preview, while it is true and not older than an hour. */
static void a_token_is_for_one_outcome_and_an_hour(void **state)
{
	(void)state;
	struct stage s = stage_new();
	JsonNode *answer;
	struct ap_uuid session = fixture_consented(s.f, "[\"recording\"]");
	seal(&s, &session);
	fixture_advance(s.f, 10 * DAY);
	g_autofree char *text = document("default", RECORDING("\"days\":2"), "");
	g_autofree char *other = document("default", RECORDING("\"days\":3"), "");
	g_autoptr(JsonNode) seen = preview(&s, "default", text);
	const char *token = json_object_get_string_member(object(seen), "token");
	assert_refused(ap_terms_put(s.f->v, &s.ada, "default", text, NULL, &answer), "conflict");
	assert_refused(ap_terms_put(s.f->v, &s.ada, "default", text, "", &answer), "conflict");
	assert_refused(ap_terms_put(s.f->v, &s.ada, "default", other, token, &answer), "conflict");
	seal(&s, &session); /* it ends in two days, as a preview of now would say */
	fixture_advance(s.f, 3600001);
	assert_refused(ap_terms_put(s.f->v, &s.ada, "default", text, token, &answer), "conflict");
	g_autoptr(JsonNode) again = preview(&s, "default", text);
	token = json_object_get_string_member(object(again), "token");
	/* Another one would be erased with it now that was not previewed: as if its sealing had been long ago. */
	struct ap_uuid late = seal(&s, &session);
	assert_ok(ap_db_run(ap_vault_db(s.f->v), "UPDATE recording SET sealed_ms = sealed_ms - ?2 WHERE id = ?1",
			    AP_VALUES(AP_V_UUID(&late), AP_V_INT(5 * DAY))));
	assert_refused(ap_terms_put(s.f->v, &s.ada, "default", text, token, &answer), "conflict");
	g_autoptr(JsonNode) last = preview(&s, "default", text);
	fixture_advance(s.f, 60000);
	put(&s, "default", text, json_object_get_string_member(object(last), "token"));
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM recording WHERE expires_ms < 1800000000000 + 864000000"), 2);
	assert_int_equal(fixture_last_leaf(s.f), AP_LEAF_POLICY);
	fixture_free(s.f);
}

/* What is held is not erased at once, and is said apart. */
static void what_is_held_is_counted_apart(void **state)
{
	(void)state;
	struct stage s = stage_new();
	struct ap_uuid session = fixture_consented(s.f, "[\"recording\"]");
	seal(&s, &session);
	fixture_run(s.f, "UPDATE recording SET state = 'restricted'");
	fixture_advance(s.f, 10 * DAY);
	g_autofree char *text = document("default", RECORDING("\"days\":2"), "");
	g_autoptr(JsonNode) seen = preview(&s, "default", text);
	assert_int_equal(json_object_get_int_member(object(seen), "at_once"), 0);
	assert_int_equal(json_object_get_int_member(object(seen), "held"), 1);
	put(&s, "default", text, NULL);
	assert_int_equal(life_days(&s), 2);
	fixture_free(s.f);
}

/* R16: what people consented to is never kept longer, nor for more; what is stricter holds at once, also for a session
 * that was made before and is recorded after. */
static void r16_changes_never_lengthen_and_shorten_at_once(void **state)
{
	(void)state;
	struct stage s = stage_new();
	struct ap_uuid session = fixture_consented(s.f, "[\"recording\",\"supervision\"]");
	put_purposes(&s, RECORDING("\"days\":3000") "," SUPERVISION("\"days\":20"));
	seal(&s, &session);
	assert_int_equal(life_days(&s), 30); /* recording as agreed, supervision as it is now */
	assert_int_equal(fixture_count(s.f, "SELECT (ends_ms - sealed_ms) / 86400000 FROM term t JOIN recording r"
					    " ON r.id = t.recording WHERE purpose = 'supervision'"), 20);
	put_purposes(&s, RECORDING("\"days\":10"));
	assert_int_equal(life_days(&s), 10);
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM term WHERE purpose = 'supervision' AND basis = 'off'"
					    " AND version = 3"), 1);
	put_purposes(&s, RECORDING("\"days\":5000") "," SUPERVISION("\"days\":5000"));
	assert_int_equal(life_days(&s), 10);
	fixture_free(s.f);
}

static struct ap_session load(const struct stage *s, const struct ap_uuid *id)
{
	struct ap_session session;
	assert_ok(ap_session_load(ap_vault_db(s->f->v), id, &session));
	return session;
}

static struct ap_uuid create(const struct stage *s)
{
	g_autofree char *json = NULL;
	struct ap_uuid id;
	assert_ok(ap_vault_session_create(s->f->v, s->f->tenant, "",
					  "{\"coach\":{\"id\":\"a\"},\"coachee\":{\"id\":\"b\"}}", &json));
	g_autoptr(JsonNode) node = json_from_string(json, NULL);
	assert_true(ap_uuid_parse(json_object_get_string_member(object(node), "id"), &id));
	return id;
}

struct notice {
	char version[128];
	struct ap_hash sha256;
	ap_purposes offered;
};

static struct notice notice_of(const struct stage *s, const struct ap_uuid *id)
{
	struct notice n = {0};
	g_autofree char *text = NULL;
	struct ap_db *db = ap_vault_db(s->f->v);
	struct ap_session session = load(s, id);
	assert_ok(ap_notice_current(s->f->v, db, &session, "fr", &text, &n.sha256));
	assert_ok(ap_session_offered(s->f->v, db, &session, &n.offered));
	ap_session_clear(&session);
	g_autoptr(JsonNode) node = json_from_string(text, NULL);
	g_strlcpy(n.version, json_object_get_string_member(object(node), "version"), sizeof n.version);
	return n;
}

/* R37: a purpose or a longer term is in a new notice alone; a session made before offers neither, and a give for the new
 * session must name the new one (consent_check: statement-notice). */
static void r37_more_makes_a_new_notice_that_old_consents_do_not_cover(void **state)
{
	(void)state;
	struct stage s = stage_new();
	struct ap_uuid old = create(&s);
	put_purposes(&s, RECORDING("\"days\":30"));
	struct ap_uuid middle = create(&s);
	struct notice before = notice_of(&s, &middle);
	g_autofree char *wider = document(
		"default", RECORDING("\"days\":60") ",\"research\":{\"days\":9,\"reason\":\"a described study\"}", "");
	g_autoptr(JsonNode) seen = preview(&s, "default", wider);
	assert_true(json_object_get_boolean_member(json_object_get_object_member(object(seen), "notice"), "wider"));
	put(&s, "default", wider, NULL);
	struct notice after = notice_of(&s, &middle);
	struct ap_uuid fresh = create(&s);
	struct notice new = notice_of(&s, &fresh), oldest = notice_of(&s, &old);
	assert_int_equal(after.offered, before.offered);
	assert_int_equal(before.offered, AP_PURPOSE_BIT(AP_PURPOSE_RECORDING));
	assert_int_equal(new.offered, AP_PURPOSE_BIT(AP_PURPOSE_RECORDING) | AP_PURPOSE_BIT(AP_PURPOSE_RESEARCH));
	assert_int_equal(oldest.offered, AP_PURPOSE_BIT(AP_PURPOSE_RECORDING)); /* both versions must offer it */
	assert_string_equal(new.version, "1.default.3");
	assert_string_equal(after.version, "1.default.2+default.3");
	assert_false(ap_hash_equal(&new.sha256, &before.sha256));
	assert_false(ap_hash_equal(&new.sha256, &after.sha256));
	fixture_free(s.f);
}

/* R16: the notice says each period, and what a decision does. */
static void r16_the_notice_shows_the_periods(void **state)
{
	(void)state;
	struct stage s = stage_new();
	g_autofree char *text = NULL;
	struct ap_hash hash;
	struct ap_uuid id = create(&s);
	struct ap_session session = load(&s, &id);
	assert_ok(ap_notice_current(s.f->v, ap_vault_db(s.f->v), &session, "fr", &text, &hash));
	ap_session_clear(&session);
	assert_non_null(strstr(text, "\"retention\":\"au plus 30 jours après la séance\""));
	assert_non_null(strstr(text, "\"retention\":\"au plus 6 mois après la séance\""));
	assert_non_null(strstr(text, "\"retention\":\"au plus 12 mois après la séance; et au plus 2 mois après la décision\""));
	fixture_free(s.f);
}

static void put_region(const struct stage *s, const char *purposes, const char *more)
{
	g_autofree char *members = g_strconcat(",\"kind\":\"region\"", more, NULL);
	g_autofree char *text = document("eu", purposes, members);
	put(s, "eu", text, NULL);
}

static struct ap_result move(const struct stage *s, const char *policy, const char *region, const char *token, bool dry,
			     JsonNode **ret_answer)
{
	g_autoptr(JsonObject) body = json_object_new();
	if (policy)
		json_object_set_string_member(body, "policy", policy);
	if (region)
		json_object_set_string_member(body, "region", region);
	return dry ? ap_terms_tenant_preview(s->f->v, &s->ada, "platform", body, ret_answer) :
		     ap_terms_tenant_put(s->f->v, &s->ada, "platform", body, token, ret_answer);
}

static JsonObject *purpose_of(JsonNode *answer, const char *name)
{
	JsonArray *list = json_object_get_array_member(object(answer), "purposes");
	for (guint i = 0; i < json_array_get_length(list); i++) {
		JsonObject *o = json_array_get_object_element(list, i);
		if (strcmp(json_object_get_string_member(o, "purpose"), name) == 0)
			return o;
	}
	fail_msg("no %s", name);
	return NULL;
}

static void assert_rule(JsonNode *answer, const char *purpose, const char *level, const char *because)
{
	JsonObject *rule = json_object_get_object_member(purpose_of(answer, purpose), "rule");
	assert_string_equal(json_object_get_string_member(rule, "level"), level);
	assert_string_equal(json_object_get_string_member(rule, "because"), because);
}

/* R27: a tenant's region limits what it holds already, with its preview and token; the answer names the region. */
static void r27_a_region_limits_its_tenants_recordings(void **state)
{
	(void)state;
	struct stage s = stage_new();
	JsonNode *answer;
	struct ap_uuid session = fixture_consented(s.f, "[\"recording\",\"supervision\"]");
	struct ap_uuid recording = seal(&s, &session);
	put_region(&s, SUPERVISION("\"days\":5") "," RECORDING("\"days\":9"), "");
	assert_true(life_days(&s) > 180);
	fixture_advance(s.f, 20 * DAY);
	assert_ok(move(&s, NULL, "eu", NULL, true, &answer));
	assert_int_equal(json_object_get_int_member(object(answer), "at_once"), 1);
	g_autofree char *token = g_strdup(json_object_get_string_member(object(answer), "token"));
	json_node_unref(answer);
	assert_refused(move(&s, NULL, "eu", NULL, false, &answer), "conflict");
	assert_ok(move(&s, NULL, "eu", token, false, &answer));
	json_node_unref(answer);
	assert_int_equal(fixture_last_leaf(s.f), AP_LEAF_POLICY);
	assert_int_equal(life_days(&s), 9);
	assert_ok(ap_terms_explain_recording(s.f->v, &s.ada, &recording, &answer));
	assert_rule(answer, "recording", "region", "period");
	assert_rule(answer, "supervision", "region", "period");
	assert_rule(answer, "certification", "policy", "period");
	assert_string_equal(json_object_get_string_member(object(answer), "expires_with"), "recording");
	json_node_unref(answer);
	assert_ok(move(&s, NULL, "", NULL, false, &answer)); /* leaving it lengthens nothing */
	json_node_unref(answer);
	assert_int_equal(life_days(&s), 9);
	fixture_free(s.f);
}

/* R27: the label is kept with the recording, and where it is not this instance's nothing is recorded. */
static void r27_storage_is_recorded_and_asked_for(void **state)
{
	(void)state;
	struct stage s = stage_new();
	JsonNode *answer;
	bool may = true;
	put_region(&s, "", ",\"storage\":\"eu\"");
	assert_ok(move(&s, NULL, "eu", NULL, false, &answer));
	json_node_unref(answer);
	struct ap_uuid id = create(&s), session = fixture_consented(s.f, "[\"recording\"]");
	struct ap_session made = load(&s, &id);
	assert_ok(ap_session_may_record(s.f->v, ap_vault_db(s.f->v), &made, &may));
	assert_false(may);
	ap_session_clear(&made);
	seal(&s, &session);
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM recording WHERE storage = 'eu'"), 1);
	fixture_free(s.f);
}

/* R27: what bound a session when it was made binds it when its tenant moves on. */
static void r27_a_session_keeps_the_region_it_was_made_in(void **state)
{
	(void)state;
	struct stage s = stage_new();
	JsonNode *answer;
	put_region(&s, RECORDING("\"days\":9"), "");
	assert_ok(move(&s, NULL, "eu", NULL, false, &answer));
	json_node_unref(answer);
	struct ap_uuid id = create(&s);
	assert_ok(move(&s, NULL, "", NULL, false, &answer));
	json_node_unref(answer);
	assert_ok(ap_terms_explain_session(s.f->v, &s.ada, &id, &answer));
	assert_rule(answer, "recording", "region", "period");
	json_node_unref(answer);
	struct ap_uuid later = create(&s);
	assert_ok(ap_terms_explain_session(s.f->v, &s.ada, &later, &answer));
	assert_rule(answer, "recording", "policy", "period");
	json_node_unref(answer);
	fixture_free(s.f);
}

/* R14: the tier decides for a protected session, and is named. */
static void r14_the_tier_decides_for_a_protected_session(void **state)
{
	(void)state;
	struct stage s = stage_new();
	JsonNode *answer;
	struct ap_term_access access;
	struct ap_uuid session = fixture_consented(s.f, "[\"recording\",\"supervision\"]");
	fixture_run(s.f, "UPDATE session SET sensitivity = 'protected'");
	struct ap_uuid recording = seal(&s, &session);
	assert_int_equal(life_days(&s), 14);
	assert_ok(ap_terms_explain_recording(s.f->v, &s.ada, &recording, &answer));
	assert_rule(answer, "supervision", "policy", "protected");
	assert_true(json_object_get_boolean_member(object(answer), "four_eyes"));
	json_node_unref(answer);
	assert_ok(ap_terms_access(s.f->v, &recording, AP_PURPOSE_SUPERVISION, &access));
	assert_true(access.needs.four_eyes && !access.needs.admin_approval && !access.ended);
	fixture_free(s.f);
}

static void wrong_changes_are_refused(void **state)
{
	(void)state;
	struct stage s = stage_new();
	JsonNode *answer;
	struct ap_actor bob = fixture_user(s.f, "bob", "admin", NULL); /* of one tenant */
	g_autofree char *bare = g_strdup("{\"name\":\"default\",\"reason\":\"r\",\"purposes\":{\"recording\":{\"days\":1}}}");
	g_autofree char *good = document("default", RECORDING("\"days\":30"), "");
	g_autofree char *region = document("default", "", ",\"kind\":\"region\"");
	assert_refused(ap_terms_put(s.f->v, &s.ada, "default", bare, NULL, &answer), "invalid"); /* R16: no reason */
	assert_refused(ap_terms_put(s.f->v, &s.ada, "default", region, NULL, &answer), "invalid");
	assert_refused(ap_terms_put(s.f->v, &bob, "default", good, NULL, &answer), "role");
	assert_refused(ap_terms_preview(s.f->v, &bob, "default", good, &answer), "role"); /* it names all tenants' recordings */
	assert_refused(ap_terms_put(s.f->v, &s.ada, "other", good, NULL, &answer), "invalid");
	assert_refused(move(&s, "none", NULL, NULL, false, &answer), "invalid");
	assert_refused(move(&s, NULL, "default", NULL, false, &answer), "invalid");
	assert_refused(move(&s, NULL, NULL, NULL, false, &answer), "malformed");
	put_region(&s, "", "");
	assert_refused(move(&s, "eu", NULL, NULL, false, &answer), "invalid");
	g_autofree char *json = NULL;
	assert_refused(ap_vault_session_create(s.f->v, s.f->tenant, "",
					       "{\"policy\":\"eu\",\"coach\":{\"id\":\"a\"},\"coachee\":{\"id\":\"b\"}}", &json),
		       "invalid");
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM policy WHERE name = 'default'"), 1);
	fixture_free(s.f);
}

/* An admin of one tenant is told nothing of another's. */
static void terms_stay_in_the_tenant(void **state)
{
	(void)state;
	struct stage s = stage_new();
	JsonNode *answer;
	struct ap_uuid session = fixture_consented(s.f, "[\"recording\"]"), recording = seal(&s, &session);
	struct ap_actor other = s.ada;
	other.tenant = s.f->tenant + 1;
	assert_refused(ap_terms_explain_recording(s.f->v, &other, &recording, &answer), "not-found");
	assert_refused(ap_terms_explain_session(s.f->v, &other, &session, &answer), "not-found");
	assert_refused(ap_terms_decide(s.f->v, &other, &recording, 0, &answer), "not-found");
	other.tenant = s.f->tenant;
	assert_ok(ap_terms_explain_recording(s.f->v, &other, &recording, &answer));
	json_node_unref(answer);
	fixture_free(s.f);
}

/* R16: certification lasts until the decision and two months; the coach or an admin says when, and the earliest word
 * stands. */
static void r16_a_decision_ends_certification(void **state)
{
	(void)state;
	struct stage s = stage_new();
	JsonNode *answer;
	struct ap_uuid session = fixture_consented(s.f, "[\"recording\",\"certification\"]"), recording = seal(&s, &session);
	struct ap_uuid plain = fixture_consented(s.f, "[\"recording\"]"), other = seal(&s, &plain);
	struct ap_actor coach = fixture_user(s.f, "cleo", "coach", "coach-1"), stranger = fixture_user(s.f, "carl", "coach", "x");
	struct ap_actor supervisor = fixture_user(s.f, "sue", "supervisor", NULL);
	int64_t sealed = fixture_count(s.f, "SELECT min(sealed_ms) FROM recording");
	fixture_advance(s.f, 100 * DAY);
	assert_refused(ap_terms_decide(s.f->v, &supervisor, &recording, 0, &answer), "role");
	assert_refused(ap_terms_decide(s.f->v, &stranger, &recording, 0, &answer), "not-found");
	assert_refused(ap_terms_decide(s.f->v, &s.ada, &recording, s.f->wall_ms + 1, &answer), "invalid");
	assert_refused(ap_terms_decide(s.f->v, &s.ada, &recording, sealed - 1, &answer), "invalid");
	assert_refused(ap_terms_decide(s.f->v, &s.ada, &other, 0, &answer), "conflict");
	assert_ok(ap_terms_decide(s.f->v, &coach, &recording, 0, &answer));
	assert_rule(answer, "certification", "policy", "decision");
	json_node_unref(answer);
	assert_int_equal(fixture_last_leaf(s.f), AP_LEAF_OTHER);
	int64_t life = fixture_count(s.f, "SELECT (max(expires_ms) - min(sealed_ms)) / 86400000 FROM recording");
	assert_in_range(life, 100 + 59, 100 + 62);
	assert_refused(ap_terms_decide(s.f->v, &s.ada, &recording, s.f->wall_ms, &answer), "conflict");
	assert_ok(ap_terms_decide(s.f->v, &s.ada, &recording, s.f->wall_ms - 10 * DAY, &answer));
	json_node_unref(answer);
	assert_in_range(fixture_count(s.f, "SELECT (max(expires_ms) - min(sealed_ms)) / 86400000 FROM recording"), 90 + 59, 90 + 62);
	fixture_free(s.f);
}

/* The change is durable before it is applied: what a crash left is made good at the next scan. */
static void a_change_cut_short_is_carried_out_later(void **state)
{
	(void)state;
	struct stage s = stage_new();
	struct ap_uuid session = fixture_consented(s.f, "[\"recording\"]");
	seal(&s, &session);
	g_autofree char *text = document("default", RECORDING("\"days\":2"), "");
	assert_ok(ap_db_run(ap_vault_db(s.f->v), "INSERT INTO policy (name, version, document, created_ms) VALUES ('default', 2, ?1, 0)",
			    AP_VALUES(AP_V_TEXT(text))));
	assert_ok(ap_terms_catch_up(s.f->v, false));
	assert_int_equal(life_days(&s), 30);
	assert_ok(ap_db_terms_owed_set(ap_vault_db(s.f->v), true));
	fixture_restart(s.f);
	assert_ok(ap_terms_catch_up(s.f->v, false));
	assert_int_equal(life_days(&s), 2);
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM setting WHERE name = 'terms'"), 0);
	fixture_free(s.f);
}

/* Recordings of an older version have no terms yet: they get them, and never a later end than they had. */
static void older_recordings_get_terms(void **state)
{
	(void)state;
	struct stage s = stage_new();
	struct ap_uuid session = fixture_consented(s.f, "[\"recording\"]");
	fixture_recording(s.f, &session, 7 * DAY);
	assert_ok(ap_terms_catch_up(s.f->v, true));
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM term"), AP_PURPOSE_COUNT);
	assert_int_equal(life_days(&s), 7);
	fixture_free(s.f);
}

#define MANY 2000
#define IDS "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " G_STRINGIFY(MANY) ") "

/* As many sessions with both gives and a recording each, without their bytes. */
static void make_many(struct fixture *f)
{
	struct ap_db *db = ap_vault_db(f->v);
	assert_ok(ap_db_begin(db));
	fixture_run(f, IDS "INSERT INTO session (id, tenant, reference, policy, policy_version, sensitivity, video_codec, state,"
			   " created_ms) SELECT randomblob(16), 1, 'r', 'default', 1, 'standard', 'VP8', 'ended', 1800000000000 FROM n");
	fixture_run(f, "INSERT INTO party (session, role, pii_principal, locale, token_hash)"
		       " SELECT s.id, r.v, 'p', 'fr', randomblob(32) FROM session s, (SELECT 1 AS v UNION SELECT 2) r");
	fixture_run(f, "INSERT INTO consent (record_id, session, role, event, purposes, event_ms, received_ms, evidence, leaf, key)"
		       " SELECT randomblob(16), session, role, 'ConsentGiven', '[\"recording\",\"quality\"]', 1800000000000,"
		       " 1800000000000, 'signed', 0, zeroblob(32) FROM party");
	fixture_run(f, "INSERT INTO recording (id, session, state, created_ms, sealed_ms, expires_ms, coach_consent, coachee_consent,"
		       " coach_record, coachee_record, coach_recipient, coachee_recipient) SELECT randomblob(16), a.session, 'sealed',"
		       " 1800000000000, 1800000000000 + a.seq / 2 % 50 * 86400000, 1900000000000, 0, 0, a.record_id, b.record_id,"
		       " zeroblob(32), zeroblob(32) FROM consent a JOIN consent b ON a.session = b.session AND a.role = 1 AND b.role = 2");
	assert_ok(ap_db_commit(db));
}

/* R16: previewing and applying over thousands of recordings, in several batches; how long it took is told, not judged. */
static void r16_thousands_of_recordings_in_batches(void **state)
{
	(void)state;
	struct stage s = stage_new();
	make_many(s.f);
	fixture_advance(s.f, 30 * DAY);
	g_autofree char *text = document("default", RECORDING("\"days\":5") ",\"quality\":{\"days\":10" REASON, "");
	gint64 began = g_get_monotonic_time();
	g_autoptr(JsonNode) seen = preview(&s, "default", text);
	gint64 previewed = g_get_monotonic_time();
	assert_int_equal(json_object_get_int_member(object(seen), "total"), MANY);
	assert_true(json_object_get_int_member(object(seen), "at_once") > MANY / 3);
	assert_int_equal(json_array_get_length(json_object_get_array_member(object(seen), "recordings")), 500);
	assert_true(json_array_get_length(json_object_get_array_member(object(seen), "days")) >= 29);
	put(&s, "default", text, json_object_get_string_member(object(seen), "token"));
	gint64 applied = g_get_monotonic_time();
	print_message("preview %d ms, apply %d ms\n", (int)((previewed - began) / 1000), (int)((applied - previewed) / 1000));
	assert_int_equal(fixture_count(s.f, "SELECT count(*) FROM recording WHERE expires_ms = sealed_ms + 10 * 86400000"), MANY);
	fixture_free(s.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(r16_a_preview_counts_by_day),
		cmocka_unit_test(a_token_is_for_one_outcome_and_an_hour),
		cmocka_unit_test(what_is_held_is_counted_apart),
		cmocka_unit_test(r16_changes_never_lengthen_and_shorten_at_once),
		cmocka_unit_test(r37_more_makes_a_new_notice_that_old_consents_do_not_cover),
		cmocka_unit_test(r16_the_notice_shows_the_periods),
		cmocka_unit_test(r27_a_region_limits_its_tenants_recordings),
		cmocka_unit_test(r27_storage_is_recorded_and_asked_for),
		cmocka_unit_test(r27_a_session_keeps_the_region_it_was_made_in),
		cmocka_unit_test(r14_the_tier_decides_for_a_protected_session),
		cmocka_unit_test(wrong_changes_are_refused),
		cmocka_unit_test(terms_stay_in_the_tenant),
		cmocka_unit_test(r16_a_decision_ends_certification),
		cmocka_unit_test(a_change_cut_short_is_carried_out_later),
		cmocka_unit_test(older_recordings_get_terms),
		cmocka_unit_test(r16_thousands_of_recordings_in_batches),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
