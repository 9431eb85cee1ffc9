#include "gateway/rtcp.h"

enum { SR = 200, RR = 201, SDES = 202, RTPFB = 205, PSFB = 206 };
enum { NACK = 1, TRANSPORT_CC = 15, PLI = 1, FIR = 4, AFB = 15 };
enum { VERSION_2 = 0x80, PADDING = 0x20, REMB_NAME = 0x52454d42 };

/* One packet of a compound, and where its translation goes. */
struct packet {
	uint8_t count; /* report count or feedback format */
	uint8_t type;
	struct ap_reader body; /* after the 4-byte header, without padding */
	const struct ap_rtcp_map *map;
	struct ap_writer *out;
	struct ap_rtcp_seen *seen;
};

static const struct ap_rtcp_sent *find_sent(const struct ap_rtcp_map *map, uint32_t ssrc)
{
	for (size_t i = 0; i < map->sents; i++)
		if (map->sent[i].ssrc == ssrc)
			return &map->sent[i];
	return NULL;
}

static const struct ap_rtcp_got *find_got(const struct ap_rtcp_map *map, uint32_t our_ssrc)
{
	for (size_t i = 0; i < map->gots; i++)
		if (map->got[i].our_ssrc == our_ssrc)
			return &map->got[i];
	return NULL;
}

/* The SSRC under which the peer knows the one that speaks. */
static uint32_t speaker(const struct ap_rtcp_map *map, uint32_t ssrc)
{
	const struct ap_rtcp_sent *sent = find_sent(map, ssrc);
	return sent ? sent->our_ssrc : map->our_ssrc;
}

static size_t begin(const struct packet *p)
{
	ap_write_u8(p->out, (uint8_t)(VERSION_2 | p->count));
	ap_write_u8(p->out, p->type);
	ap_write_u16(p->out, 0);
	return p->out->len - 4;
}

static void finish(const struct packet *p, size_t start)
{
	if (!p->out->bad)
		ap_write_u16_at(p->out, start + 2, (uint16_t)((p->out->len - start) / 4 - 1));
}

/* Takes back a packet of which nothing was left. */
static void cancel(const struct packet *p, size_t start)
{
	if (!p->out->bad)
		p->out->len = start;
}

/* Report blocks: RFC 3550 §6.4.1. The highest sequence number is put back in the source's own numbering. */
static uint8_t write_blocks(struct packet *p)
{
	uint8_t kept = 0;
	for (uint8_t i = 0; i < p->count; i++) {
		uint32_t ssrc = ap_read_u32(&p->body), lost = ap_read_u32(&p->body), high = ap_read_u32(&p->body);
		const uint8_t *rest = ap_read_span(&p->body, 12);
		const struct ap_rtcp_got *got = find_got(p->map, ssrc);
		if (p->body.bad || !got || !ap_seqmap_back(got->seq, (uint16_t)high, &high))
			continue;
		ap_write_u32(p->out, got->ssrc);
		ap_write_u32(p->out, lost);
		ap_write_u32(p->out, high);
		ap_write_bytes(p->out, rest, 12);
		kept++;
	}
	return kept;
}

static void end_report(struct packet *p, size_t start, uint8_t kept)
{
	if (!p->out->bad)
		p->out->data[start] = (uint8_t)(VERSION_2 | kept);
	finish(p, start);
}

static void note_sr(struct packet *p, const struct ap_rtcp_sent *sent, const uint8_t *info)
{
	if (sent->rtx || p->seen->srs == AP_LINES)
		return;
	struct ap_rtcp_sr *sr = &p->seen->sr[p->seen->srs++];
	sr->line = sent->line;
	struct ap_writer w = ap_writer_over(sr->bytes, sizeof sr->bytes);
	ap_write_u8(&w, VERSION_2);
	ap_write_u8(&w, SR);
	ap_write_u16(&w, AP_RTCP_SR_SIZE / 4 - 1);
	ap_write_u32(&w, sent->ssrc);
	ap_write_bytes(&w, info, 20);
}

static void sender_report(struct packet *p)
{
	const struct ap_rtcp_sent *sent = find_sent(p->map, ap_read_u32(&p->body));
	const uint8_t *info = ap_read_span(&p->body, 20);
	if (!info)
		return;
	if (!sent) /* a source we do not carry: what it reports may matter still */
		p->type = RR;
	size_t start = begin(p);
	ap_write_u32(p->out, sent ? sent->our_ssrc : p->map->our_ssrc);
	if (sent) {
		note_sr(p, sent, info);
		struct ap_reader r = ap_reader_over(info, 20);
		ap_write_u64(p->out, ap_read_u64(&r));
		ap_write_u32(p->out, ap_read_u32(&r) + sent->ts_delta);
		ap_write_bytes(p->out, info + 12, 8);
	}
	end_report(p, start, write_blocks(p));
}

