#include <recorder/keys/db_keys_private.h>

#include <aparte/buf.h>
#include <recorder/ledger/merkle.h>

static struct ap_secret *copy_of(const struct ap_secret *secret)
{
	return secret ? ap_secret_from(ap_secret_bytes(secret), ap_secret_len(secret)) : NULL;
}

struct ap_result ap_db_keys_open(const char *path, const struct ap_secret *kek, const struct ap_clock *clock,
				 struct ap_db_keys **ret_db)
{
	struct ap_db *db = NULL;
	AP_TRY(ap_db_open(path, ap_schema_keys, &db));
	struct ap_result whole = ap_db_check(db);
	if (!ap_ok(whole)) {
		ap_db_close(db);
		return whole;
	}
	struct ap_db_keys *k = g_new0(struct ap_db_keys, 1);
	k->kek = copy_of(kek);
	k->clock = clock;
	k->db = db;
	g_mutex_init(&k->mutex);
	g_cond_init(&k->returned);
	*ret_db = k;
	return AP_SUCCESS;
}

void ap_db_keys_free(struct ap_db_keys *k)
{
	if (!k)
		return;
	ap_db_close(k->db);
	ap_secret_free(k->kek);
	ap_secret_free(k->old);
	g_mutex_clear(&k->mutex);
	g_cond_clear(&k->returned);
	g_free(k);
}

struct ap_result ap_db_keys_need_kek(const struct ap_db_keys *k)
{
	if (k->locked)
		return ap_fail(AP_ERR_DENIED, "lockdown", "the vault is locked down: no recording can be opened or begun");
	return k->kek ? AP_SUCCESS : ap_fail(AP_ERR_CRYPTO, "kek", "there is no key-encryption key");
}

const struct ap_secret *ap_db_keys_kek_of(const struct ap_db_keys *k, const struct ap_wrapped *wrapped)
{
	if (!k->old)
		return k->kek;
	struct ap_kek_id old = ap_kek_id(k->old);
	return ap_kek_id_equal(&old, &wrapped->kek_id) ? k->old : k->kek;
}

struct ap_result ap_db_keys_kek_id(struct ap_db_keys *k, struct ap_kek_id *ret_id)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(ap_db_keys_need_kek(k));
	*ret_id = ap_kek_id(k->kek);
	return AP_SUCCESS;
}

void ap_db_keys_set_kek(struct ap_db_keys *k, const struct ap_secret *kek)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	ap_secret_free(k->kek);
	k->kek = copy_of(kek);
	k->locked = false;
}

void ap_db_keys_lock(struct ap_db_keys *k)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	g_clear_pointer(&k->kek, ap_secret_free);
	g_clear_pointer(&k->old, ap_secret_free);
	k->locked = true;
}

/* VACUUM first: when SQLite splits or joins pages, a copy of a moved row can stay in their unused middle, which
 * secure_delete does not wipe (measured: 2 rows in 18,000). The rewritten file holds live rows alone; the checkpoint
 * then empties the log. */
struct ap_result ap_db_keys_purge_held(struct ap_db_keys *k)
{
	AP_TRY(ap_db_run(k->db, "VACUUM", AP_NO_VALUES));
	AP_TRY(ap_db_truncate_wal(k->db));
	k->owed = false;
	return AP_SUCCESS;
}

/* Now, or soon where that was said. */
static struct ap_result purge_or_owe(struct ap_db_keys *k)
{
	k->owed = true;
	return k->defer ? AP_SUCCESS : ap_db_keys_purge_held(k);
}

struct ap_result ap_db_keys_purge(struct ap_db_keys *k)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	return ap_db_keys_purge_held(k);
}

void ap_db_keys_defer(struct ap_db_keys *k, bool on)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	k->defer = on;
}

struct ap_result ap_db_keys_purge_owed(struct ap_db_keys *k)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	return k->owed ? ap_db_keys_purge_held(k) : AP_SUCCESS;
}

/* ---- shares ---- */

static const struct ap_uuid *owner_of(const struct ap_wrap_place *place)
{
	return place->slot == AP_SLOT_VAULT ? &place->recording : &place->record_id;
}

