/* The form of a policy document; recorder/policy/policy.h has it. */
#include "recorder/policy/policy_private.h"

#include <aparte/jcs.h>
#include <glib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define MAX_POLICY 65536
#define MAX_NAME 64
#define ACCESS_LOG_MONTHS 12
#define PROOF_DAYS 1826
#define REQUEST_DAYS 30

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

/* Whether a member is absent or of that type: what is said in another way must not count as unsaid. */
static bool absent_or(JsonObject *o, const char *name, GType type)
{
	JsonNode *node = json_object_get_member(o, name);
	return !node || (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type);
}

static bool boolean(JsonObject *o, const char *name)
{
	return json_object_has_member(o, name) && absent_or(o, name, G_TYPE_BOOLEAN) && json_object_get_boolean_member(o, name);
}

static const char *text(JsonObject *o, const char *name)
{
	return json_object_has_member(o, name) && absent_or(o, name, G_TYPE_STRING) ? json_object_get_string_member(o, name) : "";
}

/* A text that says something. */
static bool says(JsonObject *o, const char *name)
{
	const char *value = text(o, name);
	return value[strspn(value, " \t\r\n")] != '\0';
}

/* An integer from 0 to max, or `fallback` when absent; -1 when it is something else. */
static int64_t integer(JsonObject *o, const char *name, int64_t max, int64_t fallback)
{
	if (!json_object_has_member(o, name))
		return fallback;
	if (!absent_or(o, name, G_TYPE_INT64))
		return -1;
	int64_t value = json_object_get_int_member(o, name);
	return value < 0 || value > max ? -1 : value;
}

/* A member that is an object; false when it is something else. *ret_child is NULL when absent. */
static bool child(JsonObject *o, const char *name, JsonObject **ret_child)
{
	JsonNode *node = json_object_get_member(o, name);
	*ret_child = node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
	return !node || *ret_child;
}

/* A member that holds nothing but a period; absent leaves none. */
static bool inner_period(JsonObject *o, const char *name, struct ap_period *ret_period)
{
	JsonObject *inner;
	if (!child(o, name, &inner))
		return false;
	return !inner || (only_members(inner, "days months seconds") && ap_period_read(inner, ret_period));
}

static struct ap_result read_off(JsonObject *o)
{
	bool has_periods = ap_period_given(o) || json_object_has_member(o, "archive_after") ||
			   json_object_has_member(o, "after_decision");
	return has_periods ? invalid("purposes: one that is off has no periods") : AP_SUCCESS;
}

static struct ap_result read_entry(struct ap_policy_entry *entry, JsonObject *o)
{
	if (!only_members(o, "days months seconds off reason archive_after after_decision") ||
	    !absent_or(o, "off", G_TYPE_BOOLEAN) || !absent_or(o, "reason", G_TYPE_STRING))
		return invalid("purposes: a period, reason, archive_after and after_decision, or off and reason");
	entry->listed = true;
	entry->off = boolean(o, "off");
	entry->reason = says(o, "reason") ? g_strdup(text(o, "reason")) : NULL;
	if (entry->off)
		return read_off(o);
	if (!ap_period_read(o, &entry->keep))
		return invalid("purposes: each needs one of days, months or seconds, above zero, or off");
	if (!inner_period(o, "archive_after", &entry->archive_after) || !inner_period(o, "after_decision", &entry->after_decision))
		return invalid("archive_after and after_decision are one of days, months or seconds");
	return AP_SUCCESS;
}

static struct ap_result read_purposes(struct ap_policy *p, JsonObject *o)
{
	JsonObject *purposes;
	if (!child(o, "purposes", &purposes))
		return invalid("purposes is an object");
	g_autoptr(GList) members = purposes ? json_object_get_members(purposes) : NULL;
	for (GList *m = members; m; m = m->next) {
		enum ap_purpose purpose;
		JsonObject *entry;
		if (!ap_purpose_parse(m->data, &purpose) || !child(purposes, m->data, &entry))
			return invalid("purposes: each is one of the known ones, and an object");
		AP_TRY(read_entry(&p->purpose[purpose], entry));
	}
	return AP_SUCCESS;
}

static struct ap_result read_protected(struct ap_policy *p, JsonObject *o)
{
	JsonObject *tier;
	if (!child(o, "protected", &tier))
		return invalid("protected is an object");
	p->protected_reason = !tier || says(tier, "reason");
	if (!tier)
		return AP_SUCCESS;
	p->four_eyes = boolean(tier, "four_eyes");
	if (!only_members(tier, "days months seconds four_eyes reason") || !absent_or(tier, "four_eyes", G_TYPE_BOOLEAN) ||
	    !ap_period_read(tier, &p->protected))
		return invalid("protected: one of days, months or seconds; four_eyes, reason");
	return AP_SUCCESS;
}

