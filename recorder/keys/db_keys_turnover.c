#include "recorder/keys/db_keys_private.h"

#include <aparte/buf.h>
#include <string.h>

/* A row on its way from one key to the other. */
struct turning {
	struct ap_uuid owner; /* of a seal key or a proof's: its session */
	int slot;	      /* of a seal key: the role */
	uint8_t public[32];   /* of a seal key */
	enum ap_turn_kind kind;
	bool placed;
	struct ap_wrapped old, wrapped;
};

static struct ap_secret *copy_of(const struct ap_secret *secret)
{
	return ap_secret_from(ap_secret_bytes(secret), ap_secret_len(secret));
}

struct ap_result ap_db_keys_turn_begin(struct ap_db_keys *k, const struct ap_secret *new_kek)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(ap_db_keys_need_kek(k));
	if (k->old)
		return ap_fail(AP_ERR_DENIED, "conflict", "a turnover is under way");
	if (ap_secret_len(new_kek) != AP_KEK)
		return ap_fail(AP_ERR_CRYPTO, "kek", "a key-encryption key has 32 bytes");
	k->old = k->kek;
	k->kek = copy_of(new_kek);
	k->cursor = (struct ap_turn_cursor){ 0 };
	return AP_SUCCESS;
}

bool ap_db_keys_turning(struct ap_db_keys *k)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	return k->old != NULL;
}

struct ap_result ap_db_keys_old_kek_id(struct ap_db_keys *k, struct ap_kek_id *ret_id)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	if (!k->old)
		return ap_fail(AP_ERR_DENIED, "conflict", "there is no turnover under way");
	*ret_id = ap_kek_id(k->old);
	return AP_SUCCESS;
}

struct ap_result ap_db_keys_copy_keks(struct ap_db_keys *k, struct ap_secret **ret_keks)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(ap_db_keys_need_kek(k));
	struct ap_secret *keks = ap_secret_new(k->old ? 2 * AP_KEK : AP_KEK);
	struct ap_writer w = ap_writer_over(ap_secret_bytes_rw(keks), ap_secret_len(keks));
	ap_write_bytes(&w, ap_secret_bytes(k->kek), AP_KEK);
	if (k->old)
		ap_write_bytes(&w, ap_secret_bytes(k->old), AP_KEK);
	*ret_keks = keks;
	return AP_SUCCESS;
}

struct ap_result ap_db_keys_count(struct ap_db_keys *k, int64_t *ret_count)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	return ap_db_count(k->db, "SELECT (SELECT count(*) FROM share) + (SELECT count(*) FROM seal) + (SELECT count(*) FROM proof_key)",
			   AP_NO_VALUES, ret_count);
}

/* ---- reading a batch ---- */

static struct ap_rows *next_shares(struct ap_db_keys *k, const struct ap_kek_id *new_id)
{
	return ap_db_query(k->db,
			   "SELECT kek_id, nonce, wrapped, owner, slot FROM share WHERE (owner, slot) > (?1, ?2) AND kek_id <> ?3"
			   " ORDER BY owner, slot LIMIT ?4",
			   AP_VALUES(AP_V_UUID(&k->cursor.owner), AP_V_INT(k->cursor.slot), AP_V_BLOB(new_id->b, AP_KEK_ID),
				     AP_V_INT(AP_TURN_BATCH)));
}

static struct ap_rows *next_seals(struct ap_db_keys *k, const struct ap_kek_id *new_id)
{
	return ap_db_query(k->db,
			   "SELECT kek_id, nonce, wrapped, session, role, public FROM seal"
			   " WHERE (session, role, public) > (?1, ?2, ?3) AND kek_id <> ?4"
			   " ORDER BY session, role, public LIMIT ?5",
			   AP_VALUES(AP_V_UUID(&k->cursor.owner), AP_V_INT(k->cursor.slot), AP_V_BLOB(k->cursor.public, 32),
				     AP_V_BLOB(new_id->b, AP_KEK_ID), AP_V_INT(AP_TURN_BATCH)));
}

static struct ap_rows *next_proofs(struct ap_db_keys *k, const struct ap_kek_id *new_id)
{
	return ap_db_query(k->db,
			   "SELECT kek_id, nonce, wrapped, session, 0 FROM proof_key WHERE session > ?1 AND kek_id <> ?2"
			   " ORDER BY session LIMIT ?3",
			   AP_VALUES(AP_V_UUID(&k->cursor.owner), AP_V_BLOB(new_id->b, AP_KEK_ID), AP_V_INT(AP_TURN_BATCH)));
}

