/*
 * Policies: which purposes are offered, how long a recording is kept for each, whether it may be made at all.
 *
 * A document (config/policies/default.json is the shipped one):
 *   {"name","reason","purposes":{"recording":{"days":N},"supervision":{"days":N},…},"archive_days":N,
 *    "protected":{"days":N,"four_eyes":true},"minors":{"allowed":false,"reason":"","parental_consent":""},
 *    "consent_proof_days":1826,"request_days":30,"conduct_pass_percent":0}
 * `seconds` may stand in place of `days` (tests, demonstrations). A purpose that is not listed is not offered.
 *
 * Pure: no clock, no I/O. Ownership: ap_policy owns what it parsed. Threads: read-only after parsing.
 */
#pragma once

#include "recorder/purpose.h"

#include <aparte/err.h>
#include <stdint.h>

struct ap_policy; /* opaque */

enum ap_sensitivity { AP_STANDARD, AP_PROTECTED, AP_UNRECORDED };
const char *ap_sensitivity_text(enum ap_sensitivity s);
bool ap_sensitivity_parse(const char *text, enum ap_sensitivity *ret_s);

/* "invalid" (AP_ERR_PROTOCOL) when the form is wrong; unknown members are refused. */
struct ap_result ap_policy_parse(const char *json, struct ap_policy **ret_policy);
void ap_policy_free(struct ap_policy *p);

const char *ap_policy_name(const struct ap_policy *p);
/* Purposes offered under it, as bits. */
ap_purposes ap_policy_offered(const struct ap_policy *p);
/* How long a recording is kept for one purpose, ms; 0 when it is not offered. */
int64_t ap_policy_keep_ms(const struct ap_policy *p, enum ap_purpose purpose, enum ap_sensitivity s);
/* When a recording made at sealed_ms is to be erased: the latest end among `purposes` (those both persons give). */
int64_t ap_policy_expires_ms(const struct ap_policy *p, ap_purposes purposes, enum ap_sensitivity s, int64_t sealed_ms);
/* When it passes into the archive phase (R16, R17): archive_ms before it expires; its expiry when there is none. */
int64_t ap_policy_archives_ms(const struct ap_policy *p, int64_t expires_ms);
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
};
/* May a session be recorded: R14 (sensitivity), R35 (off loopback), R36 (minors). ret_why (static, may be NULL) says
 * why not. */
bool ap_policy_may_record(const struct ap_policy *p, const struct ap_policy_facts *facts, const char **ret_why);
