/* The timer and the worker of turnover.h: batches in the main context, between what else it has to do. */
#include "recorder/keys/turnover.h"

#include "recorder/vault.h"

#include <aparte/log.h>

#define LOOK_S 1
#define AGAIN_S 60 /* after a failure */
#define PURGE_S 30 /* what single destructions left in keys.db is wiped this often */

struct ap_turnovers {
	/* borrowed */
	struct ap_vault *v;
	/* owned */
	GSource *timer, *worker; /* worker: NULL while there is nothing to do */
	/* state */
	gint64 not_before_us; /* monotonic */
	unsigned seconds;     /* of the timer */
};

static void drop(GSource **source)
{
	if (!*source)
		return;
	g_source_destroy(*source);
	g_clear_pointer(source, g_source_unref);
}

static void note_failure(struct ap_turnovers *t, struct ap_result r)
{
	ap_log(AP_LOG_ERROR, "turnover_stopped", "reason=%s advice=%s", r.name, r.detail);
	t->not_before_us = g_get_monotonic_time() + AGAIN_S * G_USEC_PER_SEC;
}

static gboolean on_idle(void *data)
{
	struct ap_turnovers *t = data;
	bool more = false;
	struct ap_result r = ap_turnover_work(t->v, &more);
	if (!ap_ok(r))
		note_failure(t, r);
	if (ap_ok(r) && more)
		return G_SOURCE_CONTINUE;
	g_clear_pointer(&t->worker, g_source_unref);
	return G_SOURCE_REMOVE;
}

void ap_turnovers_kick(struct ap_turnovers *t)
{
	if (t->worker)
		return;
	t->not_before_us = 0;
	t->worker = g_idle_source_new();
	g_source_set_priority(t->worker, G_PRIORITY_DEFAULT); /* a busy vault must not starve it: a batch, then whoever waits */
	g_source_set_callback(t->worker, on_idle, t, NULL);
	g_source_attach(t->worker, g_main_context_get_thread_default());
}

static void purge(struct ap_turnovers *t)
{
	struct ap_result r = ap_db_keys_purge_owed(ap_vault_keys(t->v));
	if (!ap_ok(r))
		ap_log(AP_LOG_WARN, "keys_not_purged", "reason=%s", r.name);
}

static gboolean on_timer(void *data)
{
	struct ap_turnovers *t = data;
	if (++t->seconds % PURGE_S == 0)
		purge(t);
	if (t->worker || g_get_monotonic_time() < t->not_before_us)
		return G_SOURCE_CONTINUE;
	struct ap_result r = ap_turnover_check(t->v);
	if (ap_ok(r))
		ap_turnovers_kick(t);
	else
		note_failure(t, r);
	return G_SOURCE_CONTINUE;
}

struct ap_turnovers *ap_turnovers_start(struct ap_vault *v)
{
	struct ap_turnovers *t = g_new0(struct ap_turnovers, 1);
	t->v = v;
	ap_db_keys_defer(ap_vault_keys(v), true);
	t->timer = g_timeout_source_new_seconds(LOOK_S);
	g_source_set_callback(t->timer, on_timer, t, NULL);
	g_source_attach(t->timer, g_main_context_get_thread_default());
	return t;
}

void ap_turnovers_stop(struct ap_turnovers *t)
{
	if (!t)
		return;
	drop(&t->timer);
	drop(&t->worker);
	ap_db_keys_defer(ap_vault_keys(t->v), false);
	purge(t);
	g_free(t);
}
