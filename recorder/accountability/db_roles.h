/*
 * Who processes for whom, in vault.db: the operator's capacity toward each tenant, recipients and processors.
 *
 * Threads: those of the connection.
 */
#pragma once

#include "recorder/db/db.h"

#include <json-glib/json-glib.h>

/* The operator toward a tenant, and the tenant as controller. Texts are owned; NULL where nothing was said. */
struct ap_tenant_roles {
	char *capacity; /* "controller", "processor", "joint" */
	char *controller, *contact, *agreement;
};
void ap_tenant_roles_clear(struct ap_tenant_roles *roles);
/* Nothing said for a tenant that is not there. */
struct ap_result ap_db_tenant_roles(struct ap_db *db, int64_t tenant, struct ap_tenant_roles *ret_roles);
struct ap_result ap_db_tenant_roles_set(struct ap_db *db, int64_t tenant, const struct ap_tenant_roles *roles);

struct ap_recipient {
	int64_t tenant;                                 /* 0: of all */
	const char *name, *role, *place, *purpose, *by; /* borrowed */
	int64_t since_ms;
};
struct ap_result ap_db_recipient_add(struct ap_db *db, const struct ap_recipient *r, int64_t now_ms, uint64_t leaf,
				     int64_t *ret_id);
/* `tenant` 0: of any. "not-found" when there is none that has not ended. */
struct ap_result ap_db_recipient_check(struct ap_db *db, int64_t tenant, int64_t id);
struct ap_result ap_db_recipient_end(struct ap_db *db, int64_t id, int64_t now_ms, uint64_t leaf);

enum ap_recipients_of {
	AP_RECIPIENTS_ALL,     /* ended ones too, of the tenant and of all; with tenant 0 everybody's */
	AP_RECIPIENTS_PRESENT, /* those announced or at work, likewise */
};
/* {"id","tenant"?,"name","role","place","purpose","since","ended"?} each, in the order they came. */
struct ap_result ap_db_recipients(struct ap_db *db, int64_t tenant, enum ap_recipients_of which, JsonArray **ret_list);
/* How many came or went that concern a tenant: 0 as long as nothing did. */
struct ap_result ap_db_recipient_changes(struct ap_db *db, int64_t tenant, int64_t *ret_n);
