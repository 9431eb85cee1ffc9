/*
 * What the files of a restore share: parts and databases (restore_parts.c), the log and the journal (restore_log.c),
 * ciphertext (restore_bytes.c), the journal once more (replay.c), the order of it all (restore.c).
 */
#pragma once

#include "recorder/backup/part.h"
#include "recorder/backup/restore.h"
#include "recorder/ledger/checkpoint.h"
#include "recorder/vault.h"

struct ap_restoring {
	/* borrowed */
	const struct ap_restore_wish *wish;
	struct ap_restore_report *report;
	/* owned */
	char *place;		  /* the home while it is made; becomes wish->home's content */
	struct ap_config *config; /* the wish's, without backups, and with a journal of its own */
	struct ap_secret *kek;
	GPtrArray *lines;      /* of the journal, verified: of JsonNode *; NULL without one */
	GHashTable *erased;    /* ids (text) that the journal says were to be erased */
	GArray *unfinished;    /* struct ap_uuid: still being recorded in the copy, and not whole */
	struct ap_vault *v;
	/* state */
	struct ap_part vault_part, key_part;
	struct ap_checkpoint newest; /* of the log, known anywhere; its origin is where the log stood then */
	uint64_t size;		     /* leaves that came back */
	bool behind;		     /* the log goes on under another name */
	bool reaches;		     /* the journal does */
};

/* A sentence for the operator; taken by printf. */
void ap_restore_problem(struct ap_restoring *r, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Between steps: "stopped" when whoever wished it does not any more. */
struct ap_result ap_restore_go_on(const struct ap_restoring *r);

struct ap_result ap_restore_parts(struct ap_restoring *r);
/* The databases are closed again afterwards. */
struct ap_result ap_restore_judge_log(struct ap_restoring *r);
/* Needs the open vault. */
struct ap_result ap_restore_bytes(struct ap_restoring *r);
struct ap_result ap_restore_replay(struct ap_restoring *r);
/* Do the living ones open? Counts living and broken. */
struct ap_result ap_restore_check(struct ap_restoring *r);
