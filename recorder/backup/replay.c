#include "recorder/backup/replay_private.h"

#include "recorder/api/answer.h"
#include "recorder/backup/db_backup.h"
#include "recorder/api/body.h"
#include "recorder/db/db_consent.h"
#include "recorder/db/db_recording.h"
#include "recorder/db/db_staff_erasure.h"
#include "recorder/erasure/erasure.h"
#include "recorder/offboard/db_offboard.h"
#include "recorder/api/staff.h"

#include <string.h>

#define PASSES 1000 /* of erasures, some hundreds each */

bool ap_replay_id(const struct ap_replay_line *l, const char *name, struct ap_uuid *ret_id)
{
	return ap_uuid_parse(ap_body_text_or_empty(l->o, name), ret_id);
}

struct ap_result ap_replay_malformed(void)
{
	return ap_fail(AP_ERR_PROTOCOL, "journal", "a line of the journal lacks what its event needs");
}

/* ---- consents ---- */

static ap_purposes purposes_of(JsonObject *o)
{
	JsonNode *node = json_object_get_member(o, "purposes");
	JsonArray *list = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
	ap_purposes purposes = 0;
	enum ap_purpose p;
	for (guint i = 0; list && i < json_array_get_length(list); i++)
		if (ap_purpose_parse(json_array_get_string_element(list, i), &p))
			purposes |= AP_PURPOSE_BIT(p);
	return purposes;
}

static struct ap_result put_decision(const struct ap_replay_line *l, struct ap_consent_row *row)
{
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", ap_decision_text(row->event));
	ap_answer_id(body, "session", &row->session);
	ap_answer_text(body, "role", ap_role_text(row->role));
	json_object_set_member(body, "purposes", json_node_copy(json_object_get_member(l->o, "purposes")));
	ap_answer_text(body, "evidence", "unsigned");
	ap_answer_text(body, "from", "journal");
	AP_TRY(ap_ledger_append(ap_vault_ledger(l->r->v), l->db, AP_LEAF_CONSENT, body, &row->leaf));
	return ap_db_consent_put(l->db, row);
}

static struct ap_result erase_taken(const struct ap_replay_line *l, const struct ap_recording *recording, int64_t at)
{
	if (strcmp(recording->state, "erased") == 0 || recording->created_ms > at)
		return AP_SUCCESS; /* made under a later consent */
	if (strcmp(recording->state, "recording") == 0)
		AP_TRY(ap_db_recording_stop(l->db, &recording->id, l->now_ms));
	struct ap_result r = ap_erasure_order(l->r->v, l->db, &recording->id, AP_ERASE_WITHDRAWAL);
	return strcmp(r.name, "held") == 0 ? AP_SUCCESS : r;
}

/* As the vault does it when it takes a withdrawal: what it says of `recording` is the order to erase, but for holds. */
static struct ap_result put_all(const struct ap_replay_line *l, struct ap_consent_row *row)
{
	g_autoptr(GArray) list = NULL;
	AP_TRY(put_decision(l, row));
	if (!(row->purposes & AP_PURPOSE_BIT(AP_PURPOSE_RECORDING)))
		return AP_SUCCESS;
	AP_TRY(ap_db_recording_list(l->db, &row->session, &list));
	for (guint i = 0; i < list->len; i++)
		AP_TRY(erase_taken(l, &g_array_index(list, struct ap_recording, i), row->received_ms));
	return AP_SUCCESS;
}

static struct ap_result replay_decision(const struct ap_replay_line *l, enum ap_decision event)
{
	bool known = false, taken = false;
	struct ap_consent_row row = { .event = event, .purposes = purposes_of(l->o) };
	if (!ap_replay_id(l, "session", &row.session) || !ap_role_parse(ap_body_text_or_empty(l->o, "role"), &row.role) ||
	    !ap_time_parse(ap_body_text_or_empty(l->o, "at"), &row.received_ms) || !row.purposes)
		return ap_replay_malformed();
	row.event_ms = row.received_ms;
	AP_TRY(ap_db_replay_session_known(l->db, &row.session, &known));
	if (known)
		AP_TRY(ap_db_consent_taken(l->db, &row.session, row.role, event, row.received_ms, &taken));
	if (!known || taken)
		return AP_SUCCESS; /* of after the backup, or in it */
	AP_TRY(ap_db_begin(l->db));
	AP_TRY(ap_db_finish(l->db, put_all(l, &row)));
	l->r->report->withdrawn++;
	ap_staff_rights()->consents_changed(l->r->v, &row.session);
	return AP_SUCCESS;
}