static struct ap_result take_rows(struct ap_rows *rows, enum ap_turn_kind kind, GArray *list)
{
	bool seals = kind == AP_TURN_SEALS;
	while (ap_rows_next(rows)) {
		struct turning t = { .kind = kind, .owner = ap_row_uuid(rows, 3), .slot = (int)ap_row_int(rows, 4) };
		bool whole = ap_db_keys_row(rows, &t.old) && (!seals || ap_row_bytes(rows, 5, t.public, sizeof t.public));
		t.placed = whole;
		g_array_append_val(list, t);
	}
	return ap_rows_end(rows);
}

static struct ap_result read_kind(struct ap_db_keys *k, const struct ap_kek_id *new_id, GArray *list)
{
	switch (k->cursor.kind) {
	case AP_TURN_SHARES:
		return take_rows(next_shares(k, new_id), AP_TURN_SHARES, list);
	case AP_TURN_SEALS:
		return take_rows(next_seals(k, new_id), AP_TURN_SEALS, list);
	case AP_TURN_PROOFS:
	case AP_TURN_KINDS:
		break;
	}
	return take_rows(next_proofs(k, new_id), AP_TURN_PROOFS, list);
}

/* Kind after kind; the cursor goes on behind what was read, and back to the start after the last. */
static struct ap_result read_batch(struct ap_db_keys *k, GArray *list)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(ap_db_keys_need_kek(k));
	if (!k->old)
		return ap_fail(AP_ERR_DENIED, "conflict", "there is no turnover under way");
	struct ap_kek_id new_id = ap_kek_id(k->kek);
	while (k->cursor.kind < AP_TURN_KINDS) {
		AP_TRY(read_kind(k, &new_id, list));
		if (list->len > 0)
			break;
		k->cursor = (struct ap_turn_cursor){ .kind = k->cursor.kind + 1 };
	}
	if (list->len == 0) {
		k->cursor = (struct ap_turn_cursor){ 0 };
		return AP_SUCCESS;
	}
	const struct turning *last = &g_array_index(list, struct turning, list->len - 1);
	k->cursor.owner = last->owner;
	k->cursor.slot = last->slot;
	(void)ap_copy(k->cursor.public, 32, last->public, 32);
	return AP_SUCCESS;
}

/* ---- wrapping it ---- */

static struct ap_result wrap_seal(const struct ap_db_keys *k, struct turning *t)
{
	struct ap_secret *private = NULL;
	enum ap_role role = (enum ap_role)t->slot;
	AP_TRY(ap_seal_unwrap(k->old, &t->owner, role, t->public, &t->old, &private));
	struct ap_result r = ap_seal_wrap(k->kek, &t->owner, role, t->public, private, &t->wrapped);
	ap_secret_free(private);
	return r;
}

static struct ap_result wrap_proof(const struct ap_db_keys *k, struct turning *t)
{
	struct ap_secret *key = NULL;
	AP_TRY(ap_proof_unwrap(k->old, &t->owner, &t->old, &key));
	struct ap_result r = ap_proof_wrap(k->kek, &t->owner, key, &t->wrapped);
	ap_secret_free(key);
	return r;
}

static struct ap_result wrap_share(const struct ap_db_keys *k, struct turning *t, ap_db_keys_place place_of, void *ctx,
				   struct ap_secret *scratch)
{
	struct ap_wrap_place place;
	struct ap_result r = place_of(ctx, &t->owner, (enum ap_slot)t->slot, &place);
	if (r.err == AP_ERR_DENIED && strcmp(r.name, "not-found") == 0) {
		t->placed = false;
		return AP_SUCCESS;
	}
	AP_TRY(r);
	return ap_share_rewrap(k->old, k->kek, &place, &t->old, scratch, &t->wrapped);
}

/* Without the lock: only this thread changes the keys in a turnover. */
static struct ap_result wrap_all(const struct ap_db_keys *k, GArray *list, ap_db_keys_place place_of, void *ctx,
				 struct ap_secret *scratch)
{
	for (guint i = 0; i < list->len; i++) {
		struct turning *t = &g_array_index(list, struct turning, i);
		if (!t->placed)
			return ap_fail(AP_ERR_CRYPTO, "share", "a stored share has the wrong form");
		if (t->kind == AP_TURN_SHARES)
			AP_TRY(wrap_share(k, t, place_of, ctx, scratch));
		else
			AP_TRY(t->kind == AP_TURN_SEALS ? wrap_seal(k, t) : wrap_proof(k, t));
	}
	return AP_SUCCESS;
}

