#include "recorder/db/db_turnover.h"

#include "recorder/api/answer.h"
#include "recorder/ledger/leaf.h"

/* ---- places ---- */

static bool leaf_hash(struct ap_rows *rows, int column, struct ap_hash *ret_hash)
{
	struct ap_leaf leaf;
	if (!ap_row_bytes(rows, column, leaf.b, sizeof leaf.b))
		return false;
	*ret_hash = ap_leaf_hash(&leaf);
	return true;
}

static struct ap_result place_of_vault(struct ap_db *db, struct ap_wrap_place *place)
{
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT r.session, a.leaf, b.leaf FROM recording r JOIN leaf a ON a.idx = r.coach_consent"
					   " JOIN leaf b ON b.idx = r.coachee_consent WHERE r.id = ?1",
					   AP_VALUES(AP_V_UUID(&place->recording)));
	bool found = ap_rows_next(rows);
	if (found) {
		place->session = ap_row_uuid(rows, 0);
		found = leaf_hash(rows, 1, &place->leafhash_coach) && leaf_hash(rows, 2, &place->leafhash_coachee);
	}
	return ap_rows_end_found(rows, found);
}

static struct ap_result place_of_person(struct ap_db *db, struct ap_wrap_place *place)
{
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT c.session, l.leaf FROM consent c JOIN leaf l ON l.idx = c.leaf"
					   " WHERE c.record_id = ?1",
					   AP_VALUES(AP_V_UUID(&place->record_id)));
	bool found = ap_rows_next(rows);
	if (found) {
		place->session = ap_row_uuid(rows, 0);
		found = leaf_hash(rows, 1, &place->own_leafhash);
	}
	return ap_rows_end_found(rows, found);
}

struct ap_result ap_db_turnover_place(void *db, const struct ap_uuid *owner, enum ap_slot slot, struct ap_wrap_place *ret_place)
{
	struct ap_wrap_place place = { .slot = slot };
	if (slot == AP_SLOT_VAULT)
		place.recording = *owner;
	else
		place.record_id = *owner;
	AP_TRY(slot == AP_SLOT_VAULT ? place_of_vault(db, &place) : place_of_person(db, &place));
	*ret_place = place;
	return AP_SUCCESS;
}

/* ---- turnovers ---- */

struct ap_result ap_db_turnover_insert(struct ap_db *db, const struct ap_turnover *t, const char *actor, const char *reason)
{
	return ap_db_run(db,
			 "INSERT INTO turnover (id, old_kek, new_kek, cause, actor, reason, begun_ms)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
			 AP_VALUES(AP_V_UUID(&t->id), AP_V_BLOB(t->old_kek.b, AP_KEK_ID), AP_V_BLOB(t->new_kek.b, AP_KEK_ID),
				   AP_V_TEXT(t->cause), AP_V_TEXT(actor), AP_V_TEXT(reason), AP_V_INT(t->begun_ms)));
}

static struct ap_result read_one(struct ap_rows *rows, struct ap_turnover *ret_turnover)
{
	struct ap_turnover t = { 0 };
	bool found = ap_rows_next(rows) && ap_row_bytes(rows, 1, t.old_kek.b, AP_KEK_ID) &&
		     ap_row_bytes(rows, 2, t.new_kek.b, AP_KEK_ID);
	if (found) {
		t.id = ap_row_uuid(rows, 0);
		g_strlcpy(t.cause, ap_row_text(rows, 3), sizeof t.cause);
		t.begun_ms = ap_row_int(rows, 4);
		t.wrapped = ap_row_int(rows, 5);
		t.destroyed_ms = ap_row_int(rows, 6);
		t.unrecoverable_ms = ap_row_int(rows, 7);
		t.leaf = (uint64_t)ap_row_int(rows, 8);
	}
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_turnover = t;
	return AP_SUCCESS;
}

#define COLUMNS "id, old_kek, new_kek, cause, begun_ms, wrapped, destroyed_ms, unrecoverable_ms, leaf"

struct ap_result ap_db_turnover_open(struct ap_db *db, struct ap_turnover *ret_turnover)
{
	return read_one(ap_db_query(db, "SELECT " COLUMNS " FROM turnover WHERE leaf IS NULL", AP_NO_VALUES), ret_turnover);
}

struct ap_result ap_db_turnover_load(struct ap_db *db, const struct ap_uuid *id, struct ap_turnover *ret_turnover)
{
	return read_one(ap_db_query(db, "SELECT " COLUMNS " FROM turnover WHERE id = ?1", AP_VALUES(AP_V_UUID(id))), ret_turnover);
}

struct ap_result ap_db_turnover_of(struct ap_db *db, const struct ap_kek_id *old_kek, struct ap_turnover *ret_turnover)
{
	return read_one(ap_db_query(db, "SELECT " COLUMNS " FROM turnover WHERE old_kek = ?1 AND leaf IS NOT NULL",
				    AP_VALUES(AP_V_BLOB(old_kek->b, AP_KEK_ID))),
			ret_turnover);
}

struct ap_result ap_db_turnover_wrapped(struct ap_db *db, const struct ap_uuid *id, int64_t more)
{
	return ap_db_run(db, "UPDATE turnover SET wrapped = wrapped + ?2 WHERE id = ?1", AP_VALUES(AP_V_UUID(id), AP_V_INT(more)));
}

