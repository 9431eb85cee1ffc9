/*
 * Consents in vault.db: accepted statements in order, and their fold.
 */
#pragma once

#include "recorder/consent/consent_state.h"
#include "recorder/db/db.h"

#include <glib.h>

/* The fold over a person's accepted statements. */
struct ap_result ap_db_consent_state(struct ap_db *db, const struct ap_uuid *session, enum ap_role role,
				     struct ap_consent_state *ret_state);
/* Purposes that both persons give now (R3). */
struct ap_result ap_db_consent_both(struct ap_db *db, const struct ap_uuid *session, ap_purposes *ret_purposes);
/* Does this person give this purpose now? */
struct ap_result ap_consent_gives(struct ap_db *db, const struct ap_uuid *session, enum ap_role role,
				  enum ap_purpose purpose, bool *ret_given);

/* One accepted statement as a row. Pointers are borrowed; NULL where there is none (unsigned ones). */
struct ap_consent_row {
	struct ap_uuid session;
	enum ap_role role;
	const struct ap_uuid *record_id;
	enum ap_decision event;
	ap_purposes purposes;
	int64_t event_ms, received_ms;
	bool is_signed;
	unsigned presence;
	const uint8_t *notice;	  /* 32 bytes */
	const char *text;
	const uint8_t *key;	  /* 32 bytes */
	const uint8_t *signature; /* 64 bytes */
	uint64_t leaf;
};
struct ap_result ap_db_consent_put(struct ap_db *db, const struct ap_consent_row *row);
struct ap_result ap_db_consent_known(struct ap_db *db, const struct ap_uuid *record_id, bool *ret_known);
/* event_ms of this person's last accepted statement, 0 without one. */
/* What both give now for a recording: nothing, when one of its own gives was withdrawn since, even if the person gave
 * anew: that is for the next recording. */
struct ap_result ap_db_consent_both_of(struct ap_db *db, const struct ap_uuid *recording, const struct ap_uuid *session,
				       ap_purposes *ret_purposes);
/* Whether vault.db holds what this person said then. */
struct ap_result ap_db_consent_taken(struct ap_db *db, const struct ap_uuid *session, enum ap_role role,
				     enum ap_decision event, int64_t received_ms, bool *ret_taken);
struct ap_result ap_db_consent_last_ms(struct ap_db *db, const struct ap_uuid *session, enum ap_role role, int64_t *ret_ms);

/* The give that a recording would stand on: the last one that names `recording`, if it is still in force. */
struct ap_give {
	struct ap_uuid record_id;
	uint64_t leaf;
	uint8_t key[32];
	unsigned presence;
	struct ap_uuid session;
	char *text; /* owned: the statement */
};
struct ap_result ap_db_consent_give(struct ap_db *db, const struct ap_uuid *session, enum ap_role role, bool *ret_found,
				    struct ap_give *ret_give);
/* The give of that record_id, whatever came after it; "not-found". */
struct ap_result ap_db_consent_by_record(struct ap_db *db, const struct ap_uuid *record_id, struct ap_give *ret_give);
void ap_give_clear(struct ap_give *give);
/* Leaf indexes of a person's statements, oldest first: GArray of uint64_t. */
struct ap_result ap_db_consent_leaves(struct ap_db *db, const struct ap_uuid *session, enum ap_role role,
				      GArray **ret_leaves);
