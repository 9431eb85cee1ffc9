#include "recorder/policy/policy_private.h"

#include <glib.h>
#include <string.h>

static const char *const sensitivities[] = { "standard", "protected", "unrecorded" };
static const char *const kinds[] = { "policy", "region" };

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

const char *ap_policy_kind_text(enum ap_policy_kind kind)
{
	return kinds[kind];
}

struct ap_policy *ap_policy_ref(struct ap_policy *p)
{
	g_atomic_int_inc(&p->references);
	return p;
}

void ap_policy_free(struct ap_policy *p)
{
	if (!p || !g_atomic_int_dec_and_test(&p->references))
		return;
	for (int i = 0; i < AP_PURPOSE_COUNT; i++)
		g_free(p->purpose[i].reason);
	g_free(p->name);
	g_free(p->reason);
	g_free(p->storage);
	g_free(p);
}

struct ap_result ap_policy_reasoned(const struct ap_policy *p)
{
	for (int i = 0; i < AP_PURPOSE_COUNT; i++)
		if (p->purpose[i].listed && !p->purpose[i].reason)
			return ap_fail(AP_ERR_PROTOCOL, "invalid", "purposes: each states the reason for its period, or for being off");
	if (!p->archive_reason)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "archive: an archive phase states its reason");
	if (!p->protected_reason)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "protected: the tier states its reason");
	if (!p->access_log_reason)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "access_log: its period states its reason");
	return AP_SUCCESS;
}

const char *ap_policy_name(const struct ap_policy *p)
{
	return p->name;
}

enum ap_policy_kind ap_policy_kind(const struct ap_policy *p)
{
	return p->kind;
}

const char *ap_policy_storage(const struct ap_policy *p)
{
	return p->storage;
}

ap_purposes ap_policy_offered(const struct ap_policy *p)
{
	ap_purposes offered = 0;
	for (int i = 0; i < AP_PURPOSE_COUNT; i++)
		if (!p->purpose[i].off && (p->purpose[i].listed || p->kind == AP_KIND_REGION))
			offered |= AP_PURPOSE_BIT(i);
	return offered;
}

struct ap_period ap_policy_keep(const struct ap_policy *p, enum ap_purpose purpose)
{
	return p->purpose[purpose].keep;
}

struct ap_period ap_policy_after_decision(const struct ap_policy *p, enum ap_purpose purpose)
{
	return p->purpose[purpose].after_decision;
}

struct ap_period ap_policy_protected(const struct ap_policy *p)
{
	return p->protected;
}

const char *ap_policy_reason(const struct ap_policy *p, enum ap_purpose purpose)
{
	return p->purpose[purpose].reason ? p->purpose[purpose].reason : p->reason;
}

int64_t ap_policy_archives_ms(const struct ap_policy *p, enum ap_purpose purpose, int64_t sealed_ms, int64_t ends_ms)
{
	const struct ap_period *after = &p->purpose[purpose].archive_after;
	int64_t at = ends_ms;
	if (!ap_period_none(after))
		at = MIN(at, ap_period_after(after, sealed_ms));
	if (!ap_period_none(&p->archive))
		at = MIN(at, MAX(sealed_ms, ap_period_before(&p->archive, ends_ms)));
	return at;
}

struct ap_period ap_policy_access_log(const struct ap_policy *p)
{
	return p->access_log;
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

/* A policy that says nothing of minors forbids; a region that says nothing leaves it to the policy. */
static bool allows_minors(const struct ap_policy *p)
{
	return p->minors == AP_MINORS_ALLOWED || (p->kind == AP_KIND_REGION && p->minors == AP_MINORS_UNSAID);
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
		{ !(ap_policy_offered(p) & AP_PURPOSE_BIT(AP_PURPOSE_RECORDING)), "the policy does not offer recording" },
		{ (f->minor[0] || f->minor[1]) && !allows_minors(p), "the policy does not allow recording minors" },
		{ *p->storage && g_strcmp0(p->storage, f->storage) != 0, "the region's recordings are kept in another place" },
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
