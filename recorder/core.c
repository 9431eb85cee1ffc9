#include "recorder/core.h"

#include "recorder/db/db_session.h"
#include "recorder/recording/recording.h"
#include "recorder/link/rpc.h"
#include "recorder/consent/session_end.h"
#include "recorder/vault_port.h"

#include <aparte/encode.h>
#include <aparte/log.h>
#include <stdatomic.h>


#define TICK_MS 100
#define SECOND_TICKS 10 /* ticks between what is looked at once a second */
#define STOP_MS 12000
#define PATIENCE_MS 500 /* a gate does not wait longer for another writer; what is owed is written later */

struct ap_core {
	struct ap_vault *v; /* borrowed */
	/* owned */
	GMainContext *context;
	GMainLoop *loop;
	GThread *thread;
	struct ap_captures *captures;
	struct ap_gatekeepers *keepers;
	struct ap_consents *consents;
	struct ap_link *link;
	struct ap_rpc *rpc;
	GHashTable *seen_tokens;
	GSource *ticker, *deadline;
	/* state */
	unsigned ticks;
	atomic_bool linked, armed;
	const char *_Atomic disk_trouble; /* a literal */
	void (*over)(unsigned number);	  /* borrowed; NULL: nobody asked */
	unsigned link_number;		  /* of the newest link */
};

/* ---- the link ---- */

static void on_up(void *ctx, GDBusConnection *connection)
{
	struct ap_core *c = ctx;
	struct ap_rpc_env env = { c->v, c->keepers, c->consents, c->link, c->seen_tokens };
	struct ap_result r = ap_rpc_new(&env, connection, &c->rpc);
	if (!ap_ok(r))
		ap_log(AP_LOG_ERROR, "link_failed", "reason=%s", r.name);
	atomic_store(&c->linked, ap_ok(r));
}

static void on_down(void *ctx)
{
	struct ap_core *c = ctx;
	atomic_store(&c->linked, false);
	ap_rpc_free(g_steal_pointer(&c->rpc));
	ap_gatekeepers_link(c->keepers, false);
}

static void on_tap_opened(void *ctx, const struct ap_uuid *session, uint64_t generation, bool ok)
{
	struct ap_core *c = ctx;
	ap_gatekeepers_tap_opened(c->keepers, session, generation, ok);
}

struct over {
	void (*fn)(unsigned number);
	unsigned number;
};

static void tell_over(struct ap_vault *v, void *data)
{
	const struct over *o = data;
	(void)v;
	o->fn(o->number);
}

static void on_over(void *ctx)
{
	struct ap_core *c = ctx;
	const struct over o = { c->over, c->link_number };
	if (c->over)
		ap_vault_on_main(c->v, tell_over, g_memdup2(&o, sizeof o), g_free);
}

static const struct ap_link_events link_events = { ap_rpc_permits, on_up, on_down, on_over, on_tap_opened };

/* ---- what other threads ask ---- */

struct closing {
	struct ap_core *c;
	struct ap_uuid session;
	ap_vault_call done;
	void *data;
};

static void on_finished(void *data)
{
	g_autofree struct closing *o = data;
	if (o->done)
		ap_vault_on_main(o->c->v, o->done, o->data, NULL);
	ap_gatekeeper_reload(ap_gatekeeper_get(o->c->keepers, &o->session));
}

static void on_discarded(void *data)
{
	struct closing *o = data;
	ap_gatekeeper_finish(ap_gatekeeper_get(o->c->keepers, &o->session), 0, on_finished, o);
}

static void port_close(void *ctx, const struct ap_uuid *session, unsigned reason, ap_vault_call done, void *data)
{
	struct ap_core *c = ctx;
	struct closing *o = g_new0(struct closing, 1);
	*o = (struct closing){ c, *session, done, data };
	ap_gatekeeper_close(ap_gatekeeper_get(c->keepers, session), reason, true, on_discarded, o);
}

static void port_event(void *ctx, const struct ap_uuid *session, enum ap_role role, const char *event, const char *json)
{
	struct ap_core *c = ctx;
	ap_link_gateway.event(c->link, session, role, event, json);
}

