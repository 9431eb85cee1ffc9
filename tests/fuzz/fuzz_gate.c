/*
 * Datagrams off the gate, as the capture sorts them: header, sources, timelines; the chains of GStreamer behind them are
 * stood in for here (what they are given is checked, not decoded). The input is a run of datagrams, each with its
 * length; a bit says whether the epoch's generation is put in. Nothing of another generation passes, every datagram is
 * counted as what it was, and whatever the timestamps are, the time made of them is one.
 */
#include "fuzz.h"

#include <gst/gst.h>
#include <recorder/capture/chain.h>
#include <recorder/capture/ingest.h>
#include <string.h>

#define GENERATION UINT64_C(0x1122334455667788)

/* ---- the chain and the tracks, in place of the real ones ---- */

struct ap_chain {
	struct ap_chain_events events;
	enum ap_chain_codec codec;
};

static unsigned made, freed, pushed; /* of this run */
static size_t expected;		     /* bytes of the packet that may be pushed now */

struct ap_result ap_chain_new(enum ap_chain_codec codec, const struct ap_chain_events *events, struct ap_chain **ret_chain)
{
	*ret_chain = g_new0(struct ap_chain, 1);
	(*ret_chain)->events = *events;
	(*ret_chain)->codec = codec;
	made++;
	return AP_SUCCESS;
}

/* Every packet is its turn at once, whatever its timestamp. */
void ap_chain_push(struct ap_chain *c, const struct ap_chain_packet *packet)
{
	uint8_t header[12];
	g_assert_true(gst_buffer_get_size(packet->buffer) == expected && expected >= sizeof header && packet->arrival_ns >= 0);
	g_assert_true(gst_buffer_extract(packet->buffer, 0, header, sizeof header) == sizeof header);
	g_assert_true(header[0] >> 6 == 2);
	g_assert_cmpuint(header[1] & 0x7F, ==, c->codec == AP_CHAIN_OPUS ? AP_GATE_PT_AUDIO : AP_GATE_PT_VIDEO);
	struct ap_reader r = ap_reader_over(header + 2, 6);
	g_assert_cmpuint(packet->seq, ==, ap_read_u16(&r));
	g_assert_cmpuint(packet->rtp, ==, ap_read_u32(&r));
	g_assert_true(c->events.stamp(c->events.ctx, packet->seq, packet->rtp) <= INT64_MAX);
	pushed++;
	gst_buffer_unref(packet->buffer);
}

void ap_chain_tick(struct ap_chain *c, int64_t now_ns)
{
	g_assert_true(c && now_ns > 0);
}

bool ap_chain_waits(const struct ap_chain *c)
{
	return c->codec == AP_CHAIN_OPUS; /* either way is possible */
}

void ap_chain_finish(struct ap_chain *c, struct ap_chain_stats *stats)
{
	(void)c;
	stats->lost++;
}

void ap_chain_count(const struct ap_chain *c, struct ap_chain_stats *stats)
{
	(void)c;
	stats->late++;
}

void ap_chain_free(struct ap_chain *c)
{
	freed += c != NULL;
	g_free(c);
}

uint32_t ap_chain_clock_rate(enum ap_chain_codec codec)
{
	return codec == AP_CHAIN_OPUS ? 48000 : 90000;
}

bool ap_tracks_frame(struct ap_tracks *t, struct ap_frame *frame)
{
	(void)t, (void)frame;
	g_assert_not_reached(); /* the chains above give no frames */
}

void ap_tracks_waits(struct ap_tracks *t, enum ap_role role, enum ap_line line, int64_t from_ns)
{
	(void)t, (void)from_ns;
	g_assert_true((role == AP_COACH || role == AP_COACHEE) && line < AP_LINES);
}

void ap_tracks_heard(struct ap_tracks *t, enum ap_role role, int64_t arrival_ns)
{
	(void)t;
	g_assert_true((role == AP_COACH || role == AP_COACHEE) && arrival_ns >= 0);
}

