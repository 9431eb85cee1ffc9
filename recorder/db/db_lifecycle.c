#include "recorder/db/db_lifecycle.h"

struct ap_result ap_db_lifecycle_due(struct ap_db *db, int64_t now_ms, GArray **ret_due)
{
	g_autoptr(GArray) due = g_array_new(FALSE, FALSE, sizeof(struct ap_lifecycle_recording));
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT r.id, r.session, s.tenant FROM recording r JOIN session s ON s.id = r.session"
					   " WHERE r.state = 'sealed' AND r.archives_ms <= ?1"
					   " AND r.expires_ms > ?1 AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.recording = r.id)"
					   " ORDER BY r.archives_ms LIMIT 200",
					   AP_VALUES(AP_V_INT(now_ms)));
	while (ap_rows_next(rows)) {
		const struct ap_lifecycle_recording one = { ap_row_uuid(rows, 0), ap_row_uuid(rows, 1), ap_row_int(rows, 2) };
		g_array_append_val(due, one);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_due = g_steal_pointer(&due);
	return AP_SUCCESS;
}

struct ap_result ap_db_lifecycle_archive(struct ap_db *db, const struct ap_uuid *recording)
{
	return ap_db_run(db, "UPDATE recording SET state = 'archived' WHERE id = ?1 AND state = 'sealed'",
			 AP_VALUES(AP_V_UUID(recording)));
}

struct ap_result ap_db_lifecycle_grants(struct ap_db *db, int64_t now_ms, GArray **ret_ids)
{
	return ap_rows_end_ids(
		ap_db_query(
			db,
			"SELECT g.id FROM grant_ g CROSS JOIN term t ON t.recording = g.recording AND t.purpose = g.purpose"
			" WHERE g.revoked_ms IS NULL AND g.expires_ms > ?1 AND t.ends_ms <= ?1 LIMIT 200",
			AP_VALUES(AP_V_INT(now_ms))),
		ret_ids);
}

struct ap_result ap_db_lifecycle_accesses(struct ap_db *db, int64_t now_ms, GArray **ret_ids)
{
	return ap_rows_end_ids(
		ap_db_query(
			db,
			"SELECT a.id FROM access a JOIN term t ON t.recording = a.recording AND t.purpose = a.purpose"
			" WHERE a.ended_ms IS NULL AND a.expires_ms > ?1 AND t.ends_ms <= ?1 AND a.actor LIKE 'user:%'"
			" LIMIT 200",
			AP_VALUES(AP_V_INT(now_ms))),
		ret_ids);
}

struct ap_result ap_db_lifecycle_logs(struct ap_db *db, int64_t after_ms, const struct ap_uuid *after, GArray **ret_logs)
{
	g_autoptr(GArray) logs = g_array_new(FALSE, FALSE, sizeof(struct ap_lifecycle_log));
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT a.id, s.id, s.tenant, s.policy, s.policy_version, a.begun_ms FROM access a"
					   " CROSS JOIN recording r ON r.id = a.recording CROSS JOIN session s ON s.id = r.session"
					   " WHERE r.state = 'erased' AND a.ended_ms IS NOT NULL AND (a.begun_ms, a.id) > (?1, ?2)"
					   " ORDER BY a.begun_ms, a.id LIMIT ?3",
					   AP_VALUES(AP_V_INT(after_ms), AP_V_UUID(after), AP_V_INT(AP_LIFECYCLE_LOGS)));
	while (ap_rows_next(rows)) {
		struct ap_lifecycle_log log = { .access = ap_row_uuid(rows, 0),
						.session = ap_row_uuid(rows, 1),
						.tenant = ap_row_int(rows, 2),
						.policy_version = ap_row_int(rows, 4),
						.begun_ms = ap_row_int(rows, 5) };
		g_strlcpy(log.policy, ap_row_text(rows, 3), sizeof log.policy);
		g_array_append_val(logs, log);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_logs = g_steal_pointer(&logs);
	return AP_SUCCESS;
}

struct ap_result ap_db_lifecycle_forget(struct ap_db *db, const struct ap_uuid *access)
{
	AP_TRY(ap_db_run(db,
			 "UPDATE leaf SET salt = NULL, body = NULL WHERE idx IN (SELECT begun_leaf FROM access WHERE id = ?1"
			 " UNION SELECT ended_leaf FROM access WHERE id = ?1)",
			 AP_VALUES(AP_V_UUID(access))));
	return ap_db_run(db, "DELETE FROM access WHERE id = ?1", AP_VALUES(AP_V_UUID(access)));
}

struct ap_result ap_db_lifecycle_tidy(struct ap_db *db, int64_t keys_before_ms, int64_t proposals_before_ms)
{
	const struct ap_value *keys = AP_VALUES(AP_V_INT(keys_before_ms)), *proposals = AP_VALUES(AP_V_INT(proposals_before_ms));
	int64_t some;
	AP_TRY(ap_db_count(db, "SELECT EXISTS (SELECT 1 FROM session WHERE request_sha256 IS NOT NULL AND created_ms < ?1)", keys, &some));
	if (some)
		AP_TRY(ap_db_run(db,
				 "UPDATE session SET idempotency_key = NULL, request_sha256 = NULL WHERE request_sha256 IS NOT NULL"
				 " AND created_ms < ?1",
				 keys));
	AP_TRY(ap_db_count(db, "SELECT EXISTS (SELECT 1 FROM proposal WHERE expires_ms < ?1)", proposals, &some));
	return some ? ap_db_run(db, "DELETE FROM proposal WHERE expires_ms < ?1", proposals) : AP_SUCCESS;
}
