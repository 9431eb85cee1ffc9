#include "recorder/consent/notice.h"

#include "recorder/accountability/db_roles.h"
#include "recorder/db/db_policy.h"
#include "recorder/policy/rule_book.h"
#include "recorder/vault_port.h"

#include <aparte/jcs.h>
#include <string.h>

#define MAX_DOCUMENT 65536

const char *ap_notice_lang(const char *tag)
{
	return tag && g_ascii_strncasecmp(tag, "fr", 2) == 0 ? "fr" : "en";
}

static struct ap_result facts_of(struct ap_vault *v, struct ap_db *db, const struct ap_session *session,
				 struct ap_policy_facts *ret_facts)
{
	struct ap_policy_facts facts = ap_vault_policy_facts(v);
	facts.sensitivity = session->sensitivity;
	facts.storage = ap_config_text(ap_vault_config(v), "storage.label");
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
	struct ap_rules rules;
	struct ap_policy_facts facts;
	AP_TRY(facts_of(v, db, session, &facts));
	AP_TRY(ap_session_rules(db, session, &rules));
	*ret_may = ap_rules_may_record(&rules, &facts, NULL);
	ap_rules_clear(&rules);
	return AP_SUCCESS;
}

struct ap_result ap_session_offered(struct ap_vault *v, struct ap_db *db, const struct ap_session *session,
				    ap_purposes *ret_offered)
{
	struct ap_rules rules;
	struct ap_policy_facts facts;
	AP_TRY(facts_of(v, db, session, &facts));
	AP_TRY(ap_session_rules(db, session, &rules));
	/* What the operator may still set right, or a lockdown that will be lifted, does not take choices away. */
	facts.lockdown = facts.off_loopback = false;
	*ret_offered = ap_rules_may_record(&rules, &facts, NULL) ? ap_rules_offered(&rules) : 0;
	ap_rules_clear(&rules);
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

/* `words` with the number put in for {n}. */
static char *with_number(const char *words, int64_t n)
{
	g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT, n);
	g_auto(GStrv) parts = g_strsplit(words, "{n}", 2);
	return g_strjoinv(number, parts);
}

/* A person's rights, and the longest that an erased recording can outlive its erasure in any copy: until the key has turned
 * over, and the key parts of backups made before are destroyed. */
static char *rights_text(const struct ap_config *config, JsonObject *template)
{
	bool backups = *ap_config_text(config, "backup.directory");
	int64_t days = (ap_config_int(config, "kek.turnover_hours") + 23) / 24 + (backups ? ap_config_int(config, "backup.key_horizon") : 0);
	JsonObject *words = json_object_get_object_member(template, "erased_for_good");
	g_autofree char *sentence = with_number(json_object_get_string_member(words, days == 1 ? "one" : "more"), days);
	return g_strconcat(json_object_get_string_member(template, "rights"), " ", sentence, NULL);
}

/* "at most {n} days …" with the number put in. */
static char *period_text(JsonObject *words, const char *form, const struct ap_period *period)
{
	int64_t n;
	const char *unit = ap_period_unit(period, &n);
	g_autofree char *key = g_strconcat(form, unit, NULL);
	return with_number(json_object_get_string_member(words, key), n);
}

/* The strictest period, and that after a decision where one ends it sooner. Reckoned from the session's making, so that
 * a session's notice stays the same document from day to day. */
static char *retention_text(JsonObject *template, const struct ap_rules *rules, enum ap_purpose purpose,
			    const struct ap_session *session)
{
	const struct ap_term_facts facts = { session->sensitivity, session->created_ms, 0 };
	struct ap_term term = ap_rules_term(rules, purpose, &facts);
	struct ap_period after = ap_rules_after_decision(rules, purpose, session->created_ms);
	JsonObject *words = json_object_get_object_member(template, "retention");
	g_autofree char *keep = period_text(words, "", &term.decided.period);
	if (ap_period_none(&after))
		return g_steal_pointer(&keep);
	g_autofree char *decision = period_text(words, "decision_", &after);
	return g_strconcat(keep, "; ", decision, NULL);
}

static JsonArray *purposes_of(JsonObject *template, const struct ap_rules *rules, const struct ap_session *session)
{
	JsonArray *list = json_array_new();
	JsonObject *texts = json_object_get_object_member(template, "purposes");
	ap_purposes offered = ap_rules_offered(rules);
	for (int p = 0; p < AP_PURPOSE_COUNT; p++) {
		const char *id = ap_purpose_text((enum ap_purpose)p);
		if (!(offered & AP_PURPOSE_BIT(p)))
			continue;
		JsonObject *words = json_object_get_object_member(texts, id), *entry = json_object_new();
		g_autofree char *keep = retention_text(template, rules, (enum ap_purpose)p, session);
		json_object_set_string_member(entry, "id", id);
		json_object_set_string_member(entry, "title", json_object_get_string_member(words, "title"));
		json_object_set_string_member(entry, "text", json_object_get_string_member(words, "text"));
		json_object_set_string_member(entry, "retention", keep);
		json_array_add_object_element(list, entry);
	}
	return list;
}

/* Who answers for a tenant's sessions, and who else processes. */
struct account {
	struct ap_tenant_roles roles;
	JsonArray *recipients; /* owned */
	int64_t changes;       /* of recipients */
};

static void account_clear(struct account *a)
{
	ap_tenant_roles_clear(&a->roles);
	g_clear_pointer(&a->recipients, json_array_unref);
}

