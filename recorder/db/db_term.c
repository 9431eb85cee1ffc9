#include "recorder/db/db_term.h"

#include <string.h>

struct ap_result ap_db_tenant_rules(struct ap_db *db, int64_t tenant, struct ap_tenant_rules *ret_rules)
{
	struct ap_tenant_rules rules = { 0 };
	struct ap_rows *rows = ap_db_query(db, "SELECT policy, coalesce(region, '') FROM tenant WHERE id = ?1",
					   AP_VALUES(AP_V_INT(tenant)));
	bool found = ap_rows_next(rows);
	if (found) {
		g_strlcpy(rules.policy, ap_row_text(rows, 0), sizeof rules.policy);
		g_strlcpy(rules.region, ap_row_text(rows, 1), sizeof rules.region);
	}
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_rules = rules;
	return AP_SUCCESS;
}

struct ap_result ap_db_tenant_rules_set(struct ap_db *db, int64_t tenant, const struct ap_tenant_rules *rules)
{
	return ap_db_run(db, "UPDATE tenant SET policy = ?2, region = nullif(?3, '') WHERE id = ?1",
			 AP_VALUES(AP_V_INT(tenant), AP_V_TEXT(rules->policy), AP_V_TEXT(rules->region)));
}

struct ap_result ap_db_pin(struct ap_db *db, const struct ap_uuid *session, bool region, const char *name, int64_t version)
{
	return ap_db_run(db, "INSERT INTO session_rule (session, level, name, version) VALUES (?1, ?2, ?3, ?4)",
			 AP_VALUES(AP_V_UUID(session), AP_V_TEXT(region ? "region" : "tenant"), AP_V_TEXT(name), AP_V_INT(version)));
}

