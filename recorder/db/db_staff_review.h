/*
 * What the periodic review of accesses looks at, in vault.db: grants in force and users who are not disabled.
 */
#pragma once

#include "recorder/db/db.h"

#include <glib.h>

enum ap_review_kind { AP_REVIEW_GRANT, AP_REVIEW_USER };

/* One thing somebody has to confirm now and then. */
struct ap_review_row {
	enum ap_review_kind kind;
	struct ap_uuid grant;	   /* AP_REVIEW_GRANT */
	char user[65];		   /* whose grant, or the user */
	char role[12];		   /* of that user */
	char purpose[16];	   /* AP_REVIEW_GRANT */
	int64_t tenant;		   /* of the grant's recording, or the user's; 0: all */
	struct ap_uuid recording;  /* AP_REVIEW_GRANT */
	int64_t since_ms;	   /* made, or last confirmed */
};

/* Those not confirmed since `before_ms`, of a tenant (0: all), the oldest first: GArray of struct ap_review_row. */
struct ap_result ap_db_review_list(struct ap_db *db, int64_t tenant, int64_t before_ms, int64_t now_ms,
				   GArray **ret_rows);
/* Inside the caller's transaction. */
struct ap_result ap_db_review_confirm(struct ap_db *db, const struct ap_review_row *row, int64_t now_ms);
/* Admins of all tenants who are not disabled. */
struct ap_result ap_db_review_admins(struct ap_db *db, int64_t *ret_count);
