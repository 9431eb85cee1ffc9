#include "capture_sender.h"

#include <aparte/buf.h>
#include <aparte/limits.h>
#include <string.h>

#define MS SENDER_MS
#define FIRST_NTP (UINT64_C(0xE8000000) << 32)
#define CODING_MS 40 /* a picture leaves its sender this much later than the sound of the same time */

/* One line of one person, on its way into the events. */
struct line {
	GArray *events; /* borrowed, as what follows */
	void *owner;
	const struct sender *sender;
	enum ap_role role;
	enum ap_line line;
	uint32_t rate, ssrc, rtp_base;
	uint16_t seq;
};

static void add(const struct line *l, int64_t due_ns, enum ap_gate_kind kind, const struct ap_writer *packet)
{
	uint8_t bytes[AP_GATE_DATAGRAM];
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	const struct ap_gate_header h = {kind, l->role, l->line, 1, 0};
	ap_gate_header_write(&w, &h);
	ap_write_bytes(&w, packet->data, packet->len);
	g_assert_false(w.bad);
	struct sender_event e = {
		.due_ns = due_ns, .owner = l->owner, .datagram = g_memdup2(bytes, w.len), .len = w.len};
	g_array_append_val(l->events, e);
}

static int64_t sent_at(const struct sender *s, enum ap_line line, int64_t media_ns)
{
	int64_t jitter = s->jitter_ms ? g_random_int_range(0, s->jitter_ms) * MS : 0;
	return media_ns + media_ns * s->drift_ppm / 1000000 + s->delay_ms * MS + jitter +
	       (line == AP_LINE_AUDIO ? 0 : CODING_MS * MS);
}

static void add_report(const struct line *l, int64_t media_ns)
{
	uint8_t bytes[28];
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	uint64_t ntp = FIRST_NTP + ((uint64_t)(int64_t)l->sender->ntp_offset_s << 32);
	ntp += ((uint64_t)(media_ns / 1000000000) << 32) + ((uint64_t)(media_ns % 1000000000) << 32) / 1000000000;
	ap_write_u16(&w, 0x80C8);
	ap_write_u16(&w, 6);
	ap_write_u32(&w, l->ssrc);
	ap_write_u64(&w, ntp);
	ap_write_u32(&w, l->rtp_base + (uint32_t)(media_ns / 1000 * (l->rate / 1000) / 1000));
	ap_write_zero(&w, 8);
	add(l, sent_at(l->sender, AP_LINE_AUDIO, media_ns), AP_GATE_RTCP_SR, &w);
}

static void add_packet(struct line *l, const struct media_packet *m)
{
	uint8_t bytes[AP_MAX_PACKET];
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	uint8_t type = l->line == AP_LINE_AUDIO ? AP_GATE_PT_AUDIO : AP_GATE_PT_VIDEO;
	gsize len;
	const void *payload = g_bytes_get_data(m->payload, &len);
	ap_write_u8(&w, 0x80);
	ap_write_u8(&w, (uint8_t)((m->marker ? 0x80 : 0) | type));
	ap_write_u16(&w, l->seq++);
	ap_write_u32(&w, l->rtp_base + m->rtp);
	ap_write_u32(&w, l->ssrc);
	ap_write_bytes(&w, payload, len);
	int64_t due = sent_at(l->sender, l->line, m->time_ns);
	int dice = g_random_int_range(0, 100);
	/* Nothing is lost of the first second: each of these is to begin. */
	if (m->time_ns > 1000 * MS && dice < l->sender->loss_percent)
		return;
	if (m->time_ns > 1000 * MS && dice < l->sender->reorder_percent)
		due += dice % 2 ? 60 * MS : 150 * MS;
	add(l, due, AP_GATE_RTP, &w);
}

static void change_source(struct line *l)
{
	l->ssrc = g_random_int();
	l->seq = (uint16_t)g_random_int();
	l->rtp_base = g_random_int();
}

/* One line's media between two times. */
static void add_line(struct line l, const GArray *media, int64_t from_ms, int64_t to_ms)
{
	int64_t change_ms = l.sender->ssrc_change_ms, reported_ns = -1000000000;
	l.rate = l.line == AP_LINE_AUDIO ? 48000 : 90000;
	change_source(&l);
	for (guint i = 0; i < media->len; i++) {
		const struct media_packet *m = &g_array_index(media, struct media_packet, i);
		if (m->time_ns < from_ms * MS || m->time_ns >= to_ms * MS)
			continue;
		/* A browser begins a new source, and one after a pause, with a keyframe; these have one every 2 s. */
		if (change_ms && m->time_ns >= change_ms * MS) {
			change_ms = 0;
			change_source(&l);
			reported_ns = -1000000000;
		}
		add_packet(&l, m);
		if (m->time_ns - reported_ns >= 1000 * MS) {
			reported_ns = m->time_ns;
			add_report(&l, m->time_ns);
		}
	}
}

/* The same source: another resolution begins with its keyframe, in band. */
static GArray *resized(const GArray *small, const GArray *large)
{
	GArray *both = g_array_new(FALSE, FALSE, sizeof(struct media_packet));
	for (guint i = 0; i < small->len; i++)
		if (g_array_index(small, struct media_packet, i).time_ns < 4000 * MS)
			g_array_append_val(both, g_array_index(small, struct media_packet, i));
	for (guint i = 0; i < large->len; i++)
		if (g_array_index(large, struct media_packet, i).time_ns >= 4000 * MS)
			g_array_append_val(both, g_array_index(large, struct media_packet, i));
	return both;
}

void sender_add(GArray *events, void *owner, const struct sender *s, enum ap_role role, const struct sender_media *m,
		GArray *video)
{
	struct line camera = {events, owner, s, role, AP_LINE_CAMERA, 0, 0, 0, 0}, screen = camera, audio = camera;
	screen.line = AP_LINE_SCREEN;
	audio.line = AP_LINE_AUDIO;
	int to_ms = s->camera_to_ms ? s->camera_to_ms : SENDER_SECONDS * 1000;
	g_autoptr(GArray) pictures = s->resize ? resized(video, m->vp8_large) : g_array_ref(video);
	if (!s->no_camera)
		add_line(camera, pictures, s->camera_from_ms, to_ms);
	if (s->screen)
		add_line(screen, m->vp8_large, 2000, SENDER_SECONDS * 1000);
	if (!s->no_audio)
		add_line(audio, s->dtx ? m->opus_dtx : m->opus, s->audio_from_ms, SENDER_SECONDS * 1000);
}

GArray *sender_video(const struct sender_media *m, const char *codec)
{
	return strcmp(codec, "VP8") == 0 ? m->vp8 : strcmp(codec, "VP9") == 0 ? m->vp9 : m->h264;
}

struct sender_media sender_media_make(void)
{
	return (struct sender_media){
		.vp8 = media_video("VP8", 320, 240, SENDER_SECONDS),
		.vp8_large = media_video("VP8", 640, 360, SENDER_SECONDS),
		.vp9 = media_video("VP9", 320, 240, SENDER_SECONDS),
		.h264 = media_video("H264", 320, 240, SENDER_SECONDS),
		.opus = media_audio(SENDER_SECONDS, false),
		.opus_dtx = media_audio(SENDER_SECONDS, true),
	};
}

void sender_media_clear(struct sender_media *m)
{
	GArray **const all[] = {&m->vp8, &m->vp8_large, &m->vp9, &m->h264, &m->opus, &m->opus_dtx};
	for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
		g_clear_pointer(all[i], g_array_unref);
}
