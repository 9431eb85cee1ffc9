#include "recorder/notice.h"

#include "recorder/db_policy.h"
#include "recorder/vault_port.h"

#include <aparte/jcs.h>
#include <string.h>

#define MAX_DOCUMENT 65536

const char *ap_notice_lang(const char *tag)
{
	return tag && g_ascii_strncasecmp(tag, "fr", 2) == 0 ? "fr" : "en";
}

struct ap_result ap_session_policy(struct ap_db *db, const struct ap_session *session, struct ap_policy **ret_policy)
{
	g_autofree char *document = NULL;
	AP_TRY(ap_db_policy_get(db, session->policy, session->policy_version, &document, NULL));
	return ap_policy_parse(document, ret_policy);
}

static struct ap_result facts_of(struct ap_vault *v, struct ap_db *db, const struct ap_session *session,
				 struct ap_policy_facts *ret_facts)
{
	struct ap_policy_facts facts = ap_vault_policy_facts(v);
	facts.sensitivity = session->sensitivity;
	for (int role = AP_COACH; role <= AP_COACHEE; role++) {
		struct ap_party party;
		AP_TRY(ap_party_load(db, &session->id, (enum ap_role)role, &party));
		facts.minor[role - AP_COACH] = party.minor;
		ap_party_clear(&party);
	}
	*ret_facts = facts;
	return AP_SUCCESS;
}

struct ap_result ap_session_may_record(struct ap_vault *v, struct ap_db *db, const struct ap_session *session, bool *ret_may)
{
	struct ap_policy *policy = NULL;
	struct ap_policy_facts facts;
	AP_TRY(facts_of(v, db, session, &facts));
	AP_TRY(ap_session_policy(db, session, &policy));
	*ret_may = ap_policy_may_record(policy, &facts, NULL);
	ap_policy_free(policy);
	return AP_SUCCESS;
}

struct ap_result ap_session_offered(struct ap_vault *v, struct ap_db *db, const struct ap_session *session,
				    ap_purposes *ret_offered)
{
	struct ap_policy *policy = NULL;
	struct ap_policy_facts facts;
	AP_TRY(facts_of(v, db, session, &facts));
	AP_TRY(ap_session_policy(db, session, &policy));
	/* What the operator may still set right, or a lockdown that will be lifted, does not take choices away. */
	facts.lockdown = facts.off_loopback = false;
	*ret_offered = ap_policy_may_record(policy, &facts, NULL) ? ap_policy_offered(policy) : 0;
	ap_policy_free(policy);
	return AP_SUCCESS;
}

static JsonObject *template_of(const char *lang)
{
	const char *text = strcmp(lang, "fr") == 0 ? ap_text_notice_fr : ap_text_notice_en;
	g_autoptr(JsonNode) node = NULL;
	if (!ap_ok(ap_json_parse(text, strlen(text), MAX_DOCUMENT, &node)))
		g_error("config/notices/%s.json is broken", lang);
	return json_object_ref(json_node_get_object(node));
}

/* "at most {n} days …" with the policy's number. */
static char *retention_text(JsonObject *template, int64_t keep_ms)
{
	bool days = keep_ms % 86400000 == 0;
	JsonObject *words = json_object_get_object_member(template, "retention");
	const char *form = json_object_get_string_member(words, days ? "days" : "seconds");
	g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT, keep_ms / (days ? 86400000 : 1000));
	g_auto(GStrv) parts = g_strsplit(form, "{n}", 2);
	return g_strjoinv(number, parts);
}

static JsonArray *purposes_of(JsonObject *template, const struct ap_policy *policy, enum ap_sensitivity sensitivity)
{
	JsonArray *list = json_array_new();
	JsonObject *texts = json_object_get_object_member(template, "purposes");
	for (int p = 0; p < AP_PURPOSE_COUNT; p++) {
		const char *id = ap_purpose_text((enum ap_purpose)p);
		if (!(ap_policy_offered(policy) & AP_PURPOSE_BIT(p)))
			continue;
		JsonObject *words = json_object_get_object_member(texts, id), *entry = json_object_new();
		g_autofree char *keep = retention_text(template, ap_policy_keep_ms(policy, (enum ap_purpose)p, sensitivity));
		json_object_set_string_member(entry, "id", id);
		json_object_set_string_member(entry, "title", json_object_get_string_member(words, "title"));
		json_object_set_string_member(entry, "text", json_object_get_string_member(words, "text"));
		json_object_set_string_member(entry, "retention", keep);
		json_array_add_object_element(list, entry);
	}
	return list;
}

