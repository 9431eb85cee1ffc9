#include "tests/testlib/desk_fixture.h"

#include "recorder/access/user.h"
#include "recorder/api/body.h"
#include "recorder/consent/session.h"
#include "recorder/erasure/hold.h"
#include "recorder/keys/turnover.h"
#include "recorder/ledger/receipt.h"
#include "recorder/offboard/db_offboard.h"
#include "recorder/offboard/offboard.h"
#include "recorder/proof/proof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Why the only recording that waits does. */
static void assert_waits(struct desk *d, const char *why)
{
	g_autoptr(JsonNode) answer = desk_status(d);
	JsonArray *waiting = json_object_get_array_member(json_node_get_object(answer), "waiting");
	assert_int_equal(json_array_get_length(waiting), 1);
	assert_string_equal(json_object_get_string_member(json_array_get_object_element(waiting, 0), "why"), why);
}

static void hold(struct desk *d, const struct ap_uuid *recording)
{
	char id[AP_UUID_TEXT], ends[AP_TIME_TEXT];
	unsigned code;
	g_autoptr(JsonNode) proposed = NULL, made = NULL;
	ap_uuid_text(recording, id);
	ap_time_text(d->f->wall_ms + 90 * DAY, ends);
	g_autofree char *wish = g_strdup_printf(
		"{\"recording\":\"%s\",\"ground\":\"art. 17(3)(e)\",\"reason\":\"a dispute\",\"ends\":\"%s\"}", id,
		ends);
	g_autoptr(JsonObject) body = desk_object(wish);
	assert_ok(ap_hold_post(d->f->v, &d->ada, body, &code, &proposed));
	g_autofree char *word = g_strdup_printf(
		"{\"proposal\":\"%s\"}", json_object_get_string_member(json_node_get_object(proposed), "proposal"));
	g_autoptr(JsonObject) second = desk_object(word);
	assert_ok(ap_hold_post(d->f->v, &d->bob, second, &code, &made));
}

/* ---- the order ---- */

/* R30: two admins order it; from then on the platform has no key and no new session, and others notice nothing. */
static void r30_two_admins_order_a_leaving(void **state)
{
	(void)state;
	struct desk d = desk_new();
	g_autofree char *key = NULL, *others_key = NULL, *made = NULL;
	int64_t tenant;
	static const char body[] = "{\"coach\":{\"id\":\"a\"},\"coachee\":{\"id\":\"b\"}}";
	assert_ok(ap_api_key_add(ap_vault_db(d.f->v), d.f->tenant, "k", d.f->wall_ms, &key));
	assert_ok(ap_api_key_add(ap_vault_db(d.f->v), d.other, "k", d.f->wall_ms, &others_key));
	fixture_run(d.f, "UPDATE session SET state = 'active', ended_ms = NULL");
	assert_refused(desk_post(&d, &d.ada, "{\"recipient\":\"age1nonsense\",\"reason\":\"x\"}", NULL, NULL), "invalid");
	desk_order(&d);
	desk_assert_state(&d, "ordered");
	assert_int_equal(fixture_last_leaf(d.f), AP_LEAF_OTHER);
	assert_refused(ap_api_key_check(ap_vault_db(d.f->v), key, &tenant), "token-invalid");
	assert_refused(ap_vault_session_create(d.f->v, d.f->tenant, "", body, &made), "conflict");
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM session WHERE tenant = 1 AND state <> 'ended'"), 0);
	assert_ok(ap_api_key_check(ap_vault_db(d.f->v), others_key, &tenant));
	assert_ok(ap_vault_session_create(d.f->v, d.other, "", body, &made));
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM session WHERE tenant = 2 AND state = 'ended'"), 0);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM recording WHERE state = 'sealed'"), 3);
	assert_refused(desk_erase(&d, &d.bob, "{}"), "conflict"); /* nothing was exported */
	assert_refused(desk_erase(&d, &d.ada, "{\"without_export\":\"they want none\"}"), "role");
	desk_free(&d);
}

/* ---- the erasure ---- */

static struct ap_receipt_facts verified(struct desk *d, const char *receipt)
{
	struct ap_log_key key;
	struct ap_receipt_facts facts;
	assert_ok(ap_log_key_parse(ap_ledger_vkey(ap_vault_ledger(d->f->v)), &key));
	assert_ok(ap_receipt_verify(receipt, strlen(receipt), &key, NULL, 0, &facts));
	return facts;
}