struct ap_result ap_db_pins(struct ap_db *db, const struct ap_uuid *session, struct ap_pin ret_pins[AP_PINS_MAX], size_t *ret_n)
{
	size_t n = 0;
	struct ap_rows *rows = ap_db_query(
		db, "SELECT level = 'region', name, version FROM session_rule WHERE session = ?1 ORDER BY level DESC",
		AP_VALUES(AP_V_UUID(session)));
	while (n < AP_PINS_MAX && ap_rows_next(rows)) {
		ret_pins[n].region = ap_row_int(rows, 0) != 0;
		g_strlcpy(ret_pins[n].name, ap_row_text(rows, 1), sizeof ret_pins[n].name);
		ret_pins[n++].version = ap_row_int(rows, 2);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_n = n;
	return AP_SUCCESS;
}

/* ---- recordings ---- */

#define SUBJECT                                                                                                        \
	"SELECT r.id, r.session, s.tenant, s.policy, s.policy_version, s.sensitivity, r.sealed_ms, r.expires_ms,"      \
	" r.archives_ms, d.decided_ms, r.state, EXISTS (SELECT 1 FROM hold h WHERE h.recording = r.id"                 \
	" AND h.lifted_ms IS NULL AND h.ends_ms > ?1) FROM recording r JOIN session s ON s.id = r.session"             \
	" LEFT JOIN decision d ON d.recording = r.id"

static bool read_subject(struct ap_rows *rows, struct ap_term_subject *ret)
{
	const char *state = ap_row_text(rows, 10);
	*ret = (struct ap_term_subject){ .recording = ap_row_uuid(rows, 0),
					 .session = ap_row_uuid(rows, 1),
					 .tenant = ap_row_int(rows, 2),
					 .policy_version = ap_row_int(rows, 4),
					 .sealed_ms = ap_row_int(rows, 6),
					 .expires_ms = ap_row_int(rows, 7),
					 .archives_ms = ap_row_int(rows, 8),
					 .decided_ms = ap_row_int(rows, 9),
					 .archived = g_strcmp0(state, "archived") == 0,
					 .erased = g_strcmp0(state, "erased") == 0,
					 .frozen = g_strcmp0(state, "restricted") == 0 || ap_row_int(rows, 11) != 0 };
	g_strlcpy(ret->policy, ap_row_text(rows, 3), sizeof ret->policy);
	return ap_sensitivity_parse(ap_row_text(rows, 5), &ret->sensitivity);
}

static struct ap_result unknown_sensitivity(void)
{
	return ap_fail(AP_ERR_INTERNAL, "internal", "a session has an unknown sensitivity");
}

struct ap_result ap_db_term_subject(struct ap_db *db, const struct ap_uuid *recording, int64_t now_ms,
				    struct ap_term_subject *ret_subject)
{
	struct ap_term_subject subject = { 0 };
	struct ap_rows *rows = ap_db_query(db, SUBJECT " WHERE r.id = ?2", AP_VALUES(AP_V_INT(now_ms), AP_V_UUID(recording)));
	bool found = ap_rows_next(rows), readable = found && read_subject(rows, &subject);
	AP_TRY(ap_rows_end_found(rows, found));
	if (!readable)
		return unknown_sensitivity();
	*ret_subject = subject;
	return AP_SUCCESS;
}

#define KEPT                                                                                                           \
	" JOIN tenant t ON t.id = s.tenant WHERE r.state IN ('sealed', 'archived', 'restricted')"                      \
	" AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.recording = r.id)"

/* One session's are found by their index: consents change often, rules seldom. */
static struct ap_rows *query_list(struct ap_db *db, const struct ap_term_filter *f, int64_t now_ms)
{
	if (f->session)
		return ap_db_query(db, SUBJECT KEPT " AND r.session = ?2", AP_VALUES(AP_V_INT(now_ms), AP_V_UUID(f->session)));
	return ap_db_query(
		db,
		SUBJECT KEPT " AND (?3 = 0 OR s.tenant = ?3) AND (?2 IS NULL OR s.policy = ?2 OR t.policy = ?2 OR t.region = ?2"
			     "  OR EXISTS (SELECT 1 FROM session_rule x WHERE x.session = s.id AND x.name = ?2))"
			     " AND (?4 = 0 OR NOT EXISTS (SELECT 1 FROM term y WHERE y.recording = r.id))",
		AP_VALUES(AP_V_INT(now_ms), AP_V_TEXT(f->document), AP_V_INT(f->tenant), AP_V_INT(f->without)));
}

struct ap_result ap_db_term_list(struct ap_db *db, const struct ap_term_filter *filter, int64_t now_ms, GArray **ret_subjects)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(struct ap_term_subject));
	bool readable = true;
	struct ap_rows *rows = query_list(db, filter, now_ms);
	while (ap_rows_next(rows)) {
		struct ap_term_subject subject;
		readable &= read_subject(rows, &subject);
		g_array_append_val(list, subject);
	}
	AP_TRY(ap_rows_end(rows));
	if (!readable)
		return unknown_sensitivity();
	*ret_subjects = g_steal_pointer(&list);
	return AP_SUCCESS;
}

/* ---- terms ---- */

static enum ap_rule_level level_of(const char *text)
{
	enum ap_rule_level level = AP_LEVEL_SESSION;
	while (level < AP_LEVEL_REGION && g_strcmp0(text, ap_rule_level_text(level)) != 0)
		level++;
	return level;
}

static enum ap_bound_basis basis_of(const char *text)
{
	enum ap_bound_basis basis = AP_BOUND_OFF;
	while (basis < AP_BOUND_PROTECTED && g_strcmp0(text, ap_bound_basis_text(basis)) != 0)
		basis++;
	return basis;
}

