/*
 * Where backups go, as configured. Errors: AP_ERR_DENIED "backup" with what to set, AP_ERR_IO "backup".
 */
#pragma once

#include <aparte/age.h>
#include <aparte/uuid.h>
#include <stdbool.h>
#include <stdint.h>

struct ap_vault; /* recorder/vault.h */

#define AP_KEY_PART_MAGIC "aparte/key-part/v1\n"

struct ap_destination {
	char *directory; /* owned; absolute */
	struct ap_age_recipient recipient;
};

/* The directory, absolute; g_free. "" where none is configured. */
char *ap_destination_directory(struct ap_vault *v);
int64_t ap_destination_horizon_ms(struct ap_vault *v);
/* The directory is there and the recipient is one. */
struct ap_result ap_destination_find(struct ap_vault *v, struct ap_destination *ret_destination);
/* The id of a backup's directory, a file "place" in it, by which it is known again wherever it is mounted; made at the
 * first writing. "not-found" (AP_ERR_DENIED) where there is none, as in an empty mount point. */
struct ap_result ap_destination_place(const char *directory, bool make, struct ap_uuid *ret_place);
void ap_destination_clear(struct ap_destination *d);
