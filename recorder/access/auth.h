/*
 * Passwords (Argon2id, libsodium) and one-time codes (TOTP, RFC 6238, liboath).
 *
 * Hashing takes a fifth of a second and 64 MiB on purpose, so it is done on at most two threads of its own, with a
 * bounded queue; answers come back on the main context. Secrets are in ap_secret; TOTP checks are pure.
 */
#pragma once

#include <aparte/err.h>
#include <aparte/secret.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define AP_PASSWORD_HASH 128 /* libsodium's string form with its terminator */
#define AP_PASSWORD_MAX 256
#define AP_TOTP_SECRET 20
#define AP_TOTP_STEP_S 30

/* ---- slow, any thread ---- */

struct ap_result ap_auth_hash(const struct ap_secret *password, char ret_hash[AP_PASSWORD_HASH]);
bool ap_auth_verify(const char *hash, const struct ap_secret *password);

/* ---- the workers; main thread ---- */

struct ap_auth; /* opaque */

typedef void (*ap_auth_done)(void *ctx, bool right);

struct ap_auth *ap_auth_new(void);
/* Waits until every caller was told; runs their main context meanwhile. */
void ap_auth_free(struct ap_auth *a);
/* Compares later, and calls done on the thread-default context of the caller. `hash` NULL: compares with a hash that
 * nothing fits, in the same time (an unknown user). Takes the password. "rate" when too many wait: nothing is called
 * then, the password is freed. */
struct ap_result ap_auth_verify_later(struct ap_auth *a, const char *hash, struct ap_secret *password,
				      ap_auth_done done, void *ctx);

/* ---- one-time codes ---- */

enum ap_totp_verdict { AP_TOTP_WRONG, AP_TOTP_REPLAYED, AP_TOTP_RIGHT };

/* Six digits, the present step or one to either side. A step at or before last_step was used already. */
enum ap_totp_verdict ap_auth_totp(const struct ap_secret *secret, const char *code, int64_t wall_ms, int64_t last_step,
				  int64_t *ret_step);
/* The secret in base32 without padding, as authenticator apps read it; g_free, and wipe. */
char *ap_auth_totp_text(const struct ap_secret *secret);
/* otpauth://totp/Aparte:<user>?…; g_free, and wipe. */
char *ap_auth_totp_uri(const struct ap_secret *secret, const char *user);

/* ---- lock-out ---- */

/* After this many failures in a row an account waits: 30 s, doubled each time, at most 15 min. 0: not yet. */
#define AP_AUTH_FREE_FAILURES 5
int64_t ap_auth_lock_ms(int64_t failures);
#define AP_AUTH_LONGEST_LOCK_MS (15 * 60000LL)
