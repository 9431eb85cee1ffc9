#include "recorder/policy/term.h"

#include "recorder/db/db_consent.h"

#include <string.h>

/* A writer of this many rows keeps a withdrawal waiting for some ms, not for seconds. */
#define BATCH 200

static struct ap_term_kept kept_of(const struct ap_term *term)
{
	struct ap_term_kept kept = { .known = true, .ends_ms = term->ends_ms, .archives_ms = term->archives_ms };
	kept.level = term->decided.rule->level;
	kept.version = term->decided.rule->version;
	kept.basis = term->decided.basis;
	g_strlcpy(kept.name, ap_policy_name(term->decided.rule->policy), sizeof kept.name);
	return kept;
}

/* The earlier of what is kept and what the rules say; true when that is news. */
static bool draw_closer(struct ap_term_kept *kept, const struct ap_term *said)
{
	struct ap_term_kept next = kept_of(said);
	if (kept->known && kept->ends_ms <= next.ends_ms && kept->archives_ms <= next.archives_ms)
		return false;
	int64_t archives_ms = kept->known ? MIN(kept->archives_ms, next.archives_ms) : next.archives_ms;
	if (!kept->known || next.ends_ms < kept->ends_ms)
		*kept = next;
	kept->archives_ms = MIN(archives_ms, kept->ends_ms);
	return true;
}

/* The recording's ends: the latest of the purposes both give, and never later than they were. */
static void set_ends(const struct ap_term_subject *s, struct ap_terms_of *t)
{
	int64_t expires = s->sealed_ms, archives = expires;
	for (int p = 0; p < AP_PURPOSE_COUNT; p++)
		if (t->both & AP_PURPOSE_BIT(p)) {
			expires = MAX(expires, t->term[p].ends_ms);
			archives = MAX(archives, t->term[p].archives_ms);
		}
	t->withdrawn = !(t->both & AP_PURPOSE_BIT(AP_PURPOSE_RECORDING));
	if (t->withdrawn) {
		expires = s->expires_ms ? s->expires_ms : s->sealed_ms;
		archives = s->archives_ms ? s->archives_ms : expires;
	}
	t->expires_ms = s->expires_ms && s->expires_ms < expires ? s->expires_ms : expires;
	if (s->archives_ms)
		archives = MIN(archives, s->archives_ms);
	t->archives_ms = MIN(archives, t->expires_ms);
}

static struct ap_result rules_for(struct ap_rule_book *book, const struct ap_term_subject *s, struct ap_rules *ret_rules)
{
	const struct ap_rule_subject subject = { s->session, s->tenant, s->policy, s->policy_version };
	return ap_rule_book_of(book, &subject, ret_rules);
}

struct ap_result ap_term_compute(struct ap_db *db, struct ap_rule_book *book, const struct ap_term_subject *subject,
				 struct ap_terms_of *ret_terms)
{
	struct ap_terms_of t = { 0 };
	struct ap_rules rules = { 0 };
	const struct ap_term_facts facts = { subject->sensitivity, subject->sealed_ms, subject->decided_ms };
	AP_TRY(ap_db_consent_both_of(db, &subject->recording, &subject->session, &t.both));
	AP_TRY(ap_db_term_load(db, &subject->recording, t.term));
	AP_TRY(rules_for(book, subject, &rules));
	for (int p = 0; p < AP_PURPOSE_COUNT; p++) {
		struct ap_term said = ap_rules_term(&rules, (enum ap_purpose)p, &facts);
		if (draw_closer(&t.term[p], &said))
			t.moved |= AP_PURPOSE_BIT(p);
	}
	ap_rules_clear(&rules);
	set_ends(subject, &t);
	*ret_terms = t;
	return AP_SUCCESS;
}

struct ap_result ap_term_write(struct ap_db *db, const struct ap_term_subject *subject, const struct ap_terms_of *terms)
{
	for (int p = 0; p < AP_PURPOSE_COUNT; p++)
		if (terms->moved & AP_PURPOSE_BIT(p))
			AP_TRY(ap_db_term_put(db, &subject->recording, (enum ap_purpose)p, &terms->term[p]));
	if (terms->expires_ms == subject->expires_ms && terms->archives_ms == subject->archives_ms)
		return AP_SUCCESS;
	return ap_db_term_ends(db, &subject->recording, terms->expires_ms, terms->archives_ms);
}

static struct ap_result apply_some(struct ap_db *db, struct ap_rule_book *book, const GArray *subjects, guint from, guint to)
{
	for (guint i = from; i < to; i++) {
		const struct ap_term_subject *subject = &g_array_index(subjects, struct ap_term_subject, i);
		struct ap_terms_of terms;
		AP_TRY(ap_term_compute(db, book, subject, &terms));
		AP_TRY(ap_term_write(db, subject, &terms));
	}
	return AP_SUCCESS;
}

struct ap_result ap_term_apply(struct ap_db *db, const struct ap_term_filter *filter, int64_t now_ms)
{
	g_autoptr(GArray) subjects = NULL;
	AP_TRY(ap_db_term_list(db, filter, now_ms, &subjects));
	struct ap_rule_book *book = ap_rule_book_new(db);
	struct ap_result r = AP_SUCCESS;
	for (guint i = 0; ap_ok(r) && i < subjects->len; i += BATCH) {
		r = ap_db_begin(db);
		if (ap_ok(r))
			r = ap_db_finish(db, apply_some(db, book, subjects, i, MIN(i + BATCH, subjects->len)));
	}
	ap_rule_book_free(book);
	return r;
}

static struct ap_result label(struct ap_db *db, struct ap_rule_book *book, const struct ap_term_subject *subject)
{
	struct ap_rules rules = { 0 };
	AP_TRY(rules_for(book, subject, &rules));
	struct ap_result r = ap_db_term_storage(db, &subject->recording, ap_rules_storage(&rules));
	ap_rules_clear(&rules);
	return r;
}

struct ap_result ap_term_seal(struct ap_db *db, const struct ap_uuid *recording)
{
	struct ap_term_subject subject;
	struct ap_terms_of terms;
	AP_TRY(ap_db_term_subject(db, recording, 0, &subject));
	struct ap_rule_book *book = ap_rule_book_new(db);
	struct ap_result r = ap_term_compute(db, book, &subject, &terms);
	if (ap_ok(r))
		r = ap_term_write(db, &subject, &terms);
	if (ap_ok(r))
		r = label(db, book, &subject);
	ap_rule_book_free(book);
	return r;
}
