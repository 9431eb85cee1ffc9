#include "recorder/db/db_staff_note.h"

void ap_note_row_clear(struct ap_note_row *row)
{
	g_clear_pointer(&row->sealed, g_bytes_unref);
}

static void clear(gpointer data)
{
	ap_note_row_clear(data);
}

static struct ap_note_row read_row(struct ap_rows *rows)
{
	size_t len = 0;
	const uint8_t *sealed = ap_row_blob(rows, 6, &len);
	struct ap_note_row row = {.id = ap_row_uuid(rows, 0),
				  .author = ap_row_int(rows, 1),
				  .at_ms = ap_row_int(rows, 2),
				  .created_ms = ap_row_int(rows, 3),
				  .changed_ms = ap_row_int(rows, 4),
				  .sealed = g_bytes_new(sealed, len)};
	g_strlcpy(row.role, ap_row_text(rows, 5), sizeof row.role);
	return row;
}

struct ap_result ap_db_note_list(struct ap_db *db, const struct ap_uuid *recording, int64_t author, GArray **ret_rows)
{
	g_autoptr(GArray) list = g_array_new(FALSE, TRUE, sizeof(struct ap_note_row));
	g_array_set_clear_func(list, clear);
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT n.id, n.author, n.at_ms, n.created_ms, n.changed_ms, u.role, n.sealed FROM note n"
					   " JOIN user_ u ON u.id = n.author WHERE n.recording = ?1 AND (?2 = 0 OR n.author = ?2)"
					   " ORDER BY n.at_ms, n.created_ms",
					   AP_VALUES(AP_V_UUID(recording), AP_V_INT(author)));
	while (ap_rows_next(rows)) {
		struct ap_note_row row = read_row(rows);
		g_array_append_val(list, row);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_rows = g_steal_pointer(&list);
	return AP_SUCCESS;
}

struct ap_result ap_db_note_count(struct ap_db *db, const struct ap_uuid *recording, int64_t author, int64_t *ret_count)
{
	return ap_db_count(db, "SELECT count(*) FROM note WHERE recording = ?1 AND author = ?2",
			   AP_VALUES(AP_V_UUID(recording), AP_V_INT(author)), ret_count);
}

static struct ap_value sealed_of(const struct ap_note_row *row)
{
	gsize len;
	const void *bytes = g_bytes_get_data(row->sealed, &len);
	return AP_V_BLOB(bytes, len);
}

struct ap_result ap_db_note_insert(struct ap_db *db, const struct ap_uuid *recording, const struct ap_note_row *row)
{
	return ap_db_run(db,
			 "INSERT INTO note (id, recording, author, at_ms, created_ms, changed_ms, sealed)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
			 AP_VALUES(AP_V_UUID(&row->id), AP_V_UUID(recording), AP_V_INT(row->author), AP_V_INT(row->at_ms),
				   AP_V_INT(row->created_ms), AP_V_INT(row->changed_ms), sealed_of(row)));
}

static struct ap_result changed(struct ap_db *db)
{
	if (ap_db_changes(db) == 0)
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such note of yours");
	return AP_SUCCESS;
}

struct ap_result ap_db_note_update(struct ap_db *db, const struct ap_uuid *recording, const struct ap_note_row *row)
{
	AP_TRY(ap_db_run(db,
			 "UPDATE note SET at_ms = ?4, changed_ms = ?5, sealed = ?6 WHERE id = ?1 AND recording = ?2 AND author = ?3",
			 AP_VALUES(AP_V_UUID(&row->id), AP_V_UUID(recording), AP_V_INT(row->author), AP_V_INT(row->at_ms),
				   AP_V_INT(row->changed_ms), sealed_of(row))));
	return changed(db);
}

struct ap_result ap_db_note_delete(struct ap_db *db, const struct ap_uuid *recording, int64_t author,
				   const struct ap_uuid *id)
{
	AP_TRY(ap_db_run(db, "DELETE FROM note WHERE id = ?1 AND recording = ?2 AND author = ?3",
			 AP_VALUES(AP_V_UUID(id), AP_V_UUID(recording), AP_V_INT(author))));
	return changed(db);
}

struct ap_result ap_db_note_erase(struct ap_db *db, const struct ap_uuid *recording)
{
	return ap_db_run(db, "DELETE FROM note WHERE recording = ?1", AP_VALUES(AP_V_UUID(recording)));
}
