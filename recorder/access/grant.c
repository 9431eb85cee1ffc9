#include "recorder/access/grant.h"

#include "recorder/api/answer.h"
#include "recorder/db/db_consent.h"
#include "recorder/db/db_staff_access.h"
#include "recorder/db/db_staff_grant.h"
#include "recorder/db/db_staff_user.h"
#include "recorder/policy/terms.h"
#include "recorder/vault.h"

#include <string.h>

/* The coach of that recording, or an admin of its tenant. */
static struct ap_result may_manage(const struct ap_actor *actor, int64_t tenant, const char *coach)
{
	bool here = !actor->tenant || actor->tenant == tenant;
	if (actor->kind == AP_ACTOR_STAFF && here && actor->staff == AP_STAFF_ADMIN)
		return AP_SUCCESS;
	if (actor->kind == AP_ACTOR_STAFF && actor->staff == AP_STAFF_COACH)
		return here && actor->party_id[0] && strcmp(actor->party_id, coach) == 0
			       ? AP_SUCCESS
			       : ap_fail(AP_ERR_DENIED, "not-found", "there is no such recording for you");
	return ap_fail(AP_ERR_DENIED, "role", "only the coach or an admin gives grants");
}

static struct ap_result check_purpose(struct ap_vault *v, const struct ap_uuid *session, const char *text)
{
	enum ap_purpose purpose;
	ap_purposes both;
	if (!ap_purpose_parse(text, &purpose) || purpose == AP_PURPOSE_RECORDING || purpose == AP_PURPOSE_SHARE_COPY)
		return ap_fail(AP_ERR_PROTOCOL, "invalid",
			       "a grant is for supervision, certification, quality, research, "
			       "ai_training or disclosure");
	AP_TRY(ap_db_consent_both(ap_vault_db(v), session, &both));
	if (!(both & AP_PURPOSE_BIT(purpose)))
		return ap_fail(AP_ERR_DENIED, "role", "not both persons consent to this purpose");
	return AP_SUCCESS;
}

/* A grant ends with its purpose. While the recording is made nobody knows yet when that is; each access asks again. */
static struct ap_result bound_by_terms(struct ap_vault *v, const struct ap_access_subject *s, struct ap_grant_wish *wish)
{
	struct ap_term_access terms;
	enum ap_purpose purpose;
	if (strcmp(s->state, "recording") == 0)
		return AP_SUCCESS;
	if (!ap_purpose_parse(wish->purpose, &purpose))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "there is no such purpose");
	AP_TRY(ap_terms_access(v, &wish->recording, purpose, &terms));
	if (terms.ended)
		return ap_fail(AP_ERR_DENIED, "role", "the time for this purpose is over for this recording");
	wish->expires_ms = MIN(wish->expires_ms, terms.ends_ms);
	return AP_SUCCESS;
}

static struct ap_result check_wish(struct ap_vault *v, const struct ap_actor *actor, struct ap_grant_wish *wish,
				   int64_t *ret_tenant)
{
	struct ap_access_subject s = {0};
	AP_TRY(ap_db_access_subject(ap_vault_db(v), &wish->recording, &s));
	struct ap_result r = may_manage(actor, s.tenant, s.coach);
	g_free(s.coach);
	AP_TRY(r);
	if (s.erasing)
		return ap_fail(AP_ERR_DENIED, "erased", "this recording was erased");
	if (wish->expires_ms <= ap_vault_believed_ms(v))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "a grant ends in the future");
	AP_TRY(check_purpose(v, &s.session, wish->purpose));
	*ret_tenant = s.tenant;
	return bound_by_terms(v, &s, wish);
}

static struct ap_result append_leaf(struct ap_vault *v, const char *event, const struct ap_uuid *grant,
				    const struct ap_uuid *recording, const char *by, const struct ap_grant_wish *wish,
				    uint64_t *ret_leaf)
{
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", event);
	ap_answer_id(body, "grant", grant);
	ap_answer_id(body, "recording", recording);
	ap_answer_text(body, "by", by);
	if (wish) {
		ap_answer_text(body, "supervisor", wish->supervisor);
		ap_answer_text(body, "purpose", wish->purpose);
		ap_answer_time(body, "expires", wish->expires_ms);
	}
	if (!wish) /* taken away, whatever becomes of the log */
		return ap_ledger_append_or_owe(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_GRANT, body, ret_leaf);
	return ap_ledger_append(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_GRANT, body, ret_leaf);
}

static struct ap_result write_grant(struct ap_vault *v, const struct ap_uuid *id, const struct ap_grant_wish *wish,
				    int64_t supervisor, const char *by)
{
	uint64_t leaf;
	AP_TRY(append_leaf(v, "granted", id, &wish->recording, by, wish, &leaf));
	return ap_db_grant_insert(ap_vault_db(v), id, wish, supervisor, by, ap_vault_believed_ms(v), leaf);
}

/* Disclosure is to a sponsor of that recording, every other purpose to a supervisor (R8, R10). */
static struct ap_result find_grantee(struct ap_vault *v, const struct ap_grant_wish *wish, int64_t tenant,
				     struct ap_actor *ret_user)
{
	struct ap_actor user;
	bool disclosure = strcmp(wish->purpose, ap_purpose_text(AP_PURPOSE_DISCLOSURE)) == 0, fits;
	if (!ap_ok(ap_db_user_actor(ap_vault_db(v), wish->supervisor, &user)))
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such supervisor or sponsor");
	fits = user.staff == AP_STAFF_SUPERVISOR && !disclosure && (!user.tenant || user.tenant == tenant);
	if (user.staff == AP_STAFF_SPONSOR && disclosure)
		AP_TRY(ap_db_access_sponsored(ap_vault_db(v), &wish->recording, user.user, &fits));
	if (!fits)
		return ap_fail(AP_ERR_DENIED, "not-found",
			       disclosure ? "disclosure is to a sponsor of this recording's tenant and coachee"
					  : "this purpose is granted to a supervisor of this recording's tenant, or of all");
	*ret_user = user;
	return AP_SUCCESS;
}

