#include "capture_files.h"

#include "segment_check.h"

#include <glib-unix.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct ap_files {
	struct ap_blob *blob; /* borrowed */
	ap_file_done done;
	void *ctx; /* borrowed */

	GThread *thread;
	GAsyncQueue *todo, *back; /* of struct ap_file_job; in todo the object itself marks the end */
	GSource *source;
	int wake; /* readable when something is back */
};

/* A segment is checked before it gets its name: from then on it counts. */
static struct ap_result commit(struct ap_files *f, const struct ap_file_job *job)
{
	const struct ap_capture_segment_done *s = &job->message.segment;
	int fd = -1;
	AP_TRY(ap_blob_open_unfinished(f->blob, &job->recording, job->want.role, job->want.number, &fd));
	struct ap_result result = ap_segment_check(fd, s->size, s->sha256);
	close(fd);
	AP_TRY(result);
	return ap_blob_commit(f->blob, &job->recording, job->want.role, job->want.number);
}

static void work(struct ap_files *f, struct ap_file_job *job)
{
	switch (job->type) {
	case AP_FILE_CREATE:
		job->result = ap_blob_create(f->blob, &job->recording, job->want.role, job->want.number, &job->fd);
		break;
	case AP_FILE_COMMIT:
		job->result = commit(f, job);
		break;
	case AP_FILE_DISCARD:
		job->result = ap_blob_discard(f->blob, &job->recording, job->want.role, job->want.number);
		break;
	case AP_FILE_PASS:
		job->result = AP_SUCCESS;
		break;
	}
}

static gpointer run(gpointer data)
{
	struct ap_files *f = data;
	struct ap_file_job *job;
	while ((job = g_async_queue_pop(f->todo)) != (gpointer)f) {
		work(f, job);
		g_async_queue_push(f->back, job);
		eventfd_write(f->wake, 1);
	}
	return NULL;
}

static void hand_back(struct ap_files *f)
{
	struct ap_file_job *job;
	while ((job = g_async_queue_try_pop(f->back))) {
		f->done(f->ctx, job);
		g_free(job);
	}
}

static gboolean on_wake(gint fd, GIOCondition condition, gpointer data)
{
	(void)condition;
	eventfd_t count;
	eventfd_read(fd, &count);
	hand_back(data);
	return G_SOURCE_CONTINUE;
}

struct ap_files *ap_files_new(struct ap_blob *blob, GMainContext *context, ap_file_done done, void *ctx)
{
	struct ap_files *f = g_new0(struct ap_files, 1);
	f->blob = blob;
	f->done = done;
	f->ctx = ctx;
	f->todo = g_async_queue_new();
	f->back = g_async_queue_new();
	f->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	f->source = g_unix_fd_source_new(f->wake, G_IO_IN);
	g_source_set_callback(f->source, G_SOURCE_FUNC(on_wake), f, NULL);
	g_source_attach(f->source, context);
	f->thread = g_thread_new("files", run, f);
	return f;
}

void ap_files_give(struct ap_files *f, const struct ap_file_job *job)
{
	g_async_queue_push(f->todo, g_memdup2(job, sizeof *job));
}

void ap_files_free(struct ap_files *f)
{
	if (!f)
		return;
	g_async_queue_push(f->todo, f);
	g_thread_join(f->thread);
	hand_back(f);
	g_source_destroy(f->source);
	g_source_unref(f->source);
	g_async_queue_unref(f->todo);
	g_async_queue_unref(f->back);
	close(f->wake);
	g_free(f);
}
