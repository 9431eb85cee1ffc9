#include "recorder/api/session_api.h"

#include "recorder/api/body.h"
#include "recorder/db/db_policy.h"
#include "recorder/db/db_session.h"
#include "recorder/db/db_term.h"
#include "recorder/consent/notice.h"
#include "recorder/offboard/db_offboard.h"
#include "recorder/policy/rule_book.h"
#include "recorder/consent/token.h"
#include "recorder/vault_port.h"

#include <aparte/buf.h>
#include <aparte/jcs.h>
#include <string.h>

#define MAX_TEXT 200

static struct ap_result invalid(const char *detail)
{
	return ap_fail(AP_ERR_PROTOCOL, "invalid", detail);
}

/* Present, not too long. */
static bool fits(const char *text)
{
	return text && *text && strlen(text) <= MAX_TEXT;
}

/* Absent, null, or of the type: what is said in another way must not count as unsaid (a minor, above all). */
static bool is_absent_or(JsonObject *o, const char *name, GType type)
{
	JsonNode *node = json_object_get_member(o, name);
	return !node || JSON_NODE_HOLDS_NULL(node) || (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type);
}

static bool are_texts(JsonObject *o, const char *const *names)
{
	for (; *names; names++)
		if (!is_absent_or(o, *names, G_TYPE_STRING))
			return false;
	return true;
}

static struct ap_result read_party(JsonObject *body, enum ap_role role, struct ap_party *p)
{
	static const char *const texts[] = { "name", "locale", "key", NULL };
	JsonObject *o = ap_body_object(body, ap_role_text(role));
	const char *id = o ? ap_body_text(o, "id") : NULL, *locale = o ? ap_body_text(o, "locale") : NULL;
	if (!fits(id))
		return invalid("coach and coachee are objects with the platform's id of the person");
	if (!are_texts(o, texts) || !is_absent_or(o, "minor", G_TYPE_BOOLEAN))
		return invalid("name, locale and key are texts, minor is true or false");
	const char *name = ap_body_text(o, "name"), *key = ap_body_text(o, "key");
	if (name && strlen(name) > MAX_TEXT)
		return invalid("a name has at most 200 bytes");
	p->role = role;
	p->pii_principal = g_strdup(id);
	p->name = g_strdup(name);
	p->locale = g_strdup(fits(locale) ? locale : "en");
	p->minor = ap_body_bool(o, "minor");
	p->has_given_key = key != NULL;
	if (key && !ap_base64url_exact(key, p->given_key, sizeof p->given_key))
		return invalid("key is an Ed25519 public key in base64url");
	return AP_SUCCESS;
}

/* The policy named, or else the tenant's; in its present version. A region's document is none. */
static struct ap_result read_policy_name(struct ap_db *db, const char *name, struct ap_session *s)
{
	struct ap_tenant_rules tenant;
	g_autofree char *document = NULL;
	struct ap_policy *policy = NULL;
	AP_TRY(ap_db_tenant_rules(db, s->tenant, &tenant));
	s->policy = g_strdup(name ? name : tenant.policy);
	struct ap_result r = ap_db_policy_get(db, s->policy, 0, &document, &s->policy_version);
	if (r.err == AP_ERR_DENIED)
		return invalid("there is no policy of that name");
	AP_TRY(r);
	AP_TRY(ap_policy_parse(document, &policy));
	bool region = ap_policy_kind(policy) == AP_KIND_REGION;
	ap_policy_free(policy);
	return region ? invalid("that is a region; a session has a policy") : AP_SUCCESS;
}

