#include "recorder/db_staff_desk.h"

#include "recorder/answer.h"

static struct ap_result take_ids(struct ap_rows *rows, GArray **ret_ids)
{
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(struct ap_uuid));
	while (ap_rows_next(rows)) {
		struct ap_uuid id = ap_row_uuid(rows, 0);
		g_array_append_val(ids, id);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_ids = g_steal_pointer(&ids);
	return AP_SUCCESS;
}

/* ---- proposals ---- */

struct ap_result ap_db_proposal_insert(struct ap_db *db, const struct ap_uuid *id, const char *action, const char *body,
				       const char *by, int64_t now_ms, int64_t expires_ms)
{
	return ap_db_run(db,
			 "INSERT INTO proposal (id, action, body, proposed_by, created_ms, expires_ms) VALUES (?1, ?2, "
			 "?3, ?4, ?5, ?6)",
			 AP_VALUES(AP_V_UUID(id), AP_V_TEXT(action), AP_V_TEXT(body), AP_V_TEXT(by), AP_V_INT(now_ms),
				   AP_V_INT(expires_ms)));
}

struct ap_result ap_db_proposal_load(struct ap_db *db, const struct ap_uuid *id, const char *action, int64_t now_ms,
				     char **ret_body, char **ret_by)
{
	g_autofree char *body = NULL, *by = NULL;
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT body, proposed_by FROM proposal WHERE id = ?1 AND action = ?2"
					   " AND confirmed_by IS NULL AND expires_ms > ?3",
					   AP_VALUES(AP_V_UUID(id), AP_V_TEXT(action), AP_V_INT(now_ms)));
	bool found = ap_rows_next(rows);
	if (found) {
		body = ap_row_text_dup(rows, 0);
		by = ap_row_text_dup(rows, 1);
	}
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_body = g_steal_pointer(&body);
	*ret_by = g_steal_pointer(&by);
	return AP_SUCCESS;
}

struct ap_result ap_db_proposal_find(struct ap_db *db, const char *action, const char *body, int64_t now_ms,
				     struct ap_uuid *ret_id)
{
	struct ap_uuid id = {0};
	struct ap_rows *rows =
		ap_db_query(db,
			    "SELECT id FROM proposal WHERE action = ?1 AND body = ?2 AND confirmed_by IS NULL"
			    " AND expires_ms > ?3",
			    AP_VALUES(AP_V_TEXT(action), AP_V_TEXT(body), AP_V_INT(now_ms)));
	bool found = ap_rows_next(rows);
	if (found)
		id = ap_row_uuid(rows, 0);
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_id = id;
	return AP_SUCCESS;
}

struct ap_result ap_db_proposal_confirmed(struct ap_db *db, const struct ap_uuid *id, const char *by)
{
	return ap_db_run(db, "UPDATE proposal SET confirmed_by = ?2 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(id), AP_V_TEXT(by)));
}

/* ---- holds ---- */

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

struct ap_result ap_db_hold_lifted(struct ap_db *db, const struct ap_uuid *id, const char *by, int64_t now_ms)
{
	return ap_db_run(db, "UPDATE hold SET lifted_ms = ?2, lifted_by = ?3 WHERE id = ?1 AND lifted_ms IS NULL",
			 AP_VALUES(AP_V_UUID(id), AP_V_INT(now_ms), AP_V_TEXT(by)));
}

struct ap_result ap_db_hold_recording(struct ap_db *db, const struct ap_uuid *id, struct ap_uuid *ret_recording)
{
	struct ap_uuid recording = {0};
	struct ap_rows *rows = ap_db_query(db, "SELECT recording FROM hold WHERE id = ?1 AND lifted_ms IS NULL",
					   AP_VALUES(AP_V_UUID(id)));
	bool found = ap_rows_next(rows);
	if (found)
		recording = ap_row_uuid(rows, 0);
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_recording = recording;
	return AP_SUCCESS;
}

struct ap_result ap_db_hold_list(struct ap_db *db, int64_t tenant, JsonArray **ret_list)
{
	g_autoptr(JsonArray) list = json_array_new();
	struct ap_rows *rows =
		ap_db_query(db,
			    "SELECT h.id, h.recording, h.ground, h.reason, h.proposed_by, h.confirmed_by, "
			    "h.created_ms, h.ends_ms, h.lifted_ms"
			    " FROM hold h JOIN recording r ON r.id = h.recording JOIN session s ON s.id = r.session"
			    " WHERE ?1 = 0 OR s.tenant = ?1 ORDER BY h.created_ms DESC",
			    AP_VALUES(AP_V_INT(tenant)));
	while (ap_rows_next(rows)) {
		static const char *const texts[] = {"ground", "reason", "proposed_by", "confirmed_by"};
		JsonObject *o = json_object_new();
		ap_answer_row_id(o, "id", rows, 0);
		ap_answer_row_id(o, "recording", rows, 1);
		for (int i = 0; i < 4; i++)
			ap_answer_row_text(o, texts[i], rows, 2 + i);
		ap_answer_row_time(o, "created", rows, 6);
		ap_answer_row_time(o, "ends", rows, 7);
		ap_answer_row_time(o, "lifted", rows, 8);
		json_array_add_object_element(list, o);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_list = g_steal_pointer(&list);
	return AP_SUCCESS;
}

struct ap_result ap_db_hold_lapsed(struct ap_db *db, int64_t since_ms, int64_t now_ms, GArray **ret_ids)
{
	return take_ids(ap_db_query(db,
				    "SELECT DISTINCT recording FROM hold WHERE lifted_ms IS NULL AND ends_ms > ?1 AND "
				    "ends_ms <= ?2",
				    AP_VALUES(AP_V_INT(since_ms), AP_V_INT(now_ms))),
			ret_ids);
}