static struct ap_result wrap_batch(const struct ap_db_keys *k, GArray *list, ap_db_keys_place place_of, void *ctx)
{
	struct ap_secret *scratch = ap_secret_new(AP_SHARE);
	struct ap_result r = wrap_all(k, list, place_of, ctx, scratch);
	ap_secret_free(scratch);
	return r;
}

/* ---- writing it ---- */

/* One that was destroyed or replaced meanwhile has no such nonce any more, and stays as it is. */
static struct ap_result write_one(struct ap_db_keys *k, const struct turning *t)
{
	const struct ap_wrapped *w = &t->wrapped;
	if (t->kind == AP_TURN_PROOFS)
		return ap_db_run(k->db, "UPDATE proof_key SET kek_id = ?2, nonce = ?3, wrapped = ?4 WHERE session = ?1 AND nonce = ?5",
				 AP_VALUES(AP_V_UUID(&t->owner), AP_V_BLOB(w->kek_id.b, AP_KEK_ID), AP_V_BLOB(w->nonce, AP_WRAP_NONCE),
					   AP_V_BLOB(w->bytes, AP_WRAPPED), AP_V_BLOB(t->old.nonce, AP_WRAP_NONCE)));
	if (t->kind == AP_TURN_SEALS)
		return ap_db_run(k->db,
				 "UPDATE seal SET kek_id = ?4, nonce = ?5, wrapped = ?6"
				 " WHERE session = ?1 AND role = ?2 AND public = ?3 AND nonce = ?7",
				 AP_VALUES(AP_V_UUID(&t->owner), AP_V_INT(t->slot), AP_V_BLOB(t->public, 32),
					   AP_V_BLOB(w->kek_id.b, AP_KEK_ID), AP_V_BLOB(w->nonce, AP_WRAP_NONCE),
					   AP_V_BLOB(w->bytes, AP_WRAPPED), AP_V_BLOB(t->old.nonce, AP_WRAP_NONCE)));
	return ap_db_run(k->db,
			 "UPDATE share SET kek_id = ?3, nonce = ?4, wrapped = ?5 WHERE owner = ?1 AND slot = ?2 AND nonce = ?6",
			 AP_VALUES(AP_V_UUID(&t->owner), AP_V_INT(t->slot), AP_V_BLOB(w->kek_id.b, AP_KEK_ID),
				   AP_V_BLOB(w->nonce, AP_WRAP_NONCE), AP_V_BLOB(w->bytes, AP_WRAPPED),
				   AP_V_BLOB(t->old.nonce, AP_WRAP_NONCE)));
}

static struct ap_result write_all(struct ap_db_keys *k, const GArray *list, size_t *ret_wrapped)
{
	size_t wrapped = 0;
	for (guint i = 0; i < list->len; i++) {
		const struct turning *t = &g_array_index(list, struct turning, i);
		if (!t->placed)
			continue;
		AP_TRY(write_one(k, t));
		wrapped += (size_t)ap_db_changes(k->db);
	}
	*ret_wrapped = wrapped;
	return AP_SUCCESS;
}

static struct ap_result write_batch(struct ap_db_keys *k, const GArray *list, size_t *ret_wrapped)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(ap_db_begin(k->db));
	return ap_db_finish(k->db, write_all(k, list, ret_wrapped));
}

struct ap_result ap_db_keys_turn_batch(struct ap_db_keys *k, ap_db_keys_place place_of, void *ctx, size_t *ret_seen,
				       size_t *ret_wrapped)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(struct turning));
	size_t wrapped = 0;
	AP_TRY(read_batch(k, list));
	AP_TRY(wrap_batch(k, list, place_of, ctx));
	if (list->len > 0)
		AP_TRY(write_batch(k, list, &wrapped));
	*ret_seen = list->len;
	*ret_wrapped = wrapped;
	return AP_SUCCESS;
}

struct ap_result ap_db_keys_turn_end(struct ap_db_keys *k)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(ap_db_keys_need_kek(k));
	struct ap_kek_id id = ap_kek_id(k->kek);
	int64_t left = 0;
	AP_TRY(ap_db_count(k->db,
			   "SELECT (SELECT count(*) FROM share WHERE kek_id <> ?1) + (SELECT count(*) FROM seal WHERE kek_id <> ?1)"
			   " + (SELECT count(*) FROM proof_key WHERE kek_id <> ?1)",
			   AP_VALUES(AP_V_BLOB(id.b, AP_KEK_ID)), &left));
	if (left > 0)
		return ap_fail(AP_ERR_DENIED, "conflict", "shares are still under another key-encryption key");
	AP_TRY(ap_db_truncate_wal(k->db));
	g_clear_pointer(&k->old, ap_secret_free);
	return AP_SUCCESS;
}
