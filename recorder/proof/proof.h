/*
 * The restricted archive of proofs of consent (R40).
 *
 * When the last recording of a session is erased, or it ends without one, what proves its consents (statements, keys,
 * signatures, the openings of their leaves, names) is sealed under a key of the session's own in keys.db, wrapped as shares
 * are, and no longer stands in vault.db. The person still reads their receipts; staff need two admins and leave a leaf (05).
 * At the end, base + the shortest `consent_proof_days` of the rules that bind the session, the key is destroyed, and with it
 * every row and every opening about the session: the log verifies as before, and its leaves say nothing but place and time.
 *
 * By date, so a restored copy from before does it again. In a lockdown nothing is moved or read; what is due is destroyed.
 *
 * Main thread. Errors: "not-found" (no proof of that session, any more or yet), "lockdown", "role".
 */
#pragma once

#include "recorder/access/access.h"

#include <json-glib/json-glib.h>

struct ap_vault;

/* After a destruction, else once a day, and an hour after a failure: vault.db is rewritten, so that nothing is left of what was
 * deleted in it. While it serves only where that is over before a gate has waited too long (proof_purge.c). */
#define AP_PROOF_PURGE_SERVING (INT64_C(16) << 20) /* bytes; fewer while a session is on */
#define AP_PROOF_PURGE_START (INT64_C(256) << 20)  /* a longer start would be taken for one that hangs (cli/serve_child.c) */
struct ap_proofs;
struct ap_result ap_proof_purge(struct ap_vault *v, struct ap_proofs *p);
/* Once, before any other thread and any listener: rewrites a vault.db of which that is owed and that is too large to be
 * rewritten while others want to write. What fails is logged. */
void ap_proof_start(struct ap_vault *v);

struct ap_proofs {
	/* state */
	struct ap_uuid sessions, ends; /* where a pass stands */
	int64_t ends_next_ms;	       /* 0 at first: when ends are looked at again */
	int64_t purge_ms, retry_ms;    /* 0 at first: when vault.db may be rewritten again; after a failure */
};

/* For retention's scan while the clock is believed: moves what is over, shortens what a stricter policy shortens, destroys what
 * is due. Some at a time; what fails is logged and tried again. */
struct ap_result ap_proof_scan(struct ap_vault *v, struct ap_proofs *p);

/* ---- reading (proof_open.c) ---- */

/* A person's receipt of a leaf whose opening is in the archive. g_free. "not-found", "lockdown". */
struct ap_result ap_proof_receipt(struct ap_vault *v, const struct ap_uuid *session, uint64_t leaf, char **ret_json);
/* Puts "statement", "key" and "signature" back into rows with "session" and "leaf" that lack them (a person's own copy, R21).
 * What cannot be opened now stays without. */
void ap_proof_fill(struct ap_vault *v, JsonArray *statements);

/* {"total","proofs":[{"session","tenant","kept","until"}],"proposals":[…]}; `after` a session's id or NULL. */
struct ap_result ap_proof_list(struct ap_vault *v, const struct ap_actor *by, const char *after, JsonNode **ret_answer);
/* POST /v1/proofs: {"session","reason"} proposes (202), {"proposal"} of another admin's opens (201). */
struct ap_result ap_proof_post(struct ap_vault *v, const struct ap_actor *by, JsonObject *body, unsigned *ret_status,
			       JsonNode **ret_answer);
