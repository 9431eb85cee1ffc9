#include "recorder/db/db_staff_access.h"

#include "recorder/api/answer.h"

#include <glib.h>

void ap_access_row_clear(struct ap_access_row *row)
{
	g_clear_pointer(&row->actor, g_free);
	g_clear_pointer(&row->purpose, g_free);
}

struct ap_result ap_db_access_subject(struct ap_db *db, const struct ap_uuid *recording,
				      struct ap_access_subject *ret_s)
{
	struct ap_access_subject s = {0};
	struct ap_rows *rows =
		ap_db_query(db,
			    "SELECT r.session, r.state, EXISTS (SELECT 1 FROM erasure e WHERE e.recording = r.id),"
			    " s.tenant, p.pii_principal FROM recording r JOIN session s ON s.id = r.session"
			    " JOIN party p ON p.session = r.session AND p.role = 1 WHERE r.id = ?1",
			    AP_VALUES(AP_V_UUID(recording)));
	bool found = ap_rows_next(rows);
	if (found) {
		s.session = ap_row_uuid(rows, 0);
		g_strlcpy(s.state, ap_row_text(rows, 1), sizeof s.state);
		s.erasing = ap_row_int(rows, 2) != 0;
		s.tenant = ap_row_int(rows, 3);
		s.coach = ap_row_text_dup(rows, 4);
	}
	struct ap_result r = ap_rows_end_found(rows, found);
	if (ap_ok(r))
		*ret_s = s;
	else
		g_free(s.coach);
	return r;
}

struct ap_result ap_db_access_load(struct ap_db *db, const struct ap_uuid *id, struct ap_access_row *ret_row)
{
	struct ap_access_row row = {.id = *id};
	struct ap_rows *rows = ap_db_query(
		db, "SELECT recording, actor, purpose, expires_ms, ended_ms, bytes, approval FROM access WHERE id = ?1",
		AP_VALUES(AP_V_UUID(id)));
	bool found = ap_rows_next(rows);
	if (found) {
		row.recording = ap_row_uuid(rows, 0);
		row.actor = ap_row_text_dup(rows, 1);
		row.purpose = ap_row_text_dup(rows, 2);
		row.expires_ms = ap_row_int(rows, 3);
		row.ended_ms = ap_row_int(rows, 4);
		row.bytes = ap_row_int(rows, 5);
		row.approved = !ap_row_null(rows, 6);
		row.approval = ap_row_uuid(rows, 6);
	}
	struct ap_result r = ap_rows_end_found(rows, found);
	if (ap_ok(r))
		*ret_row = row;
	else
		ap_access_row_clear(&row);
	return r;
}

struct ap_result ap_db_access_find(struct ap_db *db, const char *actor, const struct ap_uuid *recording,
				   const char *purpose, int64_t now_ms, struct ap_uuid *ret_id)
{
	struct ap_uuid id = {0};
	struct ap_rows *rows =
		ap_db_query(db,
			    "SELECT id FROM access WHERE recording = ?1 AND actor = ?2 AND purpose = ?3"
			    " AND ended_ms IS NULL AND expires_ms > ?4 ORDER BY begun_ms DESC LIMIT 1",
			    AP_VALUES(AP_V_UUID(recording), AP_V_TEXT(actor), AP_V_TEXT(purpose), AP_V_INT(now_ms)));
	bool found = ap_rows_next(rows);
	if (found)
		id = ap_row_uuid(rows, 0);
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_id = id;
	return AP_SUCCESS;
}

struct ap_result ap_db_access_insert(struct ap_db *db, const struct ap_access *access, const char *actor,
				     const char *purpose, const char *reason, int64_t now_ms, uint64_t leaf)
{
	return ap_db_run(db,
			 "INSERT INTO access (id, recording, actor, purpose, reason, begun_ms, expires_ms, begun_leaf, approval)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
			 AP_VALUES(AP_V_UUID(&access->id), AP_V_UUID(&access->recording), AP_V_TEXT(actor),
				   AP_V_TEXT(purpose), AP_V_TEXT(reason), AP_V_INT(now_ms),
				   AP_V_INT(access->expires_ms), AP_V_INT(leaf),
				   AP_V_BLOB(access->approved ? access->approval.b : NULL, 16)));
}

