#include "gateway/relay.h"

#include "gateway/call.h"
#include "gateway/demux.h"
#include "gateway/rtcp.h"
#include "gateway/transport.h"

#include <string.h>

enum { OSN = 2, SSRC_AT = 8 };

/* Notes which of both it is. False when it is no media packet. */
static bool is_media(struct ap_packet *p, enum ap_demux kind)
{
	p->leg = NULL;
	p->kind = kind == AP_DEMUX_RTCP ? AP_SRTP_RTCP : AP_SRTP_RTP;
	return kind == AP_DEMUX_RTP || kind == AP_DEMUX_RTCP;
}

static bool take_control(struct ap_worker *w, struct ap_packet *p, enum ap_demux kind)
{
	if (kind == AP_DEMUX_STUN)
		ap_transport_stun(w, p);
	else if (kind == AP_DEMUX_DTLS)
		ap_transport_dtls(w, p);
	else
		ap_count(&w->counters, AP_COUNT_DROP_UNKNOWN);
	return kind == AP_DEMUX_DTLS;
}

/* Control packets are handled at once, media packets moved to the front; the count of those. Legs that control
 * packets end are gone before any media packet names them. */
static size_t sort_out(struct ap_worker *w, size_t count)
{
	uint64_t media[AP_BATCH / 64] = {0};
	for (size_t i = 0; i < count; i++) {
		struct ap_packet *p = &w->packets[i];
		enum ap_demux kind = ap_demux(p->data, p->len);
		if (is_media(p, kind))
			media[i / 64] |= 1ull << (i % 64);
		else
			(void)take_control(w, p, kind);
	}
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		if (media[i / 64] >> (i % 64) & 1)
			w->order[n++] = &w->packets[i];
	return n;
}

static void count_refused(struct ap_worker *w, enum ap_srtp_verdict verdict)
{
	ap_count(&w->counters, verdict == AP_SRTP_REPLAYED ? AP_COUNT_DROP_REPLAYED : AP_COUNT_DROP_FORGED);
}

/*
 * Whose packet this would be if it proves authentic, though no check ever came from there: a NAT that forgot its mapping
 * changes a client's address in the midst of its media, and its next check may be six seconds away. Nothing is sent
 * there before that check.
 */
static struct ap_leg *stray_leg(const struct ap_worker *w, const struct ap_packet *p)
{
	struct ap_reader r = ap_reader_over(p->data, p->len);
	if (p->path.tcp || p->kind != AP_SRTP_RTP)
		return NULL;
	ap_read_skip(&r, SSRC_AT);
	return g_hash_table_lookup(w->sources, GUINT_TO_POINTER(ap_read_u32(&r)));
}

/*
 * More than any client sends: a picture of 20 Mbit/s is 2,000 packets a second. What is beyond is dropped unread, so that
 * one person's flood takes no other call's time. Only what proved authentic is charged, and what comes from new addresses
 * apart: nobody else can spend a client's budget.
 */
static const struct ap_budget_rule PACKETS = {.each_ns = 1000000000 / 4000, .at_once_ns = 500000000};

static bool unprotect(struct ap_worker *w, struct ap_packet *p)
{
	p->leg = ap_transport_leg(w, &p->path);
	bool stray = !p->leg;
	if (stray)
		p->leg = stray_leg(w, p);
	if (!p->leg || !p->leg->inward) {
		ap_count(&w->counters, AP_COUNT_DROP_UNKNOWN);
		return false;
	}
	struct ap_budget *budget = stray ? &p->leg->strays : &p->leg->packets;
	if (!ap_budget_left(budget, &PACKETS, w->now_ns)) {
		ap_count(&w->counters, AP_COUNT_DROP_RATE);
		return false;
	}
	enum ap_srtp_verdict verdict = ap_srtp_unprotect(p->leg->inward, p->kind, p->data, &p->len);
	if (verdict != AP_SRTP_OK) {
		count_refused(w, verdict);
		return false;
	}
	ap_budget_spend(budget, &PACKETS, w->now_ns);
	ap_leg_heard(p->leg, &p->path);
	return true;
}

static struct ap_tap_from tap_from(const struct ap_worker *w, const struct ap_leg *leg, enum ap_line line)
{
	return (struct ap_tap_from){.role = leg->role, .line = line, .arrival_ns = w->now_ns};
}

