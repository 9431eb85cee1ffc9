#include "chain.h"

#include <gst/rtp/gstrtpbuffer.h>

#define DRAIN_MS 300 /* to wait for the last frames of a source, at most */
#define MAX_ELEMENTS 4
#define MISORDER_MS 60000
#define AUDIO_START_MS 400
#define VIDEO_START_MS 1500
#define START_PACKETS 2048

/* One codec: its RTP caps and the elements after the jitter buffer. */
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

static const char *const plugins[] = { "libgstrtpmanager.so", "libgstrtp.so", "libgstvideoparsersbad.so" };

struct ap_chain {
	struct ap_chain_events events;
	const struct kind *kind;
	bool video;

	GstElement *elements[MAX_ELEMENTS]; /* owned; [0] is the jitter buffer */
	unsigned count;
	GstPad *in, *out; /* owned; ours, at the two ends */

	GSequence *start; /* owned: the first packets, sorted; NULL once they went on */
	int64_t start_ns; /* arrival of the first */

	bool synced;		/* a keyframe was seen (chain's thread) */
	uint16_t width, height; /* by the last caps (chain's thread) */
	GstBuffer *codec_data;	/* owned */

	GMutex lock;
	GCond drained;
	bool eos; /* by lock */
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

/* ---- the chain's own threads ---- */

static GstPadProbeReturn on_packet(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
	(void)pad;
	struct ap_chain *c = data;
	GstBuffer *packet = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
	GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
	GST_PAD_PROBE_INFO_DATA(info) = packet;
	if (!gst_rtp_buffer_map(packet, GST_MAP_READ, &rtp))
		return GST_PAD_PROBE_DROP;
	uint32_t timestamp = gst_rtp_buffer_get_timestamp(&rtp);
	uint16_t seq = gst_rtp_buffer_get_seq(&rtp);
	gst_rtp_buffer_unmap(&rtp);
	GST_BUFFER_PTS(packet) = c->events.stamp(c->events.ctx, seq, timestamp);
	GST_BUFFER_DTS(packet) = GST_CLOCK_TIME_NONE;
	return GST_PAD_PROBE_OK;
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
	if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) {
		g_mutex_lock(&c->lock);
		c->eos = true;
		g_cond_signal(&c->drained);
		g_mutex_unlock(&c->lock);
	}
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

static GstElement *make_jitter_buffer(struct ap_chain *c)
{
	GstElement *e = gst_element_factory_make("rtpjitterbuffer", NULL);
	if (!e)
		return NULL;
	g_object_set(e, "latency", c->video ? AP_CHAIN_VIDEO_MS : AP_CHAIN_AUDIO_MS, "do-lost", TRUE, NULL);
	g_object_set(e, "faststart-min-packets", 1, NULL); /* our own start is over by then */
	/* A second of pictures that is repaired late is no other stream; source.h tells those apart before. */
	g_object_set(e, "max-misorder-time", MISORDER_MS, NULL);
	g_autoptr(GstPad) src = gst_element_get_static_pad(e, "src");
	gst_pad_add_probe(src, GST_PAD_PROBE_TYPE_BUFFER, on_packet, c, NULL);
	return e;
}

static bool make_elements(struct ap_chain *c)
{
	c->elements[c->count++] = make_jitter_buffer(c);
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

static void make_ends(struct ap_chain *c)
{
	g_autoptr(GstCaps) any = c->kind->filter ? gst_caps_from_string(c->kind->filter) : gst_caps_new_any();
	GstPadTemplate *template = gst_pad_template_new("out", GST_PAD_SINK, GST_PAD_ALWAYS, any);
	c->in = gst_object_ref_sink(gst_pad_new("in", GST_PAD_SRC));
	c->out = gst_object_ref_sink(gst_pad_new_from_template(template, "out"));
	gst_object_unref(template);
	gst_pad_set_element_private(c->out, c);
	gst_pad_set_chain_function(c->out, on_frame);
	gst_pad_set_event_function(c->out, on_event);
}

static bool link_all(struct ap_chain *c)
{
	g_autoptr(GstPad) first = gst_element_get_static_pad(c->elements[0], "sink");
	g_autoptr(GstPad) last = gst_element_get_static_pad(c->elements[c->count - 1], "src");
	bool linked = gst_pad_link(c->in, first) == GST_PAD_LINK_OK && gst_pad_link(last, c->out) == GST_PAD_LINK_OK;
	for (unsigned i = 1; linked && i < c->count; i++)
		linked = gst_element_link(c->elements[i - 1], c->elements[i]);
	return linked;
}

/* Running time is the system's monotonic clock itself, which arrival times are in. */
static bool start(struct ap_chain *c)
{
	g_autoptr(GstClock) clock = gst_system_clock_obtain();
	gst_pad_set_active(c->out, TRUE);
	gst_pad_set_active(c->in, TRUE);
	for (unsigned i = c->count; i-- > 0;) {
		gst_element_set_clock(c->elements[i], clock);
		gst_element_set_base_time(c->elements[i], 0);
		gst_element_set_start_time(c->elements[i], GST_CLOCK_TIME_NONE);
		if (gst_element_set_state(c->elements[i], GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
			return false;
	}
	g_autoptr(GstCaps) caps = gst_caps_from_string(c->kind->caps);
	GstSegment segment;
	gst_segment_init(&segment, GST_FORMAT_TIME);
	return gst_pad_push_event(c->in, gst_event_new_stream_start("rtp")) &&
	       gst_pad_push_event(c->in, gst_event_new_caps(caps)) &&
	       gst_pad_push_event(c->in, gst_event_new_segment(&segment));
}

/* Made and linked, but not running: without threads yet. */
static struct ap_result build(enum ap_chain_codec codec, const struct ap_chain_events *events,
			      struct ap_chain **ret_chain)
{
	struct ap_chain *c = g_new0(struct ap_chain, 1);
	c->events = *events;
	c->kind = &kinds[codec];
	c->video = codec != AP_CHAIN_OPUS;
	g_mutex_init(&c->lock);
	g_cond_init(&c->drained);
	c->start = g_sequence_new((GDestroyNotify)gst_buffer_unref);
	make_ends(c);
	if (!make_elements(c) || !link_all(c)) {
		ap_chain_free(c);
		return ap_fail(AP_ERR_INTERNAL, "gstreamer", "a chain of elements could not be made");
	}
	*ret_chain = c;
	return AP_SUCCESS;
}

struct ap_result ap_chain_new(enum ap_chain_codec codec, const struct ap_chain_events *events,
			      struct ap_chain **ret_chain)
{
	struct ap_chain *c = NULL;
	AP_TRY(build(codec, events, &c));
	if (!start(c)) {
		ap_chain_free(c);
		return ap_fail(AP_ERR_INTERNAL, "gstreamer", "a chain of elements does not run");
	}
	*ret_chain = c;
	return AP_SUCCESS;
}

struct ap_result ap_chain_warm_up(void)
{
	static const struct ap_chain_events none = { 0 };
	AP_TRY(load_plugins());
	gst_object_unref(gst_system_clock_obtain());
	for (size_t k = 0; k < G_N_ELEMENTS(kinds); k++) {
		struct ap_chain *c = NULL;
		AP_TRY(build((enum ap_chain_codec)k, &none, &c));
		ap_chain_free(c);
	}
	return AP_SUCCESS;
}

/* ---- the first packets ---- */

static uint16_t seq_of(const GstBuffer *packet)
{
	return (uint16_t)GST_BUFFER_OFFSET(packet);
}

static int by_seq(const void *a, const void *b, void *unused)
{
	(void)unused;
	return (int16_t)(uint16_t)(seq_of(a) - seq_of(b));
}

static uint16_t read_seq(GstBuffer *packet)
{
	uint8_t seq[2] = { 0 };
	gst_buffer_extract(packet, 2, seq, sizeof seq);
	return (uint16_t)(seq[0] << 8 | seq[1]);
}

/* What was repaired counts as come with what followed it, so that arrivals rise with the numbers. */
static void even_arrivals(GSequence *packets)
{
	GstClockTime next = GST_CLOCK_TIME_NONE; /* the greatest there is */
	for (GSequenceIter *i = g_sequence_get_end_iter(packets); !g_sequence_iter_is_begin(i);) {
		i = g_sequence_iter_prev(i);
		GstBuffer *packet = g_sequence_get(i);
		next = MIN(next, GST_BUFFER_DTS(packet));
		GST_BUFFER_DTS(packet) = GST_BUFFER_PTS(packet) = next;
	}
}

static void end_start(struct ap_chain *c)
{
	g_autoptr(GSequence) packets = g_steal_pointer(&c->start);
	if (!packets)
		return;
	even_arrivals(packets);
	for (GSequenceIter *i = g_sequence_get_begin_iter(packets); !g_sequence_iter_is_end(i); i = g_sequence_iter_next(i))
		gst_pad_push(c->in, gst_buffer_ref(g_sequence_get(i)));
}

/* The jitter buffer takes the first packet it sees for the first there is, and drops what lies before it: a source that
 * begins in an outage would lose all that is repaired, with the keyframe that was asked for. */
static void take_start(struct ap_chain *c, GstBuffer *packet, int64_t arrival_ns)
{
	if (g_sequence_is_empty(c->start))
		c->start_ns = arrival_ns;
	GST_BUFFER_OFFSET(packet) = read_seq(packet);
	g_sequence_insert_sorted(c->start, packet, by_seq, NULL);
	int64_t hold_ns = (c->video ? VIDEO_START_MS : AUDIO_START_MS) * INT64_C(1000000);
	if (arrival_ns - c->start_ns >= hold_ns || g_sequence_get_length(c->start) >= START_PACKETS)
		end_start(c);
}

void ap_chain_push(struct ap_chain *c, GstBuffer *packet, int64_t arrival_ns)
{
	GST_BUFFER_DTS(packet) = GST_BUFFER_PTS(packet) = (GstClockTime)arrival_ns;
	if (c->start)
		take_start(c, packet, arrival_ns);
	else
		gst_pad_push(c->in, packet);
}

void ap_chain_count(struct ap_chain *c, struct ap_chain_stats *stats)
{
	GstStructure *s = NULL;
	guint64 lost = 0, late = 0;
	g_object_get(c->elements[0], "stats", &s, NULL);
	if (!s)
		return;
	gst_structure_get_uint64(s, "num-lost", &lost);
	gst_structure_get_uint64(s, "num-late", &late);
	gst_structure_free(s);
	stats->lost += lost;
	stats->late += late;
}

void ap_chain_finish(struct ap_chain *c, struct ap_chain_stats *stats)
{
	end_start(c);
	/* What is missing now is not waited for any more. */
	g_object_set(c->elements[0], "latency", 0, NULL);
	gst_pad_push_event(c->in, gst_event_new_eos());
	int64_t until = g_get_monotonic_time() + DRAIN_MS * G_TIME_SPAN_MILLISECOND;
	g_mutex_lock(&c->lock);
	while (!c->eos && g_cond_wait_until(&c->drained, &c->lock, until))
		;
	g_mutex_unlock(&c->lock);
	ap_chain_count(c, stats);
}

void ap_chain_free(struct ap_chain *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->count; i++)
		if (c->elements[i]) {
			gst_element_set_state(c->elements[i], GST_STATE_NULL);
			gst_object_unref(c->elements[i]);
		}
	gst_pad_set_active(c->in, FALSE);
	gst_pad_set_active(c->out, FALSE);
	gst_object_unref(c->in);
	gst_object_unref(c->out);
	gst_buffer_replace(&c->codec_data, NULL);
	g_clear_pointer(&c->start, g_sequence_free);
	g_mutex_clear(&c->lock);
	g_cond_clear(&c->drained);
	g_free(c);
}
