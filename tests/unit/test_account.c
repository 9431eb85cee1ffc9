/* What the operator answers for: register, recipients, disclosures, roles per tenant (R24, R25, R26, R35, R37). */
#include "recorder/accountability/account.h"

#include "tests/testlib/staff_fixture.h"

#include "recorder/accountability/register.h"
#include "recorder/db/db_staff_user.h"
#include "recorder/consent/notice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY 86400000LL

/* An admin of all tenants. */
static struct ap_actor admin_of_all(struct fixture *f)
{
	struct ap_actor ada = fixture_user(f, "ada", "admin", NULL);
	fixture_run(f, "UPDATE user_ SET tenant = NULL WHERE name = 'ada'");
	assert_ok(ap_db_user_actor(ap_vault_db(f->v), "ada", &ada));
	return ada;
}

static JsonNode *json(const char *text)
{
	JsonNode *node = json_from_string(text, NULL);
	assert_non_null(node);
	return node;
}

static struct ap_result add(struct fixture *f, const struct ap_actor *by, const char *body)
{
	g_autoptr(JsonNode) wish = json(body), answer = NULL;
	return ap_account_recipient_add(f->v, by, json_node_get_object(wish), &answer);
}

static struct ap_result set_roles(struct fixture *f, const struct ap_actor *by, const char *tenant, const char *body)
{
	g_autoptr(JsonNode) wish = json(body), answer = NULL;
	return ap_account_tenant_set(f->v, by, tenant, json_node_get_object(wish), &answer);
}

static char *tenant_name(struct fixture *f)
{
	struct ap_rows *rows =
		ap_db_query(ap_vault_db(f->v), "SELECT name FROM tenant WHERE id = ?1", AP_VALUES(AP_V_INT(f->tenant)));
	assert_true(ap_rows_next(rows));
	char *name = ap_row_text_dup(rows, 0);
	assert_ok(ap_rows_end(rows));
	return name;
}

static char *notice(struct fixture *f, const struct ap_uuid *session, const char *lang, struct ap_hash *ret_hash)
{
	char *document;
	struct ap_session s;
	assert_ok(ap_session_load(ap_vault_db(f->v), session, &s));
	assert_ok(ap_notice_current(f->v, ap_vault_db(f->v), &s, lang, &document, ret_hash));
	ap_session_clear(&s);
	return document;
}

static char *markdown(struct fixture *f, const struct ap_actor *by, const char *lang)
{
	g_autoptr(JsonNode) facts = NULL;
	assert_ok(ap_account_facts(f->v, by, lang, &facts));
	return ap_register_markdown(json_node_get_object(facts), lang);
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

static void has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' is in:\n%s", part, text);
}

static const char processor[] =
	"{\"name\":\"Hébergeur SA\",\"role\":\"processor\",\"place\":\"Lyon, France\",\"purpose\":\"hosting\"}";

/* R24: the register says what is in force: a policy's periods and reasons, and follows when they change. */
static void r24_the_register_is_what_is_in_force(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_actor ada = admin_of_all(f);
	g_autofree char *en = markdown(f, &ada, "en"), *fr = markdown(f, &ada, "fr");
	has(en, "# Register of processing activities");
	has(en, "| Record the session | consent of both persons");
	has(en, "| 30 days | policy default 1 |");
	has(en, "| Proof of consent |");
	has(en, "within 12 hours");
	has(fr, "# Registre des activités de traitement");
	has(fr, "| 30 jours | policy default 1 |");
	has_not(fr, "Register of");
	has_not(en, "{n}");
	assert_ok(add(f, &ada, processor));
	fixture_run(f, "INSERT INTO policy (name, version, document, created_ms) SELECT 'default', 2,"
		       " json_set(document, '$.purposes.recording.days', 11, '$.purposes.recording.reason', 'eleven | "
		       "are enough'), 1"
		       " FROM policy WHERE name = 'default' AND version = 1");
	g_autofree char *then = markdown(f, &ada, "en");
	has(then, "| 11 days | policy default 2 | eleven \\| are enough |");
	has(then, "| Hébergeur SA | processor | Lyon, France | hosting |");
	fixture_free(f);
}

