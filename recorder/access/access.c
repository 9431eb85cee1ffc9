#include "recorder/access/access.h"

#include "recorder/access/access_rule.h"
#include "recorder/api/answer.h"
#include "recorder/access/approval.h"
#include "recorder/access/conduct.h"
#include "recorder/db/db_consent.h"
#include "recorder/db/db_staff_access.h"
#include "recorder/db/db_staff_user.h"
#include "recorder/policy/terms.h"
#include "recorder/vault.h"

#include <string.h>

#define EXPORT "export"

char *ap_actor_text(const struct ap_actor *actor)
{
	if (actor->kind == AP_ACTOR_PARTY)
		return g_strconcat("party:", ap_role_text(actor->role), NULL);
	return g_strconcat(actor->kind == AP_ACTOR_VAULT ? "vault:" : "user:", actor->name, NULL);
}

static void fill_state(struct ap_vault *v, const struct ap_access_subject *s, struct ap_access_facts *f)
{
	f->recording = strcmp(s->state, "recording") == 0;
	f->restricted = strcmp(s->state, "restricted") == 0;
	f->erased = s->erasing || strcmp(s->state, "erased") == 0;
	f->lockdown = ap_vault_locked_down(v);
}

/* What was withdrawn and could not be written yet counts as withdrawn. */
static struct ap_result fill_consents(struct ap_vault *v, const struct ap_uuid *recording, const struct ap_uuid *session,
				      struct ap_access_facts *f)
{
	AP_TRY(ap_db_consent_both_of(ap_vault_db(v), recording, session, &f->both));
	f->both &= ~ap_owed_taken(ap_vault_owed(v), session);
	return AP_SUCCESS;
}

static struct ap_result fill_other(struct ap_vault *v, const struct ap_actor *actor, struct ap_access_facts *f)
{
	struct ap_consent_state state;
	enum ap_role other = actor->role == AP_COACH ? AP_COACHEE : AP_COACH;
	AP_TRY(ap_db_consent_state(ap_vault_db(v), &actor->session, other, &state));
	f->other = ap_consent_given(&state) & ~ap_owed_taken(ap_vault_owed(v), &actor->session);
	return AP_SUCCESS;
}

/* Consents read from a vault.db that is older than its log once was are worth nothing. */
static struct ap_result check_log(struct ap_vault *v)
{
	if (ap_ledger_stopped(ap_vault_ledger(v)))
		return ap_fail(AP_ERR_IO, "vault-unavailable", "the log is not what was signed; see aparte doctor");
	return AP_SUCCESS;
}

static struct ap_result fill_actor(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *recording,
				   const struct ap_access_subject *s, struct ap_access_facts *f)
{
	struct ap_db *db = ap_vault_db(v);
	f->kind = actor->kind;
	f->staff = actor->staff;
	if (actor->kind == AP_ACTOR_PARTY) {
		f->own = ap_uuid_equal(&actor->session, &s->session);
		AP_TRY(fill_other(v, actor, f));
	} else if (actor->staff == AP_STAFF_COACH)
		f->own = actor->party_id[0] && actor->tenant == s->tenant && strcmp(actor->party_id, s->coach) == 0;
	else if (actor->staff == AP_STAFF_SUPERVISOR || actor->staff == AP_STAFF_SPONSOR) {
		int64_t now = ap_vault_believed_ms(v);
		AP_TRY(ap_db_access_sponsored(db, recording, actor->user, &f->sponsored));
		AP_TRY(ap_db_grant_exists(db, recording, actor->user, NULL, now, &f->known));
		AP_TRY(ap_db_grant_exists(db, recording, actor->user, ap_purpose_text(f->purpose), now, &f->granted));
	}
	return fill_consents(v, recording, &s->session, f);
}

/* What the recording's terms add for staff: the two speakers are bound by their consents alone (R38), but for how long one
 * may take the other away with them (R16, R39). */
