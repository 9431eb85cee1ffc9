/*
 * Erasure: order, destroy the shares, remove the bytes, certify. Each step is durable before the next begins and
 * stands in erasure.step, so that a crash at any point is resumed at the next start.
 *
 *   ordered  row and leaf 0a, in the caller's transaction          (ap_erasure_order, any thread's database)
 *   shares   slot 03 of the recording, slots 01/02 when no living recording needs them, keys.db checkpointed to
 *            nothing: from here the bytes cannot be opened any more
 *   bytes    ciphertext removed, directory fsynced
 *   erased   leaf 0b, certificate (a receipt of that leaf, docs/FORMAT.md), recording.state = 'erased'
 *
 * A certificate's body carries `erased_at`, and `unrecoverable_at`: null until the key-encryption key that wrapped
 * the shares was destroyed everywhere, which a key turnover (leaf 0d) dates.
 *
 * Threads: the object lives on the vault's main thread; ap_erasure_order is safe on any thread with that thread's
 * own database, ap_erasure_kick on any thread.
 */
#pragma once

#include <aparte/err.h>
#include <aparte/uuid.h>
#include <stdint.h>

struct ap_vault;   /* recorder/vault.h */
struct ap_db;	   /* recorder/db.h */
struct ap_erasure; /* opaque */

/* Why; the words stand in leaves and certificates. */
#define AP_ERASE_WITHDRAWAL "withdrawal"
#define AP_ERASE_REQUEST "request"
#define AP_ERASE_EXPIRY "expiry"
#define AP_ERASE_ADMIN "admin"

/* `vault` and `db` (the main thread's) are borrowed and outlive it. */
struct ap_erasure *ap_erasure_new(struct ap_vault *vault, struct ap_db *db);
void ap_erasure_free(struct ap_erasure *e);

/*
 * Orders the erasure of one recording. The caller holds an IMMEDIATE transaction on `db`, and kicks after COMMIT.
 * Success when it was ordered before. Errors: "not-found"; "held" (a confirmed hold is in force), "restricted"
 * unless the cause is a withdrawal; "conflict" while its capture still runs (state 'recording': close it first).
 */
struct ap_result ap_erasure_order(struct ap_vault *vault, struct ap_db *db, const struct ap_uuid *recording,
				  const char *cause);

/* Orders every recording of a session that can be erased (those held are left and stay counted in ret_held).
 * Same transaction rule. Recordings still in state 'recording' are skipped: order them once they are sealed. */
struct ap_result ap_erasure_order_session(struct ap_vault *vault, struct ap_db *db, const struct ap_uuid *session,
					  const char *cause, unsigned *ret_ordered, unsigned *ret_held);

/* Wakes the main thread to work off what was ordered. Any thread, at any time; NULL is fine. */
void ap_erasure_kick(struct ap_erasure *e);

/* Works off all open erasures now, on the main thread (at start, from the scheduler, before an answer that carries a
 * certificate). Stops at the first failure, which is retried by the next kick or after a second. */
struct ap_result ap_erasure_run(struct ap_erasure *e);

/* The certificate's JSON text (g_free) once erased; "not-found" before. */
struct ap_result ap_erasure_certificate(struct ap_db *db, const struct ap_uuid *recording, char **ret_json);

/* Open erasures (ordered, not yet erased). */
unsigned ap_erasure_pending(struct ap_db *db);
