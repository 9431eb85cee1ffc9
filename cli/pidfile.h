/*
 * run/serve.pid: which process is this instance's launcher. Held locked while it runs, so two never serve one
 * instance; its text is "<pid> <start time>" (field 22 of /proc/<pid>/stat), so that --stop ends exactly the process
 * that wrote it, never a later one with the same number.
 */
#pragma once

#include <aparte/err.h>
#include <stdbool.h>

struct ap_instance;

/* Locks and writes it for this process; the descriptor must stay open. "serve-running" when another has it. */
struct ap_result ap_pidfile_take(const struct ap_instance *i, int *ret_fd);
/* Whether a launcher runs now. */
bool ap_pidfile_running(const struct ap_instance *i);
/* Ends the launcher recorded there and waits up to timeout_ms; "serve-none" when none runs. */
struct ap_result ap_pidfile_stop(const struct ap_instance *i, int timeout_ms);
