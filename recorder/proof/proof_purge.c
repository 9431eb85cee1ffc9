/*
 * vault.db is rewritten after something of it was to be gone: what was deleted may be left in unused parts of its pages.
 *
 * Writers wait meanwhile, and a gate waits half a second (recorder/core.c) before it closes. Measured on one slow virtual disk,
 * with the log emptied after: 4 MiB 0.06 s, 16 MiB 0.3 s, 64 MiB 0.6 s.
 */
#include "recorder/proof/db_proof.h"
#include "recorder/proof/proof.h"
#include "recorder/vault.h"

#include <aparte/log.h>
#include <sys/statvfs.h>

#define MIB (INT64_C(1) << 20)
#define SIZE_BUSY (4 * MIB) /* while a session is on */
#define RETRY_MS (INT64_C(3600) * 1000)
#define DAY_MS (INT64_C(24) * 3600 * 1000)

static int64_t largest(const struct ap_proof_purge *state)
{
	return state->busy ? SIZE_BUSY : AP_PROOF_PURGE_SERVING;
}

struct ap_result ap_proof_purge(struct ap_vault *v, struct ap_proofs *p)
{
	struct ap_proof_purge state;
	struct ap_db *db = ap_vault_db(v);
	int64_t now = ap_wall_ms(ap_vault_clock(v));
	if (now < p->purge_ms || now < p->retry_ms)
		return AP_SUCCESS;
	AP_TRY(ap_db_proof_purge_state(db, &state));
	if (!state.owed || state.size > largest(&state))
		return AP_SUCCESS;
	p->retry_ms = now + RETRY_MS;
	AP_TRY(ap_db_proof_purge(db, NULL));
	p->retry_ms = 0;
	p->purge_ms = now + DAY_MS;
	return AP_SUCCESS;
}

/* ---- the start ---- */

/* The copy, and then the same in the log before it is written back. */
static bool has_room(struct ap_vault *v, const char *directory, int64_t size)
{
	struct statvfs st;
	uint64_t floor = (uint64_t)ap_config_int(ap_vault_config(v), "storage.floor_mib") << 20;
	return statvfs(directory, &st) == 0 && (uint64_t)st.f_bavail * st.f_frsize >= floor + 2 * (uint64_t)size;
}

/* Said before it is tried: a start that did not outlast it is not to be followed by another one. */
static struct ap_result purge_at_start(struct ap_vault *v, const struct ap_proof_purge *state)
{
	struct ap_db *db = ap_vault_db(v);
	g_autofree char *directory = g_build_filename(ap_vault_home(v), "vault", NULL);
	if (state->begun) {
		AP_TRY(ap_db_proof_purge_begun(db, false));
		return ap_fail(AP_ERR_IO, "interrupted", "the last start ended while vault.db was rewritten; the next one tries again");
	}
	if (!has_room(v, directory, state->size))
		return ap_fail(AP_ERR_IO, "storage", "no room to rewrite vault.db");
	AP_TRY(ap_db_proof_purge_begun(db, true));
	struct ap_result r = ap_db_proof_purge(db, directory);
	if (!ap_ok(r))
		AP_IGNORE(ap_db_proof_purge_begun(db, false)); /* what failed is told */
	return r;
}

void ap_proof_start(struct ap_vault *v)
{
	struct ap_proof_purge state;
	struct ap_result r = ap_db_proof_purge_state(ap_vault_db(v), &state);
	if (ap_ok(r) && state.owed && state.size <= AP_PROOF_PURGE_START)
		r = purge_at_start(v, &state);
	if (!ap_ok(r))
		ap_log(AP_LOG_WARN, "vault_db_not_rewritten", "reason=%s", r.name);
}
