#include "recorder/link/rpc_private.h"

#include "recorder/api/body.h"
#include "recorder/db/db_consent.h"
#include "recorder/db/db_session.h"
#include "recorder/consent/notice.h"
#include "recorder/vault_port.h"

#include <aparte/jcs.h>
#include <string.h>

void ap_rpc_party_open(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *token;
	struct ap_party party;
	struct ap_session s = { 0 };
	char id[AP_UUID_TEXT];
	g_variant_get(arguments, "(&s)", &token);
	struct ap_result r = ap_rpc_party(env, token, &party);
	if (!ap_ok(r)) {
		ap_rpc_fail(call, r);
		return;
	}
	r = ap_session_load(ap_vault_db(env->v), &party.session, &s);
	ap_uuid_text(&party.session, id);
	if (ap_ok(r))
		g_dbus_method_invocation_return_value(call, g_variant_new("(ssbs)", id, ap_role_text(party.role),
									  s.state != AP_SESSION_ENDED, s.video_codec));
	else
		ap_rpc_fail(call, r);
	ap_session_clear(&s);
	ap_party_clear(&party);
}

static JsonArray *purposes_array(ap_purposes purposes)
{
	JsonArray *list = json_array_new();
	for (int p = 0; p < AP_PURPOSE_COUNT; p++)
		if (purposes & AP_PURPOSE_BIT(p))
			json_array_add_string_element(list, ap_purpose_text((enum ap_purpose)p));
	return list;
}

static struct ap_result peer_object(const struct ap_rpc_env *env, const struct ap_party *party, struct ap_gatekeeper *k,
				    JsonObject **ret_object)
{
	struct ap_party peer;
	struct ap_db *db = ap_vault_db(env->v);
	enum ap_role role = ap_role_peer(party->role);
	AP_TRY(ap_party_load(db, &party->session, role, &peer));
	JsonObject *o = json_object_new();
	json_object_set_string_member(o, "name", peer.name ? peer.name : "");
	json_object_set_boolean_member(o, "connected", ap_gatekeeper_connected(k, role));
	json_object_set_object_member(o, "consents", ap_consent_states(env->consents, &party->session, role, false));
	ap_party_clear(&peer);
	*ret_object = o;
	return AP_SUCCESS;
}

static struct ap_result party_json(const struct ap_rpc_env *env, const struct ap_party *party, const struct ap_session *s,
				   char **ret_text)
{
	g_autoptr(JsonObject) o = json_object_new();
	struct ap_db *db = ap_vault_db(env->v);
	struct ap_gatekeeper *k = ap_gatekeeper_get(env->keepers, &party->session);
	ap_purposes offered = 0;
	JsonObject *peer = NULL;
	char id[AP_UUID_TEXT], time[AP_TIME_TEXT];
	AP_TRY(ap_session_offered(env->v, db, s, &offered));
	AP_TRY(peer_object(env, party, k, &peer));
	ap_uuid_text(&party->session, id);
	ap_time_text(ap_wall_ms(ap_vault_clock(env->v)), time);
	json_object_set_string_member(o, "session", id);
	json_object_set_string_member(o, "state", ap_session_state_text(s->state));
	json_object_set_boolean_member(o, "may_join", s->state != AP_SESSION_ENDED);
	json_object_set_string_member(o, "role", ap_role_text(party->role));
	json_object_set_string_member(o, "pii_principal", party->pii_principal);
	json_object_set_string_member(o, "name", party->name ? party->name : "");
	json_object_set_string_member(o, "locale", party->locale);
	json_object_set_string_member(o, "time", time);
	json_object_set_array_member(o, "purposes_offered", purposes_array(offered));
	json_object_set_object_member(o, "consents", ap_consent_states(env->consents, &party->session, party->role, true));
	json_object_set_object_member(o, "gate", ap_gatekeeper_json(k, party->role));
	json_object_set_object_member(o, "peer", peer);
	json_object_set_string_member(o, "e2ee", s->e2ee);
	return ap_jcs_from_object(o, ret_text);
}

void ap_rpc_party_get(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *token;
	char *text = NULL;
	struct ap_party party = { 0 };
	struct ap_session s = { 0 };
	g_variant_get(arguments, "(&s)", &token);
	struct ap_result r = ap_rpc_party(env, token, &party);
	if (ap_ok(r))
		r = ap_session_load(ap_vault_db(env->v), &party.session, &s);
	if (ap_ok(r))
		r = party_json(env, &party, &s, &text);
	ap_session_clear(&s);
	ap_party_clear(&party);
	ap_rpc_answer_text(call, r, text);
}

