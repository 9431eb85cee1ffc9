#include "switchboard.h"

#include <aparte/log.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#define IDLE_NS (60 * (int64_t)1000000000)
#define MINUTE_NS (60 * (int64_t)1000000000)

/* The gate as the pages see it while the vault cannot tell. */
#define GATE_WITHOUT_VAULT "{\"state\":\"closed\",\"reasons\":[\"vault\"]}"

/* Connections. */

static void tell_connected(struct ap_gateway *gw, struct ap_session *session, enum ap_role role, bool connected)
{
	enum ap_role peer = ap_role_peer(role);
	ap_events_send(gw->events, &session->id, &peer, "peer",
		       connected ? "{\"connected\":true}" : "{\"connected\":false}");
	ap_vault_call(gw->vault, "LegState", g_variant_new("(ssb)", session->text, ap_role_text(role), connected), NULL,
		      NULL);
}

static void set_connected(struct ap_gateway *gw, struct ap_session *session, enum ap_role role, bool connected)
{
	struct ap_session_leg *leg = ap_session_leg(session, role);
	if (leg->connected == connected)
		return;
	leg->connected = connected;
	tell_connected(gw, session, role, connected);
}

static void on_leg(void *ctx, const struct ap_uuid *id, enum ap_role role, uint64_t leg_id, enum ap_leg_event event)
{
	struct ap_gateway *gw = ctx;
	struct ap_session *session = ap_sessions_find(gw->sessions, id);
	struct ap_session_leg *leg = session ? ap_session_leg(session, role) : NULL;
	if (!leg || !leg->present || leg->desc.id != leg_id)
		return;
	static const char *const words[] = { "connected", "disconnected", "failed" };
	ap_log(AP_LOG_INFO, "leg", "session=%s role=%s event=%s", session->text, ap_role_text(role), words[event]);
	set_connected(gw, session, role, event == AP_LEG_CONNECTED);
	if (event == AP_LEG_FAILED)
		leg->present = false;
}

void ap_switchboard_put_leg(struct ap_gateway *gw, struct ap_session *session, const struct ap_leg_desc *desc,
			    const struct ap_party *party, const char *page)
{
	struct ap_session_leg *leg = ap_session_leg(session, party->role);
	struct ap_uuid resource = ap_uuid_random();
	if (leg->present)
		ap_events_replaced(gw->events, &session->id, party->role, page, leg->since_ns,
				   leg->resource);
	leg->present = true;
	leg->desc = *desc;
	leg->since_ns = ap_mono_ns(gw->clock);
	ap_uuid_text(&resource, leg->resource);
	ap_session_new_etag(leg);
	ap_copy(leg->token, sizeof leg->token, party->token, AP_TOKEN_HASH);
	/* A new leg starts unconnected. The peer sees a short "gone" only if there was an older one. */
	set_connected(gw, session, party->role, false);
	ap_media_put_leg(gw->media, session->worker, desc);
}

void ap_switchboard_hang_up(struct ap_gateway *gw, struct ap_session *session, enum ap_role role)
{
	struct ap_session_leg *leg = ap_session_leg(session, role);
	if (!leg->present)
		return;
	leg->present = false;
	session->seen_ns = ap_mono_ns(gw->clock);
	set_connected(gw, session, role, false);
	ap_media_drop_leg(gw->media, session->worker, &session->id, role, NULL, NULL);
}

/* Taps. */

struct tap_work {
	struct ap_gateway *gw;
	struct ap_uuid session;
	uint64_t generation;
	ap_vault_question *question; /* to answer with the counts, or NULL */
	void (*done)(void *ctx, uint64_t generation); /* or NULL */
	void *ctx;
};

static void on_tap_opened(void *ctx)
{
	ap_vault_answer_tap_open(ctx);
}

static bool has_undelivered(struct ap_gateway *gw, const struct ap_uuid *session)
{
	for (GList *at = gw->undelivered.head; at; at = at->next)
		if (ap_uuid_equal(&((struct ap_undelivered *)at->data)->session, session))
			return true;
	return false;
}

