#include "recorder/offboard/db_offboard.h"

#include "recorder/api/answer.h"
#include "recorder/ledger/leaf.h"

#include <sodium.h>
#include <string.h>

static const char *const states[] = {"ordered", "exported", "erasing", "erased"};

#define SESSIONS " IN (SELECT id FROM session WHERE tenant = ?1)"
#define RECORDINGS " IN (SELECT r.id FROM recording r JOIN session s ON s.id = r.session WHERE s.tenant = ?1)"

static enum ap_offboard_state state_of(const char *text)
{
	for (size_t i = 0; i < G_N_ELEMENTS(states); i++)
		if (g_strcmp0(states[i], text) == 0)
			return (enum ap_offboard_state)i;
	return AP_OFFBOARD_ORDERED; /* the column's own check leaves no other */
}

static void copy_text(char *to, size_t size, struct ap_rows *rows, int column)
{
	const char *text = ap_row_text(rows, column);
	g_strlcpy(to, text ? text : "", size);
}

struct ap_result ap_db_offboard_load(struct ap_db *db, int64_t tenant, struct ap_offboarding *ret_o)
{
	struct ap_offboarding o = {.tenant = tenant};
	struct ap_rows *rows =
		ap_db_query(db,
			    "SELECT id, state, recipient, ordered_by, confirmed_by, exported_by, ordered_ms,"
			    " exported_ms, export_sha256, certificate IS NOT NULL, leaf FROM offboarding"
			    " WHERE tenant = ?1",
			    AP_VALUES(AP_V_INT(tenant)));
	bool found = ap_rows_next(rows);
	if (found) {
		o.id = ap_row_uuid(rows, 0);
		o.state = state_of(ap_row_text(rows, 1));
		copy_text(o.recipient, sizeof o.recipient, rows, 2);
		copy_text(o.ordered_by, sizeof o.ordered_by, rows, 3);
		copy_text(o.confirmed_by, sizeof o.confirmed_by, rows, 4);
		copy_text(o.exported_by, sizeof o.exported_by, rows, 5);
		o.ordered_ms = ap_row_int(rows, 6);
		o.exported_ms = ap_row_int(rows, 7);
		o.exported = ap_row_bytes(rows, 8, o.export_sha256, sizeof o.export_sha256);
		o.certified = ap_row_int(rows, 9) != 0;
		o.leaf = (uint64_t)ap_row_int(rows, 10);
	}
	struct ap_result r = ap_rows_end_found(rows, found);
	if (ap_ok(r))
		*ret_o = o;
	return r.err == AP_ERR_DENIED ? ap_fail(AP_ERR_DENIED, "not-found", "this tenant is not leaving") : r;
}