/* R24: as a table for other programs: as many cells in every line, and none that a spreadsheet would compute. */
static void r24_csv_has_no_formulas(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_actor ada = admin_of_all(f);
	g_autoptr(JsonNode) facts = NULL;
	g_autofree char *name = tenant_name(f);
	assert_ok(set_roles(f, &ada, name,
			    "{\"capacity\":\"processor\",\"controller\":\"=HYPERLINK(\\\"x\\\")\","
			    "\"contact\":\"c@example.org\",\"agreement\":\"DPA-7\"}"));
	assert_ok(ap_account_facts(f->v, &ada, "en", &facts));
	g_autofree char *csv = ap_register_csv(json_node_get_object(facts), "en");
	g_auto(GStrv) lines = g_strsplit(csv, "\r\n", -1);
	assert_true(g_strv_length(lines) > 3);
	for (guint i = 0; lines[i + 1]; i++) {
		g_auto(GStrv) cells = g_strsplit(lines[i], "\",\"", -1);
		assert_int_equal(g_strv_length(cells), 15);
	}
	has(csv, "\"'=HYPERLINK(\"\"x\"\")\"");
	has(csv, "\"processor for the tenant\"");
	has_not(csv, "\"=");
	fixture_free(f);
}

/* R37: a recipient who comes or goes makes a new version of the notice, announced before it begins; another tenant's
 * does not concern. */
static void r37_a_new_recipient_makes_a_new_notice(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_actor ada = admin_of_all(f);
	struct ap_uuid session = fixture_session(f, "coach-1", "coachee-1");
	struct ap_hash hashes[4];
	int64_t other;
	assert_ok(ap_tenant_add(ap_vault_db(f->v), "elsewhere", "default", f->wall_ms, &other));
	g_autofree char *before = notice(f, &session, "fr", &hashes[0]);
	has_not(before, "~");
	assert_ok(add(f, &ada,
		      "{\"name\":\"Foreign\",\"role\":\"processor\",\"place\":\"x\",\"purpose\":\"y\",\"tenant\":"
		      "\"elsewhere\"}"));
	g_autofree char *same = notice(f, &session, "fr", &hashes[1]);
	assert_string_equal(before, same);
	assert_ok(add(f, &ada,
		      "{\"name\":\"Mail "
		      "GmbH\",\"role\":\"sub_processor\",\"place\":\"Bonn\",\"purpose\":\"mail\",\"since\":\"2199-01-"
		      "02T00:00:00Z\"}"));
	assert_int_equal(fixture_last_leaf(f), AP_LEAF_OTHER);
	g_autofree char *after = notice(f, &session, "fr", &hashes[2]);
	has(after, "Mail GmbH (sous-traitant ultérieur, Bonn): mail, à partir du 2199-01-02");
	has(after, "~1\"");
	assert_memory_not_equal(hashes[0].b, hashes[2].b, sizeof hashes[0].b);
	assert_ok(ap_account_recipient_end(f->v, &ada, "2"));
	assert_refused(ap_account_recipient_end(f->v, &ada, "2"), "not-found");
	assert_refused(ap_account_recipient_end(f->v, &ada, "x"), "not-found");
	g_autofree char *ended = notice(f, &session, "fr", &hashes[3]);
	has_not(ended, "Mail GmbH");
	has(ended, "~2\"");
	fixture_free(f);
}

/* R26: who answers for a tenant stands in the notice of its sessions and in the register. */
static void r26_the_notice_names_who_is_controller(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_actor ada = admin_of_all(f), one = fixture_user(f, "one", "admin", NULL);
	struct ap_uuid session = fixture_session(f, "coach-1", "coachee-1");
	struct ap_hash hash;
	g_autofree char *name = tenant_name(f);
	static const char acme[] = "{\"capacity\":\"processor\",\"controller\":\"Acme\",\"contact\":\"dpo@acme."
				   "example\",\"agreement\":\"DPA-7\"}";
	assert_refused(set_roles(f, &one, name, acme), "role");
	assert_refused(set_roles(f, &ada, "nobody", acme), "not-found");
	assert_refused(set_roles(f, &ada, name, "{\"capacity\":\"owner\"}"), "invalid");
	assert_refused(set_roles(f, &ada, name, "{\"capacity\":\"joint\",\"controller\":\"Acme\",\"contact\":\"c\"}"),
		       "invalid");
	assert_ok(set_roles(f, &ada, name, acme));
	assert_int_equal(fixture_last_leaf(f), AP_LEAF_OTHER);
	g_autofree char *processed = notice(f, &session, "en", &hash);
	has(processed, "\"controller\":{\"contact\":\"dpo@acme.example\",\"name\":\"Acme\"}");
	g_autofree char *text = markdown(f, &one, "en");
	has(text, "- The operator is: processor for the tenant\n- Controller: Acme\n");
	has(text, "- Agreement: DPA-7");
	assert_ok(set_roles(
		f, &ada, name,
		"{\"capacity\":\"joint\",\"controller\":\"Acme\",\"contact\":\"c\",\"agreement\":\"JCA-1\"}"));
	g_autofree char *joint = notice(f, &session, "en", &hash);
	has(joint, "; Acme\"");
	assert_ok(set_roles(f, &ada, name, "{\"capacity\":\"controller\"}"));
	g_autofree char *own = notice(f, &session, "en", &hash);
	has_not(own, "Acme");
	fixture_free(f);
}

