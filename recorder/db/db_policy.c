#include "recorder/db/db_policy.h"

#include <glib.h>

struct ap_result ap_db_policy_seed(struct ap_db *db, int64_t now_ms)
{
	return ap_db_run(db,
			 "INSERT INTO policy (name, version, document, created_ms) SELECT 'default', 1, ?1, ?2"
			 " WHERE NOT EXISTS (SELECT 1 FROM policy WHERE name = 'default')",
			 AP_VALUES(AP_V_TEXT(ap_text_policy_default), AP_V_INT(now_ms)));
}

struct ap_result ap_db_policy_get(struct ap_db *db, const char *name, int64_t version, char **ret_document,
				  int64_t *ret_version)
{
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT document, version FROM policy WHERE name = ?1 AND (?2 = 0 OR version = ?2)"
					   " ORDER BY version DESC LIMIT 1",
					   AP_VALUES(AP_V_TEXT(name), AP_V_INT(version)));
	bool found = ap_rows_next(rows);
	g_autofree char *document = found ? ap_row_text_dup(rows, 0) : NULL;
	int64_t number = found ? ap_row_int(rows, 1) : 0;
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_document = g_steal_pointer(&document);
	if (ret_version)
		*ret_version = number;
	return AP_SUCCESS;
}

struct ap_result ap_db_policy_version(struct ap_db *db, const char *name, int64_t *ret_version)
{
	int64_t version = 0;
	AP_TRY(ap_db_count(db, "SELECT max(version) FROM policy WHERE name = ?1", AP_VALUES(AP_V_TEXT(name)), &version));
	if (version == 0)
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no policy of that name");
	*ret_version = version;
	return AP_SUCCESS;
}

struct ap_result ap_db_notice_put(struct ap_db *db, const uint8_t sha256[32], const char *version, const char *lang,
				  const char *document, int64_t now_ms)
{
	int64_t known = 0;
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM notice WHERE sha256 = ?1", AP_VALUES(AP_V_HASH(sha256)), &known));
	if (known > 0)
		return AP_SUCCESS; /* shown again, also while nothing can be written: who takes back needs it */
	return ap_db_run(db,
			 "INSERT INTO notice (sha256, version, lang, document, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)"
			 " ON CONFLICT DO NOTHING",
			 AP_VALUES(AP_V_HASH(sha256), AP_V_TEXT(version), AP_V_TEXT(lang), AP_V_TEXT(document),
				   AP_V_INT(now_ms)));
}

struct ap_result ap_db_notice_get(struct ap_db *db, const uint8_t sha256[32], char **ret_document)
{
	struct ap_rows *rows = ap_db_query(db, "SELECT document FROM notice WHERE sha256 = ?1", AP_VALUES(AP_V_HASH(sha256)));
	bool found = ap_rows_next(rows);
	g_autofree char *document = found ? ap_row_text_dup(rows, 0) : NULL;
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_document = g_steal_pointer(&document);
	return AP_SUCCESS;
}

struct ap_result ap_db_lockdown_get(struct ap_db *db, int64_t *ret_on)
{
	return ap_db_count(db, "SELECT count(*) FROM setting WHERE name = 'lockdown'", AP_NO_VALUES, ret_on);
}

struct ap_result ap_db_lockdown_set(struct ap_db *db, bool on)
{
	if (!on)
		return ap_db_run(db, "DELETE FROM setting WHERE name = 'lockdown'", AP_NO_VALUES);
	return ap_db_run(db, "INSERT INTO setting (name, value) VALUES ('lockdown', '1') ON CONFLICT DO NOTHING", AP_NO_VALUES);
}
