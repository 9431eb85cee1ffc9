/* Policies, regions and what follows from them. */
#include "recorder/api/answer.h"
#include "recorder/api/api.h"
#include "recorder/api/api_policies.h"
#include "recorder/api/body.h"
#include "recorder/policy/terms.h"

#include <string.h>

/* A version in the query: 0 (the newest) without one; "malformed" when it is none. */
static struct ap_result version_of(const struct ap_api_call *c, const char *name, int64_t *ret_version)
{
	const char *text = ap_http_query(c->http, name);
	guint64 version = 0;
	if (text && *text && !g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT32, &version, NULL))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "a version is a number");
	*ret_version = (int64_t)version;
	return AP_SUCCESS;
}

static struct ap_result list(struct ap_api_call *c)
{
	return ap_terms_list(c->v, &c->answer);
}

static struct ap_result get(struct ap_api_call *c)
{
	int64_t version;
	AP_TRY(version_of(c, "version", &version));
	return ap_terms_get(c->v, ap_http_param(c->http, 0), version, &c->answer);
}

static struct ap_result diff(struct ap_api_call *c)
{
	int64_t from, to;
	AP_TRY(version_of(c, "from", &from));
	AP_TRY(version_of(c, "to", &to));
	return ap_terms_diff(c->v, ap_http_param(c->http, 0), from, to, &c->answer);
}

static struct ap_result put(struct ap_api_call *c)
{
	return ap_terms_put(c->v, &c->actor, ap_http_param(c->http, 0), ap_http_body_text(c->http),
			    ap_http_query(c->http, "preview"), &c->answer);
}

static struct ap_result preview(struct ap_api_call *c)
{
	return ap_terms_preview(c->v, &c->actor, ap_http_param(c->http, 0), ap_http_body_text(c->http), &c->answer);
}

static struct ap_result tenant_put(struct ap_api_call *c)
{
	return ap_terms_tenant_put(c->v, &c->actor, ap_http_param(c->http, 0), c->body, ap_http_query(c->http, "preview"),
				   &c->answer);
}

static struct ap_result tenant_preview(struct ap_api_call *c)
{
	return ap_terms_tenant_preview(c->v, &c->actor, ap_http_param(c->http, 0), c->body, &c->answer);
}

static struct ap_result explain_recording(struct ap_api_call *c)
{
	struct ap_uuid id;
	AP_TRY(ap_api_id(c, 0, &id));
	return ap_terms_explain_recording(c->v, &c->actor, &id, &c->answer);
}

static struct ap_result explain_session(struct ap_api_call *c)
{
	struct ap_uuid id;
	AP_TRY(ap_api_id(c, 0, &id));
	return ap_terms_explain_session(c->v, &c->actor, &id, &c->answer);
}

static struct ap_result decide(struct ap_api_call *c)
{
	struct ap_uuid id;
	int64_t decided_ms = 0;
	const char *decided = ap_body_text(c->body, "decided");
	AP_TRY(ap_api_id(c, 0, &id));
	if (decided && !ap_time_parse(decided, &decided_ms))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "decided is a time in UTC");
	return ap_terms_decide(c->v, &c->actor, &id, decided_ms, &c->answer);
}

#define READERS (AP_MAY(ADMIN) | AP_MAY(AUDITOR))

static const struct ap_api_route routes[] = {
	{"GET", "/v1/policies", READERS, list},
	{"GET", "/v1/policies/{name}", READERS, get},
	{"PUT", "/v1/policies/{name}", AP_MAY(ADMIN), put},
	{"GET", "/v1/policies/{name}/diff", READERS, diff},
	{"POST", "/v1/policies/{name}/preview", AP_MAY(ADMIN), preview},
	{"PUT", "/v1/tenants/{name}/rules", AP_MAY(ADMIN), tenant_put},
	{"POST", "/v1/tenants/{name}/rules/preview", AP_MAY(ADMIN), tenant_preview},
	{"GET", "/v1/recordings/{id}/terms", READERS, explain_recording},
	{"GET", "/v1/sessions/{id}/terms", READERS, explain_session},
	{"POST", "/v1/recordings/{id}/decision", AP_MAY(ADMIN) | AP_MAY(COACH), decide},
};

void ap_api_add_policies(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
