#include "recorder/db/db_staff_conduct.h"

#include "recorder/api/answer.h"

struct ap_result ap_db_conduct_version(struct ap_db *db, int64_t *ret_version)
{
	return ap_db_count(db, "SELECT max(version) FROM conduct", AP_NO_VALUES, ret_version);
}

struct ap_result ap_db_conduct_get(struct ap_db *db, int64_t version, const char *lang, char **ret_document)
{
	char *document = NULL;
	struct ap_rows *rows = ap_db_query(db, "SELECT document FROM conduct WHERE version = ?1 AND lang = ?2",
					   AP_VALUES(AP_V_INT(version), AP_V_TEXT(lang)));
	bool found = ap_rows_next(rows);
	if (found)
		document = ap_row_text_dup(rows, 0);
	struct ap_result r = ap_rows_end_found(rows, found);
	if (ap_ok(r))
		*ret_document = document;
	else
		g_free(document);
	return r;
}

struct ap_result ap_db_conduct_put(struct ap_db *db, int64_t version, const char *lang, const char *document,
				   const uint8_t sha256[32], int64_t now_ms)
{
	return ap_db_run(db,
			 "INSERT INTO conduct (version, lang, document, sha256, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
			 AP_VALUES(AP_V_INT(version), AP_V_TEXT(lang), AP_V_TEXT(document), AP_V_HASH(sha256),
				   AP_V_INT(now_ms)));
}

struct ap_result ap_db_conduct_of(struct ap_db *db, int64_t user, int64_t *ret_version)
{
	int64_t version = 0;
	struct ap_rows *rows =
		ap_db_query(db, "SELECT code_of_conduct FROM user_ WHERE id = ?1", AP_VALUES(AP_V_INT(user)));
	bool found = ap_rows_next(rows);
	if (found)
		version = ap_row_int(rows, 0);
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_version = version;
	return AP_SUCCESS;
}

struct ap_result ap_db_conduct_acknowledged(struct ap_db *db, int64_t user, int64_t version, int64_t now_ms)
{
	return ap_db_run(db, "UPDATE user_ SET code_of_conduct = ?2, conduct_ms = ?3 WHERE id = ?1",
			 AP_VALUES(AP_V_INT(user), AP_V_INT(version), AP_V_INT(now_ms)));
}

struct ap_result ap_db_conduct_users(struct ap_db *db, int64_t tenant, JsonArray **ret_list)
{
	g_autoptr(JsonArray) list = json_array_new();
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT name, role, code_of_conduct, conduct_ms FROM user_ WHERE disabled_ms IS NULL"
					   " AND (?1 = 0 OR tenant = ?1) ORDER BY name",
					   AP_VALUES(AP_V_INT(tenant)));
	while (ap_rows_next(rows)) {
		JsonObject *o = json_object_new();
		ap_answer_row_text(o, "user", rows, 0);
		ap_answer_row_text(o, "role", rows, 1);
		ap_answer_row_int(o, "version", rows, 2);
		ap_answer_row_time(o, "acknowledged", rows, 3);
		json_array_add_object_element(list, o);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_list = g_steal_pointer(&list);
	return AP_SUCCESS;
}

struct ap_result ap_db_conduct_policies(struct ap_db *db, int64_t tenant, GPtrArray **ret_names)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	struct ap_rows *rows = ap_db_query(db, "SELECT DISTINCT policy FROM tenant WHERE ?1 = 0 OR id = ?1",
					   AP_VALUES(AP_V_INT(tenant)));
	while (ap_rows_next(rows))
		g_ptr_array_add(names, ap_row_text_dup(rows, 0));
	AP_TRY(ap_rows_end(rows));
	*ret_names = g_steal_pointer(&names);
	return AP_SUCCESS;
}
