/*
 * The launcher: binds the sockets, makes the three processes and the channels between them, keeps them running, and
 * stops them in order (gateway, vault with its captures sealed, zygote).
 *
 * Threads: the main thread; runs the default GMainContext.
 */
#pragma once

#include "cli/instance.h"

#include <aparte/config.h>

/*
 * Serves until SIGINT, SIGTERM or a process that cannot start. `ready` (may be NULL) is called once, when all
 * processes answer. Both borrowed. `after_crash`: the last launcher was killed; its processes, which seal what they
 * record before they end, are waited for.
 */
struct ap_result ap_serve_run(const struct ap_instance *i, const struct ap_config *config, bool after_crash,
			      void (*ready)(void *ctx), void *ctx);
