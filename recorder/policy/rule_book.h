/*
 * Finds the documents that bind a session (recorder/policy/rules.h) in vault.db, each read and parsed once.
 *
 * They are: the session's policy in the version it was made under and in the newest; the tenant's policy and region as
 * they were when the session was made, and as they are now. The older ones stay in force beside the newer, so that no
 * change ever lengthens what people consented to; the newer ones, so that what became stricter holds at once.
 *
 * Ownership: the book is the caller's. Threads: those of its connection.
 */
#pragma once

#include "recorder/policy/rules.h"
#include "recorder/consent/session.h"

struct ap_rule_book; /* opaque */
struct ap_rule_book *ap_rule_book_new(struct ap_db *db);
void ap_rule_book_free(struct ap_rule_book *b);

/* As if it were the newest version of its name; takes a reference. */
struct ap_result ap_rule_book_propose(struct ap_rule_book *b, struct ap_policy *policy);
/* As if the tenant had them; region "" for none. Both are copied. */
void ap_rule_book_propose_tenant(struct ap_rule_book *b, int64_t tenant, const char *policy, const char *region);

/* What is to be known of a session. */
struct ap_rule_subject {
	struct ap_uuid session;
	int64_t tenant;
	const char *policy; /* borrowed */
	int64_t policy_version;
};
/* Fills *ret_rules, which the caller clears. */
struct ap_result ap_rule_book_of(struct ap_rule_book *b, const struct ap_rule_subject *subject, struct ap_rules *ret_rules);
/* The same for one session, without a book. */
struct ap_result ap_session_rules(struct ap_db *db, const struct ap_session *session, struct ap_rules *ret_rules);

/* Inside the transaction that makes a session: writes down which version of its tenant's policy and region it has. */
struct ap_result ap_rules_pin(struct ap_db *db, const struct ap_session *session);
