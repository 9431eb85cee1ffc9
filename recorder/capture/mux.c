#include "mux.h"

#include "opus.h"

#include <aparte/buf.h>
#include <aparte/limits.h>

#define KEY_CLUSTER_MS 100	  /* keyframes begin clusters no more often than this */
#define CLUSTER_BYTES (4u << 20)  /* a fuller cluster is closed early */
#define AUDIO_OVERLAP_MS 10	  /* an audio frame may begin this much before the last one ends */
#define LINE_OF(track) ((enum ap_line)((track) - 1))

struct held {
	struct ap_frame frame;
	int64_t time_ms;
};

struct ap_mux {
	ap_mux_sink sink; /* borrowed */
	void *ctx;

	GQueue held[AP_WEBM_TRACKS]; /* of struct held, in the order of arrival */
	GByteArray *cluster;	     /* the open one; empty: none */

	enum ap_webm_codec video;
	struct ap_webm_header header;
	struct ap_mux_line lines[AP_LINES];
	uint64_t audio_end_ms;		      /* where the last audio frame ends */
	int64_t floor_ms[AP_WEBM_TRACKS];     /* the next frame of this track is not earlier */
	uint64_t cluster_ms;		      /* time of the open or last cluster; nothing lies before it */
	uint64_t end_ms;		      /* where the last of all frames so far ends */
	bool cluster_key;
};

static void held_free(gpointer data)
{
	struct held *h = data;
	ap_frame_clear(&h->frame);
	g_free(h);
}

struct ap_mux *ap_mux_new(const uint8_t uid[16], enum ap_webm_codec video, ap_mux_sink sink, void *ctx)
{
	struct ap_mux *m = g_new0(struct ap_mux, 1);
	m->sink = sink;
	m->ctx = ctx;
	m->video = video;
	m->cluster = g_byte_array_new();
	for (int i = 0; i < AP_WEBM_TRACKS; i++)
		g_queue_init(&m->held[i]);
	m->header.tracks[AP_WEBM_AUDIO - 1] = (struct ap_webm_track_info){ .codec = AP_WEBM_OPUS, .channels = 2 };
	ap_copy(m->header.uid, sizeof m->header.uid, uid, sizeof m->header.uid);
	return m;
}

static void drop_held(struct ap_mux *m)
{
	for (int i = 0; i < AP_WEBM_TRACKS; i++)
		g_queue_clear_full(&m->held[i], held_free);
}

void ap_mux_free(struct ap_mux *m)
{
	if (!m)
		return;
	drop_held(m);
	g_byte_array_unref(m->cluster);
	g_free(m);
}

void ap_mux_begin(struct ap_mux *m, uint64_t start_ms)
{
	m->audio_end_ms = start_ms;
	for (int i = 0; i < AP_WEBM_TRACKS; i++)
		m->floor_ms[i] = (int64_t)start_ms;
	for (int i = 0; i < AP_LINES; i++)
		m->lines[i] = (struct ap_mux_line){ 0, start_ms, start_ms };
}

void ap_mux_push(struct ap_mux *m, struct ap_frame *frame, int64_t time_ms)
{
	struct held *h = g_new0(struct held, 1);
	h->frame = *frame;
	h->time_ms = time_ms;
	frame->data = frame->codec_data = NULL;
	g_queue_push_tail(&m->held[frame->line], h);
}

/* ---- clusters ---- */

static struct ap_result close_cluster(struct ap_mux *m)
{
	if (m->cluster->len == 0)
		return AP_SUCCESS;
	ap_webm_cluster_end(m->cluster);
	const struct ap_mux_cluster done = { m->cluster->data, m->cluster->len, m->cluster_ms, m->cluster_key, m->end_ms };
	struct ap_result result = m->sink(m->ctx, &done);
	g_byte_array_set_size(m->cluster, 0);
	return result;
}

