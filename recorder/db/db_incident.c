#include "recorder/db/db_incident.h"

#include "recorder/api/answer.h"

#include <string.h>

struct ap_result ap_db_incident_insert(struct ap_db *db, const struct ap_incident *i)
{
	return ap_db_run(db,
			 "INSERT INTO incident (id, tenant, summary, aware_ms, due_ms, opened_by, opened_ms, lockdown, leaf)"
			 " VALUES (?1, nullif(?2, 0), ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
			 AP_VALUES(AP_V_UUID(&i->id), AP_V_INT(i->tenant), AP_V_TEXT(i->summary), AP_V_INT(i->aware_ms),
				   AP_V_INT(i->due_ms), AP_V_TEXT(i->opened_by), AP_V_INT(i->opened_ms), AP_V_INT(i->lockdown),
				   AP_V_INT(i->leaf)));
}

/* One that concerns all tenants is for admins of all tenants. */
#define OF_TENANT "(?2 = 0 OR tenant = ?2)"

struct ap_result ap_db_incident_check_open(struct ap_db *db, int64_t tenant, const struct ap_uuid *id)
{
	struct ap_rows *rows = ap_db_query(db, "SELECT closed_ms IS NOT NULL FROM incident WHERE id = ?1 AND " OF_TENANT,
					   AP_VALUES(AP_V_UUID(id), AP_V_INT(tenant)));
	bool found = ap_rows_next(rows), closed = found && ap_row_int(rows, 0) != 0;
	AP_TRY(ap_rows_end_found(rows, found));
	return closed ? ap_fail(AP_ERR_DENIED, "conflict", "this incident was closed") : AP_SUCCESS;
}

struct ap_result ap_db_incident_close(struct ap_db *db, const struct ap_uuid *id, const char *outcome, const char *by,
				      int64_t notified_ms, int64_t now_ms, uint64_t leaf)
{
	return ap_db_run(db,
			 "UPDATE incident SET outcome = ?2, closed_by = ?3, notified_ms = nullif(?4, 0), closed_ms = ?5, closed_leaf = ?6"
			 " WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(id), AP_V_TEXT(outcome), AP_V_TEXT(by), AP_V_INT(notified_ms), AP_V_INT(now_ms),
				   AP_V_INT(leaf)));
}

struct ap_result ap_db_incident_note(struct ap_db *db, const struct ap_uuid *id, const char *by, const char *text, int64_t now_ms)
{
	return ap_db_run(db, "INSERT INTO incident_note (incident, at_ms, actor, text) VALUES (?1, ?2, ?3, ?4)",
			 AP_VALUES(AP_V_UUID(id), AP_V_INT(now_ms), AP_V_TEXT(by), AP_V_TEXT(text)));
}

#define COLUMNS                                                                                                         \
	"id, summary, aware_ms, due_ms, opened_by, opened_ms, lockdown, notified_ms, closed_by, closed_ms, outcome, leaf," \
	" closed_leaf"

static JsonObject *describe(struct ap_rows *rows, int64_t now_ms)
{
	JsonObject *o = json_object_new();
	bool closed = !ap_row_null(rows, 9);
	ap_answer_row_id(o, "id", rows, 0);
	ap_answer_text(o, "state", closed ? "closed" : "open");
	ap_answer_row_text(o, "summary", rows, 1);
	ap_answer_row_time(o, "aware", rows, 2);
	ap_answer_row_time(o, "due", rows, 3);
	json_object_set_boolean_member(o, "overdue", !closed && ap_row_int(rows, 3) < now_ms);
	if (!closed)
		json_object_set_int_member(o, "hours_left", MAX(0, ap_row_int(rows, 3) - now_ms) / 3600000);
	ap_answer_row_text(o, "opened_by", rows, 4);
	ap_answer_row_time(o, "opened", rows, 5);
	json_object_set_boolean_member(o, "lockdown", ap_row_int(rows, 6) != 0);
	ap_answer_row_time(o, "notified", rows, 7);
	ap_answer_row_text(o, "closed_by", rows, 8);
	ap_answer_row_time(o, "closed", rows, 9);
	ap_answer_row_text(o, "outcome", rows, 10);
	if (ap_row_int(rows, 11) >= 0) /* else owed */
		ap_answer_row_int(o, "leaf", rows, 11);
	if (closed && ap_row_int(rows, 12) >= 0)
		ap_answer_row_int(o, "closed_leaf", rows, 12);
	return o;
}

struct ap_result ap_db_incident_list(struct ap_db *db, int64_t tenant, int64_t now_ms, JsonArray **ret_list)
{
	g_autoptr(JsonArray) list = json_array_new();
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT " COLUMNS " FROM incident WHERE (?1 = 0 OR tenant = ?1)"
					   " ORDER BY opened_ms DESC, id LIMIT 1000",
					   AP_VALUES(AP_V_INT(tenant)));
	while (ap_rows_next(rows))
		json_array_add_object_element(list, describe(rows, now_ms));
	AP_TRY(ap_rows_end(rows));
	*ret_list = g_steal_pointer(&list);
	return AP_SUCCESS;
}

static struct ap_result add_notes(struct ap_db *db, const struct ap_uuid *id, JsonObject *o)
{
	JsonArray *list = json_array_new();
	struct ap_rows *rows = ap_db_query(db, "SELECT at_ms, actor, text FROM incident_note WHERE incident = ?1 ORDER BY seq",
					   AP_VALUES(AP_V_UUID(id)));
	while (ap_rows_next(rows)) {
		JsonObject *note = json_object_new();
		ap_answer_row_time(note, "at", rows, 0);
		ap_answer_row_text(note, "by", rows, 1);
		ap_answer_row_text(note, "text", rows, 2);
		json_array_add_object_element(list, note);
	}
	json_object_set_array_member(o, "notes", list);
	return ap_rows_end(rows);
}