struct ap_result ap_db_offboard_open(struct ap_db *db, GArray **ret_tenants)
{
	g_autoptr(GArray) tenants = g_array_new(FALSE, FALSE, sizeof(int64_t));
	struct ap_rows *rows =
		ap_db_query(db, "SELECT tenant FROM offboarding WHERE certificate IS NULL", AP_NO_VALUES);
	while (ap_rows_next(rows)) {
		int64_t tenant = ap_row_int(rows, 0);
		g_array_append_val(tenants, tenant);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_tenants = g_steal_pointer(&tenants);
	return AP_SUCCESS;
}

/* ---- steps ---- */

struct ap_result ap_db_offboard_insert(struct ap_db *db, const struct ap_offboarding *o, const char *reason)
{
	AP_TRY(ap_db_run(
		db,
		"INSERT INTO offboarding (id, tenant, state, recipient, reason, ordered_by, confirmed_by, ordered_ms)"
		" VALUES (?1, ?2, 'ordered', ?3, ?4, ?5, ?6, ?7)",
		AP_VALUES(AP_V_UUID(&o->id), AP_V_INT(o->tenant), AP_V_TEXT(o->recipient), AP_V_TEXT(reason),
			  AP_V_TEXT(o->ordered_by), AP_V_TEXT(o->confirmed_by), AP_V_INT(o->ordered_ms))));
	AP_TRY(ap_db_run(db, "UPDATE tenant SET left_ms = ?2 WHERE id = ?1",
			 AP_VALUES(AP_V_INT(o->tenant), AP_V_INT(o->ordered_ms))));
	return ap_db_run(db, "UPDATE api_key SET revoked_ms = ?2 WHERE tenant = ?1 AND revoked_ms IS NULL",
			 AP_VALUES(AP_V_INT(o->tenant), AP_V_INT(o->ordered_ms)));
}

struct ap_result ap_db_offboard_exported(struct ap_db *db, const struct ap_uuid *id, const struct ap_offboard_export *e,
					 int64_t now_ms)
{
	return ap_db_run(
		db,
		"UPDATE offboarding SET state = 'exported', exported_by = ?2, exported_ms = ?3, export_sha256 = ?4,"
		" exported = ?5, left_out = ?6 WHERE id = ?1",
		AP_VALUES(AP_V_UUID(id), AP_V_TEXT(e->by), AP_V_INT(now_ms), AP_V_HASH(e->sha256),
			  AP_V_INT(e->recordings), AP_V_INT(e->left_out)));
}

struct ap_result ap_db_offboard_erasing(struct ap_db *db, const struct ap_uuid *id, const char *by,
					const char *unexported)
{
	return ap_db_run(db, "UPDATE offboarding SET state = 'erasing', erase_by = ?2, unexported = ?3 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(id), AP_V_TEXT(by), AP_V_TEXT(unexported)));
}

struct ap_result ap_db_offboard_replay(struct ap_db *db, const struct ap_uuid *id, int64_t tenant, int64_t ordered_ms,
				       bool *ret_changed)
{
	*ret_changed = false;
	AP_TRY(ap_db_run(
		db,
		"INSERT INTO offboarding (id, tenant, state, recipient, reason, ordered_by, confirmed_by, ordered_ms)"
		" SELECT ?1, id, 'ordered', '', '', 'vault:journal', 'vault:journal', ?3 FROM tenant WHERE id = ?2"
		" AND NOT EXISTS (SELECT 1 FROM offboarding WHERE tenant = ?2)",
		AP_VALUES(AP_V_UUID(id), AP_V_INT(tenant), AP_V_INT(ordered_ms))));
	AP_TRY(ap_db_run(db, "UPDATE tenant SET left_ms = ?2 WHERE id = ?1 AND left_ms IS NULL",
			 AP_VALUES(AP_V_INT(tenant), AP_V_INT(ordered_ms))));
	AP_TRY(ap_db_run(
		db, "UPDATE offboarding SET state = 'erasing' WHERE tenant = ?1 AND state IN ('ordered', 'exported')",
		AP_VALUES(AP_V_INT(tenant))));
	*ret_changed = ap_db_changes(db) > 0;
	return AP_SUCCESS;
}

/* ---- what there is of a tenant ---- */

struct ap_result ap_db_offboard_unended(struct ap_db *db, int64_t tenant, GArray **ret_ids)
{
	return ap_rows_end_ids(ap_db_query(db,
					   "SELECT id FROM session WHERE tenant = ?1 AND state <> 'ended' LIMIT 1000",
					   AP_VALUES(AP_V_INT(tenant))),
			       ret_ids);
}

struct ap_result ap_db_offboard_sessions(struct ap_db *db, int64_t tenant, GArray **ret_ids)
{
	return ap_rows_end_ids(ap_db_query(db, "SELECT id FROM session WHERE tenant = ?1 ORDER BY created_ms, id",
					   AP_VALUES(AP_V_INT(tenant))),
			       ret_ids);
}

struct ap_result ap_db_offboard_recordings(struct ap_db *db, int64_t tenant, GArray **ret_ids)
{
	return ap_rows_end_ids(ap_db_query(db,
					   "SELECT id FROM recording WHERE id" RECORDINGS
					   " AND state <> 'erased' AND NOT EXISTS (SELECT 1 FROM erasure e WHERE "
					   "e.recording = recording.id)"
					   " ORDER BY created_ms, id",
					   AP_VALUES(AP_V_INT(tenant))),
			       ret_ids);
}

#define HELD "EXISTS (SELECT 1 FROM hold h WHERE h.recording = recording.id AND h.lifted_ms IS NULL AND h.ends_ms > ?2)"

struct ap_result ap_db_offboard_erasable(struct ap_db *db, int64_t tenant, int64_t now_ms, GArray **ret_ids)
{
	return ap_rows_end_ids(ap_db_query(db,
					   "SELECT id FROM recording WHERE id" RECORDINGS
					   " AND state IN ('sealed', 'archived') AND NOT " HELD
					   " AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.recording = recording.id)"
					   " ORDER BY created_ms, id LIMIT 5000",
					   AP_VALUES(AP_V_INT(tenant), AP_V_INT(now_ms))),
			       ret_ids);
}

struct ap_result ap_db_offboard_archives(struct ap_db *db, int64_t tenant, GArray **ret_requests)
{
	return ap_rows_end_ids(ap_db_query(db,
					   "SELECT a.request FROM archive a JOIN request q ON q.id = a.request"
					   " WHERE a.state IN ('ready', 'failed') AND q.session" SESSIONS,
					   AP_VALUES(AP_V_INT(tenant))),
			       ret_requests);
}

struct ap_result ap_db_offboard_counts(struct ap_db *db, int64_t tenant, struct ap_offboard_counts *ret_counts)
{
	struct ap_offboard_counts n = {0};
	const struct ap_value values[] = {AP_V_INT(tenant), {.kind = AP_VALUE_END}};
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM session WHERE tenant = ?1", values, &n.sessions));
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM recording WHERE id" RECORDINGS, values, &n.recordings));
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM erasure WHERE certificate IS NOT NULL AND recording" RECORDINGS,
			   values, &n.erased));
	AP_TRY(ap_db_count(db,
			   "SELECT count(*) FROM archive WHERE state = 'making' AND request IN (SELECT id FROM request"
			   " WHERE session" SESSIONS ")",
			   values, &n.making));
	*ret_counts = n;
	return AP_SUCCESS;
}

