/*
 * Proofs of consent in vault.db (recorder/schema/vault-0011-proof.sql), and what is forgotten with one.
 *
 * Threads: those of the connection; what writes does so inside the caller's transaction.
 */
#pragma once

#include "recorder/db/db.h"

#include <json-glib/json-glib.h>

/* Looks at `look` sessions from the one behind *cursor on, which moves; back to zeroes after the last. Those to be moved to
 * the archive, or to be added to there: ended, nothing of them living or being erased, every statement in the log. */
struct ap_result ap_db_proof_candidates(struct ap_db *db, struct ap_uuid *cursor, int64_t look, GArray **ret_ids);

struct ap_proof_facts {
	int64_t tenant, policy_version;
	char policy[65];
	int64_t base_ms;
};
/* "not-found" without such a session. */
struct ap_result ap_db_proof_facts(struct ap_db *db, const struct ap_uuid *session, struct ap_proof_facts *ret_facts);
/* What the document is made of (recorder/proof/proof_document.h): of statements those not archived yet. */
struct ap_result ap_db_proof_parties(struct ap_db *db, const struct ap_uuid *session, JsonArray **ret_parties);
struct ap_result ap_db_proof_consents(struct ap_db *db, const struct ap_uuid *session, JsonArray **ret_consents);
/* They stand in vault.db no more: texts, keys, signatures, openings, names. Events, purposes and times do: what a person may
 * still do is read from them (docs/THREATS.md). */
struct ap_result ap_db_proof_strip(struct ap_db *db, const struct ap_uuid *session);

struct ap_proof_row {
	struct ap_uuid session;
	int64_t tenant, base_ms, until_ms, kept_ms;
	GBytes *sealed; /* owned by whoever loaded it */
};
struct ap_result ap_db_proof_put(struct ap_db *db, const struct ap_proof_row *row);
/* "not-found". */
struct ap_result ap_db_proof_load(struct ap_db *db, const struct ap_uuid *session, struct ap_proof_row *ret_row);

/* Some proofs' ends looked at again: rows (struct ap_proof_row without `sealed`) behind *cursor, which moves as above. */
struct ap_result ap_db_proof_some(struct ap_db *db, struct ap_uuid *cursor, int64_t look, GArray **ret_rows);
/* Never later than it was. */
struct ap_result ap_db_proof_shorten(struct ap_db *db, const struct ap_uuid *session, int64_t until_ms);

/* Those whose end has come, no request of theirs waits, and no erasure for its turnover. Ids, oldest first. */
struct ap_result ap_db_proof_due(struct ap_db *db, int64_t now_ms, int64_t most, GArray **ret_ids);
/* Every opening and every row about that session. */
struct ap_result ap_db_proof_forget(struct ap_db *db, const struct ap_uuid *session);

/* For staff: [{"session","tenant","kept","until"}], by session behind `after`; tenant 0: of all. */
struct ap_result ap_db_proof_list(struct ap_db *db, int64_t tenant, const struct ap_uuid *after, int64_t most,
				  JsonArray **ret_list);
struct ap_result ap_db_proof_count(struct ap_db *db, int64_t tenant, int64_t *ret_count);
/* What waits for a second admin: [{"id","proposed_by","expires","session","reason"}]. */
struct ap_result ap_db_proof_proposals(struct ap_db *db, int64_t tenant, int64_t now_ms, JsonArray **ret_list);
/* A notice's document, parsed; NULL without it. */
struct ap_result ap_db_proof_notice(struct ap_db *db, const uint8_t sha256[32], JsonNode **ret_document);

/* ---- remnants in vault.db's own file ---- */

/* The file may hold copies of what was deleted, in the unused middle of pages, until it is rewritten. */
struct ap_result ap_db_proof_owe_purge(struct ap_db *db);
struct ap_proof_purge {
	bool owed, begun; /* begun: at a start that did not say since how it went */
	bool busy;	  /* a session is on */
	int64_t size;	  /* of vault.db, bytes */
};
struct ap_result ap_db_proof_purge_state(struct ap_db *db, struct ap_proof_purge *ret_state);
struct ap_result ap_db_proof_purge_begun(struct ap_db *db, bool begun);
/* ap_db_rewrite; owed until that went well. */
struct ap_result ap_db_proof_purge(struct ap_db *db, const char *directory);