/* Pins a device: a platform-given key is the only one accepted; another one than before is announced to both, and the
 * gate stays closed until this person has given anew with it. */
static struct ap_result enrol(const struct ap_rpc_env *env, const struct ap_party *party, const char *json)
{
	g_autoptr(JsonNode) node = NULL;
	JsonObject *body = NULL;
	uint8_t key[32], present[32];
	bool had = false;
	struct ap_db *db = ap_vault_db(env->v);
	AP_TRY(ap_body_parse(json, &node, &body));
	if (!ap_base64url_exact(ap_body_text(body, "key"), key, sizeof key))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "key is an Ed25519 public key in base64url");
	if (party->has_given_key && sodium_memcmp(key, party->given_key, sizeof key) != 0)
		return ap_fail(AP_ERR_DENIED, "statement-key", "the platform named another key for this person");
	AP_TRY(ap_db_device_current(db, &party->session, party->role, present, &had));
	bool same = had && sodium_memcmp(key, present, sizeof key) == 0;
	if (same)
		return AP_SUCCESS;
	AP_TRY(ap_db_begin(db));
	AP_TRY(ap_db_finish(db, ap_db_device_enrol(db, &party->session, party->role, key, ap_wall_ms(ap_vault_clock(env->v)))));
	ap_gatekeeper_reload(ap_gatekeeper_get(env->keepers, &party->session));
	g_autofree char *event = g_strdup_printf("{\"role\":\"%s\",\"device\":\"%s\"}", ap_role_text(party->role),
						 had ? "another" : "enrolled");
	ap_link_gateway.event(env->link, &party->session, 0, "party", event);
	return AP_SUCCESS;
}

void ap_rpc_device_put(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *token, *json;
	struct ap_party party = { 0 };
	g_variant_get(arguments, "(&s&s)", &token, &json);
	struct ap_result r = ap_rpc_party(env, token, &party);
	if (ap_ok(r))
		r = enrol(env, &party, json);
	ap_party_clear(&party);
	ap_rpc_answer_empty(call, r);
}

void ap_rpc_notice_get(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *token, *lang, *sha256;
	char *text = NULL;
	struct ap_party party = { 0 };
	g_variant_get(arguments, "(&s&s&s)", &token, &lang, &sha256);
	struct ap_result r = ap_rpc_party(env, token, &party);
	if (ap_ok(r))
		r = ap_notice_answer(env->v, ap_vault_db(env->v), &party, lang, sha256, &text);
	ap_party_clear(&party);
	ap_rpc_answer_text(call, r, text);
}

static void on_consent(void *data, struct ap_result r, char *receipt)
{
	ap_rpc_answer_text(data, r, receipt);
}

void ap_rpc_consent_put(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *token, *json;
	struct ap_party party = { 0 };
	g_variant_get(arguments, "(&s&s)", &token, &json);
	struct ap_result r = ap_rpc_party(env, token, &party);
	if (ap_ok(r))
		ap_consents_put(env->consents, &party, json, on_consent, call);
	else
		ap_rpc_fail(call, r);
	ap_party_clear(&party);
}

void ap_rpc_presence_put(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *token, *json;
	struct ap_party party = { 0 };
	struct ap_presence presence;
	g_variant_get(arguments, "(&s&s)", &token, &json);
	struct ap_result r = ap_rpc_party(env, token, &party);
	if (ap_ok(r))
		r = ap_presence_parse(json, &presence);
	if (ap_ok(r))
		r = ap_gatekeeper_presence(ap_gatekeeper_get(env->keepers, &party.session), party.role, &presence);
	ap_party_clear(&party);
	ap_rpc_answer_empty(call, r);
}

/* ---- off the record ---- */

enum { BOTH = 3 };

/* Either pauses for both; each resumes for themselves. */
static struct ap_result set_paused(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role, bool paused)
{
	struct ap_session s;
	struct ap_db *db = ap_vault_db(v);
	AP_TRY(ap_session_load(db, session, &s));
	unsigned own = 1u << (role - AP_COACH), bits = paused ? BOTH : s.paused & ~own;
	ap_session_clear(&s);
	return ap_db_session_set_paused(db, session, bits);
}

struct pausing {
	GDBusMethodInvocation *call;
	struct ap_vault *v;
	struct ap_gatekeeper *k;
	struct ap_uuid session;
	enum ap_role role;
};

