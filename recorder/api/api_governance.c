/* Who governs access: approvals by a second person, the code of conduct, the periodic review, logins. */
#include "recorder/api/answer.h"
#include "recorder/api/page.h"
#include "recorder/access/approval.h"
#include "recorder/api/body.h"
#include "recorder/access/conduct.h"
#include "recorder/access/review.h"
#include "recorder/access/user.h"

#include <string.h>

/* ---- approvals ---- */

static struct ap_result approval_list(struct ap_api_call *c)
{
	struct ap_page page;
	JsonArray *rows;
	AP_TRY(ap_page_asked(c, AP_PAGE_MOST, &page));
	AP_TRY(ap_approval_list(c->v, &c->actor, page.after, page.limit + 1, &rows));
	c->answer = ap_page_answer("approvals", rows, &page);
	return AP_SUCCESS;
}

static struct ap_result approval_decide(struct ap_api_call *c)
{
	struct ap_uuid id;
	const char *verb = ap_http_param(c->http, 1), *until = ap_body_text(c->body, "until");
	struct ap_approval_answer answer = {.approve = strcmp(verb, "approve") == 0};
	AP_TRY(ap_api_id(c, 0, &id));
	if (!answer.approve && strcmp(verb, "deny") != 0)
		return ap_fail(AP_ERR_PROTOCOL, "not-found", "an access is approved or denied");
	if (until && !ap_time_parse(until, &answer.until_ms))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "until is a time in UTC");
	return ap_approval_decide(c->v, &c->actor, &id, &answer, &c->answer);
}

/* ---- the code of conduct ---- */

static struct ap_result conduct_show(struct ap_api_call *c)
{
	return ap_conduct_show(c->v, &c->actor, ap_http_query(c->http, "lang"), &c->answer);
}

static struct ap_result conduct_acknowledge(struct ap_api_call *c)
{
	AP_TRY(ap_conduct_acknowledge(c->v, &c->actor, c->body, &c->answer));
	c->status = 201;
	return AP_SUCCESS;
}

static struct ap_result conduct_set(struct ap_api_call *c)
{
	return ap_conduct_set(c->v, &c->actor, c->body, &c->answer);
}

static struct ap_result conduct_status(struct ap_api_call *c)
{
	return ap_conduct_status(c->v, &c->actor, &c->answer);
}

/* ---- the review ---- */

static struct ap_result review_list(struct ap_api_call *c)
{
	AP_TRY(ap_review_list(c->v, &c->actor, &c->answer));
	return ap_page_cut(c, "items", "item");
}

static struct ap_result review_decide(struct ap_api_call *c)
{
	const char *verb = ap_http_param(c->http, 0);
	JsonNode *items = json_object_get_member(c->body, "items");
	if (!items || !JSON_NODE_HOLDS_ARRAY(items))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "items is a list of what GET /v1/review names");
	if (strcmp(verb, "confirm") == 0)
		return ap_review_confirm(c->v, &c->actor, json_node_get_array(items));
	if (strcmp(verb, "expire") == 0)
		return ap_review_expire(c->v, &c->actor, json_node_get_array(items));
	return ap_fail(AP_ERR_PROTOCOL, "not-found", "an item is confirmed or expired");
}

/* ---- logins ---- */

static struct ap_result login_list(struct ap_api_call *c)
{
	return ap_user_logins(c->v, &c->actor, &c->answer);
}

static struct ap_result login_end_all(struct ap_api_call *c)
{
	return ap_user_logout(c->v, &c->actor, ap_http_param(c->http, 0));
}

#define ASKERS (AP_MAY(COACH) | AP_MAY(SUPERVISOR) | AP_MAY(SPONSOR))

static const struct ap_api_route routes[] = {
	{"GET", "/v1/approvals", ASKERS | AP_MAY(ADMIN), approval_list},
	{"POST", "/v1/approvals/{id}/{verb}", AP_MAY(COACH) | AP_MAY(ADMIN), approval_decide},
	{"GET", "/v1/conduct", AP_MAY_ALL_STAFF, conduct_show},
	{"PUT", "/v1/conduct", AP_MAY(ADMIN), conduct_set},
	{"GET", "/v1/conduct/status", AP_MAY(ADMIN) | AP_MAY(AUDITOR), conduct_status},
	{"POST", "/v1/conduct/acknowledgements", AP_MAY_ALL_STAFF, conduct_acknowledge},
	{"GET", "/v1/review", AP_MAY(ADMIN) | AP_MAY(AUDITOR), review_list},
	{"POST", "/v1/review/{verb}", AP_MAY(ADMIN), review_decide},
	{"GET", "/v1/logins", AP_MAY(ADMIN), login_list},
	{"DELETE", "/v1/logins/{user}", AP_MAY(ADMIN), login_end_all},
};

void ap_api_add_governance(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
