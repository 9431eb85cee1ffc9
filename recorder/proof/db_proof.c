#include "recorder/proof/db_proof.h"

#include "recorder/api/answer.h"

#include <string.h>

/* ---- what is moved ---- */

/* At most `look` sessions are looked at, whether or not they are due. */
static struct ap_result next_cursor(struct ap_db *db, const char *sql, struct ap_uuid *cursor, int64_t look)
{
	struct ap_rows *rows = ap_db_query(db, sql, AP_VALUES(AP_V_UUID(cursor), AP_V_INT(look - 1)));
	struct ap_uuid last = {0};
	if (ap_rows_next(rows))
		last = ap_row_uuid(rows, 0);
	AP_TRY(ap_rows_end(rows));
	*cursor = last;
	return AP_SUCCESS;
}

struct ap_result ap_db_proof_candidates(struct ap_db *db, struct ap_uuid *cursor, int64_t look, GArray **ret_ids)
{
	g_autoptr(GArray) ids = NULL;
	AP_TRY(ap_rows_end_ids(
		ap_db_query(db,
			    "SELECT s.id FROM (SELECT id, state FROM session WHERE id > ?1 ORDER BY id LIMIT ?2) s"
			    " WHERE s.state = 'ended'"
			    " AND NOT EXISTS (SELECT 1 FROM recording r WHERE r.session = s.id AND r.state <> 'erased')"
			    " AND NOT EXISTS (SELECT 1 FROM recording r JOIN erasure e ON e.recording = r.id"
			    " WHERE r.session = s.id AND e.certificate IS NULL)"
			    " AND NOT EXISTS (SELECT 1 FROM consent c WHERE c.session = s.id AND c.leaf IS NULL)"
			    " AND (NOT EXISTS (SELECT 1 FROM proof p WHERE p.session = s.id)"
			    " OR EXISTS (SELECT 1 FROM consent c WHERE c.session = s.id AND c.archived = 0))",
			    AP_VALUES(AP_V_UUID(cursor), AP_V_INT(look))),
		&ids));
	AP_TRY(next_cursor(db, "SELECT id FROM session WHERE id > ?1 ORDER BY id LIMIT 1 OFFSET ?2", cursor, look));
	*ret_ids = g_steal_pointer(&ids);
	return AP_SUCCESS;
}

struct ap_result ap_db_proof_facts(struct ap_db *db, const struct ap_uuid *session, struct ap_proof_facts *ret_facts)
{
	struct ap_proof_facts f = {0};
	struct ap_rows *rows =
		ap_db_query(db,
			    "SELECT tenant, policy_version, policy, coalesce((SELECT max(coalesce(r.erased_ms, r.created_ms))"
			    " FROM recording r WHERE r.session = s.id), ended_ms, created_ms) FROM session s WHERE id = ?1",
			    AP_VALUES(AP_V_UUID(session)));
	bool found = ap_rows_next(rows);
	if (found) {
		f.tenant = ap_row_int(rows, 0);
		f.policy_version = ap_row_int(rows, 1);
		g_strlcpy(f.policy, ap_row_text(rows, 2), sizeof f.policy);
		f.base_ms = ap_row_int(rows, 3);
	}
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_facts = f;
	return AP_SUCCESS;
}

static void add_role(JsonObject *o, const char *name, struct ap_rows *rows, int column)
{
	ap_answer_text(o, name, ap_role_text((enum ap_role)ap_row_int(rows, column)));
}

static void add_bytes(JsonObject *o, const char *name, struct ap_rows *rows, int column)
{
	size_t len;
	const uint8_t *bytes = ap_row_blob(rows, column, &len);
	g_autofree char *text = bytes ? ap_base64url(bytes, len) : NULL;
	ap_answer_text(o, name, text);
}

static void add_json(JsonObject *o, const char *name, struct ap_rows *rows, int column)
{
	ap_answer_json(o, name, ap_row_text(rows, column));
}

struct ap_result ap_db_proof_parties(struct ap_db *db, const struct ap_uuid *session, JsonArray **ret_parties)
{
	static const struct ap_answer_column columns[] = {
		{"role", add_role}, {"principal", ap_answer_row_text}, {"name", ap_answer_row_text}};
	return ap_answer_rows(ap_db_query(db, "SELECT role, pii_principal, name FROM party WHERE session = ?1 ORDER BY role",
					  AP_VALUES(AP_V_UUID(session))),
			      columns, G_N_ELEMENTS(columns), ret_parties);
}

