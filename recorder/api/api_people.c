/* Staff users, tenants with their API keys, the clock: what an instance is set up with. */
#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/api/page.h"
#include "recorder/access/conduct.h"
#include "recorder/db/db_policy.h"
#include "recorder/db/db_staff_user.h"
#include "recorder/api/doctor.h"
#include "recorder/consent/session.h"
#include "recorder/offboard/db_offboard.h"
#include "recorder/access/user.h"

#include <string.h>

static int64_t now(const struct ap_api_call *c)
{
	return ap_wall_ms(ap_vault_clock(c->v));
}

static const char *text(const struct ap_api_call *c, const char *name)
{
	return ap_body_text(c->body, name);
}

static struct ap_result user_list(struct ap_api_call *c)
{
	JsonArray *list;
	AP_TRY(ap_db_user_list(ap_vault_db(c->v), c->actor.tenant, &list));
	c->answer = ap_answer_list("users", list);
	return ap_page_cut(c, "users", "user");
}

static struct ap_result user_add(struct ap_api_call *c)
{
	struct ap_user_wish wish = {
		.tenant = text(c, "tenant"), .party_id = text(c, "party_id"), .password = text(c, "password")};
	AP_TRY(ap_http_json_text(c->body, "user", &wish.name));
	AP_TRY(ap_http_json_text(c->body, "role", &wish.role));
	AP_TRY(ap_user_add(c->v, &c->actor, &wish, &c->answer));
	c->status = 201;
	return AP_SUCCESS;
}

static struct ap_result user_change(struct ap_api_call *c)
{
	const char *name = ap_http_param(c->http, 0), *action = ap_http_param(c->http, 1);
	if (strcmp(action, "reset") == 0)
		return ap_user_reset(c->v, &c->actor, name, &c->answer);
	if (strcmp(action, "conduct") == 0)
		return ap_conduct_record(c->v, &c->actor, name);
	if (strcmp(action, "disable") == 0 || strcmp(action, "enable") == 0)
		return ap_user_disable(c->v, &c->actor, name, action[0] == 'd');
	return ap_fail(AP_ERR_PROTOCOL, "not-found", "a user is disabled, enabled, reset, or their conduct recorded");
}

static struct ap_result tenant_list(struct ap_api_call *c)
{
	JsonArray *list;
	AP_TRY(ap_db_staff_tenants(ap_vault_db(c->v), &list));
	c->answer = ap_answer_list("tenants", list);
	return ap_page_cut(c, "tenants", "name");
}

/* Admins of one tenant do not make, see or key others. */
static struct ap_result find_tenant(struct ap_api_call *c, int64_t *ret_tenant)
{
	int64_t tenant;
	AP_TRY(ap_tenant_find(ap_vault_db(c->v), ap_http_param(c->http, 0), &tenant));
	if (c->actor.tenant && c->actor.tenant != tenant)
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such tenant");
	*ret_tenant = tenant;
	return AP_SUCCESS;
}

static struct ap_result tenant_add(struct ap_api_call *c)
{
	const char *name, *policy = text(c, "policy");
	int64_t tenant, version;
	AP_TRY(ap_http_json_text(c->body, "name", &name));
	if (c->actor.tenant)
		return ap_fail(AP_ERR_DENIED, "role", "an admin of one tenant makes no others");
	if (!name[0] || strlen(name) > 64)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "a tenant's name has 1 to 64 bytes");
	if (ap_ok(ap_tenant_find(ap_vault_db(c->v), name, &tenant)))
		return ap_fail(AP_ERR_DENIED, "conflict", "there is a tenant of that name");
	if (!ap_ok(ap_db_policy_version(ap_vault_db(c->v), policy ? policy : "default", &version)))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "there is no policy of that name");
	AP_TRY(ap_tenant_add(ap_vault_db(c->v), name, policy ? policy : "default", now(c), &tenant));
	JsonObject *o = json_object_new();
	ap_answer_text(o, "name", name);
	ap_answer_text(o, "policy", policy ? policy : "default");
	c->answer = ap_answer_object(o);
	c->status = 201;
	return AP_SUCCESS;
}

static struct ap_result key_list(struct ap_api_call *c)
{
	int64_t tenant;
	JsonArray *list;
	AP_TRY(find_tenant(c, &tenant));
	AP_TRY(ap_db_staff_api_keys(ap_vault_db(c->v), tenant, &list));
	c->answer = ap_answer_list("keys", list);
	return ap_page_cut(c, "keys", "id");
}

static struct ap_result key_add(struct ap_api_call *c)
{
	int64_t tenant;
	const char *label = text(c, "label");
	g_autofree char *key = NULL;
	AP_TRY(find_tenant(c, &tenant));
	AP_TRY(ap_db_offboard_stays(ap_vault_db(c->v), tenant));
	AP_TRY(ap_api_key_add(ap_vault_db(c->v), tenant, label ? label : "key", now(c), &key));
	JsonObject *o = json_object_new();
	ap_answer_text(o, "label", label ? label : "key");
	ap_answer_text(o, "api_key", key);
	ap_wipe(key, strlen(key));
	c->answer = ap_answer_object(o);
	c->status = 201;
	return AP_SUCCESS;
}

static struct ap_result key_revoke(struct ap_api_call *c)
{
	int64_t tenant;
	AP_TRY(find_tenant(c, &tenant));
	return ap_api_key_revoke(ap_vault_db(c->v), tenant, ap_http_param(c->http, 1), now(c));
}

static struct ap_result clock_show(struct ap_api_call *c)
{
	JsonObject *o = json_object_new();
	ap_answer_time(o, "time", now(c));
	json_object_set_boolean_member(o, "frozen", ap_retention_frozen(c->api->retention));
	c->answer = ap_answer_object(o);
	return AP_SUCCESS;
}

static struct ap_result clock_confirm(struct ap_api_call *c)
{
	g_autofree char *who = ap_actor_text(&c->actor);
	AP_TRY(ap_api_all_tenants(c, "the clock is every tenant's: it is for admins of all of them"));
	AP_TRY(ap_retention_confirm(c->api->retention, who));
	return clock_show(c);
}

static struct ap_result doctor(struct ap_api_call *c)
{
	AP_TRY(ap_api_all_tenants(c, "the doctor speaks of the whole instance: it is for admins of all tenants"));
	return ap_doctor_examine(c->v, c->api->backups, ap_retention_frozen(c->api->retention), &c->answer);
}

#define SETUP (AP_MAY(ADMIN) | AP_MAY_OPERATOR | AP_ONLY_SOCKET)

static const struct ap_api_route routes[] = {
	{"GET", "/v1/users", AP_MAY(ADMIN) | AP_MAY_OPERATOR, user_list},
	{"POST", "/v1/users", SETUP, user_add},
	{"POST", "/v1/users/{name}/{action}", SETUP, user_change},
	{"GET", "/v1/tenants", SETUP, tenant_list},
	{"POST", "/v1/tenants", SETUP, tenant_add},
	{"GET", "/v1/tenants/{name}/keys", SETUP, key_list},
	{"POST", "/v1/tenants/{name}/keys", SETUP, key_add},
	{"DELETE", "/v1/tenants/{name}/keys/{label}", SETUP, key_revoke},
	{"GET", "/v1/clock", AP_MAY(ADMIN) | AP_MAY_OPERATOR, clock_show},
	{"POST", "/v1/clock/confirm", AP_MAY(ADMIN), clock_confirm},
	{"GET", "/v1/doctor", AP_MAY(ADMIN) | AP_MAY_OPERATOR, doctor},
};

void ap_api_add_people(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
