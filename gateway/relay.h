/*
 * The packet path: a batch in, unprotected, copied to the taps, rewritten, protected, a batch out.
 *
 * Stage by stage over the whole batch, so that each stage's code and data stay in cache and system calls are few.
 * No allocation (but libsrtp2's at the first packet of an SSRC), no lock, no log, no clock call.
 * Threads: the worker's.
 */
#pragma once

#include "gateway/worker_state.h"

/* Handles what is no media: checks and handshakes. True when it may have taken longer than a few packets do. */
bool ap_relay_control(struct ap_worker *w, struct ap_packet *packet);
/* Handles `count` (<= AP_BATCH) packets at the front of w->packets, whatever they are. */
void ap_relay_batch(struct ap_worker *w, size_t count);
