#include "recorder/portability/db_archive.h"

/* Of a consent: it no longer lets the recording be. Where a hold keeps it there is no erasure to tell so. */
#define TAKEN "event <> 'ConsentGiven' AND instr(purposes, '\"recording\"') > 0"

struct ap_result ap_db_archive_load(struct ap_db *db, const struct ap_uuid *request, struct ap_archive_row *ret_row)
{
	struct ap_archive_row row = {.request = *request};
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT state, created_ms, done, total, size, ready_ms, fetched_ms,"
					   " coalesce(failure, ''), films, coalesce(film_failure, '') FROM archive WHERE request = ?1",
					   AP_VALUES(AP_V_UUID(request)));
	bool found = ap_rows_next(rows);
	if (found) {
		g_strlcpy(row.state, ap_row_text(rows, 0), sizeof row.state);
		row.created_ms = ap_row_int(rows, 1);
		row.done = ap_row_int(rows, 2);
		row.total = ap_row_int(rows, 3);
		row.size = ap_row_int(rows, 4);
		row.ready_ms = ap_row_int(rows, 5);
		row.fetched_ms = ap_row_int(rows, 6);
		g_strlcpy(row.failure, ap_row_text(rows, 7), sizeof row.failure);
		row.films = ap_row_int(rows, 8);
		g_strlcpy(row.film_failure, ap_row_text(rows, 9), sizeof row.film_failure);
	}
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_row = row;
	return AP_SUCCESS;
}

struct ap_result ap_db_archive_begin(struct ap_db *db, const struct ap_uuid *request, const char *lock, int64_t now_ms)
{
	AP_TRY(ap_db_run(db,
			 "INSERT INTO archive (request, state, lock, created_ms) VALUES (?1, 'making', ?2, ?3)"
			 " ON CONFLICT (request) DO UPDATE SET state = 'making', lock = ?2, created_ms = ?3, done = 0,"
			 " total = 0, size = NULL, ready_ms = NULL, fetched_ms = NULL, erased_ms = NULL, failure = NULL,"
			 " films = 0, film_failure = NULL"
			 " WHERE state IN ('failed', 'erased')",
			 AP_VALUES(AP_V_UUID(request), AP_V_TEXT(lock), AP_V_INT(now_ms))));
	return ap_db_changes(db) ? AP_SUCCESS
				 : ap_fail(AP_ERR_DENIED, "conflict", "the archive is being made, or there to be fetched");
}

struct ap_result ap_db_archive_progress(struct ap_db *db, const struct ap_uuid *request, int64_t done, int64_t total)
{
	return ap_db_run(db, "UPDATE archive SET done = ?2, total = ?3 WHERE request = ?1",
			 AP_VALUES(AP_V_UUID(request), AP_V_INT(done), AP_V_INT(total)));
}

struct ap_result ap_db_archive_ready(struct ap_db *db, const struct ap_uuid *request, int64_t size, int64_t now_ms)
{
	return ap_db_run(db,
			 "UPDATE archive SET state = 'ready', size = ?2, ready_ms = ?3, done = total"
			 " WHERE request = ?1 AND state = 'making'",
			 AP_VALUES(AP_V_UUID(request), AP_V_INT(size), AP_V_INT(now_ms)));
}

struct ap_result ap_db_archive_failed(struct ap_db *db, const struct ap_uuid *request, const char *failure)
{
	return ap_db_run(db, "UPDATE archive SET state = 'failed', failure = ?2 WHERE request = ?1 AND state = 'making'",
			 AP_VALUES(AP_V_UUID(request), AP_V_TEXT(failure)));
}

struct ap_result ap_db_archive_fetched(struct ap_db *db, const struct ap_uuid *request, int64_t now_ms)
{
	return ap_db_run(db, "UPDATE archive SET fetched_ms = ?2 WHERE request = ?1 AND fetched_ms IS NULL",
			 AP_VALUES(AP_V_UUID(request), AP_V_INT(now_ms)));
}

struct ap_result ap_db_archive_erased(struct ap_db *db, const struct ap_uuid *request, int64_t now_ms)
{
	return ap_db_run(db, "UPDATE archive SET state = 'erased', erased_ms = ?2 WHERE request = ?1",
			 AP_VALUES(AP_V_UUID(request), AP_V_INT(now_ms)));
}

struct ap_result ap_db_archive_film_in(struct ap_db *db, const struct ap_uuid *request)
{
	return ap_db_run(db, "UPDATE archive SET films = films + 1 WHERE request = ?1", AP_VALUES(AP_V_UUID(request)));
}

