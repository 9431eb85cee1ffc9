#include "tests/testlib/numbered.h"

#include <string.h>

enum { TICK_MS = 5, FRAME_MS = 33, SOUND_MS = 20, REPORT_MS = 1000, KEY_LEAST_MS = 100 };
enum { CHUNK = 1000, KEY_PACKETS = 9, DELTA_PACKETS = 3, HISTORY = 4096 };
enum { ASK_MS = 10, ASK_AGAIN_MS = 100, GIVE_UP_MS = 2500, NO_REPAIR_MS = 150, PLI_MS = 300 };
enum { VP8_START = 0x10, KEY_HEADER = 10, DELTA_HEADER = 3, MARK = 0x4e554d42, SOUND_BYTES = 60, SOUND_TOC = 0x08 };
enum { RR = 201, RTPFB = 205, PSFB = 206, FMT_NACK = 1, FMT_PLI = 1 };
#define MS INT64_C(1000000)
#define FIRST_NTP (UINT64_C(0xE8000000) << 32)

/* A packet that may be asked for again. */
struct sent {
	bool used, marker;
	uint16_t seq;
	uint32_t ts;
	size_t len;
	uint8_t payload[CHUNK + 32];
};

/* A packet that did not come yet. */
struct missing {
	uint16_t seq;
	int64_t since_ns, asked_ns;
};

struct source {
	uint32_t ssrc, rtx_ssrc, ts_base;
	uint16_t seq, rtx_seq;
};

struct ap_numbered {
	struct ap_numbered_options o;
	struct ap_numbered *other; /* borrowed */
	GSource *timer;		   /* owned, as what follows */
	GArray *frames, *sounds;   /* of struct ap_numbered_item */
	GArray *missing;	   /* of struct missing, by number on the wire */
	struct sent *history;
	struct source sources[AP_LINES];
	uint16_t twcc;
	bool sending, key_wanted;
	int64_t start_ns, key_ns, reported_ns;
	bool heard; /* the receiving half */
	uint16_t high;
	bool broken; /* a keyframe is needed */
	int64_t pli_ns;
};

static int64_t now_ns(void)
{
	return g_get_monotonic_time() * 1000;
}

static struct ap_numbered_item *item(GArray *of, size_t i)
{
	return &g_array_index(of, struct ap_numbered_item, i);
}

/* The sender's own clock runs fast or slow. */
static uint32_t ts_of(const struct ap_numbered *n, enum ap_line line, int64_t taken_ns)
{
	int64_t rate = line == AP_LINE_AUDIO ? 48000 : 90000, since = taken_ns - n->start_ns;
	since += since / 1000000 * n->o.drift_ppm;
	return n->sources[line].ts_base + (uint32_t)(since / 1000 * rate / 1000000);
}

/* ---- sending ---- */

static void send_packet(struct ap_numbered *n, const struct ap_fixture_rtp *like, bool marker)
{
	struct ap_fixture_rtp rtp = *like;
	rtp.with_mid = true;
	rtp.twcc = n->twcc++;
	rtp.marker = marker;
	ap_fixture_send(n->o.fixture, n->o.side, &rtp);
}

static size_t write_chunk(const struct ap_numbered_item *frame, uint32_t number, unsigned index, uint8_t *bytes, size_t cap)
{
	struct ap_writer w = ap_writer_over(bytes, cap);
	ap_write_u8(&w, index == 0 ? VP8_START : 0);
	if (index == 0 && frame->key) {
		ap_write_u24(&w, 0x100000);	/* frame tag: key, shown; its first bit is the last of the first byte */
		ap_write_u24(&w, 0x9d012a);
		ap_write_u32(&w, 0x8002e001); /* 640 x 480 */
	} else if (index == 0) {
		ap_write_u24(&w, 0x110000);
	}
	ap_write_u32(&w, MARK);
	ap_write_u32(&w, number);
	ap_write_u16(&w, (uint16_t)index);
	ap_write_u16(&w, (uint16_t)frame->count);
	while (w.len < CHUNK)
		ap_write_u8(&w, (uint8_t)(number + w.len));
	return w.len;
}

