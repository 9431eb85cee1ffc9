/* Lockdown: shutting, enrolling, lifting. */
#include "recorder/api/answer.h"
#include "recorder/api/api.h"
#include "recorder/api/body.h"
#include "recorder/keys/lockdown.h"

#include <string.h>

static struct ap_result show(struct ap_api_call *c)
{
	return ap_lockdown_show(c->api->lockdown, &c->answer);
}

/* It must not depend on a form: without a reason it is as good. */
static struct ap_result begin(struct ap_api_call *c)
{
	const char *reason = ap_body_text_or_empty(c->body, "reason");
	AP_TRY(ap_api_all_tenants(c, "a lockdown shuts every tenant: it is for admins of all of them"));
	AP_TRY(ap_lockdown_begin(c->v, &c->actor, *reason ? reason : "lockdown"));
	return show(c);
}

static struct ap_result enrol(struct ap_api_call *c)
{
	struct ap_escrow_admin admin;
	json_object_set_string_member(c->body, "name", c->actor.name);
	if (!ap_ok(ap_escrow_admin_parse(c->body, &admin)))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "salt, ops, mem and public, as aparte lockdown enrol sends them");
	AP_TRY(ap_lockdown_enrol(c->v, &c->actor, &admin));
	c->status = 201;
	return show(c);
}

static struct ap_result dismiss(struct ap_api_call *c)
{
	AP_TRY(ap_lockdown_dismiss(c->v, &c->actor, ap_http_param(c->http, 0)));
	return show(c);
}

static struct ap_result halves(struct ap_api_call *c)
{
	return ap_lockdown_halves(c->v, &c->actor, &c->answer);
}

static struct ap_result lift(struct ap_api_call *c)
{
	AP_TRY(ap_lockdown_lift(c->api->lockdown, &c->actor, c->body, &c->answer));
	ap_turnovers_kick(c->api->turnovers);
	return AP_SUCCESS;
}

#define AT_SOCKET (AP_MAY(ADMIN) | AP_ONLY_SOCKET)

static const struct ap_api_route routes[] = {
	{"GET", "/v1/lockdown", AP_MAY(ADMIN) | AP_MAY(AUDITOR) | AP_MAY_OPERATOR, show},
	{"POST", "/v1/lockdown", AP_MAY(ADMIN) | AP_MAY_OPERATOR, begin},
	{"POST", "/v1/lockdown/admins", AT_SOCKET, enrol},
	{"DELETE", "/v1/lockdown/admins/{name}", AT_SOCKET, dismiss},
	{"GET", "/v1/lockdown/halves", AT_SOCKET, halves},
	{"POST", "/v1/lockdown/lift", AT_SOCKET, lift},
};

void ap_api_add_lockdown(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
