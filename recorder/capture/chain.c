#include "chain.h"

#include "reorder.h"

#define MS INT64_C(1000000)
#define MAX_ELEMENTS 4
#define AUDIO_START_MS 400
#define VIDEO_START_MS 1500
#define START_PACKETS 2048

/* One codec: its RTP caps and its elements. */
static const struct kind {
	const char *caps;
	uint32_t clock_rate;
	const char *elements[MAX_ELEMENTS];
	const char *filter; /* caps that the last element must give; NULL: any */
} kinds[] = {
	[AP_CHAIN_OPUS] = { "application/x-rtp,media=audio,clock-rate=48000,encoding-name=OPUS,payload=111", 48000,
			    { "rtpopusdepay" }, NULL },
	[AP_CHAIN_VP8] = { "application/x-rtp,media=video,clock-rate=90000,encoding-name=VP8,payload=96", 90000,
			   { "rtpvp8depay" }, NULL },
	[AP_CHAIN_VP9] = { "application/x-rtp,media=video,clock-rate=90000,encoding-name=VP9,payload=96", 90000,
			   { "rtpvp9depay", "vp9parse" }, "video/x-vp9,alignment=super-frame" },
	[AP_CHAIN_H264] = { "application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,payload=96", 90000,
			    { "rtph264depay", "h264parse" }, "video/x-h264,stream-format=avc3,alignment=au" },
};

static const char *const plugins[] = { "libgstrtp.so", "libgstvideoparsersbad.so" };

struct ap_chain {
	struct ap_chain_events events;
	const struct kind *kind;
	bool video;

	struct ap_reorder *order;	    /* owned, as what follows */
	GstElement *elements[MAX_ELEMENTS];
	unsigned count;
	GstPad *in;  /* the first element's */
	GstPad *out; /* ours, behind the last */

	bool synced;		/* a keyframe was seen */
	uint16_t width, height; /* by the last caps */
	GstBuffer *codec_data;	/* owned */
};

uint32_t ap_chain_clock_rate(enum ap_chain_codec codec)
{
	return kinds[codec].clock_rate;
}

static struct ap_result load_plugins(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(plugins); i++) {
		g_autofree char *path = g_build_filename(AP_GST_PLUGINS, plugins[i], NULL);
		g_autoptr(GError) error = NULL;
		GstPlugin *plugin = gst_plugin_load_file(path, &error);
		if (!plugin)
			return ap_fail(AP_ERR_IO, "gstreamer", "a GStreamer plugin is missing: see README, packages");
		gst_object_unref(plugin);
	}
	return AP_SUCCESS;
}

/* ---- packets in, frames out ---- */

static void on_packet(void *ctx, const struct ap_reorder_packet *p)
{
	struct ap_chain *c = ctx;
	GstBuffer *packet = p->packet;
	GST_BUFFER_PTS(packet) = c->events.stamp(c->events.ctx, p->seq, p->rtp);
	gst_pad_chain(c->in, packet);
}

static GstFlowReturn on_frame(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
	(void)parent;
	struct ap_chain *c = gst_pad_get_element_private(pad);
	bool keyframe = !c->video || !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
	c->synced = c->synced || keyframe;
	if (c->synced && GST_BUFFER_PTS_IS_VALID(buffer) && gst_buffer_get_size(buffer) > 0) {
		struct ap_chain_frame frame = { buffer, keyframe, c->width, c->height, c->codec_data };
		c->events.frame(c->events.ctx, &frame);
	}
	gst_buffer_unref(buffer);
	return GST_FLOW_OK;
}

static void take_caps(struct ap_chain *c, GstEvent *event)
{
	GstCaps *caps = NULL;
	gst_event_parse_caps(event, &caps);
	const GstStructure *s = gst_caps_get_structure(caps, 0);
	int width = 0, height = 0;
	if (gst_structure_get_int(s, "width", &width) && gst_structure_get_int(s, "height", &height)) {
		c->width = (uint16_t)CLAMP(width, 0, UINT16_MAX);
		c->height = (uint16_t)CLAMP(height, 0, UINT16_MAX);
	}
	const GValue *data = gst_structure_get_value(s, "codec_data");
	if (data)
		gst_buffer_replace(&c->codec_data, gst_value_get_buffer(data));
}

static gboolean on_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
	(void)parent;
	struct ap_chain *c = gst_pad_get_element_private(pad);
	if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS)
		take_caps(c, event);
	gst_event_unref(event);
	return TRUE;
}

/* ---- building ---- */

static void set_up_element(GstElement *e)
{
	GObjectClass *class = G_OBJECT_GET_CLASS(e);
	if (g_object_class_find_property(class, "wait-for-keyframe"))
		g_object_set(e, "wait-for-keyframe", TRUE, NULL);
	if (g_object_class_find_property(class, "config-interval"))
		g_object_set(e, "config-interval", -1, NULL);
}

static bool make_elements(struct ap_chain *c)
{
	for (size_t i = 0; i < MAX_ELEMENTS && c->kind->elements[i]; i++)
		c->elements[c->count++] = gst_element_factory_make(c->kind->elements[i], NULL);
	for (unsigned i = 0; i < c->count; i++) {
		if (!c->elements[i])
			return false;
		gst_object_ref_sink(c->elements[i]);
		set_up_element(c->elements[i]);
	}
	return true;
}

