/*
 * A recording's tracks in clear, by ranges, under an access.
 *
 * Rights are asked again before every piece, and several times a second beside, whatever the reader's pace: what is
 * revoked, withdrawn, held, approved no more or locked down cuts the transfer within a second (R11).
 */
#include "recorder/api/api.h"
#include "recorder/recording/playback.h"

#include <aparte/log.h>
#include <string.h>

#define LOOK_MS 250

/* One answer under way. */
struct streaming {
	/* borrowed */
	struct ap_vault *v;
	struct ap_http_call *call;
	/* owned */
	struct ap_playback_reader *reader;
	char *token; /* NULL on admin.sock */
	GSource *look;
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

static gboolean look_again(gpointer data)
{
	struct streaming *s = data;
	struct ap_result r = check_again(s);
	if (ap_ok(r))
		return G_SOURCE_CONTINUE;
	ap_log(AP_LOG_INFO, "playback_cut", "reason=%s", r.name);
	ap_http_source_cut(s->call);
	return G_SOURCE_REMOVE;
}

static void watch(struct streaming *s)
{
	s->look = g_timeout_source_new(LOOK_MS);
	g_source_set_callback(s->look, look_again, s, NULL);
	g_source_attach(s->look, g_main_context_get_thread_default());
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
	g_source_destroy(s->look);
	g_source_unref(s->look);
	if (s->sent > 0 && !ap_ok(ap_access_count(s->v, &s->access, s->sent)))
		ap_log(AP_LOG_WARN, "access_not_counted", " ");
	ap_playback_close(s->reader);
	g_free(s->token);
	g_free(s);
}

static struct ap_result track(struct ap_api_call *c)
{
	struct streaming s = {.v = c->v, .call = c->http, .actor = c->actor};
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
	watch(kept);
	struct ap_http_source source = {ap_playback_size(kept->reader), read_piece, streamed, kept};
	c->answered = true;
	ap_http_answer_source(c->http, "video/webm", &source);
	return AP_SUCCESS;
}

static const struct ap_api_route routes[] = {
	{"GET", "/v1/recordings/{id}/tracks/{role}", AP_MAY(COACH) | AP_MAY(SUPERVISOR) | AP_MAY(SPONSOR), track},
};

void ap_api_add_tracks(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
