/*
 * keys.db: wrapped shares, seal keys and the vault's own keys (recorder/schema/keys-*.sql), apart from vault.db so
 * that destroying a share leaves no trace in any file.
 *
 * One connection behind one mutex; every statement is reset before its function returns, so no reader lingers and a
 * truncating checkpoint can succeed. Order of a give: ap_db_keys_put (pending), then the commit of consent and leaf
 * in vault.db, then ap_db_keys_confirm; at start, pending rows whose owner vault.db does not hold are destroyed.
 * The wrap is bound to the consent's leaf hash: compute the leaf before wrapping.
 *
 * Ownership: as named. Threads: any. Errors: AP_ERR_IO "database", AP_ERR_DENIED "not-found", AP_ERR_CRYPTO "kek" /
 * "share", AP_ERR_IO "database-busy" (a checkpoint stayed busy). Outputs untouched on failure.
 */
#pragma once

#include <aparte/clock.h>
#include <recorder/keys/keys.h>

struct ap_db_keys; /* opaque */

/* Opens or makes the file (0600), migrates. The KEK is copied; NULL opens it for erasure alone. */
struct ap_result ap_db_keys_open(const char *path, const struct ap_secret *kek, const struct ap_clock *clock,
				 struct ap_db_keys **ret_db);
void ap_db_keys_free(struct ap_db_keys *db);

/* ---- the key-encryption key in memory ---- */

/* Of the one that new shares are wrapped under; "kek" without one, "lockdown" (AP_ERR_DENIED) once locked. */
struct ap_result ap_db_keys_kek_id(struct ap_db_keys *db, struct ap_kek_id *ret_id);
/* Of the one before it, in a turnover; "conflict" otherwise. */
struct ap_result ap_db_keys_old_kek_id(struct ap_db_keys *db, struct ap_kek_id *ret_id);
/* Shares, seal keys and keys of proofs that there are. */
struct ap_result ap_db_keys_count(struct ap_db_keys *db, int64_t *ret_count);
/* The key in use, followed in a turnover by the one before it: 32 or 64 bytes, the caller's. For the escrow alone. */
struct ap_result ap_db_keys_copy_keks(struct ap_db_keys *db, struct ap_secret **ret_keks);
/* After a lockdown: copied. */
void ap_db_keys_set_kek(struct ap_db_keys *db, const struct ap_secret *kek);
/* Lockdown: wipes every key-encryption key from memory. What needs one fails "lockdown"; the rest goes on. */
void ap_db_keys_lock(struct ap_db_keys *db);

/*
 * A copy of the key for what runs on another thread (a backup's proof), until it is returned: freed by that. "kek",
 * "lockdown", "conflict" in a turnover. The borrower looks at ap_db_keys_recalled between its steps. db_keys_loan.c.
 */
struct ap_result ap_db_keys_lend(struct ap_db_keys *db, struct ap_secret **ret_kek);
void ap_db_keys_return(struct ap_db_keys *db, struct ap_secret *kek); /* NULL is fine */
bool ap_db_keys_recalled(struct ap_db_keys *db);
unsigned ap_db_keys_lent(struct ap_db_keys *db); /* copies that are not back */
/* In a lockdown, and before a turnover forgets the old key: waits until every copy is back, 10 s at most ("kek-lent"). */
struct ap_result ap_db_keys_recall(struct ap_db_keys *db);

/* ---- shares. owner = record_id of the give (slots 1, 2), recording (slot 3) ---- */

/*
 * Wraps and stores, pending. The owner is place->record_id or place->recording by slot. A pending row of the same
 * owner and slot is replaced (an attempt that failed); a confirmed one is not: AP_ERR_DENIED "conflict".
 */
