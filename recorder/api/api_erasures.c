/* Erasure by an admin: one recording at once; more than one needs a second admin. */
#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/api/api.h"
#include "recorder/db/db_staff_access.h"
#include "recorder/db/db_staff_erasure.h"
#include "recorder/erasure/erasure.h"
#include "recorder/erasure/proposal.h"

#include <string.h>

static struct ap_result check_tenant(struct ap_api_call *c, const struct ap_uuid *recording)
{
	struct ap_access_subject s = {0};
	AP_TRY(ap_db_access_subject(ap_vault_db(c->v), recording, &s));
	g_free(s.coach);
	if (c->actor.tenant && c->actor.tenant != s.tenant)
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such recording for you");
	return AP_SUCCESS;
}

static struct ap_result erase_one(struct ap_api_call *c, const char *text)
{
	struct ap_uuid recording;
	g_autofree char *certificate = NULL;
	if (!ap_uuid_parse(text, &recording))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "recording is an id");
	AP_TRY(check_tenant(c, &recording));
	AP_TRY(ap_erasure_now(c->v, &recording, AP_ERASE_ADMIN, &certificate));
	c->answer = json_from_string(certificate, NULL);
	c->status = 201;
	return AP_SUCCESS;
}

/* What a body names: those that can be erased, and how many are kept by a restriction or a hold (R20), which nobody is to
 * take for erased. */
struct found {
	GArray *ids; /* owned */
	int64_t restricted, held;
};

static void found_clear(struct found *f)
{
	g_clear_pointer(&f->ids, g_array_unref);
}

/* The recordings that {"session"} or {"subject"} names, of that tenant; 0: of all. */
static struct ap_result find(struct ap_api_call *c, JsonObject *body, int64_t tenant, struct found *ret_found)
{
	struct ap_uuid session;
	const char *session_text = ap_body_text(body, "session");
	const char *subject = ap_body_text(body, "subject");
	if (session_text && !ap_uuid_parse(session_text, &session))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "session is an id");
	if (!session_text && (!subject || !subject[0]))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "name a recording, a session or a subject");
	struct found f = {0};
	const struct ap_uuid *of = session_text ? &session : NULL;
	int64_t now = ap_vault_believed_ms(c->v);
	AP_TRY(ap_db_erasure_kept(ap_vault_db(c->v), of, subject, tenant, now, &f.restricted, &f.held));
	AP_TRY(ap_db_erasure_find(ap_vault_db(c->v), of, subject, tenant, now, &f.ids));
	*ret_found = f;
	return AP_SUCCESS;
}

static void add_kept(struct ap_api_call *c, const struct found *f)
{
	json_object_set_int_member(json_node_get_object(c->answer), "kept", f->restricted + f->held);
}

/* All that was named is kept: no list of certificates, which would be empty. */
static struct ap_result refuse_kept(const struct found *f)
{
	return f->held ? ap_fail(AP_ERR_DENIED, "held", "a legal hold stops the erasure of what you name") :
			 ap_fail(AP_ERR_DENIED, "restricted", "what you name is frozen; end the restriction first");
}

/* More than this many are erased after the answer, which says how to ask how far they are. */
#define AT_ONCE 50

static struct ap_result describe_batch(struct ap_api_call *c, const struct ap_uuid *batch)
{
	int64_t total, done;
	AP_TRY(ap_db_erasure_batch(ap_vault_db(c->v), batch, &total, &done));
	JsonObject *o = json_object_new();
	ap_answer_id(o, "batch", batch);
	json_object_set_int_member(o, "recordings", total);
	json_object_set_int_member(o, "done", done);
	ap_answer_text(o, "state", done == total ? "erased" : "ordered");
	c->answer = ap_answer_object(o);
	return AP_SUCCESS;
}

static struct ap_result order_all(struct ap_api_call *c, const GArray *ids, const struct ap_uuid *batch)
{
	AP_TRY(ap_erasure_order_many(c->v, ids, AP_ERASE_ADMIN, batch));
	c->status = 202;
	return describe_batch(c, batch);
}

static struct ap_result show_batch(struct ap_api_call *c)
{
	struct ap_uuid batch;
	const char *text = ap_http_query(c->http, "batch");
	if (!text || !ap_uuid_parse(text, &batch))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "batch is the id of a confirmed proposal");
	return describe_batch(c, &batch);
}

