/*
 * Policies and regions: which purposes are offered, how long a recording is kept for each and why, when it passes into
 * its archive phase, whether it may be made at all. This is one document; what several of them say together is
 * recorder/policy/rules.h.
 *
 * A document (config/policies/default.json is the shipped one; a period is {"days":N}, {"months":N} or {"seconds":N}):
 *   {"name","kind":"policy"|"region","reason",
 *    "purposes":{"recording":{PERIOD,"reason","archive_after":{PERIOD},"after_decision":{PERIOD}},
 *                "research":{"off":true,"reason"},…},
 *    "archive":{PERIOD,"reason"}, "protected":{PERIOD,"four_eyes":true,"reason"},
 *    "minors":{"allowed":false,"reason","parental_consent"}, "access_log":{PERIOD,"reason"},
 *    "consent_proof_days":1826, "request_days":30, "conduct_pass_percent":0, "storage":"label"}
 *
 * - A policy offers the purposes it lists and has not off. A region limits: what it does not list, it does not limit.
 * - `archive_after`: current use ends that long after the session; `archive`: the archive phase is the last such part
 *   of a purpose's term (`archive_days` and `archive_seconds` are its older spelling). The earlier one holds (R17).
 * - `after_decision`: the purpose ends that long after the decision it served, and at its period's end at the latest.
 * - `protected` shortens every purpose of protected sessions, and may ask for four eyes (R14).
 * - `storage` (regions): recordings may be made only where that label is this instance's own (R27).
 *
 * Pure: no clock, no I/O. Ownership: counted references. Threads: read-only after parsing.
 */
#pragma once

#include "recorder/policy/period.h"
#include "recorder/consent/purpose.h"

#include <aparte/err.h>

struct ap_policy; /* opaque */

enum ap_sensitivity { AP_STANDARD, AP_PROTECTED, AP_UNRECORDED };
const char *ap_sensitivity_text(enum ap_sensitivity s);
bool ap_sensitivity_parse(const char *text, enum ap_sensitivity *ret_s);

enum ap_policy_kind { AP_KIND_POLICY, AP_KIND_REGION };
const char *ap_policy_kind_text(enum ap_policy_kind kind);

/* "invalid" (AP_ERR_PROTOCOL) when the form is wrong; unknown members are refused. */
struct ap_result ap_policy_parse(const char *json, struct ap_policy **ret_policy);
struct ap_policy *ap_policy_ref(struct ap_policy *p);
void ap_policy_free(struct ap_policy *p); /* gives one reference back */
/* Does every rule of it state its own reason (R16)? "invalid", naming the first that does not. Asked of what is set
 * from now on; what an older version wrote is read without. */
struct ap_result ap_policy_reasoned(const struct ap_policy *p);

const char *ap_policy_name(const struct ap_policy *p);
enum ap_policy_kind ap_policy_kind(const struct ap_policy *p);
const char *ap_policy_storage(const struct ap_policy *p); /* "" without one */

/* Purposes it allows, as bits: a policy those it offers, a region all but those it has off. */
ap_purposes ap_policy_offered(const struct ap_policy *p);
/* How long a recording is kept for a purpose; none: not limited here (or not offered). */
struct ap_period ap_policy_keep(const struct ap_policy *p, enum ap_purpose purpose);
struct ap_period ap_policy_after_decision(const struct ap_policy *p, enum ap_purpose purpose);
/* The bound for protected sessions; none without one. */
struct ap_period ap_policy_protected(const struct ap_policy *p);
/* The purpose's own reason, or that of the whole document. */
const char *ap_policy_reason(const struct ap_policy *p, enum ap_purpose purpose);
/* When current use for a purpose ends, for a recording of sealed_ms whose purpose ends at ends_ms: never after
 * ends_ms, and that when there is no archive phase. */
int64_t ap_policy_archives_ms(const struct ap_policy *p, enum ap_purpose purpose, int64_t sealed_ms, int64_t ends_ms);
/* How long an access stays in the list; the recording's life when that is longer. */
struct ap_period ap_policy_access_log(const struct ap_policy *p);
int64_t ap_policy_request_ms(const struct ap_policy *p);
int64_t ap_policy_consent_proof_ms(const struct ap_policy *p);
/* How many of a hundred answers of the code of conduct's quiz must be right (R13); 0: there is no quiz. */
int64_t ap_policy_conduct_pass(const struct ap_policy *p);
bool ap_policy_four_eyes(const struct ap_policy *p, enum ap_sensitivity s);

/* What an access needs beside role, consents and grant. */
struct ap_access_needs {
	bool four_eyes;	     /* R14: a second person approves it */
	bool admin_approval; /* R17: an admin approves it */
};
/* `archived`: the recording is in its archive phase, or its use for this purpose is. */
struct ap_access_needs ap_policy_access_needs(const struct ap_policy *p, enum ap_sensitivity s, bool archived);

/* What recording depends on beside consents. */
struct ap_policy_facts {
	enum ap_sensitivity sensitivity;
	bool minor[2];	    /* [coach, coachee] */
	bool off_loopback;  /* either listener leaves this machine */
	bool controller;    /* operator.controller_name and _contact are set */
	bool dpo;	    /* operator.dpo is set */
	bool complaint;	    /* operator.complaint is set */
	bool impact_assessment;
	bool lockdown;
	const char *storage; /* this instance's label, borrowed; NULL or "" without one */
};
/* May a session be recorded: R14 (sensitivity), R27 (storage), R35 (off loopback), R36 (minors). ret_why (static, may be
 * NULL) says why not. */
bool ap_policy_may_record(const struct ap_policy *p, const struct ap_policy_facts *facts, const char **ret_why);
