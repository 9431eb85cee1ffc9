/* Requests of persons: their clocks, what is decided about them, and what is opened on somebody's behalf. */
#include "recorder/api/answer.h"
#include "recorder/api/page.h"
#include "recorder/api/body.h"
#include "recorder/portability/copy.h"
#include "recorder/erasure/request.h"

#include <string.h>

static struct ap_result list(struct ap_api_call *c)
{
	const char *due = ap_http_query(c->http, "due");
	struct ap_page page;
	JsonArray *rows;
	AP_TRY(ap_page_asked(c, AP_PAGE_MOST, &page));
	AP_TRY(ap_request_list(c->v, &c->actor, due && strcmp(due, "1") == 0, page.after, page.limit + 1, &rows));
	c->answer = ap_page_answer("requests", rows, &page);
	return AP_SUCCESS;
}

static struct ap_result show(struct ap_api_call *c)
{
	struct ap_uuid id;
	AP_TRY(ap_api_id(c, 0, &id));
	return ap_request_show(c->v, &c->actor, &id, &c->answer);
}

static struct ap_result open_for(struct ap_api_call *c)
{
	AP_TRY(ap_request_open_for(c->v, &c->actor, c->body, &c->answer));
	c->status = 201;
	return AP_SUCCESS;
}

static struct ap_result decide(struct ap_api_call *c)
{
	static const char *const actions[] = {"execute", "extend", "refuse", "lift"};
	struct ap_uuid id;
	const char *action = ap_http_param(c->http, 1);
	bool known = false;
	AP_TRY(ap_api_id(c, 0, &id));
	for (size_t i = 0; i < G_N_ELEMENTS(actions); i++)
		known |= strcmp(action, actions[i]) == 0;
	if (!known)
		return ap_fail(AP_ERR_PROTOCOL, "not-found", "a request is executed, extended, refused or lifted");
	return ap_request_decide(c->v, &c->actor, &id, action, c->body, &c->answer);
}

static struct ap_result copy(struct ap_api_call *c)
{
	struct ap_uuid id;
	const char *format = ap_http_query(c->http, "format"), *type;
	char *text;
	AP_TRY(ap_api_id(c, 0, &id));
	AP_TRY(ap_copy_answer_for(c->v, &c->actor, &id, format ? format : "", &type, &text));
	g_autoptr(GBytes) body = g_bytes_new_take(text, strlen(text));
	c->answered = true;
	ap_http_answer(c->http, 200, type, body);
	return AP_SUCCESS;
}

static struct ap_result tick(struct ap_api_call *c)
{
	struct ap_uuid id;
	guint64 number;
	AP_TRY(ap_api_id(c, 0, &id));
	if (!g_ascii_string_to_unsigned(ap_http_param(c->http, 1), 10, 1, 1000, &number, NULL))
		return ap_fail(AP_ERR_PROTOCOL, "not-found", "this request has no such item");
	return ap_request_tick(c->v, &c->actor, &id, (int64_t)number, c->body, &c->answer);
}

static const struct ap_api_route routes[] = {
	{"GET", "/v1/requests", AP_MAY(ADMIN), list},
	{"POST", "/v1/requests", AP_MAY(ADMIN), open_for},
	{"GET", "/v1/requests/{id}", AP_MAY(ADMIN), show},
	{"GET", "/v1/requests/{id}/copy", AP_MAY(ADMIN) | AP_ONLY_SOCKET, copy},
	{"POST", "/v1/requests/{id}/{action}", AP_MAY(ADMIN), decide},
	{"POST", "/v1/requests/{id}/checklist/{n}", AP_MAY(ADMIN), tick},
};

void ap_api_add_requests(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