static struct ap_session *find_by_text(struct ap_gateway *gw, const char *text)
{
	struct ap_uuid id;
	return ap_uuid_parse(text, &id) ? ap_sessions_find(gw->sessions, &id) : NULL;
}

static void on_tap_open(void *ctx, const char *id, uint64_t generation, int gate, ap_vault_question *question)
{
	struct ap_gateway *gw = ctx;
	struct ap_session *session = find_by_text(gw, id);
	if (!session || generation == 0 || session->deciding > 0 || has_undelivered(gw, &session->id)) {
		close(gate);
		ap_vault_answer_error(question, session ? "conflict" : "not-found",
				      session ? "A decision against recording is on its way." : "There is no such session here.");
		return;
	}
	session->tap_open = generation;
	gw->counters.taps_opened++;
	ap_media_open_tap(gw->media, session->worker, &session->id, generation, gate, on_tap_opened, question);
}

static void tap_closed(void *ctx, uint64_t packets, uint64_t dropped)
{
	g_autofree struct tap_work *work = ctx;
	struct ap_session *session = ap_sessions_find(work->gw->sessions, &work->session);
	if (session && work->generation != 0) {
		session->tap_closed = work->generation;
		session->tap_packets = packets;
		session->tap_dropped = dropped;
	}
	if (work->question)
		ap_vault_answer_tap_close(work->question, packets, dropped);
	if (work->done)
		work->done(work->ctx, work->generation);
}

static void close_tap(struct ap_gateway *gw, struct ap_session *session, struct tap_work work)
{
	work.gw = gw;
	work.session = session->id;
	work.generation = session->tap_open;
	session->tap_open = 0;
	ap_media_close_tap(gw->media, session->worker, &session->id, 0, tap_closed, g_memdup2(&work, sizeof work));
}

static void on_tap_close(void *ctx, const char *id, uint64_t generation, ap_vault_question *question)
{
	struct ap_gateway *gw = ctx;
	struct ap_session *session = find_by_text(gw, id);
	if (session && session->tap_open == generation && generation != 0)
		close_tap(gw, session, (struct tap_work){ .question = question });
	else if (session && session->tap_closed == generation)
		ap_vault_answer_tap_close(question, session->tap_packets, session->tap_dropped);
	else
		ap_vault_answer_tap_close(question, 0, 0);
}

void ap_switchboard_report_tap(struct ap_gateway *gw, const struct ap_uuid *session, uint64_t generation)
{
	char text[AP_UUID_TEXT];
	if (generation == 0)
		return;
	ap_uuid_text(session, text);
	ap_log(AP_LOG_INFO, "tap_lost", "session=%s", text);
	ap_vault_call(gw->vault, "TapLost", g_variant_new("(st)", text, generation), NULL, NULL);
}

static void on_tap_lost(void *ctx, const struct ap_uuid *id, uint64_t generation)
{
	struct ap_gateway *gw = ctx;
	struct ap_session *session = ap_sessions_find(gw->sessions, id);
	if (!session || session->tap_open != generation)
		return;
	session->tap_open = 0;
	session->tap_closed = generation;
	session->tap_packets = session->tap_dropped = 0;
	ap_switchboard_report_tap(gw, id, generation);
}

void ap_switchboard_drop_tap(struct ap_gateway *gw, const struct ap_uuid *id,
			     void (*done)(void *ctx, uint64_t generation), void *ctx)
{
	struct ap_session *session = ap_sessions_find(gw->sessions, id);
	if (!session || session->tap_open == 0) {
		done(ctx, 0);
		return;
	}
	gw->counters.taps_dropped++;
	close_tap(gw, session, (struct tap_work){ .done = done, .ctx = ctx });
}

/* The link. */

static void undelivered_free(struct ap_undelivered *u)
{
	sodium_memzero(u->token, strlen(u->token));
	g_free(u->token);
	g_free(u->json);
	g_free(u);
}

