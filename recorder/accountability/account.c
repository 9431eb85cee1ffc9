#include "recorder/accountability/account.h"

#include "recorder/accountability/db_roles.h"
#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/consent/session.h"
#include "recorder/vault.h"

#include <string.h>

#define TEXT_MAX 200
#define RECIPIENTS_MAX 50 /* present ones: what a notice holds */

/* ---- recipients ---- */

struct ap_result ap_account_recipients(struct ap_vault *v, const struct ap_actor *by, JsonNode **ret_answer)
{
	JsonArray *list;
	AP_TRY(ap_db_recipients(ap_vault_db(v), by->tenant, AP_RECIPIENTS_ALL, &list));
	*ret_answer = ap_answer_list("recipients", list);
	return AP_SUCCESS;
}

static bool fits(const char *text)
{
	return text && *text && strlen(text) <= TEXT_MAX;
}

static struct ap_result read_tenant(struct ap_vault *v, const struct ap_actor *by, const char *name,
				    int64_t *ret_tenant)
{
	int64_t tenant = 0;
	if (name)
		AP_TRY(ap_tenant_find(ap_vault_db(v), name, &tenant));
	if (by->tenant && by->tenant != tenant)
		return ap_fail(AP_ERR_DENIED, "role", "an admin of one tenant adds recipients of that one alone");
	*ret_tenant = tenant;
	return AP_SUCCESS;
}

static struct ap_result read_recipient(struct ap_vault *v, const struct ap_actor *by, JsonObject *body,
				       struct ap_recipient *r)
{
	static const char *const roles[] = {"recipient", "processor", "sub_processor", NULL};
	const char *since = ap_body_text(body, "since");
	r->name = ap_body_text(body, "name");
	r->role = ap_body_text(body, "role");
	r->place = ap_body_text(body, "place");
	r->purpose = ap_body_text(body, "purpose");
	r->since_ms = ap_wall_ms(ap_vault_clock(v));
	if (!fits(r->name) || !fits(r->place) || !fits(r->purpose))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "name, place and purpose have 1 to 200 bytes");
	if (!r->role || !g_strv_contains(roles, r->role))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "role is recipient, processor or sub_processor");
	if (since && !ap_time_parse(since, &r->since_ms))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "since is a time in UTC");
	return read_tenant(v, by, ap_body_text(body, "tenant"), &r->tenant);
}

/* The leaf of an event about number `id`: ids alone. */
static struct ap_result tell(struct ap_vault *v, const char *event, const char *what, int64_t id, const char *who,
			     uint64_t *ret_leaf)
{
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", event);
	json_object_set_int_member(body, what, id);
	ap_answer_text(body, "by", who);
	return ap_ledger_append(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_OTHER, body, ret_leaf);
}

static struct ap_result write_recipient(struct ap_vault *v, const struct ap_recipient *r, int64_t *ret_id)
{
	uint64_t leaf;
	int64_t last, present;
	struct ap_db *db = ap_vault_db(v);
	AP_TRY(ap_db_count(
		db,
		"SELECT count(*) FROM recipient WHERE ended_ms IS NULL AND (?1 = 0 OR tenant IS NULL OR tenant = ?1)",
		AP_VALUES(AP_V_INT(r->tenant)), &present));
	if (present >= RECIPIENTS_MAX)
		return ap_fail(AP_ERR_DENIED, "conflict", "a notice names at most 50 recipients; end one first");
	AP_TRY(ap_db_count(db, "SELECT max(id) FROM recipient", AP_NO_VALUES, &last));
	AP_TRY(tell(v, "recipient_added", "recipient", last + 1, r->by, &leaf));
	return ap_db_recipient_add(db, r, ap_wall_ms(ap_vault_clock(v)), leaf, ret_id);
}

struct ap_result ap_account_recipient_add(struct ap_vault *v, const struct ap_actor *by, JsonObject *body,
					  JsonNode **ret_answer)
{
	int64_t id = 0;
	g_autofree char *who = ap_actor_text(by);
	struct ap_recipient r = {.by = who};
	AP_TRY(read_recipient(v, by, body, &r));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_recipient(v, &r, &id)));
	JsonObject *o = json_object_new();
	json_object_set_int_member(o, "id", id);
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}

static struct ap_result write_end(struct ap_vault *v, const char *who, int64_t id)
{
	uint64_t leaf;
	AP_TRY(tell(v, "recipient_ended", "recipient", id, who, &leaf));
	return ap_db_recipient_end(ap_vault_db(v), id, ap_wall_ms(ap_vault_clock(v)), leaf);
}

struct ap_result ap_account_recipient_end(struct ap_vault *v, const struct ap_actor *by, const char *id)
{
	gint64 number;
	g_autofree char *who = ap_actor_text(by);
	if (!g_ascii_string_to_signed(id, 10, 1, G_MAXINT64, &number, NULL))
		return ap_fail(AP_ERR_PROTOCOL, "not-found", "recipients have numbers");
	AP_TRY(ap_db_recipient_check(ap_vault_db(v), by->tenant, number));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	return ap_db_finish(ap_vault_db(v), write_end(v, who, number));
}