/* ---- the run ---- */

/* Written from docs, not with the reader under test: version, kind, role, line, generation, arrival. */
static bool well_formed(const uint8_t *d, size_t len, uint64_t generation)
{
	struct ap_reader r = ap_reader_over(d, len);
	uint8_t version = ap_read_u8(&r), kind = ap_read_u8(&r), role = ap_read_u8(&r), line = ap_read_u8(&r);
	uint64_t named = ap_read_u64(&r), arrival = ap_read_u64(&r);
	return !r.bad && len <= AP_GATE_DATAGRAM && version == 1 && (kind == 1 || kind == 2) && (role == 1 || role == 2) &&
	       line <= 2 && named == generation && generation != 0 && arrival <= INT64_MAX;
}

struct counts {
	uint64_t taken, refused; /* well-formed headers; by what datagram() said */
};

static void one(struct ap_ingest *in, uint8_t *d, size_t len, uint64_t generation, struct counts *c)
{
	int64_t now_ns = ap_mono_ns(ap_clock_system());
	unsigned before = pushed;
	expected = len >= AP_GATE_HEADER ? len - AP_GATE_HEADER : 0;
	bool fits = well_formed(d, len, generation), media = ap_ingest_datagram(in, d, len, now_ns);
	g_assert_true(media == (pushed == before + 1) && (media || pushed == before));
	g_assert_true(!media || (fits && d[1] == AP_GATE_RTP));
	c->taken += media;
	c->refused += fits && !media && d[1] == AP_GATE_RTP;
}

static void check_report(const struct ap_capture_epoch_report *report, const struct counts *c)
{
	uint64_t packets = 0, malformed = 0;
	for (int p = 0; p < 2; p++)
		for (int i = 0; i < AP_LINES; i++) {
			packets += report->lines[p][i].packets;
			malformed += report->lines[p][i].malformed;
		}
	g_assert_cmpuint(packets, ==, c->taken);
	g_assert_cmpuint(malformed, >=, c->refused); /* reports that are none count too */
	g_assert_true(report->generation == GENERATION);
}

static void play(struct ap_ingest *in, struct ap_reader *r)
{
	struct ap_capture_epoch_report report = { 0 };
	struct counts c = { 0 }, none = { 0 };
	ap_ingest_open(in, GENERATION);
	while (ap_reader_left(r) > 2) {
		uint16_t head = ap_read_u16(r);
		size_t len = MIN(head & 0x7FFu, ap_reader_left(r));
		g_autofree uint8_t *d = len > 0 ? g_memdup2(ap_read_span(r, len), len) : g_malloc(1);
		if (head & 0x8000 && len >= AP_GATE_HEADER) {
			struct ap_writer w = ap_writer_over(d + 4, 8);
			ap_write_u64(&w, GENERATION);
		}
		one(in, d, len, GENERATION, &c);
		if (head & 0x4000 && len >= AP_GATE_HEADER) {
			d[11] ^= 1; /* the generation before or after ours */
			one(in, d, len, GENERATION, &c);
		}
	}
	(void)ap_ingest_tick(in, ap_mono_ns(ap_clock_system()));
	ap_ingest_close(in, c.taken & 1, &report);
	check_report(&report, &c);
	uint8_t late[AP_GATE_HEADER + 12] = { 1, 1, 1, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 };
	one(in, late, sizeof late, 0, &none); /* closed: nothing passes */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!gst_is_initialized())
		gst_init(NULL, NULL);
	if (size < 1)
		return 0;
	struct ap_reader r = ap_reader_over(data + 1, size - 1);
	struct ap_ingest *in = ap_ingest_new((enum ap_capture_codec)(1 + data[0] % 3), NULL);
	made = freed = pushed = 0;
	play(in, &r);
	ap_ingest_free(in);
	g_assert_cmpuint(made, ==, freed);
	return 0;
}
