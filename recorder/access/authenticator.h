/*
 * Another authenticator for one's one-time codes (RFC 6238), enrolled by oneself: the secret that an admin handed out with
 * the user is known to the admin; this one is seen by nobody else.
 *
 * It is offered to who has just shown both factors, and takes the place of the one before once a code of it was shown:
 * who copies it wrongly is not locked out. What is offered is kept in memory alone, for AP_OFFER_MS and AP_OFFER_TRIES
 * wrong codes; a restart forgets it. What was taken is a line of the journal: after a restore of an older copy the
 * user is locked out until a reset, so that the authenticator before opens nothing.
 *
 * Threads: main thread.
 */
#pragma once

#include "recorder/access/access.h"

#include <aparte/err.h>

#define AP_OFFER_MS (10 * 60000)
#define AP_OFFER_TRIES 5

struct ap_vault;
struct ap_offers; /* opaque */

struct ap_offers *ap_offers_new(struct ap_vault *v);
void ap_offers_free(struct ap_offers *o);

/* {"totp_secret","otpauth","qr","expires"}; `qr`: the rows of the otpauth's QR code, a 1 for each dark module. One offered
 * before is forgotten. */
struct ap_result ap_authenticator_offer(struct ap_offers *o, const struct ap_actor *user, JsonNode **ret_answer);
/* With a code of what was offered: from now on only its codes log in, and of the user's logins only that of `token` stays.
 * "conflict": nothing is offered (any more); "credentials": not a code of it. */
struct ap_result ap_authenticator_take(struct ap_offers *o, const struct ap_actor *user, const char *token, const char *code);
