/*
 * Translating RTCP. What comes out is well-formed, no longer than what came in, and speaks only of what the peer knows;
 * a second translation between sides that call everything alike changes nothing; a lost number that the peer is asked
 * for is one that was asked of us. The input's last byte says how the two sides number.
 */
#include "fuzz.h"

#include "gateway/rtcp.h"
#include "rtcp_check.h"

#include <string.h>

enum { CAMERA = 1, CAMERA_RTX = 2, AUDIO = 3, OUR_CAMERA = 0x21, OUR_RTX = 0x22, OUR_AUDIO = 0x23, US = 0xa0 };

struct numbering {
	struct ap_seqmap camera, rtx, twcc;
};

static void number(struct ap_seqmap *m, uint16_t first, uint16_t last)
{
	uint16_t out;
	(void)ap_seqmap_forward(m, first, &out);
	for (uint32_t at = first; (uint16_t)(last - at) > 0x4000; at += 0x4000)
		(void)ap_seqmap_forward(m, (uint16_t)at, &out);
	(void)ap_seqmap_forward(m, last, &out);
}

/* Bits: 0 a second source, 1 RTX not sent yet, 3 numbers that wrap. */
static void set_up(struct numbering *n, uint8_t how)
{
	uint16_t last = how & 8 ? 700 : 30000;
	*n = (struct numbering){0};
	number(&n->camera, how & 8 ? 65000 : 0, last);
	number(&n->twcc, 0, last);
	if (!(how & 2))
		number(&n->rtx, 0, last);
	if (!(how & 1))
		return;
	ap_seqmap_unbind(&n->camera);
	number(&n->camera, 5000, 9000);
	ap_seqmap_unbind(&n->twcc);
	number(&n->twcc, 65500, 40);
}

/* Bits: 2 no transport-wide numbers, 4 the peer has no RTX, 5 nothing sent, 6 nothing received. */
static struct ap_rtcp_map the_map(const struct numbering *n, uint8_t how)
{
	bool nack = !(how & 16);
	return (struct ap_rtcp_map){
		.sent = {{CAMERA, 0xa1, 500, AP_LINE_CAMERA, false},
			 {CAMERA_RTX, 0xa2, 500, AP_LINE_CAMERA, true},
			 {AUDIO, 0xa3, 0xffffff00, AP_LINE_AUDIO, false}},
		.sents = how & 32 ? 0 : 3,
		.got = {{OUR_CAMERA, 0xb1, &n->camera, AP_LINE_CAMERA, false, nack},
			{OUR_RTX, 0xb2, &n->rtx, AP_LINE_CAMERA, true, false},
			{OUR_AUDIO, 0xb3, &n->twcc, AP_LINE_AUDIO, false, false}},
		.gots = how & 64 ? 0 : 3,
		.twcc = how & 4 ? NULL : &n->twcc,
		.our_ssrc = US};
}

static struct ap_seqmap same_numbers(const struct ap_seqmap *m)
{
	return (struct ap_seqmap){.used = m->used, .bound = m->bound, .in_high = m->in_high, .out_high = m->in_high};
}

/* The sides that follow: what the first translation wrote is their own language already. */
static void make_plain(const struct numbering *n, struct numbering *plain, struct ap_rtcp_map *map)
{
	*plain = (struct numbering){same_numbers(&n->camera), same_numbers(&n->rtx), same_numbers(&n->twcc)};
	const struct ap_seqmap *seqs[] = {&plain->camera, &plain->rtx, &plain->twcc};
	for (size_t i = 0; i < map->sents; i++)
		map->sent[i] = (struct ap_rtcp_sent){
			map->sent[i].our_ssrc, map->sent[i].our_ssrc, 0, map->sent[i].line, map->sent[i].rtx};
	for (size_t i = 0; i < map->gots; i++) {
		map->got[i].our_ssrc = map->got[i].ssrc;
		map->got[i].seq = seqs[i];
	}
	if (map->twcc)
		map->twcc = &plain->twcc;
}

static void check_reports(const struct ap_rtcp_seen *seen)
{
	g_assert_true(seen->srs <= AP_LINES && seen->keyframes >> AP_LINES == 0);
	for (size_t i = 0; i < seen->srs; i++) {
		struct ap_reader r = ap_reader_over(seen->sr[i].bytes, AP_RTCP_SR_SIZE);
		g_assert_true(ap_read_u32(&r) == 0x80c80006);
		g_assert_true(ap_read_u32(&r) == (seen->sr[i].line == AP_LINE_AUDIO ? AUDIO : CAMERA));
	}
}

/* Marks in `set` the camera's numbers that the packet reports lost, put through `m` if given; or checks that they are. */
static void lost_numbers(const uint8_t *data, size_t len, uint32_t ssrc, const struct ap_seqmap *m, uint8_t *set, bool check)
{
	struct ap_reader all = ap_reader_over(data, len);
	while (ap_reader_left(&all) > 0) {
		unsigned first = ap_read_u8(&all), type = ap_read_u8(&all);
		struct ap_reader body = ap_read_sub(&all, 4u * ap_read_u16(&all));
		if (type != 205 || (first & 31) != 1)
			continue;
		if (first & 0x20 && body.len > 0 && body.data[body.len - 1] <= body.len)
			body.len -= body.data[body.len - 1];
		ap_read_skip(&body, 4);
		if (ap_read_u32(&body) != ssrc)
			continue;
		while (ap_reader_left(&body) >= 4) {
			uint16_t pid = ap_read_u16(&body), mask = ap_read_u16(&body), out;
			for (uint16_t i = 0; i <= 16; i++) {
				if (i > 0 && !(mask >> (i - 1) & 1))
					continue;
				out = (uint16_t)(pid + i);
				g_assert_true(!m || ap_seqmap_peek(m, out, &out));
				g_assert_true(!check || set[out / 8] >> (out % 8) & 1);
				set[out / 8] |= (uint8_t)(1u << (out % 8));
			}
		}
	}
}

static void check_losses(const uint8_t *in, size_t in_len, const uint8_t *out, size_t out_len, const struct ap_seqmap *m)
{
	static uint8_t asked[8192];
	if (!memchr(out, 205, out_len))
		return;
	memset(asked, 0, sizeof asked);
	lost_numbers(in, in_len, OUR_CAMERA, NULL, asked, false);
	lost_numbers(out, out_len, 0xb1, m, asked, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rtcp_known known = {
		{0xa0, 0xa1, 0xa2, 0xa3}, {0xb1, 0xb2, 0xb3}, 4, 3};
	uint8_t once[2048], twice[2048];
	struct numbering n, plain;
	struct ap_rtcp_seen seen;
	if (size < 1 || --size > sizeof once)
		return 0;
	uint8_t how = data[size];
	set_up(&n, how);
	struct ap_rtcp_map map = the_map(&n, how);
	struct ap_writer w = ap_writer_over(once, sizeof once), again = ap_writer_over(twice, sizeof twice);
	if (!ap_rtcp_translate(data, size, &map, &w, &seen))
		return 0;
	g_assert_true(!w.bad && w.len <= size && w.len % 4 == 0);
	check_reports(&seen);
	rtcp_check(once, w.len, &known);
	check_losses(data, size, once, w.len, &n.camera);
	if (w.len == 0)
		return 0;
	make_plain(&n, &plain, &map);
	g_assert_true(ap_rtcp_translate(once, w.len, &map, &again, &seen));
	g_assert_true(again.len == w.len && memcmp(once, twice, w.len) == 0);
	return 0;
}