struct ap_result ap_db_keys_put(struct ap_db_keys *db, const struct ap_wrap_place *place, const struct ap_secret *share);
struct ap_result ap_db_keys_confirm(struct ap_db_keys *db, const struct ap_uuid *owner, enum ap_slot slot);
/* A give's share on its way. */
struct ap_share_give {
	struct ap_wrap_place place;    /* a person's: slot 1 or 2 */
	const struct ap_secret *share; /* borrowed */
	enum ap_role role;	       /* of the seal key that it came under */
};
/* The same for many at once: put in one transaction, all or none; and once vault.db holds their consents, confirmed, their seal
 * keys destroyed, in another. */
struct ap_result ap_db_keys_put_many(struct ap_db_keys *db, const struct ap_share_give *gives, size_t count);
struct ap_result ap_db_keys_confirm_many(struct ap_db_keys *db, const struct ap_share_give *gives, size_t count);
/* Unwraps. The caller checks a person's commitment again (ap_share_commitment). */
struct ap_result ap_db_keys_get(struct ap_db_keys *db, const struct ap_wrap_place *place, struct ap_secret **ret_share);
/* The wrapped row as it lies in the file: for noting before an erasure, in tests and doctor. */
struct ap_result ap_db_keys_peek(struct ap_db_keys *db, const struct ap_uuid *owner, enum ap_slot slot,
				 struct ap_wrapped *ret_wrapped);

/* Each destroy ends with ap_db_keys_purge, a single one later where ap_db_keys_defer said so; nothing there is success, so
 * an erasure can be resumed. */
struct ap_result ap_db_keys_destroy(struct ap_db_keys *db, const struct ap_uuid *owner, enum ap_slot slot);
struct ap_share_name {
	struct ap_uuid owner;
	enum ap_slot slot;
};
/* Many in one transaction and one purge: all or none. */
struct ap_result ap_db_keys_destroy_many(struct ap_db_keys *db, const struct ap_share_name *names, size_t count);
struct ap_result ap_db_keys_destroy_session(struct ap_db_keys *db, const struct ap_uuid *session);
/*
 * A purge rewrites the file: half a second with 300,000 shares, which the gate must not wait for at every give. Deferred, a
 * single destruction (a replaced share, a spent seal key) deletes its row and is purged by ap_db_keys_purge_owed; what an
 * erasure destroys (ap_db_keys_destroy_many) is purged at once in any case, and so is everything at the next start.
 */
void ap_db_keys_defer(struct ap_db_keys *db, bool on);
struct ap_result ap_db_keys_purge_owed(struct ap_db_keys *db);
/* Rewrites the file, then wal_checkpoint(TRUNCATE), waiting up to 5 s for a reader from elsewhere. On failure: again. */
struct ap_result ap_db_keys_purge(struct ap_db_keys *db);

struct ap_pending_share {
	struct ap_uuid owner;
	enum ap_slot slot;
	struct ap_uuid session;
	int64_t created_ms;
};

/* At most `max` pending rows, oldest first. */
struct ap_result ap_db_keys_pending(struct ap_db_keys *db, struct ap_pending_share *ret_rows, size_t max,
				    size_t *ret_count);

/* ---- seal keys: X25519 pairs of the notice answers, per session and party, wrapped under the KEK ---- */

/* The public half of the newest pair; makes one when there is none. */
struct ap_result ap_db_keys_seal(struct ap_db_keys *db, const struct ap_uuid *session, enum ap_role role,
				 uint8_t ret_public[32]);
/* The private half belonging to a public one ("not-found" when destroyed or never made). */
struct ap_result ap_db_keys_seal_open(struct ap_db_keys *db, const struct ap_uuid *session, enum ap_role role,
				      const uint8_t public[32], struct ap_secret **ret_private);
/* After use, or at a session's end (role 0: both parties). Ends with a purge. */
struct ap_result ap_db_keys_seal_destroy(struct ap_db_keys *db, const struct ap_uuid *session, int role);

/* ---- keys of sealed proofs of consent (recorder/proof/proof.h), per session, wrapped under the KEK ---- */

