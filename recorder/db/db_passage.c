#include "recorder/db/db_passage.h"

#include "recorder/api/answer.h"

#define COLUMNS "SELECT id, recording, into_, role, from_ms, to_ms FROM passage"

struct ap_result ap_db_passage_insert(struct ap_db *db, const struct ap_passage_row *row, int64_t now_ms, uint64_t leaf)
{
	return ap_db_run(db,
			 "INSERT INTO passage (id, recording, role, from_ms, to_ms, state, ordered_ms, leaf)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, 'ordered', ?6, ?7)",
			 AP_VALUES(AP_V_UUID(&row->id), AP_V_UUID(&row->recording), AP_V_INT(row->role),
				   AP_V_INT(row->from_ms), AP_V_INT(row->to_ms), AP_V_INT(now_ms), AP_V_INT(leaf)));
}

struct ap_result ap_db_passage_next(struct ap_db *db, struct ap_passage_row *ret_row)
{
	struct ap_passage_row row = {0};
	struct ap_rows *rows = ap_db_query(db, COLUMNS " WHERE state = 'ordered' ORDER BY ordered_ms LIMIT 1", AP_NO_VALUES);
	bool found = ap_rows_next(rows);
	if (found)
		row = (struct ap_passage_row){ap_row_uuid(rows, 0), ap_row_uuid(rows, 1), ap_row_uuid(rows, 2),
					      (enum ap_role)ap_row_int(rows, 3), ap_row_int(rows, 4), ap_row_int(rows, 5)};
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_row = row;
	return AP_SUCCESS;
}

struct ap_result ap_db_passage_waits(struct ap_db *db, const struct ap_uuid *recording, bool *ret_waits)
{
	int64_t n;
	AP_TRY(ap_db_count(db,
			   "SELECT count(*) FROM passage WHERE state IN ('ordered', 'making') AND (recording = ?1 OR into_ = ?1)",
			   AP_VALUES(AP_V_UUID(recording)), &n));
	*ret_waits = n > 0;
	return AP_SUCCESS;
}

struct ap_result ap_db_passage_begin(struct ap_db *db, const struct ap_passage_row *row, const struct ap_uuid *into)
{
	AP_TRY(ap_db_run(db,
			 "INSERT INTO term (recording, purpose, ends_ms, archives_ms, level, name, version, basis)"
			 " SELECT ?2, purpose, ends_ms, archives_ms, level, name, version, basis FROM term"
			 " WHERE recording = ?1",
			 AP_VALUES(AP_V_UUID(&row->recording), AP_V_UUID(into))));
	AP_TRY(ap_db_run(db,
			 "INSERT INTO decision (recording, decided_ms, recorded_by, recorded_ms, leaf)"
			 " SELECT ?2, decided_ms, recorded_by, recorded_ms, leaf FROM decision WHERE recording = ?1",
			 AP_VALUES(AP_V_UUID(&row->recording), AP_V_UUID(into))));
	return ap_db_run(db, "UPDATE passage SET state = 'making', into_ = ?2 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(&row->id), AP_V_UUID(into)));
}

struct ap_result ap_db_passage_done(struct ap_db *db, const struct ap_uuid *id, int64_t now_ms)
{
	return ap_db_run(db, "UPDATE passage SET state = 'done', done_ms = ?2 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(id), AP_V_INT(now_ms)));
}

struct ap_result ap_db_passage_failed(struct ap_db *db, const struct ap_uuid *id, const char *failure)
{
	return ap_db_run(db, "UPDATE passage SET state = 'failed', failure = ?2 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(id), AP_V_TEXT(failure)));
}

struct ap_result ap_db_passage_making(struct ap_db *db, GArray **ret_remainders)
{
	return ap_rows_end_ids(ap_db_query(db, "SELECT into_ FROM passage WHERE state = 'making'", AP_NO_VALUES), ret_remainders);
}

struct ap_result ap_db_passage_reset(struct ap_db *db, const struct ap_uuid *remainder)
{
	return ap_db_run(db, "UPDATE passage SET state = 'ordered', into_ = NULL WHERE state = 'making' AND into_ = ?1",
			 AP_VALUES(AP_V_UUID(remainder)));
}

static void add_role(JsonObject *o, const char *name, struct ap_rows *rows, int column)
{
	ap_answer_text(o, name, ap_role_text((enum ap_role)ap_row_int(rows, column)));
}

struct ap_result ap_db_passage_list(struct ap_db *db, const struct ap_uuid *recording, JsonArray **ret_list)
{
	static const struct ap_answer_column columns[] = {
		{"from_ms", ap_answer_row_int}, {"to_ms", ap_answer_row_int}, {"by", add_role},
		{"state", ap_answer_row_text},	{"time", ap_answer_row_time}, {"failure", ap_answer_row_text},
	};
	return ap_answer_rows(
		ap_db_query(db,
			    "WITH RECURSIVE chain (id) AS (VALUES (?1) UNION SELECT p.recording FROM passage p"
			    " JOIN chain c ON p.into_ = c.id WHERE p.state = 'done')"
			    " SELECT from_ms, to_ms, role, state, coalesce(done_ms, ordered_ms), failure FROM passage"
			    " WHERE (state = 'done' AND into_ IN (SELECT id FROM chain)) OR (state <> 'done' AND recording = ?1)"
			    " ORDER BY from_ms",
			    AP_VALUES(AP_V_UUID(recording))),
		columns, G_N_ELEMENTS(columns), ret_list);
}

struct ap_result ap_db_passage_holes(struct ap_db *db, const struct ap_uuid *recording, JsonArray **ret_list)
{
	static const struct ap_answer_column columns[] = {{"from_ms", ap_answer_row_int}, {"to_ms", ap_answer_row_int}};
	return ap_answer_rows(
		ap_db_query(db,
			    "WITH RECURSIVE chain (id) AS (VALUES (?1) UNION SELECT p.recording FROM passage p"
			    " JOIN chain c ON p.into_ = c.id) SELECT from_ms, to_ms FROM passage"
			    " WHERE into_ IN (SELECT id FROM chain) ORDER BY from_ms",
			    AP_VALUES(AP_V_UUID(recording))),
		columns, G_N_ELEMENTS(columns), ret_list);
}
