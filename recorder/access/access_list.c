/* What each may see of recordings and accesses: the answers of lists and details. */
#include "recorder/access/access.h"
#include "recorder/api/answer.h"
#include "recorder/db/db_consent.h"
#include "recorder/db/db_hold.h"
#include "recorder/db/db_library.h"
#include "recorder/db/db_staff_access.h"
#include "recorder/erasure/erasure.h"
#include "recorder/access/grant.h"
#include "recorder/erasure/passage.h"
#include "recorder/policy/terms.h"
#include "recorder/vault.h"

#include <string.h>

static bool sees_content(const struct ap_actor *actor)
{
	return actor->staff == AP_STAFF_SUPERVISOR || actor->staff == AP_STAFF_COACH || actor->staff == AP_STAFF_SPONSOR;
}

static bool state_is(JsonObject *o, const char *state)
{
	return strcmp(json_object_get_string_member_with_default(o, "state", ""), state) == 0;
}

static bool watchable(JsonObject *o)
{
	return state_is(o, "sealed") || state_is(o, "archived");
}

static bool in_term(struct ap_vault *v, const struct ap_uuid *recording, enum ap_purpose purpose)
{
	struct ap_term_access terms;
	return ap_ok(ap_terms_access(v, recording, purpose, &terms)) && !terms.ended;
}

/* The purposes for which an access would be given now, or asked for where it takes a second person's word. */
static JsonArray *purposes_for(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *recording,
			       const struct ap_uuid *session, bool living)
{
	JsonArray *list = json_array_new();
	ap_purposes both = 0;
	if (!living || !ap_ok(ap_db_consent_both(ap_vault_db(v), session, &both)))
		return list;
	for (int p = 0; p < AP_PURPOSE_COUNT; p++) {
		bool may = actor->staff == AP_STAFF_COACH && p <= AP_PURPOSE_CERTIFICATION;
		if (actor->staff == AP_STAFF_SUPERVISOR || actor->staff == AP_STAFF_SPONSOR)
			AP_IGNORE(ap_db_grant_exists(ap_vault_db(v), recording, actor->user,
						     ap_purpose_text((enum ap_purpose)p), ap_vault_believed_ms(v),
						     &may)); /* a failure hides it */
		if (may && (both & AP_PURPOSE_BIT(p)) && in_term(v, recording, (enum ap_purpose)p))
			json_array_add_string_element(list, ap_purpose_text((enum ap_purpose)p));
	}
	return list;
}

static struct ap_result describe(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *recording,
				 JsonObject **ret_object)
{
	g_autoptr(JsonObject) o = NULL;
	JsonArray *grants;
	struct ap_uuid session;
	AP_TRY(ap_db_access_metadata(ap_vault_db(v), recording, &o));
	if (!ap_uuid_parse(json_object_get_string_member(o, "session"), &session))
		return ap_fail(AP_ERR_INTERNAL, "internal", "a recording has no session");
	if (sees_content(actor)) {
		json_object_set_array_member(o, "purposes", purposes_for(v, actor, recording, &session, watchable(o)));
		AP_TRY(ap_db_access_names(ap_vault_db(v), recording, o));
	}
	if (actor->staff == AP_STAFF_ADMIN)
		AP_TRY(ap_db_access_tenant(ap_vault_db(v), &session, o));
	AP_TRY(ap_grant_list(v, actor, recording, &grants));
	json_object_set_array_member(o, "grants", grants);
	*ret_object = g_steal_pointer(&o);
	return AP_SUCCESS;
}

static struct ap_result add_total(struct ap_vault *v, const struct ap_actor *actor, const struct ap_library_wish *wish,
				  JsonObject *answer)
{
	int64_t total;
	if (!wish->count)
		return AP_SUCCESS;
	AP_TRY(ap_db_library_count(ap_vault_db(v), actor, ap_vault_believed_ms(v), wish, &total));
	json_object_set_int_member(answer, "total", total);
	return AP_SUCCESS;
}

struct ap_result ap_access_list(struct ap_vault *v, const struct ap_actor *actor, const struct ap_library_wish *wish,
				JsonNode **ret_answer)
{
	g_autoptr(GArray) ids = NULL;
	g_autoptr(JsonObject) answer = json_object_new();
	JsonArray *list = json_array_new();
	struct ap_library_wish more = *wish;
	more.limit++;
	json_object_set_array_member(answer, "recordings", list);
	AP_TRY(ap_db_library_page(ap_vault_db(v), actor, ap_vault_believed_ms(v), &more, &ids));
	for (guint i = 0; i < ids->len && i < wish->limit; i++) {
		JsonObject *o;
		AP_TRY(describe(v, actor, &g_array_index(ids, struct ap_uuid, i), &o));
		json_array_add_object_element(list, o);
	}
	if (ids->len > wish->limit)
		ap_answer_id(answer, "next", &g_array_index(ids, struct ap_uuid, wish->limit - 1));
	AP_TRY(add_total(v, actor, wish, answer));
	*ret_answer = ap_answer_object(g_steal_pointer(&answer));
	return AP_SUCCESS;
}

