/*
 * What the main thread asks of a worker, carried out between batches.
 *
 * Threads: the worker's.
 */
#pragma once

#include "gateway/media_queue.h"
#include "gateway/worker_state.h"

/* The command stays the caller's; what was taken from it (a descriptor) is marked taken. */
void ap_command_run(struct ap_worker *w, struct ap_command *command);