static struct ap_result replay_withdrawn(const struct ap_replay_line *l)
{
	return replay_decision(l, AP_WITHDRAWN);
}

static struct ap_result replay_refused(const struct ap_replay_line *l)
{
	return replay_decision(l, AP_REFUSED);
}

/* ---- erasures: ordered again as they were, whatever hold or restriction the copy still has ---- */

static struct ap_result order(struct ap_restoring *r, struct ap_db *db, const struct ap_uuid *recording, const char *cause)
{
	uint64_t leaf;
	struct ap_uuid id = ap_uuid_random();
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "erasure_ordered");
	ap_answer_id(body, "erasure", &id);
	ap_answer_id(body, "recording", recording);
	ap_answer_text(body, "cause", cause);
	ap_answer_text(body, "from", "journal");
	AP_TRY(ap_ledger_append(ap_vault_ledger(r->v), db, AP_LEAF_ERASURE_ORDERED, body, &leaf));
	return ap_db_erasure_insert(db, &id, recording, cause, ap_wall_ms(r->wish->clock), leaf);
}

static struct ap_result erase(struct ap_restoring *r, struct ap_db *db, const struct ap_uuid *recording, const char *cause)
{
	bool erasable = false;
	AP_TRY(ap_db_replay_erasable(db, recording, &erasable));
	if (!erasable)
		return AP_SUCCESS;
	AP_TRY(ap_db_begin(db));
	AP_TRY(ap_db_finish(db, order(r, db, recording, cause)));
	r->report->erased++;
	return AP_SUCCESS;
}

static struct ap_result replay_erasure(const struct ap_replay_line *l)
{
	struct ap_uuid recording;
	const char *cause = ap_body_text_or_empty(l->o, "cause");
	return ap_replay_id(l, "recording", &recording) ? erase(l->r, l->db, &recording, *cause ? cause : AP_ERASE_REQUEST) : ap_replay_malformed();
}

/* ---- revocations and restrictions ---- */

static struct ap_result log_revoked(const struct ap_replay_line *l, const struct ap_uuid *grant)
{
	uint64_t leaf;
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "revoked");
	ap_answer_id(body, "grant", grant);
	ap_answer_text(body, "from", "journal");
	return ap_ledger_append(ap_vault_ledger(l->r->v), l->db, AP_LEAF_GRANT, body, &leaf);
}

static struct ap_result revoke_grant(const struct ap_replay_line *l, const struct ap_uuid *grant, bool *ret_changed)
{
	AP_TRY(ap_db_replay_grant(l->db, grant, l->now_ms, ret_changed));
	return *ret_changed ? log_revoked(l, grant) : AP_SUCCESS;
}

static struct ap_result replay_grant(const struct ap_replay_line *l)
{
	struct ap_uuid grant;
	bool changed = false;
	if (!ap_replay_id(l, "grant", &grant))
		return ap_replay_malformed();
	AP_TRY(ap_db_begin(l->db));
	AP_TRY(ap_db_finish(l->db, revoke_grant(l, &grant, &changed)));
	l->r->report->revoked += changed;
	return AP_SUCCESS;
}

static struct ap_result replay_api_key(const struct ap_replay_line *l)
{
	uint8_t hash[32];
	bool changed = false;
	if (!ap_base64url_exact(ap_body_text_or_empty(l->o, "hash"), hash, sizeof hash))
		return ap_replay_malformed();
	AP_TRY(ap_db_replay_api_key(l->db, hash, l->now_ms, &changed));
	l->r->report->revoked += changed;
	return AP_SUCCESS;
}

static struct ap_result replay_user(const struct ap_replay_line *l)
{
	int64_t user = 0;
	bool changed = false, disabled = strcmp(ap_body_text_or_empty(l->o, "event"), "user_disabled") == 0;
	if (!ap_body_int(l->o, "user", &user))
		return ap_replay_malformed();
	AP_TRY(ap_db_replay_user(l->db, user, disabled, l->now_ms, &changed));
	l->r->report->revoked += changed && disabled;
	return AP_SUCCESS;
}

static struct ap_result replay_token(const struct ap_replay_line *l)
{
	struct ap_uuid session;
	enum ap_role role;
	int64_t number = 0;
	uint8_t void_hash[32]; /* of no token */
	bool changed = false;
	if (!ap_replay_id(l, "session", &session) || !ap_role_parse(ap_body_text_or_empty(l->o, "role"), &role) ||
	    !ap_body_int(l->o, "number", &number))
		return ap_replay_malformed();
	randombytes_buf(void_hash, sizeof void_hash);
	AP_TRY(ap_db_replay_token(l->db, &session, role, number, void_hash, l->now_ms, &changed));
	l->r->report->revoked += changed;
	return AP_SUCCESS;
}

