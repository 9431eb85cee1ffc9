/* Policies and the terms that follow from them; declared in db_staff_desk.h. */
#include "recorder/answer.h"
#include "recorder/db_staff_desk.h"

struct ap_result ap_db_policy_insert(struct ap_db *db, const char *name, const char *document, int64_t now_ms,
				     int64_t *ret_version)
{
	AP_TRY(ap_db_count(db, "SELECT coalesce(max(version), 0) + 1 FROM policy WHERE name = ?1",
			   AP_VALUES(AP_V_TEXT(name)), ret_version));
	return ap_db_run(db, "INSERT INTO policy (name, version, document, created_ms) VALUES (?1, ?2, ?3, ?4)",
			 AP_VALUES(AP_V_TEXT(name), AP_V_INT(*ret_version), AP_V_TEXT(document), AP_V_INT(now_ms)));
}

struct ap_result ap_db_policy_list(struct ap_db *db, JsonArray **ret_list)
{
	static const struct ap_answer_column columns[] = {
		{"name", ap_answer_row_text},
		{"version", ap_answer_row_int},
		{"created", ap_answer_row_time},
	};
	struct ap_rows *rows = ap_db_query(
		db, "SELECT name, max(version), created_ms FROM policy GROUP BY name ORDER BY name", AP_NO_VALUES);
	return ap_answer_rows(rows, columns, G_N_ELEMENTS(columns), ret_list);
}

#define TERM_COLUMNS "r.id, r.session, s.policy, s.sensitivity, s.policy_version, r.sealed_ms, r.expires_ms"

static struct ap_term_row read_term(struct ap_rows *rows)
{
	struct ap_term_row row = {.recording = ap_row_uuid(rows, 0),
				  .session = ap_row_uuid(rows, 1),
				  .policy_version = ap_row_int(rows, 4),
				  .sealed_ms = ap_row_int(rows, 5),
				  .expires_ms = ap_row_int(rows, 6)};
	g_strlcpy(row.policy, ap_row_text(rows, 2), sizeof row.policy);
	g_strlcpy(row.sensitivity, ap_row_text(rows, 3), sizeof row.sensitivity);
	return row;
}

struct ap_result ap_db_term_one(struct ap_db *db, const struct ap_uuid *recording, struct ap_term_row *ret_row,
				bool *ret_archived)
{
	struct ap_term_row row = {0};
	bool archived = false;
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT " TERM_COLUMNS ", r.state = 'archived' FROM recording r"
					   " JOIN session s ON s.id = r.session WHERE r.id = ?1",
					   AP_VALUES(AP_V_UUID(recording)));
	bool found = ap_rows_next(rows);
	if (found) {
		row = read_term(rows);
		archived = ap_row_int(rows, 7) != 0;
	}
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_row = row;
	*ret_archived = archived;
	return AP_SUCCESS;
}

struct ap_result ap_db_term_list(struct ap_db *db, const struct ap_uuid *session, const char *policy, GArray **ret_rows)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(struct ap_term_row));
	struct ap_rows *rows =
		ap_db_query(db,
			    "SELECT " TERM_COLUMNS " FROM recording r"
			    " JOIN session s ON s.id = r.session WHERE r.state IN ('sealed', 'archived', 'restricted')"
			    " AND (?1 IS NULL OR r.session = ?1) AND (?2 IS NULL OR s.policy = ?2)"
			    " AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.recording = r.id)",
			    AP_VALUES(AP_V_BLOB(session ? session->b : NULL, 16), AP_V_TEXT(policy)));
	while (ap_rows_next(rows)) {
		struct ap_term_row row = read_term(rows);
		g_array_append_val(list, row);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_rows = g_steal_pointer(&list);
	return AP_SUCCESS;
}

struct ap_result ap_db_term_set(struct ap_db *db, const struct ap_uuid *recording, int64_t expires_ms)
{
	return ap_db_run(db, "UPDATE recording SET expires_ms = ?2 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(recording), AP_V_INT(expires_ms)));
}
