/*
 * What a platform does with sessions: create (recorder/vault.h: ap_vault_session_create), find, renew tokens.
 *
 * Threads: any, with that thread's connection. Texts are g_free'd by the caller.
 */
#pragma once

#include "recorder/consent/session.h"
#include "recorder/consent/token.h"
#include "recorder/vault.h"

/* The token text of that number. */
struct ap_result ap_session_token(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role, int64_t number,
				  char ret_token[AP_TOKEN_TEXT]);
/* A session by its id's text, when it is that tenant's: "not-found". */
struct ap_result ap_session_of_tenant(struct ap_db *db, int64_t tenant, const char *session, struct ap_session *ret_session);
/* A new token, the old one revoked: its hash (hex) for the gateway, and {"token","join_url"}. */
struct ap_result ap_session_renew_token(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
					char ret_old_hash[65], char **ret_json);
