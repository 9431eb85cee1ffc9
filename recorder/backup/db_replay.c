#include "recorder/backup/db_replay.h"

static struct ap_result run_counted(struct ap_db *db, const char *sql, const struct ap_value *values, bool *ret_changed)
{
	AP_TRY(ap_db_run(db, sql, values));
	*ret_changed = ap_db_changes(db) > 0;
	return AP_SUCCESS;
}

static struct ap_result ask(struct ap_db *db, const char *sql, const struct ap_value *values, bool *ret_yes)
{
	int64_t n = 0;
	AP_TRY(ap_db_count(db, sql, values, &n));
	*ret_yes = n > 0;
	return AP_SUCCESS;
}

struct ap_result ap_db_replay_hold_wanted(struct ap_db *db, const struct ap_replay_hold_row *hold, bool *ret_wanted)
{
	return ask(db,
		   "SELECT count(*) FROM recording WHERE id = ?1 AND state <> 'erased' AND NOT EXISTS (SELECT 1 FROM hold WHERE id = ?2)",
		   AP_VALUES(AP_V_UUID(&hold->recording), AP_V_UUID(&hold->id)), ret_wanted);
}

struct ap_result ap_db_replay_hold(struct ap_db *db, const struct ap_replay_hold_row *hold, uint64_t leaf)
{
	return ap_db_run(db,
			 "INSERT INTO hold (id, recording, ground, reason, proposed_by, created_ms, ends_ms, leaf)"
			 " VALUES (?1, ?2, ?3, '', 'journal', ?4, ?5, ?6)",
			 AP_VALUES(AP_V_UUID(&hold->id), AP_V_UUID(&hold->recording), AP_V_TEXT(hold->ground),
				   AP_V_INT(hold->created_ms), AP_V_INT(hold->ends_ms), AP_V_INT(leaf)));
}

struct ap_result ap_db_replay_hold_lifted(struct ap_db *db, const struct ap_uuid *hold, int64_t at_ms)
{
	return ap_db_run(db, "UPDATE hold SET lifted_ms = ?2, lifted_by = 'journal' WHERE id = ?1 AND lifted_ms IS NULL",
			 AP_VALUES(AP_V_UUID(hold), AP_V_INT(at_ms)));
}

struct ap_result ap_db_replay_policy_known(struct ap_db *db, const char *name, int64_t version, bool *ret_known)
{
	return ask(db, "SELECT count(*) FROM policy WHERE name = ?1 AND version = ?2",
		   AP_VALUES(AP_V_TEXT(name), AP_V_INT(version)), ret_known);
}

struct ap_result ap_db_replay_policy(struct ap_db *db, const char *name, int64_t version, const char *document, int64_t now_ms)
{
	return ap_db_run(db, "INSERT INTO policy (name, version, document, created_ms, set_by) VALUES (?1, ?2, ?3, ?4, 'journal')",
			 AP_VALUES(AP_V_TEXT(name), AP_V_INT(version), AP_V_TEXT(document), AP_V_INT(now_ms)));
}

struct ap_result ap_db_replay_conduct(struct ap_db *db, int64_t version, const char *lang, const char *document,
				      const uint8_t sha256[32], int64_t now_ms)
{
	return ap_db_run(db,
			 "INSERT INTO conduct (version, lang, document, sha256, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)"
			 " ON CONFLICT (version, lang) DO NOTHING",
			 AP_VALUES(AP_V_INT(version), AP_V_TEXT(lang), AP_V_TEXT(document), AP_V_HASH(sha256), AP_V_INT(now_ms)));
}

struct ap_result ap_db_replay_tenant_rules(struct ap_db *db, int64_t tenant, const char *policy, const char *region,
					   bool *ret_changed)
{
	return run_counted(db,
			   "UPDATE tenant SET policy = ?2, region = nullif(?3, '') WHERE id = ?1"
			   " AND (policy <> ?2 OR coalesce(region, '') <> ?3)",
			   AP_VALUES(AP_V_INT(tenant), AP_V_TEXT(policy), AP_V_TEXT(region)), ret_changed);
}

struct ap_result ap_db_replay_credentials(struct ap_db *db, int64_t user, int64_t number, bool *ret_changed)
{
	AP_TRY(run_counted(db, "UPDATE user_ SET password = 'replaced' || ?2 WHERE id = ?1 AND credentials < ?2",
			   AP_VALUES(AP_V_INT(user), AP_V_INT(number)), ret_changed));
	/* The trigger counted one; what the journal counted is what later lines follow on. */
	return ap_db_run(db, "UPDATE user_ SET credentials = ?2 WHERE id = ?1 AND credentials < ?2",
			 AP_VALUES(AP_V_INT(user), AP_V_INT(number)));
}

struct ap_result ap_db_replay_approval(struct ap_db *db, const struct ap_uuid *approval, bool *ret_changed)
{
	return run_counted(db, "UPDATE approval SET approved = 0, until_ms = NULL WHERE id = ?1 AND approved = 1",
			   AP_VALUES(AP_V_UUID(approval)), ret_changed);
}
