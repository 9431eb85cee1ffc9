#include "ingest.h"

#include "chain.h"
#include "source.h"
#include "timeline.h"

#define RTP_HEADER 12
#define STARTS_EARLIER_NS INT64_C(700000000) /* a source's first frame may have been taken so long before it came */
/* The gateway's clock is ours: what has not arrived yet is a lie, and would put all that follows into the past. */
#define AHEAD_NS INT64_C(100000000)

struct line {
	struct ap_ingest *in; /* borrowed */
	enum ap_role role;
	enum ap_line line;
	enum ap_chain_codec codec;
	struct ap_source source;
	struct ap_chain *chain; /* NULL before the first packet */
	struct ap_chain_stats stats;
	uint64_t packets, malformed;
	uint16_t in_seq;  /* highest pushed into the chain */
	uint16_t out_seq; /* last that was its turn there */
	int64_t done_ns;  /* time of the last whole frame: what comes is later */
	bool done;	  /* that frame ended with in_seq: nothing is waited for */
};

struct ap_ingest {
	struct ap_tracks *tracks; /* borrowed */
	uint64_t generation;	  /* 0: closed */
	struct ap_timeline persons[2];
	struct line lines[2][AP_LINES];
};

/* ---- what the chains give ---- */

static struct ap_timeline *person_of(struct line *l)
{
	return &l->in->persons[l->role - AP_COACH];
}

static uint64_t stamp(void *ctx, uint16_t seq, uint32_t rtp)
{
	struct line *l = ctx;
	l->out_seq = seq;
	return (uint64_t)ap_timeline_map(person_of(l), l->line, rtp);
}

static GBytes *bytes_of(GstBuffer *buffer)
{
	gpointer data = NULL;
	gsize len = 0;
	gst_buffer_extract_dup(buffer, 0, gst_buffer_get_size(buffer), &data, &len);
	return g_bytes_new_take(data, len);
}

/* Lets the muxers know what they may still have to wait for. */
static void tell_waiting(struct line *l)
{
	ap_tracks_waits(l->in->tracks, l->role, l->line, l->done ? INT64_MAX : l->done_ns);
}

static void note_frame(struct line *l, int64_t time_ns)
{
	l->done_ns = time_ns;
	l->done = l->out_seq == l->in_seq;
	tell_waiting(l);
}

static void frame(void *ctx, const struct ap_chain_frame *f)
{
	struct line *l = ctx;
	struct ap_frame out = {
		.role = l->role,
		.line = l->line,
		.time_ns = (int64_t)GST_BUFFER_PTS(f->buffer),
		.keyframe = f->keyframe,
		.width = f->width,
		.height = f->height,
		.data = bytes_of(f->buffer),
		.codec_data = f->codec_data ? bytes_of(f->codec_data) : NULL,
	};
	ap_tracks_frame(l->in->tracks, &out);
	note_frame(l, out.time_ns);
	ap_frame_clear(&out);
}

/* ---- what comes off the gate ---- */

static enum ap_chain_codec chain_codec(enum ap_capture_codec video, enum ap_line line)
{
	if (line == AP_LINE_AUDIO)
		return AP_CHAIN_OPUS;
	return video == AP_CAPTURE_VP8 ? AP_CHAIN_VP8 : video == AP_CAPTURE_VP9 ? AP_CHAIN_VP9 : AP_CHAIN_H264;
}

struct ap_ingest *ap_ingest_new(enum ap_capture_codec video, struct ap_tracks *tracks)
{
	struct ap_ingest *in = g_new0(struct ap_ingest, 1);
	in->tracks = tracks;
	for (int p = 0; p < 2; p++)
		for (int i = 0; i < AP_LINES; i++)
			in->lines[p][i] = (struct line){ .in = in,
							 .role = (enum ap_role)(AP_COACH + p),
							 .line = (enum ap_line)i,
							 .codec = chain_codec(video, (enum ap_line)i) };
	return in;
}

static void line_end(struct line *l, bool discard)
{
	if (l->chain && discard)
		ap_chain_count(l->chain, &l->stats);
	else if (l->chain)
		ap_chain_finish(l->chain, &l->stats);
	g_clear_pointer(&l->chain, ap_chain_free);
	ap_tracks_waits(l->in->tracks, l->role, l->line, INT64_MAX);
}

void ap_ingest_free(struct ap_ingest *in)
{
	if (!in)
		return;
	for (int p = 0; p < 2; p++)
		for (int i = 0; i < AP_LINES; i++)
			line_end(&in->lines[p][i], true);
	g_free(in);
}

void ap_ingest_open(struct ap_ingest *in, uint64_t generation)
{
	in->generation = generation;
	for (int p = 0; p < 2; p++) {
		in->persons[p] = (struct ap_timeline){ 0 };
		for (int i = 0; i < AP_LINES; i++) {
			struct line *l = &in->lines[p][i];
			l->source = ap_source_new(ap_chain_clock_rate(l->codec));
			l->stats = (struct ap_chain_stats){ 0 };
			l->packets = l->malformed = 0;
		}
	}
}