static struct ap_result put(struct ap_db_keys *k, const struct ap_wrap_place *place, const struct ap_secret *share)
{
	struct ap_wrapped wrapped;
	AP_TRY(ap_db_keys_need_kek(k));
	AP_TRY(ap_share_wrap(k->kek, place, share, &wrapped));
	AP_TRY(ap_db_run(k->db,
			 "INSERT INTO share (owner, slot, session, kek_id, nonce, wrapped, created_ms)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (owner, slot) DO UPDATE SET"
			 " session = ?3, kek_id = ?4, nonce = ?5, wrapped = ?6, created_ms = ?7 WHERE pending = 1",
			 AP_VALUES(AP_V_UUID(owner_of(place)), AP_V_INT(place->slot), AP_V_UUID(&place->session),
				   AP_V_BLOB(wrapped.kek_id.b, AP_KEK_ID), AP_V_BLOB(wrapped.nonce, AP_WRAP_NONCE),
				   AP_V_BLOB(wrapped.bytes, AP_WRAPPED), AP_V_INT(ap_wall_ms(k->clock)))));
	if (ap_db_changes(k->db) == 0)
		return ap_fail(AP_ERR_DENIED, "conflict", "this share is already kept");
	return AP_SUCCESS;
}

struct ap_result ap_db_keys_put(struct ap_db_keys *k, const struct ap_wrap_place *place, const struct ap_secret *share)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	return put(k, place, share);
}

static struct ap_result confirm(struct ap_db_keys *k, const struct ap_uuid *owner, enum ap_slot slot)
{
	AP_TRY(ap_db_run(k->db, "UPDATE share SET pending = 0 WHERE owner = ?1 AND slot = ?2",
			 AP_VALUES(AP_V_UUID(owner), AP_V_INT(slot))));
	if (ap_db_changes(k->db) == 0)
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such share");
	return AP_SUCCESS;
}

struct ap_result ap_db_keys_confirm(struct ap_db_keys *k, const struct ap_uuid *owner, enum ap_slot slot)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	return confirm(k, owner, slot);
}

/* ---- many at once ---- */

static struct ap_result put_all(struct ap_db_keys *k, const struct ap_share_give *gives, size_t count)
{
	for (size_t i = 0; i < count; i++)
		AP_TRY(put(k, &gives[i].place, gives[i].share));
	return AP_SUCCESS;
}

struct ap_result ap_db_keys_put_many(struct ap_db_keys *k, const struct ap_share_give *gives, size_t count)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(ap_db_begin(k->db));
	return ap_db_finish(k->db, put_all(k, gives, count));
}

static struct ap_result destroy_seals(struct ap_db_keys *k, const struct ap_uuid *session, int role)
{
	return ap_db_run(k->db, "DELETE FROM seal WHERE session = ?1 AND (?2 = 0 OR role = ?2)",
			 AP_VALUES(AP_V_UUID(session), AP_V_INT(role)));
}

static struct ap_result confirm_all(struct ap_db_keys *k, const struct ap_share_give *gives, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		AP_TRY(confirm(k, owner_of(&gives[i].place), gives[i].place.slot));
		AP_TRY(destroy_seals(k, &gives[i].place.session, (int)gives[i].role));
	}
	return AP_SUCCESS;
}

struct ap_result ap_db_keys_confirm_many(struct ap_db_keys *k, const struct ap_share_give *gives, size_t count)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(ap_db_begin(k->db));
	AP_TRY(ap_db_finish(k->db, confirm_all(k, gives, count)));
	return purge_or_owe(k);
}

/* kek_id, nonce, wrapped in columns 0 to 2. */
bool ap_db_keys_row(struct ap_rows *rows, struct ap_wrapped *ret)
{
	return ap_row_bytes(rows, 0, ret->kek_id.b, AP_KEK_ID) && ap_row_bytes(rows, 1, ret->nonce, AP_WRAP_NONCE) &&
	       ap_row_bytes(rows, 2, ret->bytes, AP_WRAPPED);
}

static struct ap_result peek(struct ap_db_keys *k, const struct ap_uuid *owner, enum ap_slot slot,
			     struct ap_wrapped *ret_wrapped)
{
	struct ap_wrapped wrapped;
	struct ap_rows *rows = ap_db_query(k->db, "SELECT kek_id, nonce, wrapped FROM share WHERE owner = ?1 AND slot = ?2",
					   AP_VALUES(AP_V_UUID(owner), AP_V_INT(slot)));
	bool found = ap_rows_next(rows) && ap_db_keys_row(rows, &wrapped);
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_wrapped = wrapped;
	return AP_SUCCESS;
}

