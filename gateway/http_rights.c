/* A person's rights: what is held, watching one's own recording, who accessed it, proofs, requests. */
#include "authenticate.h"

#include <aparte/limits.h>

#define SPAN_MAX 256 /* a body with the two ends of a passage */
#define LOCK_MAX 1400 /* a body with a passphrase or recipient: the vault takes no longer one */

static void proxy_token(struct ap_http_call *call, void *ctx, const char *method)
{
	const char *token = ap_require_bearer(call);
	if (token)
		ap_proxy(ctx, call, method, g_variant_new("(s)", token), 200);
}

static void get_recordings(struct ap_http_call *call, void *ctx)
{
	proxy_token(call, ctx, "PartyRecordings");
}

static void get_accesses(struct ap_http_call *call, void *ctx)
{
	proxy_token(call, ctx, "PartyAccesses");
}

static void get_receipts(struct ap_http_call *call, void *ctx)
{
	proxy_token(call, ctx, "PartyReceipts");
}

static void post_request(struct ap_http_call *call, void *ctx)
{
	const char *token = ap_require_bearer(call);
	if (token)
		ap_proxy_body(ctx, call, "RequestCreate", token, 201);
}

static void get_requests(struct ap_http_call *call, void *ctx)
{
	const char *token = ap_require_bearer(call);
	if (token)
		ap_proxy(ctx, call, "RequestGet", g_variant_new("(ss)", token, ""), 200);
}

static void get_request(struct ap_http_call *call, void *ctx)
{
	const char *token = ap_require_bearer(call);
	if (token)
		ap_proxy(ctx, call, "RequestGet", g_variant_new("(ss)", token, ap_http_param(call, 0)), 200);
}

/* How often the vault is asked whether this person may go on, whatever their pace: a withdrawal cuts a playback under
 * way within a second (R11). */
#define LOOK_MS 300

static void on_copy(void *ctx, const struct ap_problem *problem, const char *detail, GVariant *answer)
{
	const char *type, *text;
	if (problem || !g_variant_is_of_type(answer, G_VARIANT_TYPE("(ss)"))) {
		ap_http_answer_problem(ctx, problem ? problem->name : "internal", detail);
		return;
	}
	g_variant_get(answer, "(&s&s)", &type, &text);
	ap_http_answer_text(ctx, 200, type, text);
}

static void get_copy(struct ap_http_call *call, void *ctx)
{
	struct ap_gateway *gw = ctx;
	const char *token = ap_require_bearer(call);
	bool markdown = g_strcmp0(ap_http_query(call, "format"), "markdown") == 0;
	if (token)
		ap_vault_call(gw->vault, "RequestCopy",
			      g_variant_new("(sss)", token, ap_http_param(call, 0), markdown ? "markdown" : "json"), on_copy,
			      call);
}

static void post_archive(struct ap_http_call *call, void *ctx)
{
	const char *token = ap_require_bearer(call), *body = ap_http_body_text(call);
	if (token)
		ap_proxy(ctx, call, "ArchiveMake", g_variant_new("(sss)", token, ap_http_param(call, 0), body), 202);
}

static void post_passage(struct ap_http_call *call, void *ctx)
{
	const char *token = ap_require_bearer(call), *body = ap_http_body_text(call);
	if (token)
		ap_proxy(ctx, call, "PassageErase", g_variant_new("(sss)", token, ap_http_param(call, 0), body), 202);
}

/* A track, read from the vault piece by piece as the client takes it. */
struct track {
	/* borrowed */
	struct ap_gateway *gw;
	struct ap_http_call *call; /* NULL once all is sent or the client left */
	/* owned */
	char *token, *recording, *role, *access;
	GSource *look; /* NULL before and after */
	/* state */
	unsigned refs; /* the source's, and a question's under way */
};

static void track_unref(struct track *t)
{
	if (--t->refs > 0)
		return;
	g_free(t->token);
	g_free(t->recording);
	g_free(t->role);
	g_free(t->access);
	g_free(t);
}

static void track_done(void *ctx)
{
	struct track *t = ctx;
	t->call = NULL;
	if (t->look) {
		g_source_destroy(t->look);
		g_clear_pointer(&t->look, g_source_unref);
	}
	track_unref(t);
}

/* A vault that is away is no answer: it reads no further piece either. */
static void on_looked(void *ctx, const struct ap_problem *problem, const char *detail, GVariant *answer)
{
	struct track *t = ctx;
	(void)detail, (void)answer;
	if (problem && t->call && g_strcmp0(problem->name, "vault-unavailable") != 0)
		ap_http_source_cut(t->call);
	track_unref(t);
}

/* One question at a time: the second reference is the one under way. */
static gboolean look_again(gpointer data)
{
	struct track *t = data;
	if (t->refs == 1) {
		t->refs++;
		ap_vault_call(t->gw->vault, "TrackRead",
			      g_variant_new("(sssstu)", t->token, t->access, t->recording, t->role, (guint64)0, (guint32)0),
			      on_looked, t);
	}
	return G_SOURCE_CONTINUE;
}

static void watch(struct track *t)
{
	t->look = g_timeout_source_new(LOOK_MS);
	g_source_set_callback(t->look, look_again, t, NULL);
	g_source_attach(t->look, g_main_context_get_thread_default());
}