/* Which packet came for the recording: for a repeated one that is the number in its payload. */
static void note_came(const struct ap_worker *w, const struct ap_packet *p)
{
	struct ap_repair *repair = &p->leg->call->repairs[ap_side(p->leg->role)][p->line];
	struct ap_reader r = ap_reader_over(p->data + p->rtp.header, p->rtp.payload);
	if (!p->rtx)
		ap_repair_note(repair, p->rtp.seq, w->now_ns);
	else if (p->rtp.payload > OSN) /* a probe without payload repeats nothing */
		ap_repair_found(repair, ap_read_u16(&r));
}

static void tap_rtp(struct ap_worker *w, const struct ap_packet *p)
{
	struct ap_tap *tap = p->leg->call->tap;
	if (!tap)
		return;
	struct ap_tap_from from = tap_from(w, p->leg, p->line);
	uint32_t primary = p->leg->sources.of[p->line].ssrc;
	if (p->line != AP_LINE_AUDIO)
		note_came(w, p);
	if (!p->rtx)
		ap_tap_rtp(w->taps, tap, &from, p->data, &p->rtp);
	else if (primary)
		ap_tap_rtx(w->taps, tap, &from, p->data, &p->rtp, primary);
}

/* Finds what an RTP packet is; it stays as it came. */
static bool classify_rtp(struct ap_worker *w, struct ap_packet *p)
{
	struct ap_origin origin;
	if (!ap_rtp_parse(p->data, p->len, &p->rtp)) {
		ap_count(&w->counters, AP_COUNT_DROP_MALFORMED);
		return false;
	}
	if (!ap_sources_find(&p->leg->sources, &p->rtp, &origin)) {
		ap_count(&w->counters, AP_COUNT_DROP_UNMAPPED);
		return false;
	}
	struct ap_call *call = p->leg->call;
	unsigned side = ap_side(p->leg->role);
	if (origin.fresh && !origin.rtx) {
		ap_stream_unbind(&call->streams[side][origin.line]);
		if (call->repairs)
			ap_repair_restart(&call->repairs[side][origin.line]);
	} else if (origin.fresh) {
		ap_seqmap_unbind(&call->streams[side][origin.line].rtx);
	}
	if (origin.fresh)
		ap_leg_list_source(p->leg, origin.line, origin.rtx, p->rtp.ssrc);
	p->line = origin.line;
	p->rtx = origin.rtx;
	tap_rtp(w, p);
	return true;
}

/* The streams the peer receives from this leg, and the other way round, for a packet of the leg's RTCP. */
static void describe(const struct ap_leg *leg, const struct ap_leg *peer, struct ap_rtcp_map *map)
{
	const struct ap_call *call = leg->call;
	unsigned side = ap_side(leg->role);
	*map = (struct ap_rtcp_map){.twcc = &call->twcc[1 - side]};
	for (int i = 0; i < AP_LINES; i++) {
		const struct ap_leg_line *mine = &leg->lines[i], *theirs = &peer->lines[i];
		const struct ap_source *sent = &leg->sources.of[i], *got = &peer->sources.of[i];
		const struct ap_stream *in = &call->streams[side][i], *out = &call->streams[1 - side][i];
		enum ap_line line = (enum ap_line)i;
		if (!mine->present || !theirs->present)
			continue;
		if (!map->our_ssrc)
			map->our_ssrc = theirs->local_ssrc;
		if (sent->ssrc)
			map->sent[map->sents++] =
				(struct ap_rtcp_sent){sent->ssrc, theirs->local_ssrc, in->ts_delta, line, false};
		if (sent->rtx_ssrc && theirs->local_rtx_ssrc)
			map->sent[map->sents++] =
				(struct ap_rtcp_sent){sent->rtx_ssrc, theirs->local_rtx_ssrc, in->ts_delta, line, true};
		if (got->ssrc)
			map->got[map->gots++] = (struct ap_rtcp_got){
				mine->local_ssrc, got->ssrc, &out->seq, line, false, theirs->nack && theirs->rtx_pt};
		if (got->rtx_ssrc && mine->local_rtx_ssrc)
			map->got[map->gots++] =
				(struct ap_rtcp_got){mine->local_rtx_ssrc, got->rtx_ssrc, &out->rtx, line, true, false};
	}
}

static void tap_reports(struct ap_worker *w, const struct ap_packet *p, struct ap_rtcp_seen *seen)
{
	struct ap_tap *tap = p->leg->call->tap;
	for (size_t i = 0; tap && i < seen->srs; i++) {
		struct ap_tap_from from = tap_from(w, p->leg, seen->sr[i].line);
		ap_tap_sr(w->taps, tap, &from, seen->sr[i].bytes, sizeof seen->sr[i].bytes);
	}
}

