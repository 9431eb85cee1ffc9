/*
 * What a restore froze is released by an admin who answers for it with a reason (docs/FORMAT.md, Backups and journal).
 * Main thread.
 */
#pragma once

#include <aparte/err.h>
#include <aparte/uuid.h>
#include <stdint.h>

struct ap_vault;

/* All of it, or one recording. *ret_count: recordings. "conflict" when nothing is frozen, "invalid" without a reason. */
struct ap_result ap_restore_release(struct ap_vault *v, const char *by, const char *reason, const struct ap_uuid *recording,
				    int64_t *ret_count);