struct ap_result ap_db_proof_consents(struct ap_db *db, const struct ap_uuid *session, JsonArray **ret_consents)
{
	static const struct ap_answer_column columns[] = {
		{"leaf", ap_answer_row_int},	    {"salt", add_bytes},	    {"body", ap_answer_row_text},
		{"role", add_role},		    {"event", ap_answer_row_text},  {"purposes", add_json},
		{"evidence", ap_answer_row_text},   {"time", ap_answer_row_time},   {"received", ap_answer_row_time},
		{"notice", add_bytes},		    {"statement", ap_answer_row_text}, {"key", add_bytes},
		{"signature", add_bytes},
	};
	return ap_answer_rows(
		ap_db_query(db,
			    "SELECT c.leaf, l.salt, l.body, c.role, c.event, c.purposes, c.evidence, c.event_ms, c.received_ms,"
			    " c.notice, c.text, c.key, c.signature FROM consent c LEFT JOIN leaf l ON l.idx = c.leaf"
			    " WHERE c.session = ?1 AND c.archived = 0 ORDER BY c.seq",
			    AP_VALUES(AP_V_UUID(session))),
		columns, G_N_ELEMENTS(columns), ret_consents);
}

struct ap_result ap_db_proof_strip(struct ap_db *db, const struct ap_uuid *session)
{
	static const char *const steps[] = {
		"UPDATE leaf SET salt = NULL, body = NULL WHERE idx IN (SELECT leaf FROM consent WHERE session = ?1 AND archived = 0)",
		"UPDATE consent SET text = NULL, key = NULL, signature = NULL, archived = 1 WHERE session = ?1 AND archived = 0",
		"UPDATE party SET name = NULL WHERE session = ?1 AND name IS NOT NULL",
	};
	for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
		AP_TRY(ap_db_run(db, steps[i], AP_VALUES(AP_V_UUID(session))));
	return AP_SUCCESS;
}

/* ---- the rows ---- */

struct ap_result ap_db_proof_put(struct ap_db *db, const struct ap_proof_row *row)
{
	size_t len;
	const void *sealed = g_bytes_get_data(row->sealed, &len);
	return ap_db_run(db,
			 "INSERT INTO proof (session, tenant, sealed, base_ms, until_ms, kept_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
			 " ON CONFLICT (session) DO UPDATE SET sealed = ?3, until_ms = min(until_ms, ?5)",
			 AP_VALUES(AP_V_UUID(&row->session), AP_V_INT(row->tenant), AP_V_BLOB(sealed, len), AP_V_INT(row->base_ms),
				   AP_V_INT(row->until_ms), AP_V_INT(row->kept_ms)));
}

struct ap_result ap_db_proof_load(struct ap_db *db, const struct ap_uuid *session, struct ap_proof_row *ret_row)
{
	struct ap_proof_row row = {.session = *session};
	struct ap_rows *rows = ap_db_query(db, "SELECT tenant, base_ms, until_ms, kept_ms, sealed FROM proof WHERE session = ?1",
					   AP_VALUES(AP_V_UUID(session)));
	bool found = ap_rows_next(rows);
	if (found) {
		size_t len;
		const uint8_t *sealed = ap_row_blob(rows, 4, &len);
		row.tenant = ap_row_int(rows, 0);
		row.base_ms = ap_row_int(rows, 1);
		row.until_ms = ap_row_int(rows, 2);
		row.kept_ms = ap_row_int(rows, 3);
		row.sealed = g_bytes_new(sealed, len);
	}
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_row = row;
	return AP_SUCCESS;
}

struct ap_result ap_db_proof_some(struct ap_db *db, struct ap_uuid *cursor, int64_t look, GArray **ret_rows)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(struct ap_proof_row));
	struct ap_rows *rows = ap_db_query(db, "SELECT session, base_ms, until_ms FROM proof WHERE session > ?1 ORDER BY session LIMIT ?2",
					   AP_VALUES(AP_V_UUID(cursor), AP_V_INT(look)));
	while (ap_rows_next(rows)) {
		struct ap_proof_row row = {
			.session = ap_row_uuid(rows, 0), .base_ms = ap_row_int(rows, 1), .until_ms = ap_row_int(rows, 2)};
		g_array_append_val(list, row);
	}
	AP_TRY(ap_rows_end(rows));
	AP_TRY(next_cursor(db, "SELECT session FROM proof WHERE session > ?1 ORDER BY session LIMIT 1 OFFSET ?2", cursor, look));
	*ret_rows = g_steal_pointer(&list);
	return AP_SUCCESS;
}

