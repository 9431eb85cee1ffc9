/*
 * What sets a leg's transport up and keeps it alive: connectivity checks and DTLS, as they come from the sockets.
 *
 * Threads: the worker's.
 */
#pragma once

#include "gateway/worker_state.h"

/* A STUN packet: answered if it is an authentic check for one of our legs, dropped silently if for none. */
void ap_transport_stun(struct ap_worker *w, const struct ap_packet *packet);
/* A DTLS packet on a path whose leg is known; may establish the leg, or end it. */
void ap_transport_dtls(struct ap_worker *w, const struct ap_packet *packet);
/* The leg a packet's path belongs to, NULL if to none. */
struct ap_leg *ap_transport_leg(const struct ap_worker *w, const struct ap_path *path);
