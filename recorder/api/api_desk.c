/* Grants and holds; policies are added with them. */
#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/api/page.h"
#include "recorder/api/api_policies.h"
#include "recorder/access/grant.h"
#include "recorder/erasure/hold.h"

#include <string.h>

static struct ap_result grant_list(struct ap_api_call *c)
{
	struct ap_page page;
	JsonArray *rows;
	AP_TRY(ap_page_asked(c, AP_PAGE_MOST, &page));
	AP_TRY(ap_grant_page(c->v, &c->actor, page.after, page.limit + 1, &rows));
	c->answer = ap_page_answer("grants", rows, &page);
	return AP_SUCCESS;
}

static struct ap_result grant_add(struct ap_api_call *c)
{
	struct ap_grant_wish wish = {0};
	const char *recording, *expires;
	AP_TRY(ap_http_json_text(c->body, "recording", &recording));
	AP_TRY(ap_http_json_text(c->body, "supervisor", &wish.supervisor));
	AP_TRY(ap_http_json_text(c->body, "purpose", &wish.purpose));
	AP_TRY(ap_http_json_text(c->body, "expires", &expires));
	if (!ap_uuid_parse(recording, &wish.recording) || !ap_time_parse(expires, &wish.expires_ms))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "recording is an id and expires a time in UTC");
	AP_TRY(ap_grant_add(c->v, &c->actor, &wish, &c->answer));
	c->status = 201;
	return AP_SUCCESS;
}

static struct ap_result grant_revoke(struct ap_api_call *c)
{
	struct ap_uuid id;
	AP_TRY(ap_api_id(c, 0, &id));
	return ap_grant_revoke(c->v, &c->actor, &id);
}

static struct ap_result hold_list(struct ap_api_call *c)
{
	AP_TRY(ap_hold_list(c->v, &c->actor, &c->answer));
	return ap_page_cut(c, "holds", "id");
}

static struct ap_result hold_post(struct ap_api_call *c)
{
	return ap_hold_post(c->v, &c->actor, c->body, &c->status, &c->answer);
}

static struct ap_result hold_delete(struct ap_api_call *c)
{
	struct ap_uuid id;
	AP_TRY(ap_api_id(c, 0, &id));
	return ap_hold_delete(c->v, &c->actor, &id, ap_body_text_or_empty(c->body, "reason"), &c->status, &c->answer);
}

#define GRANTERS (AP_MAY(COACH) | AP_MAY(ADMIN))

static const struct ap_api_route routes[] = {
	{"GET", "/v1/grants", GRANTERS | AP_MAY(SUPERVISOR), grant_list},
	{"POST", "/v1/grants", GRANTERS, grant_add},
	{"DELETE", "/v1/grants/{id}", GRANTERS, grant_revoke},
	{"GET", "/v1/holds", AP_MAY(ADMIN) | AP_MAY(AUDITOR), hold_list},
	{"POST", "/v1/holds", AP_MAY(ADMIN), hold_post},
	{"DELETE", "/v1/holds/{id}", AP_MAY(ADMIN), hold_delete},
};

void ap_api_add_desk(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
	ap_api_add_policies(api);
}
