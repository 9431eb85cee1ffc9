#include "recorder/db/db_staff_erasure.h"

static const char *const steps[] = {"ordered", "shares", "bytes", "erased"};

struct ap_result ap_db_erasure_subject(struct ap_db *db, const struct ap_uuid *recording, int64_t now_ms,
				       struct ap_erasure_subject *ret_s)
{
	struct ap_erasure_subject s = {0};
	struct ap_rows *rows = ap_db_query(
		db,
		"SELECT session, state, duration_ms, EXISTS (SELECT 1 FROM erasure e WHERE e.recording = r.id),"
		" EXISTS (SELECT 1 FROM hold h WHERE h.recording = r.id AND h.lifted_ms IS NULL AND h.ends_ms > ?2)"
		" FROM recording r WHERE id = ?1",
		AP_VALUES(AP_V_UUID(recording), AP_V_INT(now_ms)));
	bool found = ap_rows_next(rows);
	if (found) {
		s.session = ap_row_uuid(rows, 0);
		g_strlcpy(s.state, ap_row_text(rows, 1), sizeof s.state);
		s.duration_ms = ap_row_int(rows, 2);
		s.ordered = ap_row_int(rows, 3) != 0;
		s.held = ap_row_int(rows, 4) != 0;
	}
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_s = s;
	return AP_SUCCESS;
}

struct ap_result ap_db_erasure_insert(struct ap_db *db, const struct ap_uuid *id, const struct ap_uuid *recording,
				      const char *cause, int64_t now_ms, uint64_t leaf)
{
	return ap_db_run(
		db,
		"INSERT INTO erasure (id, recording, cause, step, ordered_ms, ordered_leaf)"
		" VALUES (?1, ?2, ?3, 'ordered', ?4, ?5)",
		AP_VALUES(AP_V_UUID(id), AP_V_UUID(recording), AP_V_TEXT(cause), AP_V_INT(now_ms), AP_V_INT(leaf)));
}

static enum ap_erasure_step step_of(const char *text)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(steps); i++)
		if (g_strcmp0(text, steps[i]) == 0)
			return (enum ap_erasure_step)i;
	return AP_STEP_ORDERED;
}

static struct ap_erasure_row read_row(struct ap_rows *rows)
{
	struct ap_erasure_row row = {.id = ap_row_uuid(rows, 0),
				     .recording = ap_row_uuid(rows, 1),
				     .session = ap_row_uuid(rows, 2),
				     .step = step_of(ap_row_text(rows, 4)),
				     .ordered_ms = ap_row_int(rows, 5),
				     .erased_ms = ap_row_int(rows, 6),
				     .ordered_leaf = (uint64_t)ap_row_int(rows, 7),
				     .erased_leaf = (uint64_t)ap_row_int(rows, 8),
				     .record = {ap_row_uuid(rows, 9), ap_row_uuid(rows, 10)},
				     .tenant = ap_row_int(rows, 11)};
	g_strlcpy(row.cause, ap_row_text(rows, 3), sizeof row.cause);
	(void)ap_row_bytes(rows, 12, row.kek.b, AP_KEK_ID); /* zeroes before the shares are gone */
	return row;
}

static struct ap_result take_rows(struct ap_rows *rows, GArray **ret_rows)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(struct ap_erasure_row));
	while (ap_rows_next(rows)) {
		struct ap_erasure_row row = read_row(rows);
		g_array_append_val(list, row);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_rows = g_steal_pointer(&list);
	return AP_SUCCESS;
}

#define ROWS                                                                                                           \
	"SELECT e.id, e.recording, r.session, e.cause, e.step, e.ordered_ms, e.erased_ms, e.ordered_leaf,"             \
	" e.erased_leaf, r.coach_record, r.coachee_record, s.tenant, e.kek_id FROM erasure e"                          \
	" JOIN recording r ON r.id = e.recording JOIN session s ON s.id = r.session WHERE e.certificate IS NULL"

struct ap_result ap_db_erasure_open(struct ap_db *db, const struct ap_erasure_row *after, GArray **ret_rows)
{
	static const struct ap_erasure_row first = {.ordered_ms = INT64_MIN};
	const struct ap_erasure_row *from = after ? after : &first;
	return take_rows(ap_db_query(db, ROWS " AND (e.ordered_ms, e.id) > (?1, ?2) ORDER BY e.ordered_ms, e.id LIMIT ?3",
				     AP_VALUES(AP_V_INT(from->ordered_ms), AP_V_UUID(&from->id), AP_V_INT(AP_ERASURE_BATCH))),
			 ret_rows);
}

struct ap_result ap_db_erasure_of(struct ap_db *db, const struct ap_uuid *recording, GArray **ret_rows)
{
	return take_rows(ap_db_query(db, ROWS " AND e.recording = ?1", AP_VALUES(AP_V_UUID(recording))), ret_rows);
}

