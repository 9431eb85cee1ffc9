#include "recorder/db/db_staff_approval.h"

#include "recorder/api/answer.h"

void ap_approval_row_clear(struct ap_approval_row *row)
{
	g_clear_pointer(&row->actor, g_free);
	g_clear_pointer(&row->purpose, g_free);
	g_clear_pointer(&row->coach, g_free);
}

/* Whoever approved is still one who may: not disabled, and in a role that approves. */
#define STANDS                                                                                                         \
	"EXISTS (SELECT 1 FROM user_ u WHERE a.decided_by = 'user:' || u.name AND u.disabled_ms IS NULL"               \
	" AND u.role IN ('admin', 'coach'))"

static void read_row(struct ap_rows *rows, struct ap_approval_row *row)
{
	row->recording = ap_row_uuid(rows, 0);
	row->actor = ap_row_text_dup(rows, 1);
	row->purpose = ap_row_text_dup(rows, 2);
	row->needs = (struct ap_access_needs){.four_eyes = ap_row_int(rows, 3) != 0, .admin_approval = ap_row_int(rows, 4) != 0};
	row->lapses_ms = ap_row_int(rows, 5);
	row->decided_ms = ap_row_int(rows, 6);
	row->approved = ap_row_int(rows, 7) != 0;
	row->until_ms = ap_row_int(rows, 8);
	row->tenant = ap_row_int(rows, 9);
	row->coach = ap_row_text_dup(rows, 10);
	row->stands = ap_row_int(rows, 11) != 0;
}

struct ap_result ap_db_approval_load(struct ap_db *db, const struct ap_uuid *id, struct ap_approval_row *ret_row)
{
	struct ap_approval_row row = {.id = *id};
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT a.recording, a.actor, a.purpose, a.four_eyes, a.admin, a.lapses_ms, a.decided_ms,"
					   " a.approved, a.until_ms, s.tenant, p.pii_principal, " STANDS " FROM approval a"
					   " JOIN recording r ON r.id = a.recording JOIN session s ON s.id = r.session"
					   " JOIN party p ON p.session = s.id AND p.role = 1 WHERE a.id = ?1",
					   AP_VALUES(AP_V_UUID(id)));
	bool found = ap_rows_next(rows);
	if (found)
		read_row(rows, &row);
	struct ap_result r = ap_rows_end_found(rows, found);
	if (ap_ok(r))
		*ret_row = row;
	else
		ap_approval_row_clear(&row);
	return r;
}

struct ap_result ap_db_approval_insert(struct ap_db *db, const struct ap_uuid *id, const char *actor,
				       const struct ap_approval_wish *wish, int64_t now_ms, int64_t lapses_ms,
				       uint64_t leaf)
{
	return ap_db_run(db,
			 "INSERT INTO approval (id, recording, actor, purpose, reason, four_eyes, admin, created_ms, lapses_ms,"
			 " asked_leaf) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
			 AP_VALUES(AP_V_UUID(id), AP_V_UUID(&wish->recording), AP_V_TEXT(actor), AP_V_TEXT(wish->purpose),
				   AP_V_TEXT(wish->reason), AP_V_INT(wish->needs.four_eyes),
				   AP_V_INT(wish->needs.admin_approval), AP_V_INT(now_ms), AP_V_INT(lapses_ms), AP_V_INT(leaf)));
}

struct ap_result ap_db_approval_decided(struct ap_db *db, const struct ap_uuid *id, const char *by, bool approved,
					int64_t now_ms, int64_t until_ms, uint64_t leaf)
{
	return ap_db_run(db,
			 "UPDATE approval SET decided_ms = ?2, decided_by = ?3, approved = ?4, until_ms = ?5,"
			 " decided_leaf = ?6 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(id), AP_V_INT(now_ms), AP_V_TEXT(by), AP_V_INT(approved),
				   approved ? AP_V_INT(until_ms) : AP_V_NULL, AP_V_INT(leaf)));
}

