/*
 * POST /v1/consents: gives are checked and kept, withdrawals and refusals close the gate whatever is wrong with them.
 *
 * A give: size, form, party, key, signature, replay, time, notice, purposes (consent_check.h), share; then the share is
 * wrapped into keys.db as pending, consent and leaf 01 are committed together, the share is confirmed.
 * A withdrawal or refusal: the person is blocked in memory and the gate closed first; then consent, leaf 01 and, when
 * it names `recording`, the orders to erase the session's recordings are committed together. When that commit fails,
 * the answer is given all the same, the block stays, what is owed is kept in a file (owed.h), and the commit is tried
 * again until it succeeds, after a crash too.
 *
 * Gives that come while the last ones are being written are committed together (recorder/db/group.h): their shares in one
 * transaction of keys.db, consents and leaves in one of vault.db. At most one per session: what else is asked for a session
 * first has its give committed (ap_consents_settle), so that the order of decisions is that of their arrival.
 *
 * Threads: gate thread.
 */
#pragma once

#include "recorder/gate/gatekeeper.h"
#include "recorder/consent/session.h"

struct ap_consents; /* opaque */

/* All borrowed. */
struct ap_consents *ap_consents_new(struct ap_vault *v, struct ap_gatekeepers *keepers, const struct ap_gateway *gateway,
				    void *gateway_ctx);
void ap_consents_free(struct ap_consents *c);
/* From now on gives wait for others that are about to come; without it each is committed by itself, before put returns. */
void ap_consents_use_group(struct ap_consents *c);
/* A give of this session that waits (NULL: every give) is committed and answered now. */
void ap_consents_settle(struct ap_consents *c, const struct ap_uuid *session);

/* `receipt` is JSON text, the callee's to g_free; NULL on failure. */
typedef void (*ap_consent_done)(void *data, struct ap_result r, char *receipt);

/* The token was checked by the caller. `done` may come before this returns. */
void ap_consents_put(struct ap_consents *c, const struct ap_party *party, const char *body, ap_consent_done done, void *data);
/* Tries again what could not be committed. Called every second or so. */
void ap_consents_tick(struct ap_consents *c);

/* Destroys the shares of a person's gives that no living recording needs, and their seal keys: after a withdrawal, and
 * for both (role 0) at the session's end. */
struct ap_result ap_consent_destroy_unused(struct ap_vault *v, struct ap_db *db, const struct ap_uuid *session, int role);
/* {"purpose": state, …}; `own`: as the person sees it, otherwise as all others do (R34). What was taken counts, also while
 * vault.db does not hold it. */
JsonObject *ap_consent_states(struct ap_consents *c, const struct ap_uuid *session, enum ap_role role, bool own);