struct ap_result ap_db_incident_show(struct ap_db *db, int64_t tenant, const struct ap_uuid *id, int64_t now_ms,
				     JsonObject **ret_object)
{
	struct ap_rows *rows = ap_db_query(db, "SELECT " COLUMNS " FROM incident WHERE id = ?1 AND " OF_TENANT,
					   AP_VALUES(AP_V_UUID(id), AP_V_INT(tenant)));
	g_autoptr(JsonObject) o = ap_rows_next(rows) ? describe(rows, now_ms) : NULL;
	AP_TRY(ap_rows_end_found(rows, o != NULL));
	AP_TRY(add_notes(db, id, o));
	*ret_object = g_steal_pointer(&o);
	return AP_SUCCESS;
}

struct ap_result ap_db_incident_aware(struct ap_db *db, int64_t tenant, const struct ap_uuid *id, int64_t *ret_ms)
{
	struct ap_rows *rows = ap_db_query(db, "SELECT aware_ms FROM incident WHERE id = ?1 AND " OF_TENANT,
					   AP_VALUES(AP_V_UUID(id), AP_V_INT(tenant)));
	bool found = ap_rows_next(rows);
	int64_t ms = found ? ap_row_int(rows, 0) : 0;
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_ms = ms;
	return AP_SUCCESS;
}

struct ap_result ap_db_incident_running(struct ap_db *db, int64_t *ret_count)
{
	return ap_db_count(db, "SELECT count(*) FROM incident WHERE lockdown AND closed_ms IS NULL", AP_NO_VALUES, ret_count);
}

struct ap_result ap_db_incident_counts(struct ap_db *db, int64_t now_ms, int64_t *ret_open, int64_t *ret_overdue)
{
	struct ap_rows *rows = ap_db_query(db, "SELECT count(*), count(nullif(due_ms < ?1, 0)) FROM incident WHERE closed_ms IS NULL",
					   AP_VALUES(AP_V_INT(now_ms)));
	bool any = ap_rows_next(rows);
	int64_t open = any ? ap_row_int(rows, 0) : 0, overdue = any ? ap_row_int(rows, 1) : 0;
	AP_TRY(ap_rows_end(rows));
	*ret_open = open;
	*ret_overdue = overdue;
	return AP_SUCCESS;
}

/* ---- who was affected ---- */

static JsonObject *describe_recording(struct ap_rows *rows)
{
	JsonObject *o = json_object_new();
	ap_answer_row_id(o, "recording", rows, 0);
	ap_answer_row_id(o, "session", rows, 1);
	ap_answer_row_text(o, "state", rows, 2);
	ap_answer_row_text(o, "tenant", rows, 3);
	ap_answer_row_text(o, "coach", rows, 4);
	ap_answer_row_text(o, "coachee", rows, 5);
	json_object_set_array_member(o, "accesses", json_array_new());
	return o;
}

static void add_access(JsonObject *recording, struct ap_rows *rows)
{
	JsonObject *o = json_object_new();
	ap_answer_row_id(o, "access", rows, 6);
	ap_answer_row_text(o, "who", rows, 7);
	ap_answer_row_text(o, "purpose", rows, 8);
	ap_answer_row_text(o, "reason", rows, 9);
	ap_answer_row_time(o, "begun", rows, 10);
	ap_answer_row_time(o, "ended", rows, 11);
	ap_answer_row_int(o, "bytes", rows, 12);
	json_array_add_object_element(json_object_get_array_member(recording, "accesses"), o);
}

struct ap_result ap_db_incident_affected(struct ap_db *db, const struct ap_incident_window *w, JsonArray **ret_recordings)
{
	g_autoptr(JsonArray) list = json_array_new();
	JsonObject *present = NULL; /* borrowed from the list */
	struct ap_uuid last = {0};
	g_autofree char *actor = w->user ? g_strconcat("user:", w->user, NULL) : NULL;
	struct ap_rows *rows = ap_db_query(
		db,
		"SELECT r.id, r.session, r.state, t.name,"
		" (SELECT pii_principal FROM party p WHERE p.session = r.session AND p.role = 1),"
		" (SELECT pii_principal FROM party p WHERE p.session = r.session AND p.role = 2),"
		" a.id, a.actor, a.purpose, a.reason, a.begun_ms, a.ended_ms, a.bytes"
		" FROM access a JOIN recording r ON r.id = a.recording JOIN session s ON s.id = r.session JOIN tenant t ON t.id = s.tenant"
		" WHERE a.begun_ms <= ?2 AND coalesce(a.ended_ms, a.expires_ms) >= ?1 AND (?3 = 0 OR s.tenant = ?3)"
		" AND (?4 IS NULL OR a.actor = ?4) ORDER BY r.id, a.begun_ms",
		AP_VALUES(AP_V_INT(w->from_ms), AP_V_INT(w->to_ms), AP_V_INT(w->tenant), AP_V_TEXT(actor)));
	while (ap_rows_next(rows)) {
		struct ap_uuid id = ap_row_uuid(rows, 0);
		if (!present || !ap_uuid_equal(&id, &last)) {
			present = describe_recording(rows);
			json_array_add_object_element(list, present);
			last = id;
		}
		add_access(present, rows);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_recordings = g_steal_pointer(&list);
	return AP_SUCCESS;
}
