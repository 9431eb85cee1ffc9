#include "recorder/db/db_staff_review.h"

static struct ap_review_row read_row(struct ap_rows *rows)
{
	struct ap_review_row row = {.kind = ap_row_null(rows, 0) ? AP_REVIEW_USER : AP_REVIEW_GRANT,
				    .tenant = ap_row_int(rows, 4),
				    .since_ms = ap_row_int(rows, 6)};
	g_strlcpy(row.user, ap_row_text(rows, 1), sizeof row.user);
	g_strlcpy(row.role, ap_row_text(rows, 2), sizeof row.role);
	if (row.kind == AP_REVIEW_GRANT) {
		row.grant = ap_row_uuid(rows, 0);
		row.recording = ap_row_uuid(rows, 5);
		g_strlcpy(row.purpose, ap_row_text(rows, 3), sizeof row.purpose);
	}
	return row;
}

struct ap_result ap_db_review_list(struct ap_db *db, int64_t tenant, int64_t before_ms, int64_t now_ms,
				   GArray **ret_rows)
{
	g_autoptr(GArray) list = g_array_new(FALSE, TRUE, sizeof(struct ap_review_row));
	struct ap_rows *rows = ap_db_query(
		db,
		"SELECT g.id, u.name, u.role, g.purpose, s.tenant, g.recording, coalesce(g.reviewed_ms, g.created_ms) AS since"
		" FROM grant_ g JOIN user_ u ON u.id = g.supervisor JOIN recording r ON r.id = g.recording"
		" JOIN session s ON s.id = r.session WHERE g.revoked_ms IS NULL AND g.expires_ms > ?3"
		" AND (?1 = 0 OR s.tenant = ?1) AND coalesce(g.reviewed_ms, g.created_ms) <= ?2"
		" UNION ALL SELECT NULL, u.name, u.role, NULL, coalesce(u.tenant, 0), NULL,"
		" coalesce(u.reviewed_ms, u.created_ms) FROM user_ u WHERE u.disabled_ms IS NULL"
		" AND (?1 = 0 OR u.tenant = ?1) AND coalesce(u.reviewed_ms, u.created_ms) <= ?2 ORDER BY since",
		AP_VALUES(AP_V_INT(tenant), AP_V_INT(before_ms), AP_V_INT(now_ms)));
	while (ap_rows_next(rows)) {
		struct ap_review_row row = read_row(rows);
		g_array_append_val(list, row);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_rows = g_steal_pointer(&list);
	return AP_SUCCESS;
}

struct ap_result ap_db_review_confirm(struct ap_db *db, const struct ap_review_row *row, int64_t now_ms)
{
	if (row->kind == AP_REVIEW_GRANT)
		return ap_db_run(db, "UPDATE grant_ SET reviewed_ms = ?2 WHERE id = ?1",
				 AP_VALUES(AP_V_UUID(&row->grant), AP_V_INT(now_ms)));
	return ap_db_run(db, "UPDATE user_ SET reviewed_ms = ?2 WHERE name = ?1",
			 AP_VALUES(AP_V_TEXT(row->user), AP_V_INT(now_ms)));
}

struct ap_result ap_db_review_admins(struct ap_db *db, int64_t *ret_count)
{
	return ap_db_count(db,
			   "SELECT count(*) FROM user_ WHERE role = 'admin' AND tenant IS NULL AND disabled_ms IS NULL",
			   AP_NO_VALUES, ret_count);
}
