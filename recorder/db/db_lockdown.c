#include "recorder/db/db_lockdown.h"

struct ap_result ap_db_lockdown_accesses(struct ap_db *db, GArray **ret_ids)
{
	return ap_rows_end_ids(ap_db_query(db, "SELECT id FROM access WHERE ended_ms IS NULL", AP_NO_VALUES), ret_ids);
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
