#include "gateway/rtp.h"

enum { VERSION_2 = 0x80, PADDING = 0x20, EXTENSION = 0x10, MARKER = 0x80 };
enum { ONE_BYTE = 0xbede, TWO_BYTE = 0x1000, TWO_BYTE_MASK = 0xfff0, ONE_BYTE_STOP = 15 };

static void parse_block(struct ap_reader *r, struct ap_rtp *rtp)
{
	rtp->profile = ap_read_u16(r);
	size_t words = ap_read_u16(r);
	rtp->ext = ap_read_sub(r, words * 4);
}

/* The padding count stands in the last byte and counts itself (RFC 3550 §5.1). */
static bool parse_padding(const uint8_t *data, size_t len, struct ap_rtp *rtp)
{
	size_t padding = rtp->padded && rtp->payload > 0 ? data[len - 1] : 0;
	if (rtp->padded && (padding == 0 || padding > rtp->payload))
		return false;
	rtp->payload -= padding;
	return true;
}

bool ap_rtp_parse(const uint8_t *data, size_t len, struct ap_rtp *ret_rtp)
{
	struct ap_reader r = ap_reader_over(data, len);
	uint8_t first = ap_read_u8(&r), second = ap_read_u8(&r);
	*ret_rtp = (struct ap_rtp){
		.marker = second & MARKER, .pt = second & 0x7f, .padded = first & PADDING, .csrcs = first & 0x0f};
	ret_rtp->seq = ap_read_u16(&r);
	ret_rtp->ts = ap_read_u32(&r);
	ret_rtp->ssrc = ap_read_u32(&r);
	ret_rtp->csrc = ap_read_span(&r, 4u * ret_rtp->csrcs);
	if (first & EXTENSION)
		parse_block(&r, ret_rtp);
	if (r.bad || (first & 0xc0) != VERSION_2)
		return false;
	ret_rtp->header = r.off;
	ret_rtp->payload = ap_reader_left(&r);
	return parse_padding(data, len, ret_rtp);
}

static void keep(const uint8_t ids[AP_EXTS], uint8_t id, const uint8_t *value, size_t len, struct ap_rtp_exts *exts)
{
	for (int i = 0; i < AP_EXTS && value && len > 0 && len <= AP_EXT_VALUE_MAX; i++) {
		if (ids[i] == id && id != 0) {
			exts->value[i] = value;
			exts->len[i] = (uint8_t)len;
		}
	}
}

static void find_one_byte(struct ap_reader r, const uint8_t ids[AP_EXTS], struct ap_rtp_exts *exts)
{
	while (ap_reader_left(&r) > 0) {
		uint8_t b = ap_read_u8(&r), id = b >> 4;
		if (id == ONE_BYTE_STOP)
			return;
		if (id == 0) /* padding */
			continue;
		size_t len = (b & 0x0fu) + 1;
		keep(ids, id, ap_read_span(&r, len), len, exts);
	}
}

static void find_two_byte(struct ap_reader r, const uint8_t ids[AP_EXTS], struct ap_rtp_exts *exts)
{
	while (ap_reader_left(&r) > 0) {
		uint8_t id = ap_read_u8(&r);
		if (id == 0)
			continue;
		size_t len = ap_read_u8(&r);
		keep(ids, id, ap_read_span(&r, len), len, exts);
	}
}

void ap_rtp_find_exts(const struct ap_rtp *rtp, const uint8_t ids[AP_EXTS], struct ap_rtp_exts *ret_exts)
{
	*ret_exts = (struct ap_rtp_exts){0};
	if (rtp->profile == ONE_BYTE)
		find_one_byte(rtp->ext, ids, ret_exts);
	else if ((rtp->profile & TWO_BYTE_MASK) == TWO_BYTE)
		find_two_byte(rtp->ext, ids, ret_exts);
}

/* The one-byte form has no elements without a value (RFC 8285 §4.2): a line without a mid has none to tell. */
static bool is_sent(const struct ap_rtp_exts *exts, int i, const uint8_t ids[AP_EXTS])
{
	return exts->value[i] && exts->len[i] > 0 && ids[i];
}

static void write_elements(struct ap_writer *w, const struct ap_rtp_exts *exts, const uint8_t ids[AP_EXTS], bool wide)
{
	for (int i = 0; i < AP_EXTS; i++) {
		if (!is_sent(exts, i, ids))
			continue;
		if (wide) {
			ap_write_u8(w, ids[i]);
			ap_write_u8(w, exts->len[i]);
		} else {
			ap_write_u8(w, (uint8_t)(ids[i] << 4 | (exts->len[i] - 1)));
		}
		ap_write_bytes(w, exts->value[i], exts->len[i]);
	}
}

static void write_block(struct ap_writer *w, const struct ap_rtp_exts *exts, const uint8_t ids[AP_EXTS])
{
	bool any = false, wide = false;
	for (int i = 0; i < AP_EXTS; i++) {
		bool sent = is_sent(exts, i, ids);
		any |= sent;
		wide |= sent && ids[i] >= ONE_BYTE_STOP;
	}
	if (!any)
		return;
	w->data[0] |= EXTENSION;
	ap_write_u16(w, wide ? TWO_BYTE : ONE_BYTE);
	ap_write_u16(w, 0);
	size_t start = w->len;
	write_elements(w, exts, ids, wide);
	ap_write_zero(w, -(w->len - start) & 3);
	ap_write_u16_at(w, start - 2, (uint16_t)((w->len - start) / 4));
}

void ap_rtp_write_header(struct ap_writer *w, const struct ap_rtp *rtp, const struct ap_rtp_exts *exts,
			 const uint8_t ids[AP_EXTS])
{
	ap_write_u8(w, (uint8_t)(VERSION_2 | (rtp->padded ? PADDING : 0) | rtp->csrcs));
	ap_write_u8(w, (uint8_t)((rtp->marker ? MARKER : 0) | rtp->pt));
	ap_write_u16(w, rtp->seq);
	ap_write_u32(w, rtp->ts);
	ap_write_u32(w, rtp->ssrc);
	ap_write_bytes(w, rtp->csrc, 4u * rtp->csrcs);
	if (!w->bad)
		write_block(w, exts, ids);
}
