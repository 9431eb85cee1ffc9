#include "recorder/accountability/db_roles.h"

#include "recorder/api/answer.h"

#include <glib.h>

void ap_tenant_roles_clear(struct ap_tenant_roles *roles)
{
	g_clear_pointer(&roles->capacity, g_free);
	g_clear_pointer(&roles->controller, g_free);
	g_clear_pointer(&roles->contact, g_free);
	g_clear_pointer(&roles->agreement, g_free);
}

struct ap_result ap_db_tenant_roles(struct ap_db *db, int64_t tenant, struct ap_tenant_roles *ret_roles)
{
	struct ap_tenant_roles roles = {0};
	struct ap_rows *rows = ap_db_query(
		db, "SELECT capacity, controller_name, controller_contact, agreement FROM tenant WHERE id = ?1",
		AP_VALUES(AP_V_INT(tenant)));
	if (ap_rows_next(rows))
		roles = (struct ap_tenant_roles){ap_row_text_dup(rows, 0), ap_row_text_dup(rows, 1),
						 ap_row_text_dup(rows, 2), ap_row_text_dup(rows, 3)};
	struct ap_result r = ap_rows_end(rows);
	if (ap_ok(r))
		*ret_roles = roles;
	else
		ap_tenant_roles_clear(&roles);
	return r;
}

struct ap_result ap_db_tenant_roles_set(struct ap_db *db, int64_t tenant, const struct ap_tenant_roles *roles)
{
	return ap_db_run(
		db,
		"UPDATE tenant SET capacity = ?2, controller_name = ?3, controller_contact = ?4, agreement = ?5"
		" WHERE id = ?1",
		AP_VALUES(AP_V_INT(tenant), AP_V_TEXT(roles->capacity), AP_V_TEXT(roles->controller),
			  AP_V_TEXT(roles->contact), AP_V_TEXT(roles->agreement)));
}

struct ap_result ap_db_recipient_add(struct ap_db *db, const struct ap_recipient *r, int64_t now_ms, uint64_t leaf,
				     int64_t *ret_id)
{
	AP_TRY(ap_db_run(
		db,
		"INSERT INTO recipient (tenant, name, role, place, purpose, since_ms, added_ms, added_by, added_leaf)"
		" VALUES (nullif(?1, 0), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
		AP_VALUES(AP_V_INT(r->tenant), AP_V_TEXT(r->name), AP_V_TEXT(r->role), AP_V_TEXT(r->place),
			  AP_V_TEXT(r->purpose), AP_V_INT(r->since_ms), AP_V_INT(now_ms), AP_V_TEXT(r->by),
			  AP_V_INT(leaf))));
	return ap_db_count(db, "SELECT max(id) FROM recipient", AP_NO_VALUES, ret_id);
}

struct ap_result ap_db_recipient_check(struct ap_db *db, int64_t tenant, int64_t id)
{
	int64_t n;
	AP_TRY(ap_db_count(
		db, "SELECT count(*) FROM recipient WHERE id = ?1 AND ended_ms IS NULL AND (?2 = 0 OR tenant = ?2)",
		AP_VALUES(AP_V_INT(id), AP_V_INT(tenant)), &n));
	return n > 0 ? AP_SUCCESS : ap_fail(AP_ERR_DENIED, "not-found", "there is no such recipient, or it ended");
}

struct ap_result ap_db_recipient_end(struct ap_db *db, int64_t id, int64_t now_ms, uint64_t leaf)
{
	return ap_db_run(db, "UPDATE recipient SET ended_ms = ?2, ended_leaf = ?3 WHERE id = ?1",
			 AP_VALUES(AP_V_INT(id), AP_V_INT(now_ms), AP_V_INT(leaf)));
}

static JsonObject *recipient_of(struct ap_rows *rows)
{
	static const char *const texts[] = {"tenant", "name", "role", "place", "purpose"};
	JsonObject *o = json_object_new();
	json_object_set_int_member(o, "id", ap_row_int(rows, 0));
	for (int i = 0; i < (int)G_N_ELEMENTS(texts); i++)
		if (!ap_row_null(rows, i + 1))
			json_object_set_string_member(o, texts[i], ap_row_text(rows, i + 1));
	ap_answer_time(o, "since", ap_row_int(rows, 6));
	if (!ap_row_null(rows, 7))
		ap_answer_time(o, "ended", ap_row_int(rows, 7));
	return o;
}

struct ap_result ap_db_recipients(struct ap_db *db, int64_t tenant, enum ap_recipients_of which, JsonArray **ret_list)
{
	g_autoptr(JsonArray) list = json_array_new();
	struct ap_rows *rows = ap_db_query(
		db,
		"SELECT r.id, t.name, r.name, r.role, r.place, r.purpose, r.since_ms, r.ended_ms FROM recipient r"
		" LEFT JOIN tenant t ON t.id = r.tenant WHERE (?1 = 0 OR r.tenant IS NULL OR r.tenant = ?1)"
		" AND (?2 = 0 OR r.ended_ms IS NULL) ORDER BY r.id",
		AP_VALUES(AP_V_INT(tenant), AP_V_INT(which == AP_RECIPIENTS_PRESENT)));
	while (ap_rows_next(rows))
		json_array_add_object_element(list, recipient_of(rows));
	AP_TRY(ap_rows_end(rows));
	*ret_list = g_steal_pointer(&list);
	return AP_SUCCESS;
}

struct ap_result ap_db_recipient_changes(struct ap_db *db, int64_t tenant, int64_t *ret_n)
{
	return ap_db_count(db, "SELECT count(*) + count(ended_ms) FROM recipient WHERE tenant IS NULL OR tenant = ?1",
			   AP_VALUES(AP_V_INT(tenant)), ret_n);
}