static bool is_cue_track(const struct ap_mux *m, enum ap_webm_track track)
{
	return track != AP_WEBM_AUDIO && track == ap_webm_cue_track(&m->header);
}

static struct ap_result put_block(struct ap_mux *m, enum ap_webm_track track, uint64_t time_ms, bool keyframe,
				  const void *bytes, size_t len)
{
	bool begins = keyframe && is_cue_track(m, track);
	uint64_t end_ms = track == AP_WEBM_AUDIO ? MAX(m->audio_end_ms, time_ms) : time_ms + AP_WEBM_FRAME_MS;
	uint64_t age = time_ms > m->cluster_ms ? time_ms - m->cluster_ms : 0;
	bool key_cut = begins && !(m->cluster_key && age < KEY_CLUSTER_MS);
	if (age >= AP_CLUSTER_MS || key_cut || m->cluster->len + len > CLUSTER_BYTES)
		AP_TRY(close_cluster(m));
	if (m->cluster->len == 0) {
		ap_webm_cluster_begin(m->cluster, time_ms);
		m->cluster_ms = time_ms;
		m->cluster_key = begins;
	}
	m->end_ms = MAX(m->end_ms, end_ms);
	uint64_t rel = time_ms > m->cluster_ms ? time_ms - m->cluster_ms : 0;
	ap_webm_block(m->cluster, track, (int16_t)rel, keyframe, bytes, len);
	return AP_SUCCESS;
}

/* ---- what comes next ---- */

static const struct held *head(const struct ap_mux *m, enum ap_webm_track track)
{
	return g_queue_peek_head((GQueue *)&m->held[track - 1]);
}

/* Audio that lies before what is written already: it came after silence had taken its place. */
static void drop_late_audio(struct ap_mux *m)
{
	const struct held *h;
	while ((h = head(m, AP_WEBM_AUDIO)) && h->time_ms + AUDIO_OVERLAP_MS < (int64_t)m->audio_end_ms)
		held_free(g_queue_pop_head(&m->held[AP_WEBM_AUDIO - 1]));
}

static bool silence_due(const struct ap_mux *m, uint64_t until_ms)
{
	const struct held *h = head(m, AP_WEBM_AUDIO);
	uint64_t limit = h && (uint64_t)MAX(h->time_ms, 0) < until_ms ? (uint64_t)MAX(h->time_ms, 0) : until_ms;
	return m->audio_end_ms + AP_OPUS_SILENCE_MS <= limit;
}

/* When this track's next frame is to be written; UINT64_MAX: nothing before until_ms. */
static uint64_t next_time(const struct ap_mux *m, enum ap_webm_track track, uint64_t until_ms)
{
	if (track == AP_WEBM_AUDIO && silence_due(m, until_ms))
		return m->audio_end_ms;
	const struct held *h = head(m, track);
	if (!h)
		return UINT64_MAX;
	int64_t time_ms = MAX(h->time_ms, m->floor_ms[track - 1]);
	return (uint64_t)time_ms < until_ms ? (uint64_t)time_ms : UINT64_MAX;
}

/*
 * Where a block of this track goes: what comes late lies behind what is written already. A cluster that began before
 * the last one, or two blocks of one track at one time, would make a file that readers complain of.
 */
static uint64_t place(struct ap_mux *m, enum ap_webm_track track, uint64_t time_ms)
{
	uint64_t at = MAX(MAX(time_ms, m->cluster_ms), (uint64_t)MAX(m->floor_ms[track - 1], 0));
	m->floor_ms[track - 1] = (int64_t)at + (track == AP_WEBM_AUDIO ? 1 : AP_WEBM_FRAME_MS);
	return at;
}

static struct ap_result put_silence(struct ap_mux *m)
{
	size_t len = 0;
	const uint8_t *silence = ap_opus_silence(&len);
	uint64_t at = place(m, AP_WEBM_AUDIO, m->audio_end_ms);
	m->audio_end_ms += AP_OPUS_SILENCE_MS;
	return put_block(m, AP_WEBM_AUDIO, at, true, silence, len);
}

