/*
 * Erasure: order, destroy the shares, remove the bytes, certify. Each step is durable before the next begins and
 * stands in erasure.step, so that a crash at any point is resumed at the next start.
 *
 *   ordered  row and leaf 0a, in the caller's transaction: from here on nobody reads the recording any more
 *   shares   slot 03 of the recording, slots 01/02 when no living recording or standing consent needs them, keys.db
 *            checkpointed to nothing: the bytes cannot be opened any more
 *   bytes    ciphertext removed, directory fsynced
 *   erased   leaf 0b, certificate (a receipt of that leaf, docs/FORMAT.md), recording.state = 'erased'
 *
 * A certificate's body carries `erased_at`, and `unrecoverable_at` "pending" with the `kek_id` it waits for: copies of
 * the wrapped shares made before are worthless once that key-encryption key was destroyed everywhere, which a key
 * turnover (leaf 0d) naming the same `kek_id` dates.
 *
 * Threads: as named at each function; everything but ap_erasure_order and _kick on the main thread.
 */
#pragma once

#include <aparte/err.h>
#include <aparte/uuid.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct ap_vault; /* recorder/vault.h */
struct ap_db;    /* recorder/db/db.h */

/* Why; the words stand in leaves and certificates. */
#define AP_ERASE_WITHDRAWAL "withdrawal"
#define AP_ERASE_REQUEST "request"
#define AP_ERASE_EXPIRY "expiry"
#define AP_ERASE_ADMIN "admin"

/*
 * Orders the erasure of one recording. Any thread, inside the caller's transaction on its own `db`; kick after COMMIT.
 * Success when it was ordered before. Errors: "not-found"; "held" (a hold is in force); "restricted", unless the
 * cause is a withdrawal; "conflict" while its capture still runs (state 'recording': close the gate first).
 */
struct ap_result ap_erasure_order(struct ap_vault *v, struct ap_db *db, const struct ap_uuid *recording,
				  const char *cause);

/* Works off at least one batch of open erasures (AP_ERASURE_BATCH), and has the rest done soon after, between what else is
 * due on the main thread. Goes on when one fails and returns the first failure; what is left is tried again by the
 * retention timer. */
struct ap_result ap_erasure_run(struct ap_vault *v);
/* Runs it on the main thread, soon. Any thread. */
void ap_erasure_kick(struct ap_vault *v);

/* Orders in a transaction of its own, runs, answers the certificate's JSON (g_free). */
struct ap_result ap_erasure_now(struct ap_vault *v, const struct ap_uuid *recording, const char *cause,
				char **ret_json);
/* Orders many (GArray of struct ap_uuid), some in each transaction, under the id of a batch that counts them; runs soon.
 * One that is held, restricted or still being made is left out. */
struct ap_result ap_erasure_order_many(struct ap_vault *v, const GArray *recordings, const char *cause,
				       const struct ap_uuid *batch);
/* The certificate once erased; "not-found" before. Once the key that wrapped its shares was turned over, with the members
 * "turnover" (that leaf's receipt) and "unrecoverable_at". */
struct ap_result ap_erasure_certificate(struct ap_vault *v, const struct ap_uuid *recording, char **ret_json);
/* Puts the second part beside a certificate's first: the receipt of the turnover's leaf as "turnover", and "unrecoverable_at".
 * *certificate is replaced. */
struct ap_result ap_erasure_date(struct ap_vault *v, int64_t turnover_leaf, int64_t unrecoverable_ms, char **certificate);
/* A hold or restriction ended: orders what withdrawn consents had wanted erased meanwhile, and runs. */
struct ap_result ap_erasure_catch_up(struct ap_vault *v, const struct ap_uuid *recording);