static void receiver_report(struct packet *p)
{
	size_t start = begin(p);
	ap_write_u32(p->out, speaker(p->map, ap_read_u32(&p->body)));
	end_report(p, start, write_blocks(p));
}

/* One item list, which ends with a zero byte and is padded to 32 bits (RFC 3550 §6.5). */
static const uint8_t *read_items(struct ap_reader *r, size_t *ret_len)
{
	size_t start = r->off;
	const uint8_t *at = r->data + start;
	while (!r->bad && ap_read_u8(r) != 0)
		ap_read_skip(r, ap_read_u8(r));
	ap_read_skip(r, -(r->off - start) & 3);
	*ret_len = r->off - start;
	return r->bad ? NULL : at;
}

static void description(struct packet *p)
{
	uint8_t kept = 0;
	size_t start = begin(p);
	for (uint8_t i = 0; i < p->count && !p->body.bad; i++) {
		uint32_t ssrc = speaker(p->map, ap_read_u32(&p->body));
		size_t len = 0;
		const uint8_t *items = read_items(&p->body, &len);
		if (!items)
			break;
		ap_write_u32(p->out, ssrc);
		ap_write_bytes(p->out, items, len);
		kept++;
	}
	if (kept)
		end_report(p, start, kept);
	else
		cancel(p, start);
}

/* A lost number and the bitmask of the sixteen after it; those of an earlier source are gone for good. */
static bool nack_back(const struct ap_rtcp_got *got, uint16_t *pid, uint16_t *blp)
{
	uint32_t first = 0, in = 0;
	bool any = false;
	uint16_t mask = 0;
	for (uint16_t i = 0; i <= 16; i++) {
		if ((i > 0 && !(*blp >> (i - 1) & 1)) || !ap_seqmap_back(got->seq, (uint16_t)(*pid + i), &in))
			continue;
		if (any)
			mask |= (uint16_t)(1u << (in - first - 1));
		else
			first = in;
		any = true;
	}
	*pid = (uint16_t)first;
	*blp = mask;
	return any;
}

static void write_nacks(struct packet *p, const struct ap_rtcp_got *got)
{
	while (ap_reader_left(&p->body) >= 4) {
		uint16_t pid = ap_read_u16(&p->body), blp = ap_read_u16(&p->body);
		if (!nack_back(got, &pid, &blp))
			continue;
		ap_write_u16(p->out, pid);
		ap_write_u16(p->out, blp);
	}
}

static void nack(struct packet *p, uint32_t from, uint32_t media)
{
	const struct ap_rtcp_got *got = find_got(p->map, media);
	if (!got || !got->nack || got->rtx)
		return;
	size_t start = begin(p);
	ap_write_u32(p->out, from);
	ap_write_u32(p->out, got->ssrc);
	size_t empty = p->out->len;
	write_nacks(p, got);
	if (p->out->len > empty)
		finish(p, start);
	else
		cancel(p, start);
}

/* Fills the last word as it was filled when it came: the count in its last byte. */
static void pad(const struct packet *p, size_t start)
{
	size_t padding = -(p->out->len - start) & 3;
	if (padding == 0)
		return;
	ap_write_zero(p->out, padding - 1);
	ap_write_u8(p->out, (uint8_t)padding);
	if (!p->out->bad)
		p->out->data[start] |= PADDING;
}

/* Only the base number is absolute; what follows counts from it. */
static void transport_cc(struct packet *p, uint32_t from, uint32_t media)
{
	uint32_t base = ap_read_u16(&p->body);
	const struct ap_rtcp_got *got = find_got(p->map, media);
	if (!p->map->twcc || p->map->gots == 0 || !ap_seqmap_back(p->map->twcc, (uint16_t)base, &base))
		return;
	size_t start = begin(p), left = ap_reader_left(&p->body);
	ap_write_u32(p->out, from);
	ap_write_u32(p->out, got ? got->ssrc : p->map->got[0].ssrc);
	ap_write_u16(p->out, (uint16_t)base);
	ap_write_bytes(p->out, ap_read_span(&p->body, left), left);
	pad(p, start);
	finish(p, start);
}

static void remb(struct packet *p, uint32_t from)
{
	if (ap_read_u32(&p->body) != REMB_NAME)
		return;
	uint8_t listed = ap_read_u8(&p->body), kept = 0;
	uint32_t bitrate = ap_read_u24(&p->body);
	size_t start = begin(p);
	ap_write_u32(p->out, from);
	ap_write_u32(p->out, 0);
	ap_write_u32(p->out, REMB_NAME);
	ap_write_u32(p->out, bitrate);
	for (uint8_t i = 0; i < listed && !p->body.bad; i++) {
		const struct ap_rtcp_got *got = find_got(p->map, ap_read_u32(&p->body));
		if (!got)
			continue;
		ap_write_u32(p->out, got->ssrc);
		kept++;
	}
	if (kept && !p->out->bad)
		p->out->data[start + 12 + 4] = kept;
	if (kept)
		finish(p, start);
	else
		cancel(p, start);
}

