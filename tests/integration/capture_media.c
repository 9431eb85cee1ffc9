#include "capture_media.h"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/rtp/gstrtpbuffer.h>
#include <math.h>
#include <string.h>

#define FPS 30
#define SECOND INT64_C(1000000000)
#define ON_NS (SECOND / 10)

static void packet_clear(gpointer data)
{
	g_bytes_unref(((struct media_packet *)data)->payload);
}

static void take(GArray *out, GstBuffer *buffer)
{
	GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
	g_assert_true(gst_rtp_buffer_map(buffer, GST_MAP_READ, &rtp));
	struct media_packet p = {
		.time_ns = (int64_t)GST_BUFFER_PTS(buffer),
		.rtp = gst_rtp_buffer_get_timestamp(&rtp),
		.marker = gst_rtp_buffer_get_marker(&rtp),
		.payload = g_bytes_new(gst_rtp_buffer_get_payload(&rtp), gst_rtp_buffer_get_payload_len(&rtp)),
	};
	gst_rtp_buffer_unmap(&rtp);
	g_array_append_val(out, p);
}

static void push(GstAppSrc *src, const void *bytes, size_t len, int64_t pts, int64_t duration)
{
	GstBuffer *b = gst_buffer_new_memdup(bytes, len);
	GST_BUFFER_PTS(b) = (GstClockTime)pts;
	GST_BUFFER_DURATION(b) = (GstClockTime)duration;
	gst_app_src_push_buffer(src, b);
}

typedef void (*feeder)(GstAppSrc *src, int width, int height, unsigned seconds);

static void feed_video(GstAppSrc *src, int width, int height, unsigned seconds)
{
	size_t luma = (size_t)width * (size_t)height, len = luma * 3 / 2;
	g_autofree uint8_t *frame = g_malloc(len);
	for (unsigned n = 0; n < seconds * FPS; n++) {
		int64_t pts = n * SECOND / FPS;
		memset(frame, 128, len);
		/* Not a flat picture: a bar that moves, so that every frame costs some bytes. */
		memset(frame, pts % SECOND < ON_NS ? 235 : 16, luma);
		for (int y = 0; y < height / 8; y++)
			memset(frame + (size_t)y * (size_t)width + n * 4 % (unsigned)(width - 32), 128, 32);
		push(src, frame, len, pts, SECOND / FPS);
	}
}

static void feed_audio(GstAppSrc *src, int width, int height, unsigned seconds)
{
	(void)width;
	(void)height;
	int16_t block[960];
	for (unsigned n = 0; n < seconds * 50; n++) {
		for (unsigned i = 0; i < 960; i++) {
			unsigned at = n * 960 + i;
			block[i] = at % 48000 < 4800 ? (int16_t)(12000 * sin(at * 2 * G_PI * 1000 / 48000)) : 0;
		}
		push(src, block, sizeof block, n * SECOND / 50, SECOND / 50);
	}
}

static GArray *run(const char *description, feeder feed, int width, int height, unsigned seconds)
{
	g_autoptr(GError) error = NULL;
	GstElement *pipeline = gst_parse_launch(description, &error);
	if (!pipeline || error) {
		g_clear_object(&pipeline);
		return NULL;
	}
	g_autoptr(GstElement) src = feed ? gst_bin_get_by_name(GST_BIN(pipeline), "src") : NULL;
	g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
	GArray *out = g_array_new(FALSE, FALSE, sizeof(struct media_packet));
	g_array_set_clear_func(out, packet_clear);
	gst_element_set_state(pipeline, GST_STATE_PLAYING);
	if (src) {
		feed(GST_APP_SRC(src), width, height, seconds);
		gst_app_src_end_of_stream(GST_APP_SRC(src));
	}
	GstSample *sample;
	while ((sample = gst_app_sink_pull_sample(GST_APP_SINK(sink)))) {
		GstBufferList *list = gst_sample_get_buffer_list(sample);
		for (guint i = 0; list && i < gst_buffer_list_length(list); i++)
			take(out, gst_buffer_list_get(list, i));
		if (gst_sample_get_buffer(sample))
			take(out, gst_sample_get_buffer(sample));
		gst_sample_unref(sample);
	}
	gst_element_set_state(pipeline, GST_STATE_NULL);
	gst_object_unref(pipeline);
	return out;
}

#define SINK " timestamp-offset=0 ! appsink name=sink sync=false buffer-list=true"

GArray *media_video(const char *codec, int width, int height, unsigned seconds)
{
	const char *chain = NULL;
	if (strcmp(codec, "VP8") == 0)
		chain = "vp8enc deadline=1 keyframe-max-dist=60 target-bitrate=400000 ! rtpvp8pay mtu=1200 picture-id-mode=15-bit";
	else if (strcmp(codec, "VP9") == 0)
		chain = "vp9enc deadline=1 cpu-used=8 keyframe-max-dist=60 target-bitrate=400000 ! rtpvp9pay mtu=1200 picture-id-mode=15-bit";
	else if (strcmp(codec, "H264") == 0)
		chain = "openh264enc gop-size=60 bitrate=400000 ! rtph264pay mtu=1200 config-interval=-1 aggregate-mode=zero-latency";
	g_autofree char *description = g_strdup_printf(
		"appsrc name=src format=time caps=video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1 ! %s" SINK,
		width, height, FPS, chain);
	return run(description, feed_video, width, height, seconds);
}

GArray *media_audio(unsigned seconds, bool dtx)
{
	g_autofree char *description = g_strdup_printf(
		"appsrc name=src format=time caps=audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1 ! "
		"opusenc frame-size=20 bitrate=32000 dtx=%s audio-type=voice ! rtpopuspay dtx=%s" SINK,
		dtx ? "true" : "false", dtx ? "true" : "false");
	return run(description, feed_audio, 0, 0, seconds);
}

GArray *media_of(const char *description)
{
	g_autofree char *whole = g_strconcat(description, SINK, NULL);
	return run(whole, NULL, 0, 0, 0);
}
