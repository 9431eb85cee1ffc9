/*
 * The thread that makes, renames and fsyncs the captures' files, so that the gate's thread never waits for a disk.
 * Jobs are done in the order they were given and come back in it, on the owner's GMainContext.
 */
#pragma once

#include "blob.h"

#include <aparte/capture.h>
#include <glib.h>

struct ap_files; /* opaque */

enum ap_file_job_type {
	AP_FILE_CREATE,	 /* fd: the new file */
	AP_FILE_COMMIT,	 /* the segment of `message`, when it is as reported, to its final name */
	AP_FILE_DISCARD, /* an unused file away */
	AP_FILE_PASS,	 /* nothing: keeps a report behind the segments before it */
};

struct ap_file_job {
	enum ap_file_job_type type;
	void *owner; /* borrowed; the giver keeps it alive until the job is back */
	struct ap_uuid recording;
	struct ap_capture_want want;
	struct ap_capture_message message; /* what it is about */
	int fd;				   /* CREATE: result, the receiver's; else -1 */
	struct ap_result result;
};

/* Called on the owner's context; the job is freed after it. */
typedef void (*ap_file_done)(void *ctx, struct ap_file_job *job);

/* blob and ctx are borrowed. */
struct ap_files *ap_files_new(struct ap_blob *blob, GMainContext *context, ap_file_done done, void *ctx);
/* Copies the job. */
void ap_files_give(struct ap_files *f, const struct ap_file_job *job);
/* Waits for the thread; every job that was given is back before this returns. */
void ap_files_free(struct ap_files *f);