static guint length_of(JsonNode *answer, const char *list)
{
	return json_array_get_length(json_object_get_array_member(json_node_get_object(answer), list));
}

/* R25: every disclosure is there: who, how, why; and an admin of one tenant learns of its own alone. */
static void r25_disclosures_say_who_how_why(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_actor ada = admin_of_all(f), stranger = ada;
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	struct ap_uuid recording = fixture_recording(f, &session, DAY);
	struct ap_actor coach = fixture_party(&session, AP_COACH);
	struct ap_access access;
	g_autoptr(JsonNode) answer = NULL, none = NULL;
	assert_ok(ap_access_begin_export(f->v, &ada, &recording, "court order 7", &access));
	assert_ok(ap_access_begin(f->v, &coach, &recording, "recording", "own", &access));
	assert_ok(ap_account_disclosures(f->v, &ada, &answer));
	assert_int_equal(length_of(answer, "disclosures"), 1); /* the person's own look is none */
	JsonObject *o = json_array_get_object_element(
		json_object_get_array_member(json_node_get_object(answer), "disclosures"), 0);
	assert_string_equal(json_object_get_string_member(o, "who"), "ada");
	assert_string_equal(json_object_get_string_member(o, "role"), "admin");
	assert_string_equal(json_object_get_string_member(o, "how"), "export");
	assert_string_equal(json_object_get_string_member(o, "reason"), "court order 7");
	stranger.tenant = f->tenant + 100;
	assert_ok(ap_account_disclosures(f->v, &stranger, &none));
	assert_int_equal(length_of(none, "disclosures"), 0);
	fixture_free(f);
}

/* R25: an admin of one tenant adds for that one, sees those of all, ends only their own. */
static void r25_recipients_belong_to_tenants(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_actor ada = admin_of_all(f), one = fixture_user(f, "one", "admin", NULL);
	g_autofree char *name = tenant_name(f);
	g_autofree char *own = g_strdup_printf(
		"{\"name\":\"N\",\"role\":\"recipient\",\"place\":\"P\",\"purpose\":\"Q\",\"tenant\":\"%s\"}", name);
	g_autoptr(JsonNode) answer = NULL;
	assert_refused(add(f, &one, processor), "role");
	assert_refused(add(f, &ada, "{\"name\":\"N\",\"role\":\"friend\",\"place\":\"P\",\"purpose\":\"Q\"}"),
		       "invalid");
	assert_refused(add(f, &ada, "{\"name\":\"\",\"role\":\"recipient\",\"place\":\"P\",\"purpose\":\"Q\"}"),
		       "invalid");
	assert_refused(
		add(f, &ada,
		    "{\"name\":\"N\",\"role\":\"recipient\",\"place\":\"P\",\"purpose\":\"Q\",\"since\":\"soon\"}"),
		"malformed");
	assert_ok(add(f, &ada, processor));
	assert_ok(add(f, &one, own));
	assert_ok(ap_account_recipients(f->v, &one, &answer));
	assert_int_equal(length_of(answer, "recipients"), 2);
	assert_refused(ap_account_recipient_end(f->v, &one, "1"), "not-found");
	assert_ok(ap_account_recipient_end(f->v, &one, "2"));
	for (int i = 1; i < 50; i++)
		assert_ok(add(f, &ada, processor));
	assert_refused(add(f, &ada, processor), "conflict");
	fixture_free(f);
}

/* R35: a pre-filled assessment ships in both languages, with the four parts of art. 35(7) and places left to fill. */
static void r35_a_model_of_the_assessment_ships(void **state)
{
	(void)state;
	static const char *const langs[] = {"fr", "en"}, *const parts[] = {"35(7)(a)", "35(7)(b)", "35(7)(c)",
									   "35(7)(d)", "**["};
	for (size_t i = 0; i < G_N_ELEMENTS(langs); i++) {
		g_autofree char *path = g_strdup_printf("%s/config/impact-assessment/%s.md", AP_SOURCE_DIR, langs[i]),
				*text = NULL;
		assert_true(g_file_get_contents(path, &text, NULL, NULL));
		for (size_t j = 0; j < G_N_ELEMENTS(parts); j++)
			has(text, parts[j]);
		has(text, "operator.impact_assessment");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(r24_the_register_is_what_is_in_force),
		cmocka_unit_test(r24_csv_has_no_formulas),
		cmocka_unit_test(r37_a_new_recipient_makes_a_new_notice),
		cmocka_unit_test(r26_the_notice_names_who_is_controller),
		cmocka_unit_test(r25_disclosures_say_who_how_why),
		cmocka_unit_test(r25_recipients_belong_to_tenants),
		cmocka_unit_test(r35_a_model_of_the_assessment_ships),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