struct ap_result ap_db_offboard_waiting(struct ap_db *db, int64_t tenant, int64_t now_ms, JsonArray **ret_list)
{
	static const struct ap_answer_column columns[] = {{"recording", ap_answer_row_id},
							  {"why", ap_answer_row_text},
							  {"ground", ap_answer_row_text},
							  {"until", ap_answer_row_time}};
	return ap_answer_rows(
		ap_db_query(
			db,
			"SELECT id, CASE WHEN EXISTS (SELECT 1 FROM erasure e WHERE e.recording = recording.id) THEN "
			"'erasing'"
			" WHEN " HELD " THEN 'held' WHEN state = 'restricted' THEN 'restricted'"
			" WHEN state = 'recording' THEN 'recording' ELSE 'erasing' END,"
			" (SELECT h.ground FROM hold h WHERE h.recording = recording.id AND h.lifted_ms IS NULL"
			"  AND h.ends_ms > ?2 ORDER BY h.ends_ms DESC LIMIT 1),"
			" (SELECT max(h.ends_ms) FROM hold h WHERE h.recording = recording.id AND h.lifted_ms IS NULL"
			"  AND h.ends_ms > ?2)"
			" FROM recording WHERE id" RECORDINGS
			" AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.recording = recording.id AND e.certificate "
			"IS NOT NULL)"
			" ORDER BY created_ms LIMIT 1000",
			AP_VALUES(AP_V_INT(tenant), AP_V_INT(now_ms))),
		columns, G_N_ELEMENTS(columns), ret_list);
}

struct ap_result ap_db_offboard_erasure(struct ap_db *db, const struct ap_uuid *recording, int64_t *ret_leaf,
					int64_t *ret_erased_ms)
{
	int64_t leaf = 0, at = 0;
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT erased_leaf, erased_ms FROM erasure WHERE recording = ?1"
					   " AND erased_leaf IS NOT NULL",
					   AP_VALUES(AP_V_UUID(recording)));
	if (ap_rows_next(rows)) {
		leaf = ap_row_int(rows, 0);
		at = ap_row_int(rows, 1);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_leaf = leaf;
	*ret_erased_ms = at;
	return AP_SUCCESS;
}

struct ap_result ap_db_offboard_changes(struct ap_db *db, int64_t tenant, int64_t since_ms, int64_t *ret_count)
{
	return ap_db_count(
		db,
		"SELECT (SELECT count(*) FROM consent WHERE session" SESSIONS
		" AND received_ms >= ?2 AND event <> 'ConsentGiven')"
		" + (SELECT count(*) FROM erasure WHERE recording" RECORDINGS " AND ordered_ms >= ?2)"
		" + (SELECT count(*) FROM request WHERE session" SESSIONS
		" AND type = 'restriction' AND max(created_ms, coalesce(answered_ms, 0)) >= ?2)",
		AP_VALUES(AP_V_INT(tenant), AP_V_INT(since_ms)), ret_count);
}

