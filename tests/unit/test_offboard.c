#include "tests/testlib/staff_fixture.h"

#include "recorder/access/grant.h"
#include "recorder/access/note.h"
#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/consent/session.h"
#include "recorder/erasure/hold.h"
#include "recorder/keys/turnover.h"
#include "recorder/ledger/receipt.h"
#include "recorder/offboard/db_offboard.h"
#include "recorder/offboard/hand_over.h"
#include "recorder/offboard/offboard.h"
#include "recorder/proof/proof.h"

#include <aparte/age.h>
#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY 86400000LL
#define NAME "Aliénor Unverwechselbar"
#define NOTE "she paused before the word father"
#define SHA "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* Two tenants: "platform", which leaves, with two recordings; and "other", with one. */
struct desk {
	struct fixture *f;
	struct ap_uuid session, first, second, others_session, others;
	struct ap_actor ada, bob;
	struct ap_secret *identity;
	char recipient[AP_AGE_RECIPIENT_TEXT];
	int64_t other;
};

static struct desk desk_new(void)
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

static void desk_free(struct desk *d)
{
	ap_secret_free(d->identity);
	fixture_free(d->f);
}

static void settle(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static JsonObject *object_of(const char *text)
{
	g_autoptr(JsonNode) node = json_from_string(text, NULL);
	return json_object_ref(json_node_get_object(node));
}

/* A POST; *ret_member, if wanted, is that member of the answer. */
static struct ap_result post(struct desk *d, const struct ap_actor *by, const char *json, const char *member,
			     char **ret_member)
{
	unsigned status;
	g_autoptr(JsonNode) answer = NULL;
	g_autoptr(JsonObject) body = object_of(json);
	AP_TRY(ap_offboard_post(d->f->v, by, "platform", body, &status, &answer));
	if (member)
		*ret_member = g_strdup(json_object_get_string_member(json_node_get_object(answer), member));
	return AP_SUCCESS;
}

static void order(struct desk *d)
{
	g_autofree char *proposal = NULL;
	g_autofree char *wish = g_strdup_printf("{\"recipient\":\"%s\",\"reason\":\"contract ended\"}", d->recipient);
	assert_ok(post(d, &d->ada, wish, "proposal", &proposal));
	g_autofree char *word = g_strdup_printf("{\"proposal\":\"%s\"}", proposal);
	assert_refused(post(d, &d->ada, word, NULL, NULL), "role");
	assert_ok(post(d, &d->bob, word, NULL, NULL));
	settle();
}

static struct ap_result erase(struct desk *d, const struct ap_actor *by, const char *json)
{
	g_autoptr(JsonNode) answer = NULL;
	g_autoptr(JsonObject) body = object_of(json);
	return ap_offboard_erase(d->f->v, by, "platform", body, &answer);
}

static struct ap_result report(struct desk *d, const struct ap_actor *by)
{
	g_autoptr(JsonNode) answer = NULL;
	g_autoptr(JsonObject) body = object_of("{\"sha256\":\"" SHA "\",\"recordings\":2,\"left_out\":0}");
	return ap_offboard_exported(d->f->v, by, "platform", body, &answer);
}

static JsonNode *status(struct desk *d)
{
	JsonNode *answer;
	assert_ok(ap_offboard_show(d->f->v, "platform", &answer));
	return answer;
}

static void assert_state(struct desk *d, const char *expected)
{
	g_autoptr(JsonNode) answer = status(d);
	assert_string_equal(json_object_get_string_member(json_node_get_object(answer), "state"), expected);
}

/* Why the only recording that waits does. */
static void assert_waits(struct desk *d, const char *why)
{
	g_autoptr(JsonNode) answer = status(d);
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
	g_autoptr(JsonObject) body = object_of(wish);
	assert_ok(ap_hold_post(d->f->v, &d->ada, body, &code, &proposed));
	g_autofree char *word = g_strdup_printf(
		"{\"proposal\":\"%s\"}", json_object_get_string_member(json_node_get_object(proposed), "proposal"));
	g_autoptr(JsonObject) second = object_of(word);
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
	assert_refused(post(&d, &d.ada, "{\"recipient\":\"age1nonsense\",\"reason\":\"x\"}", NULL, NULL), "invalid");
	order(&d);
	assert_state(&d, "ordered");
	assert_int_equal(fixture_last_leaf(d.f), AP_LEAF_OTHER);
	assert_refused(ap_api_key_check(ap_vault_db(d.f->v), key, &tenant), "token-invalid");
	assert_refused(ap_vault_session_create(d.f->v, d.f->tenant, "", body, &made), "conflict");
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM session WHERE tenant = 1 AND state <> 'ended'"), 0);
	assert_ok(ap_api_key_check(ap_vault_db(d.f->v), others_key, &tenant));
	assert_ok(ap_vault_session_create(d.f->v, d.other, "", body, &made));
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM session WHERE tenant = 2 AND state = 'ended'"), 0);
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM recording WHERE state = 'sealed'"), 3);
	assert_refused(erase(&d, &d.bob, "{}"), "conflict"); /* nothing was exported */
	assert_refused(erase(&d, &d.ada, "{\"without_export\":\"they want none\"}"), "role");
	desk_free(&d);
}

/* ---- the export ---- */

/* All entries of the zip that only the leaver's identity opens, one after the other. */
static char *opened(const struct desk *d, const char *path)
{
	g_autofree char *file = NULL;
	gsize len;
	uint8_t *plain = NULL, piece[65536];
	size_t plain_len;
	GString *all = g_string_new(NULL);
	struct archive *zip = archive_read_new();
	struct archive_entry *entry;
	assert_true(g_file_get_contents(path, &file, &len, NULL));
	assert_ok(ap_age_decrypt(d->identity, file, len, &plain, &plain_len));
	archive_read_support_format_zip(zip);
	assert_int_equal(archive_read_open_memory(zip, plain, plain_len), ARCHIVE_OK);
	while (archive_read_next_header(zip, &entry) == ARCHIVE_OK) {
		g_string_append_printf(all, "\n== %s\n", archive_entry_pathname(entry));
		for (la_ssize_t n; (n = archive_read_data(zip, piece, sizeof piece)) > 0;)
			g_string_append_len(all, (const char *)piece, n);
	}
	archive_read_free(zip);
	g_free(plain);
	return g_string_free(all, FALSE);
}

/* A viewer's note on the first recording. */
static void note(struct desk *d)
{
	struct ap_access access;
	struct ap_actor sam = fixture_user(d->f, "sam", "supervisor", NULL);
	g_autoptr(JsonNode) granted = NULL, noted = NULL;
	g_autoptr(JsonObject) body = object_of("{\"at_ms\":1000,\"text\":\"" NOTE "\"}");
	const struct ap_grant_wish wish = {d->first, "sam", "supervision", d->f->wall_ms + DAY};
	assert_ok(ap_grant_add(d->f->v, &d->ada, &wish, &granted));
	assert_ok(ap_access_begin(d->f->v, &sam, &d->first, "supervision", "review", &access));
	assert_ok(ap_note_add(d->f->v, &sam, &(struct ap_note_place){d->first, access.id}, body, &noted));
}

/* R30, R34: the data are put together under the leaver's key, and nowhere in clear: of decisions what was given, and
 * viewers' notes; nothing of another tenant. */
static void r30_the_data_are_the_leavers_alone(void **state)
{
	(void)state;
	struct desk d = desk_new();
	g_autoptr(JsonNode) begun = NULL;
	char id[AP_UUID_TEXT];
	uint8_t *bytes = NULL;
	size_t len = 0;
	note(&d);
	fixture_withdraw(d.f, &d.session, AP_COACHEE, "[\"quality\"]");
	struct ap_uuid archived = fixture_consented(d.f, "[\"supervision\"]");
	struct ap_proofs proofs = {0};
	assert_ok(ap_proof_scan(d.f->v, &proofs)); /* nothing was recorded: its consents lie in the archive */
	assert_int_equal(fixture_count(d.f, "SELECT count(*) FROM proof"), 1);
	order(&d);
	assert_refused(ap_hand_over_read(d.f->v, "platform", 0, &bytes, &len), "not-found");
	assert_ok(ap_hand_over_data(d.f->v, "platform", &begun));
	settle();
	struct ap_offboarding o;
	assert_ok(ap_offboard_find(d.f->v, "platform", &o));
	ap_uuid_text(&o.id, id);
	g_autofree char *name = g_strconcat(id, ".age", NULL),
			*path = g_build_filename(d.f->home, "vault/offboard", name, NULL);
	g_autofree char *all = opened(&d, path);
	ap_uuid_text(&archived, id);
	g_autofree char *receipt = g_strdup_printf("== sessions/%s/receipts/", id);
	assert_non_null(strstr(all, receipt));
	ap_uuid_text(&d.others_session, id);
	assert_non_null(strstr(all, NAME));
	assert_non_null(strstr(all, NOTE));
	assert_non_null(strstr(all, "ConsentGiven"));
	assert_null(strstr(all, "ConsentWithdrawn"));
	assert_null(strstr(all, id));
	assert_ok(ap_hand_over_read(d.f->v, "platform", 0, &bytes, &len));
	assert_true(len > 1000);
	assert_memory_equal(bytes, "age-encryption.org/v1", 21);
	g_free(bytes);
	assert_false(fixture_on_disk(d.f, "capacity_of_operator", 20)); /* a word of its texts */
	assert_ok(report(&d, &d.ada));
	assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
	assert_refused(erase(&d, &d.ada, "{}"), "role"); /* who exported does not say that it may go */
	assert_state(&d, "exported");
	desk_free(&d);
}

static struct ap_result take(struct desk *d, const struct ap_actor *by, const struct ap_uuid *recording,
			     JsonNode **ret_answer)
{
	return ap_hand_over_recording(d->f->v, by, "platform", recording, ret_answer);
}

static void assert_opens(const struct desk *d, JsonNode *answer)
{
	JsonObject *o = json_node_get_object(answer);
	gsize len;
	g_autofree guchar *file = g_base64_decode(json_object_get_string_member(o, "identities"), &len);
	uint8_t *plain = NULL;
	size_t plain_len;
	assert_ok(ap_age_decrypt(d->identity, file, len, &plain, &plain_len));
	g_autofree char *text = g_strndup((const char *)plain, plain_len);
	g_free(plain);
	assert_non_null(strstr(text, "# coachee's track\nAGE-SECRET-KEY-1"));
	assert_int_equal(json_array_get_length(
				 json_object_get_array_member(json_object_get_object_member(o, "segments"), "coach")),
			 FIXTURE_SEGMENTS);
}

/* R30, R14: each recording taken along is an access with its leaf; a protected one by one of the two alone, whose
 * other's word counts; a frozen one is left out and named; another tenant's is not there. */
static void r30_recordings_are_taken_along_with_a_leaf_each(void **state)
{
	(void)state;
	struct desk d = desk_new();
	g_autoptr(JsonNode) answer = NULL, protected = NULL, none = NULL, list = NULL;
	struct ap_actor eve = fixture_user(d.f, "eve", "admin", NULL);
	order(&d);
	assert_refused(take(&d, &d.ada, &d.others, &none), "not-found");
	assert_ok(take(&d, &d.ada, &d.first, &answer));
	assert_opens(&d, answer);
	assert_int_equal(fixture_last_leaf(d.f), AP_LEAF_ACCESS_BEGUN);
	fixture_run(d.f, "UPDATE session SET sensitivity = 'protected' WHERE tenant = 1");
	assert_refused(take(&d, &eve, &d.second, &none), "role");
	assert_ok(take(&d, &d.bob, &d.second, &protected));
	assert_opens(&d, protected);
	assert_int_equal(
		fixture_count(d.f, "SELECT count(*) FROM approval WHERE approved = 1 AND decided_by = 'user:ada'"), 1);
	fixture_run(
		d.f,
		"UPDATE recording SET state = 'restricted' WHERE session IN (SELECT id FROM session WHERE tenant = 1)"
		" AND id = (SELECT max(id) FROM recording WHERE session IN (SELECT id FROM session WHERE tenant = 1))");
	assert_ok(ap_hand_over_recordings(d.f->v, "platform", &list));
	JsonObject *o = json_node_get_object(list);
	assert_int_equal(json_array_get_length(json_object_get_array_member(o, "recordings")), 1);
	JsonArray *left = json_object_get_array_member(o, "left_out");
	assert_int_equal(json_array_get_length(left), 1);
	assert_string_equal(json_object_get_string_member(json_array_get_object_element(left, 0), "why"), "restricted");
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
	g_autoptr(JsonObject) whole = object_of(text);
	struct ap_receipt_facts facts = verified(d, text);
	assert_int_equal(facts.type, AP_LEAF_ERASED);
	*ret_body = object_of(facts.body);
	ap_receipt_facts_clear(&facts);
	*ret_second = NULL;
	if (!json_object_has_member(whole, "turnover"))
		return;
	g_autofree char *second = json_to_string(json_object_get_member(whole, "turnover"), FALSE);
	facts = verified(d, second);
	*ret_second = object_of(facts.body);
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
	order(&d);
	assert_ok(report(&d, &d.ada));
	assert_ok(erase(&d, &d.bob, "{}"));
	settle();
	assert_ok(ap_offboard_work(d.f->v));
	assert_state(&d, "erasing");
	assert_waits(&d, "held");
	assert_int_equal(fixture_files(d.f, &d.first), 0);
	assert_int_equal(fixture_files(d.f, &d.second), 2 * FIXTURE_SEGMENTS);
	assert_refused(ap_offboard_certificate(d.f->v, "platform", &none), "not-found");
	assert_refused(erase(&d, &d.bob, "{}"), "conflict");
	assert_true(fixture_on_disk(d.f, NAME, strlen(NAME)));
	fixture_advance(d.f, 91 * DAY); /* the hold is over */
	ap_vault_believe(d.f->v, d.f->wall_ms, d.f->mono_ns);
	assert_ok(ap_offboard_work(d.f->v));
	assert_state(&d, "erased");
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

/* R30: killed between any two steps, it goes on where it was. */
static void r30_a_killed_vault_goes_on(void **state)
{
	(void)state;
	struct desk d = desk_new();
	g_autoptr(JsonObject) body = NULL, second = NULL;
	order(&d);
	fixture_restart(d.f);
	assert_state(&d, "ordered");
	assert_ok(report(&d, &d.ada));
	fixture_run(d.f, "UPDATE offboarding SET state = 'erasing', erase_by = 'user:bob'"); /* the order is durable,
												nothing else */
	fixture_restart(d.f);
	assert_int_equal(fixture_files(d.f, &d.first), 2 * FIXTURE_SEGMENTS);
	assert_ok(ap_offboard_work(d.f->v));
	assert_state(&d, "erased");
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
	order(&d);
	assert_ok(report(&d, &d.ada));
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
	assert_state(&d, "erased");
	assert_false(fixture_on_disk(d.f, NAME, strlen(NAME)));
	desk_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(r30_two_admins_order_a_leaving),
		cmocka_unit_test(r30_the_data_are_the_leavers_alone),
		cmocka_unit_test(r30_recordings_are_taken_along_with_a_leaf_each),
		cmocka_unit_test(r30_everything_goes_with_one_certificate),
		cmocka_unit_test(r30_a_killed_vault_goes_on),
		cmocka_unit_test(r30_the_journal_brings_the_erasure_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
