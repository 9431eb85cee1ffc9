/*
 * Ciphertext as it lies, copied file by file: what is there with the same size and time is not copied again; what the
 * instance has no more is removed (docs/FORMAT.md, Backups and journal). Names are recordings' ids and segments' numbers.
 *
 * Threads: any. Errors: AP_ERR_IO "backup".
 */
#pragma once

#include <aparte/err.h>
#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ap_mirror_counts {
	uint64_t copied, bytes, kept, removed; /* files; removed: recordings */
};

/*
 * From home's recordings/ into <directory>/recordings/. `living` has the ids (text) of what may be there; all else is
 * removed there. Durable on success. Ends early, with "backup", once *stop is true (may be NULL).
 */
struct ap_result ap_mirror_copy(const char *recordings, const char *directory, GHashTable *living, const atomic_bool *stop,
				struct ap_mirror_counts *ret_counts);
