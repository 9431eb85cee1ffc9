/*
 * Who stands at admin.sock: the kernel says which Unix user connects, the request which admin they act as.
 * Threads: main thread.
 */
#pragma once

#include "recorder/api/api.h"

/* root, the vault's own user, or the one more that was configured: "role" for others. */
struct ap_result ap_admin_check_peer(const struct ap_api *api, const struct ap_http_call *call);
/* The admin named in Aparte-Admin; the operator (user 0) without that header, or while there is no admin at all. */
struct ap_result ap_admin_actor(const struct ap_api *api, const struct ap_http_call *call, struct ap_actor *ret_actor);
