#include "composition.h"

#include <aparte/capture.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define HALF (AP_FILM_WIDTH / 2)
#define NO_PICTURE_NS (3 * GST_SECOND) /* a screen that does not change sends one a second */
#define PICTURE_BYTES (32u << 20)      /* coded ones that wait while the other person's are read */
#define SOUND_BYTES (4u << 20)
#define BACK 16 /* pixels of the picture that gives the film its length */
#define KEYFRAME_PICTURES (2 * AP_FILM_RATE) /* what seeking goes by */
#define PICTURE_BITS 1200000
#define SOUND_BITS 96000
#define MAX_STEPS 3

static const char *const plugins[] = {
	"libgstcoreelements.so", "libgstmatroska.so", "libgstvpx.so", "libgstopus.so", "libgstvideoparsersbad.so",
	"libgstopenh264.so", "libgstvideotestsrc.so", "libgstcompositor.so", "libgstaudiomixer.so",
};

/* What reads a track, by its caps. */
static const struct reader {
	const char *caps;
	bool video;
	const char *steps[MAX_STEPS];
} readers[] = {
	{ "audio/x-opus", false, { "opusdec" } },
	{ "video/x-vp8", true, { "vp8dec" } },
	{ "video/x-vp9", true, { "vp9dec" } },
	{ "video/x-h264", true, { "h264parse", "openh264dec" } },
};

struct person {
	struct ap_composition *film; /* borrowed */
	GstPad *pad[2];	      /* owned: where sound [0] and pictures [1] go */
	bool taken[2];	      /* a track of the file is linked there */
};

struct sink {
	struct ap_composition *film; /* borrowed */
	enum ap_line line;
};

struct ap_composition {
	struct ap_composition_events events;
	GstElement *pipeline; /* owned */
	int news;	      /* owned: readable once the state is no longer that it runs */
	atomic_int state;     /* enum ap_composition_state; any thread */
	struct person persons[2];
	struct sink sinks[2];
	bool broken; /* an element is missing or does not fit; on _new's thread alone */
};

struct ap_result ap_composition_load(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(plugins); i++) {
		g_autofree char *path = g_build_filename(AP_GST_PLUGINS, plugins[i], NULL);
		GstPlugin *plugin = gst_plugin_load_file(path, NULL);
		if (!plugin)
			return ap_fail(AP_ERR_IO, "gstreamer", "a GStreamer plugin is missing: see README, packages");
		gst_object_unref(plugin);
	}
	return AP_SUCCESS;
}

/* ---- making ---- */

/* In the pipeline, which owns it; NULL when there is no such element. */
static GstElement *add(struct ap_composition *f, const char *factory)
{
	GstElement *e = gst_element_factory_make(factory, NULL);
	if (e)
		gst_bin_add(GST_BIN(f->pipeline), e);
	else
		f->broken = true;
	return e;
}

static GstElement *add_filter(struct ap_composition *f, const char *text)
{
	g_autoptr(GstCaps) caps = gst_caps_from_string(text);
	GstElement *e = add(f, "capsfilter");
	if (e)
		g_object_set(e, "caps", caps, NULL);
	return e;
}

static void link_two(struct ap_composition *f, GstElement *from, GstElement *to)
{
	f->broken = f->broken || !gst_element_link(from, to);
}

/* ---- what comes out ---- */

static void on_handoff(GstElement *element, GstBuffer *buffer, GstPad *pad, gpointer data)
{
	(void)element;
	(void)pad;
	const struct sink *sink = data;
	if (!GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_HEADER) && GST_BUFFER_PTS_IS_VALID(buffer))
		sink->film->events.frame(sink->film->events.ctx, sink->line, buffer);
}

static GstElement *add_sink(struct ap_composition *f, enum ap_line line)
{
	GstElement *e = add(f, "fakesink");
	struct sink *sink = &f->sinks[line];
	*sink = (struct sink){ f, line };
	if (e) {
		g_object_set(e, "sync", FALSE, "async", FALSE, "signal-handoffs", TRUE, NULL);
		g_signal_connect(e, "handoff", G_CALLBACK(on_handoff), sink);
	}
	return e;
}

/* As fast as it can: no picture of a call is worth more. Its threads wait for each other by spinning, so it has one. */
static GstElement *add_picture_coder(struct ap_composition *f)
{
	GstElement *e = add(f, "vp8enc");
	if (e)
		g_object_set(e, "deadline", G_GINT64_CONSTANT(1), "cpu-used", 8, "threads", 1, "target-bitrate",
			     PICTURE_BITS, "keyframe-max-dist", KEYFRAME_PICTURES, NULL);
	return e;
}

