/*
 * A consent statement (docs/FORMAT.md, Statement; terms of ISO/IEC TS 27560): read into a struct, form checked, meaning
 * not. And what can be saved of a broken one: a withdrawal must never fail for its form.
 *
 * Pure: bounded, no clock, no I/O; any thread.
 */
#pragma once

#include "recorder/consent/consent_state.h"

#include <aparte/encode.h>
#include <aparte/err.h>
#include <aparte/limits.h>
#include <aparte/uuid.h>

struct ap_statement {
	char *text; /* owned: as sent */
	char *pii_principal, *notice_version, *notice_lang; /* owned */
	struct ap_hash sha256; /* of text */
	struct ap_uuid record_id, session;
	enum ap_role role;
	enum ap_decision event; /* GIVEN, REFUSED or WITHDRAWN */
	ap_purposes purposes;	/* the known ones it names */
	bool unknown_purposes;	/* it also names others */
	struct ap_hash notice_sha256;
	int64_t event_ms;
	struct ap_hash share_commitment, seal; /* only when giving `recording` */
	unsigned presence; /* seconds; 0: none promised */
};

/* "too-large" beyond AP_MAX_STATEMENT, else "statement-malformed" with what is wrong. */
struct ap_result ap_statement_parse(const char *text, struct ap_statement *ret_statement);
void ap_statement_clear(struct ap_statement *s);
/* Is `recording` among what it gives? */
bool ap_statement_gives_recording(const struct ap_statement *s);

/* What a request body meant when it cannot be read properly. */
struct ap_salvage {
	enum ap_decision event; /* GIVEN or NONE: not known to be a withdrawal; else REFUSED or WITHDRAWN */
	ap_purposes purposes;	/* `recording` when none could be read: that closes and withdraws all */
};
/* Looks for a readable `event` member, else for the last event's word in the text, and for the purposes' words. */
struct ap_salvage ap_statement_salvage(const char *body);