static void answer_gate(GDBusMethodInvocation *call, struct ap_gatekeeper *k, enum ap_role role)
{
	g_autoptr(JsonObject) gate = ap_gatekeeper_json(k, role);
	char *text = NULL;
	struct ap_result r = ap_jcs_from_object(gate, &text);
	ap_rpc_answer_text(call, r, text);
}

/* Off the record already; whether a restart will know it is what the row says. */
static void on_paused(void *data)
{
	g_autofree struct pausing *p = data;
	struct ap_result r = set_paused(p->v, &p->session, p->role, true);
	if (ap_ok(r))
		ap_gatekeeper_pause(p->k, 0, BOTH);
	ap_gatekeeper_reload(p->k);
	if (ap_ok(r))
		answer_gate(p->call, p->k, p->role);
	else
		ap_rpc_fail(p->call, r);
}

static void resume(const struct ap_rpc_env *env, const struct ap_party *party, GDBusMethodInvocation *call)
{
	struct ap_gatekeeper *k = ap_gatekeeper_get(env->keepers, &party->session);
	struct ap_result r = set_paused(env->v, &party->session, party->role, false);
	if (!ap_ok(r)) {
		ap_rpc_fail(call, r);
		return;
	}
	ap_gatekeeper_pause(k, 0, 1u << (party->role - AP_COACH));
	ap_gatekeeper_reload(k);
	answer_gate(call, k, party->role);
}

/* Closed first, whatever becomes of the row; answered once nothing more enters. */
static void go_off(const struct ap_rpc_env *env, const struct ap_party *party, GDBusMethodInvocation *call)
{
	struct ap_gatekeeper *k = ap_gatekeeper_get(env->keepers, &party->session);
	struct pausing *p = g_new0(struct pausing, 1);
	*p = (struct pausing){ call, env->v, k, party->session, party->role };
	ap_gatekeeper_pause(k, BOTH, 0);
	ap_gatekeeper_close(k, AP_GATE_REASON(PAUSED), false, on_paused, p);
}

void ap_rpc_pause_set(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *token;
	gboolean paused;
	struct ap_party party = { 0 };
	g_variant_get(arguments, "(&sb)", &token, &paused);
	struct ap_result r = ap_rpc_party(env, token, &party);
	if (!ap_ok(r))
		ap_rpc_fail(call, r);
	else if (paused)
		go_off(env, &party, call);
	else
		resume(env, &party, call);
	ap_party_clear(&party);
}

/* ---- proofs ---- */

/* From the log, or from the archive of proofs; *ret_text stays NULL when its opening was destroyed (R40). */
static struct ap_result receipt(const struct ap_rpc_env *env, const struct ap_party *party, uint64_t leaf, char **ret_text)
{
	const struct ap_rights *rights = ap_vault_rights(env->v);
	struct ap_result r = ap_ledger_receipt(ap_vault_ledger(env->v), ap_vault_db(env->v), leaf, ret_text);
	if (strcmp(r.name, "erased") != 0 || !rights)
		return r;
	r = rights->proof_receipt(env->v, &party->session, leaf, ret_text);
	return strcmp(r.name, "not-found") == 0 || strcmp(r.name, "erased") == 0 ? AP_SUCCESS : r;
}

static struct ap_result receipts_json(const struct ap_rpc_env *env, const struct ap_party *party, char **ret_text)
{
	g_autoptr(JsonObject) o = json_object_new();
	g_autoptr(GArray) leaves = NULL;
	JsonArray *list = json_array_new();
	struct ap_db *db = ap_vault_db(env->v);
	json_object_set_array_member(o, "receipts", list);
	AP_TRY(ap_db_consent_leaves(db, &party->session, party->role, &leaves));
	for (guint i = 0; i < leaves->len; i++) {
		g_autofree char *text = NULL;
		JsonNode *node = NULL;
		AP_TRY(receipt(env, party, g_array_index(leaves, uint64_t, i), &text));
		if (!text)
			continue;
		AP_TRY(ap_json_parse(text, strlen(text), 65536, &node));
		json_array_add_element(list, node);
	}
	return ap_jcs_from_object(o, ret_text);
}

void ap_rpc_party_receipts(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *token;
	char *text = NULL;
	struct ap_party party = { 0 };
	g_variant_get(arguments, "(&s)", &token);
	struct ap_result r = ap_rpc_party(env, token, &party);
	if (ap_ok(r))
		r = receipts_json(env, &party, &text);
	ap_party_clear(&party);
	ap_rpc_answer_text(call, r, text);
}
