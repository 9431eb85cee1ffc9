/* Incidents and their report. */
#include "recorder/api/answer.h"
#include "recorder/api/page.h"
#include "recorder/erasure/incident.h"

#include <string.h>

static struct ap_result list(struct ap_api_call *c)
{
	AP_TRY(ap_incident_list(c->v, &c->actor, &c->answer));
	return ap_page_cut(c, "incidents", "id");
}

static struct ap_result open(struct ap_api_call *c)
{
	c->status = 201;
	return ap_incident_open(c->v, &c->actor, c->body, &c->answer);
}

static struct ap_result show(struct ap_api_call *c)
{
	struct ap_uuid id;
	AP_TRY(ap_api_id(c, 0, &id));
	return ap_incident_show(c->v, &c->actor, &id, &c->answer);
}

static struct ap_result note(struct ap_api_call *c)
{
	struct ap_uuid id;
	AP_TRY(ap_api_id(c, 0, &id));
	c->status = 201;
	return ap_incident_note(c->v, &c->actor, &id, c->body, &c->answer);
}

static struct ap_result close_it(struct ap_api_call *c)
{
	struct ap_uuid id;
	AP_TRY(ap_api_id(c, 0, &id));
	return ap_incident_close(c->v, &c->actor, &id, c->body, &c->answer);
}

static struct ap_result query_time(struct ap_api_call *c, const char *name, int64_t *ret_ms)
{
	const char *text = ap_http_query(c->http, name);
	if (text && !ap_time_parse(text, ret_ms))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "from and to are times in UTC");
	return AP_SUCCESS;
}

/* ?format=md&lang=fr, or JSON. */
static struct ap_result report(struct ap_api_call *c)
{
	struct ap_uuid id;
	struct ap_incident_wish wish = {.user = ap_http_query(c->http, "user")};
	AP_TRY(ap_api_id(c, 0, &id));
	AP_TRY(query_time(c, "from", &wish.from_ms));
	AP_TRY(query_time(c, "to", &wish.to_ms));
	AP_TRY(ap_incident_report(c->v, &c->actor, &id, &wish, &c->answer));
	if (g_strcmp0(ap_http_query(c->http, "format"), "md") != 0)
		return AP_SUCCESS;
	g_autofree char *text = ap_incident_markdown(json_node_get_object(c->answer), ap_http_query(c->http, "lang"));
	c->answered = true;
	ap_http_answer_text(c->http, 200, "text/markdown; charset=utf-8", text);
	return AP_SUCCESS;
}

#define READERS (AP_MAY(ADMIN) | AP_MAY(AUDITOR))

static const struct ap_api_route routes[] = {
	{"GET", "/v1/incidents", READERS, list},
	{"POST", "/v1/incidents", AP_MAY(ADMIN), open},
	{"GET", "/v1/incidents/{id}", READERS, show},
	{"POST", "/v1/incidents/{id}/notes", AP_MAY(ADMIN), note},
	{"POST", "/v1/incidents/{id}/close", AP_MAY(ADMIN), close_it},
	{"GET", "/v1/incidents/{id}/report", READERS, report},
};

void ap_api_add_incidents(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