/* Returns the mixer. */
static GstElement *make_sound(struct ap_composition *f)
{
	GstElement *mixer = add(f, "audiomixer");
	GstElement *form = add_filter(f, "audio/x-raw,format=S16LE,rate=48000,channels=2,layout=interleaved");
	GstElement *coder = add(f, "opusenc"), *sink = add_sink(f, AP_LINE_AUDIO);
	if (f->broken)
		return mixer;
	g_object_set(coder, "bitrate", SOUND_BITS, NULL);
	link_two(f, mixer, form);
	link_two(f, form, coder);
	link_two(f, coder, sink);
	return mixer;
}

static char *picture_caps(int width, int height)
{
	return g_strdup_printf("video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1,pixel-aspect-ratio=1/1", width,
			       height, AP_FILM_RATE);
}

/* A small black picture from the film's begin to its end: so it has pictures all along, whoever shows some. */
static void make_back(struct ap_composition *f, GstElement *compositor, uint64_t duration_ms)
{
	g_autofree char *caps = picture_caps(BACK, BACK);
	GstElement *source = add(f, "videotestsrc"), *form = add_filter(f, caps);
	if (f->broken)
		return;
	int count = (int)((duration_ms * AP_FILM_RATE + 999) / 1000);
	gst_util_set_object_arg(G_OBJECT(source), "pattern", "black");
	g_object_set(source, "num-buffers", count, NULL);
	link_two(f, source, form);
	link_two(f, form, compositor);
}

/* Returns the compositor. */
static GstElement *make_pictures(struct ap_composition *f, uint64_t duration_ms)
{
	g_autofree char *caps = picture_caps(AP_FILM_WIDTH, AP_FILM_HEIGHT);
	GstElement *compositor = add(f, "compositor"), *form = add_filter(f, caps), *coder = add_picture_coder(f);
	GstElement *sink = add_sink(f, AP_LINE_CAMERA);
	if (f->broken)
		return compositor;
	gst_util_set_object_arg(G_OBJECT(compositor), "background", "black");
	g_object_set(compositor, "max-threads", 1u, NULL);
	make_back(f, compositor, duration_ms);
	link_two(f, compositor, form);
	link_two(f, form, coder);
	link_two(f, coder, sink);
	return compositor;
}

/* ---- what goes in ---- */

static const struct reader *reader_for(GstPad *pad)
{
	g_autoptr(GstCaps) caps = gst_pad_query_caps(pad, NULL);
	const char *name = gst_caps_is_empty(caps) ? "" : gst_structure_get_name(gst_caps_get_structure(caps, 0));
	for (size_t i = 0; i < G_N_ELEMENTS(readers); i++)
		if (strcmp(readers[i].caps, name) == 0)
			return &readers[i];
	return NULL;
}

/* On a thread of the pipeline, which runs: what is added is started, last first. False: it does not fit. */
static bool append(struct person *p, const struct reader *reader, GstPad *from)
{
	GstElement *chain[MAX_STEPS + 1] = { gst_element_factory_make("queue", NULL) };
	int count = 1;
	bool fits = chain[0] != NULL;
	if (fits)
		g_object_set(chain[0], "max-size-buffers", 0u, "max-size-time", G_GUINT64_CONSTANT(0), "max-size-bytes",
			     reader->video ? PICTURE_BYTES : SOUND_BYTES, NULL);
	for (; fits && count <= MAX_STEPS && reader->steps[count - 1]; count++)
		fits = (chain[count] = gst_element_factory_make(reader->steps[count - 1], NULL)) != NULL;
	for (int i = 0; i < count && chain[i]; i++)
		fits = gst_bin_add(GST_BIN(p->film->pipeline), chain[i]) && fits;
	for (int i = 1; fits && i < count; i++)
		fits = gst_element_link(chain[i - 1], chain[i]);
	if (!fits)
		return false;
	g_autoptr(GstPad) first = gst_element_get_static_pad(chain[0], "sink");
	g_autoptr(GstPad) last = gst_element_get_static_pad(chain[count - 1], "src");
	fits = gst_pad_link(last, p->pad[reader->video]) == GST_PAD_LINK_OK;
	for (int i = count; fits && i-- > 0;)
		fits = gst_element_sync_state_with_parent(chain[i]);
	return fits && gst_pad_link(from, first) == GST_PAD_LINK_OK;
}

static void give_up(struct person *p)
{
	GST_ELEMENT_ERROR(p->film->pipeline, STREAM, FAILED, (NULL), (NULL));
}

