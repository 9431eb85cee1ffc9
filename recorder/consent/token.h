/*
 * Party tokens: base64url(HMAC-SHA256(server key "token", label ‖ session ‖ role ‖ number)). Derived, so that the same
 * answer can be given again under an idempotency key; only their hash is stored.
 *
 * Pure; any thread.
 */
#pragma once

#include <aparte/encode.h>
#include <aparte/secret.h>
#include <aparte/uuid.h>

#define AP_TOKEN_TEXT 44 /* 43 characters and a terminator */

void ap_token_derive(const struct ap_secret *key, const struct ap_uuid *session, enum ap_role role, int64_t number,
		     char ret_token[AP_TOKEN_TEXT]);
/* What is stored of a token. */
struct ap_hash ap_token_hash(const char *token);
