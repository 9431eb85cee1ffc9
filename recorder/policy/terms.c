#include "recorder/policy/terms.h"

#include "recorder/policy/term.h"
#include "recorder/vault.h"

struct ap_result ap_terms_shorten(struct ap_vault *v, const struct ap_uuid *session)
{
	const struct ap_term_filter filter = {.session = session};
	return ap_term_apply(ap_vault_db(v), &filter, ap_wall_ms(ap_vault_clock(v)));
}

struct ap_result ap_terms_catch_up(struct ap_vault *v, bool without)
{
	struct ap_db *db = ap_vault_db(v);
	const struct ap_term_filter filter = {.without = without};
	bool owed = without;
	if (!without)
		AP_TRY(ap_db_terms_owed(db, &owed));
	if (!owed)
		return AP_SUCCESS;
	AP_TRY(ap_term_apply(db, &filter, ap_wall_ms(ap_vault_clock(v))));
	return without ? AP_SUCCESS : ap_db_terms_owed_set(db, false);
}

/* Terms as they are kept; those of a recording that has none yet as the rules say. */
static struct ap_result compute(struct ap_vault *v, struct ap_term_subject *subject, struct ap_terms_of *terms,
				struct ap_access_needs *needs)
{
	struct ap_db *db = ap_vault_db(v);
	struct ap_rules rules = {0};
	struct ap_rule_book *book = ap_rule_book_new(db);
	const struct ap_rule_subject bound = {subject->session, subject->tenant, subject->policy, subject->policy_version};
	struct ap_result r = ap_term_compute(db, book, subject, terms);
	if (ap_ok(r))
		r = ap_rule_book_of(book, &bound, &rules);
	*needs = ap_rules_access_needs(&rules, subject->sensitivity, subject->archived);
	ap_rules_clear(&rules);
	ap_rule_book_free(book);
	return r;
}

struct ap_result ap_terms_access(struct ap_vault *v, const struct ap_uuid *recording, enum ap_purpose purpose,
				 struct ap_term_access *ret_access)
{
	struct ap_term_subject subject;
	struct ap_terms_of terms;
	struct ap_access_needs needs;
	int64_t now = ap_vault_believed_ms(v);
	AP_TRY(ap_db_term_subject(ap_vault_db(v), recording, now, &subject));
	AP_TRY(compute(v, &subject, &terms, &needs));
	int64_t ends = MIN(terms.term[purpose].ends_ms, terms.expires_ms);
	needs.admin_approval |= now >= terms.term[purpose].archives_ms;
	*ret_access = (struct ap_term_access){.ends_ms = ends, .ended = now >= ends, .needs = needs};
	return AP_SUCCESS;
}
