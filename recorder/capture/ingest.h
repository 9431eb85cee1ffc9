/*
 * From gate datagrams to frames on the gateway's timeline: checks each datagram, sorts by person and line, keeps one
 * chain per source and one timeline per person.
 *
 * Threads: all functions on the reader's thread; none waits for the disk. Time is an argument, CLOCK_MONOTONIC.
 */
#pragma once

#include "tracks.h"

struct ap_ingest; /* opaque */

/* `tracks` is borrowed. */
struct ap_ingest *ap_ingest_new(enum ap_capture_codec video, struct ap_tracks *tracks);
void ap_ingest_free(struct ap_ingest *in);

/* An epoch begins: only datagrams of this generation count. */
void ap_ingest_open(struct ap_ingest *in, uint64_t generation);
/* One datagram off the gate. True when it held media of this generation. */
bool ap_ingest_datagram(struct ap_ingest *in, const uint8_t *bytes, size_t len, int64_t now_ns);
/* Packets that were waited for long enough are given up. True while some are still waited for: call again soon. */
bool ap_ingest_tick(struct ap_ingest *in, int64_t now_ns);
/* It ends: what waits for others becomes frames before this returns, or is dropped. */
void ap_ingest_close(struct ap_ingest *in, bool discard, struct ap_capture_epoch_report *ret_lines);