/* A new source: the old one's last frames come out before its successor's timeline begins. */
static bool restart(struct line *l, const struct ap_source_packet *p)
{
	const struct ap_chain_events events = { stamp, frame, l };
	line_end(l, false);
	ap_timeline_start(person_of(l), l->line, ap_chain_clock_rate(l->codec), p->rtp);
	l->in_seq = p->seq;
	l->done_ns = p->arrival_ns - STARTS_EARLIER_NS;
	l->done = false;
	return ap_ok(ap_chain_new(l->codec, &events, &l->chain));
}

/* RFC 3550 §5.1, as far as the header goes; the depayloader reads the rest. */
static bool read_rtp(struct ap_reader *r, enum ap_line line, struct ap_source_packet *ret_p)
{
	uint8_t first = ap_read_u8(r), type = ap_read_u8(r) & 0x7F;
	ret_p->seq = ap_read_u16(r);
	ret_p->rtp = ap_read_u32(r);
	ret_p->ssrc = ap_read_u32(r);
	return !r->bad && first >> 6 == 2 && type == (line == AP_LINE_AUDIO ? AP_GATE_PT_AUDIO : AP_GATE_PT_VIDEO);
}

static bool take_rtp(struct line *l, struct ap_reader *r, int64_t arrival_ns)
{
	size_t len = ap_reader_left(r);
	struct ap_source_packet p = { .arrival_ns = arrival_ns };
	struct ap_reader header = *r;
	if (!read_rtp(&header, l->line, &p))
		return false;
	enum ap_source_verdict verdict = ap_source_judge(&l->source, &p);
	if (verdict == AP_SOURCE_DROP || (verdict == AP_SOURCE_RESTART && !restart(l, &p)) || !l->chain)
		return false;
	ap_timeline_arrival(person_of(l), l->line, p.rtp, arrival_ns);
	if ((int16_t)(uint16_t)(p.seq - l->in_seq) > 0) {
		l->in_seq = p.seq;
		l->done = false;
	}
	tell_waiting(l);
	const struct ap_chain_packet packet = { gst_buffer_new_memdup(ap_read_span(r, len), len), p.seq, p.rtp, arrival_ns };
	ap_chain_push(l->chain, &packet);
	return true;
}

/* A sender report, RFC 3550 §6.4.1. */
static bool take_report(struct line *l, struct ap_reader *r)
{
	uint8_t first = ap_read_u8(r), type = ap_read_u8(r);
	ap_read_skip(r, 2);
	uint32_t ssrc = ap_read_u32(r);
	uint64_t ntp = ap_read_u64(r);
	uint32_t rtp = ap_read_u32(r);
	if (r->bad || first >> 6 != 2 || type != 200 || ntp == 0)
		return false;
	if (!l->source.active || l->source.ssrc != ssrc)
		return true;
	ap_timeline_report(person_of(l), l->line, ntp, rtp);
	return true;
}

bool ap_ingest_datagram(struct ap_ingest *in, const uint8_t *bytes, size_t len, int64_t now_ns)
{
	struct ap_reader r = ap_reader_over(bytes, len);
	struct ap_gate_header h;
	if (len > AP_GATE_DATAGRAM || !ap_gate_header_read(&r, &h) || in->generation == 0 ||
	    h.generation != in->generation)
		return false;
	struct line *l = &in->lines[h.role - AP_COACH][h.line];
	if (h.arrival_ns > (uint64_t)(now_ns + AHEAD_NS)) {
		l->malformed++;
		return false;
	}
	bool good = h.kind == AP_GATE_RTP ? take_rtp(l, &r, (int64_t)h.arrival_ns) : take_report(l, &r);
	l->malformed += !good;
	l->packets += good && h.kind == AP_GATE_RTP;
	if (good && h.kind == AP_GATE_RTP)
		ap_tracks_heard(in->tracks, h.role, (int64_t)h.arrival_ns);
	return good && h.kind == AP_GATE_RTP;
}

bool ap_ingest_tick(struct ap_ingest *in, int64_t now_ns)
{
	bool waits = false;
	for (int p = 0; p < 2; p++)
		for (int i = 0; i < AP_LINES; i++) {
			struct ap_chain *chain = in->lines[p][i].chain;
			if (!chain || !ap_chain_waits(chain))
				continue;
			ap_chain_tick(chain, now_ns);
			waits = waits || ap_chain_waits(chain);
		}
	return waits;
}

void ap_ingest_close(struct ap_ingest *in, bool discard, struct ap_capture_epoch_report *ret_lines)
{
	for (int p = 0; p < 2; p++)
		for (int i = 0; i < AP_LINES; i++) {
			struct line *l = &in->lines[p][i];
			line_end(l, discard);
			ret_lines->lines[p][i] = (struct ap_capture_line_report){ .packets = l->packets,
										  .lost = l->stats.lost,
										  .late = l->stats.late,
										  .malformed = l->malformed };
		}
	ret_lines->generation = in->generation;
	in->generation = 0;
}