/* What the certificate's leaf says, and its second part's: NULL while there is none. */
static void read_certificate(struct desk *d, JsonObject **ret_body, JsonObject **ret_second)
{
	g_autofree char *text = NULL;
	assert_ok(ap_offboard_certificate(d->f->v, "platform", &text));
	g_autoptr(JsonObject) whole = desk_object(text);
	struct ap_receipt_facts facts = verified(d, text);
	assert_int_equal(facts.type, AP_LEAF_ERASED);
	*ret_body = desk_object(facts.body);
	ap_receipt_facts_clear(&facts);
	*ret_second = NULL;
	if (!json_object_has_member(whole, "turnover"))
		return;
	g_autofree char *second = json_to_string(json_object_get_member(whole, "turnover"), FALSE);
	facts = verified(d, second);
	*ret_second = desk_object(facts.body);
	ap_receipt_facts_clear(&facts);
	assert_non_null(ap_body_text(whole, "unrecoverable_at"));
}

/* R30, R20, R19: a held recording waits and says why; then all of it is gone, with one certificate in two parts; the
 * other tenant keeps everything. */
static void r30_everything_goes_with_one_certificate(void **state)
{
	(void)state;
	struct desk d = desk_new();
	g_autofree char *none = NULL;
	g_autoptr(JsonObject) body = NULL, second = NULL, body_later = NULL, second_later = NULL;
	hold(&d, &d.second);
	fixture_run(d.f, "INSERT INTO webhook (tenant, name, url, events) VALUES (1, 'w', 'https://example.com', "
			 "'[\"tenant.left\"]')");
	fixture_run(d.f, "INSERT INTO webhook_delivery (id, tenant, name, event, body, created_ms, next_ms)"
			 " VALUES (randomblob(16), 1, 'w', 'x', 'y', 0, 0)");
	fixture_run(d.f, "INSERT INTO decision VALUES ((SELECT min(id) FROM recording), 1, 'user:ada', 1, 0)");
	desk_order(&d);
	assert_ok(desk_report(&d, &d.ada));
	assert_ok(desk_erase(&d, &d.bob, "{}"));
	desk_settle();
	assert_ok(ap_offboard_work(d.f->v));
	desk_assert_state(&d, "erasing");
	assert_waits(&d, "held");
	assert_int_equal(fixture_files(d.f, &d.first), 0);
	assert_int_equal(fixture_files(d.f, &d.second), 2 * FIXTURE_SEGMENTS);
	assert_refused(ap_offboard_certificate(d.f->v, "platform", &none), "not-found");
	assert_refused(desk_erase(&d, &d.bob, "{}"), "conflict");
	assert_true(fixture_on_disk(d.f, NAME, strlen(NAME)));
	fixture_advance(d.f, 91 * DAY); /* the hold is over */
	ap_vault_believe(d.f->v, d.f->wall_ms, d.f->mono_ns);
	assert_ok(ap_offboard_work(d.f->v));
	desk_assert_state(&d, "erased");
	assert_int_equal(fixture_files(d.f, &d.second), 0);
	assert_false(fixture_on_disk(d.f, NAME, strlen(NAME)));
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM webhook_delivery"), 0);
	struct ap_proofs proofs = {0};
	assert_ok(ap_proof_scan(d.f->v, &proofs)); /* R40: what proves its consents is kept to its own end */
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM proof p JOIN session s ON s.id = p.session WHERE s.tenant = 1"),
			 2);
	read_certificate(&d, &body, &second);
	assert_string_equal(ap_body_text(body, "event"), "tenant_erased");
	assert_string_equal(ap_body_text(body, "export_sha256"), SHA);
	assert_int_equal(json_object_get_int_member(body, "recordings"), 2);
	assert_non_null(ap_body_text(body, "proofs_until"));
	assert_null(second);
	assert_ok(ap_turnover_run(d.f->v, AP_TURN_ADMIN));
	read_certificate(&d, &body_later, &second_later);
	assert_string_equal(ap_body_text(second_later, "kek_id"), ap_body_text(body_later, "kek_id"));
	/* The other tenant. */
	assert_int_equal(fixture_files(d.f, &d.others), 2 * FIXTURE_SEGMENTS);
	assert_int_equal(
		fixture_count(d.f,
			      "SELECT count(*) FROM recording r JOIN session s ON s.id = r.session WHERE s.tenant = 2"
			      " AND r.state = 'sealed'"),
		1);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM session WHERE tenant = 2 AND reference <> ''"), 1);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	desk_free(&d);
}

#define CLAIRE "claire.unmistakable@sud.example"