static void send_frame(struct ap_numbered *n, int64_t taken_ns)
{
	struct source *s = &n->sources[AP_LINE_CAMERA];
	bool key = n->key_wanted && taken_ns - n->key_ns > KEY_LEAST_MS * MS;
	struct ap_numbered_item frame = {.taken_ns = taken_ns, .key = key, .count = key ? KEY_PACKETS : 1 + n->frames->len % DELTA_PACKETS};
	uint32_t ts = ts_of(n, AP_LINE_CAMERA, taken_ns), number = n->frames->len;
	if (key) {
		n->key_wanted = false;
		n->key_ns = taken_ns;
	}
	for (unsigned i = 0; i < frame.count; i++) {
		struct sent *kept = &n->history[s->seq % HISTORY];
		*kept = (struct sent){.used = true, .marker = i + 1 == frame.count, .seq = s->seq, .ts = ts};
		kept->len = write_chunk(&frame, number, i, kept->payload, sizeof kept->payload);
		frame.size += kept->len - 1;
		send_packet(n,
			    &(struct ap_fixture_rtp){.line = AP_LINE_CAMERA, .seq = s->seq++, .ts = ts, .ssrc = s->ssrc,
						     .payload = kept->payload, .len = kept->len},
			    kept->marker);
	}
	g_array_append_val(n->frames, frame);
}

static void send_sound(struct ap_numbered *n, int64_t taken_ns)
{
	uint8_t bytes[SOUND_BYTES] = {0};
	struct source *s = &n->sources[AP_LINE_AUDIO];
	struct ap_numbered_item sound = {.taken_ns = taken_ns, .count = 1, .size = sizeof bytes};
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	ap_write_u8(&w, SOUND_TOC); /* one frame of 20 ms */
	ap_write_u32(&w, MARK);
	ap_write_u32(&w, n->sounds->len);
	send_packet(n,
		    &(struct ap_fixture_rtp){.line = AP_LINE_AUDIO, .seq = s->seq++, .ts = ts_of(n, AP_LINE_AUDIO, taken_ns),
					     .ssrc = s->ssrc, .payload = bytes, .len = sizeof bytes},
		    false);
	g_array_append_val(n->sounds, sound);
}

static void send_rtcp(struct ap_numbered *n, const struct ap_writer *w)
{
	if (!w->bad && ap_peer_ready(n->o.fixture->sides[n->o.side].peer))
		ap_peer_send(n->o.fixture->sides[n->o.side].peer, true, w->data, w->len);
}

static void report(struct ap_numbered *n, enum ap_line line, int64_t now)
{
	uint8_t bytes[32];
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	int64_t clock = now - n->start_ns + (now - n->start_ns) / 1000000 * n->o.drift_ppm;
	uint64_t ntp = FIRST_NTP + ((uint64_t)(int64_t)n->o.ntp_offset_s << 32);
	ntp += ((uint64_t)(clock / 1000000000) << 32) + ((uint64_t)(clock % 1000000000) << 32) / 1000000000;
	ap_write_u16(&w, 0x80C8);
	ap_write_u16(&w, 6);
	ap_write_u32(&w, n->sources[line].ssrc);
	ap_write_u64(&w, ntp);
	ap_write_u32(&w, ts_of(n, line, now));
	ap_write_zero(&w, 8);
	send_rtcp(n, &w);
}

static void send_due(struct ap_numbered *n, int64_t now)
{
	int64_t next;
	while ((next = n->start_ns + (int64_t)n->frames->len * FRAME_MS * MS) + n->o.frame_delay_ms * MS <= now)
		send_frame(n, next);
	while ((next = n->start_ns + (int64_t)n->sounds->len * SOUND_MS * MS) <= now)
		send_sound(n, next);
	if (now - n->reported_ns < REPORT_MS * MS)
		return;
	n->reported_ns = now;
	report(n, AP_LINE_AUDIO, now);
	report(n, AP_LINE_CAMERA, now);
}

