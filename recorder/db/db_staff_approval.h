/*
 * Approvals of accesses in vault.db.
 */
#pragma once

#include "recorder/access/approval.h"
#include "recorder/db/db.h"

struct ap_approval_row {
	struct ap_uuid id, recording;
	char *actor, *purpose, *coach; /* owned; coach: the pii_principal of the recording's */
	int64_t tenant;
	struct ap_access_needs needs;
	int64_t lapses_ms, decided_ms, until_ms;
	bool approved;
	bool stands; /* who decided may still: not disabled, an admin or a coach */
};
void ap_approval_row_clear(struct ap_approval_row *row);

struct ap_result ap_db_approval_load(struct ap_db *db, const struct ap_uuid *id, struct ap_approval_row *ret_row);
/* Inside the caller's transaction, with its leaf. */
struct ap_result ap_db_approval_insert(struct ap_db *db, const struct ap_uuid *id, const char *actor,
				       const struct ap_approval_wish *wish, int64_t now_ms, int64_t lapses_ms,
				       uint64_t leaf);
struct ap_result ap_db_approval_decided(struct ap_db *db, const struct ap_uuid *id, const char *by, bool approved,
					int64_t now_ms, int64_t until_ms, uint64_t leaf);
/* The newest of this actor, purpose and reason that is pending, or with `approved` in force: "not-found". *ret_end_ms is when
 * it lapses or ends. */
struct ap_result ap_db_approval_find(struct ap_db *db, const char *actor, const struct ap_approval_wish *wish,
				     bool approved, int64_t now_ms, struct ap_uuid *ret_id, int64_t *ret_end_ms);
/* Which of them: tenant 0: all. `coach` (a pii_principal) and `actor` narrow it to those of either; both NULL: all. */
struct ap_approval_filter {
	int64_t tenant;
	const char *coach, *actor;
	const struct ap_uuid *after; /* those behind this one, newest first */
	int64_t limit;
};
/* As JSON. */
struct ap_result ap_db_approval_list(struct ap_db *db, const struct ap_approval_filter *filter, int64_t now_ms, JsonArray **ret_list);
