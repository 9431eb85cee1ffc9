/*
 * What the files of the replay share: withdrawals, erasures and revocations (replay.c), holds, rules and credentials
 * (replay_rules.c).
 */
#pragma once

#include "recorder/backup/restore_private.h"

#include <json-glib/json-glib.h>

/* One line of the journal, once more. All borrowed. */
struct ap_replay_line {
	struct ap_restoring *r;
	struct ap_db *db;
	JsonObject *o;
	int64_t now_ms;
};

bool ap_replay_id(const struct ap_replay_line *l, const char *name, struct ap_uuid *ret_id);
/* A line that lacks what its event needs. */
struct ap_result ap_replay_malformed(void);

/* replay_rules.c: each does nothing where the copy has it already. */
struct ap_result ap_replay_hold(const struct ap_replay_line *l);
struct ap_result ap_replay_hold_lifted(const struct ap_replay_line *l);
struct ap_result ap_replay_policy(const struct ap_replay_line *l);
struct ap_result ap_replay_conduct(const struct ap_replay_line *l);
struct ap_result ap_replay_tenant_rules(const struct ap_replay_line *l);
struct ap_result ap_replay_credentials(const struct ap_replay_line *l);
struct ap_result ap_replay_approval(const struct ap_replay_line *l);