static struct ap_result decide_terms(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *recording,
				     enum ap_purpose purpose, struct ap_term_access *ret_terms)
{
	struct ap_term_access terms = {.ends_ms = INT64_MAX};
	if (actor->kind == AP_ACTOR_STAFF || purpose == AP_PURPOSE_SHARE_COPY)
		AP_TRY(ap_terms_access(v, recording, purpose, &terms));
	if (actor->kind != AP_ACTOR_STAFF)
		terms.needs = (struct ap_access_needs){0}; /* a person's own copy waits for nobody's word */
	if (terms.ended)
		return ap_fail(AP_ERR_DENIED, "role", "the time for this purpose is over for this recording");
	*ret_terms = terms;
	return AP_SUCCESS;
}

static struct ap_result decide(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *recording,
			       enum ap_purpose purpose, struct ap_term_access *ret_terms)
{
	struct ap_access_subject s = {0};
	struct ap_access_facts f = {.purpose = purpose};
	AP_TRY(check_log(v));
	AP_TRY(ap_db_access_subject(ap_vault_db(v), recording, &s));
	fill_state(v, &s, &f);
	struct ap_result r = fill_actor(v, actor, recording, &s, &f);
	g_free(s.coach);
	AP_TRY(r);
	AP_TRY(ap_access_decide(&f));
	return decide_terms(v, actor, recording, purpose, ret_terms);
}

/* An export is no viewing: an admin's, allowed while the recording is living and both still consent to it. */
static struct ap_result decide_export(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *recording,
				      struct ap_term_access *ret_terms)
{
	struct ap_access_subject s = {0};
	/* Judged as a person's own viewing of it: same states, same consent. */
	struct ap_access_facts f = {.kind = AP_ACTOR_PARTY, .own = true, .purpose = AP_PURPOSE_RECORDING};
	if (actor->kind != AP_ACTOR_STAFF || actor->staff != AP_STAFF_ADMIN)
		return ap_fail(AP_ERR_DENIED, "role", "only an admin exports");
	AP_TRY(ap_db_access_subject(ap_vault_db(v), recording, &s));
	g_free(s.coach);
	if (actor->tenant && actor->tenant != s.tenant)
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such recording for you");
	fill_state(v, &s, &f);
	AP_TRY(check_log(v));
	AP_TRY(fill_consents(v, recording, &s.session, &f));
	AP_TRY(ap_access_decide(&f));
	/* It lives as long as any purpose both still give: what is over for viewing is not for a right of access. */
	AP_TRY(ap_terms_access(v, recording, AP_PURPOSE_RECORDING, ret_terms));
	ret_terms->ends_ms = INT64_MAX;
	return AP_SUCCESS;
}

static JsonObject *leaf_body(const char *event, const struct ap_uuid *access, const struct ap_uuid *recording)
{
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", event);
	ap_answer_id(body, "access", access);
	ap_answer_id(body, "recording", recording);
	return body;
}

static struct ap_result write_begun(struct ap_vault *v, const struct ap_access *access, const char *actor,
				    const char *purpose, const char *reason)
{
	uint64_t leaf;
	struct ap_db *db = ap_vault_db(v);
	JsonObject *body = leaf_body("access_begun", &access->id, &access->recording);
	ap_answer_text(body, "actor", actor);
	ap_answer_text(body, "purpose", purpose);
	ap_answer_text(body, "reason", reason);
	if (access->approved)
		ap_answer_id(body, "approval", &access->approval);
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), db, AP_LEAF_ACCESS_BEGUN, body, &leaf));
	return ap_db_access_insert(db, access, actor, purpose, reason, ap_vault_believed_ms(v), leaf);
}

static bool needs_word(const struct ap_access_needs *needs)
{
	return needs->four_eyes || needs->admin_approval;
}

/* Finds the second person's word, or asks for it: `pending` then. */
static struct ap_result seek_word(struct ap_vault *v, const struct ap_actor *actor, const struct ap_approval_wish *wish,
				  struct ap_access *access)
{
	int64_t until_ms;
	if (ap_ok(ap_approval_find(v, actor, wish, &access->approval, &until_ms))) {
		access->approved = true;
		access->expires_ms = MIN(access->expires_ms, until_ms);
		return AP_SUCCESS;
	}
	access->pending = true;
	return ap_approval_ask(v, actor, wish, &access->approval, &access->expires_ms);
}