struct ap_result ap_db_keys_peek(struct ap_db_keys *k, const struct ap_uuid *owner, enum ap_slot slot,
				 struct ap_wrapped *ret_wrapped)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	return peek(k, owner, slot, ret_wrapped);
}

struct ap_result ap_db_keys_get(struct ap_db_keys *k, const struct ap_wrap_place *place, struct ap_secret **ret_share)
{
	struct ap_wrapped wrapped;
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(ap_db_keys_need_kek(k));
	AP_TRY(peek(k, owner_of(place), place->slot, &wrapped));
	return ap_share_unwrap(ap_db_keys_kek_of(k, &wrapped), place, &wrapped, ret_share);
}

struct ap_result ap_db_keys_destroy(struct ap_db_keys *k, const struct ap_uuid *owner, enum ap_slot slot)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(ap_db_run(k->db, "DELETE FROM share WHERE owner = ?1 AND slot = ?2",
			 AP_VALUES(AP_V_UUID(owner), AP_V_INT(slot))));
	return purge_or_owe(k);
}

static struct ap_result delete_all(struct ap_db_keys *k, const struct ap_share_name *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		AP_TRY(ap_db_run(k->db, "DELETE FROM share WHERE owner = ?1 AND slot = ?2",
				 AP_VALUES(AP_V_UUID(&names[i].owner), AP_V_INT(names[i].slot))));
	return AP_SUCCESS;
}

struct ap_result ap_db_keys_destroy_many(struct ap_db_keys *k, const struct ap_share_name *names, size_t count)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(ap_db_begin(k->db));
	AP_TRY(ap_db_finish(k->db, delete_all(k, names, count)));
	return ap_db_keys_purge_held(k);
}

struct ap_result ap_db_keys_destroy_session(struct ap_db_keys *k, const struct ap_uuid *session)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(ap_db_run(k->db, "DELETE FROM share WHERE session = ?1", AP_VALUES(AP_V_UUID(session))));
	return ap_db_keys_purge_held(k);
}

struct ap_result ap_db_keys_pending(struct ap_db_keys *k, struct ap_pending_share *ret_rows, size_t max,
				    size_t *ret_count)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	size_t count = 0;
	struct ap_rows *rows = ap_db_query(k->db,
					   "SELECT owner, slot, session, created_ms FROM share WHERE pending = 1"
					   " ORDER BY created_ms LIMIT ?1",
					   AP_VALUES(AP_V_INT(max)));
	for (; count < max && ap_rows_next(rows); count++)
		ret_rows[count] = (struct ap_pending_share){ .owner = ap_row_uuid(rows, 0),
							     .slot = (enum ap_slot)ap_row_int(rows, 1),
							     .session = ap_row_uuid(rows, 2),
							     .created_ms = ap_row_int(rows, 3) };
	AP_TRY(ap_rows_end(rows));
	*ret_count = count;
	return AP_SUCCESS;
}

/* ---- seal keys ---- */

static struct ap_result seal_make(struct ap_db_keys *k, const struct ap_uuid *session, enum ap_role role,
				  uint8_t ret_public[32])
{
	struct ap_wrapped wrapped;
	AP_TRY(ap_db_keys_need_kek(k));
	struct ap_secret *private = ap_secret_random(32);
	struct ap_age_recipient public = ap_age_identity_recipient(private);
	struct ap_result result = ap_seal_wrap(k->kek, session, role, public.b, private, &wrapped);
	ap_secret_free(private);
	AP_TRY(result);
	AP_TRY(ap_db_run(k->db,
			 "INSERT INTO seal (session, role, public, kek_id, nonce, wrapped, created_ms)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
			 AP_VALUES(AP_V_UUID(session), AP_V_INT(role), AP_V_BLOB(public.b, 32),
				   AP_V_BLOB(wrapped.kek_id.b, AP_KEK_ID), AP_V_BLOB(wrapped.nonce, AP_WRAP_NONCE),
				   AP_V_BLOB(wrapped.bytes, AP_WRAPPED), AP_V_INT(ap_wall_ms(k->clock)))));
	(void)ap_copy(ret_public, 32, public.b, 32);
	return AP_SUCCESS;
}

