/*
 * Writes of replay_rules.c to vault.db. Inside the caller's transaction where there is one.
 */
#pragma once

#include "recorder/db/db.h"

/* `ground` is borrowed; the reason is not in the journal. */
struct ap_replay_hold_row {
	struct ap_uuid id, recording;
	const char *ground;
	int64_t created_ms, ends_ms;
};
/* Not there yet, and about a recording that is. */
struct ap_result ap_db_replay_hold_wanted(struct ap_db *db, const struct ap_replay_hold_row *hold, bool *ret_wanted);
struct ap_result ap_db_replay_hold(struct ap_db *db, const struct ap_replay_hold_row *hold, uint64_t leaf);
struct ap_result ap_db_replay_hold_lifted(struct ap_db *db, const struct ap_uuid *hold, int64_t at_ms);

struct ap_result ap_db_replay_policy_known(struct ap_db *db, const char *name, int64_t version, bool *ret_known);
struct ap_result ap_db_replay_policy(struct ap_db *db, const char *name, int64_t version, const char *document, int64_t now_ms);
/* Nothing where it is there. */
struct ap_result ap_db_replay_conduct(struct ap_db *db, int64_t version, const char *lang, const char *document,
				      const uint8_t sha256[32], int64_t now_ms);
/* region "": none. Nothing where the tenant is not there. */
struct ap_result ap_db_replay_tenant_rules(struct ap_db *db, int64_t tenant, const char *policy, const char *region,
					   bool *ret_changed);
/* No password fits any more, unless the copy has that replacement or a later one. */
struct ap_result ap_db_replay_credentials(struct ap_db *db, int64_t user, int64_t number, bool *ret_changed);
struct ap_result ap_db_replay_approval(struct ap_db *db, const struct ap_uuid *approval, bool *ret_changed);
