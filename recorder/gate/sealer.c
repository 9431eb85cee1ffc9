#include "recorder/gate/sealer.h"

#include "recorder/vault_port.h"

#define PAUSE_MS 1000 /* after the first failure; doubles up to 32 s */

struct entry {
	struct ap_seal_job job;
	gint64 due_us;
};

struct ap_sealer {
	/* borrowed */
	struct ap_vault *v;
	ap_sealer_told told;
	void *ctx;
	/* owned */
	GThread *thread;
	GMutex lock; /* of what follows */
	GCond wake;
	GQueue waiting; /* of struct entry */
	bool end;
};

/* ---- telling ---- */

struct news {
	struct ap_sealer *s;
	struct ap_seal_job job;
	struct ap_result result;
};

static void tell_on_gate(struct ap_vault *v, void *data)
{
	const struct news *n = data;
	(void)v;
	n->s->told(n->s->ctx, &n->job, n->result);
}

static void tell(struct ap_sealer *s, const struct ap_seal_job *job, struct ap_result r)
{
	struct news *n = g_new0(struct news, 1);
	*n = (struct news){ s, *job, r };
	ap_vault_on_gate(s->v, tell_on_gate, n, g_free);
}

/* ---- the thread ---- */

static void put(struct ap_sealer *s, const struct ap_seal_job *job, gint64 due_us)
{
	struct entry entry = { *job, due_us };
	g_mutex_lock(&s->lock);
	g_queue_push_tail(&s->waiting, g_memdup2(&entry, sizeof entry));
	g_cond_signal(&s->wake);
	g_mutex_unlock(&s->lock);
}

/* With the lock held: what is due, taken out; else NULL and when the next one is. */
static struct entry *take_due(struct ap_sealer *s, gint64 *ret_next_us)
{
	gint64 now = g_get_monotonic_time();
	*ret_next_us = G_MAXINT64;
	for (GList *at = s->waiting.head; at; at = at->next) {
		struct entry *e = at->data;
		*ret_next_us = MIN(*ret_next_us, e->due_us);
		if (e->due_us > now)
			continue;
		g_queue_delete_link(&s->waiting, at);
		return e;
	}
	return NULL;
}

/* NULL at the end. */
static struct entry *next(struct ap_sealer *s)
{
	struct entry *e = NULL;
	gint64 due;
	g_mutex_lock(&s->lock);
	while (!s->end && !(e = take_due(s, &due))) {
		if (due == G_MAXINT64)
			g_cond_wait(&s->wake, &s->lock);
		else
			g_cond_wait_until(&s->wake, &s->lock, due);
	}
	g_mutex_unlock(&s->lock);
	return e;
}

static void work(struct ap_sealer *s, struct ap_seal_job *job)
{
	struct ap_result r = ap_recording_seal(s->v, ap_vault_db(s->v), &job->recording, job->complete, job->duration_ms);
	tell(s, job, r);
	if (r.err != AP_ERR_IO)
		return;
	gint64 pause_us = (gint64)(PAUSE_MS << MIN(job->attempt, 5u)) * 1000;
	job->attempt++;
	put(s, job, g_get_monotonic_time() + pause_us);
}

static gpointer run(gpointer data)
{
	struct ap_sealer *s = data;
	for (struct entry *e; (e = next(s)); g_free(e))
		work(s, &e->job);
	return NULL;
}

/* ---- life ---- */

struct ap_sealer *ap_sealer_new(struct ap_vault *v, ap_sealer_told told, void *ctx)
{
	struct ap_sealer *s = g_new0(struct ap_sealer, 1);
	s->v = v;
	s->told = told;
	s->ctx = ctx;
	g_mutex_init(&s->lock);
	g_cond_init(&s->wake);
	g_queue_init(&s->waiting);
	s->thread = g_thread_new("seal", run, s);
	return s;
}

void ap_sealer_free(struct ap_sealer *s)
{
	if (!s)
		return;
	g_mutex_lock(&s->lock);
	s->end = true;
	g_cond_signal(&s->wake);
	g_mutex_unlock(&s->lock);
	g_thread_join(s->thread);
	g_queue_clear_full(&s->waiting, g_free);
	g_cond_clear(&s->wake);
	g_mutex_clear(&s->lock);
	g_free(s);
}

void ap_sealer_give(struct ap_sealer *s, const struct ap_seal_job *job)
{
	put(s, job, g_get_monotonic_time());
}
