/*
 * What `aparte ledger verify` knows beforehand (the log's key, witnesses' keys), and the proofs it holds against that
 * without asking anyone.
 *
 * Failures are told on stderr; the functions give exit statuses of cli/commands.h. Threads: one.
 */
#pragma once

#include <recorder/ledger/cosignature.h>
#include <stdio.h>

struct ap_ledger_pins {
	struct ap_log_key key;
	struct ap_log_key witnesses[AP_WITNESSES_MAX];
	size_t count;
	unsigned quorum; /* of them must have cosigned */
};

/* `witnesses` is NULL-terminated or NULL; quorum -1: all of them. */
int ap_ledger_pins_parse(const char *vkey, char **witnesses, int quorum, struct ap_ledger_pins *ret_pins);
/* Enough witnesses cosigned this note. */
bool ap_ledger_pins_hold(const struct ap_ledger_pins *pins, const char *note);

/* `older` may be NULL: a file with an older checkpoint, or with a receipt that has one. */
int ap_ledger_verify_log(const char *path, const char *older, const struct ap_ledger_pins *pins, bool json);
/* `older` and `newer` may be NULL: files whose checkpoints the proof must be of. */
int ap_ledger_verify_consistency(const char *path, const char *older, const char *newer, const struct ap_ledger_pins *pins,
				 bool json);
/* From a file with a note or a receipt: its checkpoint, signed by this key, and the note (g_free; may be NULL). */
bool ap_ledger_read_checkpoint(const char *path, const struct ap_log_key *key, struct ap_checkpoint *ret_checkpoint,
			       char **ret_note);
/* "<origin>: <size> leaves, root <root>", or as JSON; AP_EXIT_OK. */
int ap_ledger_tell(const struct ap_checkpoint *checkpoint, const struct ap_checkpoint *older, const char *note,
		   const struct ap_ledger_pins *pins, bool json);
