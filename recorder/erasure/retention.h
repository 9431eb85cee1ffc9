/*
 * Retention: orders the erasure of recordings whose time has come (recording.expires_ms), by an index scan every
 * retention.scan_seconds, on the main thread.
 *
 * It trusts the wall clock only as far as the monotonic one agrees: when wall time has moved more than
 * retention.jump_seconds against it (or, across a restart, lies before the last scan or implausibly far after it),
 * nothing is erased until an admin confirms the time.
 */
#pragma once

#include <aparte/err.h>
#include <stdbool.h>
#include <stdint.h>

struct ap_vault;
struct ap_retention; /* opaque */

/* `boot` names this boot (struct ap_retention is told, so that tests can restart and reboot); NULL: the kernel's. */
struct ap_retention *ap_retention_new(struct ap_vault *v, const char *boot);
void ap_retention_free(struct ap_retention *r);
/* Starts the timer in the thread-default main context, after resuming open erasures. */
void ap_retention_start(struct ap_retention *r);
/* One scan, now: for the timer and for tests. */
struct ap_result ap_retention_scan(struct ap_retention *r);
/* The clock jumped and nobody has confirmed it yet. */
bool ap_retention_frozen(const struct ap_retention *r);
/* The time that the last scan went by, of those whose clock was believed; 0 before the first. */
int64_t ap_retention_scanned_ms(const struct ap_retention *r);
/* An admin says that the wall clock is right as it stands. */
struct ap_result ap_retention_confirm(struct ap_retention *r, const char *admin);
