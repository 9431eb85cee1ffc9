#include "recorder/db/db_recording.h"

#include <aparte/buf.h>

#define COLUMNS                                                                                                        \
	"id, session, state, created_ms, sealed_ms, expires_ms, erased_ms, coach_consent, coachee_consent, coach_record," \
	" coachee_record, coach_recipient, coachee_recipient, duration_ms"

struct ap_result ap_db_recording_put(struct ap_db *db, const struct ap_recording *r)
{
	return ap_db_run(db,
			 "INSERT INTO recording (id, session, state, created_ms, coach_consent, coachee_consent, coach_record,"
			 " coachee_record, coach_recipient, coachee_recipient)"
			 " VALUES (?1, ?2, 'recording', ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
			 AP_VALUES(AP_V_UUID(&r->id), AP_V_UUID(&r->session), AP_V_INT(r->created_ms), AP_V_INT(r->consent[0]),
				   AP_V_INT(r->consent[1]), AP_V_UUID(&r->record[0]), AP_V_UUID(&r->record[1]),
				   AP_V_HASH(r->recipient[0]), AP_V_HASH(r->recipient[1])));
}

static void read_recording(struct ap_rows *rows, struct ap_recording *r)
{
	*r = (struct ap_recording){ .id = ap_row_uuid(rows, 0),
				    .session = ap_row_uuid(rows, 1),
				    .created_ms = ap_row_int(rows, 3),
				    .sealed_ms = ap_row_int(rows, 4),
				    .expires_ms = ap_row_int(rows, 5),
				    .erased_ms = ap_row_int(rows, 6),
				    .consent = { (uint64_t)ap_row_int(rows, 7), (uint64_t)ap_row_int(rows, 8) },
				    .record = { ap_row_uuid(rows, 9), ap_row_uuid(rows, 10) },
				    .duration_ms = ap_row_int(rows, 13) };
	g_strlcpy(r->state, ap_row_text(rows, 2), sizeof r->state);
	ap_row_bytes(rows, 11, r->recipient[0], 32);
	ap_row_bytes(rows, 12, r->recipient[1], 32);
}

struct ap_result ap_db_recording_load(struct ap_db *db, const struct ap_uuid *id, struct ap_recording *ret_recording)
{
	struct ap_recording r;
	struct ap_rows *rows = ap_db_query(db, "SELECT " COLUMNS " FROM recording WHERE id = ?1", AP_VALUES(AP_V_UUID(id)));
	bool found = ap_rows_next(rows);
	if (found)
		read_recording(rows, &r);
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_recording = r;
	return AP_SUCCESS;
}

static struct ap_result all_recordings(struct ap_rows *rows, GArray **ret_recordings)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(struct ap_recording));
	while (ap_rows_next(rows)) {
		struct ap_recording r;
		read_recording(rows, &r);
		g_array_append_val(list, r);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_recordings = g_steal_pointer(&list);
	return AP_SUCCESS;
}

struct ap_result ap_db_recording_list(struct ap_db *db, const struct ap_uuid *session, GArray **ret_recordings)
{
	return all_recordings(ap_db_query(db, "SELECT " COLUMNS " FROM recording WHERE session = ?1 ORDER BY created_ms",
					  AP_VALUES(AP_V_UUID(session))),
			      ret_recordings);
}

struct ap_result ap_db_recording_unfinished(struct ap_db *db, GArray **ret_recordings)
{
	return all_recordings(ap_db_query(db, "SELECT " COLUMNS " FROM recording r WHERE state = 'recording' OR (state = 'sealed' AND"
					  " manifest IS NULL AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.recording = r.id))", AP_NO_VALUES),
			      ret_recordings);
}

struct ap_result ap_db_recording_unused_gives(struct ap_db *db, const struct ap_uuid *session, GArray **ret_gives)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(struct ap_unused_give));
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT record_id, role FROM consent c WHERE session = ?1 AND event = 'ConsentGiven'"
					   " AND purposes LIKE '%\"recording\"%' AND record_id IS NOT NULL AND NOT EXISTS (SELECT 1"
					   " FROM recording r WHERE r.session = ?1 AND r.state <> 'erased'"
					   " AND c.record_id IN (r.coach_record, r.coachee_record))",
					   AP_VALUES(AP_V_UUID(session)));
	while (ap_rows_next(rows)) {
		struct ap_unused_give give = { ap_row_uuid(rows, 0), (enum ap_role)ap_row_int(rows, 1) };
		g_array_append_val(list, give);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_gives = g_steal_pointer(&list);
	return AP_SUCCESS;
}

struct ap_result ap_db_recording_stop(struct ap_db *db, const struct ap_uuid *id, int64_t now_ms)
{
	return ap_db_run(db, "UPDATE recording SET state = 'sealed', sealed_ms = ?2 WHERE id = ?1 AND state = 'recording'",
			 AP_VALUES(AP_V_UUID(id), AP_V_INT(now_ms)));
}

struct ap_result ap_db_recording_ordered(struct ap_db *db, const struct ap_uuid *id, bool *ret_ordered)
{
	int64_t n = 0;
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM erasure WHERE recording = ?1", AP_VALUES(AP_V_UUID(id)), &n));
	*ret_ordered = n > 0;
	return AP_SUCCESS;
}

