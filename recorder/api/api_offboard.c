/* A platform that leaves (R30): ordered and erased by two admins; exported at the machine itself, where the files are
 * put. */
#include "recorder/api/answer.h"
#include "recorder/api/api.h"
#include "recorder/offboard/hand_over.h"
#include "recorder/offboard/offboard.h"

#define WHY "a tenant's leaving is for admins of all tenants"

static const char *tenant(const struct ap_api_call *c)
{
	return ap_http_param(c->http, 0);
}

static struct ap_result list(struct ap_api_call *c)
{
	AP_TRY(ap_api_all_tenants(c, WHY));
	return ap_offboard_list(c->v, &c->answer);
}

static struct ap_result show(struct ap_api_call *c)
{
	AP_TRY(ap_api_all_tenants(c, WHY));
	return ap_offboard_show(c->v, tenant(c), &c->answer);
}

static struct ap_result post(struct ap_api_call *c)
{
	AP_TRY(ap_api_all_tenants(c, WHY));
	return ap_offboard_post(c->v, &c->actor, tenant(c), c->body, &c->status, &c->answer);
}

static struct ap_result data(struct ap_api_call *c)
{
	c->status = 202;
	return ap_hand_over_data(c->v, tenant(c), &c->answer);
}

static struct ap_result data_piece(struct ap_api_call *c)
{
	const char *text = ap_http_query(c->http, "offset");
	guint64 offset = 0;
	uint8_t *bytes;
	size_t len;
	if (text && !g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &offset, NULL))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "offset is a number of bytes");
	AP_TRY(ap_hand_over_read(c->v, tenant(c), offset, &bytes, &len));
	g_autoptr(GBytes) body = g_bytes_new_take(bytes, len);
	c->answered = true;
	ap_http_answer(c->http, 200, "application/octet-stream", body);
	return AP_SUCCESS;
}

static struct ap_result recordings(struct ap_api_call *c)
{
	return ap_hand_over_recordings(c->v, tenant(c), &c->answer);
}

static struct ap_result recording(struct ap_api_call *c)
{
	struct ap_uuid id;
	AP_TRY(ap_api_id(c, 1, &id));
	c->status = 201;
	return ap_hand_over_recording(c->v, &c->actor, tenant(c), &id, &c->answer);
}

static struct ap_result exported(struct ap_api_call *c)
{
	return ap_offboard_exported(c->v, &c->actor, tenant(c), c->body, &c->answer);
}

static struct ap_result erase(struct ap_api_call *c)
{
	AP_TRY(ap_api_all_tenants(c, WHY));
	return ap_offboard_erase(c->v, &c->actor, tenant(c), c->body, &c->answer);
}

static struct ap_result certificate(struct ap_api_call *c)
{
	g_autofree char *json = NULL;
	AP_TRY(ap_api_all_tenants(c, WHY));
	AP_TRY(ap_offboard_certificate(c->v, tenant(c), &json));
	c->answer = json_from_string(json, NULL);
	return AP_SUCCESS;
}

#define READERS (AP_MAY(ADMIN) | AP_MAY(AUDITOR))
#define EXPORTERS (AP_MAY(ADMIN) | AP_ONLY_SOCKET)

static const struct ap_api_route routes[] = {
	{"GET", "/v1/offboardings", READERS, list},
	{"POST", "/v1/tenants/{name}/offboard", AP_MAY(ADMIN), post},
	{"GET", "/v1/tenants/{name}/offboard", READERS, show},
	{"POST", "/v1/tenants/{name}/offboard/data", EXPORTERS, data},
	{"GET", "/v1/tenants/{name}/offboard/data", EXPORTERS, data_piece},
	{"GET", "/v1/tenants/{name}/offboard/recordings", EXPORTERS, recordings},
	{"POST", "/v1/tenants/{name}/offboard/recordings/{id}", EXPORTERS, recording},
	{"POST", "/v1/tenants/{name}/offboard/exported", EXPORTERS, exported},
	{"POST", "/v1/tenants/{name}/offboard/erase", AP_MAY(ADMIN), erase},
	{"GET", "/v1/tenants/{name}/offboard/certificate", READERS, certificate},
};

void ap_api_add_offboard(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
