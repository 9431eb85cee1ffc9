/*
 * The terms of one recording: for each purpose when it ends and whose rule says so, and from those when the recording
 * is archived and when it is erased: at the latest end of the purposes both persons give (R16, R17).
 *
 * A term only ever moves closer: what is kept and what the rules say now, the earlier of both.
 *
 * Threads: those of the connection and of the book.
 */
#pragma once

#include "recorder/db/db_term.h"
#include "recorder/policy/rule_book.h"

struct ap_terms_of {
	struct ap_term_kept term[AP_PURPOSE_COUNT];
	ap_purposes both;     /* what both persons give for this recording */
	ap_purposes moved;    /* purposes whose term is new or closer than what was kept */
	bool withdrawn;	      /* not both give `recording`: it is erased for that, or held; its ends stay */
	int64_t expires_ms;   /* never later than the subject's */
	int64_t archives_ms;  /* never after expires_ms */
};

/* What the terms are under the book's rules; writes nothing. */
struct ap_result ap_term_compute(struct ap_db *db, struct ap_rule_book *book, const struct ap_term_subject *subject,
				 struct ap_terms_of *ret_terms);
/* Writes what moved. Inside the caller's transaction. */
struct ap_result ap_term_write(struct ap_db *db, const struct ap_term_subject *subject, const struct ap_terms_of *terms);
/* Both at once, for the recordings of a filter, a few hundred to a transaction of its own. */
struct ap_result ap_term_apply(struct ap_db *db, const struct ap_term_filter *filter, int64_t now_ms);

/* Inside the transaction that seals it, after the recording's row has its sealed_ms: writes its first terms, its ends
 * and the storage label. */
struct ap_result ap_term_seal(struct ap_db *db, const struct ap_uuid *recording);