static struct ap_result read_session(struct ap_vault *v, JsonObject *body, struct ap_session *s)
{
	const char *reference = ap_body_text(body, "reference"), *policy = ap_body_text(body, "policy");
	const char *sensitivity = ap_body_text(body, "sensitivity"), *e2ee = ap_body_text(body, "e2ee");
	static const char *const texts[] = { "reference", "policy", "sensitivity", "e2ee", NULL };
	struct ap_db *db = ap_vault_db(v);
	if (!are_texts(body, texts))
		return invalid("reference, policy, sensitivity and e2ee are texts");
	if (reference && strlen(reference) > MAX_TEXT)
		return invalid("reference has at most 200 bytes");
	if (!ap_sensitivity_parse(sensitivity ? sensitivity : "standard", &s->sensitivity))
		return invalid("sensitivity is standard, protected or unrecorded");
	if (e2ee && strcmp(e2ee, "off") != 0)
		return invalid("e2ee can only be off");
	s->reference = g_strdup(reference ? reference : "");
	s->e2ee = g_strdup("off");
	s->video_codec = g_strdup(ap_config_text(ap_vault_config(v), "media.video_codec"));
	return read_policy_name(db, policy, s);
}

struct ap_result ap_session_token(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role, int64_t number,
				  char ret_token[AP_TOKEN_TEXT])
{
	struct ap_secret *key = NULL;
	AP_TRY(ap_db_keys_server(ap_vault_keys(v), "token", &key));
	ap_token_derive(key, session, role, number, ret_token);
	ap_secret_free(key);
	return AP_SUCCESS;
}

static struct ap_result token_object(struct ap_vault *v, const struct ap_party *p, JsonObject **ret_object)
{
	char token[AP_TOKEN_TEXT];
	AP_TRY(ap_session_token(v, &p->session, p->role, p->token_number, token));
	JsonObject *o = json_object_new();
	g_autofree char *url = g_strconcat(ap_vault_public_url(v), "/join#", token, NULL);
	json_object_set_string_member(o, "token", token);
	json_object_set_string_member(o, "join_url", url);
	*ret_object = o;
	return AP_SUCCESS;
}

/* The answer of POST /v1/sessions, from what is stored: so it can be given again. */
static struct ap_result answer(struct ap_vault *v, struct ap_db *db, const struct ap_uuid *id, char **ret_json)
{
	struct ap_session s;
	char text[AP_UUID_TEXT];
	AP_TRY(ap_session_load(db, id, &s));
	const char *state = ap_session_state_text(s.state);
	ap_session_clear(&s);
	g_autoptr(JsonObject) o = json_object_new();
	JsonObject *parties = json_object_new();
	ap_uuid_text(id, text);
	json_object_set_string_member(o, "id", text);
	json_object_set_string_member(o, "state", state);
	json_object_set_object_member(o, "parties", parties);
	for (int role = AP_COACH; role <= AP_COACHEE; role++) {
		struct ap_party p;
		JsonObject *entry = NULL;
		AP_TRY(ap_party_load(db, id, (enum ap_role)role, &p));
		struct ap_result r = token_object(v, &p, &entry);
		ap_party_clear(&p);
		AP_TRY(r);
		json_object_set_object_member(parties, ap_role_text((enum ap_role)role), entry);
	}
	return ap_jcs_from_object(o, ret_json);
}

static struct ap_result store_party(struct ap_vault *v, struct ap_db *db, struct ap_party *p, const struct ap_uuid *session)
{
	char token[AP_TOKEN_TEXT];
	p->session = *session;
	AP_TRY(ap_session_token(v, session, p->role, 0, token));
	struct ap_hash hash = ap_token_hash(token);
	ap_copy(p->token_hash, sizeof p->token_hash, hash.b, AP_HASH);
	ap_wipe(token, sizeof token);
	return ap_db_party_put(db, p);
}

/* What one request makes. */
struct creation {
	struct ap_session session;
	struct ap_party party[2];
};

static struct ap_result read_creation(struct ap_vault *v, JsonObject *body, struct creation *c)
{
	AP_TRY(read_session(v, body, &c->session));
	AP_TRY(read_party(body, AP_COACH, &c->party[0]));
	return read_party(body, AP_COACHEE, &c->party[1]);
}

static struct ap_result store(struct ap_vault *v, struct ap_db *db, struct creation *c, const char *key, const struct ap_hash *hash)
{
	AP_TRY(ap_db_session_put(db, &c->session, key, hash->b));
	AP_TRY(ap_rules_pin(db, &c->session));
	AP_TRY(store_party(v, db, &c->party[0], &c->session.id));
	AP_TRY(store_party(v, db, &c->party[1], &c->session.id));
	char id[AP_UUID_TEXT];
	ap_uuid_text(&c->session.id, id);
	g_autofree char *data = g_strdup_printf("{\"session\":\"%s\"}", id);
	return ap_vault_webhook(v, db, c->session.tenant, "session.created", data);
}

