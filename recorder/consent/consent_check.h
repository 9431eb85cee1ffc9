/*
 * Is a give to be accepted? The checks in the API's order, each with its own error: party, key, signature, replay, time,
 * notice, purposes. Before them came size, token and form (statement.h), after them comes the share (consent.c).
 *
 * Pure: all facts come as arguments. Any thread.
 */
#pragma once

#include "recorder/consent/statement.h"

/* What the vault knows; borrowed. */
struct ap_give_facts {
	struct ap_uuid session; /* the token's */
	enum ap_role role;
	const char *pii_principal;
	bool has_device;
	uint8_t device[32]; /* the device enrolled now */
	bool record_known;  /* this record_id was accepted before */
	int64_t now_ms;
	int64_t last_event_ms; /* of this person's last accepted statement */
	struct ap_hash notice; /* the current one in the statement's language */
	ap_purposes offered;
};

/* What came with the statement, base64url text; NULL when absent. */
struct ap_evidence {
	const char *key, *signature;
};

/* Whose statement it is: "statement-party". */
struct ap_result ap_consent_check_party(const struct ap_statement *s, const struct ap_give_facts *facts);
/* The key is this person's device and signed exactly these bytes: "statement-key", "statement-signature". */
struct ap_result ap_consent_check_signature(const struct ap_statement *s, const struct ap_evidence *evidence,
					    const struct ap_give_facts *facts);
/* "statement-stale": more than AP_STATEMENT_SKEW_MS from now, or not later than the last one. */
struct ap_result ap_consent_check_time(const struct ap_statement *s, const struct ap_give_facts *facts);
/* All of them, in order. */
struct ap_result ap_consent_check_give(const struct ap_statement *s, const struct ap_evidence *evidence,
				       const struct ap_give_facts *facts);
/* Is a withdrawal or refusal well signed and whole? When not it is taken all the same, as `unsigned`. */
bool ap_consent_evidence_good(const struct ap_statement *s, const struct ap_evidence *evidence,
			      const struct ap_give_facts *facts);
