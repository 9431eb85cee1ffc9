/* What a restore must not undo though the backup does not know it: R22, R40. */
#include "recorder/access/login.h"
#include "recorder/access/user.h"
#include "recorder/backup/journal.h"
#include "recorder/db/db_hold.h"
#include "recorder/db/db_policy.h"
#include "recorder/db/db_staff_user.h"
#include "recorder/db/db_term.h"
#include "recorder/erasure/erasure.h"
#include "recorder/keys/turnover.h"
#include "recorder/proof/proof.h"
#include "tests/testlib/backup_fixture.h"

#include <aparte/buf.h>
#include <liboath/oath.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>


#define DAY (86400LL * 1000)
#define YEAR (365 * DAY)

static struct ap_vault *restored(struct backup_fixture *x)
{
	struct ap_restore_report report;
	g_autofree char *home = NULL;
	assert_ok(ap_journal_flush(x->f->v));
	assert_ok(backup_fixture_restore(x, x->journal, &home, &report));
	assert_int_equal(report.frozen, 0);
	ap_restore_report_clear(&report);
	return backup_fixture_open(x, home);
}

static void hold(struct backup_fixture *x, const struct ap_uuid *recording)
{
	struct ap_db *db = ap_vault_db(x->f->v);
	const struct ap_uuid id = ap_uuid_random();
	const struct ap_hold_wish wish = { *recording, "litigation", "about a person", x->f->wall_ms + 100 * DAY };
	assert_ok(ap_db_hold_insert(db, &id, &wish, "user:ada", "user:bob", x->f->wall_ms, 0));
}

/* Its retention would end with the first scan, and the hold with it. */
static void R22_a_hold_of_after_the_backup_holds_in_what_is_restored(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid recording = backup_fixture_record(x), lifted = backup_fixture_record(x);
	g_autofree char *certificate = NULL, *other = NULL;
	hold(x, &lifted);
	backup_fixture_backup(x);
	hold(x, &recording);
	assert_ok(ap_db_run(ap_vault_db(x->f->v), "UPDATE hold SET lifted_ms = ?2 WHERE recording = ?1",
			    AP_VALUES(AP_V_UUID(&lifted), AP_V_INT(x->f->wall_ms))));
	struct ap_vault *v = restored(x);
	assert_refused(ap_erasure_now(v, &recording, AP_ERASE_EXPIRY, &certificate), "held");
	assert_ok(ap_erasure_now(v, &lifted, AP_ERASE_EXPIRY, &other));
	assert_int_equal(backup_fixture_count(v, "SELECT count(*) FROM hold WHERE proposed_by = 'journal' AND ground = 'litigation' AND reason = ''"), 1);
	assert_int_equal(backup_fixture_count(v, "SELECT count(*) FROM leaf WHERE body LIKE '%\"event\":\"hold\"%from%journal%'"), 1);
	assert_int_equal(backup_fixture_search(x->journal, "about a person", 14), 0);
	ap_vault_free(v);
	backup_fixture_free(x);
}

static void R22_a_policy_of_after_the_backup_is_in_force_in_what_is_restored(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid recording = backup_fixture_record(x);
	g_autofree char *document = NULL;
	int64_t version = 0;
	(void)recording;
	backup_fixture_backup(x);
	/* As it came back so far: the longer one. */
	int64_t before = fixture_count(x->f, "SELECT max(version) FROM policy WHERE name = 'default'");
	fixture_run(x->f, "INSERT INTO policy (name, version, document, created_ms, set_by) SELECT name, version + 1,"
			  " replace(document, '1826', '77'), 1800000000000, 'user:ada' FROM policy WHERE name = 'default'"
			  " ORDER BY version DESC LIMIT 1");
	fixture_run(x->f, "INSERT INTO policy (name, version, document, created_ms, set_by) SELECT 'narrow', 1, document,"
			  " 1800000000000, 'user:ada' FROM policy WHERE name = 'default' AND version = 1");
	fixture_run(x->f, "UPDATE tenant SET policy = 'narrow', region = 'default'");
	struct ap_vault *v = restored(x);
	assert_int_equal(backup_fixture_count(v, "SELECT max(version) FROM policy WHERE name = 'default'"), before + 1);
	assert_ok(ap_db_policy_get(ap_vault_db(v), "default", 0, &document, &version));
	assert_non_null(strstr(document, "77"));
	assert_int_equal(backup_fixture_count(v, "SELECT count(*) FROM tenant WHERE policy = 'narrow' AND region = 'default'"), 1);
	bool owed = false;
	assert_ok(ap_db_terms_owed(ap_vault_db(v), &owed));
	assert_true(owed); /* the next scan shortens what it shortens */
	ap_vault_free(v);
	backup_fixture_free(x);
}

