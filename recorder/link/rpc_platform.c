#include "recorder/link/rpc_private.h"

#include "recorder/db/db_recording.h"
#include "recorder/api/session_api.h"
#include "recorder/consent/session_end.h"
#include "recorder/ledger/public.h"

#include <aparte/jcs.h>
#include <aparte/log.h>

#define VERSION 1

void ap_rpc_hello(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const struct ap_config *config = ap_vault_config(env->v);
	g_autoptr(JsonObject) o = json_object_new();
	g_autoptr(GUri) uri = g_uri_parse(ap_vault_public_url(env->v), G_URI_FLAGS_NONE, NULL);
	guint32 version = 0;
	char *text = NULL;
	g_variant_get_child(arguments, 0, "u", &version);
	if (version != VERSION) {
		ap_rpc_fail(call, ap_fail(AP_ERR_PROTOCOL, "invalid", "gateway and vault are of different versions"));
		return;
	}
	json_object_set_string_member(o, "host", uri ? g_uri_get_host(uri) : "localhost");
	json_object_set_string_member(o, "video_codec", ap_config_text(config, "media.video_codec"));
	json_object_set_int_member(o, "max_sessions", ap_config_int(config, "gateway.max_sessions"));
	struct ap_result r = ap_jcs_from_object(o, &text);
	ap_rpc_answer_text(call, r, text);
	ap_gatekeepers_link(env->keepers, true);
	ap_log(AP_LOG_INFO, "link_up", "side=gateway");
}

void ap_rpc_session_create(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *key, *idempotency, *json;
	char *text = NULL;
	int64_t tenant = 0;
	g_variant_get(arguments, "(&s&s&s)", &key, &idempotency, &json);
	struct ap_result r = ap_api_key_check(ap_vault_db(env->v), key, &tenant);
	if (ap_ok(r))
		r = ap_vault_session_create(env->v, tenant, idempotency, json, &text);
	ap_rpc_answer_text(call, r, text);
}

/* The session that this API key may speak of. */
static struct ap_result authorised(const struct ap_rpc_env *env, const char *key, const char *session,
				   struct ap_session *ret_session)
{
	int64_t tenant = 0;
	struct ap_db *db = ap_vault_db(env->v);
	AP_TRY(ap_api_key_check(db, key, &tenant));
	AP_TRY(ap_session_of_tenant(db, tenant, session, ret_session));
	if (env->consents) /* what was given of it so far comes first */
		ap_consents_settle(env->consents, &ret_session->id);
	return AP_SUCCESS;
}

static JsonArray *recordings_of(struct ap_db *db, const struct ap_uuid *session)
{
	JsonArray *list = json_array_new();
	g_autoptr(GArray) recordings = NULL;
	if (!ap_ok(ap_db_recording_list(db, session, &recordings)))
		return list;
	for (guint i = 0; i < recordings->len; i++) {
		const struct ap_recording *r = &g_array_index(recordings, struct ap_recording, i);
		JsonObject *o = json_object_new();
		char id[AP_UUID_TEXT];
		ap_uuid_text(&r->id, id);
		json_object_set_string_member(o, "id", id);
		json_object_set_string_member(o, "state", r->state);
		json_array_add_object_element(list, o);
	}
	return list;
}

/* A platform never learns that someone refused (R34): consents are shown as all others see them. */
static struct ap_result session_json(const struct ap_rpc_env *env, const struct ap_session *s, char **ret_text)
{
	g_autoptr(JsonObject) o = json_object_new();
	JsonObject *parties = json_object_new();
	struct ap_db *db = ap_vault_db(env->v);
	struct ap_gatekeeper *k = ap_gatekeeper_get(env->keepers, &s->id);
	char id[AP_UUID_TEXT];
	ap_uuid_text(&s->id, id);
	json_object_set_string_member(o, "id", id);
	json_object_set_string_member(o, "state", ap_session_state_text(s->state));
	json_object_set_object_member(o, "gate", ap_gatekeeper_json(k, 0));
	json_object_set_object_member(o, "parties", parties);
	for (int role = AP_COACH; role <= AP_COACHEE; role++) {
		JsonObject *p = json_object_new();
		json_object_set_boolean_member(p, "connected", ap_gatekeeper_connected(k, (enum ap_role)role));
		json_object_set_object_member(p, "consents", ap_consent_states(env->consents, &s->id, (enum ap_role)role, false));
		json_object_set_object_member(parties, ap_role_text((enum ap_role)role), p);
	}
	json_object_set_array_member(o, "recordings", recordings_of(db, &s->id));
	return ap_jcs_from_object(o, ret_text);
}

