/*
 * Numbering as sources come and go: each operation is four bytes, what and three of argument. A number given out comes
 * back to the one it was made of; within one source numbers and timestamps keep their distances; a new source goes on
 * right behind what was sent, and what an earlier one sent is never taken for this one's.
 */
#include "fuzz.h"

#include "gateway/stream.h"

enum op { OP_PACKET, OP_RTX, OP_UNBIND, OP_BACK, OP_SOURCE, OPS };

/* What the harness remembers of the source that is attached, by plain arithmetic. */
struct model {
	bool bound;
	uint64_t high;  /* highest number sent, extended by the harness */
	uint64_t first; /* of this source: what it sent lies above */
	uint64_t delta; /* out - in, modulo 2^16 */
	uint32_t ts_delta;
	bool sent; /* by any source */
	int64_t now_ns;
};

static struct ap_rtp packet_of(const uint8_t *argument)
{
	return (struct ap_rtp){.seq = (uint16_t)(argument[0] << 8 | argument[1]), .ts = argument[2] * 960u, .ssrc = 1};
}

/* The extended number nearest to the highest sent. */
static uint64_t extended(const struct model *m, uint16_t out)
{
	return m->high + (uint64_t)(int64_t)(int16_t)(out - (uint16_t)m->high);
}

static void forward(struct ap_stream *s, struct model *m, const uint8_t *argument)
{
	struct ap_rtp rtp = packet_of(argument), in = rtp;
	bool fresh = !m->bound;
	m->now_ns += argument[2] * 1000003ll;
	if (!ap_stream_forward(s, 48000, m->now_ns, &rtp)) {
		g_assert_false(fresh);
		return;
	}
	uint16_t delta = (uint16_t)(rtp.seq - in.seq);
	if (fresh) {
		g_assert_true(m->sent ? rtp.seq == (uint16_t)(m->high + 1) : rtp.seq == in.seq);
		*m = (struct model){true, m->sent ? m->high + 1 : 0x10000u + rtp.seq, 0, delta, rtp.ts - in.ts, true, m->now_ns};
		m->first = s->seq.in_base ? m->high : 0;
	}
	uint64_t out = extended(m, rtp.seq);
	g_assert_true(delta == (uint16_t)m->delta && rtp.ts - in.ts == m->ts_delta && out >= m->first);
	m->high = out > m->high ? out : m->high;
	uint32_t back = 0;
	uint16_t again;
	g_assert_true(ap_seqmap_back(&s->seq, rtp.seq, &back) && (uint16_t)back == in.seq);
	g_assert_true(ap_seqmap_peek(&s->seq, in.seq, &again) && again == rtp.seq);
}

static void forward_rtx(struct ap_stream *s, const struct model *m, const uint8_t *argument)
{
	struct ap_rtp rtp = packet_of(argument);
	uint16_t osn = (uint16_t)(argument[2] << 8 | argument[0]), in = osn, before = rtp.seq;
	uint32_t back = 0;
	if (!ap_stream_forward_rtx(s, &rtp, &osn))
		return;
	g_assert_true(m->bound && osn == (uint16_t)(in + m->delta) && extended(m, osn) >= m->first);
	g_assert_true(ap_seqmap_back(&s->rtx, rtp.seq, &back) && (uint16_t)back == before);
}

/* Whatever number the receiver speaks of: this source's, and as it would be numbered again, or none. */
static void ask_back(const struct ap_stream *s, const struct model *m, const uint8_t *argument)
{
	uint16_t asked = (uint16_t)(argument[0] << 8 | argument[1]), again = 0;
	uint32_t in = 0;
	if (!ap_seqmap_back(&s->seq, asked, &in))
		return;
	g_assert_true(m->bound && extended(m, asked) >= m->first && extended(m, asked) <= m->high);
	g_assert_true(ap_seqmap_peek(&s->seq, (uint16_t)in, &again) && again == asked);
}

/* Lines that differ in payload types, RTX and direction. */
static const struct ap_leg_line lines[AP_LINES] = {
	{.present = true, .from_client = true, .pt = 111, .mid = "0", .ext = {4}},
	{.present = true, .from_client = true, .pt = 96, .rtx_pt = 97, .mid = "1", .ext = {4}, .remote_ssrc = 7},
	{.present = true, .from_client = false, .pt = 98, .rtx_pt = 99, .mid = "2", .ext = {4}},
};

static void find_source(struct ap_sources *sources, const uint8_t *argument)
{
	static const uint8_t types[] = {111, 96, 97, 98, 99, 0};
	uint8_t element[4] = {0x40, (uint8_t)('0' + argument[2] % 4), 0, 0};
	struct ap_rtp rtp = {.ssrc = argument[0] % 9, .pt = types[argument[1] % sizeof types]};
	struct ap_origin origin, again;
	if (argument[2] & 128) {
		rtp.profile = 0xbede;
		rtp.ext = ap_reader_over(element, sizeof element);
	}
	if (!ap_sources_find(sources, &rtp, &origin))
		return;
	const struct ap_leg_line *line = &lines[origin.line];
	const struct ap_source *source = &sources->of[origin.line];
	g_assert_true(rtp.ssrc && line->present && line->from_client);
	g_assert_true(rtp.pt == (origin.rtx ? line->rtx_pt : line->pt));
	g_assert_true(rtp.ssrc == (origin.rtx ? source->rtx_ssrc : source->ssrc));
	g_assert_true(source->left == 0 || source->left != source->ssrc);
	g_assert_true(ap_sources_find(sources, &rtp, &again) && !again.fresh);
	g_assert_true(again.line == origin.line && again.rtx == origin.rtx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ap_stream s = {0};
	struct model m = {0};
	struct ap_sources sources;
	ap_sources_init(&sources, lines);
	for (size_t i = 0; i + 4 <= size; i += 4) {
		const uint8_t *argument = data + i + 1;
		switch ((enum op)(data[i] % OPS)) {
		case OP_PACKET:
			forward(&s, &m, argument);
			break;
		case OP_RTX:
			forward_rtx(&s, &m, argument);
			break;
		case OP_UNBIND:
			ap_stream_unbind(&s);
			m.bound = false;
			break;
		case OP_BACK:
			ask_back(&s, &m, argument);
			break;
		default:
			find_source(&sources, argument);
			break;
		}
	}
	return 0;
}