/* R30: nor do its staff stay: neither their names nor the secrets of their second factor. */
static void r30_its_staff_go_too(void **state)
{
	(void)state;
	struct desk d = desk_new();
	g_autoptr(JsonNode) added = NULL, kept = NULL;
	const struct ap_user_wish wish = {CLAIRE, "coach", "platform", "coach-1", NULL};
	const struct ap_user_wish other = {"zoe@other.example", "coach", "other", "coach-1", NULL};
	struct ap_secret *secret = NULL;
	assert_ok(ap_user_add(d.f->v, &d.ada, &wish, &added));
	struct ap_actor operator = d.ada;
	operator.tenant = 0;
	assert_ok(ap_user_add(d.f->v, &operator, &other, &kept));
	assert_ok(ap_user_disable(d.f->v, &d.ada, CLAIRE, true));
	assert_true(fixture_on_disk(d.f, CLAIRE, strlen(CLAIRE)));
	desk_order(&d);
	assert_ok(desk_report(&d, &d.ada));
	assert_ok(desk_erase(&d, &d.bob, "{}"));
	desk_settle();
	assert_ok(ap_offboard_work(d.f->v));
	desk_assert_state(&d, "erased");
	assert_refused(ap_db_keys_server_get(ap_vault_keys(d.f->v), "totp:" CLAIRE, &secret), "not-found");
	assert_false(fixture_on_disk(d.f, CLAIRE, strlen(CLAIRE)));
	assert_ok(ap_db_keys_server_get(ap_vault_keys(d.f->v), "totp:zoe@other.example", &secret));
	ap_secret_free(secret);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM leaf WHERE body LIKE '%zoe@other.example%'"), 1);
	desk_free(&d);
}

/* R30: killed between any two steps, it goes on where it was. */
static void r30_a_killed_vault_goes_on(void **state)
{
	(void)state;
	struct desk d = desk_new();
	g_autoptr(JsonObject) body = NULL, second = NULL;
	desk_order(&d);
	fixture_restart(d.f);
	desk_assert_state(&d, "ordered");
	assert_ok(desk_report(&d, &d.ada));
	fixture_run(d.f, "UPDATE offboarding SET state = 'erasing', erase_by = 'user:bob'"); /* the order is durable,
												nothing else */
	fixture_restart(d.f);
	assert_int_equal(fixture_files(d.f, &d.first), 2 * FIXTURE_SEGMENTS);
	assert_ok(ap_offboard_work(d.f->v));
	desk_assert_state(&d, "erased");
	fixture_run(d.f, "UPDATE offboarding SET certificate = NULL"); /* erased, but not certified yet */
	fixture_restart(d.f);
	assert_ok(ap_offboard_work(d.f->v));
	read_certificate(&d, &body, &second);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM leaf WHERE body LIKE '%\"tenant_erased\"%'"), 1);
	assert_int_equal(fixture_files(d.f, &d.others), 2 * FIXTURE_SEGMENTS);
	desk_free(&d);
}

/* R30, R22: restored from a backup of before, the journal has it erased again. */
static void r30_the_journal_brings_the_erasure_back(void **state)
{
	(void)state;
	struct desk d = desk_new();
	bool changed = false;
	struct ap_uuid id = ap_uuid_random();
	desk_order(&d);
	assert_ok(desk_report(&d, &d.ada));
	fixture_run(d.f, "DELETE FROM journal_due");
	fixture_run(d.f, "UPDATE offboarding SET state = 'erasing'");
	assert_int_equal(
		fixture_count(d.f, "SELECT count(*) FROM journal_due WHERE event = 'tenant_left' AND number = 1"), 1);
	desk_free(&d);
	d = desk_new(); /* the copy of before */
	assert_ok(ap_db_offboard_replay(ap_vault_db(d.f->v), &id, d.f->tenant, d.f->wall_ms, &changed));
	assert_true(changed);
	assert_ok(ap_db_offboard_replay(ap_vault_db(d.f->v), &id, d.f->tenant, d.f->wall_ms, &changed));
	assert_false(changed);
	assert_ok(ap_offboard_work(d.f->v));
	desk_assert_state(&d, "erased");
	assert_false(fixture_on_disk(d.f, NAME, strlen(NAME)));
	desk_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(r30_two_admins_order_a_leaving),
		cmocka_unit_test(r30_everything_goes_with_one_certificate),
		cmocka_unit_test(r30_its_staff_go_too),
		cmocka_unit_test(r30_a_killed_vault_goes_on),
		cmocka_unit_test(r30_the_journal_brings_the_erasure_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
