/* Versions of policies; declared in db_staff_desk.h. */
#include "recorder/api/answer.h"
#include "recorder/db/db_staff_desk.h"

struct ap_result ap_db_policy_insert(struct ap_db *db, const char *name, const char *document, const char *by, int64_t now_ms,
				     int64_t *ret_version)
{
	AP_TRY(ap_db_count(db, "SELECT coalesce(max(version), 0) + 1 FROM policy WHERE name = ?1",
			   AP_VALUES(AP_V_TEXT(name)), ret_version));
	return ap_db_run(
		db, "INSERT INTO policy (name, version, document, created_ms, set_by) VALUES (?1, ?2, ?3, ?4, ?5)",
		AP_VALUES(AP_V_TEXT(name), AP_V_INT(*ret_version), AP_V_TEXT(document), AP_V_INT(now_ms), AP_V_TEXT(by)));
}

struct ap_result ap_db_policy_list(struct ap_db *db, const char *name, JsonArray **ret_list)
{
	g_autoptr(JsonArray) list = json_array_new();
	struct ap_rows *rows = ap_db_query(
		db,
		"SELECT name, version, created_ms, coalesce(json_extract(document, '$.kind'), 'policy'), set_by,"
		" json_extract(document, '$.reason') FROM policy p WHERE (?1 IS NULL AND version ="
		" (SELECT max(version) FROM policy n WHERE n.name = p.name)) OR name = ?1 ORDER BY name, version DESC",
		AP_VALUES(AP_V_TEXT(name)));
	while (ap_rows_next(rows)) {
		JsonObject *o = json_object_new();
		ap_answer_row_text(o, "name", rows, 0);
		ap_answer_row_int(o, "version", rows, 1);
		ap_answer_row_time(o, "created", rows, 2);
		ap_answer_row_text(o, "kind", rows, 3);
		ap_answer_row_text(o, "set_by", rows, 4);
		ap_answer_row_text(o, "reason", rows, 5);
		json_array_add_object_element(list, o);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_list = g_steal_pointer(&list);
	return AP_SUCCESS;
}
