/*
 * run/serve.pid: which process is this instance's launcher. Held locked while it runs, so two never serve one
 * instance; its text is "<pid> <start time>" (field 22 of /proc/<pid>/stat), so that --stop ends exactly the process
 * that wrote it, never a later one with the same number. Emptied at an end in order.
 */
#pragma once

#include <aparte/err.h>
#include <stdbool.h>

struct ap_instance;

/* Locks and writes it for this process; the descriptor must stay open. "serve-running" when another has it.
 * *ret_after_crash: the one before did not end in order, so that processes of its may still be ending. */
struct ap_result ap_pidfile_take(const struct ap_instance *i, int *ret_fd, bool *ret_after_crash);
/* The end in order: empties it and closes the descriptor. */
void ap_pidfile_release(int fd);
/* Whether a launcher runs now. */
bool ap_pidfile_running(const struct ap_instance *i);
/* Ends the launcher recorded there and waits up to timeout_ms; "serve-none" when none runs. */
struct ap_result ap_pidfile_stop(const struct ap_instance *i, int timeout_ms);