static struct ap_result end_texts(struct ap_rows *rows, GPtrArray **ret_texts)
{
	g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
	while (ap_rows_next(rows))
		g_ptr_array_add(texts, ap_row_text_dup(rows, 0));
	AP_TRY(ap_rows_end(rows));
	*ret_texts = g_steal_pointer(&texts);
	return AP_SUCCESS;
}

struct ap_result ap_db_offboard_documents(struct ap_db *db, int64_t tenant, GPtrArray **ret_documents)
{
	return end_texts(
		ap_db_query(db,
			    "SELECT p.document FROM policy p WHERE EXISTS (SELECT 1 FROM session s WHERE s.tenant = ?1"
			    " AND s.policy = p.name AND s.policy_version = p.version) OR EXISTS (SELECT 1 FROM "
			    "session_rule r"
			    " WHERE r.session" SESSIONS " AND r.name = p.name AND r.version = p.version)",
			    AP_VALUES(AP_V_INT(tenant))),
		ret_documents);
}

struct ap_result ap_db_offboard_notices(struct ap_db *db, int64_t tenant, GPtrArray **ret_documents)
{
	return end_texts(
		ap_db_query(
			db,
			"SELECT document FROM notice WHERE sha256 IN (SELECT notice FROM consent WHERE session" SESSIONS
			")"
			" ORDER BY created_ms",
			AP_VALUES(AP_V_INT(tenant))),
		ret_documents);
}

struct ap_result ap_db_offboard_erasures_hash(struct ap_db *db, int64_t tenant, struct ap_hash *ret_hash)
{
	crypto_hash_sha256_state state;
	struct ap_leaf leaf;
	struct ap_hash hash;
	crypto_hash_sha256_init(&state);
	struct ap_rows *rows = ap_db_query(
		db,
		"SELECT l.leaf FROM erasure e JOIN leaf l ON l.idx = e.erased_leaf WHERE e.recording" RECORDINGS
		" ORDER BY l.idx",
		AP_VALUES(AP_V_INT(tenant)));
	while (ap_rows_next(rows))
		if (ap_row_bytes(rows, 0, leaf.b, sizeof leaf.b)) {
			hash = ap_leaf_hash(&leaf);
			crypto_hash_sha256_update(&state, hash.b, sizeof hash.b);
		}
	AP_TRY(ap_rows_end(rows));
	crypto_hash_sha256_final(&state, ret_hash->b);
	return AP_SUCCESS;
}

/* ---- its staff ---- */

struct ap_result ap_db_offboard_staff(struct ap_db *db, int64_t tenant, GPtrArray **ret_names)
{
	return end_texts(ap_db_query(db, "SELECT name FROM user_ WHERE tenant = ?1", AP_VALUES(AP_V_INT(tenant))),
			 ret_names);
}

