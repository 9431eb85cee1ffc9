#include "recorder/db/db_request.h"

#include "recorder/api/answer.h"

#define REQUESTS_MAX 1000

#define COLUMNS                                                                                                        \
	"SELECT q.id, q.session, q.role, q.type, q.state, q.opened_by, q.created_ms, q.due_ms, q.lifts_ms, q.told,"    \
	" s.tenant FROM request q JOIN session s ON s.id = q.session"

struct ap_result ap_db_request_insert(struct ap_db *db, const struct ap_request_row *row,
				      const struct ap_request_text *text, uint64_t leaf)
{
	return ap_db_run(db,
			 "INSERT INTO request (id, session, role, type, detail, wish, state, opened_by, created_ms,"
			 " due_ms, leaf) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
			 AP_VALUES(AP_V_UUID(&row->id), AP_V_UUID(&row->session), AP_V_INT(row->role),
				   AP_V_TEXT(row->type), AP_V_TEXT(text->detail), AP_V_TEXT(text->wish),
				   AP_V_TEXT(row->state), AP_V_TEXT(row->opened_by), AP_V_INT(row->created_ms),
				   AP_V_INT(row->due_ms), AP_V_INT(leaf)));
}

static struct ap_request_row read_row(struct ap_rows *rows)
{
	struct ap_request_row row = {.id = ap_row_uuid(rows, 0),
				     .session = ap_row_uuid(rows, 1),
				     .role = (enum ap_role)ap_row_int(rows, 2),
				     .created_ms = ap_row_int(rows, 6),
				     .due_ms = ap_row_int(rows, 7),
				     .lifts_ms = ap_row_int(rows, 8),
				     .told = (unsigned)ap_row_int(rows, 9),
				     .tenant = ap_row_int(rows, 10)};
	g_strlcpy(row.type, ap_row_text(rows, 3), sizeof row.type);
	g_strlcpy(row.state, ap_row_text(rows, 4), sizeof row.state);
	g_strlcpy(row.opened_by, ap_row_text(rows, 5), sizeof row.opened_by);
	return row;
}

static struct ap_result take_rows(struct ap_rows *rows, GArray **ret_rows)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(struct ap_request_row));
	while (ap_rows_next(rows)) {
		struct ap_request_row row = read_row(rows);
		g_array_append_val(list, row);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_rows = g_steal_pointer(&list);
	return AP_SUCCESS;
}

struct ap_result ap_db_request_load(struct ap_db *db, const struct ap_uuid *id, struct ap_request_row *ret_row)
{
	struct ap_request_row row = {0};
	struct ap_rows *rows = ap_db_query(db, COLUMNS " WHERE q.id = ?1", AP_VALUES(AP_V_UUID(id)));
	bool found = ap_rows_next(rows);
	if (found)
		row = read_row(rows);
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_row = row;
	return AP_SUCCESS;
}

struct ap_result ap_db_request_wish(struct ap_db *db, const struct ap_uuid *id, char **ret_wish)
{
	g_autofree char *wish = NULL;
	struct ap_rows *rows = ap_db_query(db, "SELECT wish FROM request WHERE id = ?1", AP_VALUES(AP_V_UUID(id)));
	bool found = ap_rows_next(rows);
	if (found)
		wish = ap_row_text_dup(rows, 0);
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_wish = g_steal_pointer(&wish);
	return AP_SUCCESS;
}

struct ap_result ap_db_request_set_wish(struct ap_db *db, const struct ap_uuid *id, const char *wish)
{
	return ap_db_run(db, "UPDATE request SET wish = ?2 WHERE id = ?1", AP_VALUES(AP_V_UUID(id), AP_V_TEXT(wish)));
}

struct ap_result ap_db_request_open(struct ap_db *db, const char *type, GArray **ret_rows)
{
	return take_rows(ap_db_query(db,
				     COLUMNS " WHERE q.state IN ('open', 'extended') AND (?1 IS NULL OR q.type = ?1)"
					     " ORDER BY q.due_ms LIMIT 1000",
				     AP_VALUES(AP_V_TEXT(type))),
			 ret_rows);
}

struct ap_result ap_db_request_lifting(struct ap_db *db, int64_t now_ms, GArray **ret_rows)
{
	return take_rows(ap_db_query(db,
				     COLUMNS " WHERE q.type = 'restriction' AND q.state = 'done' AND q.lifts_ms <= ?1",
				     AP_VALUES(AP_V_INT(now_ms))),
			 ret_rows);
}

