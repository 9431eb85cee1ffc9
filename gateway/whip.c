/*
 * Media connections over HTTP (RFC 9725): POST makes one, PATCH trickles or restarts ICE, DELETE hangs up. The
 * resource belongs to a person's leg; a leg put in its place makes the old resource unknown.
 */
#include "authenticate.h"
#include "switchboard.h"

#include <aparte/limits.h>
#include <string.h>

#define MAX_CANDIDATES 64
#define FRAGMENT_TYPE "application/trickle-ice-sdpfrag"

struct local_side {
	struct ap_media_candidate candidates[MAX_CANDIDATES];
	struct ap_sdp_local local;
};

static void describe_us(struct ap_gateway *gw, const struct ap_session *session, struct local_side *ret_side)
{
	size_t count = ap_media_candidates(gw->media, session->worker, ret_side->candidates, MAX_CANDIDATES);
	ret_side->local = (struct ap_sdp_local){ .fingerprint = ap_media_fingerprint(gw->media),
						 .candidates = ret_side->candidates,
						 .count = count,
						 .cname = session->cname };
}

static void add_ice_servers(struct ap_gateway *gw, struct ap_http_call *call, const struct ap_session_leg *leg)
{
	g_auto(GStrv) links = ap_turn_links(gw->turn, ap_wall_ms(gw->clock), leg->resource);
	for (char **link = links; *link; link++)
		ap_http_add_header(call, "Link", *link);
}

static void answer_offer(struct ap_gateway *gw, struct ap_http_call *call, struct ap_session *session,
			 const struct ap_sdp_offer *offer, const struct ap_session_leg *leg)
{
	struct local_side us;
	describe_us(gw, session, &us);
	g_autofree char *sdp = ap_sdp_write_answer(offer, &leg->desc, &us.local);
	g_autofree char *location = g_strconcat("/v1/media/", leg->resource, NULL);
	ap_http_set_header(call, "Location", location);
	ap_http_set_header(call, "ETag", leg->etag);
	ap_http_set_header(call, "Accept-Patch", FRAGMENT_TYPE);
	add_ice_servers(gw, call, leg);
	ap_http_answer_text(call, 201, "application/sdp", sdp);
}

static void offer_media(struct ap_gateway *gw, struct ap_http_call *call, const struct ap_party *party)
{
	struct ap_sdp_offer offer;
	struct ap_leg_desc leg = { 0 };
	struct ap_session *session;
	const char *page = ap_http_header(call, "Aparte-Page");
	if (!party->may_join) {
		ap_http_answer_problem(call, "token-expired", "This session has ended.");
		return;
	}
	struct ap_result r = ap_sdp_read_offer(ap_http_body_text(call), party->codec, &offer, &leg);
	if (ap_ok(r))
		r = ap_sessions_ensure(gw->sessions, party, ap_media_workers(gw->media), ap_mono_ns(gw->clock),
				       &session);
	if (!ap_ok(r)) {
		ap_http_answer_failure(call, r);
		return;
	}
	ap_session_dress_leg(session, party->role, &leg);
	ap_switchboard_put_leg(gw, session, &leg, party, page && strlen(page) <= AP_PAGE_MAX ? page : "");
	answer_offer(gw, call, session, &offer, ap_session_leg(session, party->role));
}

static void post_media(struct ap_http_call *call, void *ctx)
{
	const char *text = ap_http_body_text(call);
	if (!text || !*text)
		ap_http_answer_problem(call, "sdp-malformed", "The body must be an SDP offer in UTF-8.");
	else
		ap_authenticate(ctx, call, offer_media);
}

/* The leg that the call's resource names, if it is this person's present one; answers 404 otherwise. */
static struct ap_session_leg *find_leg(struct ap_gateway *gw, struct ap_http_call *call, const struct ap_party *party,
				       struct ap_session **ret_session)
{
	struct ap_session *session = ap_sessions_find(gw->sessions, &party->session);
	struct ap_session_leg *leg = session ? ap_session_leg(session, party->role) : NULL;
	if (!leg || !leg->present || strcmp(leg->resource, ap_http_param(call, 0)) != 0) {
		ap_http_answer_problem(call, "not-found", "This media connection is gone; make a new one.");
		return NULL;
	}
	*ret_session = session;
	return leg;
}