static void R22_a_code_of_conduct_of_after_the_backup_stays_in_force(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid recording = backup_fixture_record(x);
	static const char document[] = "{\"text\":\"be kind\",\"title\":\"t\"}";
	struct ap_hash hash = ap_sha256(document, strlen(document));
	(void)recording;
	backup_fixture_backup(x);
	assert_ok(ap_db_run(ap_vault_db(x->f->v), "INSERT INTO conduct (version, lang, document, sha256, created_ms) VALUES (2, 'en', ?1, ?2, 5)",
			    AP_VALUES(AP_V_TEXT(document), AP_V_HASH(hash.b))));
	struct ap_vault *v = restored(x);
	struct ap_rows *rows = ap_db_query(ap_vault_db(v), "SELECT document, sha256 FROM conduct WHERE version = 2 AND lang = 'en'", AP_NO_VALUES);
	uint8_t sha256[32];
	assert_true(ap_rows_next(rows));
	assert_string_equal(ap_row_text(rows, 0), document);
	assert_true(ap_row_bytes(rows, 1, sha256, sizeof sha256));
	assert_memory_equal(sha256, hash.b, sizeof sha256);
	assert_ok(ap_rows_end(rows));
	ap_vault_free(v);
	backup_fixture_free(x);
}

static void set_password(struct backup_fixture *x, const char *user, const char *hash)
{
	assert_ok(ap_db_run(ap_vault_db(x->f->v), "UPDATE user_ SET password = ?2 WHERE name = ?1",
			    AP_VALUES(AP_V_TEXT(user), AP_V_TEXT(hash))));
}

/* A password that was stolen and replaced opens nothing again; who replaced theirs before the backup goes on with it. */
static void R22_a_replaced_password_stays_replaced(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid recording = backup_fixture_record(x);
	(void)recording;
	fixture_user(x->f, "sue", "supervisor", NULL);
	fixture_user(x->f, "eve", "supervisor", NULL);
	set_password(x, "eve", "stolen");
	set_password(x, "sue", "good");
	backup_fixture_backup(x);
	set_password(x, "eve", "fresh");
	struct ap_vault *v = restored(x);
	assert_int_equal(backup_fixture_count(v, "SELECT count(*) FROM user_ WHERE name = 'sue' AND password = 'good'"), 1);
	assert_int_equal(backup_fixture_count(v, "SELECT count(*) FROM user_ WHERE name = 'eve' AND password IN ('stolen', 'fresh')"), 0);
	assert_int_equal(backup_fixture_count(v, "SELECT count(*) FROM user_ WHERE name = 'eve' AND credentials = 2"), 1);
	ap_vault_free(v);
	assert_int_equal(backup_fixture_search(x->journal, "fresh", 5), 0);
	backup_fixture_free(x);
}

struct person {
	const char *name;
	char *password;
	char *secret; /* of the codes, raw: free */
	size_t len;
};

static void read_secret(struct person *p, JsonNode *answer)
{
	const char *text = json_object_get_string_member(json_node_get_object(answer), "totp_secret");
	free(p->secret);
	assert_int_equal(oath_base32_decode(text, strlen(text), &p->secret, &p->len), OATH_OK);
}

static struct person person_new(struct backup_fixture *x, const char *name)
{
	const struct ap_actor operator= {.kind = AP_ACTOR_STAFF, .staff = AP_STAFF_ADMIN, .name = "operator"};
	const struct ap_user_wish wish = {.name = name, .role = "supervisor", .tenant = "platform"};
	struct person p = {.name = name};
	g_autoptr(JsonNode) answer = NULL;
	assert_ok(ap_user_add(x->f->v, &operator, &wish, &answer));
	p.password = g_strdup(json_object_get_string_member(json_node_get_object(answer), "password"));
	read_secret(&p, answer);
	return p;
}

static void person_clear(struct person *p)
{
	g_free(p->password);
	free(p->secret);
}

/* The code of the next time step. */
static void next_code(struct backup_fixture *x, const struct person *p, char ret_code[7])
{
	fixture_advance(x->f, 30000);
	assert_int_equal(oath_totp_generate(p->secret, p->len, x->f->wall_ms / 1000, 30, 0, 6, ret_code), OATH_OK);
}

/* Another authenticator of their own. */
static void enrol(struct backup_fixture *x, struct person *p)
{
	struct ap_actor actor;
	struct ap_offers *offers = ap_offers_new(x->f->v);
	g_autoptr(JsonNode) answer = NULL;
	char code[7];
	assert_ok(ap_db_user_actor(ap_vault_db(x->f->v), p->name, &actor));
	assert_ok(ap_authenticator_offer(offers, &actor, &answer));
	read_secret(p, answer);
	next_code(x, p, code);
	assert_ok(ap_authenticator_take(offers, &actor, "the login they did it in", code));
	ap_offers_free(offers);
}

struct outcome {
	bool done;
	char name[32];
};

static void on_login(void *ctx, struct ap_result result, const struct ap_login *login)
{
	struct outcome *o = ctx;
	(void)login;
	o->done = true;
	g_strlcpy(o->name, ap_ok(result) ? "in" : result.name, sizeof o->name);
}

