/*
 * Sessions and their two persons as the vault keeps them, with tokens, devices, tenants and API keys.
 *
 * Everything here works on the calling thread's connection; functions that write say whether they open a transaction
 * of their own. Ownership: _clear frees what a loaded struct owns.
 */
#pragma once

#include "recorder/db/db.h"
#include "recorder/policy/policy.h"

#include <aparte/secret.h>

enum ap_session_state { AP_SESSION_CREATED, AP_SESSION_ACTIVE, AP_SESSION_ENDED };
const char *ap_session_state_text(enum ap_session_state s);

struct ap_session {
	struct ap_uuid id;
	int64_t tenant;
	char *reference, *policy, *e2ee, *video_codec; /* owned */
	int64_t policy_version;
	enum ap_sensitivity sensitivity;
	enum ap_session_state state;
	unsigned paused; /* bit 0 coach, bit 1 coachee */
	int64_t created_ms, ended_ms; /* ended_ms 0 while it runs */
};

struct ap_party {
	struct ap_uuid session;
	enum ap_role role;
	char *pii_principal, *name, *locale; /* owned; name may be NULL */
	bool minor;
	bool has_given_key;
	uint8_t given_key[32];
	int64_t token_number;
	uint8_t token_hash[32];
	int64_t token_expires_ms; /* 0: none set */
};

void ap_session_clear(struct ap_session *s);
void ap_party_clear(struct ap_party *p);

/* Loading: "not-found" when there is none. */
struct ap_result ap_session_load(struct ap_db *db, const struct ap_uuid *id, struct ap_session *ret_session);
struct ap_result ap_party_load(struct ap_db *db, const struct ap_uuid *session, enum ap_role role, struct ap_party *ret_party);

/* Authenticates a party token: "token-invalid", "token-expired" (its rights ended). `now_ms` is wall time. */
struct ap_result ap_party_by_token(struct ap_db *db, const char *token, int64_t now_ms, struct ap_party *ret_party);

/* Tenants and their API keys; each writes in a transaction of its own. A key's text is shown once, only its hash stays. */
struct ap_result ap_tenant_add(struct ap_db *db, const char *name, const char *policy, int64_t now_ms, int64_t *ret_tenant);
struct ap_result ap_tenant_find(struct ap_db *db, const char *name, int64_t *ret_tenant);
struct ap_result ap_api_key_add(struct ap_db *db, int64_t tenant, const char *label, int64_t now_ms, char **ret_key);
struct ap_result ap_api_key_revoke(struct ap_db *db, int64_t tenant, const char *label, int64_t now_ms);
/* Bearer API key to tenant: "token-invalid". */
struct ap_result ap_api_key_check(struct ap_db *db, const char *key, int64_t *ret_tenant);