struct ap_result ap_db_term_load(struct ap_db *db, const struct ap_uuid *recording, struct ap_term_kept ret_terms[AP_PURPOSE_COUNT])
{
	struct ap_rows *rows = ap_db_query(
		db, "SELECT purpose, ends_ms, archives_ms, level, name, version, basis FROM term WHERE recording = ?1",
		AP_VALUES(AP_V_UUID(recording)));
	memset(ret_terms, 0, sizeof(struct ap_term_kept) * AP_PURPOSE_COUNT);
	while (ap_rows_next(rows)) {
		enum ap_purpose purpose;
		if (!ap_purpose_parse(ap_row_text(rows, 0), &purpose))
			continue;
		struct ap_term_kept *term = &ret_terms[purpose];
		*term = (struct ap_term_kept){ .known = true,
					       .ends_ms = ap_row_int(rows, 1),
					       .archives_ms = ap_row_int(rows, 2),
					       .level = level_of(ap_row_text(rows, 3)),
					       .basis = basis_of(ap_row_text(rows, 6)),
					       .version = ap_row_int(rows, 5) };
		g_strlcpy(term->name, ap_row_text(rows, 4), sizeof term->name);
	}
	return ap_rows_end(rows);
}

struct ap_result ap_db_term_put(struct ap_db *db, const struct ap_uuid *recording, enum ap_purpose purpose,
				const struct ap_term_kept *term)
{
	return ap_db_run(
		db,
		"INSERT INTO term (recording, purpose, ends_ms, archives_ms, level, name, version, basis)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (recording, purpose) DO UPDATE SET ends_ms = ?3,"
		" archives_ms = ?4, level = ?5, name = ?6, version = ?7, basis = ?8",
		AP_VALUES(AP_V_UUID(recording), AP_V_TEXT(ap_purpose_text(purpose)), AP_V_INT(term->ends_ms),
			  AP_V_INT(term->archives_ms), AP_V_TEXT(ap_rule_level_text(term->level)), AP_V_TEXT(term->name),
			  AP_V_INT(term->version), AP_V_TEXT(ap_bound_basis_text(term->basis))));
}

struct ap_result ap_db_term_ends(struct ap_db *db, const struct ap_uuid *recording, int64_t expires_ms, int64_t archives_ms)
{
	return ap_db_run(db, "UPDATE recording SET expires_ms = ?2, archives_ms = ?3 WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(recording), AP_V_INT(expires_ms), AP_V_INT(archives_ms)));
}

struct ap_result ap_db_term_storage(struct ap_db *db, const struct ap_uuid *recording, const char *label)
{
	return ap_db_run(db, "UPDATE recording SET storage = nullif(?2, '') WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(recording), AP_V_TEXT(label)));
}

struct ap_result ap_db_decision_put(struct ap_db *db, const struct ap_uuid *recording, int64_t decided_ms, const char *by,
				    int64_t now_ms, uint64_t leaf)
{
	return ap_db_run(db,
			 "INSERT INTO decision (recording, decided_ms, recorded_by, recorded_ms, leaf) VALUES (?1, ?2, ?3, ?4, ?5)"
			 " ON CONFLICT (recording) DO UPDATE SET decided_ms = ?2, recorded_by = ?3, recorded_ms = ?4, leaf = ?5"
			 " WHERE ?2 < decided_ms",
			 AP_VALUES(AP_V_UUID(recording), AP_V_INT(decided_ms), AP_V_TEXT(by), AP_V_INT(now_ms), AP_V_INT(leaf)));
}

/* ---- what is owed ---- */

struct ap_result ap_db_terms_owed_set(struct ap_db *db, bool owed)
{
	if (!owed)
		return ap_db_run(db, "DELETE FROM setting WHERE name = 'terms'", AP_NO_VALUES);
	return ap_db_run(db, "INSERT INTO setting (name, value) VALUES ('terms', 'owed') ON CONFLICT DO NOTHING", AP_NO_VALUES);
}

struct ap_result ap_db_terms_owed(struct ap_db *db, bool *ret_owed)
{
	int64_t n = 0;
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM setting WHERE name = 'terms'", AP_NO_VALUES, &n));
	*ret_owed = n > 0;
	return AP_SUCCESS;
}
