/*
 * Shared by archive.c (what is known of archives) and archive_job.c (making one).
 */
#pragma once

#include "recorder/access/access.h"
#include "recorder/portability/archive.h"
#include "recorder/portability/zip.h"

/* vault/archives/<request>.age below the instance's home; g_free. */
char *ap_archive_path(struct ap_vault *v, const struct ap_uuid *request);
/* Unlinks it; one that is not there is success. */
struct ap_result ap_archive_remove(struct ap_vault *v, const struct ap_uuid *request);

/* Begins the job on the calling thread's main context; the lock is used before this returns. */
struct ap_result ap_archive_job_start(struct ap_vault *v, const struct ap_actor *person, const struct ap_uuid *request,
				      const struct ap_zip_lock *lock);
/* Is one under way? */
bool ap_archive_job_running(void);