struct ap_result ap_db_recording_seal(struct ap_db *db, const struct ap_recording *sealed, const char *manifest,
				      const uint8_t signature[64], uint64_t leaf)
{
	return ap_db_run(db,
			 "UPDATE recording SET state = 'sealed', sealed_ms = ?2, expires_ms = ?3, duration_ms = ?4, manifest = ?5,"
			 " manifest_signature = ?6, sealed_leaf = ?7 WHERE id = ?1 AND state IN ('recording', 'sealed')",
			 AP_VALUES(AP_V_UUID(&sealed->id), AP_V_INT(sealed->sealed_ms), AP_V_INT(sealed->expires_ms),
				   AP_V_INT(sealed->duration_ms), AP_V_TEXT(manifest), AP_V_BLOB(signature, 64), AP_V_INT(leaf)));
}

struct ap_result ap_db_recording_manifest(struct ap_db *db, const struct ap_uuid *id, char **ret_text, uint8_t ret_signature[64])
{
	struct ap_rows *rows = ap_db_query(db, "SELECT manifest, manifest_signature FROM recording WHERE id = ?1",
					   AP_VALUES(AP_V_UUID(id)));
	bool found = ap_rows_next(rows);
	g_autofree char *text = found ? ap_row_text_dup(rows, 0) : NULL;
	if (found)
		ap_row_bytes(rows, 1, ret_signature, 64);
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_text = g_steal_pointer(&text);
	return AP_SUCCESS;
}

struct ap_result ap_db_epoch_put(struct ap_db *db, const struct ap_uuid *session, const struct ap_uuid *recording,
				 const struct ap_epoch_row *epoch, uint64_t opened_leaf)
{
	return ap_db_run(db,
			 "INSERT INTO epoch (generation, session, recording, number, opened_ms, opened_leaf)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
			 AP_VALUES(AP_V_INT(epoch->generation), AP_V_UUID(session), AP_V_UUID(recording), AP_V_INT(epoch->number),
				   AP_V_INT(epoch->opened_ms), AP_V_INT(opened_leaf)));
}

struct ap_result ap_db_epoch_copy(struct ap_db *db, const struct ap_uuid *from, const struct ap_uuid *to)
{
	return ap_db_run(db,
			 "INSERT INTO epoch (generation, session, recording, number, opened_ms, closed_ms, opened_leaf,"
			 " closed_leaf, reasons, stats) SELECT abs(random()), session, ?2, number, opened_ms, closed_ms,"
			 " opened_leaf, closed_leaf, reasons, stats FROM epoch WHERE recording = ?1",
			 AP_VALUES(AP_V_UUID(from), AP_V_UUID(to)));
}

struct ap_result ap_db_epoch_close(struct ap_db *db, uint64_t generation, int64_t now_ms, unsigned reasons, uint64_t leaf)
{
	return ap_db_run(db,
			 "UPDATE epoch SET closed_ms = ?2, reasons = ?3, closed_leaf = ?4 WHERE generation = ?1"
			 " AND closed_ms IS NULL",
			 AP_VALUES(AP_V_INT(generation), AP_V_INT(now_ms), AP_V_INT(reasons), AP_V_INT(leaf)));
}

struct ap_result ap_db_epoch_stats(struct ap_db *db, uint64_t generation, const char *stats)
{
	return ap_db_run(db, "UPDATE epoch SET stats = ?2 WHERE generation = ?1",
			 AP_VALUES(AP_V_INT(generation), AP_V_TEXT(stats)));
}

struct ap_result ap_db_epoch_failed(struct ap_db *db, uint64_t generation, const char *reason)
{
	return ap_db_run(db, "UPDATE epoch SET stats = json_set(coalesce(stats, '{}'), '$.failed', ?2) WHERE generation = ?1",
			 AP_VALUES(AP_V_INT(generation), AP_V_TEXT(reason)));
}

static void free_epoch(void *data)
{
	struct ap_epoch_row *e = data;
	g_free(e->stats);
	g_free(e);
}

struct ap_result ap_db_epoch_list(struct ap_db *db, const struct ap_uuid *recording, GPtrArray **ret_epochs)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_epoch);
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT generation, number, opened_ms, closed_ms, reasons, stats FROM epoch"
					   " WHERE recording = ?1 ORDER BY number",
					   AP_VALUES(AP_V_UUID(recording)));
	while (ap_rows_next(rows)) {
		struct ap_epoch_row *e = g_new0(struct ap_epoch_row, 1);
		*e = (struct ap_epoch_row){ .generation = (uint64_t)ap_row_int(rows, 0),
					    .number = (uint32_t)ap_row_int(rows, 1),
					    .opened_ms = ap_row_int(rows, 2),
					    .closed_ms = ap_row_int(rows, 3),
					    .reasons = (unsigned)ap_row_int(rows, 4),
					    .stats = ap_row_text_dup(rows, 5) };
		g_ptr_array_add(list, e);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_epochs = g_steal_pointer(&list);
	return AP_SUCCESS;
}
