/*
 * Two persons' files become one film by GStreamer: the coach on the left half, the coachee on the right, both voices
 * mixed. What both files hold of one time stands at that time in the film: their times are the recording's already.
 *
 * Of a person's pictures the camera is shown, or the screen where a file has no camera; nothing of it changes the film's
 * form: pictures keep their proportions, and where there are none for three seconds the half is black.
 *
 * The elements are named here one by one: nothing is looked for, no file of a person chooses what reads it beyond the
 * codecs that sessions can have.
 *
 * Threads: all functions on one thread; `frame` is called on the film's own, for each line one at a time, and may wait.
 */
#pragma once

#include <aparte/err.h>
#include <aparte/gate.h>
#include <gst/gst.h>
#include <stdbool.h>
#include <stdint.h>

struct ap_composition; /* opaque */

struct ap_composition_events {
	/* A coded frame: AP_LINE_AUDIO (Opus, two channels) or AP_LINE_CAMERA (VP8). `buffer` is borrowed. */
	void (*frame)(void *ctx, enum ap_line line, GstBuffer *buffer);
	void *ctx; /* borrowed */
};

enum ap_composition_state { AP_COMPOSITION_RUNS, AP_COMPOSITION_OVER, AP_COMPOSITION_FAILED };

/* Loads what is needed of GStreamer's plugins, so that nothing is opened later. Once, before the sandbox. "gstreamer". */
struct ap_result ap_composition_load(void);

/* Begins to read `in` (coach, coachee; blocking, borrowed) at once. The film is as long as said, whatever they hold. */
struct ap_result ap_composition_new(const int in[2], uint64_t duration_ms, const struct ap_composition_events *events,
			     struct ap_composition **ret_composition);
/* Readable from the time _look has news. */
int ap_composition_fd(const struct ap_composition *f);
enum ap_composition_state ap_composition_look(const struct ap_composition *f);
/* Ends its threads; no callback after it. NULL is fine. */
void ap_composition_free(struct ap_composition *f);
