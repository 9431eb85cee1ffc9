#include "recorder/db/db_staff_desk.h"

/* ---- proposals ---- */

struct ap_result ap_db_proposal_insert(struct ap_db *db, const struct ap_proposal_row *p)
{
	return ap_db_run(db,
			 "INSERT INTO proposal (id, action, body, proposed_by, created_ms, expires_ms, tenant)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, nullif(?7, 0))",
			 AP_VALUES(AP_V_UUID(&p->id), AP_V_TEXT(p->action), AP_V_TEXT(p->body), AP_V_TEXT(p->by),
				   AP_V_INT(p->now_ms), AP_V_INT(p->expires_ms), AP_V_INT(p->tenant)));
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
	AP_TRY(ap_db_run(db, "UPDATE proposal SET confirmed_by = ?2 WHERE id = ?1 AND confirmed_by IS NULL",
			 AP_VALUES(AP_V_UUID(id), AP_V_TEXT(by))));
	return ap_db_changes(db) ? AP_SUCCESS : ap_fail(AP_ERR_DENIED, "not-found", "there is no such proposal any more");
}
