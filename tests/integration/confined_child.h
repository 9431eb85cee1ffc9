/*
 * What tests have to do with a confined child of the zygote, be it a capture or a composer: messages both ways, which
 * process it is, what it may not do and what it holds. All fail the running test when it is otherwise.
 */
#pragma once

#include "capture_zygote.h"

#include <aparte/capture.h>
#include <stdint.h>

void child_say(int socket, const struct ap_capture_message *m);
/* The next message of this type; others are passed over. False at the end of the link. */
bool child_await(int socket, enum ap_capture_type type, struct ap_capture_message *ret_m);
/* The zygote says that this one ended. */
void child_await_exit(const struct test_zygote *zygote, uint32_t spawn_id);
/* The one that was forked last. */
pid_t child_newest(const struct test_zygote *zygote);
/* Does /proc/<pid>/<name> have that text? */
bool child_file_has(pid_t pid, const char *name, const char *text);
/* It can gain nothing, is filtered, and neither opens, connects, traces, executes nor forks. */
void child_is_confined(int socket, pid_t pid);
/* Nothing is open in it but /dev/null and its one socket; skips where that cannot be read. */
void child_owns_no_more(pid_t pid);
