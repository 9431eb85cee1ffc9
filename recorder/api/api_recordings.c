/* Recordings and accesses to them. */
#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/api/api.h"

/* Where the page before ended: the answer's "next". */
static struct ap_result read_after(const struct ap_api_call *c, struct ap_uuid *ret_after, bool *ret_given)
{
	const char *text = ap_http_query(c->http, "after");
	if (text && !ap_uuid_parse(text, ret_after))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "after is an id: the next of the page before");
	*ret_given = text != NULL;
	return AP_SUCCESS;
}

static struct ap_result list(struct ap_api_call *c)
{
	struct ap_uuid after;
	bool given;
	AP_TRY(read_after(c, &after, &given));
	return ap_access_list(c->v, &c->actor, given ? &after : NULL, &c->answer);
}

static struct ap_result show(struct ap_api_call *c)
{
	struct ap_uuid recording;
	AP_TRY(ap_api_id(c, 0, &recording));
	return ap_access_show(c->v, &c->actor, &recording, &c->answer);
}

/* What was begun, or who is to say yes first. */
JsonNode *ap_api_access(const struct ap_access *access)
{
	JsonObject *o = json_object_new();
	ap_answer_id(o, access->pending ? "approval" : "id", access->pending ? &access->approval : &access->id);
	ap_answer_id(o, "recording", &access->recording);
	if (access->pending)
		ap_answer_text(o, "state", "pending");
	ap_answer_time(o, access->pending ? "lapses" : "expires", access->expires_ms);
	return ap_answer_object(o);
}

static struct ap_result begin_access(struct ap_api_call *c)
{
	struct ap_uuid recording;
	struct ap_access access;
	AP_TRY(ap_api_id(c, 0, &recording));
	AP_TRY(ap_access_begin(c->v, &c->actor, &recording,
			       ap_body_text_or_empty(c->body, "purpose"),
			       ap_body_text_or_empty(c->body, "reason"), &access));
	c->answer = ap_api_access(&access);
	c->status = access.pending ? 202 : 201;
	return AP_SUCCESS;
}

static struct ap_result end_access(struct ap_api_call *c)
{
	struct ap_uuid recording, access;
	AP_TRY(ap_api_id(c, 0, &recording));
	AP_TRY(ap_api_id(c, 1, &access));
	AP_TRY(ap_access_check(c->v, &c->actor, &access, &recording));
	return ap_access_end(c->v, &access);
}

static struct ap_result log_of_accesses(struct ap_api_call *c)
{
	struct ap_uuid after;
	bool given;
	AP_TRY(read_after(c, &after, &given));
	return ap_access_log(c->v, c->actor.tenant, given ? &after : NULL, &c->answer);
}

#define VIEWERS (AP_MAY(COACH) | AP_MAY(SUPERVISOR) | AP_MAY(SPONSOR))

static const struct ap_api_route routes[] = {
	{"GET", "/v1/recordings", VIEWERS | AP_MAY(ADMIN), list},
	{"GET", "/v1/recordings/{id}", VIEWERS | AP_MAY(ADMIN), show},
	{"POST", "/v1/recordings/{id}/accesses", VIEWERS, begin_access},
	{"DELETE", "/v1/recordings/{id}/accesses/{access}", VIEWERS | AP_MAY(ADMIN), end_access},
	{"GET", "/v1/accesses", AP_MAY(AUDITOR) | AP_MAY(ADMIN), log_of_accesses},
};

void ap_api_add_recordings(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