struct ap_result ap_db_approval_find(struct ap_db *db, const char *actor, const struct ap_approval_wish *wish,
				     bool approved, int64_t now_ms, struct ap_uuid *ret_id, int64_t *ret_end_ms)
{
	struct ap_uuid id = {0};
	int64_t end = 0;
	/* One whose needs were less than today's does not count (admin and four_eyes only ever ask for more). */
	struct ap_rows *rows = ap_db_query(
		db,
		"SELECT id, CASE WHEN ?4 THEN until_ms ELSE lapses_ms END AS ends FROM approval a WHERE recording = ?1 AND actor = ?2"
		" AND purpose = ?3 AND coalesce(approved, -1) = CASE WHEN ?4 THEN 1 ELSE -1 END AND ends > ?5"
		" AND four_eyes >= ?6 AND admin >= ?7 AND trim(reason) = trim(?8) AND (NOT ?4 OR " STANDS ")"
		" ORDER BY ends DESC LIMIT 1",
		AP_VALUES(AP_V_UUID(&wish->recording), AP_V_TEXT(actor), AP_V_TEXT(wish->purpose), AP_V_INT(approved),
			  AP_V_INT(now_ms), AP_V_INT(wish->needs.four_eyes), AP_V_INT(wish->needs.admin_approval),
			  AP_V_TEXT(wish->reason)));
	bool found = ap_rows_next(rows);
	if (found) {
		id = ap_row_uuid(rows, 0);
		end = ap_row_int(rows, 1);
	}
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_id = id;
	*ret_end_ms = end;
	return AP_SUCCESS;
}

static const char *state_of(struct ap_rows *rows, int64_t now_ms)
{
	if (ap_row_null(rows, 11))
		return ap_row_int(rows, 9) > now_ms ? "pending" : "lapsed";
	if (ap_row_int(rows, 11) == 0)
		return "denied";
	return ap_row_int(rows, 12) > now_ms ? "approved" : "ended";
}

static JsonObject *describe(struct ap_rows *rows, int64_t now_ms)
{
	JsonObject *o = json_object_new();
	JsonArray *needs = json_array_new();
	ap_answer_row_id(o, "id", rows, 0);
	ap_answer_row_id(o, "recording", rows, 1);
	ap_answer_row_text(o, "reference", rows, 2);
	ap_answer_row_text(o, "who", rows, 3);
	ap_answer_row_text(o, "purpose", rows, 4);
	ap_answer_row_text(o, "reason", rows, 5);
	if (ap_row_int(rows, 6))
		json_array_add_string_element(needs, "four_eyes");
	if (ap_row_int(rows, 7))
		json_array_add_string_element(needs, "admin");
	json_object_set_array_member(o, "needs", needs);
	ap_answer_text(o, "state", state_of(rows, now_ms));
	ap_answer_row_time(o, "asked", rows, 8);
	ap_answer_row_time(o, "lapses", rows, 9);
	ap_answer_row_time(o, "decided", rows, 10);
	ap_answer_row_time(o, "until", rows, 12);
	ap_answer_row_text(o, "decided_by", rows, 13);
	return o;
}

/* Leaves stand in the order of what they log, so they tell apart what was asked in one millisecond. */
struct ap_result ap_db_approval_list(struct ap_db *db, const struct ap_approval_filter *f, int64_t now_ms, JsonArray **ret_list)
{
	g_autoptr(JsonArray) list = json_array_new();
	int64_t before = INT64_MAX;
	if (f->after)
		AP_TRY(ap_db_count(db, "SELECT asked_leaf FROM approval WHERE id = ?1", AP_VALUES(AP_V_UUID(f->after)), &before));
	struct ap_rows *rows = ap_db_query(
		db,
		"SELECT a.id, a.recording, s.reference, substr(a.actor, instr(a.actor, ':') + 1), a.purpose, a.reason,"
		" a.four_eyes, a.admin, a.created_ms, a.lapses_ms, a.decided_ms, a.approved, a.until_ms,"
		" substr(a.decided_by, instr(a.decided_by, ':') + 1) FROM approval a"
		" CROSS JOIN recording r ON r.id = a.recording CROSS JOIN session s ON s.id = r.session"
		" CROSS JOIN party p ON p.session = s.id AND p.role = 1 WHERE (?1 = 0 OR s.tenant = ?1)"
		" AND ((?2 IS NULL AND ?3 IS NULL) OR p.pii_principal = ?2 OR a.actor = ?3)"
		" AND a.asked_leaf < ?4 ORDER BY a.asked_leaf DESC LIMIT ?5",
		AP_VALUES(AP_V_INT(f->tenant), AP_V_TEXT(f->coach), AP_V_TEXT(f->actor), AP_V_INT(before), AP_V_INT(f->limit)));
	while (ap_rows_next(rows))
		json_array_add_object_element(list, describe(rows, now_ms));
	AP_TRY(ap_rows_end(rows));
	*ret_list = g_steal_pointer(&list);
	return AP_SUCCESS;
}
