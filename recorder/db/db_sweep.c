#include "recorder/db/db_sweep.h"

/* A query of one row with `needed`, or of none. */
static struct ap_result ask(struct ap_db *db, const char *sql, const struct ap_uuid *id, bool *ret_known, bool *ret_needed)
{
	struct ap_rows *rows = ap_db_query(db, sql, AP_VALUES(AP_V_UUID(id)));
	bool known = ap_rows_next(rows), needed = known && ap_row_int(rows, 0) != 0;
	AP_TRY(ap_rows_end(rows));
	*ret_known = known;
	*ret_needed = needed;
	return AP_SUCCESS;
}

struct ap_result ap_db_sweep_give(struct ap_db *db, const struct ap_uuid *record_id, bool *ret_known, bool *ret_needed)
{
	return ask(db,
		   "SELECT EXISTS (SELECT 1 FROM recording r WHERE r.session = c.session AND r.state <> 'erased'"
		   " AND c.record_id IN (r.coach_record, r.coachee_record))"
		   " OR ((SELECT state FROM session WHERE id = c.session) <> 'ended' AND c.event = 'ConsentGiven'"
		   " AND c.seq = (SELECT max(seq) FROM consent l WHERE l.session = c.session AND l.role = c.role"
		   " AND l.purposes LIKE '%\"recording\"%'))"
		   " FROM consent c WHERE c.record_id = ?1",
		   record_id, ret_known, ret_needed);
}

struct ap_result ap_db_sweep_recording(struct ap_db *db, const struct ap_uuid *recording, bool *ret_known, bool *ret_needed)
{
	return ask(db, "SELECT state <> 'erased' FROM recording WHERE id = ?1", recording, ret_known, ret_needed);
}

struct ap_result ap_db_sweep_session(struct ap_db *db, const struct ap_uuid *session, bool *ret_known, bool *ret_needed)
{
	return ask(db, "SELECT state <> 'ended' FROM session WHERE id = ?1", session, ret_known, ret_needed);
}

struct ap_result ap_db_sweep_tokens(struct ap_db *db, const struct ap_uuid *session, int64_t expires_ms)
{
	return ap_db_run(db,
			 "UPDATE party SET token_expires_ms = ?2 WHERE (?1 IS NULL OR session = ?1) AND token_expires_ms IS NULL"
			 " AND session IN (SELECT id FROM session WHERE state = 'ended') AND NOT EXISTS"
			 " (SELECT 1 FROM recording r WHERE r.session = party.session AND r.state <> 'erased')",
			 AP_VALUES(AP_V_BLOB(session ? session->b : NULL, sizeof session->b), AP_V_INT(expires_ms)));
}
