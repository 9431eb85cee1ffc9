/* Recordings, accesses to them, and their tracks. */
#include "recorder/answer.h"
#include "recorder/body.h"
#include "recorder/api.h"
#include "recorder/playback.h"

#include <aparte/log.h>
#include <string.h>

static struct ap_result list(struct ap_api_call *c)
{
	return ap_access_list(c->v, &c->actor, &c->answer);
}

static struct ap_result show(struct ap_api_call *c)
{
	struct ap_uuid recording;
	AP_TRY(ap_api_id(c, 0, &recording));
	return ap_access_show(c->v, &c->actor, &recording, &c->answer);
}

static struct ap_result begin_access(struct ap_api_call *c)
{
	struct ap_uuid recording;
	struct ap_access access;
	AP_TRY(ap_api_id(c, 0, &recording));
	AP_TRY(ap_access_begin(c->v, &c->actor, &recording,
			       ap_body_text_or_empty(c->body, "purpose"),
			       ap_body_text_or_empty(c->body, "reason"), &access));
	JsonObject *o = json_object_new();
	ap_answer_id(o, "id", &access.id);
	ap_answer_id(o, "recording", &access.recording);
	ap_answer_time(o, "expires", access.expires_ms);
	c->answer = ap_answer_object(o);
	c->status = 201;
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
	return ap_access_log(c->v, c->actor.tenant, &c->answer);
}

/* ---- tracks ---- */

/* One answer under way. Rights are asked again before every piece, so that what is revoked ends at once. */
struct streaming {
	/* borrowed */
	struct ap_vault *v;
	/* owned */
	struct ap_playback_reader *reader;
	char *token; /* NULL on admin.sock */
	/* state */
	struct ap_actor actor;
	struct ap_uuid access, recording;
	uint64_t sent;
};

static struct ap_result check_again(struct streaming *s)
{
	if (s->token)
		AP_TRY(ap_login_actor(s->v, s->token, &s->actor, NULL));
	return ap_access_check(s->v, &s->actor, &s->access, &s->recording);
}

static void wiped(void *data)
{
	GByteArray *bytes = data;
	ap_wipe(bytes->data, bytes->len);
	g_byte_array_unref(bytes);
}

static void read_piece(void *ctx, struct ap_http_call *call, uint64_t offset, uint32_t length)
{
	struct streaming *s = ctx;
	size_t n = 0;
	GByteArray *bytes = g_byte_array_sized_new(length);
	g_byte_array_set_size(bytes, length);
	struct ap_result r = check_again(s);
	if (ap_ok(r))
		r = ap_playback_read(s->reader, offset, bytes->data, length, &n);
	if (ap_ok(r) && n == length) {
		s->sent += n;
		g_autoptr(GBytes) piece = g_bytes_new_with_free_func(bytes->data, n, wiped, bytes);
		ap_http_source_give(call, piece);
		return;
	}
	wiped(bytes);
	ap_log(AP_LOG_WARN, "playback_stopped", "reason=%s", ap_ok(r) ? "short" : r.name);
	ap_http_source_fail(call, ap_ok(r) ? "internal" : r.name, ap_ok(r) ? "" : r.detail);
}

static void streamed(void *ctx)
{
	struct streaming *s = ctx;
	if (s->sent > 0 && !ap_ok(ap_access_count(s->v, &s->access, s->sent)))
		ap_log(AP_LOG_WARN, "access_not_counted", " ");
	ap_playback_close(s->reader);
	g_free(s->token);
	g_free(s);
}

static struct ap_result track(struct ap_api_call *c)
{
	struct streaming s = {.v = c->v, .actor = c->actor};
	enum ap_role role;
	const char *access = ap_http_query(c->http, "access");
	AP_TRY(ap_api_id(c, 0, &s.recording));
	if (!ap_role_parse(ap_http_param(c->http, 1), &role))
		return ap_fail(AP_ERR_PROTOCOL, "not-found", "the tracks are coach and coachee");
	if (!access || !ap_uuid_parse(access, &s.access))
		return ap_fail(AP_ERR_DENIED, "access-reason-required", "begin an access to this recording first");
	AP_TRY(ap_access_check(c->v, &c->actor, &s.access, &s.recording));
	AP_TRY(ap_playback_open(c->v, &s.recording, role, &s.reader));
	s.token = c->api->socket ? NULL : ap_api_token(c);
	struct streaming *kept = g_new(struct streaming, 1);
	*kept = s;
	struct ap_http_source source = {ap_playback_size(kept->reader), read_piece, streamed, kept};
	c->answered = true;
	ap_http_answer_source(c->http, "video/webm", &source);
	return AP_SUCCESS;
}

#define VIEWERS (AP_MAY(COACH) | AP_MAY(SUPERVISOR))

static const struct ap_api_route routes[] = {
	{"GET", "/v1/recordings", VIEWERS | AP_MAY(ADMIN), list},
	{"GET", "/v1/recordings/{id}", VIEWERS | AP_MAY(ADMIN), show},
	{"POST", "/v1/recordings/{id}/accesses", VIEWERS, begin_access},
	{"DELETE", "/v1/recordings/{id}/accesses/{access}", VIEWERS | AP_MAY(ADMIN), end_access},
	{"GET", "/v1/recordings/{id}/tracks/{role}", VIEWERS, track},
	{"GET", "/v1/accesses", AP_MAY(AUDITOR) | AP_MAY(ADMIN), log_of_accesses},
};

void ap_api_add_recordings(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