struct ap_result ap_access_show(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *recording,
				JsonNode **ret_answer)
{
	g_autoptr(JsonObject) o = NULL;
	g_autofree char *certificate = NULL;
	bool visible = false;
	AP_TRY(ap_db_library_sees(ap_vault_db(v), actor, ap_vault_believed_ms(v), recording, &visible));
	if (!visible)
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such recording for you");
	AP_TRY(describe(v, actor, recording, &o));
	if (sees_content(actor))
		AP_TRY(ap_db_access_tracks(ap_vault_db(v), recording, o));
	AP_TRY(ap_db_access_epochs(ap_vault_db(v), recording, o));
	if (ap_ok(ap_erasure_certificate(v, recording, &certificate)))
		ap_answer_json(o, "certificate", certificate);
	*ret_answer = ap_answer_object(g_steal_pointer(&o));
	return AP_SUCCESS;
}

static struct ap_result describe_for_party(struct ap_vault *v, const struct ap_uuid *recording, bool consented,
					   JsonObject **ret_object)
{
	g_autoptr(JsonObject) o = NULL;
	g_autofree char *certificate = NULL;
	JsonArray *holds;
	AP_TRY(ap_db_access_metadata(ap_vault_db(v), recording, &o));
	json_object_remove_member(o, "reference"); /* the platform's own word for the session */
	json_object_set_boolean_member(o, "watchable", consented && watchable(o));
	AP_TRY(ap_db_access_tracks(ap_vault_db(v), recording, o));
	AP_TRY(ap_db_hold_of(ap_vault_db(v), recording, ap_vault_believed_ms(v), &holds)); /* R20: why, and until when */
	json_object_set_array_member(o, "holds", holds);
	AP_TRY(ap_passage_describe(v, recording, o)); /* R32: both see it */
	if (ap_ok(ap_erasure_certificate(v, recording, &certificate)))
		ap_answer_json(o, "certificate", certificate);
	*ret_object = g_steal_pointer(&o);
	return AP_SUCCESS;
}

struct ap_result ap_access_party_recordings(struct ap_vault *v, const struct ap_actor *actor, char **ret_json)
{
	g_autoptr(GArray) ids = NULL;
	g_autoptr(JsonArray) list = json_array_new();
	ap_purposes both;
	AP_TRY(ap_db_consent_both(ap_vault_db(v), &actor->session, &both));
	AP_TRY(ap_db_access_of_session(ap_vault_db(v), &actor->session, &ids));
	for (guint i = 0; i < ids->len; i++) {
		JsonObject *o;
		bool consented = both & AP_PURPOSE_BIT(AP_PURPOSE_RECORDING);
		AP_TRY(describe_for_party(v, &g_array_index(ids, struct ap_uuid, i), consented, &o));
		json_array_add_object_element(list, o);
	}
	*ret_json = ap_answer_take_text(ap_answer_list("recordings", g_steal_pointer(&list)));
	return AP_SUCCESS;
}

/* The role stands for the user name, where the operator decided so; persons know each other. */
static void hide_names(JsonArray *list)
{
	for (guint i = 0; i < json_array_get_length(list); i++) {
		JsonObject *o = json_array_get_object_element(list, i);
		ap_answer_text(o, "who", json_object_get_string_member(o, "role"));
	}
}

struct ap_result ap_access_party_accesses(struct ap_vault *v, const struct ap_actor *actor, char **ret_json)
{
	JsonArray *list;
	AP_TRY(ap_db_access_list_of(ap_vault_db(v), &actor->session, &list));
	if (!ap_config_bool(ap_vault_config(v), "access.names_to_persons"))
		hide_names(list);
	*ret_json = ap_answer_take_text(ap_answer_list("accesses", list));
	return AP_SUCCESS;
}

struct ap_result ap_access_log(struct ap_vault *v, int64_t tenant, const struct ap_uuid *after, int64_t limit, JsonArray **ret_list)
{
	return ap_db_access_list(ap_vault_db(v), tenant, after, limit, ret_list);
}
