#include "recorder/keys/db_keys_private.h"

/* One that is there stays: what was sealed under it must open. */
static struct ap_result make_one(struct ap_db_keys *k, const struct ap_uuid *session)
{
	int64_t there = 0;
	struct ap_wrapped wrapped;
	AP_TRY(ap_db_count(k->db, "SELECT count(*) FROM proof_key WHERE session = ?1", AP_VALUES(AP_V_UUID(session)), &there));
	if (there)
		return AP_SUCCESS;
	struct ap_secret *key = ap_secret_random(AP_SHARE);
	struct ap_result r = ap_proof_wrap(k->kek, session, key, &wrapped);
	ap_secret_free(key);
	AP_TRY(r);
	return ap_db_run(k->db, "INSERT INTO proof_key (session, kek_id, nonce, wrapped, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
			 AP_VALUES(AP_V_UUID(session), AP_V_BLOB(wrapped.kek_id.b, AP_KEK_ID), AP_V_BLOB(wrapped.nonce, AP_WRAP_NONCE),
				   AP_V_BLOB(wrapped.bytes, AP_WRAPPED), AP_V_INT(ap_wall_ms(k->clock))));
}

static struct ap_result make_all(struct ap_db_keys *k, const struct ap_uuid *sessions, size_t count)
{
	for (size_t i = 0; i < count; i++)
		AP_TRY(make_one(k, &sessions[i]));
	return AP_SUCCESS;
}

struct ap_result ap_db_keys_proof_make(struct ap_db_keys *k, const struct ap_uuid *sessions, size_t count)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(ap_db_keys_need_kek(k));
	AP_TRY(ap_db_begin(k->db));
	return ap_db_finish(k->db, make_all(k, sessions, count));
}

struct ap_result ap_db_keys_proof_get(struct ap_db_keys *k, const struct ap_uuid *session, struct ap_secret **ret_key)
{
	struct ap_wrapped wrapped;
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(ap_db_keys_need_kek(k));
	struct ap_rows *rows =
		ap_db_query(k->db, "SELECT kek_id, nonce, wrapped FROM proof_key WHERE session = ?1", AP_VALUES(AP_V_UUID(session)));
	bool found = ap_rows_next(rows) && ap_db_keys_row(rows, &wrapped);
	AP_TRY(ap_rows_end_found(rows, found));
	return ap_proof_unwrap(ap_db_keys_kek_of(k, &wrapped), session, &wrapped, ret_key);
}

static struct ap_result delete_all(struct ap_db_keys *k, const struct ap_uuid *sessions, size_t count)
{
	for (size_t i = 0; i < count; i++)
		AP_TRY(ap_db_run(k->db, "DELETE FROM proof_key WHERE session = ?1", AP_VALUES(AP_V_UUID(&sessions[i]))));
	return AP_SUCCESS;
}

struct ap_result ap_db_keys_proof_destroy(struct ap_db_keys *k, const struct ap_uuid *sessions, size_t count)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(ap_db_begin(k->db));
	AP_TRY(ap_db_finish(k->db, delete_all(k, sessions, count)));
	return ap_db_keys_purge_held(k);
}
