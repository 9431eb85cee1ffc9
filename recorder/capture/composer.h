/*
 * The process that composes one film, after its fork from the zygote: takes its order, loads what it needs of GStreamer
 * (which the captures, that never decode, do not have), takes its last freedoms away, then reads two persons' files from
 * pipes and writes the film to a third. It decodes what a person's browser sent, so it counts as owned from its first
 * byte on: it has neither path, key nor network, is the first to be killed when memory is short, and stands back behind
 * the captures for the processor.
 *
 * Exit statuses: 0 composed; 1 failed, or the vault went away.
 */
#pragma once

#include <stdbool.h>

/* `socket`: its control link (aparte/capture.h, AP_CAPTURE_FILM); `null_fd`: /dev/null; landlock: the zygote found it. */
int ap_composer_run(int socket, int null_fd, bool landlock);