static void on_piece(void *ctx, const struct ap_problem *problem, const char *detail, GVariant *answer)
{
	struct ap_http_call *call = ctx;
	if (problem || !g_variant_is_of_type(answer, G_VARIANT_TYPE("(ay)"))) {
		ap_http_source_fail(call, problem ? problem->name : "internal", detail);
		return;
	}
	g_autoptr(GVariant) child = g_variant_get_child_value(answer, 0);
	g_autoptr(GBytes) bytes = g_variant_get_data_as_bytes(child);
	ap_http_source_give(call, bytes);
}

static void read_track(void *ctx, struct ap_http_call *call, uint64_t offset, uint32_t length)
{
	struct track *t = ctx;
	ap_vault_call(t->gw->vault, "TrackRead",
		      g_variant_new("(sssstu)", t->token, t->access, t->recording, t->role, offset, length), on_piece, call);
}

struct track_opening {
	struct track *track; /* owned */
	struct ap_http_call *call;
};

static void on_track(void *ctx, const struct ap_problem *problem, const char *detail, GVariant *answer)
{
	g_autofree struct track_opening *o = ctx;
	struct ap_http_source source = { .read = read_track, .done = track_done, .ctx = o->track };
	if (problem || !g_variant_is_of_type(answer, G_VARIANT_TYPE("(st)"))) {
		track_unref(o->track);
		ap_http_answer_problem(o->call, problem ? problem->name : "internal", detail);
		return;
	}
	g_variant_get(answer, "(st)", &o->track->access, &source.size);
	watch(o->track);
	ap_http_answer_source(o->call, "video/webm", &source);
}

/* An archive, the same way. */
struct archive {
	struct ap_gateway *gw;
	struct ap_http_call *call;
	char *token, *request; /* owned */
};

static void archive_free(void *ctx)
{
	struct archive *a = ctx;
	g_free(a->token);
	g_free(a->request);
	g_free(a);
}

static void read_archive(void *ctx, struct ap_http_call *call, uint64_t offset, uint32_t length)
{
	struct archive *a = ctx;
	ap_vault_call(a->gw->vault, "ArchiveRead", g_variant_new("(sstu)", a->token, a->request, offset, length), on_piece,
		      call);
}

static void on_archive(void *ctx, const struct ap_problem *problem, const char *detail, GVariant *answer)
{
	struct archive *a = ctx;
	struct ap_http_source source = { .read = read_archive, .done = archive_free, .ctx = a };
	if (problem || !g_variant_is_of_type(answer, G_VARIANT_TYPE("(t)"))) {
		ap_http_answer_problem(a->call, problem ? problem->name : "internal", detail);
		archive_free(a);
		return;
	}
	g_variant_get(answer, "(t)", &source.size);
	ap_http_answer_source(a->call, "application/octet-stream", &source);
}

static void get_archive(struct ap_http_call *call, void *ctx)
{
	const char *token = ap_require_bearer(call);
	if (!token)
		return;
	struct archive *a = g_new0(struct archive, 1);
	*a = (struct archive){ ctx, call, g_strdup(token), g_strdup(ap_http_param(call, 0)) };
	ap_vault_call(a->gw->vault, "ArchiveOpen", g_variant_new("(ss)", token, a->request), on_archive, a);
}

static void get_track(struct ap_http_call *call, void *ctx)
{
	const char *token = ap_require_bearer(call), *role = ap_http_param(call, 1);
	enum ap_role ignored;
	if (!token)
		return;
	if (!ap_role_parse(role, &ignored)) {
		ap_http_answer_problem(call, "not-found", "A recording has the tracks coach and coachee.");
		return;
	}
	struct track_opening *o = g_new0(struct track_opening, 1);
	o->call = call;
	o->track = g_new0(struct track, 1);
	o->track->gw = ctx;
	o->track->call = call;
	o->track->refs = 1;
	o->track->token = g_strdup(token);
	o->track->recording = g_strdup(ap_http_param(call, 0));
	o->track->role = g_strdup(role);
	ap_vault_call(o->track->gw->vault, "TrackOpen", g_variant_new("(sss)", token, o->track->recording, role), on_track,
		      o);
}

void ap_http_rights_routes(struct ap_gateway *gw)
{
	static const struct ap_http_route routes[] = {
		{ "GET", "/v1/party/recordings", get_recordings, 0, NULL },
		{ "GET", "/v1/party/recordings/{id}/tracks/{role}", get_track, 0, NULL },
		{ "POST", "/v1/party/recordings/{id}/passages", post_passage, SPAN_MAX, NULL },
		{ "GET", "/v1/party/accesses", get_accesses, 0, NULL },
		{ "GET", "/v1/party/receipts", get_receipts, 0, NULL },
		{ "POST", "/v1/party/requests", post_request, AP_MAX_BODY, NULL },
		{ "GET", "/v1/party/requests", get_requests, 0, NULL },
		{ "GET", "/v1/party/requests/{id}", get_request, 0, NULL },
		{ "GET", "/v1/party/requests/{id}/copy", get_copy, 0, NULL },
		{ "POST", "/v1/party/requests/{id}/archive", post_archive, LOCK_MAX, NULL },
		{ "GET", "/v1/party/requests/{id}/archive", get_archive, 0, NULL },
	};
	ap_http_add_routes(gw->http, routes, G_N_ELEMENTS(routes), gw);
}