static void expect_login(struct backup_fixture *x, struct ap_vault *v, const struct person *p, const char *wanted)
{
	struct ap_logins *logins = ap_logins_new(v);
	struct outcome o = {0};
	char code[7];
	next_code(x, p, code);
	ap_login_begin(logins, p->name, p->password, code, on_login, &o);
	while (!o.done)
		g_main_context_iteration(NULL, TRUE);
	assert_string_equal(o.name, wanted);
	ap_logins_free(logins);
}

/* The one that the copy has may be in another's hands: it opens nothing again, though the password was never replaced.
 * Who enrolled theirs before the backup goes on with it. */
static void R22_a_replaced_authenticator_stays_replaced(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid recording = backup_fixture_record(x);
	(void)recording;
	struct person sue = person_new(x, "sue"), eve = person_new(x, "eve");
	enrol(x, &sue);
	backup_fixture_backup(x);
	struct person thief = {.name = "eve", .password = g_strdup(eve.password), .len = eve.len};
	thief.secret = malloc(eve.len);
	ap_copy(thief.secret, eve.len, eve.secret, eve.len);
	enrol(x, &eve);
	expect_login(x, x->f->v, &eve, "in");
	expect_login(x, x->f->v, &thief, "credentials");
	struct ap_vault *v = restored(x);
	expect_login(x, v, &sue, "in");
	expect_login(x, v, &thief, "credentials");
	expect_login(x, v, &eve, "credentials"); /* until a reset: nobody knows her new secret but she */
	assert_int_equal(backup_fixture_count(v, "SELECT credentials FROM user_ WHERE name = 'eve'"), 1);
	ap_vault_free(v);
	person_clear(&sue);
	person_clear(&eve);
	person_clear(&thief);
	backup_fixture_free(x);
}

static void R22_an_approval_taken_back_stays_so(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid recording = backup_fixture_record(x);
	assert_ok(ap_db_run(ap_vault_db(x->f->v),
			    "INSERT INTO approval (id, recording, actor, purpose, reason, four_eyes, admin, created_ms, lapses_ms,"
			    " decided_ms, decided_by, approved, until_ms, asked_leaf) VALUES (randomblob(16), ?1, 'user:sue',"
			    " 'supervision', 'r', 1, 0, 1, 2, 3, 'user:ada', 1, 4000000000000, 0)",
			    AP_VALUES(AP_V_UUID(&recording))));
	backup_fixture_backup(x);
	fixture_run(x->f, "UPDATE approval SET approved = 0, until_ms = NULL");
	struct ap_vault *v = restored(x);
	assert_int_equal(backup_fixture_count(v, "SELECT count(*) FROM approval WHERE approved = 0"), 1);
	ap_vault_free(v);
	backup_fixture_free(x);
}

/* R40: by its date, whatever came back. */
static void R40_a_restore_does_not_bring_a_destroyed_proof_back(void **state)
{
	(void)state;
	struct backup_fixture *x = backup_fixture_new();
	struct ap_uuid session, recording = backup_fixture_record_in(x, &session);
	struct ap_proofs p = { 0 }, q = { 0 };
	g_autofree char *receipt = NULL;
	uint64_t leaf = (uint64_t)fixture_count(x->f, "SELECT leaf FROM consent WHERE role = 1");
	backup_fixture_erase(x, &recording);
	assert_ok(ap_proof_scan(x->f->v, &p));
	assert_ok(ap_turnover_run(x->f->v, AP_TURN_SCHEDULE));
	backup_fixture_backup(x);
	fixture_advance(x->f, 1827 * DAY);
	assert_ok(ap_proof_scan(x->f->v, &p));
	assert_int_equal(fixture_count(x->f, "SELECT count(*) FROM proof"), 0);
	struct ap_vault *v = restored(x);
	assert_ok(ap_proof_receipt(v, &session, leaf, &receipt)); /* it is in the copy, until the first scan */
	assert_ok(ap_proof_scan(v, &q));
	assert_int_equal(backup_fixture_count(v, "SELECT count(*) FROM proof"), 0);
	assert_int_equal(backup_fixture_count(v, "SELECT count(*) FROM party"), 0);
	ap_vault_free(v);
	backup_fixture_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(R22_a_hold_of_after_the_backup_holds_in_what_is_restored),
		cmocka_unit_test(R22_a_policy_of_after_the_backup_is_in_force_in_what_is_restored),
		cmocka_unit_test(R22_a_code_of_conduct_of_after_the_backup_stays_in_force),
		cmocka_unit_test(R22_a_replaced_password_stays_replaced),
		cmocka_unit_test(R22_a_replaced_authenticator_stays_replaced),
		cmocka_unit_test(R22_an_approval_taken_back_stays_so),
		cmocka_unit_test(R40_a_restore_does_not_bring_a_destroyed_proof_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
