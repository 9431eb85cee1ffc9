/*
 * The private side of the vault: HTTPS for staff, the same API on run/admin.sock for the operator, /metrics, and what
 * runs with it: retention, erasure, webhooks.
 *
 * Over TCP a caller is who their login says. Over admin.sock the kernel says who connects (SO_PEERCRED): root, the
 * vault's own user, or one user more; such a caller acts as the admin named in `Aparte-Admin`, for the reason in
 * `Aparte-Reason`, and what changes something is a leaf like any other.
 *
 * Plain HTTP is refused on an address that is not loopback. Threads: main thread, its default context.
 */
#pragma once

#include "recorder/rights.h"

#include <aparte/err.h>
#include <sys/types.h>

struct ap_vault;
struct ap_staff; /* opaque */

struct ap_staff_sockets {
	int http;  /* listening TCP socket, owned from here on */
	int admin; /* listening Unix socket, owned from here on; -1: none */
	int certificate,
		key; /* PEM files of the TCP listener, borrowed for the call; not looked at without TLS configured */
	uid_t operator_uid; /* may use admin.sock besides root and ourselves; (uid_t)-1: nobody */
};

/* What the core calls; static. ap_staff_start gives it to ap_vault_set_rights itself. */
const struct ap_rights *ap_staff_rights(void);

/* Resumes erasures, starts listening and the scheduler. `v` is borrowed. */
struct ap_result ap_staff_start(struct ap_vault *v, const struct ap_staff_sockets *sockets,
				struct ap_staff **ret_staff);
/* Ends listeners and timers; an erasure under way resumes at the next start. NULL is fine. */
void ap_staff_stop(struct ap_staff *s);
