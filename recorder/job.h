/*
 * Long work on the main thread, a step at a time after all else that waits there: an archive, a passage's remainder.
 * At most one job of a kind runs in a main context, which has one vault.
 *
 * Threads: the main thread, its thread-default context.
 */
#pragma once

#include <aparte/err.h>
#include <stdbool.h>

struct ap_job_kind {
	/* One bounded step; *ret_over after the last. A failure ends the job. */
	struct ap_result (*step)(void *work, bool *ret_over);
	/* It ended by this failure's name; before `release`. */
	void (*failed)(void *work, const char *name);
	void (*release)(void *work);
};

/* `kind` is static; `work` is owned from here on, and released when the job is over or stopped. */
void ap_job_start(const struct ap_job_kind *kind, void *work);
/* The work of the job that runs; NULL when none does. Borrowed. */
void *ap_job_running(const struct ap_job_kind *kind);
/* From within its step: the next one comes after so many ms, as it waits for something. */
void ap_job_wait(const struct ap_job_kind *kind, unsigned ms);
/* Releases the work where it stands; `failed` is not called. */
void ap_job_stop(const struct ap_job_kind *kind);