static struct ap_result account_load(struct ap_db *db, int64_t tenant, struct account *a)
{
	AP_TRY(ap_db_recipient_changes(db, tenant, &a->changes));
	AP_TRY(ap_db_recipients(db, tenant, AP_RECIPIENTS_PRESENT, &a->recipients));
	return ap_db_tenant_roles(db, tenant, &a->roles);
}

/* "Name (processor, place): purpose, from 2026-12-01". */
static char *recipient_text(JsonObject *template, JsonObject *r)
{
	JsonObject *words = json_object_get_object_member(template, "recipient");
	g_autofree char *since = g_strndup(json_object_get_string_member(r, "since"), strlen("2026-12-01"));
	return g_strdup_printf("%s (%s, %s): %s, %s %s", json_object_get_string_member(r, "name"),
			       json_object_get_string_member(words, json_object_get_string_member(r, "role")),
			       json_object_get_string_member(r, "place"), json_object_get_string_member(r, "purpose"),
			       json_object_get_string_member(words, "since"), since);
}

/* Those there are by the nature of the thing, then the listed ones, also those announced for later (R25, R37). */
static JsonArray *recipients_of(JsonObject *template, const struct account *a)
{
	JsonArray *list = json_array_new(), *always = json_object_get_array_member(template, "recipients");
	for (guint i = 0; i < json_array_get_length(always); i++)
		json_array_add_string_element(list, json_array_get_string_element(always, i));
	for (guint i = 0; i < json_array_get_length(a->recipients); i++) {
		g_autofree char *text = recipient_text(template, json_array_get_object_element(a->recipients, i));
		json_array_add_string_element(list, text);
	}
	return list;
}

/* The operator's, the tenant's where the operator only processes for it, or both (R26). */
static char *controller_text(const struct account *a, const char *operator_s, const char *tenant_s)
{
	const char *capacity = a->roles.capacity;
	if (!tenant_s || !capacity || strcmp(capacity, "controller") == 0)
		return g_strdup(operator_s);
	return strcmp(capacity, "joint") == 0 ? g_strdup_printf("%s; %s", operator_s, tenant_s) : g_strdup(tenant_s);
}

/* The template's version, every document that binds the session with its own, and how often its recipients changed:
 * "1.default.2", "1.default.2+eu.1~3". */
static char *version_text(JsonObject *template, const struct ap_rules *rules, int64_t changes)
{
	g_autoptr(GString) text = g_string_new(json_object_get_string_member(template, "version"));
	for (size_t i = 0; i < rules->n; i++)
		g_string_append_printf(text, "%c%s.%" G_GINT64_FORMAT, i ? '+' : '.', ap_policy_name(rules->rule[i].policy),
				       rules->rule[i].version);
	if (changes > 0)
		g_string_append_printf(text, "~%" G_GINT64_FORMAT, changes);
	return g_strdup(text->str);
}

static JsonObject *document_of(struct ap_vault *v, const struct ap_session *session, const struct ap_rules *rules,
			       JsonObject *template, const struct account *account)
{
	const struct ap_config *config = ap_vault_config(v);
	JsonObject *o = json_object_new(), *controller = json_object_new();
	g_autofree char *version = version_text(template, rules, account->changes), *rights = rights_text(config, template);
	g_autofree char *name = controller_text(account, ap_config_text(config, "operator.controller_name"), account->roles.controller);
	g_autofree char *contact = controller_text(account, ap_config_text(config, "operator.controller_contact"), account->roles.contact);
	json_object_set_string_member(controller, "name", name);
	json_object_set_string_member(controller, "contact", contact);
	json_object_set_string_member(o, "version", version);
	json_object_set_string_member(o, "lang", json_object_get_string_member(template, "lang"));
	json_object_set_string_member(o, "text", json_object_get_string_member(template, "text"));
	json_object_set_string_member(o, "rights", rights);
	json_object_set_array_member(o, "recipients", recipients_of(template, account));
	json_object_set_array_member(o, "purposes", purposes_of(template, rules, session));
	json_object_set_object_member(o, "controller", controller);
	json_object_set_string_member(o, "dpo", ap_config_text(config, "operator.dpo"));
	json_object_set_string_member(o, "complaint", ap_config_text(config, "operator.complaint"));
	json_object_set_string_member(o, "log_key", ap_ledger_vkey(ap_vault_ledger(v)));
	return o;
}

struct ap_result ap_notice_current(struct ap_vault *v, struct ap_db *db, const struct ap_session *session,
				   const char *lang, char **ret_document, struct ap_hash *ret_sha256)
{
	struct ap_rules rules;
	struct account account = {0};
	AP_TRY(ap_session_rules(db, session, &rules));
	struct ap_result loaded = account_load(db, session->tenant, &account);
	g_autoptr(JsonObject) template = template_of(ap_notice_lang(lang));
	g_autoptr(JsonObject) document = ap_ok(loaded) ? document_of(v, session, &rules, template, &account) : NULL;
	ap_rules_clear(&rules);
	account_clear(&account);
	AP_TRY(loaded);
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
	struct ap_result sealed = ap_db_keys_seal(ap_vault_keys(v), &party->session, party->role, seal);
	if (strcmp(sealed.name, "lockdown") != 0) /* without one nobody gives `recording`, but everybody can refuse or withdraw */
		AP_TRY(sealed);
	g_autofree char *hash_text = ap_hash_hex(&hash), *seal_text = ap_base64url(seal, sizeof seal);
	json_object_set_string_member(json_node_get_object(node), "sha256", hash_text);
	if (ap_ok(sealed))
		json_object_set_string_member(json_node_get_object(node), "seal", seal_text);
	return ap_jcs_from_node(node, ret_json);
}
