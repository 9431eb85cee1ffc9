#include "recorder/policy.h"

#include <aparte/jcs.h>
#include <glib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define MAX_DAYS 40000
#define MAX_SECONDS (MAX_DAYS * INT64_C(86400))
#define MAX_POLICY 65536

struct ap_policy {
	char *name; /* owned */
	ap_purposes offered;
	int64_t keep_ms[AP_PURPOSE_COUNT];
	int64_t archive_ms;
	int64_t protected_ms; /* upper bound for protected sessions; 0: none */
	bool four_eyes;
	bool minors;
	int64_t proof_ms;
	int64_t request_ms;
	int64_t conduct_pass;
};

static const char *const sensitivities[] = { "standard", "protected", "unrecorded" };

const char *ap_sensitivity_text(enum ap_sensitivity s)
{
	return sensitivities[s];
}

bool ap_sensitivity_parse(const char *text, enum ap_sensitivity *ret_s)
{
	for (size_t i = 0; text && i < G_N_ELEMENTS(sensitivities); i++)
		if (strcmp(sensitivities[i], text) == 0) {
			*ret_s = (enum ap_sensitivity)i;
			return true;
		}
	return false;
}

static struct ap_result invalid(const char *detail)
{
	return ap_fail(AP_ERR_PROTOCOL, "invalid", detail);
}

/* Every member of `o` must be one of `names` (space-separated). */
static bool only_members(JsonObject *o, const char *names)
{
	g_auto(GStrv) known = g_strsplit(names, " ", -1);
	g_autoptr(GList) members = json_object_get_members(o);
	for (GList *m = members; m; m = m->next)
		if (!g_strv_contains((const char *const *)known, m->data))
			return false;
	return true;
}

static JsonObject *child(JsonObject *o, const char *name)
{
	JsonNode *node = json_object_get_member(o, name);
	return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

/* An integer from 0 to max, or `fallback` when absent; -1 when it is something else. */
static int64_t integer(JsonObject *o, const char *name, int64_t max, int64_t fallback)
{
	JsonNode *node = json_object_get_member(o, name);
	if (!node)
		return fallback;
	if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_INT64)
		return -1;
	int64_t value = json_node_get_int(node);
	return value < 0 || value > max ? -1 : value;
}

static bool boolean(JsonObject *o, const char *name)
{
	JsonNode *node = json_object_get_member(o, name);
	return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_BOOLEAN &&
	       json_node_get_boolean(node);
}

static const char *text(JsonObject *o, const char *name)
{
	JsonNode *node = json_object_get_member(o, name);
	return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING ?
		       json_node_get_string(node) : "";
}

/* {"days":N} or {"seconds":N}; -1 when neither. */
static int64_t period(JsonObject *o)
{
	int64_t days = integer(o, "days", MAX_DAYS, 0), seconds = integer(o, "seconds", MAX_SECONDS, 0);
	if (days < 0 || seconds < 0 || (days == 0) == (seconds == 0))
		return -1;
	return days * DAY_MS + seconds * 1000;
}

static struct ap_result read_purposes(struct ap_policy *p, JsonObject *purposes)
{
	g_autoptr(GList) members = purposes ? json_object_get_members(purposes) : NULL;
	for (GList *m = members; m; m = m->next) {
		enum ap_purpose purpose;
		JsonObject *entry = child(purposes, m->data);
		if (!ap_purpose_parse(m->data, &purpose) || !entry || !only_members(entry, "days seconds"))
			return invalid("purposes: each is one of the known ones with days or seconds");
		int64_t keep = period(entry);
		if (keep < 0)
			return invalid("purposes: each needs days or seconds, above zero");
		p->keep_ms[purpose] = keep;
		p->offered |= AP_PURPOSE_BIT(purpose);
	}
	return AP_SUCCESS;
}

static struct ap_result read_protected(struct ap_policy *p, JsonObject *o)
{
	if (!o)
		return AP_SUCCESS;
	p->protected_ms = only_members(o, "days seconds four_eyes") ? period(o) : -1;
	p->four_eyes = boolean(o, "four_eyes");
	return p->protected_ms < 0 ? invalid("protected: days or seconds, and four_eyes") : AP_SUCCESS;
}

/* Minors only with a reason and a way to parental consent (R36). */
static struct ap_result read_minors(struct ap_policy *p, JsonObject *o)
{
	if (!o)
		return AP_SUCCESS;
	if (!only_members(o, "allowed reason parental_consent"))
		return invalid("minors: allowed, reason, parental_consent");
	p->minors = boolean(o, "allowed");
	if (p->minors && (!*text(o, "reason") || !*text(o, "parental_consent")))
		return invalid("minors: when allowed, say why and how parental consent is had");
	return AP_SUCCESS;
}

