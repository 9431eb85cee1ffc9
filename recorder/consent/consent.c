#include "recorder/consent/consent_private.h"

#include "recorder/api/body.h"
#include "recorder/db/db_consent.h"
#include "recorder/db/db_recording.h"
#include "recorder/db/db_session.h"
#include "recorder/consent/notice.h"
#include "recorder/vault_port.h"

#include <aparte/jcs.h>

struct ap_consents *ap_consents_new(struct ap_vault *v, struct ap_gatekeepers *keepers, const struct ap_gateway *gateway,
				    void *gateway_ctx)
{
	struct ap_consents *c = g_new0(struct ap_consents, 1);
	*c = (struct ap_consents){ .v = v,
				   .keepers = keepers,
				   .gateway = gateway,
				   .gateway_ctx = gateway_ctx,
				   .owed = g_ptr_array_new_with_free_func(ap_withdrawal_free),
				   .giving = g_ptr_array_new(),
				   .shares = g_array_new(FALSE, FALSE, sizeof(struct ap_share_give)) };
	c->group = ap_consent_group_new(c);
	ap_withdrawals_resume(c);
	return c;
}

void ap_consents_free(struct ap_consents *c)
{
	if (!c)
		return;
	ap_group_free(c->group);
	g_ptr_array_unref(c->giving);
	g_array_unref(c->shares);
	g_ptr_array_unref(c->owed);
	g_free(c);
}

struct ap_result ap_consent_facts_of_person(struct ap_vault *v, struct ap_db *db, const struct ap_party *party,
					    const struct ap_statement *statement, struct ap_give_facts *ret_facts)
{
	struct ap_give_facts f = { .session = party->session,
				   .role = party->role,
				   .pii_principal = party->pii_principal,
				   .now_ms = ap_wall_ms(ap_vault_clock(v)) };
	AP_TRY(ap_db_device_current(db, &party->session, party->role, f.device, &f.has_device));
	AP_TRY(ap_db_consent_known(db, &statement->record_id, &f.record_known));
	AP_TRY(ap_db_consent_last_ms(db, &party->session, party->role, &f.last_event_ms));
	*ret_facts = f;
	return AP_SUCCESS;
}

struct ap_result ap_consent_facts(struct ap_vault *v, struct ap_db *db, const struct ap_party *party,
				  const struct ap_statement *statement, struct ap_give_facts *ret_facts)
{
	struct ap_session session;
	g_autofree char *document = NULL;
	struct ap_give_facts f;
	AP_TRY(ap_consent_facts_of_person(v, db, party, statement, &f));
	AP_TRY(ap_session_load(db, &party->session, &session));
	struct ap_result r = ap_notice_current(v, db, &session, statement->notice_lang, &document, &f.notice);
	if (ap_ok(r))
		r = ap_session_offered(v, db, &session, &f.offered);
	if (session.state == AP_SESSION_ENDED)
		f.offered &= ~AP_PURPOSE_BIT(AP_PURPOSE_RECORDING);
	ap_session_clear(&session);
	if (ap_ok(r))
		*ret_facts = f;
	return r;
}

static JsonArray *purpose_list(ap_purposes purposes)
{
	JsonArray *list = json_array_new();
	for (int p = 0; p < AP_PURPOSE_COUNT; p++)
		if (purposes & AP_PURPOSE_BIT(p))
			json_array_add_string_element(list, ap_purpose_text((enum ap_purpose)p));
	return list;
}

JsonObject *ap_consent_leaf_body(const struct ap_party *party, enum ap_decision event, ap_purposes purposes,
				 const struct ap_hash *statement_sha256, bool is_signed)
{
	JsonObject *body = json_object_new();
	char session[AP_UUID_TEXT];
	g_autofree char *sha256 = ap_hash_hex(statement_sha256);
	ap_uuid_text(&party->session, session);
	json_object_set_string_member(body, "event", ap_decision_text(event));
	json_object_set_string_member(body, "session", session);
	json_object_set_string_member(body, "role", ap_role_text(party->role));
	json_object_set_array_member(body, "purposes", purpose_list(purposes));
	json_object_set_string_member(body, "statement_sha256", sha256);
	json_object_set_string_member(body, "evidence", is_signed ? "signed" : "unsigned");
	return body;
}

JsonObject *ap_consent_states(struct ap_consents *c, const struct ap_uuid *session, enum ap_role role, bool own)
{
	JsonObject *o = json_object_new();
	struct ap_consent_state state = { 0 };
	AP_IGNORE(ap_db_consent_state(ap_vault_db(c->v), session, role, &state)); /* unreadable shows as unknown */
	ap_withdrawals_fold(c, session, role, &state);
	ap_purposes given = ap_consent_given(&state);
	for (int p = 0; p < AP_PURPOSE_COUNT; p++) {
		enum ap_decision shown = given & AP_PURPOSE_BIT(p) ? AP_GIVEN : AP_DECISION_NONE;
		json_object_set_string_member(o, ap_purpose_text((enum ap_purpose)p),
					      own ? ap_decision_text(state.purpose[p]) : ap_decision_text_for_others(shown));
	}
	return o;
}