/* The first frame of a track brings it into the header. */
static bool take_track(struct ap_mux *m, enum ap_webm_track track, const struct ap_frame *f)
{
	struct ap_webm_track_info *t = &m->header.tracks[track - 1];
	if (t->codec != AP_WEBM_NONE)
		return true;
	size_t len = 0;
	const void *bytes = f->codec_data ? g_bytes_get_data(f->codec_data, &len) : NULL;
	if (!f->keyframe || f->width == 0 || f->height == 0 || (m->video == AP_WEBM_H264 && len == 0) ||
	    !ap_copy(t->private_bytes, sizeof t->private_bytes, bytes, len))
		return false;
	t->private_len = (uint16_t)len;
	t->width = f->width;
	t->height = f->height;
	t->codec = m->video;
	return true;
}

static void count(struct ap_mux *m, enum ap_webm_track track, uint64_t time_ms)
{
	struct ap_mux_line *l = &m->lines[LINE_OF(track)];
	if (l->frames++ == 0)
		l->first_ms = time_ms;
	l->last_ms = MAX(time_ms, l->first_ms);
}

static struct ap_result put_frame(struct ap_mux *m, enum ap_webm_track track, const struct ap_frame *f,
				  uint64_t time_ms)
{
	size_t len = 0;
	const void *bytes = g_bytes_get_data(f->data, &len);
	unsigned audio_ms = track == AP_WEBM_AUDIO ? ap_opus_packet_ms(bytes, len) : 0;
	if (track == AP_WEBM_AUDIO ? audio_ms == 0 : !take_track(m, track, f))
		return AP_SUCCESS;
	if (track == AP_WEBM_AUDIO)
		m->audio_end_ms = time_ms + audio_ms;
	uint64_t at = place(m, track, time_ms);
	count(m, track, at);
	return put_block(m, track, at, f->keyframe, bytes, len);
}

static struct ap_result put_next(struct ap_mux *m, enum ap_webm_track track, uint64_t time_ms, uint64_t until_ms)
{
	if (track == AP_WEBM_AUDIO && silence_due(m, until_ms))
		return put_silence(m);
	struct held *h = g_queue_pop_head(&m->held[track - 1]);
	struct ap_result result = put_frame(m, track, &h->frame, time_ms);
	held_free(h);
	return result;
}

struct ap_result ap_mux_advance(struct ap_mux *m, uint64_t until_ms)
{
	for (;;) {
		drop_late_audio(m);
		/* Pictures before sound of the same time: a keyframe shall begin its cluster. */
		static const enum ap_webm_track order[] = { AP_WEBM_CAMERA, AP_WEBM_SCREEN, AP_WEBM_AUDIO };
		enum ap_webm_track first = order[0];
		uint64_t time_ms = UINT64_MAX;
		for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
			uint64_t t = next_time(m, order[i], until_ms);
			if (t < time_ms) {
				time_ms = t;
				first = order[i];
			}
		}
		if (time_ms == UINT64_MAX)
			return AP_SUCCESS;
		AP_TRY(put_next(m, first, time_ms, until_ms));
	}
}

uint64_t ap_mux_since(const struct ap_mux *m)
{
	return m->cluster->len > 0 ? m->cluster_ms : UINT64_MAX;
}

struct ap_result ap_mux_cut(struct ap_mux *m)
{
	return close_cluster(m);
}

struct ap_result ap_mux_end(struct ap_mux *m, uint64_t end_ms, bool discard)
{
	if (discard)
		drop_held(m);
	AP_TRY(ap_mux_advance(m, end_ms));
	drop_held(m);
	return close_cluster(m);
}

const struct ap_webm_header *ap_mux_header(const struct ap_mux *m)
{
	return &m->header;
}

struct ap_mux_line ap_mux_line(const struct ap_mux *m, enum ap_line line)
{
	return m->lines[line];
}
