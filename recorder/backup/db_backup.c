#include "recorder/backup/db_backup.h"

struct ap_result ap_db_key_part_put(struct ap_db *db, const struct ap_key_part_row *row)
{
	return ap_db_run(db,
			 "INSERT INTO key_part (id, kek_id, made_ms, destroy_by_ms, place) VALUES (?1, ?2, ?3, ?4, ?5)"
			 " ON CONFLICT DO NOTHING",
			 AP_VALUES(AP_V_UUID(&row->id), AP_V_BLOB(row->kek.b, AP_KEK_ID), AP_V_INT(row->made_ms),
				   AP_V_INT(row->destroy_by_ms), AP_V_UUID(&row->place)));
}

struct ap_result ap_db_key_part_destroyed(struct ap_db *db, const struct ap_uuid *id, int64_t now_ms)
{
	return ap_db_run(db, "UPDATE key_part SET destroyed_ms = ?2 WHERE id = ?1 AND destroyed_ms IS NULL",
			 AP_VALUES(AP_V_UUID(id), AP_V_INT(now_ms)));
}

struct ap_result ap_db_key_part_list(struct ap_db *db, GArray **ret_rows)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(struct ap_key_part_row));
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT id, kek_id, made_ms, destroy_by_ms, place FROM key_part WHERE destroyed_ms IS NULL"
					   " ORDER BY made_ms DESC",
					   AP_NO_VALUES);
	while (ap_rows_next(rows)) {
		struct ap_key_part_row row = { .id = ap_row_uuid(rows, 0),
					       .made_ms = ap_row_int(rows, 2),
					       .destroy_by_ms = ap_row_int(rows, 3) };
		(void)ap_row_bytes(rows, 1, row.kek.b, AP_KEK_ID);
		(void)ap_row_bytes(rows, 4, row.place.b, sizeof row.place.b); /* NULL: zero */
		g_array_append_val(list, row);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_rows = g_steal_pointer(&list);
	return AP_SUCCESS;
}

struct ap_result ap_db_living(struct ap_db *db, GHashTable **ret_ids)
{
	g_autoptr(GHashTable) ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT id FROM recording r WHERE state <> 'erased'"
					   " AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.recording = r.id)",
					   AP_NO_VALUES);
	while (ap_rows_next(rows)) {
		struct ap_uuid id = ap_row_uuid(rows, 0);
		char *text = g_malloc(AP_UUID_TEXT);
		ap_uuid_text(&id, text);
		g_hash_table_add(ids, text);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_ids = g_steal_pointer(&ids);
	return AP_SUCCESS;
}

struct ap_result ap_db_living_count(struct ap_db *db, int64_t *ret_count)
{
	return ap_db_count(db,
			   "SELECT count(*) FROM recording r WHERE state <> 'erased'"
			   " AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.recording = r.id)",
			   AP_NO_VALUES, ret_count);
}

struct ap_result ap_db_note_get(struct ap_db *db, const char *name, char **ret_value)
{
	struct ap_rows *rows = ap_db_query(db, "SELECT value FROM setting WHERE name = ?1", AP_VALUES(AP_V_TEXT(name)));
	g_autofree char *value = ap_rows_next(rows) ? ap_row_text_dup(rows, 0) : NULL;
	AP_TRY(ap_rows_end(rows));
	*ret_value = g_steal_pointer(&value);
	return AP_SUCCESS;
}

struct ap_result ap_db_note_put(struct ap_db *db, const char *name, const char *value)
{
	return ap_db_run(db, "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
			 AP_VALUES(AP_V_TEXT(name), AP_V_TEXT(value)));
}

/* ---- a restore ---- */

struct ap_result ap_db_freeze(struct ap_db *db)
{
	AP_TRY(ap_db_run(db,
			 "INSERT INTO frozen (recording, state)"
			 " SELECT id, CASE state WHEN 'recording' THEN 'sealed' ELSE state END FROM recording"
			 " WHERE state <> 'erased' ON CONFLICT DO NOTHING",
			 AP_NO_VALUES));
	AP_TRY(ap_db_run(db, "INSERT INTO frozen_session SELECT id FROM session WHERE state <> 'ended' ON CONFLICT DO NOTHING",
			 AP_NO_VALUES));
	return ap_db_run(db, "UPDATE recording SET state = 'restricted' WHERE state IN ('sealed', 'archived')", AP_NO_VALUES);
}

struct ap_result ap_db_frozen_count(struct ap_db *db, int64_t *ret_count)
{
	return ap_db_count(db,
			   "SELECT (SELECT count(*) FROM frozen f JOIN recording r ON r.id = f.recording WHERE r.state <> 'erased')"
			   " + (SELECT count(*) FROM frozen_session)",
			   AP_NO_VALUES, ret_count);
}