/* Leaves the translated packet, if there is anything left, in place of the received one. */
static bool translate_rtcp(struct ap_worker *w, struct ap_packet *p)
{
	struct ap_leg *peer = ap_leg_peer(p->leg);
	struct ap_rtcp_map map;
	struct ap_rtcp_seen seen;
	uint8_t bytes[AP_PACKET_MAX];
	if (!peer)
		return false;
	describe(p->leg, peer, &map);
	struct ap_writer out = ap_writer_over(bytes, sizeof bytes);
	if (!ap_rtcp_translate(p->data, p->len, &map, &out, &seen)) {
		ap_count(&w->counters, AP_COUNT_DROP_MALFORMED);
		return false;
	}
	tap_reports(w, p, &seen);
	for (int i = 0; i < AP_LINES; i++)
		if (seen.keyframes >> i & 1)
			ap_leg_want_keyframe(peer, (enum ap_line)i);
	p->len = out.len;
	return out.len > 0 && ap_copy(p->data, AP_PACKET_MAX, bytes, out.len);
}

/* The number inside an RTX packet's payload, replaced in place. Empty ones (bandwidth probes) have none. */
static bool rewrite_rtx(struct ap_stream *stream, struct ap_packet *p)
{
	uint8_t *at = p->data + p->rtp.header;
	if (p->rtp.payload < OSN)
		return stream->seq.bound && ap_seqmap_forward(&stream->rtx, p->rtp.seq, &p->rtp.seq);
	struct ap_reader r = ap_reader_over(at, OSN);
	uint16_t osn = ap_read_u16(&r);
	if (!ap_stream_forward_rtx(stream, &p->rtp, &osn))
		return false;
	struct ap_writer w = ap_writer_over(at, OSN);
	ap_write_u16(&w, osn);
	return true;
}

static bool has_rtx(const struct ap_leg_line *to)
{
	return to->rtx_pt && to->local_rtx_ssrc;
}

/* For a client without RTX a repeat becomes the packet it repeats: what was lost on the way to us gets there all the
 * same. What was sent to it before is refused by SRTP: a number never leaves twice, least of all with other bytes. */
static bool unwrap_rtx(const struct ap_stream *stream, struct ap_packet *p)
{
	struct ap_reader r = ap_reader_over(p->data + p->rtp.header, OSN);
	if (!stream->seq.bound || p->rtp.payload <= OSN)
		return false;
	p->rtp.seq = ap_read_u16(&r);
	p->rtp.header += OSN;
	p->rtp.payload -= OSN;
	p->rtx = false;
	return true;
}

/* Values that differ between the sides; `room` holds the new transport-wide number while the header is written. */
static void rewrite_exts(struct ap_packet *p, struct ap_call *call, unsigned side, const struct ap_leg_line *to,
			 uint8_t room[2])
{
	struct ap_rtp_exts *e = &p->exts;
	if (e->value[AP_EXT_MID]) {
		e->value[AP_EXT_MID] = (const uint8_t *)to->mid;
		e->len[AP_EXT_MID] = (uint8_t)strlen(to->mid);
	}
	e->value[AP_EXT_RID] = NULL;
	if (!e->value[AP_EXT_TWCC] || !to->ext[AP_EXT_TWCC])
		return;
	struct ap_reader r = ap_reader_over(e->value[AP_EXT_TWCC], e->len[AP_EXT_TWCC]);
	struct ap_writer w = ap_writer_over(room, 2);
	uint16_t number = ap_read_u16(&r);
	e->value[AP_EXT_TWCC] = !r.bad && ap_seqmap_forward(&call->twcc[side], number, &number) ? room : NULL;
	e->len[AP_EXT_TWCC] = 2;
	ap_write_u16(&w, number);
}

/* Puts the new header right before the payload. */
static bool place_header(struct ap_packet *p, const struct ap_leg_line *to)
{
	uint8_t header[AP_RTP_HEADER_MAX];
	struct ap_writer w = ap_writer_over(header, sizeof header);
	ap_rtp_write_header(&w, &p->rtp, &p->exts, to->ext);
	size_t payload_at = (size_t)(p->data - p->buffer) + p->rtp.header;
	if (w.bad || w.len > payload_at)
		return false;
	size_t rest = p->len - p->rtp.header;
	p->data = p->buffer + payload_at - w.len;
	p->len = w.len + rest;
	return ap_copy(p->data, w.len, header, w.len);
}

static bool may_go(const struct ap_leg *peer, const struct ap_packet *p)
{
	const struct ap_leg_line *to = &peer->lines[p->line];
	return to->present && to->to_client;
}

