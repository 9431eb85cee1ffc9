/*
 * Both persons' tracks and the one thread that writes them: it takes frames from a bounded queue, holds them until
 * nothing earlier can come, and has them muxed, sealed and reported. Only this thread waits for the disk; when it
 * falls behind, frames are refused and counted, and packets go on being read.
 *
 * Threads: _frame, _waits and _heard from any; all others from the reader's thread. None of them waits but _free.
 */
#pragma once

#include "frame.h"

#include <aparte/capture.h>
#include <aparte/clock.h>

struct ap_tracks; /* opaque */

/* `socket` (borrowed) is the control socket to the vault. */
struct ap_tracks *ap_tracks_new(const struct ap_capture_start *start, int socket, const struct ap_clock *clock);
/* Ends the thread (at once, if it was not told to end before) and waits for it. */
void ap_tracks_free(struct ap_tracks *t);

/* A descriptor that was asked for; owned from here on. */
void ap_tracks_descriptor(struct ap_tracks *t, const struct ap_capture_want *want, int fd);
/* Takes what the frame holds; false: refused, the queue is full. */
bool ap_tracks_frame(struct ap_tracks *t, struct ap_frame *frame);
/* From any thread: frames of this line at or after `from_ns` may still come, however late by the clock; what is waited
 * for holds the writing up, within bounds. INT64_MAX: none is under way. */
void ap_tracks_waits(struct ap_tracks *t, enum ap_role role, enum ap_line line, int64_t from_ns);
/* From any thread: something of this person arrived. While nothing does the way may be broken, and what was sent
 * meanwhile may be repaired once it is not: that too holds the writing up, within the same bounds. */
void ap_tracks_heard(struct ap_tracks *t, enum ap_role role, int64_t arrival_ns);
/* An epoch begins, ends at this gateway time. Frames of it come between the two. */
void ap_tracks_open(struct ap_tracks *t, const struct ap_capture_open_msg *open, int64_t mono_ns);
/* discard: frames not written yet are dropped. `lines`: what ingest counted; frames and times are filled in. */
void ap_tracks_close(struct ap_tracks *t, const struct ap_capture_epoch_report *lines, int64_t mono_ns, bool discard);
void ap_tracks_seal(struct ap_tracks *t);
/* Nothing more comes: close what is open and end. */
void ap_tracks_end(struct ap_tracks *t);
/* The thread has ended; sealed or failed was reported where possible. */
bool ap_tracks_ended(struct ap_tracks *t);
/* Readable once the thread has ended. Borrowed. */
int ap_tracks_ended_fd(const struct ap_tracks *t);
#ifdef AP_TEST_HOOKS
/* Wait this long before each descriptor is used, as a slow disk would. */
void ap_tracks_stall(struct ap_tracks *t, uint32_t ms);
#endif