/* ---- roles ---- */

static struct ap_result check_roles(const struct ap_tenant_roles *roles)
{
	static const char *const capacities[] = {"controller", "processor", "joint", NULL};
	if (!roles->capacity || !g_strv_contains(capacities, roles->capacity))
		return ap_fail(AP_ERR_PROTOCOL, "invalid",
			       "capacity, what the operator is toward the tenant, is controller, processor or joint");
	if (strcmp(roles->capacity, "controller") != 0 &&
	    (!fits(roles->controller) || !fits(roles->contact) || !fits(roles->agreement)))
		return ap_fail(AP_ERR_PROTOCOL, "invalid",
			       "who is not the only controller names the other, its contact and the agreement");
	if ((roles->controller && !fits(roles->controller)) || (roles->contact && !fits(roles->contact)) ||
	    (roles->agreement && !fits(roles->agreement)))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "controller, contact and agreement have 1 to 200 bytes");
	return AP_SUCCESS;
}

static struct ap_result write_roles(struct ap_vault *v, const struct ap_actor *by, int64_t tenant,
				    const struct ap_tenant_roles *roles)
{
	uint64_t leaf;
	g_autofree char *who = ap_actor_text(by);
	AP_TRY(tell(v, "tenant_roles", "tenant", tenant, who, &leaf));
	return ap_db_tenant_roles_set(ap_vault_db(v), tenant, roles);
}

static void tell_roles(JsonObject *o, const struct ap_tenant_roles *roles)
{
	ap_answer_text(o, "capacity", roles->capacity);
	ap_answer_text(o, "controller", roles->controller);
	ap_answer_text(o, "contact", roles->contact);
	ap_answer_text(o, "agreement", roles->agreement);
}

static struct ap_result set_roles(struct ap_vault *v, const struct ap_actor *by, int64_t tenant,
				  const struct ap_tenant_roles *roles)
{
	AP_TRY(check_roles(roles));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	return ap_db_finish(ap_vault_db(v), write_roles(v, by, tenant, roles));
}

struct ap_result ap_account_tenant_set(struct ap_vault *v, const struct ap_actor *by, const char *tenant,
				       JsonObject *body, JsonNode **ret_answer)
{
	int64_t id;
	if (by->tenant)
		return ap_fail(AP_ERR_DENIED, "role", "an admin of one tenant does not change who answers for it");
	AP_TRY(ap_tenant_find(ap_vault_db(v), tenant, &id));
	struct ap_tenant_roles roles = {
		g_strdup(ap_body_text(body, "capacity")), g_strdup(ap_body_text(body, "controller")),
		g_strdup(ap_body_text(body, "contact")), g_strdup(ap_body_text(body, "agreement"))};
	struct ap_result r = set_roles(v, by, id, &roles);
	if (ap_ok(r)) {
		JsonObject *o = json_object_new();
		ap_answer_text(o, "name", tenant);
		tell_roles(o, &roles);
		*ret_answer = ap_answer_object(o);
	}
	ap_tenant_roles_clear(&roles);
	return r;
}

/* ---- disclosures ---- */

struct ap_result ap_account_disclosures(struct ap_vault *v, const struct ap_actor *by, JsonNode **ret_answer)
{
	static const struct ap_answer_column columns[] = {
		{"who", ap_answer_row_text},     {"role", ap_answer_row_text},   {"how", ap_answer_row_text},
		{"purpose", ap_answer_row_text}, {"reason", ap_answer_row_text}, {"recording", ap_answer_row_id},
		{"tenant", ap_answer_row_text},  {"begun", ap_answer_row_time},  {"ended", ap_answer_row_time},
		{"bytes", ap_answer_row_int},    {"leaf", ap_answer_row_int},
	};
	JsonArray *list;
	struct ap_rows *rows = ap_db_query(
		ap_vault_db(v),
		"SELECT substr(a.actor, 6), u.role, CASE a.purpose WHEN 'export' THEN 'export' ELSE 'viewing' END, "
		"a.purpose,"
		" a.reason, a.recording, t.name, a.begun_ms, a.ended_ms, a.bytes, a.begun_leaf FROM access a"
		" JOIN recording r ON r.id = a.recording JOIN session s ON s.id = r.session JOIN tenant t ON t.id = "
		"s.tenant"
		" LEFT JOIN user_ u ON a.actor = 'user:' || u.name"
		" WHERE a.actor LIKE 'user:%' AND (?1 = 0 OR s.tenant = ?1) ORDER BY a.begun_leaf DESC LIMIT 10000",
		AP_VALUES(AP_V_INT(by->tenant)));
	AP_TRY(ap_answer_rows(rows, columns, G_N_ELEMENTS(columns), &list));
	*ret_answer = ap_answer_list("disclosures", list);
	return AP_SUCCESS;
}
