/*
 * The packet path: a batch in, unprotected, copied to the taps, rewritten, protected, a batch out.
 *
 * Stage by stage over the whole batch, so that each stage's code and data stay in cache and system calls are few.
 * No allocation (but libsrtp2's at the first packet of an SSRC), no lock, no log, no clock call.
 * Threads: the worker's.
 */
#pragma once

#include "gateway/worker_state.h"

/*
 * Handles what came by the door of checks and handshakes, at once and in its turn. Media come there too: a card may merge
 * them behind a check, and the kernel, which told the doors apart by the first byte of all, cuts them again. True when it
 * may have taken longer than a few packets do. Not for packets of w->packets.
 */
bool ap_relay_control(struct ap_worker *w, struct ap_packet *packet);
/* Handles `count` (<= AP_BATCH) packets at the front of w->packets, whatever they are. */
void ap_relay_batch(struct ap_worker *w, size_t count);