static JsonObject *document_of(struct ap_vault *v, const struct ap_session *session, const struct ap_policy *policy,
			       JsonObject *template)
{
	const struct ap_config *config = ap_vault_config(v);
	JsonObject *o = json_object_new(), *controller = json_object_new();
	g_autofree char *version = g_strdup_printf("%s.%s.%" G_GINT64_FORMAT,
						   json_object_get_string_member(template, "version"),
						   ap_policy_name(policy), session->policy_version);
	json_object_set_string_member(controller, "name", ap_config_text(config, "operator.controller_name"));
	json_object_set_string_member(controller, "contact", ap_config_text(config, "operator.controller_contact"));
	json_object_set_string_member(o, "version", version);
	json_object_set_string_member(o, "lang", json_object_get_string_member(template, "lang"));
	json_object_set_string_member(o, "text", json_object_get_string_member(template, "text"));
	json_object_set_string_member(o, "rights", json_object_get_string_member(template, "rights"));
	json_object_set_array_member(o, "recipients",
				     json_array_ref(json_object_get_array_member(template, "recipients")));
	json_object_set_array_member(o, "purposes", purposes_of(template, policy, session->sensitivity));
	json_object_set_object_member(o, "controller", controller);
	json_object_set_string_member(o, "dpo", ap_config_text(config, "operator.dpo"));
	json_object_set_string_member(o, "complaint", ap_config_text(config, "operator.complaint"));
	json_object_set_string_member(o, "log_key", ap_ledger_vkey(ap_vault_ledger(v)));
	return o;
}

struct ap_result ap_notice_current(struct ap_vault *v, struct ap_db *db, const struct ap_session *session,
				   const char *lang, char **ret_document, struct ap_hash *ret_sha256)
{
	struct ap_policy *policy = NULL;
	AP_TRY(ap_session_policy(db, session, &policy));
	g_autoptr(JsonObject) template = template_of(ap_notice_lang(lang));
	g_autoptr(JsonObject) document = document_of(v, session, policy, template);
	ap_policy_free(policy);
	g_autofree char *text = NULL;
	AP_TRY(ap_jcs_from_object(document, &text));
	struct ap_hash sha256 = ap_sha256(text, strlen(text));
	AP_TRY(ap_db_notice_put(db, sha256.b, json_object_get_string_member(document, "version"), ap_notice_lang(lang), text,
				ap_wall_ms(ap_vault_clock(v))));
	*ret_document = g_steal_pointer(&text);
	*ret_sha256 = sha256;
	return AP_SUCCESS;
}

static struct ap_result find(struct ap_vault *v, struct ap_db *db, const struct ap_party *party, const char *lang,
			     const char *sha256, char **ret_document, struct ap_hash *ret_hash)
{
	struct ap_session session;
	if (*sha256) {
		if (!ap_hex_exact(sha256, ret_hash->b, AP_HASH))
			return ap_fail(AP_ERR_PROTOCOL, "invalid", "sha256 is 64 hex digits");
		return ap_db_notice_get(db, ret_hash->b, ret_document);
	}
	AP_TRY(ap_session_load(db, &party->session, &session));
	struct ap_result r = ap_notice_current(v, db, &session, *lang ? lang : party->locale, ret_document, ret_hash);
	ap_session_clear(&session);
	return r;
}

struct ap_result ap_notice_answer(struct ap_vault *v, struct ap_db *db, const struct ap_party *party, const char *lang,
				  const char *sha256, char **ret_json)
{
	g_autofree char *document = NULL;
	g_autoptr(JsonNode) node = NULL;
	struct ap_hash hash;
	uint8_t seal[32];
	AP_TRY(find(v, db, party, lang, sha256, &document, &hash));
	AP_TRY(ap_json_parse(document, strlen(document), MAX_DOCUMENT, &node));
	AP_TRY(ap_db_keys_seal(ap_vault_keys(v), &party->session, party->role, seal));
	g_autofree char *hash_text = ap_hash_hex(&hash), *seal_text = ap_base64url(seal, sizeof seal);
	json_object_set_string_member(json_node_get_object(node), "sha256", hash_text);
	json_object_set_string_member(json_node_get_object(node), "seal", seal_text);
	return ap_jcs_from_node(node, ret_json);
}
