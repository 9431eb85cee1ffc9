/* What the operator answers for: the register, recipients, disclosures, roles per tenant. */
#include "recorder/accountability/account.h"
#include "recorder/accountability/register.h"
#include "recorder/api/api.h"

#include <string.h>

static struct ap_result show_register(struct ap_api_call *c)
{
	const char *lang = ap_http_query(c->http, "lang"), *format = ap_http_query(c->http, "format");
	bool csv = g_strcmp0(format, "csv") == 0;
	if (format && !csv && strcmp(format, "md") != 0 && strcmp(format, "json") != 0)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "format is md, csv or json");
	AP_TRY(ap_account_facts(c->v, &c->actor, lang, &c->answer));
	if (!format || strcmp(format, "json") == 0)
		return AP_SUCCESS;
	JsonObject *facts = json_node_get_object(c->answer);
	g_autofree char *text = csv ? ap_register_csv(facts, lang) : ap_register_markdown(facts, lang);
	c->answered = true;
	ap_http_answer_text(c->http, 200, csv ? "text/csv; charset=utf-8" : "text/markdown; charset=utf-8", text);
	return AP_SUCCESS;
}

static struct ap_result disclosures(struct ap_api_call *c)
{
	return ap_account_disclosures(c->v, &c->actor, &c->answer);
}

static struct ap_result recipient_list(struct ap_api_call *c)
{
	return ap_account_recipients(c->v, &c->actor, &c->answer);
}

static struct ap_result recipient_add(struct ap_api_call *c)
{
	AP_TRY(ap_account_recipient_add(c->v, &c->actor, c->body, &c->answer));
	c->status = 201;
	return AP_SUCCESS;
}

static struct ap_result recipient_end(struct ap_api_call *c)
{
	return ap_account_recipient_end(c->v, &c->actor, ap_http_param(c->http, 0));
}

static struct ap_result tenant_set(struct ap_api_call *c)
{
	return ap_account_tenant_set(c->v, &c->actor, ap_http_param(c->http, 0), c->body, &c->answer);
}

#define READERS (AP_MAY(ADMIN) | AP_MAY(AUDITOR))

static const struct ap_api_route routes[] = {
	{"GET", "/v1/register", READERS, show_register},
	{"GET", "/v1/register/disclosures", READERS, disclosures},
	{"GET", "/v1/recipients", READERS, recipient_list},
	{"POST", "/v1/recipients", AP_MAY(ADMIN), recipient_add},
	{"DELETE", "/v1/recipients/{id}", AP_MAY(ADMIN), recipient_end},
	{"PUT", "/v1/tenants/{name}/roles", AP_MAY(ADMIN), tenant_set},
};

void ap_api_add_account(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
