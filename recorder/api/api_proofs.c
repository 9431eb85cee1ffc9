/* The archive of proofs of consent (R40): a list for whoever oversees, an opening by two admins. */
#include "recorder/api/api.h"
#include "recorder/proof/proof.h"

static struct ap_result list(struct ap_api_call *c)
{
	return ap_proof_list(c->v, &c->actor, ap_http_query(c->http, "after"), &c->answer);
}

static struct ap_result post(struct ap_api_call *c)
{
	return ap_proof_post(c->v, &c->actor, c->body, &c->status, &c->answer);
}

static const struct ap_api_route routes[] = {
	{"GET", "/v1/proofs", AP_MAY(ADMIN) | AP_MAY(AUDITOR), list},
	{"POST", "/v1/proofs", AP_MAY(ADMIN), post},
};

void ap_api_add_proofs(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