struct ap_result ap_db_offboard_staff_leaves(struct ap_db *db, int64_t tenant, GArray **ret_leaves)
{
	g_autoptr(GArray) leaves = g_array_new(FALSE, FALSE, sizeof(int64_t));
	struct ap_rows *rows = ap_db_query(
		db,
		"SELECT idx FROM leaf WHERE instr(body, '\"user\":') > 0 AND substr(leaf, 2, 1) = x'10'"
		" AND json_extract(body, '$.user') IN (SELECT name FROM user_ WHERE tenant = ?1)",
		AP_VALUES(AP_V_INT(tenant)));
	while (ap_rows_next(rows)) {
		int64_t leaf = ap_row_int(rows, 0);
		g_array_append_val(leaves, leaf);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_leaves = g_steal_pointer(&leaves);
	return AP_SUCCESS;
}

struct ap_result ap_db_offboard_forget_leaves(struct ap_db *db, const GArray *leaves)
{
	for (guint i = 0; i < leaves->len; i++)
		AP_TRY(ap_db_run(db, "UPDATE leaf SET salt = NULL, body = NULL WHERE idx = ?1",
				 AP_VALUES(AP_V_INT(g_array_index(leaves, int64_t, i)))));
	return AP_SUCCESS;
}

/* ---- erasing the rest ---- */

/* In this order: what refers to others first. Sessions, persons' ids, statements, devices and rules stay as the proof
 * of consents until that ends; recordings and erasures as what their certificates speak of; grants as ids, by which
 * their leaves are found when the proofs end. */
static const char *const clearings[] = {
	"DELETE FROM request_item WHERE request IN (SELECT id FROM request WHERE session" SESSIONS ")",
	"DELETE FROM archive WHERE request IN (SELECT id FROM request WHERE session" SESSIONS ")",
	"DELETE FROM request WHERE session" SESSIONS,
	"DELETE FROM note WHERE recording" RECORDINGS,
	"UPDATE grant_ SET created_by = '' WHERE recording" RECORDINGS,
	"DELETE FROM access WHERE recording" RECORDINGS,
	"DELETE FROM approval WHERE recording" RECORDINGS,
	"DELETE FROM hold WHERE recording" RECORDINGS,
	"DELETE FROM passage WHERE recording" RECORDINGS,
	"DELETE FROM decision WHERE recording" RECORDINGS,
	"DELETE FROM term WHERE recording" RECORDINGS,
	"DELETE FROM segment WHERE recording" RECORDINGS,
	"DELETE FROM frozen WHERE recording" RECORDINGS,
	"DELETE FROM frozen_session WHERE session" SESSIONS,
	"DELETE FROM epoch WHERE session" SESSIONS,
	"DELETE FROM proposal WHERE tenant = ?1",
	"DELETE FROM proposal WHERE replace(json_extract(body, '$.recording'), '-', '') IN"
	" (SELECT lower(hex(r.id)) FROM recording r JOIN session s ON s.id = r.session WHERE s.tenant = ?1)",
	"UPDATE session SET reference = '', idempotency_key = NULL, request_sha256 = NULL WHERE tenant = ?1",
	"UPDATE party SET name = NULL WHERE session" SESSIONS,
	"DELETE FROM webhook_delivery WHERE tenant = ?1",
	"DELETE FROM webhook WHERE tenant = ?1",
	"DELETE FROM api_key WHERE tenant = ?1",
	"DELETE FROM login WHERE user IN (SELECT id FROM user_ WHERE tenant = ?1)",
	/* The row stays: its number must not become another's, whom a journal's old line would then mean. */
	"UPDATE user_ SET name = 'left-' || id, party_id = NULL, password = '', disabled_ms = coalesce(disabled_ms, ?2)"
	" WHERE tenant = ?1",
	"UPDATE tenant SET controller_name = NULL, controller_contact = NULL, agreement = NULL WHERE id = ?1",
};

struct ap_result ap_db_offboard_clear(struct ap_db *db, int64_t tenant, int64_t now_ms)
{
	for (size_t i = 0; i < G_N_ELEMENTS(clearings); i++) {
		bool timed = strstr(clearings[i], "?2") != NULL;
		AP_TRY(ap_db_run(db, clearings[i],
				 timed ? AP_VALUES(AP_V_INT(tenant), AP_V_INT(now_ms)) : AP_VALUES(AP_V_INT(tenant))));
	}
	return AP_SUCCESS;
}

struct ap_result ap_db_offboard_erased(struct ap_db *db, const struct ap_offboard_end *end)
{
	return ap_db_run(
		db,
		"UPDATE offboarding SET state = 'erased', kek_id = ?2, sessions = ?3, recordings = ?4, erased_ms = ?5,"
		" leaf = ?6 WHERE id = ?1",
		AP_VALUES(AP_V_UUID(&end->id), AP_V_BLOB(end->kek.b, AP_KEK_ID), AP_V_INT(end->sessions),
			  AP_V_INT(end->recordings), AP_V_INT(end->erased_ms), AP_V_INT(end->leaf)));
}

struct ap_result ap_db_offboard_certify(struct ap_db *db, const struct ap_uuid *id, const char *certificate)
{
	return ap_db_run(db, "UPDATE offboarding SET certificate = ?2 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(id), AP_V_TEXT(certificate)));
}

struct ap_result ap_db_offboard_certificate(struct ap_db *db, int64_t tenant, char **ret_json,
					    int64_t *ret_turnover_leaf, int64_t *ret_unrecoverable_ms)
{
	g_autofree char *json = NULL;
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT certificate, turnover_leaf, unrecoverable_ms FROM offboarding"
					   " WHERE tenant = ?1 AND certificate IS NOT NULL",
					   AP_VALUES(AP_V_INT(tenant)));
	bool found = ap_rows_next(rows);
	int64_t leaf = -1, at = 0;
	if (found) {
		json = ap_row_text_dup(rows, 0);
		leaf = ap_row_null(rows, 1) ? -1 : ap_row_int(rows, 1);
		at = ap_row_int(rows, 2);
	}
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_json = g_steal_pointer(&json);
	*ret_turnover_leaf = leaf;
	*ret_unrecoverable_ms = at;
	return AP_SUCCESS;
}

/* ---- lists ---- */

static void add_hash(JsonObject *o, const char *name, struct ap_rows *rows, int column)
{
	uint8_t hash[32];
	g_autofree char *hex = ap_row_bytes(rows, column, hash, sizeof hash) ? ap_hex(hash, sizeof hash) : NULL;
	ap_answer_text(o, name, hex);
}

static void add_number(JsonObject *o, const char *name, struct ap_rows *rows, int column)
{
	if (!ap_row_null(rows, column))
		ap_answer_row_int(o, name, rows, column);
}

struct ap_result ap_db_offboard_list(struct ap_db *db, int64_t tenant, JsonArray **ret_list)
{
	static const struct ap_answer_column columns[] = {
		{"id", ap_answer_row_id},
		{"tenant", ap_answer_row_text},
		{"state", ap_answer_row_text},
		{"reason", ap_answer_row_text},
		{"recipient", ap_answer_row_text},
		{"ordered_by", ap_answer_row_text},
		{"confirmed_by", ap_answer_row_text},
		{"ordered", ap_answer_row_time},
		{"exported_by", ap_answer_row_text},
		{"exported", ap_answer_row_time},
		{"export_sha256", add_hash},
		{"export_recordings", add_number},
		{"left_out", add_number},
		{"erase_by", ap_answer_row_text},
		{"unexported", ap_answer_row_text},
		{"erased", ap_answer_row_time},
		{"leaf", add_number},
		{"unrecoverable_at", ap_answer_row_time},
	};
	return ap_answer_rows(
		ap_db_query(
			db,
			"SELECT o.id, t.name, o.state, o.reason, o.recipient, o.ordered_by, o.confirmed_by, "
			"o.ordered_ms,"
			" o.exported_by, o.exported_ms, o.export_sha256, o.exported, o.left_out, o.erase_by, "
			"o.unexported,"
			" o.erased_ms, o.leaf, o.unrecoverable_ms FROM offboarding o JOIN tenant t ON t.id = o.tenant"
			" WHERE ?1 = 0 OR o.tenant = ?1 ORDER BY o.ordered_ms DESC",
			AP_VALUES(AP_V_INT(tenant))),
		columns, G_N_ELEMENTS(columns), ret_list);
}

static void add_json(JsonObject *o, const char *name, struct ap_rows *rows, int column)
{
	ap_answer_json(o, name, ap_row_text(rows, column));
}

struct ap_result ap_db_offboard_proposals(struct ap_db *db, int64_t now_ms, JsonArray **ret_list)
{
	static const struct ap_answer_column columns[] = {{"id", ap_answer_row_id},
							  {"proposed_by", ap_answer_row_text},
							  {"expires", ap_answer_row_time},
							  {"body", add_json}};
	return ap_answer_rows(
		ap_db_query(db,
			    "SELECT id, proposed_by, expires_ms, body FROM proposal WHERE action = 'offboard'"
			    " AND confirmed_by IS NULL AND expires_ms > ?1 ORDER BY created_ms",
			    AP_VALUES(AP_V_INT(now_ms))),
		columns, G_N_ELEMENTS(columns), ret_list);
}

struct ap_result ap_db_offboard_stays(struct ap_db *db, int64_t tenant)
{
	int64_t left;
	AP_TRY(ap_db_count(db, "SELECT left_ms FROM tenant WHERE id = ?1", AP_VALUES(AP_V_INT(tenant)), &left));
	return left ? ap_fail(AP_ERR_DENIED, "conflict", "this tenant leaves, or left") : AP_SUCCESS;
}
