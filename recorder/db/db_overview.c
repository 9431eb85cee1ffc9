#include "recorder/db/db_overview.h"

#include "recorder/api/answer.h"
#include "recorder/db/db_staff_metrics.h"

#include <aparte/clock.h>

#define DAY_MS INT64_C(86400000)

#define OF_TENANT " JOIN session s ON s.id = r.session WHERE (?1 = 0 OR s.tenant = ?1)"
/* The first condition is the index's own. */
#define LIVING " AND r.state <> 'erased' AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.recording = r.id)"
#define KEPT                                                                                                           \
	"(r.state = 'restricted' OR EXISTS (SELECT 1 FROM hold h WHERE h.recording = r.id AND h.lifted_ms IS NULL"     \
	" AND h.ends_ms > ?2))"

struct ap_result ap_db_overview_states(struct ap_db *db, int64_t tenant, JsonObject **ret_states)
{
	g_autoptr(JsonObject) states = json_object_new();
	for (unsigned i = 0; i < AP_RECORDING_STATES; i++)
		json_object_set_int_member(states, ap_recording_state_names[i], 0);
	struct ap_rows *rows =
		ap_db_query(db, "SELECT r.state, count(*) FROM recording r" OF_TENANT " GROUP BY r.state",
			    AP_VALUES(AP_V_INT(tenant)));
	while (ap_rows_next(rows))
		json_object_set_int_member(states, ap_row_text(rows, 0), ap_row_int(rows, 1));
	AP_TRY(ap_rows_end(rows));
	*ret_states = g_steal_pointer(&states);
	return AP_SUCCESS;
}

struct ap_result ap_db_overview_stops(struct ap_db *db, int64_t tenant, int64_t now_ms, int64_t *ret_held,
				      int64_t *ret_erasing)
{
	int64_t held, erasing;
	AP_TRY(ap_db_count(db,
			   "SELECT count(*) FROM hold h JOIN recording r ON r.id = h.recording" OF_TENANT
			   " AND h.lifted_ms IS NULL AND h.ends_ms > ?2",
			   AP_VALUES(AP_V_INT(tenant), AP_V_INT(now_ms)), &held));
	AP_TRY(ap_db_count(db,
			   "SELECT count(*) FROM erasure e JOIN recording r ON r.id = e.recording" OF_TENANT
			   " AND e.certificate IS NULL",
			   AP_VALUES(AP_V_INT(tenant)), &erasing));
	*ret_held = held;
	*ret_erasing = erasing;
	return AP_SUCCESS;
}

struct ap_result ap_db_overview_requests(struct ap_db *db, int64_t tenant, int64_t now_ms, int64_t soon_ms,
					 struct ap_overview_requests *ret_requests)
{
	struct ap_overview_requests n = {0};
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT count(*), total(r.due_ms < ?2), total(r.due_ms <= ?3), min(r.due_ms)"
					   " FROM request r" OF_TENANT " AND r.state IN ('open', 'extended')",
					   AP_VALUES(AP_V_INT(tenant), AP_V_INT(now_ms), AP_V_INT(soon_ms)));
	if (ap_rows_next(rows))
		n = (struct ap_overview_requests){ap_row_int(rows, 0), ap_row_int(rows, 1), ap_row_int(rows, 2),
						  ap_row_int(rows, 3)};
	AP_TRY(ap_rows_end(rows));
	*ret_requests = n;
	return AP_SUCCESS;
}

struct ap_result ap_db_overview_live(struct ap_db *db, int64_t tenant, int64_t *ret_live)
{
	return ap_db_count(db,
			   "SELECT count(*) FROM recording r" OF_TENANT
			   " AND r.state = 'recording' AND EXISTS (SELECT 1 FROM epoch p WHERE p.session = s.id"
			   " AND p.recording = r.id AND p.closed_ms IS NULL)",
			   AP_VALUES(AP_V_INT(tenant)), ret_live);
}

struct ap_result ap_db_overview_running(struct ap_db *db, int64_t tenant, JsonArray **ret_running)
{
	static const struct ap_answer_column columns[] = {
		{"recording", ap_answer_row_id},   {"session", ap_answer_row_id}, {"tenant", ap_answer_row_text},
		{"reference", ap_answer_row_text}, {"begun", ap_answer_row_time}, {"open", ap_answer_row_int},
	};
	struct ap_rows *rows = ap_db_query(
		db,
		"SELECT r.id, s.id, (SELECT name FROM tenant WHERE id = s.tenant), s.reference, r.created_ms,"
		" EXISTS (SELECT 1 FROM epoch p WHERE p.session = s.id AND p.recording = r.id AND p.closed_ms IS NULL)"
		" FROM recording r" OF_TENANT " AND r.state = 'recording' ORDER BY r.created_ms DESC, r.id LIMIT ?2",
		AP_VALUES(AP_V_INT(tenant), AP_V_INT(AP_OVERVIEW_RUNNING)));
	return ap_answer_rows(rows, columns, G_N_ELEMENTS(columns), ret_running);
}

