#include "recorder/job.h"

#include <glib.h>

struct job {
	GSource source; /* first: this is one */
	const struct ap_job_kind *kind;
	void *work; /* owned */
	bool waits; /* for its ready time */
};

static gboolean is_due(GSource *source, gint *ret_timeout)
{
	bool waits = ((struct job *)source)->waits;
	*ret_timeout = waits ? -1 : 0;
	return !waits;
}

static gboolean is_due_now(GSource *source)
{
	return !((struct job *)source)->waits;
}

static gboolean dispatch(GSource *source, GSourceFunc fn, gpointer data)
{
	struct job *j = (struct job *)source;
	bool over = false;
	(void)fn, (void)data;
	j->waits = false;
	g_source_set_ready_time(source, -1);
	struct ap_result r = j->kind->step(j->work, &over);
	if (!ap_ok(r))
		j->kind->failed(j->work, r.name);
	return ap_ok(r) && !over ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void finalize(GSource *source)
{
	struct job *j = (struct job *)source;
	j->kind->release(j->work);
}

static GSourceFuncs funcs = { .prepare = is_due, .check = is_due_now, .dispatch = dispatch, .finalize = finalize };

static gboolean unused(gpointer data)
{
	(void)data;
	return G_SOURCE_CONTINUE;
}

void ap_job_start(const struct ap_job_kind *kind, void *work)
{
	GSource *source = g_source_new(&funcs, sizeof(struct job));
	GMainContext *context = g_main_context_ref_thread_default();
	struct job *j = (struct job *)source;
	j->kind = kind;
	j->work = work;
	g_source_set_priority(source, G_PRIORITY_LOW);
	g_source_set_callback(source, unused, (gpointer)kind, NULL); /* what it is found by */
	g_source_attach(source, context);
	g_source_unref(source);
	g_main_context_unref(context);
}

static GSource *find(const struct ap_job_kind *kind)
{
	GMainContext *context = g_main_context_ref_thread_default();
	GSource *found = g_main_context_find_source_by_funcs_user_data(context, &funcs, (gpointer)kind);
	g_main_context_unref(context);
	return found;
}

void *ap_job_running(const struct ap_job_kind *kind)
{
	struct job *j = (struct job *)find(kind);
	return j ? j->work : NULL;
}

void ap_job_wait(const struct ap_job_kind *kind, unsigned ms)
{
	struct job *j = (struct job *)find(kind);
	if (!j)
		return;
	j->waits = true;
	g_source_set_ready_time(&j->source, g_get_monotonic_time() + ms * G_TIME_SPAN_MILLISECOND);
}

void ap_job_stop(const struct ap_job_kind *kind)
{
	GSource *source = find(kind);
	if (source)
		g_source_destroy(source);
}