void ap_switchboard_keep(struct ap_gateway *gw, const struct ap_uuid *session, const char *token, const char *json)
{
	struct ap_undelivered *u = g_new0(struct ap_undelivered, 1);
	u->session = *session;
	u->token = g_strdup(token);
	u->json = g_strdup(json);
	g_queue_push_tail(&gw->undelivered, u);
	if (gw->undelivered.length > AP_UNDELIVERED_MAX)
		undelivered_free(g_queue_pop_head(&gw->undelivered));
}

struct delivery {
	struct ap_gateway *gw;
	struct ap_undelivered *decision; /* owned */
};

/* What the vault refuses will not get better; what it did not answer is kept. */
static void on_delivered(void *ctx, const struct ap_problem *problem, const char *detail, GVariant *answer)
{
	(void)detail, (void)answer;
	g_autofree struct delivery *d = ctx;
	bool away = problem && strcmp(problem->name, "vault-unavailable") == 0;
	ap_log(AP_LOG_INFO, "decision_delivered", "result=%s", problem ? problem->name : "ok");
	if (away)
		g_queue_push_tail(&d->gw->undelivered, d->decision);
	else
		undelivered_free(d->decision);
}

static void deliver_all(struct ap_gateway *gw)
{
	for (unsigned left = gw->undelivered.length; left > 0; left--) {
		struct delivery init = { gw, g_queue_pop_head(&gw->undelivered) };
		ap_vault_call(gw->vault, "ConsentPut", g_variant_new("(ss)", init.decision->token, init.decision->json),
			      on_delivered, g_memdup2(&init, sizeof init));
	}
}

/* A vault that was too slow to answer keeps its link; so whatever shows that it can hear again is a reason to try. */
static void deliver_again(struct ap_gateway *gw)
{
	if (ap_vault_client_linked(gw->vault))
		deliver_all(gw);
}

static void report_legs(struct ap_session *session, void *ctx)
{
	struct ap_gateway *gw = ctx;
	for (enum ap_role role = AP_COACH; role <= AP_COACHEE; role++) {
		const struct ap_session_leg *leg = ap_session_leg(session, role);
		if (leg->present)
			ap_vault_call(gw->vault, "LegState",
				      g_variant_new("(ssb)", session->text, ap_role_text(role), leg->connected), NULL, NULL);
	}
}

/* Decisions against recording come before the reports that could open a gate again. */
static void on_linked(void *ctx, const char *settings)
{
	struct ap_gateway *gw = ctx;
	(void)settings;
	deliver_all(gw);
	ap_sessions_each(gw->sessions, report_legs, gw);
}

void ap_switchboard_show_closed(struct ap_gateway *gw, const struct ap_uuid *session)
{
	ap_events_send(gw->events, session, NULL, "gate", GATE_WITHOUT_VAULT);
}

static void nothing(void *ctx, uint64_t generation)
{
	(void)ctx, (void)generation;
}

static void lose_vault(struct ap_session *session, void *ctx)
{
	struct ap_gateway *gw = ctx;
	ap_switchboard_drop_tap(gw, &session->id, nothing, NULL);
	ap_switchboard_show_closed(gw, &session->id);
}

static void on_unlinked(void *ctx)
{
	struct ap_gateway *gw = ctx;
	ap_sessions_each(gw->sessions, lose_vault, gw);
}

/* What the vault tells. */

static void on_event(void *ctx, const char *id, const char *role_text, const char *event, const char *json)
{
	struct ap_gateway *gw = ctx;
	struct ap_uuid session;
	enum ap_role role;
	bool one = ap_role_parse(role_text, &role);
	if (ap_uuid_parse(id, &session))
		ap_events_send(gw->events, &session, one ? &role : NULL, event, json);
	deliver_again(gw);
}

struct closing {
	ap_vault_question *question;
	unsigned left;
};

static void on_dropped(void *ctx)
{
	struct closing *closing = ctx;
	if (--closing->left > 0)
		return;
	ap_vault_answer_session_close(closing->question);
	g_free(closing);
}

static void on_tap_dropped(void *ctx, uint64_t generation)
{
	(void)generation;
	on_dropped(ctx);
}

