/*
 * Time-limited TURN credentials for coturn (static-auth-secret): user name "<expiry>:<id>", credential
 * base64(HMAC-SHA1(secret, user name)), told to clients as Link headers with rel="ice-server" (RFC 9725 §4.4).
 *
 * SHA-1 is what coturn's scheme fixes; here it authenticates for an hour at most and guards a relay, not data.
 * Threads: main thread.
 */
#pragma once

#include <aparte/config.h>
#include <aparte/err.h>
#include <glib.h>
#include <stdint.h>

struct ap_turn; /* opaque */

/* Reads turn.secret_file: before the sandbox. *ret_turn is NULL when turn.urls is empty. "turn" on failure. */
struct ap_result ap_turn_new(const struct ap_config *config, struct ap_turn **ret_turn);
void ap_turn_free(struct ap_turn *t);
/* One Link value per configured server; NULL-terminated, g_strfreev. Empty when `t` is NULL. `id` is opaque to coturn. */
char **ap_turn_links(const struct ap_turn *t, int64_t wall_ms, const char *id);
