/*
 * What stands before GDBus on the gateway's link. Every byte that the gateway sends is read here first, whole messages
 * at a time, and only those of our contract are passed on (link_message.h); descriptors are never taken; calls wait in
 * the gateway's own queue while too many are unanswered, so that a flood costs the gateway and not the vault. What the
 * vault sends passes as it is, descriptors too; a gateway that does not read it loses the link.
 *
 * Threads: one of its own, which touches nothing but the two sockets.
 */
#pragma once

#include <aparte/err.h>
#include <stdbool.h>

#define AP_LINK_UNANSWERED 1024 /* calls */
#define AP_LINK_DEAF_MS 10000

struct ap_link_front; /* opaque */

/* Whether there is such a call. From the front's thread. */
typedef bool (*ap_link_permits)(const char *method, const char *signature);

/* Takes the gateway's socket (owned from here on, also on failure); *ret_inner is the one to speak D-Bus on, the
 * caller's. */
struct ap_result ap_link_front_new(int outer, ap_link_permits permits, struct ap_link_front **ret_front, int *ret_inner);
/* Ends both directions at once. NULL is fine. */
void ap_link_front_free(struct ap_link_front *f);
