#include "gateway/stream.h"

#include <string.h>

enum { FIRST_CYCLE = 0x10000, NS_PER_S = 1000000000 };

/* The extended number nearest to `high` whose low 16 bits are `low`. */
static uint64_t extend(uint64_t high, uint16_t low)
{
	return high + (uint64_t)(int64_t)(int16_t)(low - (uint16_t)high);
}

void ap_seqmap_unbind(struct ap_seqmap *m)
{
	m->bound = false;
}

static void bind_seq(struct ap_seqmap *m, uint16_t first)
{
	m->in_high = FIRST_CYCLE + first;
	/* The very first source keeps its numbers, so packets overtaken by its first are welcome too. */
	m->in_base = m->used ? m->in_high : 0;
	m->delta = m->used ? m->out_high + 1 - m->in_high : 0;
	m->out_high = m->in_high + m->delta;
	m->used = m->bound = true;
}

bool ap_seqmap_peek(const struct ap_seqmap *m, uint16_t in, uint16_t *ret_out)
{
	if (!m->bound)
		return false;
	uint64_t extended = extend(m->in_high, in);
	if (extended < m->in_base)
		return false;
	*ret_out = (uint16_t)(extended + m->delta);
	return true;
}

bool ap_seqmap_forward(struct ap_seqmap *m, uint16_t in, uint16_t *ret_out)
{
	if (!m->bound)
		bind_seq(m, in);
	if (!ap_seqmap_peek(m, in, ret_out))
		return false;
	uint64_t extended = extend(m->in_high, in);
	if (extended > m->in_high) {
		m->in_high = extended;
		m->out_high = extended + m->delta;
	}
	return true;
}

bool ap_seqmap_back(const struct ap_seqmap *m, uint16_t out, uint32_t *ret_in_extended)
{
	if (!m->bound)
		return false;
	uint64_t in = extend(m->out_high, out) - m->delta;
	if (in < m->in_base || in > m->in_high)
		return false;
	*ret_in_extended = (uint32_t)(in - FIRST_CYCLE);
	return true;
}

void ap_stream_unbind(struct ap_stream *s)
{
	ap_seqmap_unbind(&s->seq);
	ap_seqmap_unbind(&s->rtx);
}

/* A new source's clock goes on where the last one's would be by now. */
static void bind_ts(struct ap_stream *s, uint32_t clock_rate, int64_t now_ns, uint32_t first)
{
	if (!s->seq.used)
		return;
	int64_t elapsed = now_ns > s->at_ns ? now_ns - s->at_ns : 0;
	int64_t whole = elapsed / NS_PER_S * clock_rate, part = elapsed % NS_PER_S * clock_rate / NS_PER_S;
	s->ts_delta = s->ts_last + (uint32_t)(whole + part) + 1 - first;
}

bool ap_stream_forward(struct ap_stream *s, uint32_t clock_rate, int64_t now_ns, struct ap_rtp *rtp)
{
	if (!s->seq.bound)
		bind_ts(s, clock_rate, now_ns, rtp->ts);
	uint64_t before = s->seq.out_high;
	if (!ap_seqmap_forward(&s->seq, rtp->seq, &rtp->seq))
		return false;
	rtp->ts += s->ts_delta;
	if (s->seq.out_high != before) {
		s->ts_last = rtp->ts;
		s->at_ns = now_ns;
	}
	return true;
}

bool ap_stream_forward_rtx(struct ap_stream *s, struct ap_rtp *rtp, uint16_t *osn)
{
	if (!ap_seqmap_peek(&s->seq, *osn, osn) || !ap_seqmap_forward(&s->rtx, rtp->seq, &rtp->seq))
		return false;
	rtp->ts += s->ts_delta;
	return true;
}

void ap_sources_init(struct ap_sources *s, const struct ap_leg_line lines[AP_LINES])
{
	s->lines = lines;
	for (int i = 0; i < AP_LINES; i++)
		s->of[i] = (struct ap_source){.ssrc = lines[i].remote_ssrc, .rtx_ssrc = lines[i].remote_rtx_ssrc};
}

static bool sends(const struct ap_leg_line *line)
{
	return line->present && line->from_client;
}

static bool by_ssrc(const struct ap_sources *s, uint32_t ssrc, struct ap_origin *origin)
{
	for (int i = 0; i < AP_LINES; i++) {
		if (!sends(&s->lines[i]) || (s->of[i].ssrc != ssrc && s->of[i].rtx_ssrc != ssrc))
			continue;
		*origin = (struct ap_origin){.line = (enum ap_line)i, .rtx = s->of[i].rtx_ssrc == ssrc};
		return true;
	}
	return false;
}

static bool has_pt(const struct ap_leg_line *line, uint8_t pt)
{
	return sends(line) && (line->pt == pt || (line->rtx_pt && line->rtx_pt == pt));
}

static int by_mid(const struct ap_sources *s, const struct ap_rtp *rtp)
{
	for (int i = 0; i < AP_LINES; i++) {
		const struct ap_leg_line *line = &s->lines[i];
		struct ap_rtp_exts exts;
		if (!line->present || !line->ext[AP_EXT_MID])
			continue;
		ap_rtp_find_exts(rtp, line->ext, &exts);
		if (exts.value[AP_EXT_MID] && exts.len[AP_EXT_MID] == strlen(line->mid) &&
		    memcmp(exts.value[AP_EXT_MID], line->mid, exts.len[AP_EXT_MID]) == 0)
			return has_pt(line, rtp->pt) ? i : -1;
	}
	return -1;
}

static int by_pt(const struct ap_sources *s, uint8_t pt)
{
	int found = -1;
	for (int i = 0; i < AP_LINES; i++) {
		if (!has_pt(&s->lines[i], pt))
			continue;
		if (found >= 0)
			return -1;
		found = i;
	}
	return found;
}

bool ap_sources_find(struct ap_sources *s, const struct ap_rtp *rtp, struct ap_origin *ret_origin)
{
	if (!rtp->ssrc)
		return false;
	if (by_ssrc(s, rtp->ssrc, ret_origin))
		return rtp->pt == (ret_origin->rtx ? s->lines[ret_origin->line].rtx_pt : s->lines[ret_origin->line].pt);
	int line = by_mid(s, rtp);
	if (line < 0)
		line = by_pt(s, rtp->pt);
	if (line < 0 || s->of[line].left == rtp->ssrc)
		return false;
	struct ap_source *source = &s->of[line];
	bool rtx = rtp->pt != s->lines[line].pt;
	if (rtx) {
		source->rtx_ssrc = rtp->ssrc;
	} else {
		source->left = source->ssrc;
		source->ssrc = rtp->ssrc;
	}
	*ret_origin = (struct ap_origin){.line = (enum ap_line)line, .rtx = rtx, .fresh = true};
	return true;
}
