#include "recorder/db_lockdown.h"

struct ap_result ap_db_lockdown_accesses(struct ap_db *db, GArray **ret_ids)
{
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(struct ap_uuid));
	struct ap_rows *rows = ap_db_query(db, "SELECT id FROM access WHERE ended_ms IS NULL", AP_NO_VALUES);
	while (ap_rows_next(rows)) {
		struct ap_uuid id = ap_row_uuid(rows, 0);
		g_array_append_val(ids, id);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_ids = g_steal_pointer(&ids);
	return AP_SUCCESS;
}

struct ap_result ap_db_lockdown_logins(struct ap_db *db)
{
	return ap_db_run(db, "DELETE FROM login", AP_NO_VALUES);
}

struct ap_result ap_db_lockdown_since(struct ap_db *db, int64_t *ret_ms)
{
	return ap_db_count(db,
			   "SELECT s.value FROM setting s JOIN setting l ON l.name = 'lockdown' WHERE s.name = 'lockdown_since'",
			   AP_NO_VALUES, ret_ms);
}

struct ap_result ap_db_lockdown_note(struct ap_db *db, int64_t now_ms)
{
	return ap_db_run(db,
			 "INSERT INTO setting (name, value) VALUES ('lockdown_since', CAST(?1 AS TEXT))"
			 " ON CONFLICT (name) DO UPDATE SET value = CAST(?1 AS TEXT)",
			 AP_VALUES(AP_V_INT(now_ms)));
}
