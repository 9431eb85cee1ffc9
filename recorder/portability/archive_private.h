/*
 * Shared by archive.c (what is known of archives) and archive_job.c (making one).
 */
#pragma once

#include "recorder/portability/archive.h"

/* vault/archives/<request>.age below the instance's home; g_free. */
char *ap_archive_path(struct ap_vault *v, const struct ap_uuid *request);
/* Unlinks it; one that is not there is success. */
struct ap_result ap_archive_remove(struct ap_vault *v, const struct ap_uuid *request);
