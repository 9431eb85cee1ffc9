/*
 * The end of a session: recorded as ended, gate closed, recording flushed and sealed, both persons hung up, shares that
 * nothing needs destroyed.
 *
 * Threads: gate thread.
 */
#pragma once

#include "recorder/gate/gatekeeper.h"
#include "recorder/link/link.h"

typedef void (*ap_session_end_done)(void *data, struct ap_result r);

/* Ending one that has ended already is success. `done` comes once all is done. */
void ap_session_end(struct ap_vault *v, struct ap_gatekeepers *keepers, struct ap_link *link, const struct ap_uuid *session,
		    ap_session_end_done done, void *data);
