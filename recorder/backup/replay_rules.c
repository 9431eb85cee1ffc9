/* Holds, policies, tenants' rules, credentials and approvals: what a restore would give an older state. */
#include "recorder/backup/replay_private.h"

#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/backup/db_replay.h"
#include "recorder/db/db_term.h"

#include <aparte/jcs.h>
#include <string.h>

static struct ap_result append(const struct ap_replay_line *l, enum ap_leaf_type type, JsonObject *body, uint64_t *ret_leaf)
{
	ap_answer_text(body, "from", "journal");
	return ap_ledger_append(ap_vault_ledger(l->r->v), l->db, type, body, ret_leaf);
}

/* ---- holds ---- */

static struct ap_result put_hold(const struct ap_replay_line *l, const struct ap_replay_hold_row *hold)
{
	uint64_t leaf;
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "hold");
	ap_answer_id(body, "hold", &hold->id);
	ap_answer_id(body, "recording", &hold->recording);
	ap_answer_text(body, "ground", hold->ground);
	ap_answer_time(body, "ends", hold->ends_ms);
	AP_TRY(append(l, AP_LEAF_HOLD, body, &leaf));
	return ap_db_replay_hold(l->db, hold, leaf);
}

/* The erasure that it stops would happen with the first scan otherwise. */
struct ap_result ap_replay_hold(const struct ap_replay_line *l)
{
	bool wanted = false;
	struct ap_replay_hold_row hold = {.ground = ap_body_text_or_empty(l->o, "ground")};
	if (!ap_replay_id(l, "hold", &hold.id) || !ap_replay_id(l, "recording", &hold.recording) ||
	    !ap_body_int(l->o, "ends", &hold.ends_ms) || !ap_time_parse(ap_body_text_or_empty(l->o, "at"), &hold.created_ms))
		return ap_replay_malformed();
	AP_TRY(ap_db_replay_hold_wanted(l->db, &hold, &wanted));
	if (!wanted)
		return AP_SUCCESS;
	AP_TRY(ap_db_begin(l->db));
	return ap_db_finish(l->db, put_hold(l, &hold));
}

/* What it wanted erased meanwhile is ordered by lines of its own. */
struct ap_result ap_replay_hold_lifted(const struct ap_replay_line *l)
{
	struct ap_uuid hold;
	int64_t at_ms;
	if (!ap_replay_id(l, "hold", &hold) || !ap_time_parse(ap_body_text_or_empty(l->o, "at"), &at_ms))
		return ap_replay_malformed();
	return ap_db_replay_hold_lifted(l->db, &hold, at_ms);
}

/* ---- rules: terms follow with the first scan ---- */

static struct ap_result put_policy(const struct ap_replay_line *l, const char *name, int64_t version, const char *document)
{
	uint64_t leaf;
	struct ap_hash hash = ap_sha256(document, strlen(document));
	g_autofree char *sha256 = ap_hash_hex(&hash);
	JsonObject *body = json_object_new();
	AP_TRY(ap_db_replay_policy(l->db, name, version, document, l->now_ms));
	ap_answer_text(body, "event", "policy");
	ap_answer_text(body, "policy", name);
	json_object_set_int_member(body, "version", version);
	ap_answer_text(body, "sha256", sha256);
	AP_TRY(append(l, AP_LEAF_POLICY, body, &leaf));
	return ap_db_terms_owed_set(l->db, true);
}

struct ap_result ap_replay_policy(const struct ap_replay_line *l)
{
	int64_t version = 0;
	bool known = false;
	const char *name = ap_body_text_or_empty(l->o, "policy");
	JsonObject *document = ap_body_object(l->o, "document");
	g_autofree char *text = NULL;
	if (!*name || !document || !ap_body_int(l->o, "version", &version))
		return ap_replay_malformed();
	AP_TRY(ap_db_replay_policy_known(l->db, name, version, &known));
	if (known)
		return AP_SUCCESS;
	AP_TRY(ap_jcs_from_object(document, &text));
	AP_TRY(ap_db_begin(l->db));
	return ap_db_finish(l->db, put_policy(l, name, version, text));
}

/* Who acknowledged it since is asked again. */
struct ap_result ap_replay_conduct(const struct ap_replay_line *l)
{
	int64_t version = 0;
	const char *lang = ap_body_text_or_empty(l->o, "lang");
	JsonObject *document = ap_body_object(l->o, "document");
	g_autofree char *text = NULL;
	if (!*lang || !document || !ap_body_int(l->o, "version", &version))
		return ap_replay_malformed();
	AP_TRY(ap_jcs_from_object(document, &text));
	struct ap_hash hash = ap_sha256(text, strlen(text));
	return ap_db_replay_conduct(l->db, version, lang, text, hash.b, l->now_ms);
}

static struct ap_result put_rules(const struct ap_replay_line *l, int64_t tenant, const char *policy, const char *region)
{
	bool changed = false;
	AP_TRY(ap_db_replay_tenant_rules(l->db, tenant, policy, region, &changed));
	return changed ? ap_db_terms_owed_set(l->db, true) : AP_SUCCESS;
}

struct ap_result ap_replay_tenant_rules(const struct ap_replay_line *l)
{
	int64_t tenant = 0;
	const char *policy = ap_body_text_or_empty(l->o, "policy");
	if (!*policy || !ap_body_int(l->o, "tenant", &tenant))
		return ap_replay_malformed();
	AP_TRY(ap_db_begin(l->db));
	return ap_db_finish(l->db, put_rules(l, tenant, policy, ap_body_text_or_empty(l->o, "region")));
}

/* ---- who may come in, and what was allowed ---- */

/* The password of then is not to open anything: an admin, or whoever is at the machine, resets it. */
struct ap_result ap_replay_credentials(const struct ap_replay_line *l)
{
	int64_t user = 0;
	guint64 number = 0;
	bool changed = false;
	if (!ap_body_int(l->o, "user", &user) ||
	    !g_ascii_string_to_unsigned(ap_body_text_or_empty(l->o, "number"), 10, 1, INT64_MAX, &number, NULL))
		return ap_replay_malformed();
	AP_TRY(ap_db_begin(l->db));
	AP_TRY(ap_db_finish(l->db, ap_db_replay_credentials(l->db, user, (int64_t)number, &changed)));
	l->r->report->revoked += changed;
	return AP_SUCCESS;
}

struct ap_result ap_replay_approval(const struct ap_replay_line *l)
{
	struct ap_uuid approval;
	bool changed = false;
	if (!ap_replay_id(l, "approval", &approval))
		return ap_replay_malformed();
	AP_TRY(ap_db_replay_approval(l->db, &approval, &changed));
	l->r->report->revoked += changed;
	return AP_SUCCESS;
}
