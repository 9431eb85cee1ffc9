/* Webhooks as admins see them: which there are, what could not be delivered. Platforms set theirs by the gateway. */
#include "recorder/api/page.h"
#include "recorder/webhook/webhook.h"

static struct ap_result list(struct ap_api_call *c)
{
	return ap_webhook_list(c->v, &c->actor, &c->answer);
}

static struct ap_result remove_one(struct ap_api_call *c)
{
	return ap_webhook_remove(c->v, &c->actor, ap_http_param(c->http, 0), ap_http_param(c->http, 1));
}

static struct ap_result dead(struct ap_api_call *c)
{
	AP_TRY(ap_webhook_dead(c->v, &c->actor, &c->answer));
	return ap_page_cut(c, "deliveries", "id");
}

static struct ap_result retry_all(struct ap_api_call *c)
{
	return ap_webhook_retry(c->v, &c->actor, NULL, &c->answer);
}

static struct ap_result retry(struct ap_api_call *c)
{
	struct ap_uuid id;
	AP_TRY(ap_api_id(c, 0, &id));
	return ap_webhook_retry(c->v, &c->actor, &id, &c->answer);
}

static struct ap_result drop(struct ap_api_call *c)
{
	struct ap_uuid id;
	AP_TRY(ap_api_id(c, 0, &id));
	return ap_webhook_drop(c->v, &c->actor, &id);
}

static const struct ap_api_route routes[] = {
	{"GET", "/v1/webhooks", AP_MAY(ADMIN) | AP_MAY(AUDITOR), list},
	{"DELETE", "/v1/tenants/{tenant}/webhooks/{name}", AP_MAY(ADMIN), remove_one},
	{"GET", "/v1/deliveries", AP_MAY(ADMIN) | AP_MAY(AUDITOR), dead},
	{"POST", "/v1/deliveries/retry", AP_MAY(ADMIN), retry_all},
	{"POST", "/v1/deliveries/{id}/retry", AP_MAY(ADMIN), retry},
	{"DELETE", "/v1/deliveries/{id}", AP_MAY(ADMIN), drop},
};

void ap_api_add_webhooks(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