static void on_withdrawn(void *data, struct ap_result r, char *receipt)
{
	(void)data;
	if (!ap_ok(r))
		ap_log(AP_LOG_ERROR, "withdrawal_by_request_failed", "reason=%s", r.name);
	g_free(receipt); /* the person finds it among their receipts */
}

static void port_withdraw(void *ctx, const struct ap_uuid *session, enum ap_role role, const char *body)
{
	struct ap_core *c = ctx;
	struct ap_party party = { 0 };
	struct ap_result r = ap_party_load(ap_vault_db(c->v), session, role, &party);
	if (ap_ok(r))
		ap_consents_put(c->consents, &party, body, on_withdrawn, NULL);
	else
		on_withdrawn(NULL, r, NULL);
	ap_party_clear(&party);
}

static void on_ended(void *data, struct ap_result r)
{
	(void)data;
	if (!ap_ok(r))
		ap_log(AP_LOG_WARN, "session_unended", "reason=%s", r.name);
}

static void port_end(void *ctx, const struct ap_uuid *session)
{
	struct ap_core *c = ctx;
	ap_consents_settle(c->consents, session);
	ap_session_end(c->v, c->keepers, c->link, session, on_ended, NULL);
}

static void port_changed(void *ctx)
{
	struct ap_core *c = ctx;
	ap_gatekeepers_look(c->keepers);
}

static bool port_ready(void *ctx)
{
	struct ap_core *c = ctx;
	return atomic_load(&c->linked) && atomic_load(&c->armed);
}

static const char *port_disk_trouble(void *ctx)
{
	const struct ap_core *c = ctx;
	return atomic_load(&c->disk_trouble);
}

static void port_compose(void *ctx, int link)
{
	struct ap_core *c = ctx;
	ap_captures_compose(c->captures, link);
}

static const struct ap_vault_port port = { port_close, port_event, port_withdraw, port_end, port_changed, port_ready, port_disk_trouble,
					  port_compose };

/* ---- the thread ---- */

static void end_overdue(struct ap_core *c)
{
	struct ap_uuid session;
	if (!ap_gatekeepers_overdue(c->keepers, &session)) /* one a second will do */
		return;
	ap_consents_settle(c->consents, &session);
	ap_session_end(c->v, c->keepers, c->link, &session, on_ended, NULL);
}

static void watch_all(struct ap_core *c, struct ap_result r, const GArray *ids)
{
	for (guint i = 0; ap_ok(r) && i < ids->len; i++)
		ap_gatekeeper_get(c->keepers, &g_array_index(ids, struct ap_uuid, i));
}

/* Sessions that were under way before a restart are watched again, and those whose gate a platform knows as open. */
static void watch_active(struct ap_core *c)
{
	g_autoptr(GArray) ids = NULL, told = NULL;
	struct ap_result r = ap_db_session_active(ap_vault_db(c->v), &ids);
	watch_all(c, r, ids);
	r = ap_db_session_gates_told(ap_vault_db(c->v), &told);
	watch_all(c, r, told);
}

static gboolean on_tick(void *data)
{
	struct ap_core *c = data;
	atomic_store(&c->armed, ap_captures_ready(c->captures));
	ap_gatekeepers_tick(c->keepers);
	ap_consents_settle(c->consents, NULL); /* however much else there is to do */
	atomic_store(&c->disk_trouble, ap_gatekeepers_disk_trouble(c->keepers));
	if (++c->ticks % SECOND_TICKS == 0) {
		ap_consents_tick(c->consents);
		end_overdue(c);
	}
	return G_SOURCE_CONTINUE;
}

static GSource *timer(struct ap_core *c, guint ms, GSourceFunc fn)
{
	GSource *source = g_timeout_source_new(ms);
	g_source_set_callback(source, fn, c, NULL);
	g_source_attach(source, c->context);
	return source;
}

