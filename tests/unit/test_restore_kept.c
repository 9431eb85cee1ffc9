/* What a restore must not undo though the backup does not know it: R22, R40. */
#include "recorder/backup/journal.h"
#include "recorder/db/db_hold.h"
#include "recorder/db/db_policy.h"
#include "recorder/db/db_term.h"
#include "recorder/erasure/erasure.h"
#include "recorder/keys/turnover.h"
#include "recorder/proof/proof.h"
#include "tests/testlib/backup_fixture.h"

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
		cmocka_unit_test(R22_an_approval_taken_back_stays_so),
		cmocka_unit_test(R40_a_restore_does_not_bring_a_destroyed_proof_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
