/*
 * The erasing half of an off-boarding (recorder/offboard/offboard.h): sessions, recordings, the rest, the certificate.
 *
 * Threads: main thread.
 */
#pragma once

#include <aparte/err.h>
#include <stdint.h>

struct ap_vault;

/* Ends what still runs of a tenant: each soon, on the gate thread. */
struct ap_result ap_offboard_end_sessions(struct ap_vault *v, int64_t tenant);