static void on_session_close(void *ctx, const char *id, const char *reason, ap_vault_question *question)
{
	struct ap_gateway *gw = ctx;
	struct ap_uuid uuid;
	if (ap_uuid_parse(id, &uuid))
		ap_events_end_session(gw->events, &uuid, reason);
	struct ap_session *session = find_by_text(gw, id);
	if (!session) {
		ap_vault_answer_session_close(question);
		return;
	}
	struct closing *closing = g_new0(struct closing, 1);
	closing->question = question;
	closing->left = 3;
	ap_switchboard_drop_tap(gw, &session->id, on_tap_dropped, closing);
	unsigned worker = session->worker;
	ap_sessions_remove(gw->sessions, &uuid);
	for (enum ap_role role = AP_COACH; role <= AP_COACHEE; role++)
		ap_media_drop_leg(gw->media, worker, &uuid, role, on_dropped, closing);
}

struct revocation {
	struct ap_gateway *gw;
	uint8_t hash[AP_TOKEN_HASH];
};

static void revoke_leg(struct ap_session *session, void *ctx)
{
	struct revocation *r = ctx;
	for (enum ap_role role = AP_COACH; role <= AP_COACHEE; role++)
		if (sodium_memcmp(ap_session_leg(session, role)->token, r->hash, AP_TOKEN_HASH) == 0)
			ap_switchboard_hang_up(r->gw, session, role);
}

static void on_token_revoked(void *ctx, const char *token_hash)
{
	struct revocation r = { .gw = ctx };
	size_t len;
	if (sodium_hex2bin(r.hash, sizeof r.hash, token_hash, strlen(token_hash), NULL, &len, NULL) != 0 ||
	    len != sizeof r.hash)
		return;
	ap_sessions_forget_token(r.gw->sessions, r.hash);
	ap_sessions_each(r.gw->sessions, revoke_leg, &r);
	ap_events_end_token(r.gw->events, r.hash, "token");
}

/* Time. */

static void sweep_one(struct ap_session *session, void *ctx)
{
	struct ap_gateway *gw = ctx;
	int64_t now = ap_mono_ns(gw->clock), longest = ap_config_int(gw->config, "gateway.max_session_minutes") * MINUTE_NS;
	bool used = session->streams > 0 || session->tap_open != 0;
	for (size_t i = 0; i < 2; i++)
		used |= session->legs[i].present;
	if (used)
		session->seen_ns = now;
	if (now - session->created_ns > longest) {
		ap_log(AP_LOG_INFO, "session_over_time", "session=%s", session->text);
		ap_events_end_session(gw->events, &session->id, "time");
		ap_switchboard_hang_up(gw, session, AP_COACH);
		ap_switchboard_hang_up(gw, session, AP_COACHEE);
		ap_switchboard_drop_tap(gw, &session->id, nothing, NULL);
	}
	if (now - session->seen_ns > IDLE_NS)
		ap_sessions_remove(gw->sessions, &session->id);
}

void ap_switchboard_sweep(struct ap_gateway *gw)
{
	ap_sessions_each(gw->sessions, sweep_one, gw);
	deliver_again(gw);
}

static void shut_one(struct ap_session *session, void *ctx)
{
	struct ap_gateway *gw = ctx;
	ap_switchboard_drop_tap(gw, &session->id, nothing, NULL);
	ap_switchboard_hang_up(gw, session, AP_COACH);
	ap_switchboard_hang_up(gw, session, AP_COACHEE);
}

void ap_switchboard_shut(struct ap_gateway *gw)
{
	ap_sessions_each(gw->sessions, shut_one, gw);
	for (struct ap_undelivered *u; (u = g_queue_pop_head(&gw->undelivered));)
		undelivered_free(u);
}

const struct ap_media_events ap_switchboard_media = { .leg = on_leg, .tap_lost = on_tap_lost };

const struct ap_vault_events ap_switchboard_vault = { .linked = on_linked,
						      .unlinked = on_unlinked,
						      .tap_open = on_tap_open,
						      .tap_close = on_tap_close,
						      .event = on_event,
						      .session_close = on_session_close,
						      .token_revoked = on_token_revoked };