ap_purposes ap_consent_shown(struct ap_db *db, const struct ap_party *party)
{
	struct ap_consent_state state = { 0 };
	AP_IGNORE(ap_db_consent_state(db, &party->session, party->role, &state)); /* unreadable counts as nothing given */
	return ap_consent_given(&state);
}

struct ap_result ap_consent_tell_platform(struct ap_vault *v, struct ap_db *db, const struct ap_uuid *session, ap_purposes before)
{
	ap_purposes both;
	int64_t tenant;
	char id[AP_UUID_TEXT];
	AP_TRY(ap_db_consent_both(db, session, &both));
	if (both == before)
		return AP_SUCCESS;
	AP_TRY(ap_db_session_tenant(db, session, &tenant));
	g_autoptr(JsonObject) data = json_object_new();
	g_autofree char *json = NULL;
	ap_uuid_text(session, id);
	json_object_set_string_member(data, "session", id);
	json_object_set_array_member(data, "given", purpose_list(both));
	AP_TRY(ap_jcs_from_object(data, &json));
	return ap_vault_webhook(v, db, tenant, "consent.changed", json);
}

static void send_states(struct ap_consents *c, const struct ap_party *party, bool own)
{
	g_autoptr(JsonObject) o = json_object_new();
	g_autofree char *json = NULL;
	enum ap_role to = own ? party->role : ap_role_peer(party->role);
	json_object_set_string_member(o, "role", ap_role_text(party->role));
	json_object_set_object_member(o, "consents", ap_consent_states(c, &party->session, party->role, own));
	if (ap_ok(ap_jcs_from_object(o, &json)))
		c->gateway->event(c->gateway_ctx, &party->session, to, "consent", json);
}

static void tell_staff(struct ap_vault *v, void *session)
{
	const struct ap_rights *rights = ap_vault_rights(v);
	if (!rights)
		return;
	rights->consents_changed(v, session);
	rights->erasure_kick(v);
}

void ap_consent_changed(struct ap_consents *c, const struct ap_party *party, ap_purposes before)
{
	struct ap_db *db = ap_vault_db(c->v);
	ap_gatekeeper_reload(ap_gatekeeper_get(c->keepers, &party->session));
	send_states(c, party, true);
	if (ap_consent_shown(db, party) != before) /* a refusal is no news to the other one (R34) */
		send_states(c, party, false);
	ap_vault_on_main(c->v, tell_staff, g_memdup2(&party->session, sizeof party->session), g_free);
}

static struct ap_evidence evidence_in(JsonObject *body)
{
	return (struct ap_evidence){ .key = body ? ap_body_text(body, "key") : NULL,
				     .signature = body ? ap_body_text(body, "signature") : NULL };
}

static void give(struct ap_consents *c, const struct ap_party *party, struct ap_result parsed, struct ap_statement *statement,
		 JsonObject *body, ap_consent_done done, void *data)
{
	ap_withdrawals_retry(c); /* what this person said before comes before it in vault.db too */
	if (ap_ok(parsed) && ap_withdrawals_owe(c, &party->session, party->role))
		parsed = ap_fail(AP_ERR_IO, "vault-unavailable", "your last decision is still being kept; try again");
	if (ap_ok(parsed))
		ap_consent_give(c, party, statement, body, done, data);
	else
		done(data, parsed, NULL);
}

void ap_consents_put(struct ap_consents *c, const struct ap_party *party, const char *body, ap_consent_done done, void *data)
{
	g_autoptr(JsonNode) node = NULL;
	JsonObject *object = NULL;
	struct ap_statement statement = { 0 };
	ap_consents_settle(c, &party->session);
	struct ap_result parsed = ap_body_parse(body, &node, &object);
	const char *text = object ? ap_body_text(object, "statement") : NULL;
	if (ap_ok(parsed))
		parsed = text ? ap_statement_parse(text, &statement) :
				ap_fail(AP_ERR_PROTOCOL, "statement-malformed", "statement is missing");
	struct ap_salvage salvage = { statement.event, statement.purposes };
	if (!ap_ok(parsed))
		salvage = ap_statement_salvage(body);
	struct ap_evidence evidence = evidence_in(object);
	if (salvage.event == AP_REFUSED || salvage.event == AP_WITHDRAWN)
		ap_consent_withdraw(c, party, ap_ok(parsed) ? &statement : NULL, salvage, text ? text : body, &evidence, done, data);
	else
		give(c, party, parsed, &statement, object, done, data);
	ap_statement_clear(&statement);
}

void ap_consents_tick(struct ap_consents *c)
{
	ap_withdrawals_retry(c);
}

struct ap_result ap_consent_destroy_unused(struct ap_vault *v, struct ap_db *db, const struct ap_uuid *session, int role)
{
	g_autoptr(GArray) gives = NULL;
	AP_TRY(ap_db_recording_unused_gives(db, session, &gives));
	for (guint i = 0; i < gives->len; i++) {
		const struct ap_unused_give *g = &g_array_index(gives, struct ap_unused_give, i);
		enum ap_slot slot = g->role == AP_COACH ? AP_SLOT_COACH : AP_SLOT_COACHEE;
		if (role == 0 || (int)g->role == role)
			AP_TRY(ap_db_keys_destroy(ap_vault_keys(v), &g->record_id, slot));
	}
	return ap_db_keys_seal_destroy(ap_vault_keys(v), session, role);
}