struct ap_result ap_db_unfreeze(struct ap_db *db, const struct ap_uuid *recording, int64_t *ret_count)
{
	const struct ap_value which = AP_V_BLOB(recording ? recording->b : NULL, 16);
	AP_TRY(ap_db_count(db,
			   "SELECT count(*) FROM frozen f JOIN recording r ON r.id = f.recording"
			   " WHERE r.state <> 'erased' AND (?1 IS NULL OR r.id = ?1)",
			   AP_VALUES(which), ret_count));
	AP_TRY(ap_db_run(db,
			 "DELETE FROM frozen_session WHERE ?1 IS NULL OR session = (SELECT session FROM recording WHERE id = ?1)",
			 AP_VALUES(which)));
	AP_TRY(ap_db_run(db, "CREATE TEMP TABLE IF NOT EXISTS thawed (recording BLOB PRIMARY KEY, state TEXT NOT NULL)",
			 AP_NO_VALUES));
	AP_TRY(ap_db_run(db, "INSERT INTO thawed SELECT recording, state FROM frozen WHERE ?1 IS NULL OR recording = ?1",
			 AP_VALUES(which)));
	AP_TRY(ap_db_run(db, "DELETE FROM frozen WHERE ?1 IS NULL OR recording = ?1", AP_VALUES(which)));
	AP_TRY(ap_db_run(db,
			 "UPDATE recording SET state = (SELECT state FROM thawed t WHERE t.recording = id)"
			 " WHERE state = 'restricted' AND id IN (SELECT recording FROM thawed)",
			 AP_NO_VALUES));
	return ap_db_run(db, "DELETE FROM thawed", AP_NO_VALUES);
}

struct ap_result ap_db_known_forget(struct ap_db *keys)
{
	return ap_db_run(keys, "DELETE FROM known_checkpoint", AP_NO_VALUES);
}

struct ap_result ap_db_due_forget(struct ap_db *db)
{
	return ap_db_run(db, "DELETE FROM journal_due", AP_NO_VALUES);
}

struct ap_result ap_db_logins_forget(struct ap_db *db)
{
	return ap_db_run(db, "DELETE FROM login", AP_NO_VALUES);
}

/* ---- what the journal says, once more ---- */

static struct ap_result run_counted(struct ap_db *db, const char *sql, const struct ap_value *values, bool *ret_changed)
{
	AP_TRY(ap_db_run(db, sql, values));
	*ret_changed = ap_db_changes(db) > 0;
	return AP_SUCCESS;
}

struct ap_result ap_db_replay_grant(struct ap_db *db, const struct ap_uuid *grant, int64_t now_ms, bool *ret_changed)
{
	return run_counted(db, "UPDATE grant_ SET revoked_ms = ?2 WHERE id = ?1 AND revoked_ms IS NULL",
			   AP_VALUES(AP_V_UUID(grant), AP_V_INT(now_ms)), ret_changed);
}

struct ap_result ap_db_replay_api_key(struct ap_db *db, const uint8_t hash[32], int64_t now_ms, bool *ret_changed)
{
	return run_counted(db, "UPDATE api_key SET revoked_ms = ?2 WHERE hash = ?1 AND revoked_ms IS NULL",
			   AP_VALUES(AP_V_BLOB(hash, 32), AP_V_INT(now_ms)), ret_changed);
}

struct ap_result ap_db_replay_user(struct ap_db *db, int64_t user, bool disabled, int64_t now_ms, bool *ret_changed)
{
	return run_counted(db, "UPDATE user_ SET disabled_ms = ?3 WHERE id = ?1 AND (disabled_ms IS NOT NULL) <> ?2",
			   AP_VALUES(AP_V_INT(user), AP_V_INT(disabled), disabled ? AP_V_INT(now_ms) : AP_V_NULL), ret_changed);
}

struct ap_result ap_db_replay_token(struct ap_db *db, const struct ap_uuid *session, enum ap_role role, int64_t number,
				    const uint8_t void_hash[32], int64_t now_ms, bool *ret_changed)
{
	AP_TRY(ap_db_run(db,
			 "INSERT INTO revoked_token SELECT token_hash, ?4 FROM party"
			 " WHERE session = ?1 AND role = ?2 AND token_number < ?3 ON CONFLICT DO NOTHING",
			 AP_VALUES(AP_V_UUID(session), AP_V_INT(role), AP_V_INT(number), AP_V_INT(now_ms))));
	return run_counted(db,
			   "UPDATE party SET token_number = ?3, token_hash = ?4"
			   " WHERE session = ?1 AND role = ?2 AND token_number < ?3",
			   AP_VALUES(AP_V_UUID(session), AP_V_INT(role), AP_V_INT(number), AP_V_BLOB(void_hash, 32)), ret_changed);
}

struct ap_result ap_db_replay_restricted(struct ap_db *db, const struct ap_uuid *recording, bool restricted, bool *ret_changed)
{
	return restricted ?
		       run_counted(db, "UPDATE recording SET state = 'restricted' WHERE id = ?1 AND state IN ('sealed', 'archived')",
				   AP_VALUES(AP_V_UUID(recording)), ret_changed) :
		       run_counted(db, "UPDATE recording SET state = 'sealed' WHERE id = ?1 AND state = 'restricted'",
				   AP_VALUES(AP_V_UUID(recording)), ret_changed);
}

struct ap_result ap_db_replay_erasable(struct ap_db *db, const struct ap_uuid *recording, bool *ret_erasable)
{
	int64_t n = 0;
	AP_TRY(ap_db_count(db,
			   "SELECT count(*) FROM recording r WHERE id = ?1"
			   " AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.recording = r.id)",
			   AP_VALUES(AP_V_UUID(recording)), &n));
	*ret_erasable = n > 0;
	return AP_SUCCESS;
}

struct ap_result ap_db_replay_session_known(struct ap_db *db, const struct ap_uuid *session, bool *ret_known)
{
	int64_t n = 0;
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM session WHERE id = ?1", AP_VALUES(AP_V_UUID(session)), &n));
	*ret_known = n > 0;
	return AP_SUCCESS;
}