struct ap_result ap_db_turnover_finish(struct ap_db *db, const struct ap_turnover *t)
{
	AP_TRY(ap_db_run(db, "UPDATE turnover SET destroyed_ms = ?2, unrecoverable_ms = ?3, leaf = ?4 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(&t->id), AP_V_INT(t->destroyed_ms), AP_V_INT(t->unrecoverable_ms),
				   AP_V_INT(t->leaf))));
	AP_TRY(ap_db_run(db,
			 "UPDATE erasure SET turnover_leaf = ?2, unrecoverable_ms = ?3 WHERE kek_id = ?1 AND turnover_leaf IS NULL",
			 AP_VALUES(AP_V_BLOB(t->old_kek.b, AP_KEK_ID), AP_V_INT(t->leaf), AP_V_INT(t->unrecoverable_ms))));
	return ap_db_run(db,
			 "UPDATE offboarding SET turnover_leaf = ?2, unrecoverable_ms = ?3 WHERE kek_id = ?1 AND turnover_leaf IS NULL",
			 AP_VALUES(AP_V_BLOB(t->old_kek.b, AP_KEK_ID), AP_V_INT(t->leaf), AP_V_INT(t->unrecoverable_ms)));
}

static JsonObject *describe(struct ap_rows *rows)
{
	JsonObject *o = json_object_new();
	ap_answer_row_id(o, "id", rows, 0);
	ap_answer_text(o, "state", ap_row_null(rows, 6) ? "wrapping" : "done");
	ap_answer_row_text(o, "cause", rows, 1);
	ap_answer_row_text(o, "by", rows, 2);
	ap_answer_row_text(o, "reason", rows, 3);
	ap_answer_row_time(o, "begun", rows, 4);
	ap_answer_row_int(o, "wrapped", rows, 5);
	if (ap_row_null(rows, 6))
		return o;
	ap_answer_row_time(o, "destroyed", rows, 7);
	ap_answer_row_time(o, "unrecoverable_at", rows, 8);
	ap_answer_row_int(o, "leaf", rows, 6);
	return o;
}

struct ap_result ap_db_turnover_list(struct ap_db *db, JsonArray **ret_list)
{
	g_autoptr(JsonArray) list = json_array_new();
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT id, cause, actor, reason, begun_ms, wrapped, leaf, destroyed_ms, unrecoverable_ms"
					   " FROM turnover ORDER BY begun_ms DESC LIMIT 100",
					   AP_NO_VALUES);
	while (ap_rows_next(rows))
		json_array_add_object_element(list, describe(rows));
	AP_TRY(ap_rows_end(rows));
	*ret_list = g_steal_pointer(&list);
	return AP_SUCCESS;
}

/* ---- what waits ---- */

static struct ap_result count_and_first(struct ap_rows *rows, int64_t *ret_count, int64_t *ret_since_ms)
{
	bool any = ap_rows_next(rows);
	int64_t count = any ? ap_row_int(rows, 0) : 0, since = any ? ap_row_int(rows, 1) : 0;
	AP_TRY(ap_rows_end(rows));
	*ret_count = count;
	*ret_since_ms = since;
	return AP_SUCCESS;
}

struct ap_result ap_db_turnover_waiting(struct ap_db *db, int64_t *ret_count, int64_t *ret_since_ms)
{
	return count_and_first(ap_db_query(db,
					   "SELECT count(*), min(erased_ms) FROM (SELECT erased_ms FROM erasure"
					   " WHERE turnover_leaf IS NULL AND kek_id IS NOT NULL AND erased_ms IS NOT NULL UNION ALL"
					   " SELECT erased_ms FROM offboarding WHERE turnover_leaf IS NULL AND kek_id IS NOT NULL)",
					   AP_NO_VALUES),
			       ret_count, ret_since_ms);
}

struct ap_result ap_db_turnover_waiting_for(struct ap_db *db, const struct ap_kek_id *kek, int64_t *ret_count)
{
	return ap_db_count(db,
			   "SELECT (SELECT count(*) FROM erasure WHERE turnover_leaf IS NULL AND kek_id = ?1) +"
			   " (SELECT count(*) FROM offboarding WHERE turnover_leaf IS NULL AND kek_id = ?1)",
			   AP_VALUES(AP_V_BLOB(kek->b, AP_KEK_ID)), ret_count);
}

struct ap_result ap_db_turnover_key_part(struct ap_db *db, const struct ap_kek_id *kek, int64_t *ret_destroy_by_ms)
{
	return ap_db_count(db, "SELECT max(destroy_by_ms) FROM key_part WHERE kek_id = ?1 AND destroyed_ms IS NULL",
			   AP_VALUES(AP_V_BLOB(kek->b, AP_KEK_ID)), ret_destroy_by_ms);
}

/* ---- the id of the key in use ---- */

struct ap_result ap_db_kek_id_set(struct ap_db *db, const struct ap_kek_id *id)
{
	g_autofree char *hex = ap_hex(id->b, sizeof id->b);
	/* What was erased before ids were kept: no turnover had been then, so it was under the first. */
	AP_TRY(ap_db_run(db,
			 "UPDATE erasure SET kek_id = ?1 WHERE kek_id IS NULL AND turnover_leaf IS NULL AND step <> 'ordered'"
			 " AND NOT EXISTS (SELECT 1 FROM setting WHERE name = 'kek_id')",
			 AP_VALUES(AP_V_BLOB(id->b, AP_KEK_ID))));
	return ap_db_run(db,
			 "INSERT INTO setting (name, value) VALUES ('kek_id', ?1) ON CONFLICT (name) DO UPDATE SET value = ?1"
			 " WHERE value <> ?1",
			 AP_VALUES(AP_V_TEXT(hex)));
}

struct ap_result ap_db_kek_id_get(struct ap_db *db, struct ap_kek_id *ret_id)
{
	struct ap_kek_id id;
	struct ap_rows *rows = ap_db_query(db, "SELECT value FROM setting WHERE name = 'kek_id'", AP_NO_VALUES);
	bool found = ap_rows_next(rows) && ap_hex_exact(ap_row_text(rows, 0), id.b, sizeof id.b);
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_id = id;
	return AP_SUCCESS;
}