struct ap_result ap_db_keys_seal(struct ap_db_keys *k, const struct ap_uuid *session, enum ap_role role,
				 uint8_t ret_public[32])
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	uint8_t public[32];
	struct ap_rows *rows = ap_db_query(k->db,
					   "SELECT public FROM seal WHERE session = ?1 AND role = ?2"
					   " ORDER BY created_ms DESC LIMIT 1",
					   AP_VALUES(AP_V_UUID(session), AP_V_INT(role)));
	bool found = ap_rows_next(rows) && ap_row_bytes(rows, 0, public, sizeof public);
	AP_TRY(ap_rows_end(rows));
	if (!found)
		return seal_make(k, session, role, ret_public);
	(void)ap_copy(ret_public, 32, public, sizeof public);
	return AP_SUCCESS;
}

struct ap_result ap_db_keys_seal_open(struct ap_db_keys *k, const struct ap_uuid *session, enum ap_role role,
				      const uint8_t public[32], struct ap_secret **ret_private)
{
	struct ap_wrapped wrapped;
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(ap_db_keys_need_kek(k));
	struct ap_rows *rows = ap_db_query(k->db,
					   "SELECT kek_id, nonce, wrapped FROM seal"
					   " WHERE session = ?1 AND role = ?2 AND public = ?3",
					   AP_VALUES(AP_V_UUID(session), AP_V_INT(role), AP_V_BLOB(public, 32)));
	bool found = ap_rows_next(rows) && ap_db_keys_row(rows, &wrapped);
	AP_TRY(ap_rows_end_found(rows, found));
	return ap_seal_unwrap(ap_db_keys_kek_of(k, &wrapped), session, role, public, &wrapped, ret_private);
}

struct ap_result ap_db_keys_seal_destroy(struct ap_db_keys *k, const struct ap_uuid *session, int role)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(destroy_seals(k, session, role));
	return purge_or_owe(k);
}

/* ---- the sweep ---- */

static struct ap_result rows_of(struct ap_db_keys *k, const char *sql, GArray **ret_rows)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(struct ap_key_row));
	struct ap_rows *rows = ap_db_query(k->db, sql, AP_NO_VALUES);
	while (ap_rows_next(rows)) {
		struct ap_key_row row = { ap_row_uuid(rows, 0), (enum ap_slot)ap_row_int(rows, 1), ap_row_int(rows, 2) != 0 };
		g_array_append_val(list, row);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_rows = g_steal_pointer(&list);
	return AP_SUCCESS;
}

static struct ap_result sweep_shares(struct ap_db_keys *k, const struct ap_key_judges *judges)
{
	g_autoptr(GArray) list = NULL;
	AP_TRY(rows_of(k, "SELECT owner, slot, pending FROM share", &list));
	for (guint i = 0; i < list->len; i++) {
		const struct ap_key_row *row = &g_array_index(list, struct ap_key_row, i);
		enum ap_key_verdict verdict;
		AP_TRY(judges->share(judges->ctx, row, &verdict));
		if (verdict == AP_KEY_CONFIRM && !row->pending)
			continue;
		AP_TRY(ap_db_run(k->db,
				 verdict == AP_KEY_DESTROY ? "DELETE FROM share WHERE owner = ?1 AND slot = ?2" :
							     "UPDATE share SET pending = 0 WHERE owner = ?1 AND slot = ?2",
				 AP_VALUES(AP_V_UUID(&row->owner), AP_V_INT(row->slot))));
	}
	return AP_SUCCESS;
}

static struct ap_result sweep_all(struct ap_db_keys *k, const struct ap_key_judges *judges)
{
	g_autoptr(GArray) list = NULL;
	AP_TRY(sweep_shares(k, judges));
	AP_TRY(rows_of(k, "SELECT DISTINCT session, 0, 0 FROM seal", &list));
	for (guint i = 0; i < list->len; i++) {
		const struct ap_key_row *row = &g_array_index(list, struct ap_key_row, i);
		enum ap_key_verdict verdict;
		AP_TRY(judges->seal(judges->ctx, row, &verdict));
		if (verdict == AP_KEY_DESTROY)
			AP_TRY(ap_db_run(k->db, "DELETE FROM seal WHERE session = ?1", AP_VALUES(AP_V_UUID(&row->owner))));
	}
	return AP_SUCCESS;
}