/* The member, or its older spelling with the unit in the name. */
static struct ap_result read_archive(struct ap_policy *p, JsonObject *o)
{
	JsonObject *archive;
	int64_t days = integer(o, "archive_days", AP_PERIOD_MAX_DAYS, 0);
	int64_t seconds = integer(o, "archive_seconds", AP_PERIOD_MAX_DAYS * INT64_C(86400), 0);
	if (!child(o, "archive", &archive) || days < 0 || seconds < 0)
		return invalid("archive: one of days, months or seconds, and reason");
	p->archive_reason = !archive || says(archive, "reason");
	p->archive.ms = days * DAY_MS + seconds * 1000;
	if (archive && (p->archive.ms > 0 || !only_members(archive, "days months seconds reason") ||
			!ap_period_read(archive, &p->archive)))
		return invalid("archive: one of days, months or seconds, and reason");
	return AP_SUCCESS;
}

/* Minors only with a reason and a way to parental consent (R36). */
static struct ap_result read_minors(struct ap_policy *p, JsonObject *o)
{
	JsonObject *minors;
	if (!child(o, "minors", &minors))
		return invalid("minors is an object");
	if (!minors)
		return AP_SUCCESS;
	if (!only_members(minors, "allowed reason parental_consent") || !absent_or(minors, "allowed", G_TYPE_BOOLEAN))
		return invalid("minors: allowed, reason, parental_consent");
	p->minors = boolean(minors, "allowed") ? AP_MINORS_ALLOWED : AP_MINORS_FORBIDDEN;
	if (p->minors == AP_MINORS_ALLOWED && (!says(minors, "reason") || !says(minors, "parental_consent")))
		return invalid("minors: when allowed, say why and how parental consent is had");
	return AP_SUCCESS;
}

static struct ap_result read_access_log(struct ap_policy *p, JsonObject *o)
{
	JsonObject *log;
	p->access_log.months = ACCESS_LOG_MONTHS;
	if (!child(o, "access_log", &log))
		return invalid("access_log is an object");
	p->access_log_reason = !log || says(log, "reason");
	if (log && (!only_members(log, "days months seconds reason") || !ap_period_read(log, &p->access_log)))
		return invalid("access_log: one of days, months or seconds, and reason");
	return AP_SUCCESS;
}

static struct ap_result read_kind(struct ap_policy *p, JsonObject *o)
{
	const char *kind = json_object_has_member(o, "kind") ? text(o, "kind") : "policy";
	p->kind = strcmp(kind, "region") == 0 ? AP_KIND_REGION : AP_KIND_POLICY;
	p->storage = g_strdup(text(o, "storage"));
	if (strcmp(kind, ap_policy_kind_text(p->kind)) != 0)
		return invalid("kind is policy or region");
	if (!absent_or(o, "storage", G_TYPE_STRING) || (*p->storage && p->kind != AP_KIND_REGION) || strlen(p->storage) > MAX_NAME)
		return invalid("storage is the label of a region's place, at most 64 bytes");
	return AP_SUCCESS;
}

static struct ap_result read_names(struct ap_policy *p, JsonObject *o)
{
	if (!only_members(o, "name kind reason purposes archive archive_days archive_seconds protected minors access_log"
			     " consent_proof_days request_days conduct_pass_percent storage"))
		return invalid("unknown member; docs/openapi.yaml has the form");
	p->name = g_strdup(text(o, "name"));
	p->reason = g_strdup(text(o, "reason"));
	if (!*p->name || strlen(p->name) > MAX_NAME || !says(o, "reason"))
		return invalid("a policy has a name of at most 64 bytes and the reason for its periods");
	return read_kind(p, o);
}

static struct ap_result read_policy(struct ap_policy *p, JsonObject *o)
{
	AP_TRY(read_names(p, o));
	AP_TRY(read_purposes(p, o));
	AP_TRY(read_protected(p, o));
	AP_TRY(read_archive(p, o));
	AP_TRY(read_minors(p, o));
	AP_TRY(read_access_log(p, o));
	int64_t proof = integer(o, "consent_proof_days", AP_PERIOD_MAX_DAYS, PROOF_DAYS);
	int64_t request = integer(o, "request_days", AP_PERIOD_MAX_DAYS, REQUEST_DAYS);
	if (proof < 0 || request <= 0)
		return invalid("consent_proof_days and request_days are whole numbers");
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
	p->references = 1;
	struct ap_result r = read_policy(p, json_node_get_object(node));
	if (ap_ok(r))
		*ret_policy = p;
	else
		ap_policy_free(p);
	return r;
}
