/*
 * The transparency log of this vault: a Merkle tree (RFC 6962) of 34-byte leaves in vault.db (docs/FORMAT.md, Log).
 *
 * A leaf is appended inside the caller's transaction, so what happened and its leaf become durable together.
 * Checkpoints are signed only for what is committed. At start the tree is compared with the highest checkpoint known
 * in keys.db; when it is behind or different the ledger is `stopped`: nothing is signed or appended any more. A witness
 * that knows more or other than we stops it at run time (recorder/ledger/witness.h).
 *
 * Threads: any; `db` is the calling thread's connection to vault.db. The signing key stays inside.
 */
#pragma once

#include "recorder/db/db.h"
#include "recorder/ledger/leaf.h"

#include <aparte/clock.h>
#include <json-glib/json-glib.h>

struct ap_ledger; /* opaque */
struct ap_db_keys; /* recorder/keys/db_keys.h */

/* `origin` is the log's name ("host/aparte/log/1"); keys (log key, known checkpoint) and clock are borrowed.
 * Comparing with the known checkpoint may leave the ledger stopped; that is no failure of this call. */
struct ap_result ap_ledger_open(const char *origin, struct ap_db_keys *keys, const struct ap_clock *clock, struct ap_db *db,
				struct ap_ledger **ret_ledger);
void ap_ledger_free(struct ap_ledger *l);

/* Not stopped, and the last append or signature did not fail. */
bool ap_ledger_healthy(const struct ap_ledger *l);
/* Found behind or different, at the start or by a witness. */
bool ap_ledger_stopped(const struct ap_ledger *l);
/* The first of the two, which nothing but another start ends. False under a witness's doubt alone. */
bool ap_ledger_behind(const struct ap_ledger *l);

/* At the start: somebody else knows more of this log than vault.db holds. */
void ap_ledger_stop(struct ap_ledger *l);
/* At any time, any thread: a witness knows more or other than vault.db holds, or no witness does any more. What was
 * found at the start stays. Meanwhile nothing is signed, and only leaves that end something are appended (a withdrawal, a
 * closing, an erasure, a hold's end, a key's). The caller has the gates look again. */
void ap_ledger_doubt(struct ap_ledger *l, bool doubted);

/* After a failure: tries whether the database can be written again, so that the ledger may be healthy again. */
void ap_ledger_probe(struct ap_ledger *l, struct ap_db *db);

/* Appends one leaf inside the caller's transaction. `body` (ownership taken, also on failure) is an object with the
 * event and its ids; "time" (the vault's own) is added. "ledger" (AP_ERR_IO) when stopped. */
struct ap_result ap_ledger_append(struct ap_ledger *l, struct ap_db *db, enum ap_leaf_type type, JsonObject *body,
				  uint64_t *ret_index);
/* The same for what must happen whatever becomes of the log (an access taken away, an incident): while it is stopped the leaf is
 * owed, in vault.db and in the same transaction, with "happened" in its body; *ret_index is then more than AP_LEAF_OWED and
 * stands for the leaf in the caller's row until ap_ledger_settle puts the index there. */
#define AP_LEAF_OWED ((uint64_t)1 << 63)
struct ap_result ap_ledger_append_or_owe(struct ap_ledger *l, struct ap_db *db, enum ap_leaf_type type, JsonObject *body,
					 uint64_t *ret_index);
/* Outside transactions, now and then: appends what is owed, oldest first, once the log goes on. Main thread. */
struct ap_result ap_ledger_settle(struct ap_ledger *l, struct ap_db *db);
/* The first leaf under a new name (type 0f), inside the caller's transaction: what the old log was when last heard of, and
 * how many of its leaves are here. The new name is the one this ledger was opened under. */
struct ap_checkpoint; /* recorder/ledger/checkpoint.h */
struct ap_result ap_ledger_continue(struct ap_ledger *l, struct ap_db *db, const struct ap_checkpoint *old, uint64_t kept);
/* The RFC 6962 leaf hash of a leaf. */
struct ap_result ap_ledger_leaf_hash(struct ap_ledger *l, struct ap_db *db, uint64_t index, uint8_t ret_hash[32]);

/* Outside transactions: a receipt or certificate for one leaf (docs/FORMAT.md), under a checkpoint that holds it.
 * JSON text, g_free. "erased" when the leaf's opening was destroyed. */
struct ap_result ap_ledger_receipt(struct ap_ledger *l, struct ap_db *db, uint64_t index, char **ret_json);
/* The same with an opening that lies elsewhere (recorder/proof/proof.h); "receipt-leaf" (AP_ERR_CRYPTO) when it is not this
 * leaf's. */
struct ap_result ap_ledger_receipt_with(struct ap_ledger *l, struct ap_db *db, uint64_t index,
					const uint8_t salt[AP_LEAF_SALT], const char *body, char **ret_json);

/* Answers to anyone (API.md, /v1/ledger/…). Text is g_free'd; "invalid" for numbers out of range. */
const char *ap_ledger_vkey(const struct ap_ledger *l); /* borrowed */
const char *ap_ledger_origin(const struct ap_ledger *l); /* borrowed */
/* The signed note alone. */
struct ap_result ap_ledger_checkpoint(struct ap_ledger *l, struct ap_db *db, char **ret_text);
/* The newest that was ever signed, also while the log is stopped; "not-found". */
struct ap_result ap_ledger_checkpoint_last(struct ap_ledger *l, struct ap_db *db, char **ret_text);
/* The note, and under it what witnesses signed of it so far. */
struct ap_result ap_ledger_shown(struct ap_ledger *l, struct ap_db *db, char **ret_text);
/* The newest note of more than `above` leaves that a quorum of witnesses cosigned, with their lines; "not-found". */
struct ap_result ap_ledger_cosigned(struct ap_ledger *l, struct ap_db *db, uint64_t above, uint64_t *ret_size, char **ret_text);
/* How many cosignatures that takes: 1 unless set. Before threads. */
void ap_ledger_set_quorum(struct ap_ledger *l, unsigned quorum);
struct ap_result ap_ledger_proof(struct ap_ledger *l, struct ap_db *db, uint64_t leaf, uint64_t size, char **ret_json);
struct ap_result ap_ledger_consistency(struct ap_ledger *l, struct ap_db *db, uint64_t from, uint64_t to, char **ret_json);
struct ap_result ap_ledger_leaves(struct ap_ledger *l, struct ap_db *db, uint64_t from, uint64_t count, char **ret_json);
/* Whether a stranger may have one more page of leaves now; counted when so. Any thread. */
bool ap_ledger_may_page(struct ap_ledger *l);
/* One door for both HTTP listeners: `what` is key, checkpoint, cosigned, proof, consistency or leaves; `query` the URL's
 * query. `bounded`: pages of leaves only as fast as strangers may have them, else "rate" (AP_ERR_LIMIT). */
struct ap_result ap_ledger_get(struct ap_ledger *l, struct ap_db *db, bool bounded, const char *what, const char *query,
			       const char **ret_content_type, char **ret_answer);
