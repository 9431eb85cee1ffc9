/*
 * One recording's process, after its fork: takes its last freedoms away, then obeys the vault over its control
 * socket. The reader's thread (this one) reads control and gate and never waits for the disk, so that a close is
 * answered at once.
 *
 * Exit statuses: 0 sealed, or the vault went away and what was open was closed; 1 failed (reported where possible).
 */
#pragma once

#include <aparte/capture.h>

/*
 * Gives up everything but `socket`: other descriptors (0 to 2 become /dev/null's, which `null_fd` is), paths, network,
 * system calls, and memory, files and descriptors without bound. landlock: whether the zygote found Landlock.
 */
struct ap_result ap_capture_confine(int socket, int null_fd, bool landlock);

/* Until sealed, failed or the vault is gone; `confined` false: recording is refused when the vault requires it. */
int ap_capture_run(int socket, bool confined);
