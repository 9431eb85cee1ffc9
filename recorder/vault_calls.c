#include "recorder/db/db_session.h"
#include "recorder/vault_private.h"

#include <unistd.h>

#include <aparte/log.h>

/* ---- calls to a thread ---- */

struct call {
	struct ap_vault *v;
	GSource *source; /* borrowed: it owns this */
	ap_vault_call fn;
	void *data;
	GDestroyNotify release;
};

static gboolean run_call(void *data)
{
	struct call *c = data;
	c->fn(c->v, c->data);
	return G_SOURCE_REMOVE;
}

static void free_call(void *data)
{
	struct call *c = data;
	g_mutex_lock(&c->v->lock);
	g_hash_table_remove(c->v->calls, c->source);
	g_mutex_unlock(&c->v->lock);
	if (c->release)
		c->release(c->data);
	g_free(c);
}

static void post(struct ap_vault *v, GMainContext *context, ap_vault_call fn, void *data, GDestroyNotify release)
{
	struct call *c = g_new0(struct call, 1);
	GSource *source = g_idle_source_new();
	*c = (struct call){ v, source, fn, data, release };
	g_source_set_priority(source, G_PRIORITY_DEFAULT);
	g_source_set_callback(source, run_call, c, free_call);
	g_mutex_lock(&v->lock);
	g_hash_table_add(v->calls, source);
	g_mutex_unlock(&v->lock);
	g_source_attach(source, context);
	g_source_unref(source);
}

void ap_vault_calls_free(struct ap_vault *v)
{
	GHashTableIter at;
	void *source;
	for (g_hash_table_iter_init(&at, v->calls); g_hash_table_iter_next(&at, &source, NULL);
	     g_hash_table_iter_init(&at, v->calls))
		g_source_destroy(source); /* takes itself out */
	g_hash_table_destroy(v->calls);
}

void ap_vault_on_gate(struct ap_vault *v, ap_vault_call fn, void *data, GDestroyNotify release)
{
	post(v, v->gate ? v->gate : v->main, fn, data, release);
}

void ap_vault_on_main(struct ap_vault *v, ap_vault_call fn, void *data, GDestroyNotify release)
{
	post(v, v->main, fn, data, release);
}

/* ---- what goes through the port ---- */

struct closing {
	struct ap_uuid session;
	unsigned reason;
	ap_vault_call done;
	void *data;
};

static void close_on_gate(struct ap_vault *v, void *data)
{
	struct closing *c = data;
	if (v->port)
		v->port->close_gate(v->port_ctx, &c->session, c->reason, c->done, c->data);
	else if (c->done)
		ap_vault_on_main(v, c->done, c->data, NULL);
}

void ap_vault_close_gate(struct ap_vault *v, const struct ap_uuid *session, unsigned reason, ap_vault_call done, void *data)
{
	struct closing *c = g_new0(struct closing, 1);
	*c = (struct closing){ *session, reason, done, data };
	ap_vault_on_gate(v, close_on_gate, c, g_free);
}

static void end_on_gate(struct ap_vault *v, void *data)
{
	const struct ap_uuid *session = data;
	if (v->port)
		v->port->end_session(v->port_ctx, session);
	else if (!ap_ok(ap_db_session_set_state(ap_vault_db(v), session, AP_SESSION_ENDED, ap_wall_ms(ap_vault_clock(v)))))
		ap_log(AP_LOG_WARN, "session_unended", " ");
}

void ap_vault_end_session(struct ap_vault *v, const struct ap_uuid *session)
{
	ap_vault_on_gate(v, end_on_gate, g_memdup2(session, sizeof *session), g_free);
}

struct withdrawing {
	struct ap_uuid session;
	enum ap_role role;
	char *body;
};

static void withdraw_on_gate(struct ap_vault *v, void *data)
{
	struct withdrawing *w = data;
	if (v->port)
		v->port->withdraw(v->port_ctx, &w->session, w->role, w->body);
}

static void free_withdrawing(void *data)
{
	struct withdrawing *w = data;
	g_free(w->body);
	g_free(w);
}

void ap_vault_withdraw(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role, const char *body)
{
	struct withdrawing *w = g_new0(struct withdrawing, 1);
	*w = (struct withdrawing){ *session, role, g_strdup(body) };
	ap_vault_on_gate(v, withdraw_on_gate, w, free_withdrawing);
}

static void look_again(struct ap_vault *v, void *data)
{
	(void)data;
	if (v->port)
		v->port->conditions_changed(v->port_ctx);
}

void ap_vault_look_again(struct ap_vault *v)
{
	ap_vault_on_gate(v, look_again, NULL, NULL);
}

struct outgoing {
	struct ap_uuid session;
	enum ap_role role;
	char *event, *json;
};

static void send_on_gate(struct ap_vault *v, void *data)
{
	struct outgoing *o = data;
	if (v->port)
		v->port->event(v->port_ctx, &o->session, o->role, o->event, o->json);
}

static void free_outgoing(void *data)
{
	struct outgoing *o = data;
	g_free(o->event);
	g_free(o->json);
	g_free(o);
}

void ap_vault_send_event(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role, const char *event,
			 const char *json)
{
	struct outgoing *o = g_new0(struct outgoing, 1);
	*o = (struct outgoing){ *session, role, g_strdup(event), g_strdup(json) };
	ap_vault_on_gate(v, send_on_gate, o, free_outgoing);
}

void ap_vault_recording_changed(struct ap_vault *v, const struct ap_uuid *session, const struct ap_uuid *recording,
				const char *state)
{
	char id[AP_UUID_TEXT];
	ap_uuid_text(recording, id);
	g_autofree char *json = g_strdup_printf("{\"id\":\"%s\",\"state\":\"%s\"}", id, state);
	ap_vault_send_event(v, session, 0, "recording", json);
}

static void compose_on_gate(struct ap_vault *v, void *data)
{
	const int *link = data;
	if (v->port && v->port->compose)
		v->port->compose(v->port_ctx, *link);
}

static void free_link(void *data)
{
	int *link = data;
	if (*link >= 0)
		close(*link);
	g_free(link);
}

void ap_vault_compose(struct ap_vault *v, int link)
{
	ap_vault_on_gate(v, compose_on_gate, g_memdup2(&link, sizeof link), free_link);
}

bool ap_vault_ready(struct ap_vault *v)
{
	return v->port && v->port->ready(v->port_ctx) && !ap_ledger_stopped(v->ledger);
}

const char *ap_vault_disk_trouble(struct ap_vault *v)
{
	return v->port && v->port->disk_trouble ? v->port->disk_trouble(v->port_ctx) : "none";
}