struct ap_result ap_db_erasure_unshared(struct ap_db *db, const struct ap_uuid *id, const struct ap_kek_id *kek)
{
	return ap_db_run(db, "UPDATE erasure SET step = 'shares', kek_id = ?2 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(id), AP_V_BLOB(kek->b, AP_KEK_ID)));
}

struct ap_result ap_db_erasure_batch_set(struct ap_db *db, const struct ap_uuid *recording, const struct ap_uuid *batch)
{
	return ap_db_run(db, "UPDATE erasure SET batch = ?2 WHERE recording = ?1 AND batch IS NULL",
			 AP_VALUES(AP_V_UUID(recording), AP_V_UUID(batch)));
}

struct ap_result ap_db_erasure_batch(struct ap_db *db, const struct ap_uuid *batch, int64_t *ret_total, int64_t *ret_done)
{
	struct ap_rows *rows = ap_db_query(db, "SELECT count(*), count(certificate) FROM erasure WHERE batch = ?1",
					   AP_VALUES(AP_V_UUID(batch)));
	int64_t total = 0, done = 0;
	if (ap_rows_next(rows)) {
		total = ap_row_int(rows, 0);
		done = ap_row_int(rows, 1);
	}
	AP_TRY(ap_rows_end_found(rows, total > 0));
	*ret_total = total;
	*ret_done = done;
	return AP_SUCCESS;
}

struct ap_result ap_db_erasure_step(struct ap_db *db, const struct ap_uuid *id, enum ap_erasure_step step)
{
	return ap_db_run(db, "UPDATE erasure SET step = ?2 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(id), AP_V_TEXT(steps[step])));
}

static struct ap_result end_tokens(struct ap_db *db, const struct ap_uuid *session, int64_t end_ms)
{
	return ap_db_run(db,
			 "UPDATE party SET token_expires_ms = ?2 WHERE session = ?1"
			 " AND (SELECT state FROM session WHERE id = ?1) = 'ended'"
			 " AND NOT EXISTS (SELECT 1 FROM recording WHERE session = ?1 AND state <> 'erased')",
			 AP_VALUES(AP_V_UUID(session), AP_V_INT(end_ms)));
}

struct ap_result ap_db_erasure_finish(struct ap_db *db, const struct ap_erasure_row *row, int64_t now_ms, uint64_t leaf,
				      int64_t tokens_end_ms)
{
	AP_TRY(ap_db_run(db, "UPDATE erasure SET step = 'erased', erased_ms = ?2, erased_leaf = ?3 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(&row->id), AP_V_INT(now_ms), AP_V_INT(leaf))));
	AP_TRY(ap_db_run(
		db,
		"UPDATE recording SET state = 'erased', erased_ms = ?2, manifest = NULL, manifest_signature = NULL"
		" WHERE id = ?1",
		AP_VALUES(AP_V_UUID(&row->recording), AP_V_INT(now_ms))));
	AP_TRY(ap_db_run(db, "DELETE FROM segment WHERE recording = ?1", AP_VALUES(AP_V_UUID(&row->recording))));
	AP_TRY(ap_db_run(db, "UPDATE grant_ SET revoked_ms = ?2 WHERE recording = ?1 AND revoked_ms IS NULL",
			 AP_VALUES(AP_V_UUID(&row->recording), AP_V_INT(now_ms))));
	return end_tokens(db, &row->session, tokens_end_ms);
}

struct ap_result ap_db_erasure_certify(struct ap_db *db, const struct ap_uuid *id, const char *certificate)
{
	return ap_db_run(db, "UPDATE erasure SET certificate = ?2 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(id), AP_V_TEXT(certificate)));
}

struct ap_result ap_db_erasure_certificate(struct ap_db *db, const struct ap_uuid *recording, char **ret_json,
					   int64_t *ret_turnover_leaf, int64_t *ret_unrecoverable_ms)
{
	char *text = NULL;
	int64_t leaf = -1, at = 0;
	struct ap_rows *rows =
		ap_db_query(db,
			    "SELECT certificate, coalesce(turnover_leaf, -1), unrecoverable_ms FROM erasure"
			    " WHERE recording = ?1 AND certificate IS NOT NULL",
			    AP_VALUES(AP_V_UUID(recording)));
	bool found = ap_rows_next(rows);
	if (found) {
		text = ap_row_text_dup(rows, 0);
		leaf = ap_row_int(rows, 1);
		at = ap_row_int(rows, 2);
	}
	struct ap_result r = ap_rows_end_found(rows, found);
	if (!ap_ok(r)) {
		g_free(text);
		return r;
	}
	*ret_json = text;
	*ret_turnover_leaf = leaf;
	*ret_unrecoverable_ms = at;
	return AP_SUCCESS;
}

struct ap_result ap_db_erasure_share_needed(struct ap_db *db, const struct ap_erasure_row *row, enum ap_role role,
					    bool *ret_needed)
{
	int64_t others, stands;
	const struct ap_uuid *record = &row->record[role - 1];
	AP_TRY(ap_db_count(db,
			   "SELECT count(*) FROM recording r WHERE r.session = ?1 AND r.id <> ?2"
			   " AND (r.coach_record = ?3 OR r.coachee_record = ?3)"
			   " AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.recording = r.id)",
			   AP_VALUES(AP_V_UUID(&row->session), AP_V_UUID(&row->recording), AP_V_UUID(record)),
			   &others));
	/* The last statement that names `recording`: a give of this very share, in a session that may record again. */
	AP_TRY(ap_db_count(db,
			   "SELECT count(*) FROM consent c JOIN session s ON s.id = c.session"
			   " WHERE c.session = ?1 AND c.role = ?2 AND c.record_id = ?3 AND c.event = 'ConsentGiven'"
			   " AND s.state <> 'ended' AND c.seq = (SELECT max(seq) FROM consent l WHERE l.session = ?1 "
			   "AND l.role = ?2"
			   " AND l.purposes LIKE '%\"recording\"%')",
			   AP_VALUES(AP_V_UUID(&row->session), AP_V_INT(role), AP_V_UUID(record)), &stands));
	*ret_needed = others > 0 || stands > 0;
	return AP_SUCCESS;
}

struct ap_result ap_db_erasure_due(struct ap_db *db, int64_t now_ms, GArray **ret_ids)
{
	return ap_rows_end_ids(
		ap_db_query(db,
			    "SELECT r.id FROM recording r WHERE r.expires_ms <= ?1 AND r.state <> 'erased'"
			    " AND r.state IN ('sealed', 'archived')"
			    " AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.recording = r.id)"
			    " AND NOT EXISTS (SELECT 1 FROM hold h WHERE h.recording = r.id AND h.lifted_ms IS "
			    "NULL AND h.ends_ms > ?1)"
			    " ORDER BY r.expires_ms LIMIT 200",
			    AP_VALUES(AP_V_INT(now_ms))),
		ret_ids);
}

#define NAMED                                                                                                          \
	" FROM recording r JOIN session s ON s.id = r.session WHERE (?1 IS NULL OR r.session = ?1)"                    \
	" AND (?2 IS NULL OR EXISTS (SELECT 1 FROM party p WHERE p.session = s.id AND p.pii_principal = ?2))"          \
	" AND (?3 = 0 OR s.tenant = ?3) AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.recording = r.id)"
#define HELD "EXISTS (SELECT 1 FROM hold h WHERE h.recording = r.id AND h.lifted_ms IS NULL AND h.ends_ms > ?4)"
#define NAMED_BY AP_VALUES(AP_V_BLOB(session ? session->b : NULL, 16), AP_V_TEXT(subject), AP_V_INT(tenant), AP_V_INT(now_ms))

struct ap_result ap_db_erasure_find(struct ap_db *db, const struct ap_uuid *session, const char *subject,
				    int64_t tenant, int64_t now_ms, GArray **ret_ids)
{
	return ap_rows_end_ids(ap_db_query(db,
					   "SELECT r.id" NAMED " AND r.state IN ('sealed', 'archived') AND NOT " HELD
					   " ORDER BY r.created_ms",
					   NAMED_BY),
			       ret_ids);
}

struct ap_result ap_db_erasure_kept(struct ap_db *db, const struct ap_uuid *session, const char *subject, int64_t tenant,
				    int64_t now_ms, int64_t *ret_restricted, int64_t *ret_held)
{
	AP_TRY(ap_db_count(db, "SELECT count(*)" NAMED " AND r.state = 'restricted' AND NOT " HELD, NAMED_BY, ret_restricted));
	return ap_db_count(db, "SELECT count(*)" NAMED " AND r.state IN ('sealed', 'archived', 'restricted') AND " HELD, NAMED_BY,
			   ret_held);
}

struct ap_result ap_db_clock_guard_get(struct ap_db *db, struct ap_clock_guard *ret_guard)
{
	struct ap_clock_guard guard = {0};
	struct ap_rows *rows =
		ap_db_query(db, "SELECT wall_ms, mono_ns, boot FROM clock_guard WHERE id = 1", AP_NO_VALUES);
	bool found = ap_rows_next(rows);
	if (found) {
		guard.wall_ms = ap_row_int(rows, 0);
		guard.mono_ns = ap_row_int(rows, 1);
		g_strlcpy(guard.boot, ap_row_text(rows, 2), sizeof guard.boot);
	}
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_guard = guard;
	return AP_SUCCESS;
}

struct ap_result ap_db_clock_guard_set(struct ap_db *db, const struct ap_clock_guard *guard, int64_t confirmed_ms)
{
	return ap_db_run(db,
			 "INSERT INTO clock_guard (id, wall_ms, mono_ns, boot, confirmed_ms) VALUES (1, ?1, ?2, ?3, ?4)"
			 " ON CONFLICT (id) DO UPDATE SET wall_ms = ?1, mono_ns = ?2, boot = ?3,"
			 " confirmed_ms = max(confirmed_ms, ?4)",
			 AP_VALUES(AP_V_INT(guard->wall_ms), AP_V_INT(guard->mono_ns), AP_V_TEXT(guard->boot),
				   AP_V_INT(confirmed_ms)));
}