static void restart_ice(struct ap_gateway *gw, struct ap_http_call *call, struct ap_session *session,
			struct ap_session_leg *leg, const struct ap_sdp_fragment *fragment)
{
	struct local_side us;
	if (!fragment->ufrag[0]) {
		ap_http_answer_problem(call, "sdp-malformed", "An ICE restart needs a=ice-ufrag and a=ice-pwd.");
		return;
	}
	g_strlcpy(leg->desc.remote_ufrag, fragment->ufrag, sizeof leg->desc.remote_ufrag);
	g_strlcpy(leg->desc.remote_pwd, fragment->pwd, sizeof leg->desc.remote_pwd);
	ap_session_new_credentials(session, &leg->desc);
	ap_session_new_etag(leg);
	ap_media_restart_leg(gw->media, session->worker, &leg->desc);
	describe_us(gw, session, &us);
	g_autofree char *text = ap_sdp_write_fragment(&leg->desc, &us.local);
	ap_http_set_header(call, "ETag", leg->etag);
	add_ice_servers(gw, call, leg);
	ap_http_answer_text(call, 200, FRAGMENT_TYPE, text);
}

/* If-Match decides (RFC 9725 §4.3): our ETag trickles, "*" restarts. */
static void patch_leg(struct ap_gateway *gw, struct ap_http_call *call, const struct ap_party *party)
{
	struct ap_session *session;
	struct ap_sdp_fragment fragment;
	struct ap_session_leg *leg = find_leg(gw, call, party, &session);
	const char *match = ap_http_header(call, "If-Match");
	if (!leg)
		return;
	struct ap_result r = ap_sdp_read_fragment(ap_http_body_text(call), &fragment);
	if (!match)
		ap_http_answer_status(call, 428, "Send If-Match with the ETag to trickle, or \"*\" to restart ICE.");
	else if (!ap_ok(r))
		ap_http_answer_failure(call, r);
	else if (strcmp(match, "*") == 0 || strcmp(match, "\"*\"") == 0)
		restart_ice(gw, call, session, leg, &fragment);
	else if (strcmp(match, leg->etag) != 0 ||
		 (fragment.ufrag[0] && strcmp(fragment.ufrag, leg->desc.remote_ufrag) != 0))
		ap_http_answer_status(call, 412, "This belongs to an older ICE session; restart with If-Match \"*\".");
	else
		ap_http_answer_empty(call, 204);
}

static void patch_media(struct ap_http_call *call, void *ctx)
{
	if (ap_http_body_text(call))
		ap_authenticate(ctx, call, patch_leg);
	else
		ap_http_answer_problem(call, "sdp-malformed", "The body must be an SDP fragment in UTF-8.");
}

static void hang_up(struct ap_gateway *gw, struct ap_http_call *call, const struct ap_party *party)
{
	struct ap_session *session;
	if (!find_leg(gw, call, party, &session))
		return;
	ap_switchboard_hang_up(gw, session, party->role);
	ap_http_answer_empty(call, 200);
}

static void delete_media(struct ap_http_call *call, void *ctx)
{
	ap_authenticate(ctx, call, hang_up);
}

void ap_whip_routes(struct ap_gateway *gw)
{
	static const struct ap_http_route routes[] = {
		{ "POST", "/v1/media", post_media, AP_MAX_SDP, "application/sdp" },
		{ "PATCH", "/v1/media/{id}", patch_media, AP_MAX_SDP, FRAGMENT_TYPE },
		{ "DELETE", "/v1/media/{id}", delete_media, 0, NULL },
	};
	ap_http_add_routes(gw->http, routes, G_N_ELEMENTS(routes), gw);
}
