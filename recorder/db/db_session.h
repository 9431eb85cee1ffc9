/*
 * Sessions, persons, tokens, devices, tenants and API keys in vault.db, as rows.
 */
#pragma once

#include "recorder/consent/session.h"

#include <glib.h>

struct ap_result ap_db_session_put(struct ap_db *db, const struct ap_session *s, const char *idempotency_key,
				   const uint8_t request_sha256[32]);
struct ap_result ap_db_party_put(struct ap_db *db, const struct ap_party *p);
/* A session made before under this key: "not-found", or its id and the hash of its request. */
struct ap_result ap_db_session_by_key(struct ap_db *db, int64_t tenant, const char *idempotency_key,
				      struct ap_uuid *ret_id, uint8_t ret_request_sha256[32]);
struct ap_result ap_db_session_tenant(struct ap_db *db, const struct ap_uuid *id, int64_t *ret_tenant);
/* Whether the platform was told that the gate opened, and not yet that it closed; and all sessions of which it was
 * (GArray of struct ap_uuid). */
struct ap_result ap_db_session_gate_told(struct ap_db *db, const struct ap_uuid *id, bool *ret_told);
struct ap_result ap_db_session_set_gate_told(struct ap_db *db, const struct ap_uuid *id, bool told);
struct ap_result ap_db_session_gates_told(struct ap_db *db, GArray **ret_ids);
/* ended_ms is set with AP_SESSION_ENDED. */
struct ap_result ap_db_session_set_state(struct ap_db *db, const struct ap_uuid *id, enum ap_session_state state,
					 int64_t now_ms);
/* When somebody was first connected: noted once; 0 before. */
struct ap_result ap_db_session_begin(struct ap_db *db, const struct ap_uuid *id, int64_t now_ms);
struct ap_result ap_db_session_begun(struct ap_db *db, const struct ap_uuid *id, int64_t *ret_ms);
struct ap_result ap_db_session_set_paused(struct ap_db *db, const struct ap_uuid *id, unsigned bits);
/* Whether a person asked for restriction (R20) and it was neither refused nor lifted. */
struct ap_result ap_db_session_restricted(struct ap_db *db, const struct ap_uuid *id, bool *ret_restricted);
/* Sessions that were joined and have not ended: GArray of struct ap_uuid. */
struct ap_result ap_db_session_active(struct ap_db *db, GArray **ret_ids);

/* Replaces a person's token; the old one's hash is kept among the revoked. */
struct ap_result ap_db_party_set_token(struct ap_db *db, const struct ap_party *old, int64_t number,
				       const uint8_t hash[32], int64_t now_ms);
struct ap_result ap_db_party_by_hash(struct ap_db *db, const uint8_t hash[32], struct ap_party *ret_party);

/* Both persons' tokens end at that time, unless an end is set already. */
struct ap_result ap_db_party_expire(struct ap_db *db, const struct ap_uuid *session, int64_t expires_ms);

/* The device a person uses now (the latest enrolled that was not replaced); *ret_found says whether there is one. */
struct ap_result ap_db_device_current(struct ap_db *db, const struct ap_uuid *session, enum ap_role role,
				      uint8_t ret_key[32], bool *ret_found);
/* Makes `key` the current device. */
struct ap_result ap_db_device_enrol(struct ap_db *db, const struct ap_uuid *session, enum ap_role role,
				    const uint8_t key[32], int64_t now_ms);
