#include "recorder/db/db_hold.h"

#include "recorder/api/answer.h"

struct ap_result ap_db_hold_insert(struct ap_db *db, const struct ap_uuid *id, const struct ap_hold_wish *wish,
				   const char *first, const char *second, int64_t now_ms, uint64_t leaf)
{
	return ap_db_run(
		db,
		"INSERT INTO hold (id, recording, ground, reason, proposed_by, confirmed_by, created_ms, ends_ms, leaf)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
		AP_VALUES(AP_V_UUID(id), AP_V_UUID(&wish->recording), AP_V_TEXT(wish->ground), AP_V_TEXT(wish->reason),
			  AP_V_TEXT(first), AP_V_TEXT(second), AP_V_INT(now_ms), AP_V_INT(wish->ends_ms),
			  AP_V_INT(leaf)));
}

struct ap_result ap_db_hold_load(struct ap_db *db, const struct ap_uuid *id, struct ap_hold_row *ret_row)
{
	struct ap_hold_row row = {.id = *id};
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT recording, ends_ms, ground FROM hold WHERE id = ?1 AND lifted_ms IS NULL"
					   " AND ended_leaf IS NULL",
					   AP_VALUES(AP_V_UUID(id)));
	bool found = ap_rows_next(rows);
	if (found) {
		row.recording = ap_row_uuid(rows, 0);
		row.ends_ms = ap_row_int(rows, 1);
		row.ground = ap_row_text_dup(rows, 2);
	}
	struct ap_result r = ap_rows_end_found(rows, found);
	if (ap_ok(r))
		*ret_row = row;
	else
		g_free(row.ground);
	return r;
}

struct ap_result ap_db_hold_lifted(struct ap_db *db, const struct ap_uuid *id, const char *by, const char *reason,
				   int64_t now_ms)
{
	return ap_db_run(db,
			 "UPDATE hold SET lifted_ms = ?2, lifted_by = ?3, lift_reason = nullif(?4, '') WHERE id = ?1"
			 " AND lifted_ms IS NULL",
			 AP_VALUES(AP_V_UUID(id), AP_V_INT(now_ms), AP_V_TEXT(by), AP_V_TEXT(reason)));
}

struct ap_result ap_db_hold_lapsed(struct ap_db *db, int64_t now_ms, GArray **ret_ids)
{
	return ap_rows_end_ids(
		ap_db_query(db,
			    "SELECT id FROM hold WHERE lifted_ms IS NULL AND ended_leaf IS NULL AND ends_ms <= ?1",
			    AP_VALUES(AP_V_INT(now_ms))),
		ret_ids);
}

struct ap_result ap_db_hold_ended(struct ap_db *db, const struct ap_uuid *id, uint64_t leaf)
{
	return ap_db_run(db, "UPDATE hold SET ended_leaf = ?2 WHERE id = ?1", AP_VALUES(AP_V_UUID(id), AP_V_INT(leaf)));
}

struct ap_result ap_db_hold_list(struct ap_db *db, int64_t tenant, int64_t now_ms, JsonArray **ret_list)
{
	static const struct ap_answer_column columns[] = {
		{"id", ap_answer_row_id},	      {"recording", ap_answer_row_id},
		{"ground", ap_answer_row_text},	      {"reason", ap_answer_row_text},
		{"state", ap_answer_row_text},	      {"proposed_by", ap_answer_row_text},
		{"confirmed_by", ap_answer_row_text}, {"created", ap_answer_row_time},
		{"ends", ap_answer_row_time},	      {"lifted", ap_answer_row_time},
		{"lifted_by", ap_answer_row_text},    {"lift_reason", ap_answer_row_text},
	};
	struct ap_rows *rows =
		ap_db_query(db,
			    "SELECT h.id, h.recording, h.ground, h.reason, CASE WHEN h.lifted_ms IS NOT NULL THEN 'lifted'"
			    " WHEN h.ends_ms <= ?2 THEN 'ended' ELSE 'in_force' END, h.proposed_by, h.confirmed_by,"
			    " h.created_ms, h.ends_ms, h.lifted_ms, h.lifted_by, h.lift_reason"
			    " FROM hold h JOIN recording r ON r.id = h.recording JOIN session s ON s.id = r.session"
			    " WHERE ?1 = 0 OR s.tenant = ?1 ORDER BY h.created_ms DESC",
			    AP_VALUES(AP_V_INT(tenant), AP_V_INT(now_ms)));
	return ap_answer_rows(rows, columns, G_N_ELEMENTS(columns), ret_list);
}

static void add_json(JsonObject *o, const char *name, struct ap_rows *rows, int column)
{
	ap_answer_json(o, name, ap_row_text(rows, column));
}

struct ap_result ap_db_hold_proposals(struct ap_db *db, int64_t tenant, int64_t now_ms, JsonArray **ret_list)
{
	static const struct ap_answer_column columns[] = {{"id", ap_answer_row_id},
							  {"action", ap_answer_row_text},
							  {"proposed_by", ap_answer_row_text},
							  {"expires", ap_answer_row_time},
							  {"body", add_json}};
	return ap_answer_rows(ap_db_query(db,
					  "SELECT id, action, proposed_by, expires_ms, body FROM proposal WHERE action IN"
					  " ('hold', 'hold.lift') AND confirmed_by IS NULL AND expires_ms > ?2"
					  " AND (?1 = 0 OR tenant = ?1) ORDER BY created_ms",
					  AP_VALUES(AP_V_INT(tenant), AP_V_INT(now_ms))),
			      columns, G_N_ELEMENTS(columns), ret_list);
}

struct ap_result ap_db_hold_of(struct ap_db *db, const struct ap_uuid *recording, int64_t now_ms, JsonArray **ret_list)
{
	static const struct ap_answer_column columns[] = {
		{"ground", ap_answer_row_text}, {"reason", ap_answer_row_text}, {"until", ap_answer_row_time}};
	return ap_answer_rows(ap_db_query(db,
					  "SELECT ground, reason, ends_ms FROM hold WHERE recording = ?1 AND lifted_ms IS NULL"
					  " AND ends_ms > ?2 ORDER BY ends_ms",
					  AP_VALUES(AP_V_UUID(recording), AP_V_INT(now_ms))),
			      columns, G_N_ELEMENTS(columns), ret_list);
}