struct ap_result ap_grant_add(struct ap_vault *v, const struct ap_actor *actor, const struct ap_grant_wish *asked,
			      JsonNode **ret_answer)
{
	struct ap_actor supervisor;
	struct ap_grant_wish given = *asked, *wish = &given;
	struct ap_uuid id = ap_uuid_random();
	int64_t tenant;
	g_autofree char *by = ap_actor_text(actor);
	AP_TRY(check_wish(v, actor, wish, &tenant));
	AP_TRY(find_grantee(v, wish, tenant, &supervisor));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_grant(v, &id, wish, supervisor.user, by)));
	JsonObject *o = json_object_new();
	ap_answer_id(o, "id", &id);
	ap_answer_id(o, "recording", &wish->recording);
	ap_answer_text(o, "supervisor", wish->supervisor);
	ap_answer_text(o, "purpose", wish->purpose);
	ap_answer_time(o, "expires", wish->expires_ms);
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}

static struct ap_result write_revocation(struct ap_vault *v, const struct ap_grant_row *row, const char *by)
{
	uint64_t leaf;
	AP_TRY(append_leaf(v, "revoked", &row->id, &row->recording, by, NULL, &leaf));
	return ap_db_grant_revoked(ap_vault_db(v), &row->id, ap_vault_believed_ms(v));
}

static struct ap_result end_grant(struct ap_vault *v, const struct ap_grant_row *row, const char *by)
{
	if (row->revoked_ms)
		return AP_SUCCESS;
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_revocation(v, row, by)));
	return ap_access_sweep(v, &row->recording);
}

struct ap_result ap_grant_revoke(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *grant)
{
	struct ap_grant_row row;
	g_autofree char *by = ap_actor_text(actor);
	AP_TRY(ap_db_grant_load(ap_vault_db(v), grant, &row));
	struct ap_result r = may_manage(actor, row.tenant, row.coach);
	if (ap_ok(r))
		r = end_grant(v, &row, by);
	ap_grant_row_clear(&row);
	return r;
}

struct ap_result ap_grant_end(struct ap_vault *v, const struct ap_uuid *grant, const char *by)
{
	struct ap_grant_row row;
	AP_TRY(ap_db_grant_load(ap_vault_db(v), grant, &row));
	struct ap_result r = end_grant(v, &row, by);
	ap_grant_row_clear(&row);
	return r;
}

static struct ap_result list(struct ap_vault *v, const struct ap_actor *actor, struct ap_grant_filter *filter, JsonArray **ret_list)
{
	bool coach = actor->staff == AP_STAFF_COACH;
	bool own = actor->staff == AP_STAFF_SUPERVISOR || actor->staff == AP_STAFF_SPONSOR;
	if (!coach && !own && actor->staff != AP_STAFF_ADMIN)
		return ap_fail(AP_ERR_DENIED, "role", "this role does not see grants");
	filter->supervisor = own ? actor->user : 0;
	filter->coach = coach ? actor->party_id : NULL;
	filter->tenant = actor->tenant;
	return ap_db_grant_list(ap_vault_db(v), filter, ret_list);
}

struct ap_result ap_grant_list(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *recording,
			       JsonArray **ret_list)
{
	struct ap_grant_filter filter = {.recording = recording, .limit = 1000};
	return list(v, actor, &filter, ret_list);
}

struct ap_result ap_grant_page(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *after, int64_t limit,
			       JsonArray **ret_list)
{
	struct ap_grant_filter filter = {.after = after, .limit = limit};
	return list(v, actor, &filter, ret_list);
}

static struct ap_result sweep_one(struct ap_vault *v, const struct ap_uuid *id, ap_purposes both)
{
	struct ap_grant_row row;
	enum ap_purpose purpose;
	struct ap_result r = AP_SUCCESS;
	AP_TRY(ap_db_grant_load(ap_vault_db(v), id, &row));
	if (!ap_purpose_parse(row.purpose, &purpose) || !(both & AP_PURPOSE_BIT(purpose)))
		r = end_grant(v, &row, "consent");
	ap_grant_row_clear(&row);
	return r;
}

struct ap_result ap_grant_sweep(struct ap_vault *v, const struct ap_uuid *session)
{
	g_autoptr(GArray) ids = NULL, recordings = NULL;
	ap_purposes both;
	AP_TRY(ap_db_consent_both(ap_vault_db(v), session, &both));
	AP_TRY(ap_db_grant_living(ap_vault_db(v), session, &ids));
	for (guint i = 0; i < ids->len; i++)
		AP_TRY(sweep_one(v, &g_array_index(ids, struct ap_uuid, i), both));
	AP_TRY(ap_db_access_of_session(ap_vault_db(v), session, &recordings));
	for (guint i = 0; i < recordings->len; i++)
		AP_TRY(ap_access_sweep(v, &g_array_index(recordings, struct ap_uuid, i)));
	return AP_SUCCESS;
}
