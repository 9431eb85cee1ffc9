/*
 * The gate thread: its own main context with the link to the gateway, consents, gates and captures.
 *
 * Threads: _start and _stop on the main thread, the setters on any.
 */
#pragma once

#include "recorder/vault.h"

struct ap_core; /* opaque */

/* Recovers what a crash left behind, then starts the thread. `v` is borrowed and outlives it. */
struct ap_result ap_core_start(struct ap_vault *v, struct ap_core **ret_core);
/* The stream socket to the gateway, the SEQPACKET socket to the capture zygote; each owned from here on. A new one
 * takes the place of the old: the process at its other end was restarted, or the link was over. `number` names it. */
void ap_core_set_link(struct ap_core *c, int fd, unsigned number);
void ap_core_set_zygote(struct ap_core *c, int fd);
/* `over` is told the number of a link that ended, unless another had taken its place; on the main thread. Before the
 * first link. */
void ap_core_on_link_over(struct ap_core *c, void (*over)(unsigned number));
/* Closes all gates, flushes and seals every recording, ends the thread. Waits at most 12 s for the captures. NULL is
 * fine. */
void ap_core_stop(struct ap_core *c);