struct ap_result ap_db_proof_shorten(struct ap_db *db, const struct ap_uuid *session, int64_t until_ms)
{
	return ap_db_run(db, "UPDATE proof SET until_ms = ?2 WHERE session = ?1 AND until_ms > ?2",
			 AP_VALUES(AP_V_UUID(session), AP_V_INT(until_ms)));
}

struct ap_result ap_db_proof_due(struct ap_db *db, int64_t now_ms, int64_t most, GArray **ret_ids)
{
	return ap_rows_end_ids(
		ap_db_query(db,
			    "SELECT p.session FROM proof p WHERE p.until_ms <= ?1"
			    " AND NOT EXISTS (SELECT 1 FROM request q WHERE q.session = p.session AND q.state IN ('open', 'extended'))"
			    " AND NOT EXISTS (SELECT 1 FROM recording r LEFT JOIN erasure e ON e.recording = r.id WHERE r.session = p.session"
			    " AND (r.state <> 'erased' OR (e.kek_id IS NOT NULL AND e.turnover_leaf IS NULL)))"
			    " ORDER BY p.until_ms LIMIT ?2",
			    AP_VALUES(AP_V_INT(now_ms), AP_V_INT(most))),
		ret_ids);
}

/* ---- for staff ---- */

struct ap_result ap_db_proof_list(struct ap_db *db, int64_t tenant, const struct ap_uuid *after, int64_t most,
				  JsonArray **ret_list)
{
	static const struct ap_answer_column columns[] = {{"session", ap_answer_row_id},
							  {"tenant", ap_answer_row_text},
							  {"kept", ap_answer_row_time},
							  {"until", ap_answer_row_time}};
	return ap_answer_rows(
		ap_db_query(db,
			    "SELECT p.session, t.name, p.kept_ms, p.until_ms FROM proof p LEFT JOIN tenant t ON t.id = p.tenant"
			    " WHERE p.session > ?1 AND (?2 = 0 OR p.tenant = ?2) ORDER BY p.session LIMIT ?3",
			    AP_VALUES(AP_V_UUID(after), AP_V_INT(tenant), AP_V_INT(most))),
		columns, G_N_ELEMENTS(columns), ret_list);
}

struct ap_result ap_db_proof_count(struct ap_db *db, int64_t tenant, int64_t *ret_count)
{
	return ap_db_count(db, "SELECT count(*) FROM proof WHERE ?1 = 0 OR tenant = ?1", AP_VALUES(AP_V_INT(tenant)), ret_count);
}

struct ap_result ap_db_proof_proposals(struct ap_db *db, int64_t tenant, int64_t now_ms, JsonArray **ret_list)
{
	static const struct ap_answer_column columns[] = {{"id", ap_answer_row_id},
							  {"proposed_by", ap_answer_row_text},
							  {"expires", ap_answer_row_time},
							  {"session", ap_answer_row_text},
							  {"reason", ap_answer_row_text}};
	return ap_answer_rows(
		ap_db_query(db,
			    "SELECT id, proposed_by, expires_ms, json_extract(body, '$.session'), json_extract(body, '$.reason')"
			    " FROM proposal WHERE action = 'proof' AND confirmed_by IS NULL AND expires_ms > ?1"
			    " AND (?2 = 0 OR tenant = ?2) ORDER BY created_ms",
			    AP_VALUES(AP_V_INT(now_ms), AP_V_INT(tenant))),
		columns, G_N_ELEMENTS(columns), ret_list);
}

struct ap_result ap_db_proof_notice(struct ap_db *db, const uint8_t sha256[32], JsonNode **ret_document)
{
	struct ap_rows *rows = ap_db_query(db, "SELECT document FROM notice WHERE sha256 = ?1", AP_VALUES(AP_V_HASH(sha256)));
	JsonNode *node = ap_rows_next(rows) ? json_from_string(ap_row_text(rows, 0), NULL) : NULL;
	struct ap_result r = ap_rows_end(rows);
	if (ap_ok(r))
		*ret_document = g_steal_pointer(&node);
	g_clear_pointer(&node, json_node_unref);
	return r;
}