static struct ap_result replay_restriction(const struct ap_replay_line *l)
{
	struct ap_uuid recording;
	bool changed = false, restricted = strcmp(ap_body_text_or_empty(l->o, "event"), "restricted") == 0;
	if (!ap_replay_id(l, "recording", &recording))
		return ap_replay_malformed();
	return ap_db_replay_restricted(l->db, &recording, restricted, &changed);
}

/* Goes on to its end by the retention timer, once the vault runs. */
static struct ap_result replay_offboarding(const struct ap_replay_line *l)
{
	struct ap_uuid id;
	int64_t tenant = 0, ordered_ms = 0;
	bool changed = false;
	if (!ap_replay_id(l, "offboarding", &id) || !ap_body_int(l->o, "tenant", &tenant) ||
	    !ap_time_parse(ap_body_text_or_empty(l->o, "at"), &ordered_ms))
		return ap_replay_malformed();
	return ap_db_offboard_replay(l->db, &id, tenant, ordered_ms, &changed);
}

static struct ap_result nothing(const struct ap_replay_line *l)
{
	(void)l;
	return AP_SUCCESS;
}

static const struct {
	const char *event;
	struct ap_result (*replay)(const struct ap_replay_line *l);
} events[] = {
	{ "journal", nothing },
	{ "withdrawn", replay_withdrawn },
	{ "refused", replay_refused },
	{ "erasure", replay_erasure },
	{ "grant_revoked", replay_grant },
	{ "api_key_revoked", replay_api_key },
	{ "user_disabled", replay_user },
	{ "user_enabled", replay_user },
	{ "token_renewed", replay_token },
	{ "restricted", replay_restriction },
	{ "unrestricted", replay_restriction },
	{ "hold", ap_replay_hold },
	{ "hold_lifted", ap_replay_hold_lifted },
	{ "policy", ap_replay_policy },
	{ "conduct", ap_replay_conduct },
	{ "tenant_rules", ap_replay_tenant_rules },
	{ "user_reset", ap_replay_credentials },
	{ "approval_ended", ap_replay_approval },
	{ "tenant_left", replay_offboarding },
};

/* What this version does not know may be what must not be undone: then nothing is restored. */
static struct ap_result replay_line(const struct ap_replay_line *l)
{
	const char *event = ap_body_text_or_empty(l->o, "event");
	for (size_t i = 0; i < G_N_ELEMENTS(events); i++)
		if (strcmp(events[i].event, event) == 0)
			return events[i].replay(l);
	return ap_fail(AP_ERR_PROTOCOL, "journal", "the journal has an event of a newer version: restore with that one");
}

static struct ap_result run_erasures(struct ap_restoring *r)
{
	g_autoptr(GArray) open = NULL;
	for (int i = 0; i < PASSES; i++) {
		AP_TRY(ap_restore_go_on(r));
		AP_TRY(ap_erasure_run(r->v));
		AP_TRY(ap_db_erasure_open(ap_vault_db(r->v), NULL, &open));
		bool done = open->len == 0;
		g_clear_pointer(&open, g_array_unref);
		if (done)
			return AP_SUCCESS;
	}
	return ap_fail(AP_ERR_IO, "restore", "erasures of the journal could not be carried out");
}

/* What was still being recorded when vault.db was copied, and was sealed before its ciphertext was: its end is not here. */
static struct ap_result erase_unfinished(struct ap_restoring *r)
{
	for (guint i = 0; i < r->unfinished->len; i++) {
		const struct ap_uuid *id = &g_array_index(r->unfinished, struct ap_uuid, i);
		AP_TRY(ap_db_recording_stop(ap_vault_db(r->v), id, ap_wall_ms(r->wish->clock)));
		AP_TRY(erase(r, ap_vault_db(r->v), id, "incomplete"));
		ap_restore_problem(r, "a recording that was under way at the backup is not whole in it, and is erased");
	}
	return AP_SUCCESS;
}

struct ap_result ap_restore_replay(struct ap_restoring *r)
{
	struct ap_replay_line l = { .r = r, .db = ap_vault_db(r->v), .now_ms = ap_wall_ms(r->wish->clock) };
	for (guint i = 0; r->lines && i < r->lines->len; i++) {
		l.o = json_node_get_object(r->lines->pdata[i]);
		AP_TRY(ap_restore_go_on(r));
		AP_TRY(replay_line(&l));
	}
	AP_TRY(erase_unfinished(r));
	return run_erasures(r);
}
