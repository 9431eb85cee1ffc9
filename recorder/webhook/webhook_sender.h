/*
 * Sends what is queued for platforms: a lane per webhook with one delivery at a time, so that a receiver which hangs holds
 * up nobody but itself. What fails is tried again after 5 s, 10 s, … at most 4 h (or later, where Retry-After asks for it),
 * 18 times, which takes about a day; then it is dead, and kept for an admin for 30 days. A receiver that answers 410 Gone
 * gets nothing more.
 *
 * The address is judged when it is connected to: what leads inward is not spoken to, unless its host is among
 * webhooks.private_hosts. No proxy is used, no redirection followed, nothing of an answer's body read.
 *
 * Threads: main thread.
 */
#pragma once

struct ap_vault;
struct ap_webhooks; /* opaque */

/* Looks every second, in the thread-default main context. */
struct ap_webhooks *ap_webhooks_new(struct ap_vault *v);
/* Looks at once. */
void ap_webhooks_look(struct ap_webhooks *w);
void ap_webhooks_free(struct ap_webhooks *w); /* NULL is fine; what is under way is sent again at the next start */
