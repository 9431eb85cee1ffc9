/*
 * Where backups go, as configured. Errors: AP_ERR_DENIED "backup" with what to set, AP_ERR_IO "backup".
 */
#pragma once

#include <aparte/age.h>
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
void ap_destination_clear(struct ap_destination *d);