static void repeat(struct ap_numbered *n, uint16_t seq)
{
	const struct sent *kept = &n->history[seq % HISTORY];
	struct source *s = &n->sources[AP_LINE_CAMERA];
	uint8_t bytes[sizeof kept->payload + 2];
	if (!kept->used || kept->seq != seq || n->o.no_rtx)
		return;
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	ap_write_u16(&w, seq);
	ap_write_bytes(&w, kept->payload, kept->len);
	send_packet(n,
		    &(struct ap_fixture_rtp){.line = AP_LINE_CAMERA, .rtx = true, .seq = s->rtx_seq++, .ts = kept->ts,
					     .ssrc = s->rtx_ssrc, .payload = bytes, .len = w.len},
		    kept->marker);
}

/* ---- receiving ---- */

static void read_nacks(struct ap_numbered *n, struct ap_reader *r)
{
	while (ap_reader_left(r) >= 4) {
		uint16_t first = ap_read_u16(r), more = ap_read_u16(r);
		repeat(n, first);
		for (unsigned i = 0; i < 16; i++)
			if (more >> i & 1)
				repeat(n, (uint16_t)(first + 1 + i));
	}
}

static void take_rtcp(struct ap_numbered *n, const struct ap_peer_packet *p)
{
	struct ap_reader r = ap_reader_over(p->bytes, p->len);
	while (ap_reader_left(&r) >= 4) {
		uint8_t format = ap_read_u8(&r) & 0x1f, type = ap_read_u8(&r);
		struct ap_reader body = ap_read_sub(&r, (size_t)ap_read_u16(&r) * 4);
		if (type != RTPFB && type != PSFB)
			continue;
		ap_read_u32(&body);
		if (ap_read_u32(&body) != n->sources[AP_LINE_CAMERA].ssrc || body.bad)
			continue;
		if (type == RTPFB && format == FMT_NACK)
			read_nacks(n, &body);
		else if (type == PSFB && format == FMT_PLI)
			n->key_wanted = true;
	}
}

static void mark_missing(struct ap_numbered *n, uint16_t from, uint16_t to, int64_t now)
{
	for (uint16_t seq = from; seq != to; seq++) {
		struct missing m = {.seq = seq, .since_ns = now};
		g_array_append_val(n->missing, m);
	}
}

static void mark_come(struct ap_numbered *n, uint16_t seq, int64_t now)
{
	int16_t ahead = (int16_t)(uint16_t)(seq - n->high);
	if (!n->heard || ahead > 3000 || ahead < -3000)
		n->missing->len = 0;
	else if (ahead > 0)
		mark_missing(n, (uint16_t)(n->high + 1), seq, now);
	if (!n->heard || ahead > 0)
		n->high = seq;
	n->heard = true;
	for (guint i = 0; i < n->missing->len; i++)
		if (g_array_index(n->missing, struct missing, i).seq == seq) {
			g_array_remove_index(n->missing, i);
			return;
		}
}

/* Skips to the mark of a camera packet's payload. */
static bool read_chunk(struct ap_reader *r, bool *ret_key, uint32_t *ret_number, unsigned *ret_index)
{
	bool first = ap_read_u8(r) & VP8_START;
	if (first && ap_reader_left(r) > 0) {
		*ret_key = !(r->data[r->off] & 1);
		ap_read_skip(r, *ret_key ? KEY_HEADER : DELTA_HEADER);
	}
	uint32_t mark = ap_read_u32(r);
	*ret_number = ap_read_u32(r);
	*ret_index = ap_read_u16(r);
	return !r->bad && mark == MARK;
}

static void got_frame_part(struct ap_numbered *n, struct ap_reader *r, int64_t now)
{
	bool key = false;
	uint32_t number;
	unsigned index;
	if (!read_chunk(r, &key, &number, &index) || number >= n->other->frames->len)
		return;
	struct ap_numbered_item *frame = item(n->other->frames, number);
	frame->got |= UINT64_C(1) << index;
	if (frame->complete_ns || frame->got != (UINT64_C(1) << frame->count) - 1)
		return;
	frame->complete_ns = now;
	n->broken = n->broken && !frame->key;
}

