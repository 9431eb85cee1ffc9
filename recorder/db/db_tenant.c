#include "recorder/consent/session.h"

#include <aparte/encode.h>
#include <glib.h>
#include <sodium.h>
#include <string.h>

#define KEY_PREFIX "apk_"

struct ap_result ap_tenant_find(struct ap_db *db, const char *name, int64_t *ret_tenant)
{
	struct ap_rows *rows = ap_db_query(db, "SELECT id FROM tenant WHERE name = ?1", AP_VALUES(AP_V_TEXT(name)));
	bool found = ap_rows_next(rows);
	int64_t id = found ? ap_row_int(rows, 0) : 0;
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_tenant = id;
	return AP_SUCCESS;
}

static struct ap_result insert_tenant(struct ap_db *db, const char *name, const char *policy, int64_t now_ms)
{
	int64_t ignored;
	if (ap_ok(ap_tenant_find(db, name, &ignored)))
		return ap_fail(AP_ERR_DENIED, "conflict", "there is a tenant of that name");
	return ap_db_run(db, "INSERT INTO tenant (name, policy, created_ms) VALUES (?1, ?2, ?3)",
			 AP_VALUES(AP_V_TEXT(name), AP_V_TEXT(policy), AP_V_INT(now_ms)));
}

struct ap_result ap_tenant_add(struct ap_db *db, const char *name, const char *policy, int64_t now_ms, int64_t *ret_tenant)
{
	AP_TRY(ap_db_begin(db));
	AP_TRY(ap_db_finish(db, insert_tenant(db, name, policy, now_ms)));
	return ap_tenant_find(db, name, ret_tenant);
}

struct ap_result ap_api_key_add(struct ap_db *db, int64_t tenant, const char *label, int64_t now_ms, char **ret_key)
{
	uint8_t random[32];
	randombytes_buf(random, sizeof random);
	g_autofree char *text = ap_base64url(random, sizeof random);
	g_autofree char *key = g_strconcat(KEY_PREFIX, text, NULL);
	struct ap_hash hash = ap_sha256(key, strlen(key));
	ap_wipe(random, sizeof random);
	ap_wipe(text, strlen(text));
	AP_TRY(ap_db_run(db, "INSERT INTO api_key (hash, tenant, label, created_ms) VALUES (?1, ?2, ?3, ?4)",
			 AP_VALUES(AP_V_HASH(hash.b), AP_V_INT(tenant), AP_V_TEXT(label), AP_V_INT(now_ms))));
	*ret_key = g_steal_pointer(&key);
	return AP_SUCCESS;
}

struct ap_result ap_api_key_revoke(struct ap_db *db, int64_t tenant, const char *label, int64_t now_ms)
{
	AP_TRY(ap_db_run(db, "UPDATE api_key SET revoked_ms = ?3 WHERE tenant = ?1 AND label = ?2 AND revoked_ms IS NULL",
			 AP_VALUES(AP_V_INT(tenant), AP_V_TEXT(label), AP_V_INT(now_ms))));
	return ap_db_changes(db) > 0 ? AP_SUCCESS : ap_fail(AP_ERR_DENIED, "not-found", "no living key has that label");
}

struct ap_result ap_api_key_check(struct ap_db *db, const char *key, int64_t *ret_tenant)
{
	struct ap_hash hash = ap_sha256(key, strlen(key));
	struct ap_rows *rows = ap_db_query(db, "SELECT tenant FROM api_key WHERE hash = ?1 AND revoked_ms IS NULL",
					   AP_VALUES(AP_V_HASH(hash.b)));
	bool found = ap_rows_next(rows);
	int64_t tenant = found ? ap_row_int(rows, 0) : 0;
	AP_TRY(ap_rows_end(rows));
	if (!found)
		return ap_fail(AP_ERR_DENIED, "token-invalid", "this API key is unknown or revoked");
	*ret_tenant = tenant;
	return AP_SUCCESS;
}
