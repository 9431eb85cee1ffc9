/*
 * Off-boardings in vault.db, and what of a tenant is left to erase.
 *
 * Threads: those of the connection.
 */
#pragma once

#include "recorder/db/db.h"
#include "recorder/keys/keys.h"

#include <json-glib/json-glib.h>

enum ap_offboard_state { AP_OFFBOARD_ORDERED, AP_OFFBOARD_EXPORTED, AP_OFFBOARD_ERASING, AP_OFFBOARD_ERASED };

struct ap_offboarding {
	struct ap_uuid id;
	int64_t tenant;
	enum ap_offboard_state state;
	char recipient[80];
	char ordered_by[80], confirmed_by[80]; /* "user:<name>" */
	char exported_by[80];                  /* empty before */
	int64_t ordered_ms, exported_ms;
	bool exported;
	uint8_t export_sha256[32];
	bool certified;
	uint64_t leaf; /* 0b, once erased */
};

/* "not-found" when this tenant does not leave. */
struct ap_result ap_db_offboard_load(struct ap_db *db, int64_t tenant, struct ap_offboarding *ret_o);
/* Tenants whose off-boarding is not over, certificate and all: GArray of int64_t. */
struct ap_result ap_db_offboard_open(struct ap_db *db, GArray **ret_tenants);

/* All inside the caller's transaction. The order: row, tenant, API keys. */
struct ap_result ap_db_offboard_insert(struct ap_db *db, const struct ap_offboarding *o, const char *reason);
struct ap_offboard_export {
	const char *by;
	uint8_t sha256[32];
	int64_t recordings, left_out;
};
struct ap_result ap_db_offboard_exported(struct ap_db *db, const struct ap_uuid *id, const struct ap_offboard_export *e,
					 int64_t now_ms);
/* `unexported` is NULL after an export. */
struct ap_result ap_db_offboard_erasing(struct ap_db *db, const struct ap_uuid *id, const char *by,
					const char *unexported);
/* Restored, and the journal says that it was being erased. */
struct ap_result ap_db_offboard_replay(struct ap_db *db, const struct ap_uuid *id, int64_t tenant, int64_t ordered_ms,
				       bool *ret_changed);

/* Sessions that have not ended; all sessions; recordings that may be exported or erased now. GArray of struct ap_uuid.
 */
struct ap_result ap_db_offboard_unended(struct ap_db *db, int64_t tenant, GArray **ret_ids);
struct ap_result ap_db_offboard_sessions(struct ap_db *db, int64_t tenant, GArray **ret_ids);
struct ap_result ap_db_offboard_recordings(struct ap_db *db, int64_t tenant, GArray **ret_ids);
struct ap_result ap_db_offboard_erasable(struct ap_db *db, int64_t tenant, int64_t now_ms, GArray **ret_ids);
/* Requests of the tenant whose archive is there: GArray of struct ap_uuid. */
struct ap_result ap_db_offboard_archives(struct ap_db *db, int64_t tenant, GArray **ret_requests);

struct ap_offboard_counts {
	int64_t sessions, recordings, erased; /* erased: with a certificate of their own */
	int64_t making;                       /* archives being made */
};
struct ap_result ap_db_offboard_counts(struct ap_db *db, int64_t tenant, struct ap_offboard_counts *ret_counts);
/* What waits: {"recording","why": held | restricted | recording | erasing, "ground"?,"until"?} each, at most 1000. */
struct ap_result ap_db_offboard_waiting(struct ap_db *db, int64_t tenant, int64_t now_ms, JsonArray **ret_list);
/* The leaf of this recording's erasure and its time: 0 while there is none. */
struct ap_result ap_db_offboard_erasure(struct ap_db *db, const struct ap_uuid *recording, int64_t *ret_leaf,
					int64_t *ret_erased_ms);
/* How many decisions were taken back, erasures ordered, restrictions asked for since (wall clock, inclusive). */
struct ap_result ap_db_offboard_changes(struct ap_db *db, int64_t tenant, int64_t since_ms, int64_t *ret_count);
/* Policies and regions that bind the tenant's sessions, each once: GPtrArray of texts. */
struct ap_result ap_db_offboard_notices(struct ap_db *db, int64_t tenant, GPtrArray **ret_documents); /* given under */
struct ap_result ap_db_offboard_documents(struct ap_db *db, int64_t tenant, GPtrArray **ret_documents);
/* SHA-256 over the leaf hashes of the erasures' leaves, in their order. */
struct ap_result ap_db_offboard_erasures_hash(struct ap_db *db, int64_t tenant, struct ap_hash *ret_hash);

/* Names of its users: GPtrArray of texts; and the leaves (10) that tell of them, by name: GArray of int64_t. One pass over
 * the log: outside a transaction. */
struct ap_result ap_db_offboard_staff(struct ap_db *db, int64_t tenant, GPtrArray **ret_names);
struct ap_result ap_db_offboard_staff_leaves(struct ap_db *db, int64_t tenant, GArray **ret_leaves);
/* Their openings go; the leaves stay. */
struct ap_result ap_db_offboard_forget_leaves(struct ap_db *db, const GArray *leaves);

/* All that is personal or secret of a tenant goes, but for what proves consents until their own end (R40): inside the
 * caller's transaction. */
struct ap_result ap_db_offboard_clear(struct ap_db *db, int64_t tenant, int64_t now_ms);
struct ap_offboard_end {
	struct ap_uuid id;
	struct ap_kek_id kek;
	int64_t sessions, recordings, erased_ms;
	uint64_t leaf;
};
struct ap_result ap_db_offboard_erased(struct ap_db *db, const struct ap_offboard_end *end);
struct ap_result ap_db_offboard_certify(struct ap_db *db, const struct ap_uuid *id, const char *certificate);
/* "not-found" before; as ap_db_erasure_certificate. */
struct ap_result ap_db_offboard_certificate(struct ap_db *db, int64_t tenant, char **ret_json,
					    int64_t *ret_turnover_leaf, int64_t *ret_unrecoverable_ms);

/* {"tenant","state","reason","recipient","ordered",…} of this tenant (0: all), newest first; and open proposals. */
struct ap_result ap_db_offboard_list(struct ap_db *db, int64_t tenant, JsonArray **ret_list);
struct ap_result ap_db_offboard_proposals(struct ap_db *db, int64_t now_ms, JsonArray **ret_list);
/* Does this tenant stay? "conflict" when it leaves or left. */
struct ap_result ap_db_offboard_stays(struct ap_db *db, int64_t tenant);