static void ask_keyframe(struct packet *p, uint32_t our_ssrc)
{
	const struct ap_rtcp_got *got = find_got(p->map, our_ssrc);
	if (got)
		p->seen->keyframes |= 1u << got->line;
}

static void full_intra_requests(struct packet *p)
{
	while (ap_reader_left(&p->body) >= 8) {
		ask_keyframe(p, ap_read_u32(&p->body));
		ap_read_skip(&p->body, 4);
	}
}

static void feedback(struct packet *p)
{
	uint32_t from = speaker(p->map, ap_read_u32(&p->body)), media = ap_read_u32(&p->body);
	if (p->body.bad)
		return;
	if (p->type == RTPFB && p->count == NACK)
		nack(p, from, media);
	else if (p->type == RTPFB && p->count == TRANSPORT_CC)
		transport_cc(p, from, media);
	else if (p->type == PSFB && p->count == PLI)
		ask_keyframe(p, media);
	else if (p->type == PSFB && p->count == FIR)
		full_intra_requests(p);
	else if (p->type == PSFB && p->count == AFB)
		remb(p, from);
}

static void translate_one(struct packet *p)
{
	switch (p->type) {
	case SR:
		sender_report(p);
		break;
	case RR:
		receiver_report(p);
		break;
	case SDES:
		description(p);
		break;
	case RTPFB:
	case PSFB:
		feedback(p);
		break;
	default:
		break;
	}
}

/* The last byte of a padded packet counts the padding, itself included. Browsers pad transport-cc by one to three
 * bytes, so what is left need not be whole words. */
static bool strip_padding(struct ap_reader *body)
{
	size_t padding = body->len > 0 ? body->data[body->len - 1] : 0;
	if (padding == 0 || padding > body->len)
		return false;
	body->len -= padding;
	return true;
}

bool ap_rtcp_translate(const uint8_t *data, size_t len, const struct ap_rtcp_map *map, struct ap_writer *out,
		       struct ap_rtcp_seen *ret_seen)
{
	struct ap_reader r = ap_reader_over(data, len);
	*ret_seen = (struct ap_rtcp_seen){0};
	while (ap_reader_left(&r) > 0) {
		uint8_t first = ap_read_u8(&r), type = ap_read_u8(&r);
		size_t words = ap_read_u16(&r);
		struct packet p = {.count = first & 0x1f, .type = type, .map = map, .out = out, .seen = ret_seen};
		p.body = ap_read_sub(&r, words * 4);
		if (r.bad || (first & 0xc0) != VERSION_2 || ((first & PADDING) && !strip_padding(&p.body)))
			return false;
		translate_one(&p);
		if (p.body.bad || out->bad)
			return false;
	}
	return len > 0;
}

/* A reduced compound begins with a report all the same (RFC 4585 §3.1). */
static void write_empty_report(struct ap_writer *w, uint32_t sender_ssrc)
{
	ap_write_u8(w, VERSION_2);
	ap_write_u8(w, RR);
	ap_write_u16(w, 1);
	ap_write_u32(w, sender_ssrc);
}

void ap_rtcp_write_pli(struct ap_writer *w, uint32_t sender_ssrc, uint32_t media_ssrc)
{
	write_empty_report(w, sender_ssrc);
	ap_write_u8(w, VERSION_2 | PLI);
	ap_write_u8(w, PSFB);
	ap_write_u16(w, 2);
	ap_write_u32(w, sender_ssrc);
	ap_write_u32(w, media_ssrc);
}

/* One entry: a number and the bits of those of the sixteen after it that are listed too; how many it took. */
static size_t write_nack_entry(struct ap_writer *w, const uint16_t *seqs, size_t count)
{
	uint16_t mask = 0;
	size_t taken = 1;
	for (; taken < count && (uint16_t)(seqs[taken] - seqs[0]) <= 16; taken++)
		mask |= (uint16_t)(1u << (uint16_t)(seqs[taken] - seqs[0] - 1));
	ap_write_u16(w, seqs[0]);
	ap_write_u16(w, mask);
	return taken;
}

void ap_rtcp_write_nack(struct ap_writer *w, uint32_t sender_ssrc, uint32_t media_ssrc, const uint16_t *seqs,
			size_t count)
{
	write_empty_report(w, sender_ssrc);
	size_t start = w->len;
	ap_write_u8(w, VERSION_2 | NACK);
	ap_write_u8(w, RTPFB);
	ap_write_u16(w, 0);
	ap_write_u32(w, sender_ssrc);
	ap_write_u32(w, media_ssrc);
	for (size_t i = 0; i < count;)
		i += write_nack_entry(w, seqs + i, count - i);
	if (!w->bad)
		ap_write_u16_at(w, start + 2, (uint16_t)((w->len - start) / 4 - 1));
}
