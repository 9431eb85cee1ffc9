/*
 * The vault's hand on its captures: asks the zygote for a capture process per recording, hands it descriptors,
 * takes its reports, kills it when it does not obey.
 *
 * A capture writes only to descriptors opened here (recordings/<recording>/<role>/<n>.age.tmp, write-only). When it
 * reports a segment done this module renames it to <n>.age and fsyncs the directory before it tells its owner. Files
 * are made, renamed and fsynced on a thread of its own: a slow disk delays reports, never a close.
 *
 * Threads: everything on the thread whose GMainContext was given to ap_captures_new (the gate thread); no call
 * waits. Reports are bounded and checked: one that lies (unknown role, number out of order, offsets not rising, too
 * large, longer than the gate was open, a file of another size or hash or still open for writing, more reports than an
 * honest capture has to make) kills the capture and is a `failed` with reason "capture-report". The gate is shut here
 * too, so that one that says closed and reads on gets nothing more.
 */
#pragma once

#include <aparte/clock.h>
#include <aparte/err.h>
#include <aparte/gate.h>
#include <glib.h>

struct ap_captures; /* the zygote link and all captures; opaque */
struct ap_capture;  /* one recording's capture; opaque */
struct ap_blob;	    /* recorder/recording/blob.h */

enum ap_video_codec { AP_CODEC_VP8 = 1, AP_CODEC_VP9 = 2, AP_CODEC_H264 = 3 };

struct ap_capture_params {
	struct ap_uuid recording;
	struct ap_uuid session;
	enum ap_video_codec video;
	uint8_t recipient[2][32]; /* age X25519 recipients; [0] coach's track, [1] coachee's */
};

/* One WebM cluster inside a track's plaintext. */
struct ap_capture_cluster {
	uint64_t offset;  /* from the start of the WebM file, bytes */
	uint64_t time_ms; /* of its first frame, file time */
	bool keyframe;	  /* its first video frame is a keyframe */
};

struct ap_capture_segment {
	enum ap_role role;
	uint32_t number;      /* 0 = header segment */
	uint32_t epoch;
	uint64_t size;	      /* ciphertext bytes */
	uint64_t plain_size;  /* plaintext bytes */
	uint8_t sha256[32];   /* of the ciphertext */
	uint64_t end_ms;      /* file time at which its last frame ends; 0: not told, or no media */
	const struct ap_capture_cluster *clusters; /* borrowed for the call */
	size_t cluster_count;
	bool replaces;	      /* a segment 0 written anew: when a track appeared, and at sealing */
};

/* What one epoch gave, per person and line: for the manifest. */
struct ap_capture_line_stats {
	uint64_t packets, lost, late, malformed;
	uint64_t frames;
	uint64_t first_ms, last_ms; /* file time of the first and last frame, equal when none */
};

struct ap_capture_epoch {
	uint32_t epoch;
	uint64_t generation;
	uint64_t file_start_ms; /* file time at which this epoch begins in both tracks */
	uint64_t file_end_ms;	/* and ends */
	struct ap_capture_line_stats lines[2][AP_LINES]; /* [coach, coachee] */
};

/* All on the owner's thread; `ctx` is the owner's. */
struct ap_capture_events {
	/* The reading end of this generation is closed (or its process dead): nothing more of it enters the recording.
	 * Also unasked: the capture closed it by itself, since it was not renewed in time. */
	void (*closed)(void *ctx, uint64_t generation);
	/* A segment lies on disk under its final name, fsynced. */
	void (*segment)(void *ctx, const struct ap_capture_segment *segment);
	/* Comes after `closed`, once the epoch's last segments were reported (discarded epochs report too). */
	void (*epoch)(void *ctx, const struct ap_capture_epoch *epoch);
	/* The first media of an epoch was accepted. */
	void (*first_frame)(void *ctx, uint64_t generation);
	/* All segments incl. the rewritten 0.age are on disk; the process has ended. Duration per track, ms. */
	void (*sealed)(void *ctx, const uint64_t duration_ms[2]);
	/* The process died or broke the protocol; static word. Segments reported so far stay. No callback follows. */
	void (*failed)(void *ctx, const char *reason);
};

/* `zygote` is owned from here on (-1: none yet). `blob` and `clock` are borrowed. */
struct ap_captures *ap_captures_new(int zygote, struct ap_blob *blob, const struct ap_clock *clock, GMainContext *context);
void ap_captures_set_zygote(struct ap_captures *cs, int zygote);
/* Record without Landlock where the kernel has none; off at first. */
void ap_captures_allow_unconfined(struct ap_captures *cs, bool allow);
/* The zygote is there and reported that its children can be sandboxed (Landlock, seccomp), as far as required. */
bool ap_captures_ready(const struct ap_captures *cs);
void ap_captures_free(struct ap_captures *cs);

/*
 * A composer (recorder/capture/composer.h) with this control link, which stays the caller's; one that still runs is killed,
 * so that a vault has one at most. -1: only that. Where none can be confined none is made.
 */
void ap_captures_compose(struct ap_captures *cs, int link);

/* Starts the capture of one recording; its directories are made. */
struct ap_result ap_capture_start(struct ap_captures *cs, const struct ap_capture_params *params,
				  const struct ap_capture_events *events, void *ctx, struct ap_capture **ret_capture);
/* Opens an epoch, after the last one was `closed`; `gate` (reading end, its writing direction shut) is owned from here
 * on. Epoch numbers rise. "capture-state" when this capture can take none: start another. */
struct ap_result ap_capture_open(struct ap_capture *c, uint64_t generation, uint32_t epoch, int gate);
/* The gate of this generation is still open by all that its owner knows: to be said at least every
 * AP_CAPTURE_LEASE_MS, as often as one likes. Who hangs does not say it, and the capture closes by itself. */
void ap_capture_renew(struct ap_capture *c, uint64_t generation);
/* Closes it: `closed` follows within AP_CAPTURE_ACK_MS (a capture that does not answer is killed, then `failed` too).
 * discard: what waits in the jitter buffers is thrown away (withdrawal); otherwise it is flushed to the track. */
void ap_capture_close(struct ap_capture *c, uint64_t generation, bool discard);
/* After the last close: Duration, Cues, segment 0 anew; `sealed` follows. */
void ap_capture_seal(struct ap_capture *c);
/* Kills the process if it still runs. NULL is fine. No callback follows. */
void ap_capture_free(struct ap_capture *c);
