/*
 * A restore: from a backup and the journal into an empty home, whose vault does not run (docs/FORMAT.md, Backups and
 * journal). Also how a running vault proves its last backup: the same restore, to a scratch place, by the identity that
 * its own key-encryption key gives.
 *
 * In order: parts, databases, what became of the log, ciphertext, the journal once more, and only then, where the journal
 * does not reach the newest checkpoint known, everything is frozen. Nothing is served from a home before all of that: its
 * databases get their names at the end.
 *
 * Threads: any; a main context of its own. Errors: AP_ERR_DENIED "restore" (home not empty, no identity), "backup",
 * "journal", and what opening a vault says.
 */
#pragma once

#include <aparte/clock.h>
#include <aparte/config.h>
#include <aparte/secret.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct ap_restore_wish {
	const char *from;    /* a backup's directory */
	const char *journal; /* its directory; NULL: there is none */
	const char *home;    /* made as needed; vault/ and recordings/ empty */
	const struct ap_config *config;
	const struct ap_clock *clock;
	/* One of the two: the restore operator's, or the key-encryption key of the vault that proves. Borrowed. */
	const struct ap_secret *identity, *kek;
	/* Where the key-encryption key is put (32 bytes, 0600); NULL for a proof, which keeps it in memory. */
	const char *kek_file;
	bool proof; /* ciphertext is verified where it lies, and not copied */
	/* Asked between steps, on the calling thread; true: it ends "stopped" (AP_ERR_DENIED). NULL: never. */
	bool (*stopped)(void *ctx);
	void *ctx;
};

struct ap_restore_report {
	int64_t vault_made_ms, keys_made_ms;
	int64_t living;		/* recordings that came back and play */
	int64_t erased, withdrawn, revoked; /* by the journal, once more */
	int64_t frozen;		/* recordings; 0: nothing was */
	int64_t broken;		/* recordings that should play and do not */
	bool continued;		/* the log goes on under another name */
	char *origin;		/* owned: the log's name now */
	GPtrArray *problems;	/* owned: of char *, sentences */
};

struct ap_result ap_restore_run(const struct ap_restore_wish *wish, struct ap_restore_report *ret_report);
void ap_restore_report_clear(struct ap_restore_report *report);
/* As JSON text; g_free. */
char *ap_restore_report_text(const struct ap_restore_report *report);

/* Removes a home with everything in it: a proof's scratch place. */
void ap_restore_remove(const char *home);