static void got_sound(struct ap_numbered *n, const struct ap_rtp *rtp, const uint8_t *payload, int64_t now)
{
	uint32_t number;
	if (ap_numbered_read_sound(payload, rtp->payload, &number) && number < n->other->sounds->len &&
	    !item(n->other->sounds, number)->complete_ns)
		item(n->other->sounds, number)->complete_ns = now;
}

static void take_rtp(struct ap_numbered *n, const struct ap_peer_packet *p, int64_t now)
{
	const struct ap_leg_line *lines = n->o.fixture->sides[n->o.side].leg.lines;
	struct ap_rtp rtp;
	if (!ap_rtp_parse(p->bytes, p->len, &rtp))
		return;
	struct ap_reader r = ap_reader_over(p->bytes + rtp.header, rtp.payload);
	if (rtp.ssrc == lines[AP_LINE_AUDIO].local_ssrc) {
		got_sound(n, &rtp, p->bytes + rtp.header, now);
	} else if (rtp.ssrc == lines[AP_LINE_CAMERA].local_ssrc) {
		mark_come(n, rtp.seq, now);
		got_frame_part(n, &r, now);
	} else if (rtp.ssrc == lines[AP_LINE_CAMERA].local_rtx_ssrc) {
		mark_come(n, ap_read_u16(&r), now);
		got_frame_part(n, &r, now);
	}
}

/* A packet of its own for each number: simple, and more is lost on the way. */
static void ask_again(struct ap_numbered *n, int64_t now)
{
	const struct ap_leg_line *line = &n->o.fixture->sides[n->o.side].leg.lines[AP_LINE_CAMERA];
	int64_t patience = (n->other->o.no_rtx ? NO_REPAIR_MS : GIVE_UP_MS) * MS;
	for (guint i = 0; i < n->missing->len; i++) {
		struct missing *m = &g_array_index(n->missing, struct missing, i);
		if (now - m->since_ns > patience) {
			n->broken = true;
			g_array_remove_index(n->missing, i--);
		} else if (now - m->since_ns >= ASK_MS * MS && now - m->asked_ns >= ASK_AGAIN_MS * MS) {
			uint8_t bytes[16];
			struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
			ap_write_u32(&w, 0x80000000u | FMT_NACK << 24 | RTPFB << 16 | 3);
			ap_write_u32(&w, n->sources[AP_LINE_CAMERA].ssrc);
			ap_write_u32(&w, line->local_ssrc);
			ap_write_u16(&w, m->seq);
			ap_write_u16(&w, 0);
			send_rtcp(n, &w);
			m->asked_ns = now;
		}
	}
}

static void ask_keyframe(struct ap_numbered *n, int64_t now)
{
	uint8_t bytes[12];
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	if (!n->broken || now - n->pli_ns < PLI_MS * MS)
		return;
	n->pli_ns = now;
	ap_write_u32(&w, 0x80000000u | FMT_PLI << 24 | PSFB << 16 | 2);
	ap_write_u32(&w, n->sources[AP_LINE_CAMERA].ssrc);
	ap_write_u32(&w, n->o.fixture->sides[n->o.side].leg.lines[AP_LINE_CAMERA].local_ssrc);
	send_rtcp(n, &w);
}

static gboolean on_tick(gpointer numbered)
{
	struct ap_numbered *n = numbered;
	struct ap_peer *peer = n->o.fixture->sides[n->o.side].peer;
	struct ap_peer_packet *packet;
	int64_t now = now_ns();
	while ((packet = ap_peer_take(peer))) {
		if (packet->rtcp)
			take_rtcp(n, packet);
		else if (n->other)
			take_rtp(n, packet, now);
		g_free(packet);
	}
	if (n->sending && ap_peer_ready(peer))
		send_due(n, now);
	if (n->other) {
		ask_again(n, now);
		ask_keyframe(n, now);
	}
	return G_SOURCE_CONTINUE;
}