struct ap_result ap_db_request_unticked(struct ap_db *db, GArray **ret_rows)
{
	return take_rows(ap_db_query(db,
				     COLUMNS " WHERE q.state = 'done' AND q.id IN (SELECT request FROM request_item"
					     " WHERE ticked_ms IS NULL)"
					     " ORDER BY q.due_ms LIMIT 1000",
				     AP_NO_VALUES),
			 ret_rows);
}

struct ap_result ap_db_request_waiting(struct ap_db *db, const struct ap_uuid *session, enum ap_role role,
				       int64_t *ret_n)
{
	return ap_db_count(
		db, "SELECT count(*) FROM request WHERE session = ?1 AND role = ?2 AND state IN ('open', 'extended')",
		AP_VALUES(AP_V_UUID(session), AP_V_INT(role)), ret_n);
}

struct ap_result ap_db_request_answer(struct ap_db *db, const struct ap_uuid *id, const struct ap_request_answer *a)
{
	return ap_db_run(db,
			 "UPDATE request SET state = ?2, answer = ?3, article = ?4, answered_ms = ?5 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(id), AP_V_TEXT(a->state), AP_V_TEXT(a->answer), AP_V_TEXT(a->article),
				   AP_V_INT(a->answered_ms)));
}

struct ap_result ap_db_request_extend(struct ap_db *db, const struct ap_uuid *id, const char *reason, int64_t due_ms,
				      int64_t now_ms)
{
	return ap_db_run(db,
			 "UPDATE request SET state = 'extended', extension = ?2, due_ms = ?3, extended_ms = ?4,"
			 " told = 0 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(id), AP_V_TEXT(reason), AP_V_INT(due_ms), AP_V_INT(now_ms)));
}

struct ap_result ap_db_request_announce(struct ap_db *db, const struct ap_uuid *id, const char *reason,
					int64_t lifts_ms)
{
	return ap_db_run(db, "UPDATE request SET answer = ?2, lifts_ms = ?3 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(id), AP_V_TEXT(reason), AP_V_INT(lifts_ms)));
}

struct ap_result ap_db_request_told(struct ap_db *db, const struct ap_uuid *id, unsigned told)
{
	return ap_db_run(db, "UPDATE request SET told = ?2 WHERE id = ?1", AP_VALUES(AP_V_UUID(id), AP_V_INT(told)));
}

/* ---- as JSON ---- */

static JsonObject *describe(struct ap_rows *rows)
{
	static const char *const texts[] = {"type", "detail", "state", "reason", "article"};
	JsonObject *o = json_object_new();
	ap_answer_row_id(o, "id", rows, 0);
	ap_answer_row_id(o, "session", rows, 1);
	ap_answer_text(o, "party", ap_role_text((enum ap_role)ap_row_int(rows, 2)));
	for (int i = 0; i < (int)G_N_ELEMENTS(texts); i++)
		ap_answer_row_text(o, texts[i], rows, 3 + i);
	ap_answer_row_time(o, "created", rows, 8);
	ap_answer_row_time(o, "due", rows, 9);
	ap_answer_row_time(o, "answered", rows, 10);
	ap_answer_row_time(o, "extended", rows, 11);
	ap_answer_row_text(o, "extension", rows, 12);
	ap_answer_row_time(o, "lifts", rows, 13);
	ap_answer_json(o, "wish", ap_row_text(rows, 14));
	ap_answer_text(o, "opened_by", g_str_has_prefix(ap_row_text(rows, 15), "user:") ? "admin" : "person");
	return o;
}

#define ROWS                                                                                                           \
	"SELECT q.id, q.session, q.role, q.type, q.detail, q.state, q.answer, q.article, q.created_ms,"                \
	" q.due_ms, q.answered_ms, q.extended_ms, q.extension, q.lifts_ms, q.wish, q.opened_by,"                       \
	" (SELECT name FROM tenant WHERE id = s.tenant), s.reference"                                                  \
	" FROM request q CROSS JOIN session s ON s.id = q.session WHERE (?3 = 0 OR s.tenant = ?3)"                     \
	" AND (q.created_ms, q.id) < (?5, ?6) AND "
#define NEWEST " ORDER BY q.created_ms DESC, q.id DESC LIMIT ?7"

static const char *statement(const struct ap_request_filter *f)
{
	if (f->id)
		return ROWS "q.id = ?1" NEWEST;
	if (f->session)
		return ROWS "q.session = ?1 AND (?2 = 0 OR q.role = ?2)" NEWEST;
	return f->due_before_ms ? ROWS "q.due_ms < ?4 AND q.state IN ('open', 'extended', 'done') AND q.id IN (SELECT id FROM request"
				       " WHERE state IN ('open', 'extended') AND due_ms < ?4"
				       " UNION SELECT request FROM request_item WHERE ticked_ms IS NULL)" NEWEST :
				  ROWS "?1 IS NULL" NEWEST;
}

struct ap_result ap_db_request_list(struct ap_db *db, const struct ap_request_filter *f, JsonArray **ret_list)
{
	g_autoptr(JsonArray) list = json_array_new();
	const struct ap_uuid *one = f->id ? f->id : f->session;
	int64_t before_ms = INT64_MAX;
	if (f->after)
		AP_TRY(ap_db_count(db, "SELECT created_ms FROM request WHERE id = ?1", AP_VALUES(AP_V_UUID(f->after)), &before_ms));
	struct ap_rows *rows = ap_db_query(db, statement(f),
					   AP_VALUES(AP_V_BLOB(one ? one->b : NULL, 16), AP_V_INT(f->role), AP_V_INT(f->tenant),
						     AP_V_INT(f->due_before_ms), AP_V_INT(before_ms),
						     AP_V_BLOB(f->after ? f->after->b : (const void *)"", f->after ? 16 : 0),
						     AP_V_INT(f->limit ? f->limit : REQUESTS_MAX)));
	while (ap_rows_next(rows)) {
		JsonObject *o = describe(rows);
		if (f->named) {
			ap_answer_row_text(o, "tenant", rows, 16);
			ap_answer_row_text(o, "reference", rows, 17);
		}
		json_array_add_object_element(list, o);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_list = g_steal_pointer(&list);
	return AP_SUCCESS;
}

/* ---- effects ---- */

struct ap_result ap_db_request_freeze(struct ap_db *db, const struct ap_uuid *session, bool frozen)
{
	if (frozen)
		return ap_db_run(db,
				 "UPDATE recording SET state = 'restricted' WHERE session = ?1 AND state IN ('sealed', "
				 "'archived')",
				 AP_VALUES(AP_V_UUID(session)));
	return ap_db_run(db, "UPDATE recording SET state = 'sealed' WHERE session = ?1 AND state = 'restricted'",
			 AP_VALUES(AP_V_UUID(session)));
}

struct ap_result ap_db_request_freeze_new(struct ap_db *db)
{
	return ap_db_run(db,
			 "UPDATE recording SET state = 'restricted' WHERE state IN ('sealed', 'archived')"
			 " AND session IN (SELECT session FROM request WHERE type = 'restriction' AND state = 'done')",
			 AP_NO_VALUES);
}

struct ap_result ap_db_request_frozen_by_others(struct ap_db *db, const struct ap_uuid *session,
						const struct ap_uuid *except, int64_t *ret_n)
{
	return ap_db_count(db,
			   "SELECT count(*) FROM request WHERE session = ?1 AND id <> ?2 AND type = 'restriction'"
			   " AND state = 'done'",
			   AP_VALUES(AP_V_UUID(session), AP_V_UUID(except)), ret_n);
}

struct ap_result ap_db_request_living(struct ap_db *db, const struct ap_uuid *session, int64_t *ret_living,
				      int64_t *ret_running)
{
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM recording WHERE session = ?1 AND state <> 'erased'",
			   AP_VALUES(AP_V_UUID(session)), ret_living));
	return ap_db_count(db, "SELECT count(*) FROM recording WHERE session = ?1 AND state = 'recording'",
			   AP_VALUES(AP_V_UUID(session)), ret_running);
}

static void add_obstacle(JsonArray *list, struct ap_rows *rows)
{
	JsonObject *o = json_object_new();
	ap_answer_row_text(o, "why", rows, 0);
	ap_answer_row_text(o, "ground", rows, 1);
	ap_answer_row_text(o, "reason", rows, 2);
	ap_answer_row_time(o, "until", rows, 3);
	json_array_add_object_element(list, o);
}

struct ap_result ap_db_request_obstacles(struct ap_db *db, const struct ap_uuid *session, int64_t now_ms,
					 JsonArray **ret_list)
{
	g_autoptr(JsonArray) list = json_array_new();
	struct ap_rows *rows = ap_db_query(
		db,
		"SELECT 'held', h.ground, h.reason, h.ends_ms FROM hold h JOIN recording r ON r.id = h.recording"
		" WHERE r.session = ?1 AND r.state <> 'erased' AND h.lifted_ms IS NULL AND h.ends_ms > ?2"
		" UNION ALL SELECT 'restricted', NULL, NULL, NULL FROM recording r WHERE r.session = ?1"
		" AND r.state = 'restricted'"
		" UNION ALL SELECT 'running', NULL, NULL, NULL FROM recording r WHERE r.session = ?1"
		" AND r.state = 'recording'",
		AP_VALUES(AP_V_UUID(session), AP_V_INT(now_ms)));
	while (ap_rows_next(rows))
		add_obstacle(list, rows);
	AP_TRY(ap_rows_end(rows));
	*ret_list = g_steal_pointer(&list);
	return AP_SUCCESS;
}

struct ap_result ap_db_request_rectify(struct ap_db *db, const struct ap_request_row *row, const char *name,
				       const char *locale)
{
	return ap_db_run(db,
			 "UPDATE party SET name = CASE WHEN ?3 IS NULL THEN name ELSE nullif(?3, '') END,"
			 " locale = coalesce(?4, locale)"
			 " WHERE pii_principal = (SELECT pii_principal FROM party WHERE session = ?1 AND role = ?2)"
			 " AND session IN (SELECT id FROM session WHERE tenant = ?5)",
			 AP_VALUES(AP_V_UUID(&row->session), AP_V_INT(row->role), AP_V_TEXT(name), AP_V_TEXT(locale),
				   AP_V_INT(row->tenant)));
}

/* ---- the checklist ---- */

struct ap_result ap_db_item_insert(struct ap_db *db, const struct ap_uuid *request, int number, const char *item)
{
	return ap_db_run(db, "INSERT INTO request_item (request, number, item) VALUES (?1, ?2, ?3)",
			 AP_VALUES(AP_V_UUID(request), AP_V_INT(number), AP_V_TEXT(item)));
}

struct ap_result ap_db_item_tick(struct ap_db *db, const struct ap_uuid *request, int64_t number, const char *by,
				 const char *note, int64_t now_ms)
{
	int64_t known;
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM request_item WHERE request = ?1 AND number = ?2",
			   AP_VALUES(AP_V_UUID(request), AP_V_INT(number)), &known));
	if (!known)
		return ap_fail(AP_ERR_DENIED, "not-found", "this request has no such item");
	AP_TRY(ap_db_run(db,
			 "UPDATE request_item SET ticked_by = ?3, ticked_ms = ?4, note = nullif(?5, '')"
			 " WHERE request = ?1 AND number = ?2 AND ticked_ms IS NULL",
			 AP_VALUES(AP_V_UUID(request), AP_V_INT(number), AP_V_TEXT(by), AP_V_INT(now_ms),
				   AP_V_TEXT(note))));
	return ap_db_changes(db) ? AP_SUCCESS : ap_fail(AP_ERR_DENIED, "conflict", "this item was ticked before");
}

struct ap_result ap_db_item_list(struct ap_db *db, const struct ap_uuid *request, JsonArray **ret_list)
{
	g_autoptr(JsonArray) list = json_array_new();
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT number, item, ticked_by, ticked_ms, note FROM request_item"
					   " WHERE request = ?1 ORDER BY number",
					   AP_VALUES(AP_V_UUID(request)));
	while (ap_rows_next(rows)) {
		JsonObject *o = json_object_new();
		ap_answer_row_int(o, "number", rows, 0);
		ap_answer_row_text(o, "item", rows, 1);
		ap_answer_row_text(o, "ticked_by", rows, 2);
		ap_answer_row_time(o, "ticked", rows, 3);
		ap_answer_row_text(o, "note", rows, 4);
		json_array_add_object_element(list, o);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_list = g_steal_pointer(&list);
	return AP_SUCCESS;
}