static struct ap_result read_policy(struct ap_policy *p, JsonObject *o)
{
	if (!only_members(o, "name reason purposes archive_days archive_seconds protected minors consent_proof_days "
			     "request_days conduct_pass_percent"))
		return invalid("unknown member; docs/openapi.yaml has the form");
	p->name = g_strdup(text(o, "name"));
	if (!*p->name || !*text(o, "reason"))
		return invalid("a policy has a name and the reason for its periods");
	AP_TRY(read_purposes(p, child(o, "purposes")));
	AP_TRY(read_protected(p, child(o, "protected")));
	AP_TRY(read_minors(p, child(o, "minors")));
	int64_t archive = integer(o, "archive_days", MAX_DAYS, 0), archive_s = integer(o, "archive_seconds", MAX_SECONDS, 0);
	int64_t proof = integer(o, "consent_proof_days", MAX_DAYS, 1826), request = integer(o, "request_days", MAX_DAYS, 30);
	if (archive < 0 || archive_s < 0 || proof < 0 || request <= 0)
		return invalid("archive_days, consent_proof_days and request_days are whole numbers");
	p->archive_ms = archive * DAY_MS + archive_s * 1000;
	p->proof_ms = proof * DAY_MS;
	p->request_ms = request * DAY_MS;
	p->conduct_pass = integer(o, "conduct_pass_percent", 100, 0);
	return p->conduct_pass < 0 ? invalid("conduct_pass_percent is a whole number from 0 to 100") : AP_SUCCESS;
}

struct ap_result ap_policy_parse(const char *json, struct ap_policy **ret_policy)
{
	g_autoptr(JsonNode) node = NULL;
	if (!ap_ok(ap_json_parse(json, strlen(json), MAX_POLICY, &node)) || !JSON_NODE_HOLDS_OBJECT(node))
		return invalid("a policy is a JSON object");
	struct ap_policy *p = g_new0(struct ap_policy, 1);
	struct ap_result r = read_policy(p, json_node_get_object(node));
	if (ap_ok(r))
		*ret_policy = p;
	else
		ap_policy_free(p);
	return r;
}

void ap_policy_free(struct ap_policy *p)
{
	if (!p)
		return;
	g_free(p->name);
	g_free(p);
}

const char *ap_policy_name(const struct ap_policy *p)
{
	return p->name;
}

ap_purposes ap_policy_offered(const struct ap_policy *p)
{
	return p->offered;
}

int64_t ap_policy_keep_ms(const struct ap_policy *p, enum ap_purpose purpose, enum ap_sensitivity s)
{
	int64_t keep = p->keep_ms[purpose];
	return s == AP_PROTECTED && p->protected_ms > 0 ? MIN(keep, p->protected_ms) : keep;
}

int64_t ap_policy_expires_ms(const struct ap_policy *p, ap_purposes purposes, enum ap_sensitivity s, int64_t sealed_ms)
{
	int64_t longest = 0;
	for (int i = 0; i < AP_PURPOSE_COUNT; i++)
		if (purposes & AP_PURPOSE_BIT(i))
			longest = MAX(longest, ap_policy_keep_ms(p, (enum ap_purpose)i, s));
	return sealed_ms + longest;
}

int64_t ap_policy_archives_ms(const struct ap_policy *p, int64_t expires_ms)
{
	return expires_ms - p->archive_ms;
}

int64_t ap_policy_request_ms(const struct ap_policy *p)
{
	return p->request_ms;
}

int64_t ap_policy_consent_proof_ms(const struct ap_policy *p)
{
	return p->proof_ms;
}

int64_t ap_policy_conduct_pass(const struct ap_policy *p)
{
	return p->conduct_pass;
}

bool ap_policy_four_eyes(const struct ap_policy *p, enum ap_sensitivity s)
{
	return s == AP_PROTECTED && p->four_eyes;
}

struct ap_access_needs ap_policy_access_needs(const struct ap_policy *p, enum ap_sensitivity s, bool archived)
{
	return (struct ap_access_needs){ .four_eyes = ap_policy_four_eyes(p, s), .admin_approval = archived };
}

/* The first rule broken decides; what each one says when it is. */
bool ap_policy_may_record(const struct ap_policy *p, const struct ap_policy_facts *f, const char **ret_why)
{
	const struct {
		bool broken;
		const char *why;
	} rules[] = {
		{ f->lockdown, "everything is sealed by the operator" },
		{ f->sensitivity == AP_UNRECORDED, "this session is never recorded" },
		{ !(p->offered & AP_PURPOSE_BIT(AP_PURPOSE_RECORDING)), "the policy does not offer recording" },
		{ (f->minor[0] || f->minor[1]) && !p->minors, "the policy does not allow recording minors" },
		{ f->off_loopback && !f->controller, "operator.controller_name and controller_contact are not set" },
		{ f->off_loopback && !f->dpo, "operator.dpo is not set" },
		{ f->off_loopback && !f->complaint, "operator.complaint is not set" },
		{ f->off_loopback && !f->impact_assessment, "operator.impact_assessment is not set" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rules); i++)
		if (rules[i].broken) {
			if (ret_why)
				*ret_why = rules[i].why;
			return false;
		}
	return true;
}
