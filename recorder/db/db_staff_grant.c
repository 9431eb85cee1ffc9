#include "recorder/db/db_staff_grant.h"

#include "recorder/api/answer.h"

void ap_grant_row_clear(struct ap_grant_row *row)
{
	g_clear_pointer(&row->purpose, g_free);
	g_clear_pointer(&row->coach, g_free);
}

struct ap_result ap_db_grant_load(struct ap_db *db, const struct ap_uuid *id, struct ap_grant_row *ret_row)
{
	struct ap_grant_row row = {.id = *id};
	struct ap_rows *rows = ap_db_query(
		db,
		"SELECT g.recording, r.session, g.supervisor, g.revoked_ms, s.tenant, g.purpose, p.pii_principal"
		" FROM grant_ g JOIN recording r ON r.id = g.recording JOIN session s ON s.id = r.session"
		" JOIN party p ON p.session = s.id AND p.role = 1 WHERE g.id = ?1",
		AP_VALUES(AP_V_UUID(id)));
	bool found = ap_rows_next(rows);
	if (found) {
		row.recording = ap_row_uuid(rows, 0);
		row.session = ap_row_uuid(rows, 1);
		row.supervisor = ap_row_int(rows, 2);
		row.revoked_ms = ap_row_int(rows, 3);
		row.tenant = ap_row_int(rows, 4);
		row.purpose = ap_row_text_dup(rows, 5);
		row.coach = ap_row_text_dup(rows, 6);
	}
	struct ap_result r = ap_rows_end_found(rows, found);
	if (ap_ok(r))
		*ret_row = row;
	else
		ap_grant_row_clear(&row);
	return r;
}

struct ap_result ap_db_grant_insert(struct ap_db *db, const struct ap_uuid *id, const struct ap_grant_wish *wish,
				    int64_t supervisor, const char *by, int64_t now_ms, uint64_t leaf)
{
	return ap_db_run(
		db,
		"INSERT INTO grant_ (id, recording, supervisor, purpose, expires_ms, created_by, created_ms, leaf)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		AP_VALUES(AP_V_UUID(id), AP_V_UUID(&wish->recording), AP_V_INT(supervisor), AP_V_TEXT(wish->purpose),
			  AP_V_INT(wish->expires_ms), AP_V_TEXT(by), AP_V_INT(now_ms), AP_V_INT(leaf)));
}

struct ap_result ap_db_grant_revoked(struct ap_db *db, const struct ap_uuid *id, int64_t now_ms)
{
	return ap_db_run(db, "UPDATE grant_ SET revoked_ms = ?2 WHERE id = ?1 AND revoked_ms IS NULL",
			 AP_VALUES(AP_V_UUID(id), AP_V_INT(now_ms)));
}

/* Where the rows come from, the narrowest first. */
#define BY_ID(ids) " FROM (" ids ") m CROSS JOIN grant_ g ON g.id = m.id"
static const char *source(const struct ap_grant_filter *f)
{
	if (f->recording)
		return BY_ID("SELECT id FROM grant_ WHERE recording = ?1");
	if (f->supervisor)
		return BY_ID("SELECT id FROM grant_ WHERE supervisor = ?2");
	return f->coach ? BY_ID("SELECT x.id FROM party p CROSS JOIN recording r ON r.session = p.session"
				" CROSS JOIN grant_ x ON x.recording = r.id WHERE p.pii_principal = ?3 AND p.role = 1") :
			  " FROM grant_ g";
}

/* The whole filter of each row, whatever the source. */
#define GRANT_COLUMNS                                                                                                  \
	"SELECT g.id, g.recording, u.name, g.purpose, g.created_by, g.created_ms, g.expires_ms, g.revoked_ms"
#define GRANT_FILTER                                                                                                   \
	" CROSS JOIN recording r ON r.id = g.recording CROSS JOIN session s ON s.id = r.session"                       \
	" CROSS JOIN party p ON p.session = s.id AND p.role = 1 CROSS JOIN user_ u ON u.id = g.supervisor"             \
	" WHERE (?1 IS NULL OR g.recording = ?1) AND (?2 = 0 OR g.supervisor = ?2)"                                    \
	" AND (?3 IS NULL OR p.pii_principal = ?3) AND (?4 = 0 OR s.tenant = ?4)"                                      \
	" AND (g.created_ms, g.id) < (?5, ?6) ORDER BY g.created_ms DESC, g.id DESC LIMIT ?7"

struct ap_result ap_db_grant_list(struct ap_db *db, const struct ap_grant_filter *f, JsonArray **ret_list)
{
	static const struct ap_answer_column columns[] = {
		{"id", ap_answer_row_id},
		{"recording", ap_answer_row_id},
		{"supervisor", ap_answer_row_text},
		{"purpose", ap_answer_row_text},
		{"created_by", ap_answer_row_text},
		{"created", ap_answer_row_time},
		{"expires", ap_answer_row_time},
		{"revoked", ap_answer_row_time},
	};
	int64_t before_ms = INT64_MAX;
	if (f->after)
		AP_TRY(ap_db_count(db, "SELECT created_ms FROM grant_ WHERE id = ?1", AP_VALUES(AP_V_UUID(f->after)), &before_ms));
	g_autofree char *sql = g_strconcat(GRANT_COLUMNS, source(f), GRANT_FILTER, NULL);
	return ap_answer_rows(ap_db_query(db, sql,
					  AP_VALUES(AP_V_BLOB(f->recording ? f->recording->b : NULL, 16), AP_V_INT(f->supervisor),
						    AP_V_TEXT(f->coach), AP_V_INT(f->tenant), AP_V_INT(before_ms),
						    AP_V_BLOB(f->after ? f->after->b : (const void *)"", f->after ? 16 : 0),
						    AP_V_INT(f->limit))),
			      columns, G_N_ELEMENTS(columns), ret_list);
}

struct ap_result ap_db_grant_living(struct ap_db *db, const struct ap_uuid *session, GArray **ret_ids)
{
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT g.id FROM grant_ g JOIN recording r ON r.id = g.recording"
					   " WHERE r.session = ?1 AND g.revoked_ms IS NULL",
					   AP_VALUES(AP_V_UUID(session)));
	return ap_rows_end_ids(rows, ret_ids);
}