static struct ap_result create(struct ap_vault *v, int64_t tenant, const char *key, const char *json,
			       const struct ap_hash *hash, struct ap_uuid *ret_id)
{
	g_autoptr(JsonNode) node = NULL;
	JsonObject *body = NULL;
	struct creation c = { .session = { .id = ap_uuid_random(),
					   .tenant = tenant,
					   .created_ms = ap_wall_ms(ap_vault_clock(v)) } };
	struct ap_db *db = ap_vault_db(v);
	AP_TRY(ap_body_parse(json, &node, &body));
	AP_TRY(ap_db_offboard_stays(db, tenant));
	struct ap_result r = read_creation(v, body, &c);
	if (ap_ok(r))
		r = ap_db_begin(db);
	if (ap_ok(r))
		r = ap_db_finish(db, store(v, db, &c, key, hash));
	*ret_id = c.session.id;
	ap_session_clear(&c.session);
	ap_party_clear(&c.party[0]);
	ap_party_clear(&c.party[1]);
	return r;
}

struct ap_result ap_vault_session_create(struct ap_vault *v, int64_t tenant, const char *idempotency_key, const char *json,
					 char **ret_json)
{
	struct ap_hash hash = ap_sha256(json, strlen(json)), before;
	struct ap_uuid id;
	struct ap_db *db = ap_vault_db(v);
	if (strlen(idempotency_key) > MAX_TEXT)
		return invalid("Idempotency-Key has at most 200 bytes");
	struct ap_result known = *idempotency_key ? ap_db_session_by_key(db, tenant, idempotency_key, &id, before.b) :
						    ap_fail(AP_ERR_DENIED, "not-found", "");
	if (ap_ok(known) && !ap_hash_equal(&hash, &before))
		return ap_fail(AP_ERR_DENIED, "conflict", "this Idempotency-Key was used for another request");
	if (!ap_ok(known))
		AP_TRY(create(v, tenant, idempotency_key, json, &hash, &id));
	return answer(v, db, &id, ret_json);
}

struct ap_result ap_session_of_tenant(struct ap_db *db, int64_t tenant, const char *session, struct ap_session *ret_session)
{
	struct ap_uuid id;
	struct ap_session s;
	if (!ap_uuid_parse(session, &id))
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such session");
	AP_TRY(ap_session_load(db, &id, &s));
	if (s.tenant != tenant) {
		ap_session_clear(&s);
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such session");
	}
	*ret_session = s;
	return AP_SUCCESS;
}

static struct ap_result renew(struct ap_vault *v, struct ap_db *db, struct ap_party *p)
{
	char token[AP_TOKEN_TEXT];
	int64_t number = p->token_number + 1;
	AP_TRY(ap_session_token(v, &p->session, p->role, number, token));
	struct ap_hash hash = ap_token_hash(token);
	ap_wipe(token, sizeof token);
	AP_TRY(ap_db_begin(db));
	AP_TRY(ap_db_finish(db, ap_db_party_set_token(db, p, number, hash.b, ap_wall_ms(ap_vault_clock(v)))));
	p->token_number = number;
	return AP_SUCCESS;
}

struct ap_result ap_session_renew_token(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
					char ret_old_hash[65], char **ret_json)
{
	struct ap_party p;
	struct ap_db *db = ap_vault_db(v);
	g_autoptr(JsonObject) entry = NULL;
	AP_TRY(ap_party_load(db, session, role, &p));
	g_autofree char *old = ap_hex(p.token_hash, sizeof p.token_hash);
	struct ap_result r = renew(v, db, &p);
	if (ap_ok(r))
		r = token_object(v, &p, &entry);
	ap_party_clear(&p);
	AP_TRY(r);
	g_strlcpy(ret_old_hash, old, 65);
	return ap_jcs_from_object(entry, ret_json);
}
