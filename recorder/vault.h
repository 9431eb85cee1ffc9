/*
 * The vault process as one object: what its two threads share.
 *
 * The gate thread owns the link to the gateway, consents, gates and captures; the main thread owns staff HTTP,
 * retention, erasure and playback, so that none of these ever delays a gate. Neither waits for the other.
 *
 * Ownership: the vault owns all it gives out; borrowers must not outlive it. Threads: as said at each function.
 */
#pragma once

#include "recorder/recording/blob.h"
#include "recorder/db/db.h"
#include "recorder/keys/db_keys.h"
#include "recorder/keys/kek.h"
#include "recorder/ledger/ledger.h"
#include "recorder/consent/owed.h"
#include "recorder/policy/policy.h"
#include "recorder/rights.h"

#include <aparte/clock.h>
#include <aparte/config.h>
#include <glib.h>

struct ap_vault; /* opaque */

struct ap_vault_setup {
	const struct ap_config *config; /* borrowed, all of them */
	const struct ap_clock *clock;
	const char *home; /* the instance's directory; vault/, recordings/ and run/ under it are made as needed */
	const char *web;  /* static pages; may be NULL */
	const struct ap_secret *kek; /* borrowed for the call; NULL: from where the configuration says. For restores. */
};

/* Opens KEK, databases, log and storage (tests need no more). Threads come with ap_core_start (recorder/core.h); until
 * then everything runs on the calling thread, which becomes the main thread: its thread-default context is used. */
struct ap_result ap_vault_open(const struct ap_vault_setup *setup, struct ap_vault **ret_vault);
void ap_vault_free(struct ap_vault *v);

/* Any thread. */
const struct ap_config *ap_vault_config(struct ap_vault *v);
const struct ap_clock *ap_vault_clock(struct ap_vault *v);
/* Wall time as far as the monotonic clock bears it out, for what must neither end nor last longer because somebody set
 * the clock: holds, lock-outs, logins, tokens, grants, viewings. The same as the wall clock while that is believed. Any
 * thread. */
int64_t ap_vault_believed_ms(struct ap_vault *v);
/* From now on that counts from this reading, taken in this boot. */
void ap_vault_believe(struct ap_vault *v, int64_t wall_ms, int64_t mono_ns);
/* From the last reading that was kept, if any; `boot` names the running boot. */
void ap_vault_believe_kept(struct ap_vault *v, const char *boot);
struct ap_ledger *ap_vault_ledger(struct ap_vault *v);
struct ap_db_keys *ap_vault_keys(struct ap_vault *v);
struct ap_blob *ap_vault_blob(struct ap_vault *v);
struct ap_vouched; /* recorder/recording/vouched.h */
struct ap_vouched *ap_vault_vouched(struct ap_vault *v);
struct ap_owed *ap_vault_owed(struct ap_vault *v); /* withdrawals that vault.db does not hold yet */
const struct ap_kek_place *ap_vault_kek_place(struct ap_vault *v); /* where the key-encryption key is kept */
const char *ap_vault_home(struct ap_vault *v);	   /* the instance's directory */
const char *ap_vault_web_dir(struct ap_vault *v);  /* static pages */
/* The calling thread's own connection to vault.db, opened at first use; NULL when it cannot be. */
struct ap_db *ap_vault_db(struct ap_vault *v);
/* "http://127.0.0.1:8080": what browsers call the gateway. */
const char *ap_vault_public_url(struct ap_vault *v);

/* The current version of a policy (falls back to "default"), parsed; the caller frees it. */
struct ap_result ap_vault_policy(struct ap_vault *v, const char *name, struct ap_policy **ret_policy, int64_t *ret_version);

/* Main thread, before the staff side serves: its table (borrowed, static). */
void ap_vault_set_rights(struct ap_vault *v, const struct ap_rights *rights);

/* Runs fn(v, data) on the gate thread or on the main thread, soon, in order. Any thread. `release` may be NULL. */
typedef void (*ap_vault_call)(struct ap_vault *v, void *data);
void ap_vault_on_gate(struct ap_vault *v, ap_vault_call fn, void *data, GDestroyNotify release);
void ap_vault_on_main(struct ap_vault *v, ap_vault_call fn, void *data, GDestroyNotify release);

/* Any thread. Closes the gate of a session if it is open (the reason is one of AP_GATE_REASON), discarding what waits
 * in the jitter buffers, finishes its recording, then runs done(v, data) on the main thread. The gate opens again only
 * if all its conditions hold: so change what the reason stands for (lockdown, restriction, state) first. */
void ap_vault_close_gate(struct ap_vault *v, const struct ap_uuid *session, unsigned reason, ap_vault_call done, void *data);
/* Any thread. Ends a session as its platform would (recorder/consent/session_end.h), soon; before the gate thread is there it
 * is recorded as ended, and nothing more is needed. */
void ap_vault_end_session(struct ap_vault *v, const struct ap_uuid *session);
/* Any thread. Withdraws for a person who asked by a request: `body` is {"event":"ConsentWithdrawn","purposes":[…],…}, kept
 * as an unsigned statement. Takes effect soon; nothing happens before the gate thread is there. */
void ap_vault_withdraw(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role, const char *body);
/* Any thread. Lockdown on or off (R28): all gates close with reason lockdown and stay closed; kept in vault.db. */
struct ap_result ap_vault_set_lockdown(struct ap_vault *v, bool on);
bool ap_vault_locked_down(struct ap_vault *v);
/* "none", or what the last look at the disk met: "floor", "write", "slow". Any thread. */
const char *ap_vault_disk_trouble(struct ap_vault *v);
/* Any thread. Something in vault.db that gates depend on changed (a restriction): all are looked at again. */
void ap_vault_look_again(struct ap_vault *v);

/* Any thread. One server-sent event to a person's pages (role 0: both). `json` is copied. */
void ap_vault_send_event(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role, const char *event,
			 const char *json);
/* Any thread. A recording changed state: tells both persons ("recording" event). */
void ap_vault_recording_changed(struct ap_vault *v, const struct ap_uuid *session, const struct ap_uuid *recording,
				const char *state);

/* Creates a session as POST /v1/sessions does (also used for the demonstration). Any thread. */
struct ap_result ap_vault_session_create(struct ap_vault *v, int64_t tenant, const char *idempotency_key, const char *json,
					 char **ret_json);

/* Any thread. Has a composer forked (recorder/portability/compose.h) whose control link this is, which is owned from here on;
 * one that still runs is ended, for a vault has one at most. -1: only that. Where none can be made the link is closed. */
void ap_vault_compose(struct ap_vault *v, int link);

/* State for /readyz: link to the gateway and zygote there, databases open, log healthy. */
bool ap_vault_ready(struct ap_vault *v);
