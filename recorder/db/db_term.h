/*
 * Terms of recordings, what binds sessions, and decisions, in vault.db.
 *
 * Threads: those of the connection.
 */
#pragma once

#include "recorder/db/db.h"
#include "recorder/policy/rules.h"

#include <glib.h>

#define AP_POLICY_NAME 65

struct ap_tenant_rules {
	char policy[AP_POLICY_NAME], region[AP_POLICY_NAME]; /* region "" for none */
};
struct ap_result ap_db_tenant_rules(struct ap_db *db, int64_t tenant, struct ap_tenant_rules *ret_rules);
struct ap_result ap_db_tenant_rules_set(struct ap_db *db, int64_t tenant, const struct ap_tenant_rules *rules);

/* What a session was bound by when it was made, beside its own policy. */
struct ap_pin {
	bool region; /* else the tenant's policy */
	char name[AP_POLICY_NAME];
	int64_t version;
};
#define AP_PINS_MAX 2
struct ap_result ap_db_pin(struct ap_db *db, const struct ap_uuid *session, bool region, const char *name, int64_t version);
struct ap_result ap_db_pins(struct ap_db *db, const struct ap_uuid *session, struct ap_pin ret_pins[AP_PINS_MAX], size_t *ret_n);

/* A recording as its terms see it. */
struct ap_term_subject {
	struct ap_uuid recording, session;
	int64_t tenant;
	char policy[AP_POLICY_NAME];
	int64_t policy_version;
	enum ap_sensitivity sensitivity;
	int64_t sealed_ms, expires_ms, archives_ms, decided_ms; /* 0: not there */
	bool archived, erased;
	bool frozen; /* restricted, or held: not erased while it is */
};
/* "not-found". */
struct ap_result ap_db_term_subject(struct ap_db *db, const struct ap_uuid *recording, int64_t now_ms,
				    struct ap_term_subject *ret_subject);
/* Which recordings; what is NULL or 0 does not count, and beside a session nothing else does. */
struct ap_term_filter {
	const struct ap_uuid *session;
	const char *document; /* bound by a policy or region of that name */
	int64_t tenant;
	bool without; /* those without terms: made by an older version */
};
/* GArray of struct ap_term_subject: those that are kept and not ordered erased. */
struct ap_result ap_db_term_list(struct ap_db *db, const struct ap_term_filter *filter, int64_t now_ms, GArray **ret_subjects);

/* One purpose's term as kept. */
struct ap_term_kept {
	bool known;
	int64_t ends_ms, archives_ms;
	enum ap_rule_level level;
	enum ap_bound_basis basis;
	char name[AP_POLICY_NAME]; /* of the document that decided */
	int64_t version;
};
struct ap_result ap_db_term_load(struct ap_db *db, const struct ap_uuid *recording, struct ap_term_kept ret_terms[AP_PURPOSE_COUNT]);
struct ap_result ap_db_term_put(struct ap_db *db, const struct ap_uuid *recording, enum ap_purpose purpose,
				const struct ap_term_kept *term);
/* The recording's own ends. */
struct ap_result ap_db_term_ends(struct ap_db *db, const struct ap_uuid *recording, int64_t expires_ms, int64_t archives_ms);
/* label "": none. */
struct ap_result ap_db_term_storage(struct ap_db *db, const struct ap_uuid *recording, const char *label);

/* The first decision stays, unless a later word says that it was earlier. */
struct ap_result ap_db_decision_put(struct ap_db *db, const struct ap_uuid *recording, int64_t decided_ms, const char *by,
				    int64_t now_ms, uint64_t leaf);

/* Changed rules are not applied to everything yet: noted with the change, so that what a crash left is done at the next
 * scan. */
struct ap_result ap_db_terms_owed_set(struct ap_db *db, bool owed);
struct ap_result ap_db_terms_owed(struct ap_db *db, bool *ret_owed);
