/*
 * What a change of rules does to the recordings that exist: counted before it is made, and the word that it was.
 *
 * Threads: main thread.
 */
#pragma once

#include "recorder/policy/term.h"

#include <json-glib/json-glib.h>

struct ap_vault;

/* A change as it is thought of: the book has it, the filter finds whom it may concern. */
struct ap_terms_change {
	struct ap_rule_book *book;   /* borrowed */
	struct ap_term_filter filter;
	const char *what;	     /* borrowed: the very change as text, which a token names */
	int64_t version;	     /* of what is in force */
};

/* One recording that would end sooner. */
struct ap_terms_loss {
	struct ap_uuid recording;
	int64_t expires_ms, would_expire_ms;
	bool frozen;
};
struct ap_terms_tally {
	GArray *losses; /* struct ap_terms_loss, soonest first */
	int64_t as_of_ms;
	unsigned at_once; /* that would be erased at once: those to end by as_of_ms and not frozen */
	unsigned held;	  /* that would be erased as soon as nothing holds or restricts them */
	unsigned unchanged; /* under these rules, and ending when they do now */
};

struct ap_result ap_terms_count(struct ap_vault *v, const struct ap_terms_change *change, int64_t as_of_ms,
				struct ap_terms_tally *ret_tally);
void ap_terms_tally_clear(struct ap_terms_tally *t);

/* Names the change, what it is made from, the time, and each recording it erases at once; g_free. */
char *ap_terms_token(const struct ap_terms_change *change, const struct ap_terms_tally *tally);
/* "conflict" unless nothing is erased at once, or `token` (may be NULL) is that of a preview within the last hour whose
 * outcome still stands. */
struct ap_result ap_terms_allow(struct ap_vault *v, const struct ap_terms_change *change, const char *token);
/* Adds "token", "as_of", "at_once", "held", "total", "unchanged", "days" (when they would end), "days_before" (when they end as it
 * is) and the soonest "recordings" to an answer. */
void ap_terms_tell(JsonObject *o, const struct ap_terms_change *change, const struct ap_terms_tally *tally);
/* Carries a committed change out on what exists. What fails stays owed, and the next scan makes it good. */
void ap_terms_carry_out(struct ap_vault *v, const struct ap_term_filter *filter);
