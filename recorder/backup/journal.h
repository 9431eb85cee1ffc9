/*
 * The journal: withdrawals, erasures, revocations and restrictions, in a directory of its own outside the backups
 * (backup.journal), so that a restore takes back nothing of what persons took back (docs/FORMAT.md, Backups and journal).
 *
 * What is due is written to journal_due by triggers of vault.db, in the transaction of the event itself, so nothing is
 * lost while the journal's disk is away. Entries are hash-chained, signed by a key of their own, and fsynced. The newest
 * signed checkpoint of the log lies beside them.
 *
 * Main thread. Errors: AP_ERR_IO "journal" (with what to do), AP_ERR_CRYPTO "journal" (altered, or another instance's).
 */
#pragma once

#include <aparte/err.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct ap_vault;  /* recorder/vault.h */
struct ap_ledger; /* recorder/ledger/ledger.h */
struct ap_db;	  /* recorder/db/db.h */
struct ap_config; /* aparte/config.h */

/* The directory, absolute; g_free. `home` is the instance's. */
char *ap_journal_directory(const struct ap_config *config, const char *home);
/* It lies in the instance itself, so one lost disk loses both. */
bool ap_journal_is_inside(const struct ap_config *config);

/* Writes everything that is due. On success it is durable: an erasure is certified only after that. Outside transactions. */
struct ap_result ap_journal_flush(struct ap_vault *v);
/* Withdrawals and refusals that were answered while vault.db could not be written (recorder/consent/owed.h): those not in `seen`
 * (texts, owned), which learns them. They come once more when vault.db has them; a replay takes them once. */
struct ap_result ap_journal_put_owed(struct ap_vault *v, GHashTable *seen);
/* Keeps the newest checkpoint of the log beside the entries, if the log grew. Outside transactions. */
struct ap_result ap_journal_keep_checkpoint(struct ap_vault *v);

/* The checkpoint that lies there; "not-found" without one. Not verified. g_free. */
struct ap_result ap_journal_checkpoint_read(const char *directory, char **ret_note);
/* At the start: stops the ledger when the journal knows more of this log than vault.db holds, or other. */
struct ap_result ap_journal_compare(const char *directory, struct ap_ledger *ledger, struct ap_db *db);