static void make_end(struct ap_chain *c)
{
	g_autoptr(GstCaps) any = c->kind->filter ? gst_caps_from_string(c->kind->filter) : gst_caps_new_any();
	GstPadTemplate *template = gst_pad_template_new("out", GST_PAD_SINK, GST_PAD_ALWAYS, any);
	c->out = gst_object_ref_sink(gst_pad_new_from_template(template, "out"));
	gst_object_unref(template);
	gst_pad_set_element_private(c->out, c);
	gst_pad_set_chain_function(c->out, on_frame);
	gst_pad_set_event_function(c->out, on_event);
}

static bool link_all(struct ap_chain *c)
{
	g_autoptr(GstPad) last = gst_element_get_static_pad(c->elements[c->count - 1], "src");
	c->in = gst_element_get_static_pad(c->elements[0], "sink");
	bool linked = gst_pad_link(last, c->out) == GST_PAD_LINK_OK;
	for (unsigned i = 1; linked && i < c->count; i++)
		linked = gst_element_link(c->elements[i - 1], c->elements[i]);
	return linked;
}

static bool start(struct ap_chain *c)
{
	gst_pad_set_active(c->out, TRUE);
	for (unsigned i = c->count; i-- > 0;)
		if (gst_element_set_state(c->elements[i], GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
			return false;
	g_autoptr(GstCaps) caps = gst_caps_from_string(c->kind->caps);
	GstSegment segment;
	gst_segment_init(&segment, GST_FORMAT_TIME);
	return gst_pad_send_event(c->in, gst_event_new_stream_start("rtp")) &&
	       gst_pad_send_event(c->in, gst_event_new_caps(caps)) &&
	       gst_pad_send_event(c->in, gst_event_new_segment(&segment));
}

static void drop_packet(void *packet)
{
	gst_buffer_unref(packet);
}

static const struct ap_reorder_rules audio_rules = { AUDIO_START_MS * MS, AP_CHAIN_AUDIO_MS * MS, START_PACKETS, drop_packet };
static const struct ap_reorder_rules video_rules = { VIDEO_START_MS * MS, AP_CHAIN_VIDEO_MS * MS, START_PACKETS, drop_packet };

struct ap_result ap_chain_new(enum ap_chain_codec codec, const struct ap_chain_events *events,
			      struct ap_chain **ret_chain)
{
	struct ap_chain *c = g_new0(struct ap_chain, 1);
	c->events = *events;
	c->kind = &kinds[codec];
	c->video = codec != AP_CHAIN_OPUS;
	c->order = ap_reorder_new(c->video ? &video_rules : &audio_rules, on_packet, c);
	make_end(c);
	if (!make_elements(c) || !link_all(c) || !start(c)) {
		ap_chain_free(c);
		return ap_fail(AP_ERR_INTERNAL, "gstreamer", "a chain of elements could not be made");
	}
	*ret_chain = c;
	return AP_SUCCESS;
}

struct ap_result ap_chain_warm_up(void)
{
	static const struct ap_chain_events none = { 0 };
	AP_TRY(load_plugins());
	for (size_t k = 0; k < G_N_ELEMENTS(kinds); k++) {
		struct ap_chain *c = NULL;
		AP_TRY(ap_chain_new((enum ap_chain_codec)k, &none, &c));
		ap_chain_free(c);
	}
	return AP_SUCCESS;
}

/* ---- use ---- */

void ap_chain_push(struct ap_chain *c, const struct ap_chain_packet *packet)
{
	const struct ap_reorder_packet p = { packet->buffer, packet->seq, packet->rtp, packet->arrival_ns };
	ap_reorder_push(c->order, &p);
}

void ap_chain_tick(struct ap_chain *c, int64_t now_ns)
{
	ap_reorder_tick(c->order, now_ns);
}

bool ap_chain_waits(const struct ap_chain *c)
{
	return ap_reorder_holds(c->order);
}

void ap_chain_count(const struct ap_chain *c, struct ap_chain_stats *stats)
{
	stats->lost += ap_reorder_lost(c->order);
	stats->late += ap_reorder_late(c->order);
}

void ap_chain_finish(struct ap_chain *c, struct ap_chain_stats *stats)
{
	ap_reorder_flush(c->order);
	gst_pad_send_event(c->in, gst_event_new_eos());
	ap_chain_count(c, stats);
}

void ap_chain_free(struct ap_chain *c)
{
	if (!c)
		return;
	ap_reorder_free(c->order);
	for (unsigned i = 0; i < c->count; i++)
		if (c->elements[i]) {
			gst_element_set_state(c->elements[i], GST_STATE_NULL);
			gst_object_unref(c->elements[i]);
		}
	gst_pad_set_active(c->out, FALSE);
	g_clear_pointer(&c->in, gst_object_unref);
	gst_object_unref(c->out);
	gst_buffer_replace(&c->codec_data, NULL);
	g_free(c);
}