static void *run(void *data)
{
	struct ap_core *c = data;
	g_main_context_push_thread_default(c->context);
	if (ap_vault_db(c->v))
		ap_db_set_patience(ap_vault_db(c->v), PATIENCE_MS);
	c->link = ap_link_new(&link_events, c);
	c->captures = ap_captures_new(-1, ap_vault_blob(c->v), ap_vault_clock(c->v), c->context);
	ap_captures_allow_unconfined(c->captures, !ap_config_bool(ap_vault_config(c->v), "vault.require_sandbox"));
	c->keepers = ap_gatekeepers_new(c->v, c->captures, &ap_link_gateway, c->link);
	ap_gatekeepers_use_threads(c->keepers);
	c->consents = ap_consents_new(c->v, c->keepers, &ap_link_gateway, c->link);
	ap_consents_use_group(c->consents);
	watch_active(c);
	c->ticker = timer(c, TICK_MS, on_tick);
	g_main_loop_run(c->loop);
	ap_link_free(c->link);
	ap_consents_free(c->consents);
	ap_gatekeepers_free(c->keepers);
	ap_captures_free(c->captures);
	g_main_context_pop_thread_default(c->context);
	return NULL;
}

struct ap_result ap_core_start(struct ap_vault *v, struct ap_core **ret_core)
{
	struct ap_db *db = ap_vault_db(v);
	if (!ap_ledger_stopped(ap_vault_ledger(v)))
		AP_TRY(ap_recording_recover(v, db));
	else
		ap_log(AP_LOG_ERROR, "ledger_stopped", "advice=see aparte doctor");
	struct ap_core *c = g_new0(struct ap_core, 1);
	c->v = v;
	atomic_store(&c->disk_trouble, "none");
	c->context = g_main_context_new();
	c->loop = g_main_loop_new(c->context, FALSE);
	c->seen_tokens = ap_rpc_seen_new();
	ap_vault_set_port(v, c->context, &port, c);
	c->thread = g_thread_new("gate", run, c);
	*ret_core = c;
	return AP_SUCCESS;
}

/* ---- sockets ---- */

struct handed {
	struct ap_core *c;
	int fd;
	unsigned number;
};

static void take_link(struct ap_vault *v, void *data)
{
	struct handed *h = data;
	(void)v;
	h->c->link_number = h->number;
	struct ap_result r = ap_link_set_socket(h->c->link, h->fd);
	if (ap_ok(r))
		return;
	ap_log(AP_LOG_ERROR, "link_failed", "reason=%s", r.name);
	on_over(h->c);
}

static void take_zygote(struct ap_vault *v, void *data)
{
	struct handed *h = data;
	(void)v;
	ap_captures_set_zygote(h->c->captures, h->fd);
}

static void hand(struct ap_core *c, int fd, unsigned number, ap_vault_call take)
{
	struct handed *h = g_new0(struct handed, 1);
	*h = (struct handed){ c, fd, number };
	ap_vault_on_gate(c->v, take, h, g_free);
}

void ap_core_set_link(struct ap_core *c, int fd, unsigned number)
{
	hand(c, fd, number, take_link);
}

void ap_core_on_link_over(struct ap_core *c, void (*over)(unsigned number))
{
	c->over = over;
}

void ap_core_set_zygote(struct ap_core *c, int fd)
{
	hand(c, fd, 0, take_zygote);
}

/* ---- the end ---- */

static void on_all_sealed(void *data)
{
	struct ap_core *c = data;
	g_main_loop_quit(c->loop);
}

static gboolean on_deadline(void *data)
{
	ap_log(AP_LOG_WARN, "stop_deadline", "advice=the next start finishes the recordings");
	on_all_sealed(data);
	return G_SOURCE_REMOVE;
}

static void begin_end(struct ap_vault *v, void *data)
{
	struct ap_core *c = data;
	(void)v;
	c->deadline = timer(c, STOP_MS, on_deadline);
	ap_consents_settle(c->consents, NULL);
	ap_gatekeepers_shut_down(c->keepers, on_all_sealed, c);
}

static void drop_timer(GSource *source)
{
	if (!source)
		return;
	g_source_destroy(source);
	g_source_unref(source);
}

void ap_core_stop(struct ap_core *c)
{
	if (!c)
		return;
	ap_vault_on_gate(c->v, begin_end, c, NULL);
	g_thread_join(c->thread);
	ap_vault_set_port(c->v, NULL, NULL, NULL);
	drop_timer(c->ticker);
	drop_timer(c->deadline);
	g_hash_table_destroy(c->seen_tokens);
	g_main_loop_unref(c->loop);
	g_main_context_unref(c->context);
	g_free(c);
}
