/* Turnovers of the key-encryption key. */
#include "recorder/api/answer.h"
#include "recorder/api/api.h"
#include "recorder/api/body.h"
#include "recorder/keys/turnover.h"

#include <string.h>

static struct ap_result begin(struct ap_api_call *c)
{
	struct ap_uuid id;
	const char *reason = ap_body_text_or_empty(c->body, "reason");
	g_autofree char *who = ap_actor_text(&c->actor);
	if (!reason[strspn(reason, " \t\r\n")] || strlen(reason) > 1000)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "say why the key is turned over, in at most 1000 bytes");
	AP_TRY(ap_turnover_begin(c->v, AP_TURN_ADMIN, who, reason, &id));
	ap_turnovers_kick(c->api->turnovers);
	AP_TRY(ap_turnover_show(c->v, &id, &c->answer));
	c->status = 202;
	return AP_SUCCESS;
}

static struct ap_result list(struct ap_api_call *c)
{
	return ap_turnover_list(c->v, &c->answer);
}

static struct ap_result show(struct ap_api_call *c)
{
	struct ap_uuid id;
	AP_TRY(ap_api_id(c, 0, &id));
	return ap_turnover_show(c->v, &id, &c->answer);
}

static const struct ap_api_route routes[] = {
	{"GET", "/v1/turnovers", AP_MAY(ADMIN) | AP_MAY(AUDITOR), list},
	{"POST", "/v1/turnovers", AP_MAY(ADMIN) | AP_ONLY_SOCKET, begin},
	{"GET", "/v1/turnovers/{id}", AP_MAY(ADMIN) | AP_MAY(AUDITOR), show},
};

void ap_api_add_turnovers(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
