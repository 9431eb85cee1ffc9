/*
 * Media for the capture's tests, coded once with GStreamer: a picture that turns white and a tone that sounds for the
 * first 100 ms of every second, as RTP packets with their media times.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct media_packet {
	int64_t time_ns; /* when its picture or sound was taken, from 0 */
	uint32_t rtp;	 /* timestamp, from 0 at time 0 */
	bool marker;
	GBytes *payload;
};

/* NULL when the encoder's plugin is not installed. GArray of struct media_packet, g_array_unref. */
GArray *media_video(const char *codec, int width, int height, unsigned seconds);
/* dtx: silence between the tones is not sent. */
GArray *media_audio(unsigned seconds, bool dtx);
/* Of a GStreamer description that begins with its own source and ends with a payloader. NULL when an element is missing. */
GArray *media_of(const char *description);