/* Makes those that are not there yet (random, 32 bytes), all in one transaction. */
struct ap_result ap_db_keys_proof_make(struct ap_db_keys *db, const struct ap_uuid *sessions, size_t count);
/* "not-found" when it was destroyed or never made. */
struct ap_result ap_db_keys_proof_get(struct ap_db_keys *db, const struct ap_uuid *session, struct ap_secret **ret_key);
/* All or none, then a purge; what is not there is success. */
struct ap_result ap_db_keys_proof_destroy(struct ap_db_keys *db, const struct ap_uuid *sessions, size_t count);

/* ---- the sweep at the start ---- */

struct ap_key_row {
	struct ap_uuid owner; /* of a seal key: its session */
	enum ap_slot slot;    /* of a share */
	bool pending;
};

enum ap_key_verdict { AP_KEY_CONFIRM, AP_KEY_DESTROY };

/* Asked under this object's lock: they must not call back into it. A failure keeps everything. */
struct ap_key_judges {
	struct ap_result (*share)(void *ctx, const struct ap_key_row *row, enum ap_key_verdict *ret_verdict);
	struct ap_result (*seal)(void *ctx, const struct ap_key_row *row, enum ap_key_verdict *ret_verdict);
	void *ctx;
};

/* Every share and seal key is confirmed or destroyed as judged, in one transaction; then a purge in any case. */
struct ap_result ap_db_keys_sweep(struct ap_db_keys *db, const struct ap_key_judges *judges);

/* ---- turnover of the key-encryption key ---- */

/* Where a stored share belongs (from vault.db); "not-found" when vault.db does not hold it. Called without any lock. */
typedef struct ap_result (*ap_db_keys_place)(void *ctx, const struct ap_uuid *owner, enum ap_slot slot,
					     struct ap_wrap_place *ret_place);

#define AP_TURN_BATCH 1000

/*
 * Begins one, or goes on with one that a crash ended: what comes is wrapped under new_kek, what lies under the KEK so far
 * stays readable until ap_db_keys_turn_end. new_kek is copied, and must be durable before. One thread calls all three.
 */
struct ap_result ap_db_keys_turn_begin(struct ap_db_keys *db, const struct ap_secret *new_kek);
bool ap_db_keys_turning(struct ap_db_keys *db);
/*
 * Wraps at most AP_TURN_BATCH shares, seal keys or keys of proofs anew; the lock is held to read them and to write them, not while they
 * are wrapped. *ret_seen is how many it looked at: 0 at the end of a pass. A row without place is left for the next pass
 * (a give whose transaction is still open).
 */
struct ap_result ap_db_keys_turn_batch(struct ap_db_keys *db, ap_db_keys_place place_of, void *ctx, size_t *ret_seen,
				       size_t *ret_wrapped);
/* Forgets the old KEK: "conflict" (AP_ERR_DENIED) while anything is under another than the new one; then empties the
 * write-ahead log. The old one's own keeping place is destroyed after this, not before. */
struct ap_result ap_db_keys_turn_end(struct ap_db_keys *db);

/* ---- the vault's own keys: 32 random bytes each, not under the KEK ---- */

struct ap_result ap_db_keys_server(struct ap_db_keys *db, const char *name, struct ap_secret **ret_secret);
/* Stores or replaces a secret made elsewhere (a user's TOTP secret: "totp:<user>"), 1..64 bytes. */
struct ap_result ap_db_keys_server_set(struct ap_db_keys *db, const char *name, const struct ap_secret *secret);
/* As _server, but "not-found" instead of making one. */
struct ap_result ap_db_keys_server_get(struct ap_db_keys *db, const char *name, struct ap_secret **ret_secret);
struct ap_result ap_db_keys_server_destroy(struct ap_db_keys *db, const char *name);

/* ---- the highest checkpoint known ---- */

/* size 0 and the empty tree's root when none was kept. */
struct ap_result ap_db_keys_known_get(struct ap_db_keys *db, uint64_t *ret_size, struct ap_hash *ret_root);
/* Refuses to go backwards: AP_ERR_DENIED "ledger". */
struct ap_result ap_db_keys_known_set(struct ap_db_keys *db, uint64_t size, const struct ap_hash *root);
