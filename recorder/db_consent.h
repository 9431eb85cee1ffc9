/*
 * Consents in vault.db: accepted statements in order, and their fold.
 */
#pragma once

#include "recorder/consent_state.h"
#include "recorder/db.h"

/* The fold over a person's accepted statements. */
struct ap_result ap_db_consent_state(struct ap_db *db, const struct ap_uuid *session, enum ap_role role,
				     struct ap_consent_state *ret_state);
/* Purposes that both persons give now (R3). */
struct ap_result ap_db_consent_both(struct ap_db *db, const struct ap_uuid *session, ap_purposes *ret_purposes);
/* Does this person give this purpose now? */
struct ap_result ap_consent_gives(struct ap_db *db, const struct ap_uuid *session, enum ap_role role,
				  enum ap_purpose purpose, bool *ret_given);
