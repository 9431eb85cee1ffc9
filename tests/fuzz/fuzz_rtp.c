/*
 * RTP headers parsed, rewritten with the other side's extension ids and parsed again: every field and every value known
 * to both sides survives, in the one-byte and the two-byte form, and writing what was read back gives the same bytes.
 * The packet's own SSRC picks the two sides' ids.
 */
#include "fuzz.h"

#include "gateway/rtp.h"

#include <string.h>

enum { PACKET_MAX = 2048 };

static const uint8_t tables[4][AP_EXTS] = {
	{4, 3, 2, 1, 13, 10}, {1, 14, 3, 12, 5, 2}, {1, 20, 3, 14, 15, 255}, {9, 0, 8, 0, 7, 6}};

static void check_parsed(const struct ap_rtp *rtp, const uint8_t *data, size_t size)
{
	g_assert_true(rtp->header >= 12u + 4u * rtp->csrcs && rtp->header + rtp->payload <= size);
	g_assert_true(rtp->header + rtp->payload + (rtp->padded ? 1u : 0u) <= size || rtp->header == size);
	g_assert_true(rtp->csrcs == 0 || rtp->csrc == data + 12);
	g_assert_true(rtp->pt <= 127 && rtp->csrcs <= 15);
}

static void check_borrowed(const struct ap_rtp *rtp, const struct ap_rtp_exts *exts)
{
	for (int i = 0; i < AP_EXTS; i++) {
		g_assert_true((exts->value[i] == NULL) == (exts->len[i] == 0));
		if (!exts->value[i])
			continue;
		g_assert_true(exts->len[i] <= AP_EXT_VALUE_MAX && exts->value[i] >= rtp->ext.data);
		g_assert_true(exts->value[i] + exts->len[i] <= rtp->ext.data + rtp->ext.len);
	}
}

static void check_same(const struct ap_rtp *a, const struct ap_rtp *b)
{
	g_assert_true(a->marker == b->marker && a->pt == b->pt && a->seq == b->seq && a->ts == b->ts);
	g_assert_true(a->ssrc == b->ssrc && a->csrcs == b->csrcs && a->payload == b->payload && a->padded == b->padded);
	g_assert_true(a->csrcs == 0 || memcmp(a->csrc, b->csrc, 4u * a->csrcs) == 0);
}

static void check_values(const struct ap_rtp_exts *had, const struct ap_rtp_exts *has, const uint8_t ids[AP_EXTS])
{
	for (int i = 0; i < AP_EXTS; i++) {
		g_assert_true(has->len[i] == (ids[i] ? had->len[i] : 0));
		g_assert_true(has->len[i] == 0 || memcmp(has->value[i], had->value[i], has->len[i]) == 0);
	}
}

/* The packet with a new header; what follows the old one stays as it is, as in the relay. */
static size_t rewrite(uint8_t *packet, const struct ap_rtp *rtp, const struct ap_rtp_exts *exts, const uint8_t *ids,
		      const uint8_t *data, size_t size)
{
	struct ap_writer w = ap_writer_over(packet, AP_RTP_HEADER_MAX);
	ap_rtp_write_header(&w, rtp, exts, ids);
	g_assert_true(!w.bad && w.len % 4 == 0);
	g_assert_true(ap_copy(packet + w.len, PACKET_MAX, data + rtp->header, size - rtp->header));
	return w.len + size - rtp->header;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t packet[AP_RTP_HEADER_MAX + PACKET_MAX], second[AP_RTP_HEADER_MAX + PACKET_MAX];
	struct ap_rtp rtp, again;
	struct ap_rtp_exts exts, found;
	if (size > PACKET_MAX || !ap_rtp_parse(data, size, &rtp))
		return 0;
	const uint8_t *from = tables[rtp.ssrc & 3], *to = tables[rtp.ssrc >> 2 & 3];
	check_parsed(&rtp, data, size);
	ap_rtp_find_exts(&rtp, from, &exts);
	check_borrowed(&rtp, &exts);

	size_t len = rewrite(packet, &rtp, &exts, to, data, size);
	g_assert_true(ap_rtp_parse(packet, len, &again));
	check_parsed(&again, packet, len);
	check_same(&rtp, &again);
	ap_rtp_find_exts(&again, to, &found);
	check_values(&exts, &found, to);
	g_assert_true(rewrite(second, &again, &found, to, packet, len) == len && memcmp(packet, second, len) == 0);
	return 0;
}
