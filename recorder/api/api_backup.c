/* Backups: make, prove, look; and the release of what a restore froze. */
#include "recorder/api/answer.h"
#include "recorder/api/api.h"
#include "recorder/backup/backup.h"
#include "recorder/backup/release.h"
#include "recorder/api/body.h"

#include <string.h>

/* Paths and state of the instance, and its load. */
static struct ap_result all_tenants(const struct ap_api_call *c)
{
	return ap_api_all_tenants(c, "backups are every tenant's: they are for admins of all of them");
}

static struct ap_result show(struct ap_api_call *c)
{
	AP_TRY(all_tenants(c));
	return ap_backups_show(c->api->backups, &c->answer);
}

/* What is missing is the operator's to set, and the detail says it. */
static struct ap_result named(struct ap_result r)
{
	return ap_ok(r) || r.err == AP_ERR_IO || strcmp(r.name, "lockdown") == 0 ? r : ap_fail(AP_ERR_DENIED, "conflict", r.detail);
}

static struct ap_result begun(struct ap_api_call *c, struct ap_result r)
{
	AP_TRY(named(r));
	c->status = 202;
	return show(c);
}

static struct ap_result make(struct ap_api_call *c)
{
	AP_TRY(all_tenants(c));
	return begun(c, ap_backups_make(c->api->backups));
}

static struct ap_result prove(struct ap_api_call *c)
{
	AP_TRY(all_tenants(c));
	return begun(c, ap_backups_prove(c->api->backups));
}

static struct ap_result release(struct ap_api_call *c)
{
	struct ap_uuid id;
	int64_t count = 0;
	const char *reason = ap_body_text_or_empty(c->body, "reason"), *recording = ap_body_text(c->body, "recording");
	g_autofree char *by = ap_actor_text(&c->actor);
	AP_TRY(ap_api_all_tenants(c, "what a restore froze is every tenant's: it is for admins of all of them"));
	if (recording && !ap_uuid_parse(recording, &id))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "recording is an id");
	AP_TRY(ap_restore_release(c->v, by, reason, recording ? &id : NULL, &count));
	JsonObject *o = json_object_new();
	json_object_set_int_member(o, "recordings", count);
	c->answer = ap_answer_object(o);
	return AP_SUCCESS;
}

static const struct ap_api_route routes[] = {
	{"GET", "/v1/backups", AP_MAY(ADMIN) | AP_MAY(AUDITOR) | AP_MAY_OPERATOR, show},
	{"POST", "/v1/backups", AP_MAY(ADMIN) | AP_MAY_OPERATOR, make},
	{"POST", "/v1/backups/proof", AP_MAY(ADMIN) | AP_MAY_OPERATOR, prove},
	{"POST", "/v1/restore/release", AP_MAY(ADMIN), release},
};

void ap_api_add_backups(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