struct ap_result ap_db_keys_sweep(struct ap_db_keys *k, const struct ap_key_judges *judges)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(ap_db_begin(k->db));
	AP_TRY(ap_db_finish(k->db, sweep_all(k, judges)));
	return ap_db_keys_purge_held(k);
}

/* ---- the vault's own keys ---- */

static struct ap_result server_get(struct ap_db_keys *k, const char *name, struct ap_secret **ret_secret)
{
	size_t len = 0;
	struct ap_secret *secret = NULL;
	struct ap_rows *rows =
		ap_db_query(k->db, "SELECT secret FROM server_key WHERE name = ?1", AP_VALUES(AP_V_TEXT(name)));
	if (ap_rows_next(rows)) {
		const uint8_t *bytes = ap_row_blob(rows, 0, &len);
		secret = len > 0 ? ap_secret_from(bytes, len) : NULL;
	}
	struct ap_result result = ap_rows_end_found(rows, secret != NULL);
	if (ap_ok(result))
		*ret_secret = secret;
	else
		ap_secret_free(secret);
	return result;
}

static struct ap_result server_set(struct ap_db_keys *k, const char *name, const struct ap_secret *secret)
{
	return ap_db_run(k->db,
			 "INSERT INTO server_key (name, secret) VALUES (?1, ?2)"
			 " ON CONFLICT (name) DO UPDATE SET secret = ?2",
			 AP_VALUES(AP_V_TEXT(name), AP_V_BLOB(ap_secret_bytes(secret), ap_secret_len(secret))));
}

struct ap_result ap_db_keys_server(struct ap_db_keys *k, const char *name, struct ap_secret **ret_secret)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	struct ap_result result = server_get(k, name, ret_secret);
	if (result.err != AP_ERR_DENIED)
		return result;
	struct ap_secret *secret = ap_secret_random(32);
	result = server_set(k, name, secret);
	if (ap_ok(result))
		*ret_secret = secret;
	else
		ap_secret_free(secret);
	return result;
}

struct ap_result ap_db_keys_server_get(struct ap_db_keys *k, const char *name, struct ap_secret **ret_secret)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	return server_get(k, name, ret_secret);
}

struct ap_result ap_db_keys_server_set(struct ap_db_keys *k, const char *name, const struct ap_secret *secret)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	if (ap_secret_len(secret) > 64)
		return ap_fail(AP_ERR_LIMIT, "too-large", "a server key has at most 64 bytes");
	return server_set(k, name, secret);
}

struct ap_result ap_db_keys_server_destroy(struct ap_db_keys *k, const char *name)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(ap_db_run(k->db, "DELETE FROM server_key WHERE name = ?1", AP_VALUES(AP_V_TEXT(name))));
	return ap_db_keys_purge_held(k);
}

/* ---- the highest checkpoint known ---- */

static struct ap_result known_get(struct ap_db_keys *k, uint64_t *ret_size, struct ap_hash *ret_root)
{
	uint64_t size = 0;
	struct ap_hash root = ap_merkle_empty_root();
	struct ap_rows *rows = ap_db_query(k->db, "SELECT size, root FROM known_checkpoint WHERE id = 1", AP_NO_VALUES);
	if (ap_rows_next(rows)) {
		size = (uint64_t)ap_row_int(rows, 0);
		(void)ap_row_bytes(rows, 1, root.b, sizeof root.b);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_size = size;
	*ret_root = root;
	return AP_SUCCESS;
}

struct ap_result ap_db_keys_known_get(struct ap_db_keys *k, uint64_t *ret_size, struct ap_hash *ret_root)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	return known_get(k, ret_size, ret_root);
}

struct ap_result ap_db_keys_known_set(struct ap_db_keys *k, uint64_t size, const struct ap_hash *root)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	uint64_t known = 0;
	struct ap_hash known_root;
	AP_TRY(known_get(k, &known, &known_root));
	if (size < known || (size == known && size > 0 && !ap_hash_equal(root, &known_root)))
		return ap_fail(AP_ERR_DENIED, "ledger", "the log is behind, or other than, the highest checkpoint known");
	return ap_db_run(k->db,
			 "INSERT INTO known_checkpoint (id, size, root) VALUES (1, ?1, ?2)"
			 " ON CONFLICT (id) DO UPDATE SET size = ?1, root = ?2",
			 AP_VALUES(AP_V_INT(size), AP_V_BLOB(root->b, AP_HASH)));
}