void ap_rpc_session_get(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *key, *session;
	char *text = NULL;
	struct ap_session s = { 0 };
	g_variant_get(arguments, "(&s&s)", &key, &session);
	struct ap_result r = authorised(env, key, session, &s);
	if (ap_ok(r))
		r = session_json(env, &s, &text);
	ap_session_clear(&s);
	ap_rpc_answer_text(call, r, text);
}

static void on_ended(void *data, struct ap_result r)
{
	ap_rpc_answer_empty(data, r);
}

void ap_rpc_session_end(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *key, *session;
	struct ap_session s = { 0 };
	g_variant_get(arguments, "(&s&s)", &key, &session);
	struct ap_result r = authorised(env, key, session, &s);
	if (ap_ok(r))
		ap_session_end(env->v, env->keepers, env->link, &s.id, on_ended, call);
	else
		ap_rpc_fail(call, r);
	ap_session_clear(&s);
}

void ap_rpc_token_renew(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *key, *session, *role_text;
	char *text = NULL, old[65];
	enum ap_role role;
	struct ap_session s = { 0 };
	g_variant_get(arguments, "(&s&s&s)", &key, &session, &role_text);
	struct ap_result r = authorised(env, key, session, &s);
	if (ap_ok(r) && !ap_role_parse(role_text, &role))
		r = ap_fail(AP_ERR_DENIED, "not-found", "role is coach or coachee");
	if (ap_ok(r))
		r = ap_session_renew_token(env->v, &s.id, role, old, &text);
	if (ap_ok(r)) {
		struct ap_hash hash;
		if (ap_hex_exact(old, hash.b, AP_HASH))
			g_hash_table_remove(env->seen_tokens, &hash);
		ap_link_token_revoked(env->link, old);
	}
	ap_session_clear(&s);
	ap_rpc_answer_text(call, r, text);
}

void ap_rpc_ledger_get(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *what, *query, *content_type = "";
	g_autofree char *answer = NULL;
	g_variant_get(arguments, "(&s&s)", &what, &query);
	struct ap_result r = ap_ledger_public(env->v, true, what, query, &content_type, &answer);
	if (ap_ok(r))
		g_dbus_method_invocation_return_value(call, g_variant_new("(ss)", content_type, answer));
	else
		ap_rpc_fail(call, r);
}

/* Session id and role of a media report; the session must exist. */
static struct ap_result leg_of(const struct ap_rpc_env *env, const char *session, struct ap_uuid *ret_id, bool *ret_ended)
{
	struct ap_session s;
	if (!ap_uuid_parse(session, ret_id))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "a session is a UUID");
	AP_TRY(ap_session_load(ap_vault_db(env->v), ret_id, &s));
	*ret_ended = s.state == AP_SESSION_ENDED;
	ap_session_clear(&s);
	return AP_SUCCESS;
}

static void nothing(void *data)
{
	(void)data;
}

void ap_rpc_leg_state(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *session, *role_text;
	gboolean connected;
	struct ap_uuid id;
	enum ap_role role;
	bool ended = false;
	g_variant_get(arguments, "(&s&sb)", &session, &role_text, &connected);
	struct ap_result r = leg_of(env, session, &id, &ended);
	if (ap_ok(r) && !ap_role_parse(role_text, &role))
		r = ap_fail(AP_ERR_PROTOCOL, "invalid", "role is coach or coachee");
	if (ap_ok(r)) {
		ap_gatekeeper_leg(ap_gatekeeper_get(env->keepers, &id), role, connected);
		g_autofree char *json = g_strdup_printf("{\"role\":\"%s\",\"connected\":%s}", role_text, connected ? "true" : "false");
		ap_link_gateway.event(env->link, &id, 0, "party", json);
		if (connected && ended) /* a vault died between the end and the hanging up */
			ap_link_session_close(env->link, &id, "ended", nothing, NULL);
	}
	ap_rpc_answer_empty(call, r);
}

void ap_rpc_tap_lost(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *session;
	guint64 generation;
	struct ap_uuid id;
	bool ended = false;
	g_variant_get(arguments, "(&st)", &session, &generation);
	struct ap_result r = leg_of(env, session, &id, &ended);
	if (ap_ok(r))
		ap_gatekeeper_tap_lost(ap_gatekeeper_get(env->keepers, &id), generation);
	ap_rpc_answer_empty(call, r);
}