/* The first track of each kind: a camera stands before a screen (aparte/webm.h). */
static void on_pad(GstElement *demux, GstPad *pad, gpointer data)
{
	(void)demux;
	struct person *p = data;
	const struct reader *reader = reader_for(pad);
	if (!reader || p->taken[reader->video])
		return;
	p->taken[reader->video] = true;
	if (!append(p, reader, pad))
		give_up(p);
}

/* Nothing comes to this pad: what waits for it need not. */
static void end_pad(GstPad *pad)
{
	GstSegment segment;
	gst_segment_init(&segment, GST_FORMAT_TIME);
	gst_pad_send_event(pad, gst_event_new_stream_start("none"));
	gst_pad_send_event(pad, gst_event_new_segment(&segment));
	gst_pad_send_event(pad, gst_event_new_eos());
}

static void on_no_more_pads(GstElement *demux, gpointer data)
{
	(void)demux;
	const struct person *p = data;
	for (int i = 0; i < 2; i++)
		if (!p->taken[i])
			end_pad(p->pad[i]);
}

static void place(GstPad *pad, int half)
{
	gst_util_set_object_arg(G_OBJECT(pad), "sizing-policy", "keep-aspect-ratio");
	g_object_set(pad, "xpos", half * HALF, "ypos", 0, "width", HALF, "height", AP_FILM_HEIGHT, "zorder", 1u + (guint)half,
		     "max-last-buffer-repeat", (guint64)NO_PICTURE_NS, NULL);
}

static void make_person(struct ap_composition *f, int which, int fd, GstElement *mixer, GstElement *compositor)
{
	struct person *p = &f->persons[which];
	GstElement *source = add(f, "fdsrc"), *demux = add(f, "matroskademux");
	p->film = f;
	if (f->broken)
		return;
	p->pad[0] = gst_element_request_pad_simple(mixer, "sink_%u");
	p->pad[1] = gst_element_request_pad_simple(compositor, "sink_%u");
	place(p->pad[1], which);
	g_object_set(source, "fd", fd, NULL);
	g_signal_connect(demux, "pad-added", G_CALLBACK(on_pad), p);
	g_signal_connect(demux, "no-more-pads", G_CALLBACK(on_no_more_pads), p);
	link_two(f, source, demux);
}

/* The film's threads tell here what becomes of it: the first word that it is over, or failed, stands. */
static GstBusSyncReply on_message(GstBus *bus, GstMessage *m, gpointer film)
{
	(void)bus;
	struct ap_composition *f = film;
	int before = AP_COMPOSITION_RUNS, now = AP_COMPOSITION_RUNS;
	if (GST_MESSAGE_TYPE(m) == GST_MESSAGE_EOS)
		now = AP_COMPOSITION_OVER;
	if (GST_MESSAGE_TYPE(m) == GST_MESSAGE_ERROR)
		now = AP_COMPOSITION_FAILED;
	if (now != before && atomic_compare_exchange_strong(&f->state, &before, now))
		(void)eventfd_write(f->news, 1);
	gst_message_unref(m);
	return GST_BUS_DROP;
}

static void listen_to(struct ap_composition *f)
{
	g_autoptr(GstBus) bus = gst_element_get_bus(f->pipeline);
	gst_bus_set_sync_handler(bus, on_message, f, NULL);
	f->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	f->broken = f->news < 0;
}

struct ap_result ap_composition_new(const int in[2], uint64_t duration_ms, const struct ap_composition_events *events,
			     struct ap_composition **ret_composition)
{
	struct ap_composition *f = g_new0(struct ap_composition, 1);
	f->events = *events;
	f->pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
	listen_to(f);
	GstElement *compositor = make_pictures(f, duration_ms), *mixer = make_sound(f);
	for (int i = 0; i < 2 && !f->broken; i++)
		make_person(f, i, in[i], mixer, compositor);
	if (f->broken || gst_element_set_state(f->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
		ap_composition_free(f);
		return ap_fail(AP_ERR_INTERNAL, "gstreamer", "the film's elements do not fit together");
	}
	*ret_composition = f;
	return AP_SUCCESS;
}

/* ---- running ---- */

int ap_composition_fd(const struct ap_composition *f)
{
	return f->news;
}

enum ap_composition_state ap_composition_look(const struct ap_composition *f)
{
	return (enum ap_composition_state)atomic_load(&f->state);
}

void ap_composition_free(struct ap_composition *f)
{
	if (!f)
		return;
	gst_element_set_state(f->pipeline, GST_STATE_NULL);
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < 2; k++)
			if (f->persons[i].pad[k])
				gst_object_unref(f->persons[i].pad[k]);
	gst_object_unref(f->pipeline);
	if (f->news >= 0)
		close(f->news);
	g_free(f);
}