struct ap_result ap_db_archive_film_failed(struct ap_db *db, const struct ap_uuid *request, const char *why)
{
	return ap_db_run(db, "UPDATE archive SET film_failure = ?2 WHERE request = ?1",
			 AP_VALUES(AP_V_UUID(request), AP_V_TEXT(why)));
}

struct ap_result ap_db_archive_filmed(struct ap_db *db, const struct ap_uuid *session, GArray **ret_requests)
{
	return ap_rows_end_ids(ap_db_query(db,
				    "SELECT a.request FROM archive a JOIN request q ON q.id = a.request WHERE a.state = 'ready'"
				    " AND a.films > 0 AND (?1 IS NULL OR q.session = ?1)",
				    AP_VALUES(session ? AP_V_UUID(session) : AP_V_NULL)),
			ret_requests);
}

struct ap_result ap_db_archive_unshared(struct ap_db *db, const struct ap_uuid *session, enum ap_role role, int64_t since_ms,
					int64_t *ret_count)
{
	return ap_db_count(db,
			   "SELECT count(*) FROM consent WHERE session = ?1 AND role = ?2 AND received_ms >= ?3"
			   " AND event <> 'ConsentGiven' AND instr(purposes, '\"share_copy\"') > 0",
			   AP_VALUES(AP_V_UUID(session), AP_V_INT(role), AP_V_INT(since_ms)), ret_count);
}

struct ap_result ap_db_archive_obstacles(struct ap_db *db, const struct ap_uuid *session, int64_t since_ms,
					 int64_t *ret_frozen, int64_t *ret_gone)
{
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM recording WHERE session = ?1 AND state = 'restricted'",
			   AP_VALUES(AP_V_UUID(session)), ret_frozen));
	return ap_db_count(db,
			   "SELECT (SELECT count(*) FROM erasure e JOIN recording r ON r.id = e.recording WHERE r.session = ?1"
			   " AND e.ordered_ms >= ?2) + (SELECT count(*) FROM consent WHERE session = ?1 AND received_ms >= ?2 AND " TAKEN ")",
			   AP_VALUES(AP_V_UUID(session), AP_V_INT(since_ms)), ret_gone);
}

struct ap_result ap_db_archive_due(struct ap_db *db, int64_t made_before_ms, int64_t fetched_before_ms,
				   GArray **ret_requests)
{
	return ap_rows_end_ids(ap_db_query(db,
				    "SELECT a.request FROM archive a JOIN request q ON q.id = a.request WHERE a.state = 'ready'"
				    " AND (a.ready_ms <= ?1 OR a.fetched_ms <= ?2 OR EXISTS (SELECT 1 FROM erasure e JOIN"
				    " recording r ON r.id = e.recording WHERE r.session = q.session AND e.ordered_ms >="
				    " a.created_ms) OR EXISTS (SELECT 1 FROM consent WHERE session = q.session"
				    " AND received_ms >= a.created_ms AND " TAKEN "))",
				    AP_VALUES(AP_V_INT(made_before_ms), AP_V_INT(fetched_before_ms))),
			ret_requests);
}

struct ap_result ap_db_archive_of(struct ap_db *db, const struct ap_uuid *session, enum ap_role role, GArray **ret_requests)
{
	return ap_rows_end_ids(ap_db_query(db,
				    "SELECT a.request FROM archive a JOIN request q ON q.id = a.request WHERE a.state = 'ready'"
				    " AND q.session = ?1 AND q.role = ?2",
				    AP_VALUES(AP_V_UUID(session), AP_V_INT(role))),
			ret_requests);
}

struct ap_result ap_db_archive_count(struct ap_db *db, const struct ap_uuid *session, enum ap_role role, int64_t since_ms,
				     int64_t *ret_count)
{
	return ap_db_count(db,
			   "SELECT count(*) FROM archive a JOIN request q ON q.id = a.request WHERE q.session = ?1 AND q.role = ?2"
			   " AND a.created_ms > ?3",
			   AP_VALUES(AP_V_UUID(session), AP_V_INT(role), AP_V_INT(since_ms)), ret_count);
}

struct ap_result ap_db_archive_making(struct ap_db *db, GArray **ret_requests)
{
	return ap_rows_end_ids(ap_db_query(db, "SELECT request FROM archive WHERE state = 'making'", AP_NO_VALUES),
			ret_requests);
}
