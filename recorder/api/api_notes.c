/* Notes of who views, under their access. */
#include "recorder/api/api.h"
#include "recorder/access/note.h"

static struct ap_result place_of(const struct ap_api_call *c, struct ap_note_place *ret_place)
{
	struct ap_note_place place;
	const char *access = ap_http_query(c->http, "access");
	AP_TRY(ap_api_id(c, 0, &place.recording));
	if (!access || !ap_uuid_parse(access, &place.access))
		return ap_fail(AP_ERR_DENIED, "access-reason-required", "begin an access to this recording first");
	*ret_place = place;
	return AP_SUCCESS;
}

static struct ap_result list(struct ap_api_call *c)
{
	struct ap_note_place place;
	AP_TRY(place_of(c, &place));
	return ap_note_list(c->v, &c->actor, &place, &c->answer);
}

static struct ap_result add(struct ap_api_call *c)
{
	struct ap_note_place place;
	AP_TRY(place_of(c, &place));
	AP_TRY(ap_note_add(c->v, &c->actor, &place, c->body, &c->answer));
	c->status = 201;
	return AP_SUCCESS;
}

static struct ap_result change(struct ap_api_call *c)
{
	struct ap_note_place place;
	struct ap_uuid note;
	AP_TRY(place_of(c, &place));
	AP_TRY(ap_api_id(c, 1, &note));
	return ap_note_change(c->v, &c->actor, &place, &note, c->body, &c->answer);
}

static struct ap_result drop(struct ap_api_call *c)
{
	struct ap_note_place place;
	struct ap_uuid note;
	AP_TRY(place_of(c, &place));
	AP_TRY(ap_api_id(c, 1, &note));
	return ap_note_delete(c->v, &c->actor, &place, &note);
}

#define AUTHORS (AP_MAY(COACH) | AP_MAY(SUPERVISOR))

static const struct ap_api_route routes[] = {
	{"GET", "/v1/recordings/{id}/notes", AUTHORS, list},
	{"POST", "/v1/recordings/{id}/notes", AUTHORS, add},
	{"PUT", "/v1/recordings/{id}/notes/{note}", AUTHORS, change},
	{"DELETE", "/v1/recordings/{id}/notes/{note}", AUTHORS, drop},
};

void ap_api_add_notes(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
