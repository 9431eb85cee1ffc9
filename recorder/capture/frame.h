/*
 * One whole coded frame on its way from a chain to the file.
 */
#pragma once

#include <aparte/gate.h>
#include <glib.h>

struct ap_frame {
	enum ap_role role;
	enum ap_line line;
	int64_t time_ns; /* on the gateway's monotonic clock */
	bool keyframe;
	uint16_t width, height; /* video; 0: not known */
	GBytes *data;		/* owned */
	GBytes *codec_data;	/* owned; NULL but for H.264's avcC */
};

static inline void ap_frame_clear(struct ap_frame *f)
{
	g_clear_pointer(&f->data, g_bytes_unref);
	g_clear_pointer(&f->codec_data, g_bytes_unref);
}