static void add_day(JsonObject *o, const char *name, struct ap_rows *rows, int column)
{
	char text[AP_TIME_TEXT];
	ap_time_text(ap_row_int(rows, column) * DAY_MS, text);
	text[10] = '\0'; /* the date alone */
	ap_answer_text(o, name, text);
}

struct ap_result ap_db_overview_days(struct ap_db *db, const struct ap_overview_span *span, JsonArray **ret_days)
{
	static const struct ap_answer_column columns[] = {{"day", add_day},
							  {"policy", ap_answer_row_text},
							  {"count", ap_answer_row_int},
							  {"held", ap_answer_row_int}};
	struct ap_rows *rows =
		ap_db_query(db,
			    "SELECT r.expires_ms / 86400000 AS day, s.policy, count(*), sum(" KEPT
			    ") FROM recording r" OF_TENANT LIVING
			    " AND r.expires_ms >= ?3 AND r.expires_ms < ?4 GROUP BY day, s.policy"
			    " ORDER BY day, s.policy LIMIT ?5",
			    AP_VALUES(AP_V_INT(span->tenant), AP_V_INT(span->now_ms), AP_V_INT(span->from_ms),
				      AP_V_INT(span->to_ms), AP_V_INT(AP_OVERVIEW_DAYS + 1)));
	return ap_answer_rows(rows, columns, G_N_ELEMENTS(columns), ret_days);
}

struct ap_result ap_db_overview_rest(struct ap_db *db, const struct ap_overview_span *span, int64_t *ret_before,
				     int64_t *ret_after, int64_t *ret_without)
{
	int64_t n[3] = {0};
	struct ap_rows *rows =
		ap_db_query(db,
			    "SELECT total(r.expires_ms < ?2), total(r.expires_ms >= ?3), total(r.expires_ms IS NULL)"
			    " FROM recording r" OF_TENANT LIVING,
			    AP_VALUES(AP_V_INT(span->tenant), AP_V_INT(span->from_ms), AP_V_INT(span->to_ms)));
	if (ap_rows_next(rows))
		for (int i = 0; i < 3; i++)
			n[i] = ap_row_int(rows, i);
	AP_TRY(ap_rows_end(rows));
	*ret_before = n[0];
	*ret_after = n[1];
	*ret_without = n[2];
	return AP_SUCCESS;
}

struct ap_result ap_db_overview_ending(struct ap_db *db, const struct ap_overview_span *span,
				       const struct ap_uuid *after, JsonArray **ret_recordings)
{
	static const struct ap_answer_column columns[] = {
		{"id", ap_answer_row_id},        {"session", ap_answer_row_id},     {"tenant", ap_answer_row_text},
		{"policy", ap_answer_row_text},  {"reference", ap_answer_row_text}, {"state", ap_answer_row_text},
		{"created", ap_answer_row_time}, {"expires", ap_answer_row_time},   {"held", ap_answer_row_int},
	};
	struct ap_rows *rows = ap_db_query(
		db,
		"SELECT r.id, s.id, (SELECT name FROM tenant WHERE id = s.tenant), s.policy, s.reference, r.state, "
		"r.created_ms,"
		" r.expires_ms, " KEPT " FROM recording r" OF_TENANT LIVING
		" AND r.expires_ms >= ?3 AND r.expires_ms < ?4"
		" AND (?5 IS NULL OR (r.expires_ms, r.id) > (SELECT expires_ms, id FROM recording WHERE id = ?5))"
		" ORDER BY r.expires_ms, r.id LIMIT ?6",
		AP_VALUES(AP_V_INT(span->tenant), AP_V_INT(span->now_ms), AP_V_INT(span->from_ms),
			  AP_V_INT(span->to_ms), AP_V_BLOB(after ? after->b : NULL, 16),
			  AP_V_INT(AP_OVERVIEW_PAGE + 1)));
	return ap_answer_rows(rows, columns, G_N_ELEMENTS(columns), ret_recordings);
}