/* ---- life ---- */

static void choose_sources(struct ap_numbered *n)
{
	for (int i = 0; i < AP_LINES; i++)
		n->sources[i] = (struct source){g_random_int() | 1, g_random_int() | 1, g_random_int(), (uint16_t)g_random_int(),
						(uint16_t)g_random_int()};
}

struct ap_numbered *ap_numbered_new(const struct ap_numbered_options *options)
{
	struct ap_numbered *n = g_new0(struct ap_numbered, 1);
	n->o = *options;
	n->frames = g_array_new(FALSE, FALSE, sizeof(struct ap_numbered_item));
	n->sounds = g_array_new(FALSE, FALSE, sizeof(struct ap_numbered_item));
	n->missing = g_array_new(FALSE, FALSE, sizeof(struct missing));
	n->history = g_new0(struct sent, HISTORY);
	choose_sources(n);
	n->timer = g_timeout_source_new(TICK_MS);
	g_source_set_callback(n->timer, on_tick, n, NULL);
	g_source_attach(n->timer, options->fixture->context);
	return n;
}

void ap_numbered_pair(struct ap_numbered *a, struct ap_numbered *b)
{
	a->other = b;
	b->other = a;
}

void ap_numbered_start(struct ap_numbered *n)
{
	n->start_ns = now_ns();
	n->sending = n->key_wanted = true;
}

void ap_numbered_stop(struct ap_numbered *n)
{
	n->sending = false;
}

void ap_numbered_reload(struct ap_numbered *n)
{
	choose_sources(n);
	memset(n->history, 0, HISTORY * sizeof *n->history);
	n->key_wanted = true;
	n->key_ns = n->reported_ns = 0;
	n->heard = n->broken = false;
	n->missing->len = 0;
}

void ap_numbered_free(struct ap_numbered *n)
{
	if (!n)
		return;
	g_source_destroy(n->timer);
	g_source_unref(n->timer);
	g_array_unref(n->frames);
	g_array_unref(n->sounds);
	g_array_unref(n->missing);
	g_free(n->history);
	g_free(n);
}

const struct ap_numbered_item *ap_numbered_frames(const struct ap_numbered *n, size_t *ret_count)
{
	*ret_count = n->frames->len;
	return (const struct ap_numbered_item *)n->frames->data;
}

const struct ap_numbered_item *ap_numbered_sounds(const struct ap_numbered *n, size_t *ret_count)
{
	*ret_count = n->sounds->len;
	return (const struct ap_numbered_item *)n->sounds->data;
}

void ap_numbered_shown(const struct ap_numbered *n, bool *ret_shown)
{
	bool whole = false;
	int64_t patience_ns = (n->o.patience_ms ? n->o.patience_ms : AP_NUMBERED_PATIENCE_MS) * MS;
	for (guint i = 0; i < n->frames->len; i++) {
		const struct ap_numbered_item *f = item(n->frames, i);
		bool came = f->complete_ns && f->complete_ns - f->taken_ns <= patience_ns;
		whole = came && (whole || f->key);
		ret_shown[i] = whole;
	}
}

bool ap_numbered_read_frame(const uint8_t *bytes, size_t len, uint32_t *ret_number)
{
	struct ap_reader r = ap_reader_over(bytes, len);
	bool key = len > 0 && !(bytes[0] & 1);
	ap_read_skip(&r, key ? KEY_HEADER : DELTA_HEADER);
	bool marked = ap_read_u32(&r) == MARK;
	*ret_number = ap_read_u32(&r);
	return marked && !r.bad;
}

bool ap_numbered_read_sound(const uint8_t *bytes, size_t len, uint32_t *ret_number)
{
	struct ap_reader r = ap_reader_over(bytes, len);
	bool toc = ap_read_u8(&r) == SOUND_TOC, marked = ap_read_u32(&r) == MARK;
	*ret_number = ap_read_u32(&r);
	return toc && marked && !r.bad;
}
