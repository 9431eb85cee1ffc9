/* Recordings and accesses to them. */
#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/api/page.h"

#include <string.h>

#define LIBRARY_PAGE 100

static const char *given(const struct ap_api_call *c, const char *name)
{
	const char *text = ap_http_query(c->http, name);
	return text && *text ? text : NULL;
}

/* A day (its beginning, UTC) or a time. */
static struct ap_result read_time(const struct ap_api_call *c, const char *name, int64_t *ret_ms)
{
	const char *text = given(c, name);
	if (!text)
		return AP_SUCCESS;
	g_autofree char *day = strlen(text) == strlen("2026-11-22") ? g_strconcat(text, "T00:00:00.000Z", NULL) : NULL;
	return ap_time_parse(day ? day : text, ret_ms) ?
		       AP_SUCCESS :
		       ap_fail(AP_ERR_PROTOCOL, "malformed", "from, to and expires_before are days (2026-11-22) or times in UTC");
}

static struct ap_result read_state(const struct ap_api_call *c, const char **ret_state)
{
	static const char *const states[] = {"recording", "sealed", "archived", "restricted", "erased", NULL};
	*ret_state = given(c, "state");
	if (*ret_state && !g_strv_contains(states, *ret_state))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "state is recording, sealed, archived, restricted or erased");
	return AP_SUCCESS;
}

static struct ap_result list(struct ap_api_call *c)
{
	struct ap_page page;
	struct ap_library_wish wish = {
		.words = given(c, "q"), .person = given(c, "person"), .tenant = given(c, "tenant"), .to_ms = INT64_MAX};
	AP_TRY(ap_page_asked(c, LIBRARY_PAGE, &page));
	AP_TRY(read_time(c, "from", &wish.from_ms));
	AP_TRY(read_time(c, "to", &wish.to_ms));
	AP_TRY(read_time(c, "expires_before", &wish.expires_before_ms));
	AP_TRY(read_state(c, &wish.state));
	wish.after = page.after;
	wish.limit = page.limit;
	wish.count = g_strcmp0(given(c, "count"), "1") == 0;
	return ap_access_list(c->v, &c->actor, &wish, &c->answer);
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
	struct ap_page page;
	JsonArray *rows;
	AP_TRY(ap_page_asked(c, AP_PAGE_MOST, &page));
	AP_TRY(ap_access_log(c->v, c->actor.tenant, page.after, page.limit + 1, &rows));
	c->answer = ap_page_answer("accesses", rows, &page);
	return AP_SUCCESS;
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