struct ap_result ap_db_access_ended(struct ap_db *db, const struct ap_uuid *id, int64_t now_ms, uint64_t leaf)
{
	return ap_db_run(db, "UPDATE access SET ended_ms = ?2, ended_leaf = ?3 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(id), AP_V_INT(now_ms), AP_V_INT(leaf)));
}

struct ap_result ap_db_access_count(struct ap_db *db, const struct ap_uuid *id, uint64_t bytes)
{
	return ap_db_run(db, "UPDATE access SET bytes = bytes + ?2 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(id), AP_V_INT(bytes)));
}

struct ap_result ap_db_access_open(struct ap_db *db, const struct ap_uuid *recording, int64_t now_ms, GArray **ret_ids)
{
	if (recording)
		return ap_rows_end_ids(ap_db_query(db,
						   "SELECT id FROM access WHERE recording = ?1 AND ended_ms IS NULL",
						   AP_VALUES(AP_V_UUID(recording))),
				       ret_ids);
	return ap_rows_end_ids(ap_db_query(db, "SELECT id FROM access WHERE ended_ms IS NULL AND expires_ms <= ?1",
					   AP_VALUES(AP_V_INT(now_ms))),
			       ret_ids);
}

struct ap_result ap_db_access_open_of(struct ap_db *db, const char *actor, GArray **ret_ids)
{
	return ap_rows_end_ids(ap_db_query(db, "SELECT id FROM access WHERE actor = ?1 AND ended_ms IS NULL",
					   AP_VALUES(AP_V_TEXT(actor))),
			       ret_ids);
}

#define ACCESS_COLUMNS                                                                                                 \
	"SELECT a.id, a.recording, substr(a.actor, instr(a.actor, ':') + 1), coalesce(u.role, substr(a.actor, 7)),"    \
	" a.purpose, a.reason, a.begun_ms, a.ended_ms, a.expires_ms, a.bytes, a.begun_leaf"
#define ACCESS_USER " LEFT JOIN user_ u ON u.name = substr(a.actor, 6) AND a.actor LIKE 'user:%'"

static struct ap_result access_rows(struct ap_rows *rows, JsonArray **ret_list)
{
	static const struct ap_answer_column columns[] = {
		{"id", ap_answer_row_id},
		{"recording", ap_answer_row_id},
		{"who", ap_answer_row_text},
		{"role", ap_answer_row_text},
		{"purpose", ap_answer_row_text},
		{"reason", ap_answer_row_text},
		{"begun", ap_answer_row_time},
		{"ended", ap_answer_row_time},
		{"expires", ap_answer_row_time},
		{"bytes", ap_answer_row_int},
		{"leaf", ap_answer_row_int},
	};
	return ap_answer_rows(rows, columns, G_N_ELEMENTS(columns), ret_list);
}

struct ap_result ap_db_access_list(struct ap_db *db, int64_t tenant, const struct ap_uuid *after, int64_t limit, JsonArray **ret_list)
{
	int64_t before = INT64_MAX;
	if (after)
		AP_TRY(ap_db_count(db, "SELECT begun_leaf FROM access WHERE id = ?1", AP_VALUES(AP_V_UUID(after)), &before));
	return access_rows(ap_db_query(db,
				       ACCESS_COLUMNS " FROM access a" ACCESS_USER
						      " CROSS JOIN recording r ON r.id = a.recording"
						      " CROSS JOIN session s ON s.id = r.session"
						      " WHERE (?1 = 0 OR s.tenant = ?1) AND a.begun_leaf < ?2"
						      " ORDER BY a.begun_leaf DESC LIMIT ?3",
				       AP_VALUES(AP_V_INT(tenant), AP_V_INT(before), AP_V_INT(limit))),
			   ret_list);
}

struct ap_result ap_db_access_list_of(struct ap_db *db, const struct ap_uuid *session, JsonArray **ret_list)
{
	return access_rows(ap_db_query(db,
				       ACCESS_COLUMNS " FROM recording r CROSS JOIN access a ON a.recording = r.id" ACCESS_USER
						      " WHERE r.session = ?1 ORDER BY a.begun_leaf DESC LIMIT 1000",
				       AP_VALUES(AP_V_UUID(session))),
			   ret_list);
}

struct ap_result ap_db_grant_exists(struct ap_db *db, const struct ap_uuid *recording, int64_t supervisor,
				    const char *purpose, int64_t now_ms, bool *ret_exists)
{
	int64_t n;
	AP_TRY(ap_db_count(db,
			   "SELECT count(*) FROM grant_ WHERE recording = ?1 AND supervisor = ?2"
			   " AND (?3 IS NULL OR (purpose = ?3 AND revoked_ms IS NULL AND expires_ms > ?4))",
			   AP_VALUES(AP_V_UUID(recording), AP_V_INT(supervisor), AP_V_TEXT(purpose), AP_V_INT(now_ms)),
			   &n));
	*ret_exists = n > 0;
	return AP_SUCCESS;
}

struct ap_result ap_db_access_sponsored(struct ap_db *db, const struct ap_uuid *recording, int64_t user,
					bool *ret_sponsored)
{
	int64_t n;
	AP_TRY(ap_db_count(db,
			   "SELECT count(*) FROM recording r JOIN session s ON s.id = r.session"
			   " JOIN party p ON p.session = s.id AND p.role = 2 JOIN user_ u ON u.id = ?2"
			   " WHERE r.id = ?1 AND u.role = 'sponsor' AND u.tenant = s.tenant"
			   " AND (u.party_id IS NULL OR u.party_id = p.pii_principal)",
			   AP_VALUES(AP_V_UUID(recording), AP_V_INT(user)), &n));
	*ret_sponsored = n > 0;
	return AP_SUCCESS;
}

struct ap_result ap_db_access_of_session(struct ap_db *db, const struct ap_uuid *session, GArray **ret_ids)
{
	return ap_rows_end_ids(ap_db_query(db, "SELECT id FROM recording WHERE session = ?1 ORDER BY created_ms DESC",
					   AP_VALUES(AP_V_UUID(session))),
			       ret_ids);
}

struct ap_result ap_db_access_metadata(struct ap_db *db, const struct ap_uuid *recording, JsonObject **ret_object)
{
	g_autoptr(JsonObject) o = json_object_new();
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT r.id, r.session, s.reference, CASE WHEN e.id IS NULL THEN r.state "
					   "ELSE 'erased' END, r.created_ms,"
					   " r.sealed_ms, r.expires_ms, r.erased_ms, r.duration_ms FROM recording r "
					   "JOIN session s ON s.id = r.session"
					   " LEFT JOIN erasure e ON e.recording = r.id WHERE r.id = ?1",
					   AP_VALUES(AP_V_UUID(recording)));
	bool found = ap_rows_next(rows);
	if (found) {
		static const char *const times[] = {"created", "sealed", "expires", "erased"};
		ap_answer_row_id(o, "id", rows, 0);
		ap_answer_row_id(o, "session", rows, 1);
		ap_answer_row_text(o, "reference", rows, 2);
		ap_answer_row_text(o, "state", rows, 3);
		for (int i = 0; i < 4; i++)
			ap_answer_row_time(o, times[i], rows, 4 + i);
		if (!ap_row_null(rows, 8))
			ap_answer_row_int(o, "duration_ms", rows, 8);
	}
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_object = g_steal_pointer(&o);
	return AP_SUCCESS;
}

struct ap_result ap_db_access_tenant(struct ap_db *db, const struct ap_uuid *session, JsonObject *object)
{
	struct ap_rows *rows = ap_db_query(db, "SELECT t.name FROM session s JOIN tenant t ON t.id = s.tenant WHERE s.id = ?1",
					   AP_VALUES(AP_V_UUID(session)));
	if (ap_rows_next(rows))
		ap_answer_row_text(object, "tenant", rows, 0);
	return ap_rows_end(rows);
}

struct ap_result ap_db_access_names(struct ap_db *db, const struct ap_uuid *recording, JsonObject *object)
{
	struct ap_rows *rows = ap_db_query(
		db, "SELECT p.role, p.name FROM party p JOIN recording r ON r.session = p.session WHERE r.id = ?1",
		AP_VALUES(AP_V_UUID(recording)));
	while (ap_rows_next(rows)) {
		JsonObject *person = json_object_new();
		ap_answer_row_text(person, "name", rows, 1);
		json_object_set_object_member(object, ap_role_text((enum ap_role)ap_row_int(rows, 0)), person);
	}
	return ap_rows_end(rows);
}

struct ap_result ap_db_access_tracks(struct ap_db *db, const struct ap_uuid *recording, JsonObject *object)
{
	JsonObject *tracks = json_object_new();
	struct ap_rows *rows =
		ap_db_query(db, "SELECT role, sum(plain_size) FROM segment WHERE recording = ?1 GROUP BY role",
			    AP_VALUES(AP_V_UUID(recording)));
	while (ap_rows_next(rows)) {
		JsonObject *track = json_object_new();
		ap_answer_row_int(track, "size", rows, 1);
		ap_answer_text(track, "type", "video/webm");
		json_object_set_object_member(tracks, ap_role_text((enum ap_role)ap_row_int(rows, 0)), track);
	}
	json_object_set_object_member(object, "tracks", tracks);
	return ap_rows_end(rows);
}

struct ap_result ap_db_access_epochs(struct ap_db *db, const struct ap_uuid *recording, JsonObject *object)
{
	JsonArray *epochs = json_array_new();
	struct ap_rows *rows = ap_db_query(
		db, "SELECT number, opened_ms, closed_ms, stats FROM epoch WHERE recording = ?1 ORDER BY number",
		AP_VALUES(AP_V_UUID(recording)));
	while (ap_rows_next(rows)) {
		JsonObject *o = json_object_new();
		ap_answer_row_int(o, "number", rows, 0);
		ap_answer_row_time(o, "opened", rows, 1);
		ap_answer_row_time(o, "closed", rows, 2);
		ap_answer_json(o, "stats", ap_row_text(rows, 3));
		json_array_add_object_element(epochs, o);
	}
	json_object_set_array_member(object, "epochs", epochs);
	return ap_rows_end(rows);
}
