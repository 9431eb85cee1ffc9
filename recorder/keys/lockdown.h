/*
 * Lockdown (R28): everything is shut at once. Every gate closes with reason `lockdown`, every viewing and every staff
 * login ends, work under way that holds keys ends (a backup's proof, an archive, a passage, which is begun again once it is
 * lifted), and the key-encryption key goes from memory and, where two admins' passphrases can bring it back, from the
 * disk. The log key stays: withdrawals and erasures go on, for they destroy wrapped shares and need no key. It outlives
 * restarts: a vault that starts locked down opens no gate.
 *
 * Before: two admins or more enrol, each with a passphrase of their own that the vault never sees (escrow.h; the file is
 * vault/escrow). After: two of them each give their half, within a quarter of an hour, at admin.sock. Where too few had
 * enrolled, or the key is a credential that nobody enrolled for, the file stays, the lockdown says so (`sealed` false),
 * and two admins' words lift it.
 *
 * Threads: main thread.
 */
#pragma once

#include "recorder/keys/escrow.h"

#include <aparte/uuid.h>

struct ap_vault;
struct ap_actor;    /* recorder/access/access.h */
struct ap_lockdown; /* halves that were given so far; opaque */

#define AP_LOCKDOWN_LIFT_MS (15 * 60 * 1000)

struct ap_lockdown *ap_lockdown_new(struct ap_vault *v);
void ap_lockdown_free(struct ap_lockdown *l); /* wipes; NULL is fine */

/*
 * Shuts everything. Once more is success, and tries again what failed the first time. Memory is wiped and gates are told
 * in any case; the first failure (a database, a disk) is returned after everything was tried. Opens an incident.
 */
struct ap_result ap_lockdown_begin(struct ap_vault *v, const struct ap_actor *by, const char *reason);
/* Two of the enrolled admins could bring the present key back, so a lockdown would destroy its file. */
bool ap_lockdown_is_covered(struct ap_vault *v);
/* At the start, before gates and staff: a vault that is locked down forgets its key again. */
struct ap_result ap_lockdown_resume(struct ap_vault *v);
/* {"locked","sealed","covered","enrolled":[…],"given":[…],"since"}: covered: two passphrases would bring the key back. */
struct ap_result ap_lockdown_show(const struct ap_lockdown *l, JsonNode **ret_answer);

/* ---- set-up ---- */

/* Adds or replaces the admin's own public half: "invalid" for one that is no admin, "lockdown". */
struct ap_result ap_lockdown_enrol(struct ap_vault *v, const struct ap_actor *by, const struct ap_escrow_admin *admin);
/* "not-found". */
struct ap_result ap_lockdown_dismiss(struct ap_vault *v, const struct ap_actor *by, const char *name);
/* Makes the halves anew for the keys as they are, without admins who were disabled. In every turnover, and when a user is
 * disabled; success and nothing to do when nobody enrolled. A failure leaves the halves as they were. */
struct ap_result ap_lockdown_refresh(struct ap_vault *v);

/* ---- lifting ---- */

/* What the admin's passphrase opens: {"admin":{…},"halves":[…]}; "not-found" when they have not enrolled. */
struct ap_result ap_lockdown_halves(struct ap_vault *v, const struct ap_actor *by, JsonNode **ret_answer);
/*
 * One admin's word: their opened halves ({"halves":[{"with","half"}]}), or where nothing is sealed the word alone. With
 * the second one's it is lifted, and a turnover begins. Answers as ap_lockdown_show. "conflict": not locked down, or the
 * halves do not make the key.
 */
struct ap_result ap_lockdown_lift(struct ap_lockdown *l, const struct ap_actor *by, JsonObject *body, JsonNode **ret_answer);