static struct ap_result erase_all(struct ap_api_call *c, const struct found *f)
{
	const GArray *ids = f->ids;
	g_autoptr(JsonArray) certificates = json_array_new();
	if (ids->len == 0 && f->restricted + f->held > 0)
		return refuse_kept(f);
	for (guint i = 0; i < ids->len; i++) {
		g_autofree char *certificate = NULL;
		AP_TRY(ap_erasure_now(c->v, &g_array_index(ids, struct ap_uuid, i), AP_ERASE_ADMIN, &certificate));
		json_array_add_element(certificates, json_from_string(certificate, NULL));
	}
	c->answer = ap_answer_list("certificates", g_steal_pointer(&certificates));
	add_kept(c, f);
	c->status = 201;
	return AP_SUCCESS;
}

/* What is meant is what the proposer meant: ids of persons are the platforms' own, and other tenants may have the same. */
static struct ap_result propose(struct ap_api_call *c, const struct found *f)
{
	guint count = f->ids->len;
	json_object_set_int_member(c->body, "tenant", c->actor.tenant);
	json_object_set_int_member(c->body, "recordings", count);
	g_autofree char *body = ap_answer_take_text(ap_answer_object(json_object_ref(c->body)));
	AP_TRY(ap_proposal_make(c->v, &c->actor, "erasure", body, &c->answer));
	json_object_set_int_member(json_node_get_object(c->answer), "recordings", count);
	add_kept(c, f);
	c->status = 202;
	return AP_SUCCESS;
}

static struct ap_result confirm_found(struct ap_api_call *c, const struct found *f, const struct ap_uuid *proposal, int64_t count)
{
	if (f->ids->len != count)
		return ap_fail(AP_ERR_DENIED, "conflict", "there are others by now than were proposed: propose them anew");
	AP_TRY(ap_proposal_use(c->v, &c->actor, proposal));
	return f->ids->len > AT_ONCE ? order_all(c, f->ids, proposal) : erase_all(c, f);
}

static struct ap_result confirm(struct ap_api_call *c, const char *text)
{
	struct ap_uuid proposal;
	g_autofree char *body = NULL, *first = NULL;
	struct found f = {0};
	if (!ap_uuid_parse(text, &proposal))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "proposal is an id");
	AP_TRY(ap_proposal_load(c->v, &c->actor, "erasure", &proposal, &body, &first));
	g_autoptr(JsonNode) node = json_from_string(body, NULL);
	JsonObject *meant = json_node_get_object(node);
	int64_t tenant = json_object_get_int_member(meant, "tenant");
	if (c->actor.tenant && c->actor.tenant != tenant)
		return ap_fail(AP_ERR_DENIED, "role", "it was proposed for recordings that are not your tenant's alone");
	AP_TRY(find(c, meant, tenant, &f));
	struct ap_result r = confirm_found(c, &f, &proposal, json_object_get_int_member(meant, "recordings"));
	found_clear(&f);
	return r;
}

static struct ap_result erase(struct ap_api_call *c)
{
	struct found f = {0};
	const char *recording = ap_body_text(c->body, "recording");
	const char *proposal = ap_body_text(c->body, "proposal");
	if (recording)
		return erase_one(c, recording);
	if (proposal)
		return confirm(c, proposal);
	AP_TRY(find(c, c->body, c->actor.tenant, &f));
	struct ap_result r = f.ids->len > 1 ? propose(c, &f) : erase_all(c, &f);
	found_clear(&f);
	return r;
}

static struct ap_result certificate(struct ap_api_call *c)
{
	struct ap_uuid recording;
	g_autofree char *json = NULL;
	AP_TRY(ap_api_id(c, 0, &recording));
	AP_TRY(check_tenant(c, &recording));
	AP_TRY(ap_erasure_certificate(c->v, &recording, &json));
	c->answer = json_from_string(json, NULL);
	return AP_SUCCESS;
}

static const struct ap_api_route routes[] = {
	{"POST", "/v1/erasures", AP_MAY(ADMIN), erase},
	{"GET", "/v1/erasures", AP_MAY(ADMIN) | AP_MAY(AUDITOR), show_batch},
	{"GET", "/v1/erasures/{recording}", AP_MAY(ADMIN) | AP_MAY(AUDITOR), certificate},
};

void ap_api_add_erasures(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