static struct ap_result begin(struct ap_vault *v, const struct ap_actor *actor, const struct ap_approval_wish *wish,
			      int64_t ends_ms, struct ap_access *ret_access)
{
	g_autofree char *who = ap_actor_text(actor);
	struct ap_access access = {.recording = wish->recording,
				   .expires_ms = MIN(ap_vault_believed_ms(v) + AP_ACCESS_MS, ends_ms)};
	if (actor->kind == AP_ACTOR_STAFF)
		AP_TRY(ap_conduct_check(v, actor));
	if (needs_word(&wish->needs))
		AP_TRY(seek_word(v, actor, wish, &access));
	if (!access.pending) {
		access.id = ap_uuid_random();
		AP_TRY(ap_db_begin(ap_vault_db(v)));
		AP_TRY(ap_db_finish(ap_vault_db(v), write_begun(v, &access, who, wish->purpose, wish->reason)));
	}
	*ret_access = access;
	return AP_SUCCESS;
}

static struct ap_result check_reason(const char *reason)
{
	if (!reason || !reason[strspn(reason, " \t\r\n")])
		return ap_fail(AP_ERR_DENIED, "access-reason-required", "say why you need to see this recording");
	if (strlen(reason) > 1000)
		return ap_fail(AP_ERR_LIMIT, "invalid", "a reason has at most 1000 bytes");
	return AP_SUCCESS;
}

struct ap_result ap_access_begin(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *recording,
				 const char *purpose, const char *reason, struct ap_access *ret_access)
{
	enum ap_purpose parsed;
	if (!purpose || !purpose[0])
		return ap_fail(AP_ERR_DENIED, "access-reason-required", "name the purpose of this access");
	if (!ap_purpose_parse(purpose, &parsed))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "there is no such purpose");
	AP_TRY(check_reason(reason));
	struct ap_term_access terms;
	AP_TRY(decide(v, actor, recording, parsed, &terms));
	const struct ap_approval_wish wish = {*recording, purpose, reason, terms.needs};
	return begin(v, actor, &wish, terms.ends_ms, ret_access);
}

struct ap_result ap_access_begin_export(struct ap_vault *v, const struct ap_actor *actor,
					const struct ap_uuid *recording, const char *reason,
					struct ap_access *ret_access)
{
	AP_TRY(check_reason(reason));
	struct ap_term_access terms;
	AP_TRY(decide_export(v, actor, recording, &terms));
	const struct ap_approval_wish wish = {*recording, EXPORT, reason, terms.needs};
	return begin(v, actor, &wish, terms.ends_ms, ret_access);
}

/* The word it was begun under may have been taken back, and more be needed than then. */
static struct ap_result check_word(struct ap_vault *v, const struct ap_access_row *row,
				   const struct ap_access_needs *needs)
{
	bool holds = !needs_word(needs);
	if (row->approved && !holds)
		AP_TRY(ap_approval_holds(v, &row->approval, needs, &holds));
	return holds ? AP_SUCCESS : ap_fail(AP_ERR_DENIED, "role", "this needs another person's approval; ask again");
}

static struct ap_result decide_row(struct ap_vault *v, const struct ap_actor *actor, const struct ap_access_row *row)
{
	enum ap_purpose purpose;
	struct ap_term_access terms;
	if (strcmp(row->purpose, EXPORT) == 0)
		AP_TRY(decide_export(v, actor, &row->recording, &terms));
	else if (!ap_purpose_parse(row->purpose, &purpose))
		return ap_fail(AP_ERR_INTERNAL, "internal", "an access has an unknown purpose");
	else
		AP_TRY(decide(v, actor, &row->recording, purpose, &terms));
	return check_word(v, row, &terms.needs);
}