static bool rewrite_rtp(struct ap_worker *w, struct ap_packet *p)
{
	struct ap_leg *peer = ap_leg_peer(p->leg);
	struct ap_call *call = p->leg->call;
	unsigned side = ap_side(p->leg->role);
	struct ap_stream *stream = &call->streams[side][p->line];
	const struct ap_leg_line *from = &p->leg->lines[p->line], *to = peer ? &peer->lines[p->line] : NULL;
	uint8_t number[2];
	if (!peer || !peer->outward) {
		ap_count(&w->counters, AP_COUNT_DROP_NO_PEER);
		return false;
	}
	if (!may_go(peer, p) || (p->rtx && !has_rtx(to) && !unwrap_rtx(stream, p)) ||
	    !(p->rtx ? rewrite_rtx(stream, p) : ap_stream_forward(stream, from->clock_rate, w->now_ns, &p->rtp))) {
		ap_count(&w->counters, AP_COUNT_DROP_UNMAPPED);
		return false;
	}
	p->rtp.pt = p->rtx ? to->rtx_pt : to->pt;
	p->rtp.ssrc = p->rtx ? to->local_rtx_ssrc : to->local_ssrc;
	ap_rtp_find_exts(&p->rtp, from->ext, &p->exts);
	rewrite_exts(p, call, side, to, number);
	return place_header(p, to);
}

static bool rewrite(struct ap_worker *w, struct ap_packet *p)
{
	if (p->kind == AP_SRTP_RTP)
		return rewrite_rtp(w, p);
	struct ap_leg *peer = ap_leg_peer(p->leg);
	return peer && peer->outward;
}

/* Protects for the peer and puts it in the outgoing batch. */
static void dispatch(struct ap_worker *w, struct ap_packet *p)
{
	struct ap_leg *peer = ap_leg_peer(p->leg);
	if (ap_srtp_protect(peer->outward, p->kind, p->data, &p->len) != AP_SRTP_OK) {
		ap_count(&w->counters, AP_COUNT_DROP_PROTECT);
		return;
	}
	ap_count(&w->counters, p->kind == AP_SRTP_RTP ? AP_COUNT_FORWARDED : AP_COUNT_RTCP_OUT);
	const struct ap_path *path = peer->selected >= 0 ? &peer->paths[peer->selected].path : NULL;
	if (!path)
		ap_count(&w->counters, AP_COUNT_DROP_NO_PEER);
	else if (path->tcp)
		ap_count(&w->counters,
			 ap_tcp_send(path->tcp, p->data, p->len) ? AP_COUNT_PACKETS_OUT : AP_COUNT_DROP_SEND);
	else
		ap_net_queue(w->net, path, p->data, p->len);
}

/* Keeps the packets a stage lets through, in order. */
static size_t stage(struct ap_worker *w, size_t count, bool (*step)(struct ap_worker *, struct ap_packet *))
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (step(w, w->order[i]))
			w->order[kept++] = w->order[i];
	return kept;
}

static bool classify(struct ap_worker *w, struct ap_packet *p)
{
	return p->kind == AP_SRTP_RTP ? classify_rtp(w, p) : translate_rtcp(w, p);
}

/* Before the packets are overwritten. */
static void flush_taps(struct ap_worker *w, size_t count)
{
	struct ap_tap_flushed flushed = ap_tap_flush(w->taps);
	ap_count_add(&w->counters, AP_COUNT_TAP_PACKETS, flushed.written);
	ap_count_add(&w->counters, AP_COUNT_TAP_DROPPED, flushed.dropped);
	for (size_t i = 0; flushed.lost && i < count; i++)
		ap_call_check_tap(w, w->order[i]->leg->call);
}

/* The first `n` of w->order. */
static void relay(struct ap_worker *w, size_t n)
{
	n = stage(w, n, unprotect);
	n = stage(w, n, classify);
	flush_taps(w, n);
	n = stage(w, n, rewrite);
	for (size_t i = 0; i < n; i++)
		dispatch(w, w->order[i]);
	ap_net_flush(w->net);
}

void ap_relay_batch(struct ap_worker *w, size_t count)
{
	relay(w, sort_out(w, count));
}

bool ap_relay_control(struct ap_worker *w, struct ap_packet *p)
{
	enum ap_demux kind = ap_demux(p->data, p->len);
	if (!is_media(p, kind))
		return take_control(w, p, kind);
	w->order[0] = p;
	relay(w, 1);
	return false;
}
