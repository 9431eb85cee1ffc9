/*
 * What a person's browser would send of the media of capture_media.h, as datagrams for a gate: RTP and sender reports
 * of microphone, camera and screen, delayed, lost and mixed up as told.
 */
#pragma once

#include "capture_media.h"

#include <aparte/gate.h>
#include <stddef.h>

#define SENDER_SECONDS 8           /* of media */
#define SENDER_MS INT64_C(1000000) /* in ns */

struct sender {
	bool no_camera, no_audio, screen, dtx, resize;
	int camera_from_ms, camera_to_ms; /* 0, 0: always */
	int audio_from_ms;
	int ssrc_change_ms;  /* 0: none */
	int loss_percent;    /* never repaired; nothing of the first second is lost */
	int reorder_percent; /* come 60 ms or (repaired) 150 ms late */
	int delay_ms, jitter_ms;
	int ntp_offset_s, drift_ppm;
};

struct sender_media {
	GArray *vp8, *vp8_large, *vp9, *h264, *opus, *opus_dtx; /* owned; NULL where the encoder is missing */
};

struct sender_event {
	int64_t due_ns; /* after the media begin */
	void *owner;    /* borrowed */
	uint8_t *
		datagram; /* g_free; its header's generation and time (16 bytes from the 4th) are still to be written */
	size_t len;
};

struct sender_media sender_media_make(void);
void sender_media_clear(struct sender_media *m);
/* The small picture's packets: borrowed, NULL where there is no encoder. */
GArray *sender_video(const struct sender_media *m, const char *codec);
/* Adds all that `s` sends as `role`, in no order, to an array of struct sender_event. */
void sender_add(GArray *events, void *owner, const struct sender *s, enum ap_role role, const struct sender_media *m,
		GArray *video);
