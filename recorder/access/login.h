/*
 * Staff logins: password and one-time code to a token, token to who it is.
 *
 * What is told apart to the outside: "credentials" for anything wrong (also an unknown or disabled user, in the same
 * time), "totp-replayed" only after the right password, "rate" while an account is locked out. A name that does not
 * exist locks out like one that does. Tokens are 32 random bytes; only their hash is kept.
 *
 * Threads: main thread.
 */
#pragma once

#include "recorder/access/access.h"
#include "recorder/access/authenticator.h"

#include <aparte/err.h>

struct ap_vault;
struct ap_logins; /* opaque */

struct ap_login {
	char *token; /* g_free after wiping; NULL on failure */
	int64_t expires_ms;
	struct ap_actor actor;
};

struct ap_logins *ap_logins_new(struct ap_vault *v);
void ap_logins_free(struct ap_logins *l);

typedef void (*ap_login_done)(void *ctx, struct ap_result result, const struct ap_login *login);

/* All texts are copied. `done` is called once, later or at once. */
void ap_login_begin(struct ap_logins *l, const char *user, const char *password, const char *totp, ap_login_done done,
		    void *ctx);
/* Who a token is, now: "token-invalid", "token-expired". ret_expires_ms may be NULL. */
struct ap_result ap_login_actor(struct ap_vault *v, const char *token, struct ap_actor *ret_actor,
				int64_t *ret_expires_ms);
struct ap_result ap_login_end(struct ap_vault *v, const char *token);
/* The authenticators that users are enrolling, borrowed: they end with the logins. */
struct ap_offers *ap_logins_offers(struct ap_logins *l);
/* Logins accepted and refused since the start. */
void ap_logins_counts(const struct ap_logins *l, uint64_t *ret_accepted, uint64_t *ret_refused);