struct ap_result ap_access_check(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *access,
				 const struct ap_uuid *recording)
{
	struct ap_access_row row;
	g_autofree char *who = ap_actor_text(actor);
	struct ap_result none =
		ap_fail(AP_ERR_DENIED, "access-reason-required", "begin an access to this recording first");
	if (!ap_ok(ap_db_access_load(ap_vault_db(v), access, &row)))
		return none;
	struct ap_result r = none;
	if (strcmp(row.actor, who) == 0 && ap_uuid_equal(&row.recording, recording)) {
		r = decide_row(v, actor, &row);
		if (ap_ok(r) && (row.ended_ms || row.expires_ms <= ap_vault_believed_ms(v)))
			r = none;
	}
	ap_access_row_clear(&row);
	return r;
}

struct ap_result ap_access_find(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *recording,
				const char *purpose, struct ap_uuid *ret_access)
{
	struct ap_access_subject s = {0};
	g_autofree char *who = ap_actor_text(actor);
	if (actor->kind == AP_ACTOR_PARTY) {
		AP_TRY(ap_db_access_subject(ap_vault_db(v), recording, &s));
		g_free(s.coach);
		if (!ap_uuid_equal(&s.session, &actor->session))
			return ap_fail(AP_ERR_DENIED, "not-found", "there is no such recording for you");
	}
	return ap_db_access_find(ap_vault_db(v), who, recording, purpose, ap_vault_believed_ms(v), ret_access);
}

struct ap_result ap_access_count(struct ap_vault *v, const struct ap_uuid *access, uint64_t bytes)
{
	return ap_db_access_count(ap_vault_db(v), access, bytes);
}

static struct ap_result write_ended(struct ap_vault *v, const struct ap_access_row *row)
{
	uint64_t leaf;
	JsonObject *body = leaf_body("access_ended", &row->id, &row->recording);
	json_object_set_int_member(body, "bytes", row->bytes);
	AP_TRY(ap_ledger_append_or_owe(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_ACCESS_ENDED, body, &leaf));
	return ap_db_access_ended(ap_vault_db(v), &row->id, ap_vault_believed_ms(v), leaf);
}

struct ap_result ap_access_end(struct ap_vault *v, const struct ap_uuid *access)
{
	struct ap_access_row row;
	struct ap_db *db = ap_vault_db(v);
	AP_TRY(ap_db_access_load(db, access, &row));
	struct ap_result r = AP_SUCCESS;
	if (!row.ended_ms) {
		r = ap_db_begin(db);
		if (ap_ok(r))
			r = ap_db_finish(db, write_ended(v, &row));
	}
	ap_access_row_clear(&row);
	return r;
}

/* Who wrote the row, as they stand today. False when there is no such user any more. */
static bool actor_of(struct ap_vault *v, const struct ap_access_row *row, struct ap_actor *ret_actor)
{
	struct ap_access_subject s = {0};
	struct ap_actor actor = {.kind = AP_ACTOR_PARTY};
	if (g_str_has_prefix(row->actor, "user:"))
		return ap_ok(ap_db_user_actor(ap_vault_db(v), row->actor + 5, ret_actor));
	if (!g_str_has_prefix(row->actor, "party:") || !ap_role_parse(row->actor + 6, &actor.role) ||
	    !ap_ok(ap_db_access_subject(ap_vault_db(v), &row->recording, &s)))
		return false;
	actor.session = s.session;
	g_free(s.coach);
	*ret_actor = actor;
	return true;
}

static struct ap_result sweep_one(struct ap_vault *v, const struct ap_uuid *id)
{
	struct ap_access_row row;
	struct ap_actor actor;
	AP_TRY(ap_db_access_load(ap_vault_db(v), id, &row));
	bool over = row.expires_ms <= ap_vault_believed_ms(v) || !actor_of(v, &row, &actor) ||
		    !ap_ok(decide_row(v, &actor, &row));
	ap_access_row_clear(&row);
	return over ? ap_access_end(v, id) : AP_SUCCESS;
}

struct ap_result ap_access_sweep(struct ap_vault *v, const struct ap_uuid *recording)
{
	g_autoptr(GArray) ids = NULL;
	AP_TRY(ap_db_access_open(ap_vault_db(v), recording, ap_vault_believed_ms(v), &ids));
	for (guint i = 0; i < ids->len; i++)
		AP_TRY(sweep_one(v, &g_array_index(ids, struct ap_uuid, i)));
	return AP_SUCCESS;
}
